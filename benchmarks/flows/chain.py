"""Three nodes, none of them a fan-out. Plain functions, so that Hamilton can read the module too."""

from __future__ import annotations


def first(number: int) -> int:
    return number + 1


def second(first: int) -> int:
    return first * 2


def third(first: int, second: int) -> int:
    return first + second
