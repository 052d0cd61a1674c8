"""Where a cache keeps what it keeps, to be looked at: here results by the version of their data."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from anabranch.rebuild.shelves import store_of
from anabranch.store import Settings
from anabranch.store.entry import Entry
from anabranch.store.local import LocalStore
from anabranch.store.pack import unpacked

__all__ = ["ResultView"]


class ResultView:
    """Results by the version of their data."""

    def __init__(self, settings: Settings) -> None:
        self.path = settings.path
        self._settings = settings

    def exists(self, data_version: str) -> bool:
        """Whether there is such a result."""
        return next(self._found(data_version), None) is not None

    def get(self, data_version: str) -> Any:
        """The result of that version; None if there is none."""
        entry = next(self._found(data_version), None)
        return None if entry is None else store_of(self._settings).load(entry)

    def delete_all(self) -> None:
        """Deletes all results."""
        store_of(self._settings).rm()

    def __len__(self) -> int:
        return sum(1 for _ in self.entries())

    def entries(self) -> Iterator[Entry]:
        """All that is stored."""
        store = store_of(self._settings)
        store.forget()
        if isinstance(store, LocalStore):
            for _, _, data in store.index.packs():
                yield from (unpacked(data, store.seal) or {}).values()

    def _found(self, data_version: str) -> Iterator[Entry]:
        version = bytes.fromhex(data_version)
        return (entry for entry in self.entries() if entry.version == version)
