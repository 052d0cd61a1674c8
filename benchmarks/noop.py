"""Fan-outs whose items do nothing: the engine's own cost per item."""

from __future__ import annotations

from benchmarks.flows import fans
from benchmarks.measure import OURS, Bench, Target, Workload, best_chunk

__all__ = ["WORKLOADS"]


def sequential(bench: Bench) -> None:
    count = bench.size(1_000_000, 20_000)
    ours(bench, "sequential", count)
    bench.add("loop", count, lambda: fans.flat_loop(count))
    bench.peer("joblib", "sequential", count // 10, lambda mapping: mapping(fans.step, range(count // 10)))
    bench.peer("pipefunc", "sequential", count // 100, lambda mapping: mapping(fans.step, range(count // 100)))
    few = bench.size(1_000, 50)
    bench.peer("hamilton", "sequential", few, lambda mapping: mapping(fans.step, range(few)))
    bench.peer("dagster", "sequential", 100, lambda mapping: mapping(fans.step, range(100)))


def linear(bench: Bench) -> None:
    few, many = bench.size(100_000, 1_000), bench.size(10_000_000, 50_000)
    times = 10
    driver = bench.driver("fans")
    bench.add(OURS, many, lambda: driver.execute(["total"], {"count": many}), f"{many:,} items")
    repeat = range(times)
    bench.add("few", few * times, lambda: [driver.execute(["total"], {"count": few}) for _ in repeat], f"{few:,} items")
    bench.add("loop", many, lambda: fans.flat_loop(many), f"{many:,} items")


def threads(bench: Bench) -> None:
    count = bench.size(1_000_000, 20_000)
    ours(bench, "threads", count)
    bench.add("loop", count, lambda: fans.flat_loop(count))
    some, few = count // 50, bench.size(200, 20)
    bench.peer("concurrent.futures", "threads", some, lambda mapping: mapping(fans.step, range(some)))
    bench.peer("joblib", "threads", some, lambda mapping: mapping(fans.step, range(some)))
    bench.peer("hamilton", "threads", few, lambda mapping: mapping(fans.step, range(few)))


def processes(bench: Bench) -> None:
    count = bench.size(1_000_000, 20_000)
    ours(bench, "processes", count)
    bench.add("loop", count, lambda: fans.flat_loop(count))
    pool = bench.open("concurrent.futures", "processes")
    chunk = best_chunk(pool, fans.step, range(count), [count // parts for parts in (200, 50, 16, 4, 2)])
    best = f"chunks of {chunk:,}"
    bench.add("concurrent.futures", count, lambda: fans.total(pool(fans.step, range(count), chunk=chunk)), best)
    bench.peer("joblib", "processes", count, lambda mapping: mapping(fans.step, range(count)))
    some, few = count // 5, bench.size(200, 20)
    bench.peer("mpire", "processes", some, lambda mapping: mapping(fans.step, range(some), chunk=None))
    bench.peer("pipefunc", "processes", count // 100, lambda mapping: mapping(fans.step, range(count // 100)))
    bench.peer("hamilton", "processes", few, lambda mapping: mapping(fans.step, range(few)))


def ray(bench: Bench) -> None:
    cluster(bench, "ray", bench.size(2_000, 100))


def dask(bench: Bench) -> None:
    cluster(bench, "dask", bench.size(1_000, 100))


def cluster(bench: Bench, name: str, few: int) -> None:
    """A task per item is slow: it gets fewer items, and figures per item are compared."""
    count = bench.size(100_000, 1_000)
    ours(bench, name, count)
    bench.add("loop", count, lambda: fans.flat_loop(count))
    mapping = bench.open(name, "processes")
    chunk = best_chunk(mapping, fans.step, range(count), [count // parts for parts in (32, 8, 4, 2)])
    bench.add("by hand", count, lambda: mapping(fans.step, range(count), chunk=chunk), f"tasks of {chunk:,} items")
    bench.add(name, few, lambda: mapping(fans.step, range(few)), "a task an item")


def ours(bench: Bench, executor: str, count: int) -> None:
    driver = bench.driver("fans", executor)
    bench.add(OURS, count, lambda: driver.execute(["total"], {"count": count}))


WORKLOADS = (
    Workload("noop-sequential", "no-op, `sequential`, 10⁶ items", sequential, (Target(1.5, "loop"),)),
    Workload("linear", "no-op, `sequential`, 10⁷ items against 10⁵", linear, (Target(1.2, "few"),), rounds=3),
    Workload("noop-threads", "no-op, `threads`, 10⁶ items", threads, (Target(2, "loop"),)),
    Workload(
        "noop-processes",
        "no-op, `processes`, 10⁶ items",
        processes,
        (Target(1.5, "concurrent.futures"), Target(1 / 4, "joblib")),
        rounds=4,
    ),
    Workload(
        "noop-ray", "no-op, `ray`, 10⁵ items", ray, (Target(1.5, "by hand"), Target(1 / 100, "ray")), needs=("ray",), rounds=5
    ),
    Workload("noop-dask", "no-op, `dask`, 10⁵ items", dask, (Target(1 / 100, "dask"),), needs=("dask",), rounds=4),
)
