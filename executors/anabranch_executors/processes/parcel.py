"""What a worker keeps from one call to the next: code, and the values that many calls share.

Theory: a parcel is pickled once for the pool, laid into segments once if it is large, and sent once to each worker that
needs it; a call then names it by its number. Code is known by identity while the `Code` object lives, a shared value by
its key until it is forgotten.

Functions that travel by value (a notebook's, say) bring the globals and closures that they read, and these may have
changed since an earlier run; so such code is pickled anew for each run, and sent anew if it came out otherwise.

This module never knows workers or sockets.
"""

from __future__ import annotations

import sys
import threading
import weakref
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from itertools import count
from typing import Final, NamedTuple

from anabranch.executor import Shared
from anabranch.transport import Reach, by_value, dump_code, pack
from anabranch.work import Code
from anabranch_executors.processes.segments import SHARED, Body, Store

__all__ = ["Kept", "Parcel", "Parcels"]

BY_VALUE: Final = b"cloudpickle"
"""Is in the pickle of any function that travels by value: the name of what puts it together again."""


class Kept(NamedTuple):
    """Stands in a call's values for the parcel of that number."""

    number: int


class Parcel(NamedTuple):
    """Pickled frames under a number that is unique in the pool; the first frame says what it is, for errors."""

    number: int
    body: Body


@dataclass(slots=True, eq=False)
class Known:
    """The parcel of code, what is in it, and the leases for which it is known to be up to date."""

    code: weakref.ref[Code]
    payload: bytes
    parcel: Parcel
    users: weakref.WeakSet[object] = field(default_factory=weakref.WeakSet)

    @property
    def travels_by_value(self) -> bool:
        """Whether any of its functions does."""
        return BY_VALUE in self.payload


class Parcels:
    """The parcels of one pool; used by all threads that submit."""

    def __init__(self, store: Store, dropped: Callable[[list[int]], None]) -> None:
        """`dropped` is told, in any thread, the numbers that no worker needs any longer; it must not block."""
        self._store = store
        self._dropped = dropped
        self._numbers = count(1)
        self._lock = threading.Lock()
        self._codes: dict[int, Known] = {}
        self._shared: dict[int, Parcel] = {}

    def code(self, code: Code, user: object) -> Parcel:
        """The parcel of a task's code, as it is for this user: a lease.

        Raises:
            TransferError: a function of it cannot be pickled.
        """
        identity = id(code)
        known = self._codes.get(identity)
        if known is not None and (user in known.users or not known.travels_by_value):
            return known.parcel
        payload = dump_code(code, Reach.SAME_PATH)
        body = self._store.lay([f"the code of {code.name}".encode(), payload], SHARED)
        with self._lock:
            known, old = self._codes.get(identity), []
            if known is None or known.payload != payload:
                old = [] if known is None else [known.parcel.number]
                reference = weakref.ref(code, lambda _: self._expire(identity))
                known = self._codes[identity] = Known(reference, payload, Parcel(next(self._numbers), body))
            known.users.add(user)
        if old:
            self._dropped(old)
        return known.parcel

    def shared(self, shared: Shared) -> Parcel:
        """The parcel of a shared value.

        Raises:
            Exception: it cannot be pickled.
        """
        parcel = self._shared.get(shared.key)
        if parcel is None:
            with by_value(Reach.SAME_PATH):
                frames = pack(shared.value)
            body = self._store.lay([b"a value that many calls share", *frames], SHARED)
            with self._lock:
                parcel = Parcel(next(self._numbers), body)
                parcel = self._shared.setdefault(shared.key, parcel)
        return parcel

    def forget(self, keys: Iterable[int]) -> None:
        """Drops the shared values of these keys."""
        with self._lock:
            parcels = [self._shared.pop(key) for key in keys if key in self._shared]
        if parcels:
            self._dropped([parcel.number for parcel in parcels])

    def _expire(self, identity: int, is_finalizing: Callable[[], bool] = sys.is_finalizing) -> None:
        """Drops code that nobody has any longer; called by the garbage collector, hence without the lock.

        At the interpreter's exit, when modules are gone (hence the default argument), there is nothing to drop it from.
        """
        if is_finalizing():
            return
        known = self._codes.pop(identity, None)
        if known is not None:
            self._dropped([known.parcel.number])
