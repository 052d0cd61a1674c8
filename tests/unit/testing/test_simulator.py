"""The scheduler at sizes that no test machine has."""

from __future__ import annotations

import math
from heapq import heapreplace

import pytest

from anabranch import Builder, Collect, InputError, Parallelizable, Stream, associative, module_from_functions
from anabranch.testing.simulator import Axis, Cluster, simulate


def x(n: int) -> Parallelizable[int]: ...
def y(x: int) -> int: ...
def total(y: Collect[int]) -> int: ...
def share(y: int, total: int) -> float: ...
def best(share: Collect[float]) -> float: ...
@associative
def summed(y: Collect[int]) -> int: ...
def streamed(y: Stream[int]) -> int: ...
def w(y: int) -> Parallelizable[int]: ...
def leaf(w: int) -> int: ...
def per(leaf: Collect[int]) -> int: ...
def grand(per: Collect[int]) -> int: ...


FLOW = Builder().with_modules(module_from_functions(x, y, total, share, best, summed, streamed, w, leaf, per, grand)).build()


def simulated(output, axes, seconds, cluster, **options):
    return simulate(FLOW.plan([output], ["n"]), axes, seconds, cluster, **options)


def log_normal(mean, sigma=1.0):
    return lambda where, random: random.lognormvariate(math.log(mean) - sigma**2 / 2, sigma)


def one_by_one(durations, workers):
    """The makespan of the schedule that gives each worker that is free the next item, at no cost: the best that can be done
    by who does not know durations beforehand."""
    free = [0.0] * workers
    for seconds in durations:
        heapreplace(free, free[0] + seconds)
    return max(free)


def untimed(simulation):
    return {name: getattr(simulation, name) for name in simulation.__slots__ if name != "real_seconds"}


# -- the simulator -----------------------------------------------------------------------------------------------------


def test_on_one_worker_the_makespan_is_the_work():
    found = simulated("total", {"x": 100}, {"y": 0.5, "total": 2.0}, Cluster(1))
    assert found.items == 100
    assert found.work == found.makespan == found.ideal == pytest.approx(52.0)
    assert found.utilisation == found.stretch == pytest.approx(1.0)


def test_every_item_travels_once_and_a_second_pass_travels_again():
    assert simulated("total", {"x": 1000}, {"y": 0.01}, Cluster(7)).items == 1000
    assert simulated("best", {"x": 1000}, {"y": 0.01, "share": 0.02}, Cluster(7)).work == pytest.approx(30.0)


def test_an_empty_axis_is_no_work():
    assert simulated("total", {"x": 0}, {"y": 1.0}, Cluster(4)).work == 0.0


def test_the_same_seed_gives_the_same_simulation_and_another_another():
    def skewed(seed):
        return untimed(simulated("summed", {"x": 500}, {"y": log_normal(0.1)}, Cluster(16, latency=0.001), seed=seed))

    assert skewed(1) == skewed(1) != skewed(2)


def test_how_long_an_item_takes_depends_on_its_place_and_not_on_its_span():
    def work(**options):
        return simulated("total", {"x": 1000}, {"y": log_normal(0.001)}, Cluster(**options)).work

    assert work(workers=1) == pytest.approx(work(workers=3, latency=0.5)) == pytest.approx(work(workers=64, credit=64))


def test_inner_widths_and_durations_go_by_the_outer_index():
    axes = {"x": 5, "w": lambda where: where[0]}
    for workers in (1, 2, 50):
        found = simulated("grand", axes, {"leaf": lambda where, random: where[0] + where[1] / 10}, Cluster(workers))
        assert found.work == pytest.approx(sum(i * i + sum(range(i)) / 10 for i in range(5)))


def test_what_calls_cost_is_seen():
    axes, seconds = {"x": 200}, {"y": 1.0}
    assert simulated("total", axes, seconds, Cluster(2, overhead=0.5)).makespan >= 150.0
    serial = simulated("total", axes, seconds, Cluster(100, dispatch=0.1))
    assert serial.makespan >= 0.1 * serial.calls
    assert simulated("total", axes, seconds, Cluster(2, credit=2, latency=0.5)).stretch == pytest.approx(2.0, rel=0.05)
    assert simulated("total", axes, seconds, Cluster(2, credit=4, latency=0.25)).stretch < 1.05


def test_a_slow_source_is_the_limit():
    found = simulated("total", {"x": Axis(100, counted=False, seconds=1.0)}, {"y": 0.1}, Cluster(4))
    assert 100.0 <= found.makespan < 101.0


def test_an_axis_without_a_width_is_an_error():
    with pytest.raises(InputError, match="'x'"):
        simulated("total", {}, {"y": 1.0}, Cluster(2))


# -- the scheduler -----------------------------------------------------------------------------------------------------


def test_at_a_thousand_workers_nothing_is_lost():
    found = simulated("total", {"x": 20_000}, {"y": 1.0}, Cluster(1000))
    assert found.stretch < 1.01


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_ten_thousand_workers_and_a_hundred_million_items():
    found = simulated("total", {"x": 10**8}, {"y": 1.0}, Cluster(10_000))
    assert found.stretch < 1.01
    assert found.items_per_second > 10**6


def test_memory_is_set_by_what_is_in_flight():
    def peak(items):
        return simulated("summed", {"x": items}, {"y": 1.0}, Cluster(20), trace_memory=True).peak_bytes

    assert peak(8000) < 600_000


@pytest.mark.parametrize(("workers", "items", "mean"), [(2, 400, 0.005), (16, 4000, 0.005), (16, 1600, 1.0), (1000, 20_000, 1.0)])
def test_skewed_durations_end_as_if_items_were_handed_out_one_by_one(workers, items, mean):
    durations = []

    def noted(where, random):
        durations.append((where, log_normal(mean)(where, random)))
        return durations[-1][1]

    found = simulated("total", {"x": items}, {"y": noted}, Cluster(workers))
    drawn = [seconds for (n,), seconds in sorted(set(durations)) if n < items]
    assert len(drawn) == items
    assert found.makespan < 1.03 * one_by_one(drawn, workers)


@pytest.mark.parametrize(("outer", "inner"), [(10, 2000), (500, 20), (4000, 2)])
def test_nested_axes_keep_the_workers_busy_whichever_is_wide(outer, inner):
    found = simulated("grand", {"x": outer, "w": inner}, {"leaf": 1.0}, Cluster(1000))
    assert found.utilisation > 0.9


@pytest.mark.parametrize("speed", [0.0, 0.001, 0.1])
def test_a_stream_reader_bounds_what_is_held(speed):
    def held(items):
        found = simulated("streamed", {"x": Axis(items, counted=False)}, {"y": 0.1, "streamed": speed}, Cluster(20))
        return found.most_held

    assert held(8000) <= 1.5 * held(4000) <= 3 * 40 * 4


def test_associative_collectors_cost_the_same_however_far_spans_are_out_of_order():
    found = simulated("summed", {"x": 5000}, {"y": log_normal(1.0, 2.0)}, Cluster(500))
    assert found.calls < 1.3 * 5000
    assert found.real_seconds < 5.0
