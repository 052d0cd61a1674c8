"""A fan-out whose items take 5 ms each, of waiting."""

from __future__ import annotations

import threading

from anabranch import Collect, Parallelizable

SECONDS = 0.005


def item(count: int) -> Parallelizable[int]:
    yield from range(count)


def step(item: int) -> int:
    threading.Event().wait(SECONDS)
    return item


def total(step: Collect[int]) -> int:
    return len(step)
