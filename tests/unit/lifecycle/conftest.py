from __future__ import annotations

import importlib
import sys
import textwrap
from itertools import count
from pathlib import Path

import pytest
from noting import Book

from anabranch import Builder
from anabranch.registry import make_executor

OPTIONS = {
    "sequential": {},
    "threads": {"workers": 3},
    "asyncio": {"workers": 3},
    "processes": {"workers": 2},
    "ray": {"workers": 2},
    "dask": {"workers": 2},
}
NEEDS = {"ray": "ray", "dask": "distributed"}
HEADER = "from __future__ import annotations; from typing import Any; from anabranch import *; from anabranch.function_modifiers import *\n"
_numbers = count()


@pytest.fixture
def book(tmp_path):
    return Book(tmp_path / "book.jsonl")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Where flows are written: on the path before any worker is started."""
    folder = str(tmp_path_factory.mktemp("flows"))
    sys.path.insert(0, folder)
    yield Path(folder)
    sys.path.remove(folder)


@pytest.fixture
def flow(folder):
    """Makes a module of a flow's text: a file that workers can import."""

    def make(source):
        name = f"lifecycle_flow_{next(_numbers)}"
        (folder / f"{name}.py").write_text(HEADER + textwrap.dedent(source))
        importlib.invalidate_caches()
        return importlib.import_module(name)

    return make


@pytest.fixture(scope="module", params=OPTIONS)
def executor(request, folder):
    """Each of the five; its workers live as long as the module's tests."""
    if request.param in NEEDS:
        pytest.importorskip(NEEDS[request.param])
    executor = make_executor(request.param, dict(OPTIONS[request.param]))
    yield executor
    executor.close()


@pytest.fixture
def make(executor):
    """Makes a driver of a module with adapters, on that executor."""

    def build(module, *adapters, config=None):
        return Builder().with_modules(module).with_config(config or {}).with_executor(executor).with_adapters(*adapters).build()

    return build
