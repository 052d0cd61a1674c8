"""The commands about runs as a whole, in processes of their own."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest

FLOW = """
from anabranch import Collect, Parallelizable

def number(limit: int) -> Parallelizable[int]:
    yield from range(limit)

def square(number: int) -> int:
    return number * number

def total(square: Collect[int]) -> int:
    return sum(square)

def bad(number: int) -> int:
    raise ValueError("<b>no</b>")

def bads(bad: Collect[int]) -> int:
    return len(bad)
"""


@pytest.fixture
def anabranch(tmp_path: Path):
    """Runs a command in a folder that has the flow."""
    (tmp_path / "flow.py").write_text(FLOW)

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "anabranch", *arguments]
        return subprocess.run(
            command, cwd=tmp_path, capture_output=True, text=True, timeout=100, stdin=subprocess.DEVNULL, check=False
        )

    return run


# -- bench -------------------------------------------------------------------------------------------------------------


def test_bench_gives_a_table_a_page_and_advice(anabranch, tmp_path):
    done = anabranch(
        "bench", "flow.py", "total", "-i", "limit=100", "-x", "sequential", "-x", "threads", "-w", "2", "--html", "b.html"
    )
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert lines[0].split()[:3] == ["setting", "wall", "speed-up"]
    assert [line.partition("  ")[0].strip(" ◀") for line in lines[2:4]] == ["sequential", "threads × 2"]
    assert lines[5].startswith(("sequential: ", "threads × 2: "))
    assert "bench: round 3 of 3" in done.stderr
    page = (tmp_path / "b.html").read_text()
    assert "<h1>Executors compared for total</h1>" in page


def test_bench_gives_a_document(anabranch):
    done = anabranch("bench", "flow.py", "total", "-i", "limit=10", "-x", "sequential", "--rounds", "2", "--json")
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    (only,) = found["settings"]
    assert (only["executor"], only["workers"], len(only["walls"]), only["items"]) == ("sequential", 1, 2, 10)
    assert found["advice"]["executor"] == "sequential"


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (("total", "-i", "limit=3", "-x", "proceses"), 2, "did you mean 'processes'?"),
        (("total", "-i", "limit=3", "-w", "2,many"), 2, "--workers takes numbers of workers, 2,4,8 say, not '2,many'"),
        (("total",), 2, "limit"),
        ((), 2, "no output is asked for"),
        (("total", "-i", "limit=3", "-x", "sequential", "--html", "no/such/b.html"), 2, "there is no folder 'no/such'"),
        (("bads", "-i", "limit=3", "-x", "sequential"), 1, "ValueError: <b>no</b>"),
    ],
)
def test_bench_that_cannot_be(anabranch, arguments, code, says):
    done = anabranch("bench", "flow.py", *arguments)
    assert (done.returncode, done.stdout) == (code, "")
    assert says in done.stderr


# -- simulate ----------------------------------------------------------------------------------------------------------


@pytest.fixture
def recorded(anabranch):
    done = anabranch("run", "flow.py", "total", "-i", "limit=300", "--events", "run.jsonl")
    assert done.returncode == 0, done.stderr
    return "run.jsonl"


def test_simulate_gives_a_table(anabranch, recorded):
    done = anabranch("simulate", recorded, "-w", "1,10", "--price", "2.5")
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert lines[0].startswith("recorded: ") and "on 1 worker, simulated" in lines[0]
    assert lines[2].split() == ["workers", "wall", "speed-up", "busy", "worker-hours", "cost", "calls", "what", "binds"]
    assert [line.split()[0] for line in lines[4:]] == ["1", "10"]


def test_simulate_gives_a_document(anabranch, recorded):
    done = anabranch("simulate", recorded, "--json", "--call-cost", "0.5", "--price", "1")
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert [one["workers"] for one in found["predictions"]] == [10, 100, 1000]
    assert (found["costs"]["driver"], found["costs"]["worker"]) == (0.25, 0.25)
    for one in found["predictions"]:
        assert one["cost"] == one["worker_hours"] == pytest.approx(one["workers"] * one["seconds"] / 3600)
        assert one["reason"]


def test_simulate_that_cannot_be(anabranch, recorded, tmp_path):
    done = anabranch("simulate", "none.jsonl")
    assert (done.returncode, done.stdout) == (2, "")
    assert "none.jsonl" in done.stderr
    (tmp_path / "half.jsonl").write_text((tmp_path / recorded).read_text().partition("\n")[0] + "\n")
    done = anabranch("simulate", "half.jsonl")
    assert done.returncode == 2
    assert "half.jsonl is not over, or was lost" in done.stderr


# -- history and page --------------------------------------------------------------------------------------------------


def test_runs_are_tracked_and_replayed(anabranch, tmp_path):
    done = anabranch("run", "flow.py", "total", "-i", "limit=200", "--history", "runs.db")
    assert (done.returncode, done.stdout) == (0, "2646700\n"), done.stderr
    from anabranch.history import open_store

    store = open_store(tmp_path / "runs.db")
    (run,) = store.runs()
    store.close()
    assert (run["name"], run["state"]) == ("flow", "finished")
    done = anabranch("simulate", run["run_id"][:12], "--history", "runs.db", "--json", "-w", "2")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["run_id"] == run["run_id"]
    done = anabranch("simulate", "abcdef12", "--history", "runs.db")
    assert done.returncode == 2
    assert "there is no run 'abcdef12'" in done.stderr


def test_a_run_that_lasts_is_replayed(anabranch):
    done = anabranch("run", "flow.py", "total", "-i", "limit=200", "--run-id", "nightly", "--runs", "kept")
    assert (done.returncode, done.stdout) == (0, "2646700\n"), done.stderr
    done = anabranch("simulate", "nightly", "--runs", "kept", "--json", "-w", "2")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["run_id"] == "nightly"
    done = anabranch("simulate", "nobody", "--runs", "kept")
    assert done.returncode == 2
    assert "no run that lasts" in done.stderr


def test_a_history_that_cannot_be(anabranch):
    done = anabranch("run", "flow.py", "total", "-i", "limit=2", "--history", "no/such/runs.db")
    assert (done.returncode, done.stdout) == (2, "")
    assert "there is no folder 'no/such'" in done.stderr


@pytest.mark.skipif(sys.platform == "win32", reason="signals")
def test_the_page_is_served_until_it_is_told_to_stop(tmp_path):
    command = [sys.executable, "-m", "anabranch", "ui", "--history", "runs.db", "--no-open"]
    server = subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        address = server.stdout.readline().strip()
        from urllib.request import HTTPCookieProcessor, build_opener

        with build_opener(HTTPCookieProcessor()).open(address, timeout=60) as answer:
            assert "No run has been kept yet" in answer.read().decode()
    finally:
        server.send_signal(signal.SIGINT)
        said = server.communicate(timeout=60)[1]
    assert server.returncode == 130, said
    assert "Traceback" not in said
