"""Runs that go on after failures, retries and dead workers: what the observers tell of them."""

from __future__ import annotations

import json
import os
import re
from time import perf_counter

import pytest

from anabranch import Builder, Collect, Parallelizable, module_from_functions, retry
from anabranch.events import RunStarted, WorkerDied
from anabranch.see import EventFile, RunReport, Trace
from anabranch.see.tally import Tally
from anabranch.see.words import mishaps


def number(limit: int) -> Parallelizable[int]:
    yield from range(limit)


def deadly(number: int) -> int:
    if number in (7, 31):
        os._exit(3)
    return number


def bad(number: int) -> int:
    if number % 10 == 3:
        raise ValueError(number)
    return number


tries: dict[int, int] = {}


@retry(attempts=3)
def flaky(number: int) -> int:
    tries[number] = tries.get(number, 0) + 1
    if tries[number] < 2:
        raise OSError(number)
    return number


def survivors(deadly: Collect[int]) -> int:
    return len(deadly)


def good(bad: Collect[int]) -> int:
    return len(bad)


def steady(flaky: Collect[int]) -> int:
    return len(flaky)


FLOW = module_from_functions(number, deadly, bad, flaky, survivors, good, steady)


def run(output, *observers, executor="processes", limit=40):
    options = {} if executor == "sequential" else {"workers": 2}
    builder = Builder().with_modules(FLOW).with_executor(executor, **options).with_adapters(*observers)
    with builder.with_failure_policy(on_error="skip").build() as driver:
        return driver.execute([output], inputs={"limit": limit})[output]


def snapshots(output, **options):
    found, tallies = [], []

    def observe(event):
        now = perf_counter()
        if isinstance(event, RunStarted):
            tallies.append(Tally(event, now))
        tallies[-1].observe(event, now)
        found.append(tallies[-1].snapshot(now))

    return run(output, observe, **options), found


def test_progress_where_workers_die():
    result, found = snapshots("survivors")
    assert result == 38
    assert all(snapshot.running >= 0 and fan.done <= fan.known and fan.out >= 0 for snapshot in found for fan in snapshot.fans)
    last = found[-1]
    (fan,) = last.fans
    assert (fan.done, fan.known, fan.failed, fan.out, last.running) == (40, 40, 2, 0, 0)
    assert last.died >= 2
    assert mishaps(last) == ["2 failed", f"{last.died} workers died"]
    assert not last.has_failed


def test_progress_where_items_fail_and_are_retried():
    result, found = snapshots("good", executor="sequential")
    assert (result, found[-1].failed, found[-1].has_failed) == (36, 4, False)
    tries.clear()
    result, found = snapshots("steady", executor="sequential")
    assert (result, found[-1].retried, found[-1].failed) == (40, 40, 0)
    assert mishaps(found[-1]) == ["40 retried"]


def test_files_tell_of_dead_workers(tmp_path):
    told = []
    observers = (Trace(tmp_path / "t.json"), EventFile(tmp_path / "e.jsonl"), RunReport(tmp_path / "r.html"), told.append)
    assert run("survivors", *observers) == 38
    deaths = [event for event in told if isinstance(event, WorkerDied)]
    assert deaths
    trace = json.loads((tmp_path / "t.json").read_text())
    assert [event["args"]["lo"] for event in trace if event["name"] == "worker died"] == [death.lo for death in deaths]
    lines = [json.loads(line) for line in (tmp_path / "e.jsonl").read_text().splitlines()]
    assert [line["reason"] for line in lines if line["event"] == "WorkerDied"] == [death.reason for death in deaths]
    page = (tmp_path / "r.html").read_text()
    assert "Workers that died" in page
    assert "2 failed" in page
    assert re.search(rf"<dt>workers died</dt><dd>{len(deaths)}</dd>", page)


def test_the_report_counts_retries(tmp_path):
    tries.clear()
    run("steady", RunReport(tmp_path / "r.html"), executor="sequential")
    assert "<dt>retries</dt><dd>40</dd>" in (tmp_path / "r.html").read_text()


@pytest.mark.parametrize("count", [1, 2])
def test_words(count):
    from anabranch.see import Snapshot

    shown = Snapshot("r", (), 1.0, (), 0, 0, 0, 1, 1, False, False, died=count)
    assert mishaps(shown) == [f"{count} worker{'s' if count > 1 else ''} died"]
