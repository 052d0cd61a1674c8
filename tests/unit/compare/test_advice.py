"""Which setting is advised, and why, from figures that are made up; and that real ones say the same where nobody can doubt it."""

from __future__ import annotations

import time

import pytest

from anabranch import Builder, Collect, ExecutorError, InputError, Parallelizable, module_from_functions
from anabranch.compare import Comparison, Figures, Setting, advice_on, measured, settings_of
from anabranch.compare.document import document_of
from anabranch.compare.figures import Sample
from anabranch.compare.measuring import Job
from anabranch.compare.page import page_of_comparison

SEQUENTIAL, THREADS, PROCESSES = Setting("sequential"), Setting("threads", 2), Setting("processes", 2)


def figures(setting, wall, *, busy=None, wanted=1.0, items=1000, fanned=1.0, peak=None, rounds=3):
    """Rounds that are all alike; `wanted` is a share of the wall time."""
    busy = wall * setting.workers if busy is None else busy
    sample = Sample(wall, busy, wall * wanted, wall * wanted, 10, items, busy * fanned)
    return Figures(setting, (sample,) * rounds, wall, peak)


def advised(*found):
    return advice_on(Comparison(found, ("total",), 3))


def test_processor_bound_functions_that_keep_the_lock_go_to_processes():
    made = advised(figures(SEQUENTIAL, 10.0), figures(THREADS, 10.5), figures(PROCESSES, 5.2))
    assert made.setting == PROCESSES
    assert made.reason == "the functions keep the interpreter lock: processes × 2 gains 1.9×, threads × 2 comes to 0.95×"


def test_waiting_goes_to_threads_though_processes_are_as_quick():
    slow = figures(SEQUENTIAL, 10.0, wanted=0.03)
    made = advised(slow, figures(THREADS, 5.1, peak=50 << 20), figures(PROCESSES, 5.0, peak=90 << 20))
    assert made.setting == THREADS
    assert made.reason == (
        "this flow waits for 97.0 % of its time, and threads wait at the same time; "
        "processes × 2 needs 90 MiB of memory instead of 50 MiB"
    )
    assert made.notes == ("more workers may gain more: 2 are 98.0 % efficient; try -w 4",)


def test_arrays_whose_functions_let_go_of_the_lock_stay_in_threads():
    made = advised(figures(SEQUENTIAL, 10.0), figures(THREADS, 5.5), figures(PROCESSES, 9.0))
    assert made.setting == THREADS
    assert made.reason == (
        "the functions let go of the interpreter lock (threads × 2 gains 1.8×), and nothing has to be copied; "
        "processes × 2 takes 1.6× as long"
    )


def test_tiny_items_stay_where_they_are():
    made = advised(
        figures(SEQUENTIAL, 0.004, busy=0.003), figures(THREADS, 0.0045, busy=0.003), figures(PROCESSES, 0.012, busy=0.003)
    )
    assert made.text == "sequential: items of 3 µs don't pay for processes (processes × 2 takes 3× as long)"


def test_a_flow_without_items_and_one_that_is_mostly_serial():
    alone = advised(figures(SEQUENTIAL, 10.0, items=0), figures(THREADS, 10.0, items=0))
    assert alone.setting == SEQUENTIAL and "nothing fans out" in alone.reason
    serial = advised(figures(SEQUENTIAL, 10.0, fanned=0.1), figures(PROCESSES, 9.6, fanned=0.1))
    assert serial.setting == SEQUENTIAL
    assert serial.reason == "only 10.0 % of the time in functions is spent on items; the rest runs once (processes × 2 gains 1×)"


def test_workers_that_stand_in_each_others_way():
    made = advised(figures(SEQUENTIAL, 10.0), figures(PROCESSES, 9.8, busy=19.0))
    assert made.setting == SEQUENTIAL
    assert "the same functions take 1.9× as long there" in made.reason or "one processor" in made.reason


def test_another_executor_is_taken_only_if_it_is_quicker():
    dask = Setting("dask", 8)
    assert advised(figures(SEQUENTIAL, 10.0), figures(PROCESSES, 5.0), figures(dask, 4.8)).setting == PROCESSES
    found = advised(figures(SEQUENTIAL, 10.0), figures(PROCESSES, 5.0), figures(dask, 2.0))
    assert found.text == "dask × 8: dask × 8 gains 5×, processes × 2 gains 2×"


def test_what_failed_is_left_out_and_told():
    comparison = Comparison((figures(SEQUENTIAL, 1.0), Figures(THREADS, (), failed="ExecutorError: <b>none</b>")), ("total",), 3)
    made = advice_on(comparison)
    assert made.text == "sequential: nothing else could be measured"
    assert document_of(comparison, made)["settings"][1] == {
        "executor": "threads",
        "workers": 2,
        "failed": "ExecutorError: <b>none</b>",
    }
    page = page_of_comparison(comparison, made)
    assert "<b>none</b>" not in page and "&lt;b&gt;none&lt;/b&gt;" in page


def test_a_difference_that_the_best_rounds_do_not_show_is_noise():
    one, other = figures(SEQUENTIAL, 1.0).samples[0], figures(SEQUENTIAL, 2.0).samples[0]
    assert advised(Figures(SEQUENTIAL, (other, one, other)), figures(THREADS, 1.0)).setting == SEQUENTIAL
    assert advised(Figures(SEQUENTIAL, (other, other, other)), figures(THREADS, 1.0)).setting == THREADS


def test_noise_is_told():
    sample = figures(SEQUENTIAL, 1.0).samples[0]
    other = figures(SEQUENTIAL, 2.0).samples[0]
    made = advised(Figures(SEQUENTIAL, (sample, other, sample)))
    assert made.notes == ("rounds differ (sequential: 1 s to 2 s); more --rounds tell more surely",)


# -- settings ----------------------------------------------------------------------------------------------------------


def test_settings_are_every_executor_with_every_number_and_sequential_once():
    assert settings_of(["processes", "sequential"], [4, 2]) == [SEQUENTIAL, PROCESSES, Setting("processes", 4)]
    assert settings_of()[0] == SEQUENTIAL
    assert {one.executor for one in settings_of()} == {"sequential", "threads", "processes"}


@pytest.mark.parametrize(
    ("executors", "workers", "says"),
    [(["proceses"], [2], "did you mean 'processes'"), (["threads"], [0], "one worker or more, not 0")],
)
def test_settings_that_cannot_be(executors, workers, says):
    with pytest.raises(InputError, match=says):
        settings_of(executors, workers)


# -- real runs ---------------------------------------------------------------------------------------------------------


def number(limit: int) -> Parallelizable[int]:
    yield from range(limit)


def nap(number: int) -> int:
    time.sleep(0.02)
    return number


def waited(nap: Collect[int]) -> int:
    return len(nap)


def bad(number: int) -> int:
    raise ValueError("no")


def bads(bad: Collect[int]) -> int:
    return len(bad)


def job(output="waited", limit=16):
    return Job(Builder().with_modules(module_from_functions(number, nap, waited, bad, bads)), [output], {"limit": limit})


def test_what_sleeps_is_seen_to_wait():
    said = []
    comparison = measured(job(), [SEQUENTIAL, Setting("threads", 4)], 2, said.append)
    made = advice_on(comparison)
    assert made.setting == Setting("threads", 4)
    assert "this flow waits" in made.reason
    assert said[:4] == ["starting sequential (1 of 2)", "starting threads × 4 (2 of 2)", "round 1 of 2", "round 2 of 2"]
    assert comparison.base.items == 16
    assert comparison.base.busy == pytest.approx(comparison.base.wall, rel=0.5)
    assert page_of_comparison(comparison, made).count("<svg") >= 3


class WithoutThreads(Job):
    def driver(self, setting):
        if setting == THREADS:
            raise ExecutorError("no threads today")
        return super().driver(setting)


def test_an_executor_that_cannot_be_had_is_told_and_the_others_go_on():
    without = WithoutThreads(*(getattr(job(limit=1), name) for name in ("builder", "outputs", "inputs")))
    comparison = measured(without, [THREADS, SEQUENTIAL], 1)
    assert [one.failed for one in comparison.all] == ["ExecutorError: no threads today", ""]
    assert comparison.base.setting == SEQUENTIAL
    with pytest.raises(ExecutorError, match="no threads today"):
        measured(without, [THREADS], 1)


def test_what_a_function_raises_ends_the_comparison():
    with pytest.raises(ValueError, match="no"):
        measured(job("bads"), [SEQUENTIAL, THREADS], 1)


def test_there_must_be_something_to_compare():
    with pytest.raises(InputError, match="nothing to compare"):
        measured(job(), [], 1)
    with pytest.raises(InputError, match="one round or more"):
        measured(job(), [SEQUENTIAL], 0)
