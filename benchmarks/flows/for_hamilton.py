"""A fan-out in Hamilton's words: any function over any items."""

from typing import Any

from hamilton.htypes import Collect, Parallelizable


def item(items: Any) -> Parallelizable[Any]:
    yield from items


def step(item: Any, function: Any) -> Any:
    return function(item)


def found(step: Collect[Any]) -> list:
    return list(step)
