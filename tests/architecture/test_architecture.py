"""The house rules that can be checked: who imports whom, what an import costs, what must not be there."""

from __future__ import annotations

import ast
import json
import resource
import statistics
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent
SOURCES = sorted([*(ROOT / "src").rglob("*.py"), *(ROOT / "executors").rglob("*.py")])


def test_import_contracts_hold():
    lint = Path(sys.executable).with_name("lint-imports")
    done = subprocess.run([lint, "--no-cache"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def run(code):
    """Processor seconds that it takes, which other processes on the machine do not lengthen."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([sys.executable, "-c", code], check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def test_importing_anabranch_takes_less_than_50_ms():
    pairs = [(run("pass"), run("import anabranch")) for _ in range(9)]
    assert statistics.median(full - bare for bare, full in pairs) < 0.050


def test_importing_the_builder_takes_less_than_80_ms():
    pairs = [(run("pass"), run("from anabranch import Builder")) for _ in range(9)]
    assert statistics.median(full - bare for bare, full in pairs) < 0.08


def test_importing_anabranch_imports_nothing_heavy():
    code = "import anabranch, json, sys; anabranch.Builder, anabranch.Driver; print(json.dumps(list(sys.modules)))"
    loaded = json.loads(subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout)
    heavy = {"numpy", "pandas", "polars", "ray", "dask", "distributed", "asyncio", "multiprocessing", "typer", "rich"}
    assert not heavy & set(loaded)
    assert not [name for name in loaded if name.startswith("anabranch_executors")]


MAY_SLEEP = {
    "src/anabranch/cli/durable.py": "'watch' looks at another process's file",
    "executors/anabranch_executors/dask/line.py": "Dask tells nobody when a client has connected again",
    "src/anabranch/testing/fault_flow.py": "functions of a flow, one of which is slow",
}


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_module_is_small_and_nothing_in_it_polls(path):
    text = path.read_text(encoding="utf-8")
    tree = ast.parse(text)
    assert len(text.splitlines()) <= 600
    assert ast.get_docstring(tree) or not tree.body
    sleeps = [node for node in ast.walk(tree) if isinstance(node, ast.Attribute) and node.attr == "sleep"]
    assert not sleeps or str(path.relative_to(ROOT)) in MAY_SLEEP, f"{path}:{sleeps[0].lineno} sleeps"
