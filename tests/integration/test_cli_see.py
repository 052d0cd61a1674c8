"""Pictures, progress, traces and reports from the command line, in processes of its own."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

FLOW = '''
import logging, time
from anabranch import Collect, Parallelizable

def number(limit: int, scale: float = 1.0) -> Parallelizable[float]:
    """The numbers."""
    for n in range(limit):
        yield n * scale

def square(number: float) -> float:
    return number * number

def total(square: Collect[float]) -> float:
    return sum(square)

def slow(number: float) -> float:
    print("a task says", number)
    logging.getLogger("flow").warning("and warns")
    time.sleep(0.3)
    return number

def slows(slow: Collect[float]) -> float:
    return sum(slow)

def bad(number: float) -> float:
    if number == 3:
        raise ValueError("<b>no threes</b>")
    return number

def bads(bad: Collect[float]) -> int:
    return len(bad)
'''


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


@pytest.mark.parametrize("ending", [".svg", ".png", ".html", ".mmd", ".dot"])
def test_a_picture_of_the_whole_flow(anabranch, tmp_path, ending):
    done = anabranch("graph", "flow.py", "-o", f"out{ending}", "--direction", "right")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert (tmp_path / f"out{ending}").stat().st_size > 300


def test_without_a_file_mermaid_is_printed(anabranch):
    done = anabranch("graph", "flow.py", "total")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("flowchart TD\n")
    assert "square" in done.stdout
    assert "scale" in done.stdout
    assert "bads" not in done.stdout


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("ttal",), "unknown output 'ttal'; did you mean 'total'?"),
        (("-o", "x.gif"), "a picture is saved as .svg, .png, .html, .mmd, .dot; 'x.gif' ends in .gif"),
        (("-o", "x.svg", "--theme", "blue"), "a picture's theme is one of auto, light, dark, not 'blue'"),
        (("-o", "no/x.svg"), "the picture cannot be written to 'no/x.svg': No such file or directory"),
    ],
)
def test_what_cannot_be_drawn(anabranch, arguments, says):
    done = anabranch("graph", "flow.py", *arguments)
    assert (done.returncode, done.stdout, done.stderr.strip()) == (2, "", f"error: {says}")


def test_progress_for_machines(anabranch):
    done = anabranch("run", "flow.py", "total", "-i", "limit=40", "-x", "threads", "--progress", "json")
    assert done.returncode == 0
    last = json.loads(done.stderr.splitlines()[-1])["progress"]
    assert last["is_over"]
    assert [(fan["name"], fan["done"], fan["known"]) for fan in last["fans"]] == [("number", 40, 40)]
    assert done.stdout == "20540.0\n"


@pytest.mark.parametrize("form", ["auto", "bars", "lines", "none"])
def test_progress_of_a_short_run_says_nothing(anabranch, form):
    done = anabranch("run", "flow.py", "total", "-i", "limit=4", "--progress", form)
    assert (done.returncode, done.stdout, done.stderr) == (0, "14.0\n", "")


def test_progress_that_there_is_not(anabranch):
    done = anabranch("run", "flow.py", "total", "-i", "limit=4", "--progress", "dots")
    assert (done.returncode, done.stdout) == (2, "")
    assert "progress is shown as auto, bars, lines, json, notebook or none, not 'dots'" in done.stderr


def test_files_about_a_run(anabranch, tmp_path):
    files = ("--report", "run.html", "--trace", "trace.json", "--events", "events.jsonl")
    done = anabranch("run", "flow.py", "total", "-i", "limit=4", "-x", "processes", "-w", "2", *files)
    assert (done.returncode, done.stdout, done.stderr) == (0, "14.0\n", "")
    assert "Run of total" in (tmp_path / "run.html").read_text()
    assert json.loads((tmp_path / "trace.json").read_text())[0]["ph"] == "M"
    assert json.loads((tmp_path / "events.jsonl").read_text().splitlines()[-1])["event"] == "RunFinished"


def test_files_about_a_run_that_failed(anabranch, tmp_path):
    done = anabranch("run", "flow.py", "bads", "-i", "limit=9", "--report", "run.html")
    assert done.returncode == 1
    page = (tmp_path / "run.html").read_text()
    assert "ValueError" in page
    assert "<b>no threes</b>" not in page


@pytest.mark.parametrize(("option", "what"), [("--report", "report"), ("--trace", "trace"), ("--events", "events")])
def test_a_file_that_cannot_be_written_is_said_before_the_run(anabranch, option, what):
    done = anabranch("run", "flow.py", "total", "-i", "limit=4", option, "nowhere/file")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.strip() == f"error: the {what} cannot be written to 'nowhere/file': there is no folder 'nowhere'"


def test_bars_on_a_terminal(anabranch, tmp_path):
    """A real one: what is drawn stays within its width, prints stand above the bars, and results go to standard output."""
    pty, termios = pytest.importorskip("pty"), pytest.importorskip("termios")
    (tmp_path / "flow.py").write_text(FLOW)
    ours, theirs = pty.openpty()
    termios.tcsetwinsize(theirs, (40, 70))
    command = [sys.executable, "-m", "anabranch", "run", "flow.py", "slows", "-i", "limit=7"]
    environment = {**os.environ, "TERM": "xterm-256color"}
    with subprocess.Popen(
        command, cwd=tmp_path, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=theirs, text=True, env=environment
    ) as process:
        os.close(theirs)
        drawn = b""
        while True:
            try:
                read = os.read(ours, 65536)
            except OSError:  # the other end has gone
                break
            if not read:
                break
            drawn += read
        assert process.communicate(timeout=60)[0] == "21.0\n"
    os.close(ours)
    erased = drawn.decode().replace("\x1b[2K", "\n")
    text = re.sub(r"\x1b\[[\d;?]*[A-Za-z]", "", erased)
    lines = text.replace("\r", "").splitlines()
    said = [(f"slow[{n}]: a task says {n}.0", f"W flow slow[{n}]: and warns") for n in range(7)]
    assert [line for line in lines if "a task says" in line or "and warns" in line] == [line for pair in said for line in pair]
    assert all(len(line) <= 70 for line in lines)
    final = [line for line in lines if line.startswith(("number", "done"))][-2:]
    assert "7/7" in final[0]
    assert re.fullmatch(r"done \d[\d.]* s, 1 worker(, [\d.]+ \w+)?\s*", final[1])


def test_an_item_is_explained_from_an_event_file_and_from_a_run_that_lasts(anabranch, tmp_path):
    kept = ("--runs", str(tmp_path / "runs"))
    asked = ("run", "flow.py", "bads", "-i", "limit=5", "--on-error", "skip", "--events", "run.jsonl", "--run-id", "one", *kept)
    assert anabranch(*asked).returncode == 0
    for source in (("run.jsonl",), ("one", *kept)):
        done = anabranch("explain", source[0], "bad[3]", *source[1:])
        assert done.returncode == 0, done.stderr
        assert done.stdout.startswith("bad[3] failed\n  it raised ValueError: <b>no threes</b>")
        found = json.loads(anabranch("explain", source[0], "bads", "--json", *source[1:]).stdout)
        assert (found["node"], found["item"], found["fate"]) == ("bads", None, "ran")
    for arguments, said in (
        (("run.jsonl", "bat[3]"), "there is no function 'bat'; did you mean 'bad'?"),
        (("flow.py", "bad"), "'flow.py' is no event file"),
        (("two", "bad", *kept), "there is no run 'two'"),
    ):
        done = anabranch("explain", *arguments)
        assert (done.returncode, done.stdout) == (2, "")
        assert said in done.stderr


@pytest.mark.parametrize("executor", ["threads", "processes"])
def test_prints_of_workers_are_shown_with_function_and_item(anabranch, executor):
    done = anabranch("run", "flow.py", "slows", "-i", "limit=2", "-x", executor, "-w", "2", "--logs", "info")
    assert (done.returncode, done.stdout) == (0, "1.0\n")
    assert sorted(line for line in done.stderr.splitlines() if "task" in line) == [
        "slow[0]: a task says 0.0",
        "slow[1]: a task says 1.0",
    ]
    wrong = anabranch("run", "flow.py", "slows", "-i", "limit=2", "--logs", "loud")
    assert (wrong.returncode, wrong.stderr.strip()) == (2, "error: --logs takes debug, info, warning, error or off, not 'loud'")
    plain = anabranch("run", "flow.py", "slows", "-i", "limit=2", "-x", executor, "-w", "2", "--logs", "off")
    assert (plain.returncode, plain.stdout) == (0, "1.0\n"), "prints are no results, wherever they go"
    assert sorted(line for line in plain.stderr.splitlines() if "task" in line) == ["a task says 0.0", "a task says 1.0"]
