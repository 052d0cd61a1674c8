"""A flow that has everything: nested fan-outs, two passes, calls, and an item that fails if it is asked to."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from anabranch import Builder, Collect, Parallelizable, module_from_functions

EVIL = "<script>alert(1)</script>"


def folder(folders: int) -> Parallelizable[int]:
    """The folders."""
    yield from range(folders)


def file(folder: int, files: int) -> Parallelizable[int]:
    yield from range(files)


def size(file: int, folder: int, fails: int) -> int:
    if file == fails:
        raise ValueError(f"{EVIL} no {fails}s in {folder}")
    return file + folder


def per_folder(size: Collect[int]) -> int:
    return sum(size)


def mean(per_folder: Collect[int]) -> float:
    return sum(per_folder) / max(len(per_folder), 1)


def above(per_folder: int, mean: float) -> bool:
    return per_folder > mean


def spread(above: Collect[bool]) -> int:
    return sum(above)


FLOW = module_from_functions(folder, file, size, per_folder, mean, above, spread)


@pytest.fixture
def watched() -> Callable[..., Any]:
    """Runs the flow under observers; gives the result, or what was raised."""

    def run(*observers: Any, executor: str = "sequential", folders: int = 5, files: int = 12, fails: int = -1) -> Any:
        options = {} if executor == "sequential" else {"workers": 2}
        builder = Builder().with_modules(FLOW).with_executor(executor, **options).with_adapters(*observers)
        with builder.build() as driver:
            try:
                return driver.execute(["spread"], inputs={"folders": folders, "files": files, "fails": fails})
            except ValueError as error:
                return error

    return run
