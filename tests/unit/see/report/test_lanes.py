"""Where workers' time went: exact, and complete."""

import random

import pytest

from anabranch.see.report.lanes import lanes_of


def parts(lane):
    return [round(part, 9) for part in (lane.busy, lane.handover, lane.idle, lane.starting)]


def test_every_second_has_its_kind(record_of):
    record = record_of(
        [
            ("a", "f", 0.0, 1.0, 3.0, 1, ()),  # a waits a second for its first call
            ("b", "f", 0.0, 2.0, 4.0, 1, ()),
            ("a", "f", 4.0, 5.0, 6.0, 1, ()),  # of the two seconds before, one was without any work, one on its way
            ("a", "f", 6.0, 6.0, 8.0, 1, ()),
        ],
        seconds=10.0,
    )
    a, b = lanes_of(record)
    assert (a.worker, parts(a)) == ("a", [5.0, 1.0, 3.0, 1.0])
    assert (b.worker, parts(b)) == ("b", [2.0, 1.0, 5.0, 2.0])


def test_slots_that_nobody_used_are_wall_time_too(record_of):
    record = record_of([("a", "f", 0.0, 0.0, 1.0, 1, ())], seconds=2.0, slots=3)
    lanes = lanes_of(record)
    assert [lane.worker for lane in lanes] == ["a", "unused 1", "unused 2"]
    assert [parts(lane) for lane in lanes[1:]] == [[0, 0, 0, 2.0], [0, 0, 0, 2.0]]


def test_the_driver_has_a_lane_only_where_it_is_alone(record_of):
    driver = ("driver", "g", 0.0, 0.0, 1.0, None, ())
    assert [lane.worker for lane in lanes_of(record_of([driver], 2.0, slots=1))] == ["driver"]
    both = record_of([driver, ("a", "f", 1.0, 1.0, 2.0, 1, ())], 2.0, slots=1)
    assert [lane.worker for lane in lanes_of(both)] == ["a"]


def test_a_run_without_calls(record_of):
    (lane,) = lanes_of(record_of([], 1.5, slots=1))
    assert parts(lane) == [0, 0, 0, 1.5]


@pytest.mark.parametrize("seed", range(20))
def test_the_parts_add_up_to_wall_time_times_workers(record_of, seed):
    rng = random.Random(seed)
    calls, seconds = [], 0.0
    for worker in range(rng.randint(1, 5)):
        at = rng.random()
        for _ in range(rng.randint(0, 30)):
            begun = at + rng.choice([0.0, rng.random()])
            over = begun + rng.choice([0.0, rng.random()])
            calls.append((f"w{worker}", "f", max(begun - rng.random(), 0.0), begun, over, 2, ()))
            at = over
        seconds = max(seconds, at)
    record = record_of(calls, seconds + rng.random(), slots=6)
    lanes = lanes_of(record)
    assert sum(lane.seconds for lane in lanes) == pytest.approx(6 * record.seconds)
    assert all(part >= -1e-9 for lane in lanes for part in (lane.busy, lane.handover, lane.idle, lane.starting))
