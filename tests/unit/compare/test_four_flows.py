"""Four flows of which everybody knows where they belong: measured for real, which takes a machine that has time."""

from __future__ import annotations

import os
import time

import pytest

from anabranch import Builder, Collect, Parallelizable, module_from_functions
from anabranch.compare import advice_on, measured, settings_of
from anabranch.compare.measuring import Job

numpy = pytest.importorskip("numpy")


def job(items: int) -> Parallelizable[int]:
    yield from range(items)


def spin(job: int) -> int:
    found = 0
    for number in range(200_000):
        found ^= number
    return found


def spun(spin: Collect[int]) -> int:
    return len(spin)


def nap(job: int) -> int:
    time.sleep(0.01)
    return job


def napped(nap: Collect[int]) -> int:
    return len(nap)


def array(job: int) -> numpy.ndarray:
    return numpy.random.default_rng(job).random(1_000_000)


def ordered(array: numpy.ndarray) -> numpy.ndarray:
    return numpy.sort(array)


def least(ordered: Collect[numpy.ndarray]) -> float:
    return float(sum(one[0] for one in ordered))


def step(job: int) -> int:
    return job + 1


def stepped(step: Collect[int]) -> int:
    return sum(step)


FLOW = module_from_functions(job, spin, spun, nap, napped, array, ordered, least, step, stepped)


@pytest.mark.slow
@pytest.mark.skipif((os.cpu_count() or 1) < 2, reason="one processor")
@pytest.mark.parametrize(
    ("output", "items", "executor", "says"),
    [
        ("spun", 200, "processes", "the functions keep the interpreter lock"),
        ("napped", 100, "threads", "this flow waits"),
        ("least", 48, "threads", "let go of the interpreter lock"),
        ("stepped", 20_000, "sequential", "don't pay for processes"),
    ],
)
def test_the_advice_is_what_everybody_would_say(output, items, executor, says):
    comparison = measured(Job(Builder().with_modules(FLOW), [output], {"items": items}), settings_of(workers=[2]), rounds=5)
    made = advice_on(comparison)
    assert made.setting.executor == executor, made.text
    assert says in made.reason
