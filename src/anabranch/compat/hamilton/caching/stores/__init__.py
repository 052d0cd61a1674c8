"""Where a cache keeps what it keeps, to be looked at: results by the version of their data, and what is known of runs."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from anabranch.rebuild.shelves import store_of
from anabranch.store import Settings
from anabranch.store.entry import Entry
from anabranch.store.local import LocalStore
from anabranch.store.pack import unpacked

if TYPE_CHECKING:
    from anabranch.compat.hamilton.caching.adapter import HamiltonCacheAdapter

__all__ = ["MetadataView", "ResultView"]


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


class MetadataView:
    """What is known of runs."""

    def __init__(self, adapter: HamiltonCacheAdapter) -> None:
        self._adapter = adapter

    @property
    def size(self) -> int:
        """How many results are known."""
        return len(self._adapter.result_store)

    def __len__(self) -> int:
        return self.size

    @property
    def last_run_id(self) -> str:
        """The run that began last."""
        return self._adapter.last_run_id

    def get_run_ids(self) -> list[str]:
        """All runs, the last one last."""
        return list(self._adapter.run_ids)

    def get_run(self, run_id: str) -> list[dict[str, Any]]:
        """What is known of each node of a run."""
        codes = self._adapter.code_versions[run_id]
        return [
            {"node_name": name, "code_version": codes.get(name), "data_version": version}
            for name, version in self._adapter.data_versions[run_id].items()
        ]

    def get_last_run(self) -> list[dict[str, Any]]:
        """The same of the last run."""
        return self.get_run(self.last_run_id)
