"""Flows written in the test, as a module of functions or as a file."""

from __future__ import annotations

import importlib
import sys
import textwrap
from itertools import count

import pytest

HEADER = "from __future__ import annotations; from typing import Any; from anabranch import *; from anabranch.function_modifiers import *\n"
_numbers = count()


@pytest.fixture
def flow(tmp_path, monkeypatch):
    """Makes a module of a flow's text: a file of its own, so that workers can import it and tracebacks can show it."""
    monkeypatch.syspath_prepend(tmp_path)
    made = []

    def make(source, name=None):
        name = name or f"unit_flow_{next(_numbers)}"
        (tmp_path / f"{name}.py").write_text(HEADER + textwrap.dedent(source))
        importlib.invalidate_caches()
        made.append(name)
        return importlib.import_module(name)

    yield make
    for name in made:
        sys.modules.pop(name, None)
