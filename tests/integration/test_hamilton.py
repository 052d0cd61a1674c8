"""Hamilton's documented patterns, unchanged, give under anabranch what they give under Hamilton; and what Hamilton gets wrong is
right here. Each side runs in a process of its own, for both are called `hamilton`.
"""

from __future__ import annotations

import json
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest
from hamilton_patterns import __main__ as patterns

HERE = Path(__file__).parent
SHIM = ("-m", "anabranch.compat.hamilton")
RIGHT = {
    "overridden_inside": {"total": 30},
    "straight_into_collect": {"numbers": [0, 1, 2]},
    "collected_twice": {"both": 23},
    "nested": {"sums": [0, 0, 1, 3]},
    "asked_inside": {"square": [0, 1, 4]},
    "second_pass": {"shares": [0.0, 0.2, 0.8]},
    "of_a_model": {"score": 32.0},
}

pytestmark = pytest.mark.skipif(find_spec("hamilton") is None, reason="needs sf-hamilton, which is in the extra dev")


def run(*line):
    made = subprocess.run([sys.executable, "-W", "ignore", *line], capture_output=True, text=True, cwd=HERE, timeout=110)
    assert made.returncode == 0, made.stderr
    return json.loads(made.stdout.splitlines()[-1])


@pytest.fixture(scope="module")
def theirs():
    return run("-m", "hamilton_patterns")


@pytest.fixture(scope="module")
def ours():
    return run(*SHIM, "-m", "hamilton_patterns")


def test_each_side_is_what_it_should_be(theirs, ours):
    assert ours["hamilton"].endswith("compat/hamilton")
    assert theirs["hamilton"] != ours["hamilton"]
    assert len(patterns.NAMES) >= 10


@pytest.mark.parametrize("name", patterns.NAMES)
def test_a_pattern_gives_the_same(theirs, ours, name):
    assert "error" not in theirs["found"][name]
    assert ours["found"][name] == theirs["found"][name]


@pytest.mark.parametrize("case", RIGHT)
def test_what_hamilton_gets_wrong_is_right_here(case):
    assert run(*SHIM, "-m", "hamilton_patterns._wrong", case) == {case: RIGHT[case]}
    assert run("-m", "hamilton_patterns._wrong", case) != {case: RIGHT[case]}


@pytest.mark.parametrize("kind", ["threads", "processes"])
def test_the_parallel_pattern_is_quicker_by_far(kind, monkeypatch):
    monkeypatch.syspath_prepend(str(HERE.parents[1]))
    from benchmarks.hamilton import measured

    theirs, ours = measured("hamilton", kind, 300), measured("anabranch", kind, 300, 2)
    assert ours["total"] == theirs["total"] == sum(number * number + 1 for number in range(300))
    assert ours["driver"].startswith("anabranch") and not theirs["driver"].startswith("anabranch")
    assert min(ours["seconds"]) < min(theirs["seconds"])  # by a factor of hundreds
