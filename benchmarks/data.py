"""Large values: one that all items share, and many that they return."""

from __future__ import annotations

from benchmarks.measure import OURS, Bench, Target, Workload
from benchmarks.memory import gauge

__all__ = ["WORKLOADS"]


def shared(bench: Bench) -> None:
    import numpy as np

    from benchmarks.flows import arrays

    count = bench.size(1_000, 50)
    array = np.random.default_rng(1).random(bench.size(100, 4) * 125_000)
    driver = bench.driver("arrays", "processes")
    bench.add(OURS, count, lambda: driver.execute(["array_sum"], {"parts": count, "array": array}))
    note = "memmap"
    bench.peer("joblib", "processes", count, lambda mapping: mapping(arrays.part_sum, range(count), (array,)), note=note)
    bench.peer("ray", "processes", count, lambda mapping: mapping(arrays.part_sum, range(count), (array,)), note="ray.put")
    bench.peer("dask", "processes", count, lambda mapping: mapping(arrays.part_sum, range(count), (array,)), note="scatter")


def shared_memory(bench: Bench) -> None:
    megabytes = bench.size(100, 10)
    bench.gauge(OURS, lambda: gauge("shared", "anabranch", megabytes), "array of 100 MB")
    if bench.has("joblib"):
        bench.gauge("joblib", lambda: gauge("shared", "joblib", megabytes), "memmap")


def results(bench: Bench) -> None:
    from functools import partial

    from benchmarks.flows import arrays

    count, megabytes = bench.size(48, 8), 8
    make = partial(arrays.filled, megabytes=megabytes)
    driver = bench.driver("arrays", "processes")
    bench.add(OURS, count, lambda: driver.execute(["heads"], {"blocks": count, "megabytes": megabytes}))
    bench.add("loop", count, lambda: arrays.heads_of([make(number) for number in range(count)]))
    for name in ("concurrent.futures", "joblib", "mpire", "ray", "dask"):
        bench.peer(
            name, "processes", count, lambda mapping: arrays.heads_of(mapping(arrays.filled, range(count), (megabytes,)))
        )


WORKLOADS = (
    Workload("shared", "100 MB array, 1,000 items, `processes`", shared, (Target(1, "joblib"),), rounds=5, needs=("numpy",)),
    Workload(
        "shared-memory",
        "the same: peak memory of all processes (PSS) over the start",
        shared_memory,
        (Target(120),),
        unit="MB",
        rounds=1,
        needs=("numpy", "psutil"),
    ),
    Workload(
        "results",
        "48 results of 8 MB, `processes`",
        results,
        (Target(0.5, "ray"), Target(0.4, "concurrent.futures")),
        rounds=4,
        needs=("numpy",),
    ),
)
