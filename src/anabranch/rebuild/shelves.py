"""The stores that a process has open for runs, and what it has learned of versions in each run.

Theory: calls of one run come to a worker one after the other, so what is opened and learned is kept from one to the next. A
store may be open in many processes; only its settings travel. The code of a process may change from run to run and not within
one, so versions are kept by run.
"""

from __future__ import annotations

import logging
import threading
from collections import OrderedDict
from dataclasses import dataclass, field, replace
from functools import lru_cache
from time import monotonic
from typing import Final

from anabranch.store import Settings, Store, open_store
from anabranch.store.seal import own_key
from anabranch.versions import Scope, Versions

__all__ = ["Shelves", "rest", "rests", "say_once", "store_of", "versions_of"]

OPEN: Final = 8
"""So many stores, and versions of so many runs, are kept."""

REST: Final = 30.0
"""After a trouble with a cache, a run does not ask it for so many seconds: each time may take as long as the first."""

_stores: OrderedDict[Settings, Store] = OrderedDict()
_versions: OrderedDict[tuple[str, Scope], Versions] = OrderedDict()
_said: set[str] = set()
_resting: dict[tuple[str, Settings, str], float] = {}
_lock = threading.Lock()


@dataclass(frozen=True, slots=True)
class Shelves:
    """Where results are kept, and what counts in versions: what a worker needs to know.

    Attributes:
        cache: the cache; None without one.
        runs: the folder of all runs, where each has a store of its own; None if they are not to last.
        scope: which code counts.
        careful: whether each hit is loaded before it counts as one.
        items: those that failed, or are to be done again for another reason.
        redo: nodes whose results may have been made without these items.
        only: whether no other item is to be computed that the run does not have.
        reads: whether nothing is written that the run is to have.
        key: seals what is stored: the driver's own, for workers may be another user's, or on machines without any.
    """

    cache: Settings | None = None
    runs: str | None = None
    scope: Scope = field(default_factory=Scope)
    careful: bool = False
    items: frozenset[tuple[int, ...]] = frozenset()
    redo: frozenset[str] = frozenset()
    only: bool = False
    reads: bool = False
    key: bytes | None = field(default=None, repr=False)

    def counts(self, node: str, where: tuple[int, ...]) -> bool:
        """Whether what the run has of a node counts."""
        return node not in self.redo or not self._touches(where)

    def leaves_out(self, node: str, where: tuple[int, ...]) -> bool:
        """Whether an item is not even to be looked up: of what is replayed all but one."""
        return self.reads and node in self.redo and not self._touches(where)

    def wants(self, where: tuple[int, ...]) -> bool:
        """Whether an item is to be computed if the run does not have it."""
        return not self.only or self._touches(where)

    def _touches(self, where: tuple[int, ...]) -> bool:
        """Whether an item is one of those, or has one inside of it, or is inside of one."""
        if not where or where in self.items or where in _around(self.items):
            return True
        return any(where[:n] in self.items for n in range(len(where)))

    def own(self, run: str) -> Settings | None:
        """The store of one run."""
        return None if self.runs is None else Settings(f"{self.runs}/{run}/values", key=self.key)


@lru_cache(maxsize=8)
def _around(items: frozenset[tuple[int, ...]]) -> frozenset[tuple[int, ...]]:
    """All items that have one of these inside of them."""
    return frozenset(item[:n] for item in items for n in range(len(item)))


def store_of(settings: Settings) -> Store:
    """The store for these settings, opened once in each process.

    Raises:
        StoreError: it cannot be opened.
    """
    if settings.key is None:
        settings = replace(settings, key=own_key())
    with _lock:
        store = _stores.get(settings)
        if store is None:
            store = _stores[settings] = open_store(settings)
            while len(_stores) > OPEN:
                _, old = _stores.popitem(last=False)
                old.close()  # and open again with its next use, if somebody has it still
        else:
            _stores.move_to_end(settings)
        return store


def versions_of(run: str, scope: Scope) -> Versions:
    """What is known of versions in a run."""
    with _lock:
        found = _versions.get((run, scope))
        if found is None:
            found = _versions[run, scope] = Versions(scope)
            while len(_versions) > OPEN:
                _versions.popitem(last=False)
        return found


def rest(run: str, settings: Settings, doing: str) -> None:
    """Says that a run has had trouble with a store, reading or writing."""
    _resting[run, settings, doing] = monotonic() + REST


def rests(run: str, settings: Settings, doing: str) -> bool:
    """Whether a run should do without a store for now."""
    return bool(_resting) and _resting.get((run, settings, doing), 0.0) > monotonic()


def say_once(about: str, message: str) -> None:
    """A warning that is not repeated in this process."""
    if about not in _said:
        _said.add(about)
        logging.getLogger("anabranch").warning(message)
