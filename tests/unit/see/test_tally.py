"""How far a run has come: right at every moment, and exact at the end."""

from itertools import pairwise
from time import perf_counter

import pytest

from anabranch import Builder, Collect, Parallelizable, Skip, module_from_functions
from anabranch.events import (
    CallFinished,
    CallStarted,
    FanFinished,
    FanOpened,
    ItemFailed,
    RunFinished,
    RunStarted,
    SpanFinished,
    SpanSubmitted,
    WorkerDied,
)
from anabranch.failure import Failure, capture
from anabranch.journey import Journey
from anabranch.see.tally import Tally
from anabranch.see.words import efforts, of_fan


def folder(folders: int) -> Parallelizable[int]:
    yield from range(folders)


def file(folder: int, files: int) -> Parallelizable[int]:
    yield from range(files)


def size(file: int, folder: int) -> int:
    if file == 1 and folder == 1:
        raise Skip
    return file


def per_folder(size: Collect[int]) -> int:
    return sum(size)


def mean(per_folder: Collect[int]) -> float:
    return sum(per_folder) / max(len(per_folder), 1)


def above(per_folder: int, mean: float) -> bool:
    return per_folder > mean


def spread(above: Collect[bool]) -> int:
    return sum(above)


def bad(folder: int) -> int:
    raise ValueError(folder)


def bads(bad: Collect[int]) -> int:
    return len(bad)


FLOW = module_from_functions(folder, file, size, per_folder, mean, above, spread, bad, bads)


def snapshots_of(executor, outputs, **inputs):
    found, tallies = [], []

    def observe(event):
        now = perf_counter()
        if isinstance(event, RunStarted):
            tallies.append(Tally(event, now))
        tallies[-1].observe(event, now)
        found.append(tallies[-1].snapshot(now))

    options = {} if executor == "sequential" else {"workers": 2}
    with Builder().with_modules(FLOW).with_executor(executor, **options).with_adapters(observe).build() as driver:
        try:
            driver.execute(outputs, inputs=inputs)
        except ValueError:
            pass
    return found


def fans_of(snapshot):
    return {fan.name: fan for fan in snapshot.fans}


@pytest.mark.parametrize("executor", ["sequential", "threads", "processes"])
@pytest.mark.parametrize(("folders", "files"), [(0, 3), (1, 0), (3, 40), (60, 3)])
def test_it_is_exact_in_the_end_and_never_runs_ahead(executor, folders, files):
    found = snapshots_of(executor, ["spread"], folders=folders, files=files)
    for snapshot in found:
        for fan in snapshot.fans:
            assert 0 <= fan.done <= fan.known
            assert fan.out >= 0
            assert fan.left is None or not fan.is_open
        assert snapshot.running >= 0
    for before, after in pairwise(found):
        for name, fan in fans_of(before).items():
            assert fans_of(after)[name].done >= fan.done
            assert fans_of(after)[name].known >= fan.known
    last = found[-1]
    assert last.is_over
    assert not last.has_failed
    assert last.running == 0
    fans = fans_of(last)
    assert (fans["folder"].done, fans["folder"].known) == (folders, folders)
    if "folder, pass 2" in fans:
        assert fans["folder, pass 2"].done == folders
    assert all(fan.is_over and not fan.is_open and not fan.out for fan in last.fans)
    assert [fan.name for fan in last.fans] == [name for name in ("folder", "file", "folder, pass 2") if name in fans]


def test_the_driver_counts_as_a_worker_only_where_it_is_alone():
    assert snapshots_of("sequential", ["spread"], folders=2, files=2)[-1].workers == 1
    assert snapshots_of("threads", ["spread"], folders=9, files=9)[-1].workers <= 2


def test_a_run_that_fails():
    last = snapshots_of("sequential", ["bads"], folders=3)[-1]
    assert (last.has_failed, last.failed, fans_of(last)["folder"].failed) == (True, 1, 1)


START = RunStarted("r", ("x",), slots=2)


def tally(*events, step=1.0):
    made = Tally(START, 0.0)
    for number, event in enumerate(events, 1):
        made.observe(event, number * step)
    return made, len(events) * step


def test_a_rate_and_what_is_left():
    made, now = tally(FanOpened("f", "f", (), 100), SpanSubmitted("f", "f", (), 0, 50), SpanFinished("f", "f", (), 0, 50, 1, 0, "w"))
    fan = made.snapshot(now).fans[0]
    assert (fan.done, fan.known, fan.is_open) == (50, 100, False)
    assert fan.rate == pytest.approx(25)
    assert fan.left == pytest.approx(2)
    made.observe(SpanFinished("f", "f", (), 50, 90, 1, 0, "w"), now + 30)
    assert made.snapshot(now + 30).fans[0].rate == pytest.approx(40 / 30)


def test_an_open_source_has_no_end_in_sight():
    made, now = tally(FanOpened("f", "f", (), None), SpanSubmitted("f", "f", (), 0, 5))
    fan = made.snapshot(now).fans[0]
    assert (fan.done, fan.known, fan.is_open, fan.out, fan.left) == (0, 0, True, 5, None)
    made.observe(SpanFinished("f", "f", (), 0, 5, 1, 0, "w"), now)
    made.observe(FanFinished("f", "f", (), 5), now)
    fan = made.snapshot(now).fans[0]
    assert (fan.done, fan.known, fan.is_open, fan.is_over) == (5, 5, False, True)


def test_what_comes_late_is_not_counted_twice():
    made, now = tally(
        FanOpened("f", "f", (), None),
        SpanSubmitted("f", "f", (), 0, 5),
        FanFinished("f", "f", (), 5),
        SpanFinished("f", "f", (), 0, 5, 1, 0, "w"),
    )
    assert made.snapshot(now).fans[0].done == 5
    assert made.snapshot(now).running == 0


def test_failures_belong_to_the_last_pass_over_their_axis():
    failure = Failure("g", ("e", "f"), (1, 2), capture(ValueError()))
    made, now = tally(FanOpened("f", "f", (0,), 3), SpanSubmitted("f, pass 2", "f", (0,), 0, 1), ItemFailed(failure), RunFinished("r", True))
    assert [(fan.name, fan.failed) for fan in made.snapshot(now).fans] == [("f", 0), ("f, pass 2", 1)]


def test_calls():
    made, now = tally(CallStarted("a", ()), CallStarted("b", ()), CallFinished("a", (), 1, 0, "w"))
    snapshot = made.snapshot(now)
    assert (snapshot.calls, snapshot.running, snapshot.workers) == (1, 1, 1)


def test_events_that_it_does_not_know_are_no_matter():
    made, now = tally(object())
    assert made.snapshot(now).fans == ()


def test_memory_is_what_living_workers_hold_and_cached_results_are_counted():
    def span(lo, worker, memory, cached):
        return SpanFinished("f", "f", (), lo, lo + 2, 0.1, 0.0, worker, 0, Journey(memory=memory), cached)

    events = [FanOpened("f", "f", (), 8), *(SpanSubmitted("f", "f", (), lo, lo + 2) for lo in (0, 2, 4))]
    made, now = tally(*events, span(0, "a", 100, 1), span(2, "b", 50, 2), span(4, "a", 80, 0))
    found = made.snapshot(now)
    assert (found.memory, found.cached, found.fans[0].cached) == (130, 3, 3)
    made.observe(WorkerDied("f", (), 6, 8, "b", "SIGKILL"), now)
    assert made.snapshot(now).memory == 80
    assert efforts(found) == ["2 workers", "130 B", "3 cached"]
    assert of_fan(found.fans[0]).endswith("3 cached")
