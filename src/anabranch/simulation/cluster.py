"""What a simulated run is run on."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Cluster"]


@dataclass(frozen=True, slots=True)
class Cluster:
    """What there is to run on. `credit` is two calls per worker unless it is given; the rest are seconds: for the driver to
    hand over a call, for a call or an outcome to travel, and for a worker to unpack and pack what a call brings.
    """

    workers: int
    credit: int | None = None
    dispatch: float = 0.0
    latency: float = 0.0
    overhead: float = 0.0
