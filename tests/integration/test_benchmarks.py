"""`python -m benchmarks` runs, measures every workload that this machine can run, and writes its figures."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

pytestmark = pytest.mark.timeout(300)


def benchmarks(*arguments):
    command = [sys.executable, "-W", "ignore", "-m", "benchmarks", *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=280)


@pytest.fixture(scope="module")
def smoke(tmp_path_factory):
    folder = tmp_path_factory.mktemp("benchmarks")
    done = benchmarks("--smoke", "--out", str(folder))
    assert done.returncode == 0, done.stderr
    assert "| workload |" in (folder / "README.md").read_text(encoding="utf-8")
    return done, json.loads((folder / "figures.json").read_text(encoding="utf-8"))


def test_no_workload_fails(smoke):
    done, _ = smoke
    assert "failed" not in done.stdout + done.stderr


def test_anabranch_comes_first_and_somebody_else_is_beside_it(smoke):
    _, found = smoke
    for result in found["results"]:
        assert result["samples"][0]["name"] == "anabranch"
    assert sum(len(result["samples"]) > 1 for result in found["results"]) > len(found["results"]) // 2


def test_every_ratio_is_of_the_same_round(smoke):
    _, found = smoke
    for result in found["results"]:
        ours, *others = result["samples"]
        for other in others:
            mine = [value / ours["items"] for value in ours["values"]]
            theirs = [value / other["items"] for value in other["values"]]
            ratios = [a / b for a, b in zip(mine, theirs, strict=True)]
            assert result["ratios"][other["name"]] == pytest.approx(ratios)


def test_the_machine_is_named(smoke):
    done, found = smoke
    assert found["machine"]["workers"] == "2"
    assert found["machine"]["date"] in done.stdout


def test_one_workload_can_be_chosen():
    done = benchmarks("--smoke", "--only", "three-nodes")
    assert "three-node static flow" in done.stdout
    assert "nested" not in done.stdout


def test_an_unknown_workload_is_said_with_those_there_are():
    done = benchmarks("--only", "thre")  # a start is enough
    assert done.returncode == 0
    done = benchmarks("--only", "nothing-like-this")
    assert done.returncode == 1
    assert "three-nodes" in done.stderr


HANGING = """
import threading
from benchmarks import measure
from benchmarks.report import rows

def set_up(bench):
    bench.add("anabranch", 1, lambda: None)
    bench.add("hangs", 1, threading.Event().wait)
    bench.add("fails", 1, lambda: 1 / 0)
    bench.add("works", 1, lambda: None)

measure.PATIENCE = 0.2
print(*rows(measure.measured(measure.Workload("n", "title", set_up), 2, smoke=True, peers=frozenset())), sep="\\n")
"""


def test_what_hangs_or_fails_is_reported_and_the_others_are_measured():
    done = subprocess.run([sys.executable, "-c", HANGING], cwd=ROOT, capture_output=True, text=True, timeout=100, check=False)
    first, second, third = done.stdout.splitlines()
    assert "hangs | failed: TookTooLong: not done after 0.2 s" in first
    assert "fails | failed: ZeroDivisionError: division by zero" in second
    assert "works" in third
    assert "failed" not in third


def test_the_projects_page_has_the_figures_that_have_a_target():
    from benchmarks.report import BEGIN, END, headline

    made = "# Benchmarks\n\n2026-11-23, x; made by `y`.\n\n| a | 1 ns | loop | 2 ns | 0.50 | ≤ 1.5 | ✓ |\n| b | 1 ns | loop | 2 ns | 0.50 | | |\n"
    page = headline(f"before {BEGIN} old {END} after", made)
    assert page.startswith("before ") and page.endswith(" after") and "old" not in page
    assert "2026-11-23, x. Made by `y`:" in page
    assert "| a | 1 ns | loop | 2 ns | 0.50 |" in page and "| b |" not in page
    assert headline(page, made) == page
    assert headline("nothing is marked", made) == "nothing is marked"
