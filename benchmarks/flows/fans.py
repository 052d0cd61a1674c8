"""Fan-outs whose items do nothing: what is left is the engine's own cost."""

from __future__ import annotations

from anabranch import Collect, Parallelizable, Stream, associative


def item(count: int) -> Parallelizable[int]:
    yield from range(count)


def step(item: int) -> int:
    return item


def total(step: Collect[int]) -> int:
    return len(step)


def streamed(step: Stream[int]) -> int:
    return sum(1 for _ in step)


@associative
def greatest(step: Collect[int]) -> int:
    return max(step)


def row(rows: int) -> Parallelizable[int]:
    yield from range(rows)


def cell(row: int, cells: int) -> Parallelizable[int]:
    for number in range(cells):
        yield row + number


def value(cell: int) -> int:
    return cell


def row_total(value: Collect[int]) -> int:
    return len(value)


def grand_total(row_total: Collect[int]) -> int:
    return sum(row_total)


def flat_loop(count: int) -> int:
    """What a person would write for `total`."""
    found = []
    for number in item(count):
        found.append(step(number))
    return total(found)


def nested_loop(rows: int, cells: int) -> int:
    """What a person would write for `grand_total`."""
    totals = []
    for number in row(rows):
        values = []
        for inner in cell(number, cells):
            values.append(value(inner))
        totals.append(row_total(values))
    return grand_total(totals)
