"""Annotations: what may go where, what is said about it, and how strings become types.

The tables are the specification: a row each for what must be accepted and what must be refused. The properties at the
end say what holds for every annotation.
"""

from __future__ import annotations

import collections
import collections.abc as cabc
import contextlib
import dataclasses
import datetime
import decimal
import enum
import fractions
import functools
import inspect
import numbers
import os
import pathlib
import re
import textwrap
import time
import types
import typing
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Annotated, Any, ForwardRef, Generic, Literal, NamedTuple, NewType, Protocol, TypedDict, TypeVar

import numpy as np
import numpy.typing as npt
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from anabranch.errors import FlowError
from anabranch.graph.hints import resolve_hints
from anabranch.graph.types import LIMIT, assignable, describe, fits
from anabranch.markers import Collect, Parallelizable, Stream

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)
T_contra = TypeVar("T_contra", contravariant=True)
Number = TypeVar("Number", int, float)
LateBound = TypeVar("LateBound", bound="Animal")
IntBound = TypeVar("IntBound", bound=int)
P = typing.ParamSpec("P")
Ts = typing.TypeVarTuple("Ts")
UserId = NewType("UserId", int)
AdminId = NewType("AdminId", UserId)
OrderId = NewType("OrderId", int)
EMPTY = inspect.Parameter.empty


class Animal: ...


class Dog(Animal): ...


Bound = TypeVar("Bound", bound=Animal)


class Stone: ...


class Dynamic(Any): ...


class Colour(enum.Enum):
    RED = 1
    BLUE = 2


class Size(enum.StrEnum):
    S = "s"
    M = "m"


class Level(enum.IntEnum):
    LOW = 1


class Point(NamedTuple):
    x: int
    y: int


class Pair(tuple[int, str]):
    __slots__ = ()


@dataclasses.dataclass
class Row:
    x: int


class Movie(TypedDict):
    title: str


class Song(TypedDict):
    bars: int


class Quacks(Protocol):
    def quack(self) -> str: ...


@typing.runtime_checkable
class Closes(Protocol):
    def close(self) -> None: ...


class Box(Generic[T]):
    def __init__(self, content: T) -> None:
        self.content = content


class IntBox(Box[int]): ...


class Rows(Generic[T], list[T]): ...


class Named(Rows[str]): ...


class Table(Mapping[str, T]): ...


class Source(Generic[T_co]): ...


class Sink(Generic[T_contra]): ...


class Duck:
    """Iterable by its method only."""

    def __iter__(self) -> Iterator[int]:
        return iter(())


class Caller:
    def __call__(self, x: int) -> str:
        return str(x)


class Moody(type):
    def __instancecheck__(cls, instance: object) -> bool:
        return instance == 7 if type(instance) is int else False


class Seven(metaclass=Moody): ...


class Broken(type):
    def __subclasscheck__(cls, subclass: type) -> bool:
        raise RuntimeError("no idea")

    def __instancecheck__(cls, instance: object) -> bool:
        raise RuntimeError("no idea")


class Unaskable(metaclass=Broken): ...


class Hostile:
    """Whoever asks it anything gets an exception."""

    def __eq__(self, other: object) -> bool:
        raise AssertionError("== on a user's value")

    __hash__ = None  # type: ignore[assignment]

    def __bool__(self) -> bool:
        raise AssertionError("bool() on a user's value")

    def __repr__(self) -> str:
        raise AssertionError("repr() on a user's value")

    __str__ = __repr__

    def __iter__(self) -> Iterator[int]:
        raise AssertionError("iter() on a user's value")

    def __len__(self) -> int:
        raise AssertionError("len() on a user's value")


Json = typing.Union[str, int, list["Json"], dict[str, "Json"]]

ANNOTATIONS: list[Any] = [
    Any, object, EMPTY, None, int, bool, float, complex, str, bytes, Animal, Colour, Point, Row, Movie, Quacks, Closes,
    Box, Box[int], Rows[str], Source[int], Sink[int], Duck, Caller, Seven, Unaskable, UserId, AdminId, T, Number,
    Bound, LateBound,
    P, Ts, "int", "no_such", ForwardRef("Later"), Json, list, list[int], typing.List, typing.List[int], dict[str, int],
    tuple, tuple[()], tuple[int, ...], tuple[int, str], tuple[*Ts], tuple[int, *tuple[str, ...]], set[int],
    Sequence[float], Iterable[T], Iterator[str], cabc.Generator[int, None, None], cabc.Coroutine[None, None, int],
    Callable, Callable[..., int], Callable[[int], str], Callable[P, int], Callable[typing.Concatenate[int, P], str],
    type, type[int], type[Any], type[T], int | None, typing.Optional[str], int | str | None, Literal[1],
    Literal["a", "b", None], Literal[Colour.RED], Annotated[int, "metres"], typing.LiteralString, typing.NoReturn,
    typing.Never, typing.Self, typing.Final[int], collections.Counter[str], collections.deque[int], np.ndarray,
    npt.NDArray[np.float64], np.float64, np.int64, npt.ArrayLike, pd.DataFrame, pd.Series, Collect[int], Collect,
    Stream[str], Parallelizable[pd.DataFrame], Collect[Collect[int]], re.Pattern[str], os.PathLike[str], pathlib.Path,
    numbers.Real, decimal.Decimal, types.FunctionType, 3, [int], ..., typing, Dynamic,
]  # fmt: skip

ACCEPTED: list[tuple[Any, Any]] = [
    # classes and promotions
    (Dog, Animal), (bool, int), (int, float), (int, complex), (float, complex), (bool, float), (bool, complex),
    (bytearray, bytes), (memoryview, bytes), (pathlib.PosixPath, pathlib.Path), (Level, int), (Size, str),
    (datetime.datetime, datetime.date), (Point, tuple), (Row, Row), (fractions.Fraction, float), (Dog, object),
    (int, numbers.Integral), (float, numbers.Real), (int, typing.Hashable), (pathlib.Path, os.PathLike),
    (pathlib.Path, os.PathLike[str]), (str, typing.SupportsFloat), (Dynamic, int), (Unaskable, int), (int, Unaskable),
    (int, Seven), (Seven, int),
    # numpy, pandas
    (np.float64, float), (np.float32, float), (np.int64, int), (np.int32, float), (np.bool_, bool), (bool, np.bool_),
    (int, np.int64), (float, np.float64), (float, np.floating), (int, np.number), (np.float64, np.number),
    (np.ndarray, npt.NDArray[np.float64]), (npt.NDArray[np.float64], np.ndarray), (np.ndarray, npt.ArrayLike),
    (npt.NDArray[np.int64], npt.NDArray[np.float64]), (npt.NDArray[np.int64], np.ndarray[Any, np.dtype[np.int64]]),
    (npt.NDArray[Any], npt.NDArray[np.str_]), (pd.Series, Iterable[float]), (pd.DataFrame, Iterable),
    (pd.Timestamp, datetime.datetime), (pd.Series, pd.Series | None), (npt.NDArray[np.int64], Iterable[int]),
    # unions, None
    (int, int | None), (None, int | None), (None, None), (None, type(None)), (type(None), None), (None, object),
    (int, int | str), (int | str, str | int), (int | bool, int), (int | None, float | None), (None, typing.Hashable),
    (int | str, int | str | None), (bool | int, float), (int | Any, str | int),
    (list[int] | None, Sequence[int] | None),
    # wrappers
    (Annotated[int, "m"], int), (int, Annotated[int, "m"]), (list[Annotated[int, 1]], list[int]),
    (typing.Final[int], int), (int, typing.ClassVar[int]), (UserId, int), (int, UserId), (UserId, float),
    (AdminId, UserId), (UserId, AdminId), (bool, UserId), (list[UserId], list[int]), (UserId, int | None),
    (UserId, UserId | None), (typing.LiteralString, str), (str, typing.LiteralString),
    # variables
    (int, T), (T, int), (T, str), (Dog, Bound), (Bound, Animal), (Bound, Dog), (int, Number), (Number, int),
    (bool, Number), (list[T], list[int]), (list[int], list[T]), (P, int), (int, P), (IntBound, float),
    (LateBound, Stone), (Stone, LateBound),
    # literals
    (Literal["a"], str), (Literal[1], int), (Literal[1], float), (Literal["a"], Literal["a", "b"]),
    (Literal["b", "a"], Literal["a", "b"]), (str, Literal["a"]), (int, Literal[1, "a"]), (Literal[Colour.RED], Colour),
    (Literal["a", 1], int | str), (Literal["a", None], str | None), (Literal["a"], Literal["a"] | None),
    (Literal["a", "b"], Literal["a"] | Literal["b"]), (bool, Literal[True]), (Colour, Literal[Colour.RED]),
    (Literal[True], bool), (Literal["a"], Sequence[str]), (None, Literal[None]), (Size, Literal["s"]),
    # generics
    (list[int], list[int]), (list[int], list), (list, list[int]), (list[int], typing.List[int]),
    (typing.List, list[int]),
    (typing.List[int], Sequence[int]), (list[int], Iterable[int]), (list[int], cabc.Collection[int]),
    (list[int], list[float]), (list[bool], Sequence[int]), (list[Dog], list[Animal]), (list[int], list[Any]),
    (list[Any], list[int]), (list[int], list[int | None]), (list[int], object), (list[list[int]], list[list[float]]),
    (set[int], cabc.Set[int]), (frozenset[int], typing.AbstractSet[int]), (set[int], Iterable[float]),
    (collections.deque[int], cabc.MutableSequence[int]), (list["Later"], list[int]), (list[ForwardRef("X")], list[int]),
    (dict[str, int], dict[str, float]), (dict[str, int], Mapping[str, int]), (dict[str, int], typing.Dict[str, int]),
    (dict[str, int], cabc.MutableMapping[str, int]), (dict, Mapping[str, int]), (dict[str, int], Iterable[str]),
    (collections.OrderedDict[str, int], dict[str, int]), (collections.defaultdict[str, int], Mapping[str, int]),
    (collections.Counter[str], Mapping[str, int]), (collections.Counter[str], dict[str, int]),
    (cabc.KeysView[str], Iterable[str]), (cabc.ItemsView[str, int], Iterable[tuple[str, int]]),
    (str, Sequence[str]), (str, Iterable[str]), (bytes, Sequence[int]), (range, Sequence[int]),
    (range, Iterable[float]),
    (cabc.Generator[int, None, None], Iterator[int]), (cabc.Generator[int, None, None], Iterable[float]),
    (cabc.Generator[int, str, None], cabc.Generator[int, None, None]), (Iterator[int], Iterable[int]),
    (cabc.Coroutine[Any, Any, int], cabc.Awaitable[int]), (contextlib.ExitStack, contextlib.AbstractContextManager),
    (Duck, Iterable), (Duck, Iterable[str]), (re.Pattern[str], re.Pattern), (typing.IO[str], typing.IO[str]),
    # tuples
    (tuple[int, int], tuple[int, int]), (tuple[int, int], tuple[int, ...]), (tuple[int, ...], tuple[int, int]),
    (tuple[int, str], tuple[float, str]), (tuple[int, int], Sequence[int]), (tuple[int, ...], Iterable[float]),
    (tuple[int, str], Sequence[int | str]), (tuple, tuple[int, str]), (tuple[int], tuple), (tuple[()], tuple[int, ...]),
    (tuple[()], tuple[()]), (tuple[()], Sequence[int]), (tuple[*Ts], tuple[int, str]), (tuple[int, str], tuple[*Ts]),
    (tuple[int, *tuple[str, ...]], tuple[int, str, str]), (typing.Tuple[int, ...], tuple[int, ...]),
    (Point, tuple[int, int]), (Pair, tuple[int, str]), (Pair, tuple[float, str]), (Pair, Sequence[int | str]),
    # the user's own
    (Box[int], Box[int]), (Box[int], Box), (Box, Box[int]), (IntBox, Box[int]), (IntBox, Box[float]),
    (Box[T], Box[int]),
    (Rows[int], list[int]), (Rows[int], Sequence[float]), (Rows, list[int]), (Named, Iterable[str]), (Named, list[str]),
    (Table[int], Mapping[str, int]), (Table[int], Iterable[str]), (Source[Dog], Source[Animal]),
    (Sink[Animal], Sink[Dog]), (Collect[int], Collect[float]), (Collect[int], list[int]), (list[int], Collect[int]),
    (int, Parallelizable[int]), (Stream[int], Stream),
    # callables, classes
    (Callable[[int], str], Callable[[int], str]), (Callable[[int], str], Callable[..., str]),
    (Callable, Callable[[int], str]),
    (Callable[..., bool], Callable[..., int]), (Callable[[float], str], Callable[[int], str]),
    (Caller, Callable[[int], str]),
    (Callable[[int], str], Callable), (Callable[[int], str], Callable[..., None]), (type[int], Callable[..., int]),
    (types.FunctionType, Callable[..., Any]), (Callable[P, int], Callable[[str], int]),
    (typing.Callable[[int], int], Callable),
    (type[Dog], type[Animal]), (type[int], type), (type, type[int]), (type[Any], type[int]),
    (enum.EnumMeta, type[Colour]),
    (type[Colour], Iterable[Colour]), (type[int], typing.Hashable), (type[T], type[int]),
    # protocols, typed dicts, the unresolved
    (Stone, Quacks), (Quacks, Stone), (Stone, Closes), (int, typing.SupportsInt), (Movie, dict),
    (Movie, dict[str, Any]),
    (Movie, Mapping[str, object]), (dict[str, Any], Movie), (Movie, Song), (Movie, Movie), (int, "str"),
    ("str", int), (ForwardRef("X"), int), (int, typing.Self), (typing.NoReturn, int), (int, 3), ([int], int),
    (typing, int),
]  # fmt: skip

REFUSED: list[tuple[Any, Any]] = [
    (str, int), (int, str), (float, int), (complex, float), (Animal, Dog), (Dog, Stone), (int, bool), (str, bytes),
    (bytes, bytearray), (int, Colour), (Colour, int), (int, Level), (datetime.date, datetime.datetime),
    (str, pathlib.Path),
    (decimal.Decimal, float), (int, decimal.Decimal), (Row, dict), (Row, Point), (float, np.int64), (np.float64, int),
    (np.ndarray, pd.DataFrame), (pd.DataFrame, pd.Series), (pd.Series, np.ndarray), (pd.Series, int), (list, pd.Series),
    (pd.DataFrame, Row), (npt.NDArray[np.float64], npt.NDArray[np.int64]), (npt.NDArray[np.float64], pd.Series),
    (np.ndarray, list), (npt.NDArray[np.float64], list[float]), (int, Iterable), (np.str_, int), (complex, np.float64),
    (None, int), (int, None), (int | None, int), (typing.Optional[int], float), (int | str, int),
    (int | None, str | None),
    (str, int | None), (int | str | None, int | str), (None, list[int]), (list[int] | None, list[int]),
    (None, Callable),
    (Annotated[int, "m"], str), (str, Annotated[int, "m"]), (UserId, str), (str, UserId), (UserId, OrderId),
    (AdminId, OrderId), (UserId, OrderId | None), (list[UserId], list[OrderId]), (float, UserId),
    (str, Number), (Stone, Bound), (Bound, int), (Number, bytes), (None, IntBound),
    (Literal["a"], int), (Literal["a"], Literal["b"]), (Literal["a", "c"], Literal["a", "b"]), (int, Literal["a"]),
    (Literal[1], Literal[True]), (Literal["a", None], str), (Literal["a", 1], str),
    (Literal[Colour.RED], Literal[Colour.BLUE]),
    (Literal["a"], Sequence[int]), (None, Literal["a"]), (list[int], Literal[1]), (Stone, Literal["a"]),
    (list[int], list[str]), (list[int], typing.List[str]), (list[int], Sequence[str]), (list[int], Iterable[str]),
    (Sequence[int], list[int]), (Iterable[int], Sequence[int]), (list[int], tuple[int, ...]), (list[int], set[int]),
    (set[int], list[int]), (list[int], int), (int, list[int]), (list[int | None], list[int]), (list[float], list[int]),
    (list[list[int]], list[list[str]]), (list[dict[str, int]], list[dict[str, str]]), (set[int], frozenset[int]),
    (dict[str, int], dict[str, str]), (dict[str, int], dict[int, int]), (dict[str, int], Mapping[str, str]),
    (dict[str, int], list[str]), (dict[str, int], Iterable[int]), (Mapping[str, int], dict[str, int]),
    (collections.Counter[str], Mapping[str, str]), (collections.Counter[str], Mapping[int, int]),
    (str, Iterable[int]), (str, list[str]), (bytes, Sequence[str]), (range, list[int]), (range, Iterable[str]),
    (cabc.Generator[int, None, None], Iterator[str]),
    (cabc.Generator[int, None, None], cabc.Generator[str, None, None]),
    (cabc.Generator[int, None, None], list[int]), (cabc.Coroutine[Any, Any, int], cabc.Awaitable[str]),
    (Duck, Sequence),
    (re.Pattern[str], re.Pattern[bytes]), (Iterable[int], Iterator[int]), (cabc.KeysView[str], Iterable[int]),
    (tuple[int, int], tuple[int, int, int]), (tuple[int, int], tuple[int, str]), (tuple[int, ...], tuple[str, ...]),
    (tuple[int, str], tuple[int, ...]), (tuple[int, ...], tuple[int, str]), (tuple[int, str], Sequence[int]),
    (tuple[int], list[int]), (tuple[()], tuple[int]), (tuple[int], tuple[()]), (Pair, tuple[str, str]),
    (Pair, Sequence[int]),
    (Box[int], Box[str]), (Box[int], int), (int, Box[int]), (IntBox, Box[str]), (Box[int], IntBox),
    (Rows[int], list[str]),
    (Named, list[int]), (Named, Iterable[int]), (Table[int], Mapping[str, str]), (Table[int], Mapping[int, int]),
    (Source[Animal], Source[Dog]), (Sink[Dog], Sink[Animal]), (Collect[int], Collect[str]), (Stream[str], Stream[int]),
    (Callable[[int], str], Callable[[int], int]), (Callable[[int], str], Callable[[int, int], str]), (int, Callable),
    (Callable[[int], str], Callable[[str], str]), (Callable[[int], str], int), (Callable, int),
    (Stone, Callable[..., Any]),
    (type[int], type[str]), (type[Animal], type[Dog]), (type[int], int), (int, type[int]), (type[int], Iterable[int]),
    (Movie, int), (int, Movie), (Movie, list[str]), (Movie, Row), (Row, Movie),
]  # fmt: skip

FITTING: list[tuple[Any, Any]] = [
    (1, int), (1, float), (1, complex), (True, int), (True, float), (1.5, float), (1.5, complex), ("a", str),
    (b"a", bytes),
    (bytearray(b"a"), bytes), (1, Any), (None, Any), (None, object), (None, None), (None, int | None), (1, int | None),
    (1, EMPTY), (1, "str"), (1, ForwardRef("X")), (1, list["no_such"] | Any), (1, T), (1, Number), (Dog(), Bound),
    (1, P),
    (1, UserId), (1, AdminId), (1, Annotated[int, "m"]), ("a", typing.LiteralString), ("a", Literal["a", "b"]),
    (None, Literal[None]), (Colour.RED, Literal[Colour.RED]), (Colour.RED, Colour), (Level.LOW, int),
    (Size.S, Literal["s"]),
    (np.str_("b"), Literal["a"]), (np.int64(1), Literal[1]), (np.float64(1), float), (np.float32(1), float),
    (1.0, np.float64),
    (np.int64(1), int), (np.int64(1), float), (np.bool_(True), bool), (np.array([1.0]), np.ndarray),
    (np.array([1]), npt.NDArray[np.float64]), (np.array([1]), npt.ArrayLike), (pd.DataFrame(), pd.DataFrame),
    (pd.Series([1]), Iterable[str]), (pd.Timestamp("2020-01-01"), datetime.datetime), (pd.NaT, datetime.datetime),
    ([1, 2], list[int]), ([1, 2], list[float]), ([], list[int]), ([1], list), ([1], Sequence[int]),
    ([1], Iterable[float]),
    ([1, "a"], list[int | str]), ([[1], []], list[list[int]]), ([None], list[int | None]), ([1], typing.List[int]),
    ([1] * 100 + ["a"], list[int]), ((1, 2), tuple[int, ...]), ((1, "a"), tuple[int, str]), ((), tuple[()]),
    ((), tuple[int, ...]),
    ((1, "a"), tuple), ((1, "a"), tuple[int, *Ts]), ((1, "a", "b"), tuple[int, *tuple[str, ...]]),
    ((1, 2), Sequence[int]),
    (Point(1, 2), tuple[int, int]), (Point(1, 2), Point), (Pair((1, "a")), tuple[int, str]), ({1}, set[int]),
    (frozenset([1]), cabc.Set[int]), ({"a": 1}, dict[str, int]), ({"a": 1}, Mapping[str, float]),
    ({"a": 1}, Iterable[str]),
    ({"a": [1]}, dict[str, list[int]]), ({"title": "x"}, Movie), ({}, Movie),
    (collections.Counter("ab"), Mapping[str, int]),
    (collections.deque(["a"]), Sequence[str]), ("ab", Iterable[str]), ("ab", Sequence[str]), (range(3), Sequence[int]),
    (iter([1]), Iterator[str]), ((x for x in "a"), Iterable[int]), (len, Callable), (len, Callable[[str], int]),
    (Caller(), Callable[[int], str]),
    (int, Callable[[str], int]), (int, type), (int, type[int]), (bool, type[int]), (int, type[Any]), (Dog, type[Bound]),
    (list[int], type[list]), (Stone(), Quacks), (None, Quacks), (Duck(), Iterable[str]), (Rows([1]), list[int]),
    (contextlib.ExitStack(), Closes), (7, Seven), (1, Unaskable), (Unaskable(), Unaskable), (Dynamic(), int),
    (Box(1), Box[int]),
    (Box("a"), Box[int]), (IntBox(1), Box[int]), (Row(1), Row), (1, 3), (1, typing.Self),
    (pathlib.Path(), os.PathLike[str]),
    (1, Collect[str]), ([1], Collect[int]), (1, Parallelizable), (1, numbers.Real), (fractions.Fraction(1), float),
    ({"a": [1, {}]}, Json),
]  # fmt: skip

MISFITS: list[tuple[Any, Any]] = [
    ("1", int), (1, str), (1.0, int), (1j, float), (1, bool), (None, int), (None, str | int), (None, pd.DataFrame),
    (1, None),
    ("1", int | None), ("a", Number), (Stone(), Bound), ("a", UserId), ("a", Annotated[int, "m"]),
    ("c", Literal["a", "b"]),
    (True, Literal[1]), (1, Literal["a"]), (None, Literal["a"]), (Colour.BLUE, Literal[Colour.RED]),
    (1, Literal[Colour.RED]),
    (Size.M, Literal["s"]), (Stone(), Literal["a"]), (1, Colour), (np.float64(1), int), (np.int64(1), str),
    (np.array([1]), list[int]),
    (np.array([1]), pd.Series), (pd.DataFrame(), pd.Series), ([1], np.ndarray), ("x", pd.DataFrame),
    (1, pd.Series | None),
    (["a"], list[int]), ([1, "a"], list[int]), ([None], list[int]), ([[1], ["a"]], list[list[int]]), ((1,), list[int]),
    ([1], tuple[int]), ((1, 2), tuple[int]), ((1, "a"), tuple[int, int]), ((1, "a"), tuple[int, ...]), ((), tuple[int]),
    ((1,), tuple[()]), ({1}, list[int]), ({"a"}, set[int]), ({"a": "b"}, dict[str, int]), ({1: 1}, dict[str, int]),
    ({"a": 1}, Mapping[str, str]), ({"a": 1}, Iterable[int]), ({"a": ["b"]}, dict[str, list[int]]), ("ab", list[str]),
    ("ab", Iterable[int]), (b"ab", Sequence[str]), (1, Callable), ("f", Callable[..., Any]), (1, type), (1, type[int]),
    (str, type[int]), (Stone(), Dog), (Animal(), Dog), (1, Box[int]), (Pair((1, "a")), tuple[str, str]), (8, Seven),
    (Stone(), Closes), ([1], Movie), ("a", os.PathLike), ("2020", datetime.date), (1, Iterable[int]),
    (Named(), list[int]),
]  # fmt: skip


@pytest.mark.parametrize(("source", "target"), ACCEPTED, ids=str)
def test_accepts(source: Any, target: Any) -> None:
    assert assignable(source, target)


@pytest.mark.parametrize(("source", "target"), REFUSED, ids=str)
def test_refuses(source: Any, target: Any) -> None:
    assert not assignable(source, target)


@pytest.mark.parametrize(("value", "annotation"), FITTING, ids=lambda one: type(one).__name__)
def test_fits(value: Any, annotation: Any) -> None:
    assert fits(value, annotation)


@pytest.mark.parametrize(("value", "annotation"), MISFITS, ids=lambda one: type(one).__name__)
def test_does_not_fit(value: Any, annotation: Any) -> None:
    assert not fits(value, annotation)


@pytest.mark.parametrize("annotation", ANNOTATIONS, ids=str)
def test_every_annotation_goes_to_itself_and_to_the_unknown(annotation: Any) -> None:
    assert assignable(annotation, typing.Union[int, Any])
    for other in (annotation, Any, object, EMPTY, Annotated[Any, 1]):
        assert assignable(annotation, other)
        assert assignable(other, annotation)
    with contextlib.suppress(TypeError):  # not everything can stand in a union
        assert assignable(annotation, typing.Union[annotation, None])


def test_no_pair_of_annotations_raises() -> None:
    for source in ANNOTATIONS:
        for target in ANNOTATIONS:
            assert assignable(source, target) in (True, False)


@pytest.mark.parametrize("annotation", ANNOTATIONS, ids=str)
def test_a_value_is_never_asked_anything(annotation: Any) -> None:
    fits(Hostile(), annotation)
    fits([Hostile()], annotation)
    assert fits([Hostile()], list[Hostile])
    assert not fits(Hostile(), Literal["a", 1, None])
    assert not fits([Hostile()], list[Literal["a", Colour.RED]])


def test_iterators_are_not_read() -> None:
    numbers_ = iter([1, 2])
    assert fits(numbers_, Iterator[int])
    assert list(numbers_) == [1, 2]


class TestCost:
    def test_containers_are_sampled(self) -> None:
        asked = 0

        class Counting(type):
            def __instancecheck__(cls, instance: object) -> bool:
                nonlocal asked
                asked += 1
                return True

        class Counted(metaclass=Counting): ...

        assert fits([object()] * 10_000, list[Counted])
        assert asked == 100
        assert fits([[object()] * 10_000] * 10_000, list[list[Counted]])
        assert asked <= 100 + LIMIT

    def test_deep_annotations_and_values_end(self) -> None:
        deep: Any = int
        other: Any = str
        value: Any = 1
        for _ in range(5_000):
            deep, other, value = list[deep], list[other], [value]
        assert assignable(deep, other)
        assert fits(value, deep)
        assert fits(value, Json)
        assert "…" in describe(deep)
        value.append(value)
        assert fits(value, Json)

    def test_wide_unions_end(self) -> None:
        wide = typing.Union[tuple(type(f"C{i}", (), {}) for i in range(200))]
        assert assignable(wide, typing.Union[tuple(reversed(typing.get_args(wide)))])


class TestPandera:
    """Its frames are notation: at run time they are plain pandas frames."""

    def test_is_not_judged(self) -> None:
        frame: Any = types.new_class("DataFrame", (pd.DataFrame, Generic[T]))
        frame.__module__ = "pandera.typing.pandas"
        assert assignable(pd.DataFrame, frame[Row])
        assert fits(pd.DataFrame(), frame[Row])


@pytest.mark.parametrize(
    ("annotation", "text"),
    [
        (int, "int"), (None, "None"), (type(None), "None"), (EMPTY, "no annotation"), (Any, "Any"), (object, "object"),
        (list[int], "list[int]"), (typing.List[int], "list[int]"), (typing.List, "list"), (list, "list"),
        (pd.DataFrame, "DataFrame"),
        (int | None, "int | None"), (typing.Optional[int], "int | None"), (None | int, "int | None"),
        (int | str, "int | str"),
        (typing.Union[None, int, str], "int | str | None"), (Collect[int], "Collect[int]"), (Collect, "Collect"),
        (Stream[str], "Stream[str]"),
        (Collect[Collect[pd.DataFrame]], "Collect[Collect[DataFrame]]"),
        (Parallelizable[pathlib.Path], "Parallelizable[Path]"),
        (dict[str, list[int]], "dict[str, list[int]]"), (tuple[int, ...], "tuple[int, ...]"), (tuple[()], "tuple[()]"),
        (Callable[[int, str], float], "Callable[[int, str], float]"), (Callable[..., Any], "Callable[..., Any]"),
        (Callable[[], None], "Callable[[], None]"),
        (Literal["a", 1, None], "Literal['a', 1, None]"), (Literal[Colour.RED], "Literal[Colour.RED]"),
        (Annotated[int, "m"], "int"),
        (list[Annotated[int, "m"]], "list[int]"), (UserId, "UserId"), (T, "T"), ("Later", "Later"),
        (ForwardRef("Later"), "Later"), (list["Later"], "list[Later]"),
        (type[int], "type[int]"), (Iterable[int], "Iterable[int]"), (typing.Never, "Never"), (np.ndarray, "ndarray"),
        (Box[int], "Box[int]"),
        (Callable[P, int], "Callable[P, int]"), (3, "3"), (np.dtype[np.float64], "dtype[float64]"),
        (typing.Optional, "Optional"), (..., "..."),
    ],
    ids=str,
)  # fmt: skip
def test_describe(annotation: Any, text: str) -> None:
    assert describe(annotation) == text


@pytest.mark.parametrize("annotation", ANNOTATIONS, ids=str)
def test_describe_never_fails(annotation: Any) -> None:
    assert describe(annotation)


def module(source: str, **names: Any) -> dict[str, Any]:
    """Runs `source` as a module of its own, with all its annotations as strings."""
    space: dict[str, Any] = {"__name__": "flow", "pandas": pd, **names}
    code = compile("from __future__ import annotations\n" + textwrap.dedent(source), "/somewhere/flow.py", "exec")
    exec(code, space)
    return space


class TestResolveHints:
    @pytest.mark.parametrize(
        ("written", "meant"),
        [
            ("int", int), ("None", type(None)), ("list[int]", list[int]), ("int | None", typing.Optional[int]),
            ("pandas.DataFrame", pd.DataFrame),
            ("'int'", int), ("list['int']", list[int]), ("'int' | None", typing.Optional[int]),
            ("Collect['int']", Collect[int]),
            ("Missing", Any), ("pd.DataFrame", Any), ("Collect[pd.DataFrame]", Collect[Any]),
            ("dict[str, pd.Series]", dict[str, Any]),
            ("Collect['pd.DataFrame']", Collect[Any]), ("pd.DataFrame | None", typing.Union[Any, None]),
            ("Collect[Collect[Missing]]", Collect[Collect[Any]]),
            ("Callable[[Missing, int], str]", Callable[[Any, int], str]),
            ("Callable[..., Missing]", Callable[..., Any]), ("Missing[int]", Any),
            ("Callable[['int', str], 'str']", Callable[[int, str], str]), ("Callable[..., 'int']", Callable[..., int]),
            ("typing.List['int']", typing.List[int]),
            ("typing.Optional[Missing]", typing.Optional[Any]), ("tuple[Missing, ...]", tuple[Any, ...]),
            ("tuple[()]", tuple[()]),
            ("pandas.Series[float]", pd.Series), ("Collect[pandas.Series[float]]", Collect[pd.Series]),
            ("pandas.Series[Missing] | None", typing.Optional[pd.Series]),
            ("Literal['a', 'b']", Literal["a", "b"]),
            ("dict[Missing, Literal['a', 'b']]", dict[Any, Literal["a", "b"]]),
            ("Annotated[int, 'not a type']", Annotated[int, "not a type"]),
            ("Annotated[Missing, 'not a type']", Annotated[Any, "not a type"]),
            ("Annotated['int', 'not a type']", Annotated[int, "not a type"]),
            ("list[Annotated[Missing, Unknown(1)]]", list[Annotated[Any, Any]]),
            ("list[Alias]", list[Json]), (" int ", int), ("int if True else str", int),
            ("list[None]", list[type(None)]), ("*Ts", Any),
        ],
        ids=str,
    )  # fmt: skip
    def test_strings(self, written: str, meant: Any) -> None:
        names = dict(
            Collect=Collect, Callable=Callable, typing=typing, Literal=Literal, Annotated=Annotated, Alias=list[Json]
        )
        space = module("def f(x): ...", **names)
        space["f"].__annotations__["x"] = written
        if written == "list[Alias]":  # an alias that contains itself ends in Any
            assert describe(resolve_hints(space["f"])["x"]).startswith("list[list[str | int | list[")
        else:
            assert resolve_hints(space["f"]) == {"x": meant}

    def test_forward_references_inside_types(self) -> None:
        def f(x: list[int]) -> None: ...

        f.__annotations__["x"] = Collect["Animal"]  # type: ignore[type-arg]
        f.__annotations__["return"] = None
        assert resolve_hints(f) == {"x": Collect[Animal], "return": type(None)}

    def test_types_are_handed_through(self) -> None:
        def f(x: int, y: Any) -> Any: ...

        kept = {"x": int, "y": list[int], "return": Annotated[int, "m"]}
        f.__annotations__.update(kept)
        found = resolve_hints(f)
        assert found == kept
        assert found["return"] is kept["return"]
        assert found is not f.__annotations__

    def test_agrees_with_typing(self) -> None:
        def f(
            a: int, b: list[str], c: int | None, d: Callable[[int], str], *e: int, **f: str
        ) -> Mapping[str, Animal]: ...

        assert resolve_hints(f) == typing.get_type_hints(f, include_extras=True)

    def test_names_of_the_enclosing_function(self) -> None:
        class Local: ...

        def f(x: Local, y: list[Local]) -> None:
            Local()

        def g(x: Local) -> None: ...

        assert resolve_hints(f) == {"x": Local, "y": list[Local], "return": type(None)}
        assert resolve_hints(g)["x"] is Any  # nothing holds the name any more

    def test_looks_through_wrappers(self) -> None:
        space = module("class Here: ...\ndef f(x: Here, y: list[Here]) -> Here: ...")
        f, here = space["f"], space["Here"]
        expected = {"x": here, "y": list[here], "return": here}

        @functools.wraps(f)
        def wrapped(*args: Any, **kwargs: Any) -> Any: ...

        class Methods:
            method = f

        called = type("Called", (), {"__call__": f})()
        for one in (
            f,
            wrapped,
            functools.partial(f, 1),
            functools.partial(wrapped),
            functools.lru_cache(f),
            Methods().method,
            called,
        ):
            assert resolve_hints(one) == expected

    def test_what_a_decorator_declares_wins(self) -> None:
        f = module("class Here: ...\ndef f(x: Here) -> Here: ...")["f"]

        @functools.wraps(f)
        def wrapped(*args: Any) -> Any: ...

        wrapped.__annotations__ = {**f.__annotations__, "return": "Animal"}
        assert resolve_hints(wrapped) == {"x": f.__globals__["Here"], "return": Animal}

    def test_circles_and_builtins(self) -> None:
        def f(x: int) -> int: ...

        f.__wrapped__ = f  # type: ignore[attr-defined]
        assert resolve_hints(f) == {"x": int, "return": int}
        assert resolve_hints(len) == {}
        assert resolve_hints(lambda x: x) == {}

    @pytest.mark.parametrize("written", ["list[", "1 / 0", "pandas.NoSuch", "the number of rows", "len[0]", ""])
    def test_errors_name_the_place(self, written: str) -> None:
        space = module("\ndef total(x): ...")
        space["total"].__annotations__["x"] = written
        with pytest.raises(FlowError) as caught:
            resolve_hints(space["total"])
        for part in (
            "/somewhere/flow.py:3",
            "flow.total()",
            "parameter 'x'",
            repr(written),
            type(caught.value.__cause__).__name__,
        ):
            assert part in str(caught.value)
        space["total"].__annotations__ = {"return": written}
        with pytest.raises(FlowError, match="return annotation of flow.total"):
            resolve_hints(space["total"])

    @pytest.mark.parametrize("future", [False, True])
    def test_is_fast(self, future: bool) -> None:
        def make() -> Any:
            def f(a: int, b: str) -> float: ...

            f.__annotations__ = {
                k: (v if future else {"int": int, "str": str, "float": float}[v]) for k, v in f.__annotations__.items()
            }
            return f

        functions = [make() for _ in range(1_000)]
        best = min(timed(functions) for _ in range(3))
        assert best < 0.3  # a fifth of the work, and a wide margin for a busy machine


def timed(functions: list[Any]) -> float:
    start = time.perf_counter()
    for function in functions:
        resolve_hints(function)
    return time.perf_counter() - start


LEAVES: list[tuple[Any, st.SearchStrategy[Any]]] = [
    (int, st.integers()), (float, st.floats()), (float, st.integers()), (str, st.text(max_size=3)),
    (bytes, st.binary(max_size=3)),
    (bool, st.booleans()), (complex, st.floats()), (None, st.none()), (Any, st.just(Stone())),
    (Literal["a", 1], st.sampled_from(["a", 1])),
    (Colour, st.sampled_from(Colour)), (UserId, st.integers()), (Annotated[str, 1], st.text(max_size=3)),
    (T, st.integers()), (Animal, st.builds(Dog)),
]  # fmt: skip
HASHABLE = LEAVES[:6]
Typed = tuple[Any, st.SearchStrategy[Any]]


def wider(inner: st.SearchStrategy[Typed]) -> st.SearchStrategy[Typed]:
    few = {"max_size": 3}
    keys = st.sampled_from(HASHABLE)
    return st.one_of(
        inner.flatmap(
            lambda a: st.sampled_from(
                [(kind[a[0]], st.lists(a[1], **few)) for kind in (list, Sequence, Iterable, typing.List)]
            )
        ),
        keys.map(lambda a: (set[a[0]], st.sets(a[1], **few))),
        st.tuples(keys, inner).map(lambda ab: (dict[ab[0][0], ab[1][0]], st.dictionaries(ab[0][1], ab[1][1], **few))),
        st.tuples(keys, inner).map(
            lambda ab: (Mapping[ab[0][0], ab[1][0]], st.dictionaries(ab[0][1], ab[1][1], **few))
        ),
        st.tuples(inner, inner).map(lambda ab: (tuple[ab[0][0], ab[1][0]], st.tuples(ab[0][1], ab[1][1]))),
        inner.map(lambda a: (tuple[a[0], ...], st.lists(a[1], **few).map(tuple))),
        st.tuples(inner, inner).map(lambda ab: (typing.Union[ab[0][0], ab[1][0]], ab[0][1] | ab[1][1])),
        inner.map(lambda a: (Callable[[a[0]], a[0]], st.just(len))),
        inner.map(lambda a: (Collect[a[0]], st.lists(a[1], **few))),
        inner.map(lambda a: (Box[a[0]], a[1].map(Box))),
    )


TYPED = st.recursive(st.sampled_from(LEAVES), wider, max_leaves=5)


@given(TYPED, TYPED)
@settings(max_examples=150, deadline=None)
def test_laws_of_assignability(one: Typed, other: Typed) -> None:
    a, b = one[0], other[0]
    assert assignable(a, a)
    assert assignable(a, Any)
    assert assignable(Any, a)
    assert assignable(a, typing.Union[a, None])
    assert assignable(a, typing.Union[b, a])
    assert assignable(list[a], Sequence[a])
    assert assignable(list[a], list[b]) == assignable(a, b)
    assert assignable(Annotated[a, 1], b) == assignable(a, Annotated[b, 1]) == assignable(a, b)
    assert assignable(typing.Union[a, b], Any)
    assert describe(a)


@given(st.data(), TYPED, TYPED)
@settings(max_examples=150, deadline=None)
def test_laws_of_fitting(data: st.DataObject, one: Typed, other: Typed) -> None:
    value = data.draw(one[1])
    assert fits(value, one[0])
    assert fits(value, typing.Union[other[0], one[0]])
    assert fits([value], list[one[0]])
    assert fits([value], list[other[0]]) == fits(value, other[0])
