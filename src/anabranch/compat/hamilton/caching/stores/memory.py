"""Caches that last as long as the process: a folder that is deleted at its end."""

from __future__ import annotations

import tempfile
import weakref
from typing import Any

from anabranch.compat.hamilton.caching.stores import ResultView
from anabranch.store import Settings

__all__ = ["InMemoryMetadataStore", "InMemoryResultStore"]


class InMemoryResultStore(ResultView):
    """Results in a folder that is deleted with this."""

    def __init__(self, persist_on_exit: bool = False) -> None:
        folder = tempfile.TemporaryDirectory(prefix="anabranch-", ignore_cleanup_errors=True)
        self._end = weakref.finalize(self, folder.cleanup)
        super().__init__(Settings(folder.name))


class InMemoryMetadataStore:
    """Accepted, and without effect: what is known of runs is in memory anyway."""

    path: Any = None
