"""The dataflow of `hamilton_parallel`: a fan-out, two functions for each item, and what collects them."""

from hamilton.htypes import Collect, Parallelizable


def number(items: int) -> Parallelizable[int]:
    yield from range(items)


def square(number: int) -> int:
    return number * number


def shifted(square: int) -> int:
    return square + 1


def total(shifted: Collect[int]) -> int:
    return sum(shifted)
