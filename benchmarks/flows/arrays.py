"""Large inputs, large results."""

from __future__ import annotations

import numpy as np

from anabranch import Collect, Parallelizable


def part(parts: int) -> Parallelizable[int]:
    yield from range(parts)


def part_sum(part: int, array: np.ndarray) -> float:
    return float(array[part * 1000 : part * 1000 + 1000].sum())


def array_sum(part_sum: Collect[float]) -> int:
    return len(part_sum)


def block(blocks: int) -> Parallelizable[int]:
    yield from range(blocks)


def filled(block: int, megabytes: int) -> np.ndarray:
    return np.full(megabytes * 125_000, block, dtype=np.float64)


def heads(filled: Collect[np.ndarray]) -> int:
    return heads_of(filled)


def heads_of(arrays: list[np.ndarray]) -> int:
    """Looks into every array, so that none is left unread."""
    return int(sum(array[0] + array[-1] for array in arrays))
