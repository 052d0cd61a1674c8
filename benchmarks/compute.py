"""Items that take a few milliseconds, of the processor's time or of the clock's: how full the workers are kept."""

from __future__ import annotations

from benchmarks.flows import work
from benchmarks.measure import BEST, OURS, Bench, Target, Workload

__all__ = ["WORKLOADS"]


def even(bench: Bench) -> None:
    count = bench.size(400, 40)
    spinning(bench, [0.005] * count)


def skewed(bench: Bench) -> None:
    spinning(bench, work.log_normal(bench.size(400, 40), 0.005))


def spinning(bench: Bench, durations: list[float]) -> None:
    a_second = work.turns_of(0.02) * 50
    turns = [int(duration * a_second) for duration in durations]
    count = len(turns)
    driver = bench.driver("work", "processes")
    bench.add(OURS, count, lambda: driver.execute(["spun"], {"turns": turns}))
    for name in ("concurrent.futures", "joblib", "mpire", "pipefunc", "hamilton", "ray", "dask"):
        bench.peer(name, "processes", count, lambda mapping: mapping(work.spin, turns))


def sleeping(bench: Bench) -> None:
    count, threads = bench.size(4_000, 200), 32
    driver = bench.driver("work", "threads", threads)
    bench.add(OURS, count, lambda: driver.execute(["slept"], {"naps": count, "seconds": 0.005}))
    for name in ("concurrent.futures", "joblib", "mpire"):
        bench.peer(name, "threads", count, lambda mapping: mapping(work.sleep, range(count), (0.005,)), workers=threads)


WORKLOADS = (
    Workload("cpu", "CPU 5 ms × 400, `processes`", even, (Target(1.03, BEST),), rounds=5, anew=True),
    Workload(
        "log-normal",
        "log-normal durations, mean 5 ms × 400, `processes`",
        skewed,
        (Target(1.03, BEST),),
        rounds=5,
        anew=True,
    ),
    Workload("sleep", "sleep 5 ms × 4,000, 32 threads", sleeping, (Target(1.05, "concurrent.futures"),), rounds=5),
)
