"""What is drawn: figures over a range of sizes, each the best of a few runs."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import ExitStack

from benchmarks.flows import fans, work
from benchmarks.measure import OURS, Bench, seconds
from benchmarks.memory import STATUS, gauge

__all__ = ["measured"]

PATIENCE = 0.5
"""Seconds: a curve ends with the first point that took longer."""

RUNS = 3
"""Each point is the best of so many."""

Curve = dict[str, list[tuple[float, float]]]


def measured(peers: frozenset[str], *, smoke: bool) -> list[dict]:
    """All charts, as plain data: title, axes, and points by contender."""
    charts = [
        ("overhead", "Time per no-op item", "items", "µs per item", overhead),
        ("durations", "Wall time over the ideal, two workers", "duration of an item, ms", "wall / ideal", durations),
    ]
    if STATUS.exists():
        charts.append(("memory", "Driver's peak memory over its start", "items", "MB", memory))
    found = []
    for name, title, across, up, measure in charts:
        with ExitStack() as stack:
            bench = Bench(smoke, peers, stack=stack)
            found.append({"name": name, "title": title, "x": across, "y": up, "curves": measure(bench)})
    return found


def overhead(bench: Bench) -> Curve:
    counts = [10**power for power in range(2, bench.size(7, 4))]
    runs: dict[str, Callable[[int], object]] = {"loop": fans.flat_loop}
    for executor in ("sequential", "threads", "processes"):
        driver = bench.driver("fans", executor)
        runs[f"{OURS}, {executor}"] = lambda count, driver=driver: driver.execute(["total"], {"count": count})
    kinds = {"concurrent.futures": "processes", "joblib": "processes", "mpire": "processes", "pipefunc": "sequential"}
    for name, kind in (kinds | {"hamilton": "sequential", "dagster": "sequential", "ray": "", "dask": ""}).items():
        if bench.has(name):
            mapping = bench.open(name, kind)
            tuned = name == "concurrent.futures"
            runs[f"{name}, chunks of n/4" if tuned else name] = lambda count, mapping=mapping, tuned=tuned: mapping(
                fans.step, range(count), chunk=count // 4 if tuned else 1
            )
    return {name: _curve(counts, run, lambda count, time: time / count * 1e6) for name, run in runs.items()}


def durations(bench: Bench) -> Curve:
    """The same work, cut into ever longer items."""
    whole = bench.size(400, 40)
    lengths = [0.01, 0.1, 1, 10, 40 if whole > 40 else 20]
    a_millisecond = work.turns_of(0.02) / 20
    driver = bench.driver("work", "processes")
    runs: dict[str, Callable[[list[int]], object]] = {OURS: lambda turns: driver.execute(["spun"], {"turns": turns})}
    for name in ("concurrent.futures", "joblib", "mpire", "pipefunc", "ray", "dask", "hamilton"):
        if bench.has(name):
            mapping = bench.open(name, "processes")
            runs[name] = lambda turns, mapping=mapping: mapping(work.spin, turns)

    def cut(length: float) -> list[int]:
        return [int(a_millisecond * length)] * round(whole / length)

    def relative(length: float, time: float) -> float:
        return time / (whole / 1000 / 2)

    backwards = list(reversed(lengths))
    return {name: _curve(backwards, lambda length, run=run: run(cut(length)), relative)[::-1] for name, run in runs.items()}


def memory(bench: Bench) -> Curve:
    counts = [10**power for power in range(3, bench.size(8, 5))]
    cases = {"Collect": "total", "Stream": "streamed", "@associative": "greatest"}
    return {word: [(count, gauge(case, "sequential", count)) for count in counts] for word, case in cases.items()}


def _curve(
    sizes: Iterable[float], run: Callable[..., object], figure: Callable[[float, float], float]
) -> list[tuple[float, float]]:
    points = []
    for size in sizes:
        first = seconds(lambda size=size: run(size))
        times = [first] if first > PATIENCE else [seconds(lambda size=size: run(size)) for _ in range(RUNS)]
        points.append((size, figure(size, min(times))))
        if first > PATIENCE:
            break
    return points
