"""Measuring in pairs: candidate and limit take turns, round by round, and the ratio of each round is what counts."""

from __future__ import annotations

import statistics
from collections.abc import Callable
from dataclasses import dataclass
from time import perf_counter

__all__ = ["Pair", "measure"]


@dataclass(frozen=True)
class Pair:
    """A candidate beside a limit. Seconds are per run; `items` turn them into seconds per item."""

    name: str
    against: str
    items: int
    candidate: tuple[float, ...]
    limit: tuple[float, ...]

    @property
    def ratios(self) -> list[float]:
        """Candidate over limit, round by round."""
        return [mine / theirs for mine, theirs in zip(self.candidate, self.limit, strict=True)]

    @property
    def row(self) -> str:
        """One line of the table: µs per item of both, and the ratio's median, least and greatest."""
        mine = statistics.median(self.candidate) / self.items * 1e6
        theirs = statistics.median(self.limit) / self.items * 1e6
        ratios = self.ratios
        spread = f"{statistics.median(ratios):.2f} ({min(ratios):.2f}–{max(ratios):.2f})"
        return f"| {self.name} | {mine:.3f} | {self.against} | {theirs:.3f} | {spread} |"


def measure(
    name: str, candidate: Callable[[], object], against: str, limit: Callable[[], object], *, items: int, rounds: int
) -> Pair:
    """Runs both once to warm up, then in turn."""
    candidate(), limit()
    mine, theirs = [], []
    for _ in range(rounds):
        mine.append(_seconds(candidate))
        theirs.append(_seconds(limit))
    return Pair(name, against, items, tuple(mine), tuple(theirs))


def _seconds(run: Callable[[], object]) -> float:
    started = perf_counter()
    run()
    return perf_counter() - started
