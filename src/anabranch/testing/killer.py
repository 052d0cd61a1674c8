"""Strikes processes at random, on a schedule that a seed decides.

Theory: it is told who there is by a function, so it knows no executor; and as a `Worker` is a process and the time at which
it began, it never strikes another that has got the same id.
"""

from __future__ import annotations

import random
import threading
from collections.abc import Callable, Sequence
from typing import Self

from anabranch.testing.diary import Worker

__all__ = ["Killer"]


class Killer:
    """Kills one of the victims from time to time, for the time of a ``with`` block. `struck` are those it has killed.

    Args:
        victims: says which processes there are: `Chaos.workers`, say.
        every: seconds between two strikes on average; each time from half to one and a half of it.
        seed: decides when and whom.
        most: after so many strikes it rests.
    """

    def __init__(
        self, victims: Callable[[], Sequence[Worker]], every: float = 0.1, seed: int = 0, most: int | None = None
    ) -> None:
        self.struck: list[Worker] = []
        self._victims = victims
        self._every = every
        self._random = random.Random(seed)
        self._most = most
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._strike, name="anabranch killer", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self._over.set()
        self._thread.join()

    def _strike(self) -> None:
        while not self._over.wait(self._every * self._random.uniform(0.5, 1.5)):
            if self._most is not None and len(self.struck) >= self._most:
                return
            victims = self._victims()
            if victims and (victim := self._random.choice(victims)).kill():
                self.struck.append(victim)
