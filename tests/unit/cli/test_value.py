"""The value parser: text and JSON-like data as values of annotated types."""

from __future__ import annotations

import enum
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time, timezone
from decimal import Decimal
from os import PathLike
from pathlib import Path, PurePosixPath
from typing import Annotated, Any, Literal, NamedTuple, NewType, NotRequired, Optional, TypedDict, TypeVar, Union
from uuid import UUID

import pytest

from anabranch.cli.value import Misfit, convert, parse


class Color(enum.Enum):
    RED = "r"
    GREEN = 2


class Level(enum.IntEnum):
    LOW = 1


class Point(NamedTuple):
    x: int
    y: float = 0.5


@dataclass
class Window:
    start: date
    size: int = 1
    tags: list[str] = field(default_factory=list)
    origin: Point | None = None


class Options(TypedDict):
    depth: int
    path: NotRequired[Path]


UserId = NewType("UserId", int)
Number = TypeVar("Number", int, float)
Bounded = TypeVar("Bounded", bound=int)

PARSED = [
    ("5", int, 5),
    ("-3", int, -3),
    (" 1_000 ", int, 1000),
    ("2.5", float, 2.5),
    ("3", float, 3.0),
    ("inf", float, float("inf")),
    ("1+2j", complex, 1 + 2j),
    ("true", bool, True),
    ("YES", bool, True),
    ("1", bool, True),
    ("False", bool, False),
    ("no", bool, False),
    ("0", bool, False),
    ("", str, ""),
    (" a=b,c ", str, " a=b,c "),
    ("5", str, "5"),
    ("ä", bytes, "ä".encode()),
    ("a/b", Path, Path("a/b")),
    ("a/b", PurePosixPath, PurePosixPath("a/b")),
    ("a/b", PathLike[str], Path("a/b")),
    ("2024-02-29", date, date(2024, 2, 29)),
    ("2024-02-29T10:00", datetime, datetime(2024, 2, 29, 10)),  # noqa: DTZ001
    ("2024-02-29T10:00:00+00:00", datetime, datetime(2024, 2, 29, 10, tzinfo=timezone.utc)),
    ("10:30", time, time(10, 30)),
    ("1.10", Decimal, Decimal("1.10")),
    ("12345678123456781234567812345678", UUID, UUID("12345678123456781234567812345678")),
    ("RED", Color, Color.RED),
    ("r", Color, Color.RED),
    ("2", Color, Color.GREEN),
    ("LOW", Level, Level.LOW),
    ("1", Level, Level.LOW),
    ("a", Literal["a", "b"], "a"),
    ("2", Literal[1, 2, "x"], 2),
    ("True", Literal[True], True),
    ("RED", Literal[Color.RED], Color.RED),
    ("5", int | str, 5),
    ("x", int | str, "x"),
    ("5", str | int, "5"),
    ("none", Optional[int], None),
    ("NULL", str | None, None),
    ("7", Optional[int], 7),
    ("null", None, None),
    ("1,2, 3", list[int], [1, 2, 3]),
    ("", list[int], []),
    ("[1, 2]", list[int], [1, 2]),
    ("a, b", list[str], ["a", "b"]),
    ('["a, b"]', list[str], ["a, b"]),
    ("1,x", list, [1, "x"]),
    ("a,b", Sequence[str], ["a", "b"]),
    ("1,2", tuple[int, ...], (1, 2)),
    ("1,x", tuple[int, str], (1, "x")),
    ("[]", tuple[()], ()),
    ("1,1,2", set[int], {1, 2}),
    ("1", frozenset[int], frozenset({1})),
    ("[[1,2],[3]]", list[list[int]], [[1, 2], [3]]),
    ('{"a": 1}', dict[str, int], {"a": 1}),
    ('{"1": "2024-01-01"}', dict[int, date], {1: date(2024, 1, 1)}),
    ('{"a": 1}', Mapping[str, Any], {"a": 1}),
    ('{"start": "2024-01-01", "origin": {"x": 1}}', Window, Window(date(2024, 1, 1), origin=Point(1))),
    ('{"depth": 1, "path": "p"}', Options, {"depth": 1, "path": Path("p")}),
    ('{"x": 1}', Point, Point(1)),
    ("[1, 2]", Point, Point(1, 2.0)),
    ("5", Any, 5),
    ("abc", Any, "abc"),
    ('{"a": [true]}', Any, {"a": [True]}),
    ("5", object, 5),
    ("5", Annotated[int, "positive"], 5),
    ("5", UserId, 5),
    ("5", Number, 5),
    ("5", Bounded, 5),
    ("5", Union[Annotated[int, 1], None], 5),
]

UNPARSED = [
    ("abc", int, ""),
    ("1.0", int, ""),
    ("", int, ""),
    ("x", float, ""),
    ("maybe", bool, "true or false"),
    ("2024-13-01", date, "month must be in 1..12"),
    ("2024-01-01T10:00", date, "Invalid isoformat"),
    ("noon", time, "Invalid isoformat"),
    ("x", Decimal, ""),
    ("x", UUID, "badly formed"),
    ("BLUE", Color, "one of RED, GREEN"),
    ("c", Literal["a", "b"], ""),
    ("x", int | float, ""),
    ("x", Optional[int], ""),
    ("x", None, ""),
    ("1,x", list[int], "element 1 is 'x', not int"),
    ("[1, 2", list[int], "JSON"),
    ('[1, "2"]', list[int], "element 1 is '2', not int"),
    ("1", tuple[int, str], "2 elements, not 1"),
    ("a=1", dict[str, int], "JSON"),
    ("[1]", dict[str, int], "a list"),
    ('{"a": "b"}', dict[str, int], "'a' is 'b', not int"),
    ('{"a": 1}', dict[int, int], "the key is 'a', not int"),
    ('{"size": 1}', Window, "field 'start' is missing"),
    ('{"start": "2024-01-01", "sise": 1}', Window, "no field 'sise'"),
    ('{"start": "2024-01-01", "tags": ["a", 1]}', Window, "element 1 is 1, not str"),
    ("3", Window, "an object with its fields"),
    ("[1, 2, 3]", Point, "2 fields, not 3"),
    ('{"path": "p"}', Options, "field 'depth' is missing"),
    ("x", Exception, "cannot be written as text"),
    ("x", type, "cannot be written as text"),
]


@pytest.mark.parametrize(("text", "annotation", "value"), PARSED)
def test_text_that_fits(text, annotation, value):
    made = parse(text, annotation)
    assert made == value
    assert type(made) is type(value)


@pytest.mark.parametrize(("text", "annotation", "detail"), UNPARSED)
def test_text_that_does_not_fit(text, annotation, detail):
    with pytest.raises(Misfit) as caught:
        parse(text, annotation)
    assert detail in str(caught.value)


CONVERTED = [
    (5, int, 5),
    (5, float, 5.0),
    ("5", int | str, "5"),
    ("x", Path, Path("x")),
    (date(2024, 1, 1), date, date(2024, 1, 1)),
    ("2024-01-01", date, date(2024, 1, 1)),
    (1.5, Decimal, Decimal("1.5")),
    ("r", Color, Color.RED),
    (2, Color, Color.GREEN),
    ("RED", Color, Color.RED),
    (1, Literal[1, "1"], 1),
    ("1", Literal[1, "1"], "1"),
    (None, int | None, None),
    ("none", str | None, "none"),
    ([1, 2], tuple[int, ...], (1, 2)),
    ([1, 1], set[int], {1}),
    ([["a"]], list[list[Path]], [[Path("a")]]),
    ({"a": {"x": 1}}, dict[str, Point], {"a": Point(1)}),
    ({1: 2}, dict[int, int], {1: 2}),
    ({"start": date(2024, 1, 1)}, Window, Window(date(2024, 1, 1))),
    ([1, "x"], list, [1, "x"]),
    ({"any": 1}, Any, {"any": 1}),
    ("text", bytes, b"text"),
]


@pytest.mark.parametrize(("value", "annotation", "expected"), CONVERTED)
def test_data_that_fits(value, annotation, expected):
    made = convert(value, annotation)
    assert made == expected
    assert type(made) is type(expected)


@pytest.mark.parametrize(
    ("value", "annotation"),
    [
        ("5", int),
        (5.0, int),
        (True, int),
        (True, float),
        (1, bool),
        ("true", bool),
        (5, str),
        (5, Path),
        (5, date),
        ("x", list[str]),
        ([1], dict[str, int]),
        ("1", Literal[1]),
        (True, Literal[1]),
        ("none", None),
        ("x", Window),
        ("x", Exception),
    ],
)
def test_data_that_does_not_fit(value, annotation):
    with pytest.raises(Misfit):
        convert(value, annotation)
