"""Readings of some sensors, and those that lie far from their sensor's mean: an aggregate is fed back to its own items.

    anabranch run examples/scores.py outliers overview -i sensors=4

`mean_reading` collects the readings of one sensor; `deviation` takes a reading and that mean, so it is a second pass over
the same readings, and `score` a third. Each pass runs in parallel; nobody says when it has to wait.
"""

import random
from statistics import fmean, pstdev

from anabranch import Collect, Parallelizable


def sensor(sensors: int = 3) -> Parallelizable[int]:
    yield from range(sensors)


def reading(sensor: int, readings: int = 200) -> Parallelizable[float]:
    chance = random.Random(sensor)  # noqa: S311  nothing secret
    for _ in range(readings):
        yield chance.gauss(20.0 + sensor, 2.0)


def mean_reading(reading: Collect[float]) -> float:
    return fmean(reading)


def deviation(reading: float, mean_reading: float) -> float:
    return reading - mean_reading


def spread(deviation: Collect[float]) -> float:
    return pstdev(deviation)


def score(deviation: float, spread: float) -> float:
    return deviation / spread


def outliers(sensor: int, reading: Collect[float], score: Collect[float], limit: float = 2.5) -> list[tuple[int, float]]:
    """The readings of one sensor that lie more than `limit` standard deviations from its mean."""
    return [(sensor, round(value, 2)) for value, far in zip(reading, score, strict=True) if abs(far) > limit]


def overview(mean_reading: Collect[float], outliers: Collect[list[tuple[int, float]]]) -> list[str]:
    pairs = zip(mean_reading, outliers, strict=True)
    return [f"mean {mean:.2f}, {len(found)} outliers" for mean, found in pairs]
