"""What is known of results, in a file of SQLite.

Theory: two tables, of keys and of runs. Each method opens the file, does its work in one transaction and closes it, so that any
thread and any process may; a run does so when it begins and when it ends.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from typing import Any

from anabranch.compat.hamilton.caching.stores.metadata import Known, MetadataStore, NoRun, as_text, from_text

__all__ = ["SQLiteMetadataStore"]

_TABLES = """
create table if not exists known (cache_key text primary key, data_version text not null) without rowid;
create table if not exists runs (number integer primary key, run_id text unique not null);
create table if not exists noted (
    number integer primary key, run_id text not null, cache_key text not null, unique (run_id, cache_key)
);
"""


class SQLiteMetadataStore(MetadataStore):
    """What is known of results, in ``metadata_store.db`` in a folder."""

    def __init__(self, path: str | os.PathLike[str], connection_kwargs: dict[str, Any] | None = None) -> None:
        self.path = os.path.abspath(path)
        self._options = {"timeout": 60.0, **(connection_kwargs or {})}

    @property
    def size(self) -> int:
        """How many keys there are."""
        return int(self._ask("select count(*) from known")[0][0])

    def initialize(self, run_id: str) -> None:
        """Notes that a run begins."""
        with self._opened() as file:
            file.execute("insert or ignore into runs (run_id) values (?)", (run_id,))

    def set_all(self, run_id: str, known: Iterable[Known]) -> None:
        """Notes what came out of calls of a run."""
        rows = [(key, as_text(version)) for key, version in known]
        with self._opened() as file:
            file.executemany("insert or replace into known values (?, ?)", rows)
            file.executemany(
                "insert or ignore into noted (run_id, cache_key) values (?, ?)", [(run_id, key) for key, _ in rows]
            )

    def get(self, cache_key: str) -> Any:
        """The version under a key; None if there is none."""
        found = self._ask("select data_version from known where cache_key = ?", cache_key)
        return from_text(found[0][0]) if found else None

    def delete(self, cache_key: str) -> None:
        """Forgets a key."""
        with self._opened() as file:
            file.execute("delete from known where cache_key = ?", (cache_key,))

    def delete_all(self) -> None:
        """Forgets everything."""
        with self._opened() as file:
            for table in ("known", "runs", "noted"):
                file.execute(f"delete from {table}")  # noqa: S608  names of ours

    def get_run_ids(self) -> list[str]:
        """All runs, the last one last."""
        return [run for (run,) in self._ask("select run_id from runs order by number")]

    def keys_of(self, run_id: str) -> Sequence[Known]:
        """What was noted in a run.

        Raises:
            IndexError: there was no such run.
        """
        if not self._ask("select 1 from runs where run_id = ?", run_id):
            raise NoRun(f"nothing is known of a run '{run_id}'")
        question = "select cache_key, data_version from noted join known using (cache_key) where run_id = ? order by number"
        return [Known(key, from_text(version)) for key, version in self._ask(question, run_id)]

    def _ask(self, question: str, *values: str) -> list[Any]:
        if not os.path.exists(os.path.join(self.path, "metadata_store.db")):
            return [(0,)] if "count" in question else []
        with self._opened() as file:
            return file.execute(question, values).fetchall()

    @contextmanager
    def _opened(self) -> Iterator[sqlite3.Connection]:
        os.makedirs(self.path, exist_ok=True)
        with closing(sqlite3.connect(os.path.join(self.path, "metadata_store.db"), **self._options)) as file, file:
            file.executescript(_TABLES)
            yield file
