"""A fan-out in Hamilton's words whose every value its cache can hash."""

from hamilton.htypes import Collect, Parallelizable


def item(count: int) -> Parallelizable[int]:
    yield from range(count)


def step(item: int) -> int:
    return item


def total(step: Collect[int]) -> int:
    return len(list(step))
