"""The critical path: a chain from the run's beginning to its end, without holes."""

import pytest

from anabranch import Builder, Collect, Parallelizable, module_from_functions
from anabranch.events import RunStarted
from anabranch.see.report import Record
from anabranch.see.report.path import critical_path, stretches


def item(n: int) -> Parallelizable[int]:
    yield from range(n)


def work(item: int) -> int:
    return item


def total(work: Collect[int]) -> int:
    return sum(work)


def other(n: int) -> int:
    return n


def last(work: Collect[int], other: int) -> int:
    return sum(work) + other


def plan_of(*outputs):
    driver = Builder().with_modules(module_from_functions(item, work, total, other, last)).build()
    return driver.plan(list(outputs), ["n"])


def shown(record):
    return [(record.row(step.call).task, record.row(step.call).lo, step.why, round(step.gap, 6)) for step in critical_path(record)]


def test_what_ended_last_is_what_was_waited_for(record_of):
    record = record_of(
        [
            ("a", "item", 0.0, 0.5, 2.0, 1, ()),
            ("b", "item", 0.0, 0.5, 1.0, 1, ()),
            ("b", "item", 0.0, 1.0, 4.0, 1, ()),  # the last item waits for its worker
            ("a", "other", 0.0, 2.0, 3.0, None, ()),
            ("a", "last", 4.0, 4.5, 5.0, None, ()),
        ],
        seconds=5.5,
        plan=plan_of("last"),
    )
    assert shown(record) == [("item", 1, "start", 0.5), ("item", 2, "worker", 0.0), ("last", 0, "value", 0.5)]


def test_a_call_that_a_value_from_the_same_worker_made_wait(record_of):
    record = record_of([("a", "item", 0.0, 0.0, 1.0, 1, ()), ("a", "total", 1.0, 1.5, 2.0, None, ())], 2.0, plan=plan_of("total"))
    assert shown(record) == [("item", 0, "start", 0.0), ("total", 0, "value", 0.5)]


@pytest.mark.parametrize("executor", ["sequential", "threads", "processes"])
def test_calls_and_gaps_cover_the_run(watched, executor):
    records = []

    def observe(event):
        if isinstance(event, RunStarted):
            records.append(Record(event))
        records[-1](event)

    watched(observe, executor=executor, folders=7, files=40)
    (record,) = records
    path = critical_path(record)
    covered = sum(record.lengths[step.call] + step.gap for step in path)
    tail = record.seconds - (record.begins[path[-1].call] + record.lengths[path[-1].call])
    assert covered + tail == pytest.approx(record.seconds, abs=0.002 * len(path))
    assert [step.why for step in path].count("start") == 1
    assert path[0].why == "start"
    found = stretches(record, path)
    assert sum(one.calls for one in found) == len(path)
    assert sum(one.seconds for one in found) == pytest.approx(sum(record.lengths[step.call] for step in path))
    assert found[-1].task.endswith("spread")


def test_an_inner_call_waits_for_what_its_item_needs(record_of):
    def group(n: int) -> Parallelizable[int]:
        yield from range(n)

    def member(group: int) -> Parallelizable[int]:
        yield from range(group)

    def each(member: int) -> int:
        return member

    def both(each: Collect[int]) -> int:
        return sum(each)

    def all_of(both: Collect[int]) -> int:
        return sum(both)

    driver = Builder().with_modules(module_from_functions(group, member, each, both, all_of)).build()
    record = record_of(
        [
            ("a", "member", 0.0, 0.0, 1.0, 2, (0,)),
            ("b", "member", 0.0, 0.0, 3.0, 2, (1,)),
            ("a", "both", 1.0, 1.0, 1.5, None, (0,)),
            ("a", "both", 3.0, 3.5, 4.0, None, (1,)),
            ("b", "all_of", 4.0, 4.5, 5.0, None, ()),
        ],
        seconds=5.0,
        plan=driver.plan(["all_of"], ["n"]),
    )
    assert shown(record) == [("member", 0, "start", 0.0), ("both", 0, "value", 0.5), ("all_of", 0, "value", 0.5)]


def test_a_run_without_calls(record_of):
    assert critical_path(record_of([], 1.0)) == []
