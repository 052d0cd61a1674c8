"""Databases: real SQLite with nothing installed but pandas, and every database that SQLAlchemy knows.

Theory: a table is written in one transaction, so that other connections see the old table until all of the new one is there,
and a crash leaves the old one. SQLite changes tables outside a transaction unless it is told to begin one, so it is told.
A connection that is made for a URL is closed; one that was given stays open.
"""

from __future__ import annotations

import inspect
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Any

from anabranch.errors import FlowError, InputError
from anabranch.io.adapter import DataLoader, DataSaver
from anabranch.io.formats.pandas import PIECES
from anabranch.io.metadata import get_dataframe_metadata, get_sql_metadata
from anabranch.libraries import library

__all__ = ["ADAPTERS"]


class Query:
    """What loaders have in common: a query, or the name of a table, and a connection or URL; options of the library."""

    def __init__(self, query_or_table: Any, db_connection: Any, **options: Any) -> None:
        if "chunksize" in options or "iter_batches" in options:
            raise FlowError(f"'sql' does not take chunks: {PIECES}")
        self.query_or_table = query_or_table
        self.db_connection = db_connection
        self.options = options


class PandasSqlLoader(Query, DataLoader):
    """Reads a query or a table into a `pandas.DataFrame`. Options are those of `pandas.read_sql`.

    Args:
        query_or_table: SQL, or the name of a table.
        db_connection: a URL (``sqlite:///data.db``), an engine or connection of SQLAlchemy, or an `sqlite3` connection.
    """

    keys = ("sql",)
    kinds = ("pandas.DataFrame",)

    @classmethod
    def get_optional_arguments(cls) -> dict[str, Any]:
        """The options of `pandas.read_sql`."""
        return _options(library("pandas", "'sql'").read_sql, {"sql", "con", "chunksize"})

    def load_data(self, type_: Any) -> tuple[Any, dict[str, Any]]:
        pandas = library("pandas", "'sql'")
        with _connected(self.db_connection) as connection:
            query = self.query_or_table
            if isinstance(connection, sqlite3.Connection) and _is_name(query):
                query = f"SELECT * FROM {_quoted(query)}"  # noqa: S608  a name, in quotes
            frame = pandas.read_sql(query, connection, **self.options)
        return frame, get_sql_metadata(self.query_or_table, frame) | get_dataframe_metadata(frame)


class PolarsDatabaseLoader(Query, DataLoader):
    """Reads a query or a table into a `polars.DataFrame`. Options are those of `polars.read_database`.

    Args:
        query_or_table: SQL, or the name of a table; `query` is accepted as its name too.
        db_connection: a URL, an engine or connection of SQLAlchemy, or an `sqlite3` connection; also `connection`.
    """

    keys = ("database", "sql")
    kinds = ("polars.DataFrame",)

    def __init__(self, query_or_table: Any = None, db_connection: Any = None, **options: Any) -> None:
        query_or_table = options.pop("query", query_or_table)
        db_connection = options.pop("connection", db_connection)
        super().__init__(query_or_table, db_connection, **options)

    @classmethod
    def check(cls, fields: Any) -> None:
        """Checks the names of fields."""
        names = {"query": "query_or_table", "connection": "db_connection"}
        super().check([names.get(field, field) for field in fields])

    @classmethod
    def get_required_arguments(cls) -> dict[str, Any]:
        """The query and the connection."""
        return {"query_or_table": "str", "db_connection": "Any"}

    @classmethod
    def get_optional_arguments(cls) -> dict[str, Any]:
        """The options of `polars.read_database`."""
        return _options(library("polars", "'database'").read_database, {"query", "connection", "iter_batches", "batch_size"})

    def load_data(self, type_: Any) -> tuple[Any, dict[str, Any]]:
        polars = library("polars", "'database'")
        query = self.query_or_table
        query = f"SELECT * FROM {_quoted(query)}" if _is_name(query) else query  # noqa: S608  a name, in quotes
        with _connected(self.db_connection) as connection:
            frame = polars.read_database(query, connection, **self.options)
        return frame, get_sql_metadata(self.query_or_table, frame) | get_dataframe_metadata(frame)


class TableSaver(DataSaver):
    """What savers have in common: a table and a connection or URL."""

    def __init__(self, table_name: str, db_connection: Any, **options: Any) -> None:
        self.table_name = table_name
        self.db_connection = db_connection
        self.options = options


class PandasSqlSaver(TableSaver):
    """Writes a `pandas.DataFrame` to a table, in one transaction. Options are those of `DataFrame.to_sql`.

    Args:
        table_name: the table.
        db_connection: as for the loader.
        options: such as ``if_exists="replace"``; a table that is there already is an error otherwise.
    """

    keys = ("sql",)
    kinds = ("pandas.DataFrame",)

    @classmethod
    def get_optional_arguments(cls) -> dict[str, Any]:
        """The options of `pandas.DataFrame.to_sql`."""
        return _options(library("pandas", "'sql'").DataFrame.to_sql, {"self", "name", "con"})

    def save_data(self, data: Any) -> dict[str, Any]:
        with _transaction(self.db_connection) as connection:
            data.to_sql(self.table_name, connection, **self.options)
        return get_sql_metadata(self.table_name, len(data)) | get_dataframe_metadata(data)


class PolarsDatabaseSaver(TableSaver):
    """Writes a `polars.DataFrame` to a table, in one transaction.

    Args:
        table_name: the table.
        db_connection: a URL, an engine or connection of SQLAlchemy, or an `sqlite3` connection; also `connection`.
        options: ``if_table_exists``: ``"fail"``, ``"replace"`` or ``"append"``.
    """

    keys = ("database", "sql")
    kinds = ("polars.DataFrame",)

    def __init__(self, table_name: str, db_connection: Any = None, **options: Any) -> None:
        super().__init__(table_name, options.pop("connection", db_connection), **options)

    @classmethod
    def check(cls, fields: Any) -> None:
        """Checks the names of fields."""
        super().check(["db_connection" if field == "connection" else field for field in fields])

    @classmethod
    def get_required_arguments(cls) -> dict[str, Any]:
        """The table and the connection."""
        return {"table_name": "str", "db_connection": "Any"}

    @classmethod
    def get_optional_arguments(cls) -> dict[str, Any]:
        """What to do with a table that is there."""
        return {"if_table_exists": "Literal['fail', 'replace', 'append']"}

    def save_data(self, data: Any) -> dict[str, Any]:
        with _transaction(self.db_connection) as connection:
            data.write_database(self.table_name, connection, engine="sqlalchemy", **self.options)
        return get_sql_metadata(self.table_name, len(data)) | get_dataframe_metadata(data)


@contextmanager
def _connected(given: Any) -> Iterator[Any]:
    """A connection to read from; what was opened here is closed."""
    if not isinstance(given, str):
        yield given
        return
    file = _sqlite_file(given)
    if file is not None and not _has_sqlalchemy():
        with closing(sqlite3.connect(file)) as connection:
            yield connection
        return
    engine = _engine(given)
    try:
        with engine.connect() as connection:
            yield connection
    finally:
        engine.dispose()


@contextmanager
def _transaction(given: Any) -> Iterator[Any]:
    """A connection within a transaction, which is committed at the end, or rolled back."""
    if isinstance(given, str):
        engine = _engine(given)
        try:
            with engine.begin() as connection:
                _begin(connection)
                yield connection
        finally:
            engine.dispose()
    elif isinstance(given, sqlite3.Connection):
        sqlalchemy = library("sqlalchemy", "saving to sql")
        pool = library("sqlalchemy.pool", "saving to sql")
        engine = sqlalchemy.create_engine(
            "sqlite://", creator=lambda: given, poolclass=pool.StaticPool, pool_reset_on_return=None
        )
        with engine.begin() as connection:
            _begin(connection)
            yield connection
    elif hasattr(given, "connect"):
        with given.begin() as connection:
            _begin(connection)
            yield connection
    elif hasattr(given, "in_transaction"):
        with given.begin_nested() if given.in_transaction() else given.begin():
            _begin(given)
            yield given
    else:
        raise InputError(f"db_connection is a URL, an engine, or a connection, not {type(given).__name__}")


def _begin(connection: Any) -> None:
    """Makes SQLite's transaction one that tables are part of."""
    if connection.dialect.name == "sqlite" and connection.dialect.driver == "pysqlite":
        raw = connection.connection.dbapi_connection
        if not raw.in_transaction:
            connection.exec_driver_sql("BEGIN IMMEDIATE")


def _engine(url: str) -> Any:
    sqlalchemy = library("sqlalchemy", f"the database '{url.partition(':')[0]}'")
    try:
        return sqlalchemy.create_engine(url)
    except sqlalchemy.exc.ArgumentError as error:
        raise InputError("db_connection is no URL of a database; write one such as 'sqlite:///data.db'") from error


def _has_sqlalchemy() -> bool:
    from importlib.util import find_spec

    return find_spec("sqlalchemy") is not None


def _sqlite_file(url: str) -> str | None:
    return url.removeprefix("sqlite:///") if url.startswith("sqlite:///") else None


def _is_name(query: Any) -> bool:
    return isinstance(query, str) and len(query.split()) == 1


def _quoted(name: str) -> str:
    doubled = name.replace('"', '""')
    return f'"{doubled}"'


def _options(function: Any, left_out: set[str]) -> dict[str, Any]:
    found = inspect.signature(function).parameters.values()
    return {p.name: p.annotation for p in found if p.name not in left_out}


ADAPTERS = (PandasSqlLoader, PandasSqlSaver, PolarsDatabaseLoader, PolarsDatabaseSaver)
