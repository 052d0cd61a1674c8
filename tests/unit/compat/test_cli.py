from __future__ import annotations

import json
import subprocess
import sys

import pytest

FLOW = """
from hamilton.function_modifiers import config
from hamilton.htypes import Collect, Parallelizable

def number(limit: int) -> Parallelizable[int]:
    yield from range(limit)

@config.when(kind="square")
def power__square(number: int) -> int:
    return number * number

@config.when_not(kind="square")
def power__cube(number: int) -> int:
    return number**3

def total(power: Collect[int]) -> int:
    return sum(power)
"""


def anabranch(*arguments, cwd):
    made = subprocess.run([sys.executable, "-m", "anabranch", *arguments], capture_output=True, text=True, cwd=cwd, timeout=100)
    assert made.returncode == 0, made.stderr
    return made.stdout


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "flow.py").write_text(FLOW)
    return tmp_path


def test_a_module_written_for_hamilton_runs(folder):
    given = ("flow.py", "total", "-i", "limit=4", "--json")
    assert json.loads(anabranch("run", "--hamilton", *given, cwd=folder)) == {"total": 36}
    given = (*given, "-c", "kind=square", "-x", "processes", "-w", "2")
    assert json.loads(anabranch("run", "--hamilton", *given, cwd=folder)) == {"total": 14}


def test_it_can_be_listed_drawn_planned_and_asked(folder):
    assert "power" in anabranch("list", "--hamilton", "flow.py", cwd=folder)
    assert "flowchart" in anabranch("graph", "--hamilton", "flow.py", cwd=folder)
    assert "total" in anabranch("plan", "--hamilton", "flow.py", "total", cwd=folder)
    assert "limit" in anabranch("lineage", "--hamilton", "flow.py", "--to", "total", cwd=folder)


def test_a_context_is_read_from_a_file(tmp_path):
    from anabranch.compat.hamilton.cli.logic import load_context

    python, data, other = (tmp_path / f"context.{kind}" for kind in ("py", "json", "txt"))
    python.write_text("HAMILTON_CONFIG = {'kind': 'square'}\nHAMILTON_FINAL_VARS = None\nother = 1\n")
    data.write_text(json.dumps({"HAMILTON_INPUTS": {"limit": 4}}))
    other.touch()
    empty = {"HAMILTON_CONFIG": {}, "HAMILTON_FINAL_VARS": [], "HAMILTON_INPUTS": {}, "HAMILTON_OVERRIDES": {}}
    assert load_context(python) == {**empty, "HAMILTON_CONFIG": {"kind": "square"}}
    assert load_context(data) == {**empty, "HAMILTON_INPUTS": {"limit": 4}}
    with pytest.raises(FileNotFoundError):
        load_context(tmp_path / "none.json")
    with pytest.raises(ValueError, match=r"neither \.json nor \.py"):
        load_context(other)
