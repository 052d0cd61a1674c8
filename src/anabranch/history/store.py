"""The store: rows written in groups, and read back as plain data.

Theory: one way of writing and reading for every database. What is written comes as `Write`s, a group is one transaction, and a
run's driver is the only one that writes of it; so nothing is ever read in order to be written, but for texts of code, which
many runs share. SQLite keeps a log of what is being written (WAL), so that readers never wait for writers nor these for them; a
process that is killed loses its last group and leaves the store whole.

A run that calls itself running is lost if its driver does not live (see `alive`). That is worked out when it is looked at, and
written by nobody: who looks on changes nothing.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from anabranch.errors import InputError, StoreError, nearest_or_all
from anabranch.history.alive import is_alive
from anabranch.history.tables import LAYOUT, tables
from anabranch.libraries import library
from anabranch.store.places import state_home

__all__ = ["LOST", "RUNNING", "STATES", "Filter", "Store", "Write", "open_store"]

RUNNING, FINISHED, FAILED, STOPPED, LOST = STATES = ("running", "finished", "failed", "stopped", "lost")
"""How a run can stand."""

PATIENCE = 15
"""Seconds to wait for another process that is writing."""


@dataclass(frozen=True, slots=True)
class Write:
    """Rows of one kind: new ones for a table, or changes of a run's row."""

    table: str
    rows: Sequence[Mapping[str, Any]]
    run_id: str = ""


@dataclass(frozen=True, slots=True)
class Filter:
    """Which runs are asked for: those that stand so, and in which a text occurs; `count` of them from `skip`, newest first."""

    state: str = ""
    text: str = ""
    count: int = 50
    skip: int = 0


def open_store(where: str | os.PathLike[str] | None = None) -> Store:
    """Opens a store, and makes its tables if it has none.

    Args:
        where: a file for SQLite, or a URL as SQLAlchemy has it (``postgresql+psycopg://user@host/base``); left out, what the
            environment's ``ANABRANCH_HISTORY`` says, else a file in the user's state folder.

    Raises:
        InputError: SQLAlchemy or the database's driver is not installed, or it is no such URL.
        StoreError: it cannot be opened.
    """
    found = os.fspath(where) if where is not None else os.environ.get("ANABRANCH_HISTORY", "")
    return Store(found or _default())


def _default() -> str:
    folder = state_home()
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise StoreError(f"the history cannot be kept in {folder}: {error.strerror}") from error
    return str(folder / "history.db")


class Store:
    """A store of runs; safe to use from many threads at once.

    Attributes:
        where: its file or URL, without a password.
    """

    def __init__(self, where: str) -> None:
        self._sa = library("sqlalchemy", "tracking")
        self._tables = tables()
        url = self._url(where)
        self.where = where if "://" not in where else url.render_as_string(hide_password=True)
        self._engine = self._made(url)
        if url.get_backend_name() == "sqlite":
            self._sa.event.listen(self._engine, "connect", _tune)
        with self._explained():
            self._prepare()

    def _url(self, where: str) -> Any:
        if "://" not in where:
            path = Path(where)
            if path.is_dir() or not path.parent.is_dir():
                what = "it is a folder" if path.is_dir() else f"there is no folder '{path.parent}'"
                raise InputError(f"the history cannot be kept in '{where}': {what}")
            return self._sa.URL.create("sqlite", database=str(path.absolute()))
        try:
            return self._sa.make_url(where)
        except (self._sa.exc.ArgumentError, ValueError) as error:
            raise InputError(f"the history's URL is none that SQLAlchemy knows: {error}") from error

    def _made(self, url: Any) -> Any:
        try:
            return self._sa.create_engine(url, connect_args={"timeout": PATIENCE} if url.get_backend_name() == "sqlite" else {})
        except self._sa.exc.NoSuchModuleError as error:
            raise InputError(f"the history's URL is none that SQLAlchemy knows: {error}") from error
        except ImportError as error:
            raise InputError(f"the history's database needs what cannot be imported: {error}") from error

    def _prepare(self) -> None:
        """Makes the tables; another process may do so at the same moment."""
        about = self._tables.about
        try:
            self._tables.metadata.create_all(self._engine)
        except (self._sa.exc.OperationalError, self._sa.exc.ProgrammingError, self._sa.exc.IntegrityError):
            self._tables.metadata.create_all(self._engine)
        with self._engine.begin() as connection:
            layout = connection.execute(self._sa.select(about.c.layout)).scalar()
            if layout is None:
                connection.execute(about.insert(), {"layout": LAYOUT})
        if layout is not None and layout > LAYOUT:
            raise StoreError(f"the history in {self.where} was made by a later version of anabranch; use that")

    @contextmanager
    def _explained(self) -> Iterator[None]:
        """What goes wrong in the database, in words.

        Raises:
            StoreError: see there.
        """
        try:
            yield
        except self._sa.exc.SQLAlchemyError as error:
            reason = str(getattr(error, "orig", None) or error).strip().partition("\n")[0]
            raise StoreError(f"the history in {self.where} cannot be used: {reason}") from error

    def close(self) -> None:
        """Closes its connections; a later use opens new ones."""
        self._engine.dispose()

    # -- writing ---------------------------------------------------------------------------------------------------

    def write(self, group: Sequence[Write]) -> None:
        """Writes a group, all of it or nothing.

        Raises:
            StoreError: it cannot be written.
        """
        with self._explained(), self._engine.begin() as connection:
            for one in group:
                table = getattr(self._tables, one.table)
                if one.run_id:
                    for row in one.rows:
                        connection.execute(table.update().where(table.c.run_id == one.run_id), dict(row))
                elif one.rows:
                    connection.execute(table.insert(), list(one.rows))

    def add_codes(self, codes: Mapping[str, Mapping[str, str]]) -> None:
        """Adds texts of code, by version, as far as they are not there.

        Raises:
            StoreError: they cannot be written.
        """
        table = self._tables.codes
        with self._explained():
            for _ in range(2):  # another process may add one of them at the same moment
                try:
                    with self._engine.begin() as connection:
                        known = set(connection.execute(self._sa.select(table.c.code).where(table.c.code.in_(codes))).scalars())
                        rows = [{"code": code, **text} for code, text in codes.items() if code not in known]
                        if rows:
                            connection.execute(table.insert(), rows)
                except self._sa.exc.IntegrityError:
                    continue
                return

    # -- reading ---------------------------------------------------------------------------------------------------

    def runs(self, wanted: Filter = Filter()) -> list[dict[str, Any]]:
        """Runs, the newest first, each with how it stands now.

        Raises:
            StoreError: they cannot be read.
        """
        table = self._tables.runs
        query = self._sa.select(table).order_by(table.c.started.desc(), table.c.run_id)
        if wanted.text:
            columns = (table.c.run_id, table.c.name, table.c.outputs, table.c.executor, table.c.error)
            query = query.where(self._sa.or_(*(column.icontains(wanted.text, autoescape=True) for column in columns)))
        if wanted.state:
            query = query.where(table.c.state == (RUNNING if wanted.state == LOST else wanted.state))
        looks = wanted.state not in {RUNNING, LOST}
        if looks:
            query = query.limit(wanted.count).offset(wanted.skip)
        found = [_run(row) for row in self._rows(query)]
        if not looks:  # how these stand is no row's to say
            found = [run for run in found if run["state"] == wanted.state][wanted.skip : wanted.skip + wanted.count]
        return found

    def run(self, run_id: str) -> dict[str, Any]:
        """A run by its id, or by the beginning of it if no other begins so.

        Raises:
            InputError: there is none, or there are several.
            StoreError: it cannot be read.
        """
        table = self._tables.runs
        query = self._sa.select(table).where(table.c.run_id.startswith(run_id, autoescape=True)).limit(2)
        found = self._rows(query) if run_id else []
        exact = [row for row in found if row["run_id"] == run_id]
        if len(found) > 1 and not exact:
            raise InputError(f"several runs in {self.where} begin with '{run_id}'; give more of the id")
        if not found:
            known = [row["run_id"] for row in self._rows(self._sa.select(table.c.run_id).limit(1000))]
            raise InputError(f"there is no run '{run_id}' in {self.where}{nearest_or_all(run_id, known[:8])}")
        return _run((exact or found)[0])

    def lines(self, run_id: str) -> Iterator[dict[str, Any]]:
        """A run's events, as the lines that an event file would have; failures, and fields with nothing in them, are left out.

        Raises:
            InputError, StoreError: see `run`.
        """
        run, table = self.run(run_id), self._tables.events
        yield run["start_line"]
        query = self._sa.select(table).where(table.c.run_id == run["run_id"]).order_by(table.c.number)
        names = ("at", "task", "lo", "hi", "seconds", "started", "worker")
        for row in self._rows(query):
            kept = {name: row[name] for name in names if row[name] is not None}
            yield {"event": row["kind"], **kept, **json.loads(row["more"])}

    def failures(self, run_id: str, count: int = 200) -> list[dict[str, Any]]:
        """The first failures of a run.

        Raises:
            StoreError: they cannot be read.
        """
        table = self._tables.failures
        query = self._sa.select(table).where(table.c.run_id == run_id).order_by(table.c.number).limit(count)
        return [{"at": row["at"], **json.loads(row["failure"])} for row in self._rows(query)]

    def values(self, run_id: str) -> list[dict[str, Any]]:
        """What went into a run and what came out of it, in summary.

        Raises:
            StoreError: they cannot be read.
        """
        table = self._tables.values
        query = self._sa.select(table).where(table.c.run_id == run_id).order_by(table.c.role, table.c.position)
        return [{**row, "summary": json.loads(row["summary"])} for row in self._rows(query)]

    def nodes(self, run_id: str) -> list[dict[str, Any]]:
        """The functions and inputs of a run's dataflow.

        Raises:
            StoreError: they cannot be read.
        """
        table = self._tables.nodes
        query = self._sa.select(table).where(table.c.run_id == run_id).order_by(table.c.position)
        return [{**row, **json.loads(row["about"])} for row in self._rows(query)]

    def catalogue(self, text: str = "", count: int = 500) -> list[dict[str, Any]]:
        """Every function that was ever run, as it was in its newest run: `runs` in how many, `codes` in how many versions.

        Raises:
            StoreError: they cannot be read.
        """
        nodes, runs, function = self._tables.nodes, self._tables.runs, self._sa.func
        newest = self._sa.select(
            nodes.c.name,
            function.max(runs.c.started).label("started"),
            function.count().label("runs"),
            function.count(nodes.c.code.distinct()).label("codes"),
        ).join(runs, runs.c.run_id == nodes.c.run_id).where(nodes.c.used, nodes.c.code != "")
        if text:
            newest = newest.where(nodes.c.name.icontains(text, autoescape=True))
        newest = newest.group_by(nodes.c.name).order_by(nodes.c.name).limit(count).subquery()
        query = (
            self._sa.select(nodes, newest.c.runs, newest.c.codes, newest.c.started)
            .join(runs, runs.c.run_id == nodes.c.run_id)
            .join(newest, self._sa.and_(newest.c.name == nodes.c.name, newest.c.started == runs.c.started))
            .order_by(nodes.c.name)
        )
        found = {row["name"]: {**row, **json.loads(row["about"])} for row in self._rows(query)}
        return list(found.values())

    def versions_of(self, name: str) -> list[dict[str, Any]]:
        """The versions that a function has had, the newest first: its code, and the runs that had it.

        Raises:
            StoreError: they cannot be read.
        """
        nodes, runs = self._tables.nodes, self._tables.runs
        query = (
            self._sa.select(nodes, runs.c.started, runs.c.outputs, runs.c.name.label("flow"))
            .join(runs, runs.c.run_id == nodes.c.run_id)
            .where(nodes.c.name == name)
            .order_by(runs.c.started.desc())
            .limit(500)
        )
        found: dict[str, dict[str, Any]] = {}
        for row in self._rows(query):
            one = found.setdefault(row["code"], {**row, **json.loads(row["about"]), "runs": []})
            one["runs"].append({"run_id": row["run_id"], "started": row["started"]})
        codes = self.codes(list(found))
        return [{**one, **codes.get(code, {"source": "", "parts": ""})} for code, one in found.items()]

    def codes(self, versions: Sequence[str]) -> dict[str, dict[str, str]]:
        """Texts of code, by version: `source`, and `parts`, which `anabranch.versions.CodeVersion.of_text` reads.

        Raises:
            StoreError: they cannot be read.
        """
        table = self._tables.codes
        rows = self._rows(self._sa.select(table).where(table.c.code.in_(versions)))
        return {row["code"]: {"source": row["source"], "parts": row["parts"]} for row in rows}

    def _rows(self, query: Any) -> list[dict[str, Any]]:
        with self._explained(), self._engine.connect() as connection:
            return [dict(row) for row in connection.execute(query).mappings()]


def _tune(connection: Any, _: Any) -> None:
    """SQLite: readers and writers do not wait for each other, and no group is forced to the disk by itself."""
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = NORMAL")


def _run(row: dict[str, Any]) -> dict[str, Any]:
    """A run's row, its JSON read, and how it stands now."""
    found = dict(row)
    for name in ("outputs", "progress", "surroundings", "start_line"):
        found[name] = json.loads(row[name])
    if row["state"] == RUNNING and not is_alive(row["place"], row["beat"]):
        found["state"] = LOST
    found["seconds"] = (row["ended"] if row["ended"] is not None else row["beat"]) - row["started"]
    return found
