"""Caches that last as long as the process: results in a folder that is deleted at its end, what is known of them in memory."""

from __future__ import annotations

import tempfile
import weakref
from collections.abc import Iterable, Sequence
from typing import Any

from anabranch.compat.hamilton.caching.stores import ResultView
from anabranch.compat.hamilton.caching.stores.metadata import Known, MetadataStore, NoRun
from anabranch.errors import InputError
from anabranch.store import Settings

__all__ = ["InMemoryMetadataStore", "InMemoryResultStore"]


class InMemoryResultStore(ResultView):
    """Results in a folder that is deleted with this."""

    def __init__(self, persist_on_exit: bool = False) -> None:
        folder = tempfile.TemporaryDirectory(prefix="anabranch-", ignore_cleanup_errors=True)
        self._end = weakref.finalize(self, folder.cleanup)
        super().__init__(Settings(folder.name))


class InMemoryMetadataStore(MetadataStore):
    """What is known of results, in memory."""

    path: Any = None

    def __init__(self, persist_to: MetadataStore | None = None) -> None:
        self._persist_to = persist_to
        self._known: dict[str, Any] = {}
        self._runs: dict[str, dict[str, None]] = {}

    @classmethod
    def load_from(cls, metadata_store: MetadataStore) -> InMemoryMetadataStore:
        """A copy of what another one knows."""
        made = cls()
        _copy(metadata_store, made)
        return made

    def persist_to(self, metadata_store: MetadataStore | None = None) -> None:
        """Copies what is known to another one, by default to the one that it was made with.

        Raises:
            ValueError: there is none.
        """
        there = self._persist_to if metadata_store is None else metadata_store
        if there is None:
            raise InputError("persist_to needs the store to copy to")
        _copy(self, there)

    @property
    def size(self) -> int:
        """How many keys there are."""
        return len(self._known)

    def initialize(self, run_id: str) -> None:
        """Notes that a run begins."""
        self._runs.setdefault(run_id, {})

    def set_all(self, run_id: str, known: Iterable[Known]) -> None:
        """Notes what came out of calls of a run."""
        found = dict(known)
        self._known.update(found)
        self._runs.setdefault(run_id, {}).update(dict.fromkeys(found))

    def get(self, cache_key: str) -> Any:
        """The version under a key; None if there is none."""
        return self._known.get(cache_key)

    def delete(self, cache_key: str) -> None:
        """Forgets a key."""
        self._known.pop(cache_key, None)

    def delete_all(self) -> None:
        """Forgets everything."""
        self._known.clear()
        self._runs.clear()

    def get_run_ids(self) -> list[str]:
        """All runs, the last one last."""
        return list(self._runs)

    def keys_of(self, run_id: str) -> Sequence[Known]:
        """What was noted in a run.

        Raises:
            IndexError: there was no such run.
        """
        if run_id not in self._runs:
            raise NoRun(f"nothing is known of a run '{run_id}'")
        return [Known(key, self._known[key]) for key in self._runs[run_id] if key in self._known]


def _copy(here: MetadataStore, there: MetadataStore) -> None:
    for run in here.get_run_ids():
        there.initialize(run)
        there.set_all(run, here.keys_of(run))
