"""Items that take time: the processor's, or only the clock's."""

from __future__ import annotations

import random
import time

from anabranch import Collect, Parallelizable


def task(turns: list[int]) -> Parallelizable[int]:
    yield from turns


def spin(task: int) -> int:
    found = 0
    for number in range(task):
        found ^= number
    return found


def spun(spin: Collect[int]) -> int:
    return len(spin)


def nap(naps: int) -> Parallelizable[int]:
    yield from range(naps)


def sleep(nap: int, seconds: float) -> int:
    time.sleep(seconds)
    return nap


def slept(sleep: Collect[int]) -> int:
    return len(sleep)


def turns_of(seconds: float) -> int:
    """How many turns of `spin` take so long, on this machine, now."""
    best = float("inf")
    for _ in range(5):
        started = time.perf_counter()
        spin(100_000)
        best = min(best, time.perf_counter() - started)
    return max(1, int(100_000 * seconds / best))


def log_normal(count: int, mean: float) -> list[float]:
    """Durations with a long tail, the same each time; they add up to `count * mean`."""
    draw = random.Random(5)
    found = [draw.lognormvariate(0, 1) for _ in range(count)]
    scale = count * mean / sum(found)
    return [duration * scale for duration in found]
