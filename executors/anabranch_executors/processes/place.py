"""What a worker shares with the driver besides code and values: import path, arguments, working directory, environment, and
which warnings are shown, ignored or errors.

Theory: workers outlive runs, and a user may change directory or `sys.path` between two of them; a relative path or an
import must then mean in the worker what it means in the driver. So the place is taken at the start of each run, and
sent to a worker only if it differs from what that worker has.

Workers that each start as many threads as there are processors slow each other down; so each is told its share.
"""

from __future__ import annotations

import importlib
import os
import pickle
import re
import sys
import warnings
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

from anabranch.machine import usable_cpus

__all__ = ["Place"]

THREADS: Final = (
    "MKL_NUM_THREADS",
    "NUMEXPR_NUM_THREADS",
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "POLARS_MAX_THREADS",
    "RAYON_NUM_THREADS",
    "VECLIB_MAXIMUM_THREADS",
)
"""What numeric libraries ask, when they are first imported, for how many threads to start."""


@dataclass(frozen=True)
class Place:
    """Where code runs; `directory` is None if it has been deleted, and `warnings` are filters as data: action, message,
    category by module and name, module, line.
    """

    path: tuple[str, ...]
    arguments: tuple[str, ...]
    directory: str | None
    environment: dict[str, str]
    warnings: tuple[tuple[str, str, str, str, int], ...]

    @classmethod
    def here(cls, workers: int = 1) -> Place:
        """This process's own, for one of so many workers: numeric libraries there are told its share of the processors, unless
        the environment tells them something already.
        """
        try:
            directory = os.getcwd()
        except OSError:
            directory = None
        path = tuple(os.path.abspath(entry) if directory else entry for entry in sys.path if isinstance(entry, str))
        share = {} if workers == 1 else dict.fromkeys(THREADS, f"{max(1, usable_cpus() // workers)}")
        return cls(path, tuple(sys.argv), directory, {**share, **os.environ}, _filters())

    @cached_property
    def packed(self) -> bytes:
        """What `settle` makes a process's own."""
        return pickle.dumps(Place(self.path, self.arguments, self.directory, self.environment, self.warnings))

    def settle(self) -> None:
        """Makes it this process's."""
        if sys.path != list(self.path):
            sys.path[:] = self.path
            importlib.invalidate_caches()
        sys.argv[:] = self.arguments
        if self.directory is not None:
            with suppress(OSError):  # it has gone meanwhile: the user's own code will say so where it matters
                os.chdir(self.directory)
        for name in os.environ.keys() - self.environment.keys():
            del os.environ[name]
        for name, value in self.environment.items():
            if os.environ.get(name) != value:
                os.environ[name] = value
        self._settle_warnings()

    def _settle_warnings(self) -> None:
        if _filters() == self.warnings:
            return
        warnings.resetwarnings()
        for action, message, name, module, line in self.warnings:
            with suppress(Exception):  # a category that only the driver's main module knows
                category = _category(*name.split(":"))
                warnings.filterwarnings(action, message, category, module, line, append=True)  # type: ignore[arg-type]


def _filters() -> tuple[tuple[str, str, str, str, int], ...]:
    return tuple(
        (action, _text(message), f"{kind.__module__}:{kind.__qualname__}", _text(module), line)
        for action, message, kind, module, line in warnings.filters
        if isinstance(kind, type)
    )


def _text(pattern: re.Pattern[str] | str | None) -> str:
    return pattern if isinstance(pattern, str) else "" if pattern is None else pattern.pattern


def _category(module: str, name: str) -> type[Warning]:
    found: Any = importlib.import_module(module)
    for part in name.split("."):
        found = getattr(found, part)
    kind: type[Warning] = found
    return kind
