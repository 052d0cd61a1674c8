"""Questions about lineage, from the command line: what is asked, and how the answer looks."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from rich.text import Text

from anabranch.cli.display import show_grid
from anabranch.cli.grid import Column, Grid
from anabranch.cli.results import Results
from anabranch.errors import InputError
from anabranch.lineage import Lineage, Variable, document

__all__ = ["Question", "answer", "show_answer", "wanted"]


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked: the variables between these that have these tags; or, if `exposed` says any, which outputs are made of
    what has those.
    """

    sources: tuple[str, ...] = ()
    targets: tuple[str, ...] = ()
    tags: tuple[tuple[str, str | None], ...] = ()
    exposed: tuple[tuple[str, str | None], ...] = ()


def wanted(option: str, texts: Sequence[str] | None) -> tuple[tuple[str, str | None], ...]:
    """Tags as they are asked for: ``key=value``, or ``key`` for any value.

    Raises:
        InputError: a key is empty, or comes twice.
    """
    found: dict[str, str | None] = {}
    for text in texts or ():
        key, equals, value = text.partition("=")
        if not key.strip():
            raise InputError(f"{option} takes key=value, or key, not '{text}'")
        if key.strip() in found:
            raise InputError(f"{option} gives '{key.strip()}' twice")
        found[key.strip()] = value if equals else None
    return tuple(found.items())


def answer(lineage: Lineage, asked: Question) -> dict[str, Any]:
    """The answer as a document.

    Raises:
        InputError: a name is unknown.
    """
    part = _part(lineage, asked)
    if asked.exposed:
        return {"exposed": {name: list(made_of) for name, made_of in part.exposed(**dict(asked.exposed)).items()}}
    return document(part)


def show_answer(results: Results, lineage: Lineage, asked: Question) -> None:
    """Prints the answer as a table, or one line that there is nothing to tell.

    Raises:
        InputError: a name is unknown.
    """
    part = _part(lineage, asked)
    if asked.exposed:
        found = part.exposed(**dict(asked.exposed))
        made_of = [", ".join(each) for each in found.values()]
        rows = [_column("output", list(found), "bold cyan"), _column("is made of", made_of)]
        nothing = f"no output is made of what has the tag {_words(asked.exposed)}"
    else:
        rows = _columns(list(part))
        nothing = _nothing(asked)
    if rows[0].cells:
        show_grid(results, Grid(tuple(column for column in rows if any(column.cells))))
    else:
        results.console.print(Text(nothing))


def _part(lineage: Lineage, asked: Question) -> Lineage:
    part = lineage
    if asked.sources and asked.targets:
        part = part.between(asked.sources, asked.targets)
    elif asked.sources:
        part = part.downstream(*asked.sources)
    elif asked.targets:
        part = part.upstream(*asked.targets)
    return part.tagged(**dict(asked.tags))


def _nothing(asked: Question) -> str:
    tagged = f"with the tag {_words(asked.tags)}" if asked.tags else ""
    if asked.sources and asked.targets and not tagged:
        return f"nothing flows from {_names(asked.sources)} to {_names(asked.targets)}"
    return f"there is nothing {tagged}{' there' if asked.sources or asked.targets else ''}"


def _names(names: Iterable[str]) -> str:
    return " or ".join(f"'{name}'" for name in names)


def _words(tags: Iterable[tuple[str, str | None]]) -> str:
    return " and ".join(key if value is None else f"{key}={value}" for key, value in tags)


def _columns(found: list[Variable]) -> list[Column]:
    return [
        _column("name", [one.name for one in found], "bold cyan"),
        _column("", ["input" if one.is_input else "" for one in found], "dim"),
        _column("type", [f"items of {one.type_name}" if one.expands else one.type_name for one in found]),
        _column("for each", [" × ".join(one.axes[:-1] if one.expands else one.axes) for one in found], "green"),
        _column("reads", [", ".join(reading.name for reading in one.reads) for one in found]),
        _column("tags", [", ".join(f"{key}={_said(value)}" for key, value in one.tags.items()) for one in found], "dim"),
    ]


def _said(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _column(title: str, cells: list[str], style: str = "") -> Column:
    return Column(title, tuple(cells), style=style)
