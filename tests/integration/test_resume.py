"""Runs that last: killed, stopped, failed, torn, and resumed, in processes of their own.

Two hundred kills of drivers of two thousand items::

    ANABRANCH_KILLS=200 ANABRANCH_ITEMS=2000 python -m pytest tests/integration/test_resume.py -k killed -m "" -s --timeout 0
"""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import textwrap
from collections import Counter
from pathlib import Path

import pytest

from anabranch import Builder, Collect, Failed, Parallelizable, Skip, module_from_functions
from anabranch.errors import FlowError, InputError, StoreError
from anabranch.journal import Runs

KILLS = int(os.environ.get("ANABRANCH_KILLS", "5"))
ITEMS = int(os.environ.get("ANABRANCH_ITEMS", "300"))

FLOW = """
    import os, time
    from anabranch import *

    def number(n: int) -> Parallelizable[int]:
        yield from range(n)

    def square(number: int, log: str) -> int:
        time.sleep(0.002)
        if number % 50 == 7 and os.path.exists(log + ".bad"):
            raise ValueError(f"bad number {number}")
        with open(log, "a") as file:
            file.write(f"{number}\\n")
        return number * number

    def word(square: int) -> Parallelizable[str]:
        return [f"{square}-{k}" for k in range(square % 3)]

    def size(word: str) -> int:
        return len(word)

    def sizes(size: Collect[int]) -> int:
        return sum(size)

    def total(square: Collect[int], sizes: Collect[int]) -> int:
        return sum(square) + sum(sizes)
"""

DRIVE = """
    import sys
    import lasting_flow
    from anabranch import Builder

    root, executor, items, log, run = sys.argv[1:]
    options = {} if executor == "sequential" else {"workers": 2}
    driver = Builder().with_modules(lasting_flow).with_executor(executor, **options).with_runs(root).build()
    driver.execute(["total"], {"n": 1, "log": log + ".warm"})  # so that the workers are there
    print("ready", flush=True)
    print(driver.execute(["total"], {"n": int(items), "log": log}, run_id=run, resume=True)["total"], flush=True)
"""


@pytest.fixture
def place(tmp_path, monkeypatch):
    """A folder with the flow, a script that drives it, and homes of their own."""
    (tmp_path / "lasting_flow.py").write_text(textwrap.dedent(FLOW))
    (tmp_path / "drive.py").write_text(textwrap.dedent(DRIVE))
    for name in ("CACHE", "CONFIG", "STATE"):
        monkeypatch.setenv(f"XDG_{name}_HOME", str(tmp_path / name.lower()))
    monkeypatch.setenv("COLUMNS", "110")
    monkeypatch.delenv("PYTHONWARNINGS", raising=False)
    return tmp_path


def expected(n: int) -> int:
    squares = [k * k for k in range(n)]
    return sum(squares) + sum(len(f"{s}-{k}") for s in squares for k in range(s % 3))


def drive(place: Path, folder: Path, executor: str, run: str, items: int = ITEMS) -> subprocess.Popen[str]:
    """A driver that begins a run, or goes on with it."""
    command = [sys.executable, place / "drive.py", place / "runs", executor, str(items), folder / "log", run]
    return subprocess.Popen(list(map(str, command)), stdout=subprocess.PIPE, text=True)


def lines_of(path: Path) -> list[str]:
    return path.read_text().split() if path.exists() else []


@pytest.mark.timeout(600 + 60 * KILLS)
@pytest.mark.parametrize("executor", ["processes", "sequential", pytest.param("ray", marks=pytest.mark.slow)])
def test_a_killed_driver_costs_what_was_in_flight(place, executor):
    """Killed at random moments, some runs more than once, and each resumed to its end."""
    draw = random.Random(7)
    kills = again = 0
    while kills < KILLS:
        run, folder = f"run-{kills}", place / f"of-{kills}"
        folder.mkdir()
        twice = draw.random() < 0.3
        for _ in range(1 + twice):
            kills += killed(place, folder, (executor, run), draw)
        out, _ = drive(place, folder, executor, run).communicate(timeout=300)
        assert out.split() == ["ready", str(expected(ITEMS))]
        ran = Counter(lines_of(folder / "log"))
        assert ran.keys() == set(map(str, range(ITEMS)))
        again += ran.total() - ITEMS
    print(f"{executor}: {kills} kills, {again} items ran again, {again / kills:.1f} a kill")
    assert again <= kills * 500, "half a second of work is in flight at most, and what two workers hold"


def killed(place: Path, folder: Path, how: tuple[str, str], draw: random.Random) -> int:
    """Kills a driver when some more items are done; returns 1 if it was still at work."""
    child = drive(place, folder, *how)
    assert child.stdout is not None
    assert child.stdout.readline() == "ready\n"
    wanted = len(lines_of(folder / "log")) + draw.randrange(max(2, ITEMS // 2))
    while child.poll() is None and len(lines_of(folder / "log")) < min(wanted, ITEMS - 1):
        pass  # until that many are done
    child.kill()
    child.communicate()
    return int(child.returncode != 0)


def test_the_journal_may_end_at_any_byte(place):
    child = drive(place, place, "sequential", "one", 30)
    child.communicate(timeout=120)
    journal = place / "runs" / "one" / "journal"
    whole = journal.read_bytes()
    sys.path.insert(0, str(place))
    try:
        import lasting_flow

        driver = Builder().with_modules(lasting_flow).with_runs(place / "runs").build()
        first = whole.index(b"\n") + 1
        ends = sorted({*range(0, first, max(1, first // 20)), *range(first, len(whole), 7), len(whole)})
        outcomes: Counter[str] = Counter()
        for end in ends:
            journal.write_bytes(whole[:end])
            try:
                found = driver.execute(["total"], {"n": 30, "log": str(place / "log")}, resume="one")
            except StoreError as error:
                assert end < first, error
                outcomes["refused"] += 1
            else:
                assert found == {"total": expected(30)}
                outcomes["resumed"] += 1
        assert outcomes["resumed"] > 20
        assert Counter(lines_of(place / "log")).total() == 30
    finally:
        sys.path.remove(str(place))
        sys.modules.pop("lasting_flow", None)


# -- the command line ----------------------------------------------------------------------------------------------


def anabranch(place: Path, *arguments: str, code: int = 0) -> tuple[str, str]:
    done = subprocess.run(
        [sys.executable, "-m", "anabranch", *arguments],
        capture_output=True,
        text=True,
        check=False,
        cwd=place,
        stdin=subprocess.DEVNULL,
        timeout=120,
    )
    assert done.returncode == code, done.stderr
    return done.stdout, done.stderr


def begin(place: Path, run: str, *more: str, code: int = 0) -> tuple[str, str]:
    return anabranch(
        place, "run", "lasting_flow.py", "total", "-i", "n=60", "-i", f"log={place / 'log'}", "--run-id", run, *more, code=code
    )


def test_a_run_that_failed_is_shown_repeated_and_resumed(place):
    bad = place / "log.bad"
    bad.touch()
    assert "bad number 7" in begin(place, "nightly", "-x", "processes", "-w", "2", code=1)[1]
    shown = json.loads(anabranch(place, "show", "nightly", "--json", code=1)[0])
    assert shown["state"] == "failed"
    assert [(one["node"], one["error"], one["text"]) for one in shown["failures"]] == [("square", "ValueError", "bad number 7")]
    said, _ = anabranch(place, "show", "nightly", code=1)
    assert "go on with: anabranch resume nightly" in said
    assert anabranch(place, "watch", "nightly", code=1)[0] == said
    assert "bad number 7" in anabranch(place, "replay", "nightly", "square[7]", code=1)[1]
    bad.unlink()
    assert anabranch(place, "replay", "nightly", "square[7]")[0] == "49\n"
    assert json.loads(anabranch(place, "show", "nightly", "--json", code=1)[0])["state"] == "failed"
    assert anabranch(place, "resume", "nightly")[0] == f"{expected(60)}\n"
    assert json.loads(anabranch(place, "runs", "--json")[0])[0]["state"] == "finished"
    assert anabranch(place, "resume", "nightly", "-x", "threads")[0] == f"{expected(60)}\n"


def test_what_was_left_out_comes_back(place):
    bad = place / "log.bad"
    bad.touch()
    out, said = begin(place, "partial", "--on-error", "skip")
    assert int(out) < expected(60)
    assert "2 items failed" in said
    bad.unlink()
    assert anabranch(place, "resume", "partial", "--failed-only")[0] == f"{expected(60)}\n"
    ran = Counter(lines_of(place / "log"))
    assert set(ran.values()) == {1}


def test_sigterm_drains_and_the_next_job_goes_on(place):
    """As a scheduler does before its time is up: the run stops with what it has, and exits 143."""
    log = place / "log"
    arguments = ["run", "lasting_flow.py", "total", "-i", "n=900", "-i", f"log={log}", "--run-id", "job", "-x", "processes"]
    child = subprocess.Popen([sys.executable, "-m", "anabranch", *arguments, "-w", "2"], cwd=place, stderr=subprocess.PIPE)
    while child.poll() is None and len(lines_of(log)) < 100:
        pass
    child.send_signal(signal.SIGTERM)
    child.communicate(timeout=60)
    assert child.returncode == 143
    assert json.loads(anabranch(place, "show", "job", "--json", code=3)[0])["state"] == "stopped"
    done = len(set(lines_of(log)))
    assert 100 <= done < 900
    assert anabranch(place, "resume", "job")[0] == f"{expected(900)}\n"
    ran = Counter(lines_of(log))
    assert len(ran) == 900
    assert ran.total() - 900 < done, "what was done is not done again"


def test_what_changed_is_refused_unless_it_is_forced(place):
    begin(place, "one")
    file = place / "lasting_flow.py"
    file.write_text(file.read_text().replace("return len(word)", "return len(word) + 1"))
    assert "function 'lasting_flow.size' changed" in anabranch(place, "resume", "one", code=2)[1]
    assert anabranch(place, "resume", "one", "--force")[0] == f"{expected(60)}\n"
    assert "input 'n' changed" in anabranch(place, "resume", "one", "-i", "n=61", code=2)[1]


def test_requests_that_cannot_be(place):
    begin(place, "one")
    assert "there is a run in" in begin(place, "one", code=2)[1]
    assert "there is no run 'onne'" in anabranch(place, "resume", "onne", code=2)[1]
    assert "cannot be the name of a run" in begin(place, "../x", code=2)[1]
    assert "names no call" in anabranch(place, "replay", "one", "square[", code=2)[1]
    assert "an item of 'square' has 1 indices, along number" in anabranch(place, "replay", "one", "square", code=2)[1]
    assert "was left out" in anabranch(place, "replay", "one", "square[99]", code=2)[1]
    assert "there is no function 'sqare'" in anabranch(place, "replay", "one", "sqare[1]", code=2)[1]
    assert "no runs in" in anabranch(place, "runs", "--runs", str(place / "nowhere"))[0]


# -- in a program --------------------------------------------------------------------------------------------------


class Calls(list):
    """What was called; no value, so that it does not count in the versions of code."""

    def __reduce_ex__(self, protocol):
        raise TypeError


calls = Calls()
gives: list[int] = []


def listed(n: int) -> Parallelizable[int]:
    yield from TOLD.items
    if TOLD.stops:
        raise KeyboardInterrupt


class Told:
    """What the expander is to do; a tool, as far as versions go."""

    items: tuple[int, ...] = ()
    stops = False

    def __reduce_ex__(self, protocol):
        raise TypeError


TOLD = Told()


def doubled(listed: int) -> int:
    calls.append(listed)
    return 2 * listed


def together(doubled: Collect[int | Failed]) -> list[int]:
    return doubled


def test_an_expander_that_gives_other_items_than_before_is_refused(tmp_path):
    driver = Builder().with_modules(module_from_functions(listed, doubled, together)).with_runs(tmp_path).build()
    TOLD.items, TOLD.stops = (1, 2, 3), True
    with pytest.raises(KeyboardInterrupt):
        driver.execute(["together"], {"n": 1}, run_id="one")
    TOLD.items, TOLD.stops = (1, 5, 3), False
    with pytest.raises(FlowError, match="gives other items than it gave before this run was interrupted"):
        driver.execute(["together"], {"n": 1}, resume="one")
    TOLD.items = (1, 2, 3, 4)
    assert driver.execute(["together"], {"n": 1}, resume="one") == {"together": [2, 4, 6, 8]}


def test_options_that_do_not_go_together(tmp_path):
    driver = Builder().with_modules(module_from_functions(listed, doubled)).with_runs(tmp_path).build()
    TOLD.items, TOLD.stops = (1,), False
    with pytest.raises(InputError, match="force goes with resume="):
        driver.execute(["doubled"], {"n": 1}, force=True)
    assert driver.run(["doubled"], {"n": 1}, durable=True).run_id in Runs(tmp_path).names()
    with pytest.raises(InputError, match="there is no run 'two'"):
        driver.execute(["doubled"], {"n": 1}, resume="two")


def odd(listed: int) -> int:
    calls.append(listed)
    if listed % 2 == 0:
        raise Skip
    return listed


def odds(odd: Collect[int]) -> list[int]:
    if TOLD.stops:
        raise KeyboardInterrupt
    return odd


def test_items_that_were_skipped_are_done_too(tmp_path):
    driver = Builder().with_modules(module_from_functions(listed, odd, odds)).with_runs(tmp_path).build()
    calls.clear()
    TOLD.items, TOLD.stops = (1, 2, 3, 4), False
    assert driver.execute(["odds"], {"n": 1}, run_id="one") == {"odds": [1, 3]}
    assert driver.execute(["odds", "odd"], {"n": 1}, resume="one") == {"odds": [1, 3], "odd": [1, 3]}
    assert calls == [1, 2, 3, 4]
