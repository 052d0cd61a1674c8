"""How far a run has come, in words."""

from __future__ import annotations

from anabranch.see.tally import FanProgress, Snapshot
from anabranch.words import amount, bytes_of, duration, plural

__all__ = ["efforts", "mishaps", "of_fan"]


def of_fan(fan: FanProgress) -> str:
    """``file 120/1,500, 45/s, 31 s left, 2 failed``."""
    total = f"{amount(fan.known)}+" if fan.is_open else amount(fan.known)
    parts = [f"{fan.name} {amount(fan.done)}/{total}"]
    parts += [f"{amount(fan.rate)}/s"] if fan.rate else []
    parts += [f"{duration(fan.left)} left"] if fan.left is not None and fan.left >= 1 else []
    parts += [f"{amount(fan.failed)} failed"] if fan.failed else []
    parts += [f"{amount(fan.cached)} cached"] if fan.cached else []
    return ", ".join(parts)


def efforts(snapshot: Snapshot) -> list[str]:
    """By whom: ``3 workers``, ``120 MiB``; and what nobody had to do: ``40 cached``."""
    workers = snapshot.workers or snapshot.slots
    parts = [plural(workers, "worker")]
    parts += [bytes_of(snapshot.memory)] if snapshot.memory else []
    return parts + ([f"{amount(snapshot.cached)} cached"] if snapshot.cached else [])


def mishaps(snapshot: Snapshot) -> list[str]:
    """What went wrong in a run and did not end it: ``3 failed``, ``5 retried``, ``1 worker died``."""
    parts = [f"{amount(snapshot.failed)} failed"] if snapshot.failed else []
    parts += [f"{amount(snapshot.retried)} retried"] if snapshot.retried else []
    return parts + ([f"{amount(snapshot.died)} worker{'s' if snapshot.died != 1 else ''} died"] if snapshot.died else [])
