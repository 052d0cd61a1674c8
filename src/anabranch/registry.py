"""Executors by name: looked up lazily in the entry-point group ``anabranch.executors``, ours as anyone's.

This module imports no executor before it is asked for.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any, TypeGuard, cast

from anabranch.errors import ExecutorError, nearest_or_all
from anabranch.executor import Executor

if TYPE_CHECKING:  # both take longer to import than all of the core
    import concurrent.futures
    from importlib.metadata import EntryPoint

__all__ = ["GROUP", "Known", "known_executors", "make_executor"]

GROUP = "anabranch.executors"
EXTRAS = {"ray": "ray", "dask": "distributed"}
"""Built-in executors that need an extra of the same name, and the module that tells whether it is there."""


@dataclass(frozen=True, slots=True)
class Known:
    """An executor that is registered; `missing` names the extra to install, empty if it can be used."""

    name: str
    target: str
    missing: str


def known_executors() -> list[Known]:
    """All registered executors, by name, without importing any."""
    import importlib.util

    found = []
    for name, point in sorted(_points().items()):
        needs = EXTRAS.get(name) if point.value.startswith("anabranch_executors.") else None
        there = needs is None or importlib.util.find_spec(needs) is not None
        found.append(Known(name, point.value, "" if there else name))
    return found


def make_executor(executor: str | Executor | concurrent.futures.Executor, options: dict[str, Any]) -> Executor:
    """The executor itself, or the one of that name built with `options`; a `concurrent.futures` pool is adapted.

    Raises:
        ExecutorError: the name is unknown, its extra is missing, or it does not take these options.
    """
    if _is_pool(executor):
        from anabranch_executors.futures import FuturesExecutor

        return FuturesExecutor(executor, **options)
    if not isinstance(executor, str):
        executor = cast("Executor", executor)
        if not all(hasattr(executor, name) for name in ("lease", "close", "traits")):
            kind = type(executor).__name__
            raise ExecutorError(f"{kind} is no executor: give a name, an executor object or a concurrent.futures.Executor")
        if options:
            raise ExecutorError(f"options {sorted(options)} go to an executor given by name; this one is built already")
        return executor
    points = _points()
    if executor not in points:
        _points.cache_clear()  # it may have been installed since
        points = _points()
    if executor not in points:
        raise ExecutorError(f"unknown executor '{executor}'{nearest_or_all(executor, points)}")
    try:
        made: Executor = points[executor].load()(**options)
    except ImportError as error:
        raise ExecutorError(
            f"executor '{executor}' needs what is not installed ({error}); run: pip install 'anabranch[{executor}]'"
        ) from error
    except TypeError as error:
        taken = _options(points[executor].load())
        unknown = [name for name in options if name not in taken]
        if not unknown or None in taken:
            raise
        known = f"its options are {', '.join(map(repr, taken))}" if taken else "it has no options"
        raise ExecutorError(f"executor '{executor}' has no option '{unknown[0]}'; {known}") from error
    return made


def _options(executor: Any) -> list[str | None]:
    """The names of the options that an executor takes; None among them stands for any other."""
    import inspect

    found = inspect.signature(executor).parameters.values()
    return [None if parameter.kind is parameter.VAR_KEYWORD else parameter.name for parameter in found]


def _is_pool(executor: object) -> TypeGuard[concurrent.futures.Executor]:
    """Whether it is a `concurrent.futures` pool; whoever has one has imported the module."""
    futures = sys.modules.get("concurrent.futures")
    return futures is not None and isinstance(executor, futures.Executor)


@cache
def _points() -> dict[str, EntryPoint]:
    from importlib.metadata import entry_points

    return {point.name: point for point in entry_points(group=GROUP)}
