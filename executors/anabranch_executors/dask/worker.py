"""The worker's side: one task runs one call, unless the lease that it belongs to was left.

Theory: a Dask task cannot be killed. So when a lease is left, `quiesce` runs on every worker: no further call of that lease
begins there, and it returns when those that run have ended, or says after a while that they go on.
"""

from __future__ import annotations

import asyncio
import threading
from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

from anabranch.own import close_all
from anabranch_executors.parcel import Packed, Parcel, run_parcel

__all__ = ["Kept", "head_of", "output_of", "quiesce", "run_on_dask", "same"]


@dataclass(frozen=True, slots=True, eq=False)
class Kept:
    """An answer some of whose outputs stay on the worker that made them."""

    head: Packed
    outputs: tuple[Packed | None, ...]

    def __sizeof__(self) -> int:
        return self.head.size + sum(output.size for output in self.outputs if output is not None)


def run_on_dask(token: str, code: bytes, parcel: Parcel, places: list[int | None], *far: Any) -> Packed | Kept | None:
    """What a Dask worker runs; None if the lease was left in the meantime."""
    if not _presence.begin(token):
        return None
    try:
        values = [value if place is None else value.outputs[place] for value, place in zip(far, places, strict=True)]
        head, outputs = run_parcel(code, parcel, values, keep=False)
    finally:
        _presence.end(token)
    return head if all(output is None for output in outputs) else Kept(head, tuple(outputs))


async def quiesce(token: str, *, patience: float | None = None, owner: str = "") -> bool:
    """In each worker's loop: lets no further call of this lease begin, and waits until those that run have ended.

    Args:
        token: the lease.
        patience: for so many seconds; None for as long as it takes.
        owner: whose things, that the worker made for itself, are closed if calls go on: nobody will use them any more.

    Returns:
        Whether calls go on, and none of other leases.
    """
    try:
        await asyncio.wait_for(_presence.quiesce(token), patience)
    except TimeoutError:
        if not _presence.is_alone(token):
            return False
        if owner:
            await asyncio.to_thread(close_all, owner)
        return True
    return False


class Presence:
    """Which leases have calls running in this worker, and which may begin no more."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._running: Counter[str] = Counter()
        self._left: deque[str] = deque(maxlen=1000)
        self._waiting: dict[str, list[Callable[[], object]]] = {}

    def begin(self, token: str) -> bool:
        """Counts a call, unless its lease was left."""
        with self._lock:
            if token in self._left:
                return False
            self._running[token] += 1
            return True

    def end(self, token: str) -> None:
        """Counts a call off, and wakes who waits for the last."""
        with self._lock:
            self._running[token] -= 1
            if not self._running[token]:
                del self._running[token]
                for wake in self._waiting.pop(token, ()):
                    wake()

    def is_alone(self, token: str) -> bool:
        """Whether calls of this lease are running, and no others."""
        with self._lock:
            return set(self._running) == {token}

    async def quiesce(self, token: str) -> None:
        """Waits for the last call of a lease."""
        ended = asyncio.Event()
        with self._lock:
            self._left.append(token)
            if token not in self._running:
                return
            loop = asyncio.get_running_loop()
            self._waiting.setdefault(token, []).append(partial(loop.call_soon_threadsafe, ended.set))
        await ended.wait()


_presence = Presence()


def same(value: Any) -> Any:
    """A value that calls share, as a task of its own."""
    return value


def head_of(answer: Packed | Kept) -> Packed:
    """What the driver needs at once."""
    return answer.head if isinstance(answer, Kept) else answer


def output_of(kept: Kept, place: int) -> Packed | None:
    """One of the outputs."""
    return kept.outputs[place]
