"""What is kept of runs, as tables.

Theory: a run is one row that changes while it goes on (how it stands, how far it is); all else is written once. Events are rows
of the lines that an event file has (`anabranch.see.log`), those of spans as columns, for there may be many. The text of a
function stands once for each version of it, however many runs it was in.

All values are numbers and text; what has parts is JSON as text, which every database has.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from anabranch.libraries import library

__all__ = ["LAYOUT", "Tables", "tables"]

LAYOUT = 1
"""The version of the tables."""


@dataclass(frozen=True)
class Tables:
    """SQLAlchemy's tables."""

    metadata: Any
    about: Any
    runs: Any
    events: Any
    failures: Any
    values: Any
    nodes: Any
    codes: Any


def tables() -> Tables:
    """The tables, made anew; SQLAlchemy is imported for it.

    Raises:
        InputError: it is not installed.
    """
    sa = library("sqlalchemy", "tracking")
    metadata = sa.MetaData()

    def table(name: str, *columns: Any) -> Any:
        return sa.Table(f"anabranch_{name}", metadata, *columns)

    def column(name: str, kind: Any = sa.Text, **options: Any) -> Any:
        return sa.Column(name, kind, **{"nullable": False, **options})

    key, number, real = sa.String(64), sa.BigInteger, sa.Double

    def run() -> Any:
        return column("run_id", key, primary_key=True)

    return Tables(
        metadata,
        table("about", column("layout", sa.Integer, primary_key=True)),
        table(
            "runs",
            run(),
            column("name"),
            column("state", sa.String(16), index=True),
            column("started", real, index=True),
            column("ended", real, nullable=True),
            column("beat", real),
            column("place"),
            column("outputs"),
            column("executor"),
            column("slots", sa.Integer),
            column("code", key),
            column("error", nullable=True),
            column("progress"),
            column("surroundings"),
            column("start_line"),
            column("left_out", number),
        ),
        table(
            "events",
            run(),
            column("number", number, primary_key=True),
            column("kind", sa.String(24)),
            column("at", real),
            column("task", nullable=True),
            column("lo", number, nullable=True),
            column("hi", number, nullable=True),
            column("seconds", real, nullable=True),
            column("started", real, nullable=True),
            column("worker", nullable=True),
            column("more"),
        ),
        table("failures", run(), column("number", number, primary_key=True), column("at", real), column("failure")),
        table(
            "values",
            run(),
            column("role", sa.String(16), primary_key=True),
            column("name", sa.String(255), primary_key=True),
            column("position", sa.Integer),
            column("version", key, nullable=True),
            column("summary"),
        ),
        table(
            "nodes",
            run(),
            column("name", sa.String(255), primary_key=True),
            column("position", sa.Integer),
            column("code", key),
            column("used", sa.Boolean),
            column("about"),
        ),
        table("codes", column("code", key, primary_key=True), column("parts"), column("source")),
    )
