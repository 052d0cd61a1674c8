"""What stands for a value that is in a store, on its way from the function that has it to one that reads it."""

from __future__ import annotations

from typing import Any, Final, NamedTuple

from anabranch.errors import StoreError
from anabranch.store.entry import Entry

__all__ = ["CACHE", "LEFT_OUT", "RUN", "Stale", "Stored", "holds_stored"]

CACHE, RUN = 0, 1
"""Where a value is kept: in the cache, or with the run."""


LEFT_OUT: Final = b"an item left out\0\0\0\0"
"""The version of what a run keeps of an item that a function skipped: that it did."""


class Stale(StoreError):
    """What a store said it had is gone or damaged, and others count on it: the run has to be done again."""


class Stored(NamedTuple):
    """A value that is in a store. Passed on in its place; `version` and size are known without loading it."""

    entry: Entry
    shelf: int

    @property
    def version(self) -> bytes:
        """The version of the value."""
        return self.entry.version


def holds_stored(value: Any, depth: int) -> bool:
    """Whether a value, or a list nested so deep, has something in it that is in a store."""
    if type(value) is Stored:
        return True
    return depth > 0 and type(value) is list and any(holds_stored(element, depth - 1) for element in value)
