"""A span whose worker died is cut up, until what killed it is alone.

Theory: the finished items are kept. If it is known which item was running, it goes on alone; else the rest is cut in
two, and again, so that one bad item among n costs log2(n) workers, and the others come through. An item is to blame for a
death if it is known to have been running, or was alone; it is tried until it has killed as many workers as the run allows,
and then has failed. Nobody is suspected who had not started.

This module never knows frames, values or commands: only ranges of items.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

__all__ = ["Piece", "pieces"]


class Piece(NamedTuple):
    """Items [lo, hi) to be sent again; `blamed` if it is one item, and what the worker died of."""

    lo: int
    hi: int
    blamed: bool


def pieces(lo: int, hi: int, culprit: int | None, *, charged: bool) -> Iterator[Piece]:
    """How to go on with items [lo, hi) of which `culprit`, if that is known, was running."""
    if lo == hi:
        return
    if not charged:
        yield Piece(lo, hi, blamed=False)
    elif culprit is not None and lo <= culprit < hi:
        for piece in (Piece(lo, culprit, False), Piece(culprit, culprit + 1, True), Piece(culprit + 1, hi, False)):
            if piece.lo < piece.hi:
                yield piece
    elif hi - lo == 1:
        yield Piece(lo, hi, blamed=True)
    else:
        middle = (lo + hi) // 2
        yield Piece(lo, middle, blamed=False)
        yield Piece(middle, hi, blamed=False)
