"""What is drawn: figures over a range of sizes, each the best of a few runs."""

from __future__ import annotations

import sys
from collections.abc import Callable

from benchmarks.flows import fans, work
from benchmarks.measure import OURS, Bench, seconds
from benchmarks.memory import STATUS, gauge
from benchmarks.patience import limited
from benchmarks.peers import Map

__all__ = ["measured"]

PATIENCE = 0.5
"""Seconds: a curve ends with the first point that took longer."""

RUNS = 3
"""Each point is the best of so many."""

LIMIT = 60
"""Seconds that all runs of one point may take."""

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
        bench = Bench(smoke, peers)
        try:
            found.append({"name": name, "title": title, "x": across, "y": up, "curves": measure(bench)})
        except Exception as error:  # a picture that cannot be measured must not cost the others
            print(f"{name}: {type(error).__name__}: {error}", file=sys.stderr)
        finally:
            bench.close()
    return found


def overhead(bench: Bench) -> Curve:
    counts = [10**power for power in range(2, bench.size(7, 4))]
    runs: dict[str, Callable[[int], object]] = {"loop": fans.flat_loop}
    for executor in ("sequential", "threads", "processes"):
        driver = bench.driver("fans", executor)
        runs[f"{OURS}, {executor}"] = lambda count, driver=driver: driver.execute(["total"], {"count": count})
    kinds = {"concurrent.futures": "processes", "joblib": "processes", "mpire": "processes", "pipefunc": "sequential"}
    for name, kind in (kinds | {"hamilton": "sequential", "dagster": "sequential", "ray": "", "dask": ""}).items():
        if (mapping := _opened(bench, name, kind)) is not None:
            tuned = name == "concurrent.futures"
            runs[f"{name}, chunks of n/4" if tuned else name] = lambda count, mapping=mapping, tuned=tuned: mapping(
                fans.step, range(count), chunk=count // 4 if tuned else 1
            )
    return _curves(runs, counts, lambda run, count: run(count), lambda count, time: time / count * 1e6)


def durations(bench: Bench) -> Curve:
    """The same work, cut into ever longer items."""
    whole = bench.size(400, 40)
    lengths = [0.01, 0.1, 1, 10, 40 if whole > 40 else 20]
    a_millisecond = work.turns_of(0.02) / 20
    driver = bench.driver("work", "processes")
    runs: dict[str, Callable[[list[int]], object]] = {OURS: lambda turns: driver.execute(["spun"], {"turns": turns})}
    for name in ("concurrent.futures", "joblib", "mpire", "pipefunc", "ray", "dask", "hamilton"):
        if (mapping := _opened(bench, name, "processes")) is not None:
            runs[name] = lambda turns, mapping=mapping: mapping(work.spin, turns)

    def cut(length: float) -> list[int]:
        return [int(a_millisecond * length)] * round(whole / length)

    def relative(length: float, time: float) -> float:
        return time / (whole / 1000 / 2)

    return _curves(runs, list(reversed(lengths)), lambda run, length: run(cut(length)), relative)


def memory(bench: Bench) -> Curve:
    counts = [10**power for power in range(3, bench.size(8, 5))]
    cases = {"Collect": "total", "Stream": "streamed", "@associative": "greatest"}
    floor = 0.1  # below which nothing is measured, for the system counts in pages
    return {word: [(count, max(floor, gauge(case, "sequential", count))) for count in counts] for word, case in cases.items()}


def _opened(bench: Bench, name: str, kind: str) -> Map | None:
    if not bench.has(name):
        return None
    try:
        return bench.open(name, kind)
    except Exception as error:  # the others are measured all the same
        print(f"{name}: {type(error).__name__}: {error}", file=sys.stderr)
        return None


def _curves(
    runs: dict[str, Callable[..., object]],
    sizes: list[float],
    do: Callable[[Callable[..., object], float], object],
    figure: Callable[[float, float], float],
) -> Curve:
    """A curve for each contender, warmed up; one that fails or hangs ends its curve, and no other."""
    found: Curve = {}
    for name, run in runs.items():
        points = found[name] = []
        try:
            with limited(LIMIT):
                do(run, sizes[0])
            for size in sizes:
                with limited(LIMIT):
                    first = seconds(lambda run=run, size=size: do(run, size))
                    again = range(RUNS - 1) if first <= PATIENCE else ()
                    times = [first, *(seconds(lambda run=run, size=size: do(run, size)) for _ in again)]
                points.append((size, figure(size, min(times))))
                if first > PATIENCE:
                    break
        except Exception as error:  # one that fails must not sink the others
            print(f"curve of {name}: {type(error).__name__}: {error}", file=sys.stderr)
        points.sort()
    return found
