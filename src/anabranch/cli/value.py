"""Text and JSON-like data as values of an annotated type.

Theory: there are two sources of values, and one way from each. `parse` reads what was typed after ``-i name=``, where
all is text; `convert` takes what a JSON, YAML or TOML file holds, where ``"5"`` is no number. Both know the same
types, and text that is itself JSON (``[…]``, ``{…}``) is decoded and converted.

This module never knows which input or function a value is for.
"""

from __future__ import annotations

import collections.abc as cabc
import inspect
import json
import types
import typing
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import date, datetime, time
from decimal import Decimal, InvalidOperation
from enum import Enum
from os import PathLike
from pathlib import Path, PurePath
from typing import Annotated, Any, Literal, TypeVar, get_args, get_origin
from uuid import UUID

from anabranch.cli.record import fields_of
from anabranch.graph.types import describe

__all__ = ["Misfit", "convert", "parse"]

UNIONS = (typing.Union, types.UnionType)
ANYTHING = (Any, object, inspect.Parameter.empty)
NOTHING = ("none", "null")
TRUTH = dict.fromkeys(("true", "yes", "1"), True) | dict.fromkeys(("false", "no", "0"), False)


class Misfit(ValueError):
    """The text or value does not fit; says why, or nothing beyond that."""


def _boolean(text: str) -> bool:
    if text.lower() not in TRUTH:
        raise Misfit("say true or false")
    return TRUTH[text.lower()]


LEAVES: dict[type, Callable[[str], Any]] = {
    bool: _boolean,
    int: int,
    float: float,
    complex: complex,
    str: str,
    bytes: str.encode,
    Decimal: Decimal,
    PurePath: PurePath,
    PathLike: Path,
    datetime: datetime.fromisoformat,
    date: date.fromisoformat,
    time: time.fromisoformat,
    UUID: UUID,
}
"""Types whose values are written as one word, and how they are read."""

NATIVE: dict[type, tuple[type, ...]] = {int: (int,), float: (int, float), complex: (int, float, complex), bool: (), str: ()}
"""What a file may hold for the types that it knows itself; nothing is read out of a string there."""

CONTAINERS: dict[Any, type] = {
    list: list, tuple: tuple, set: set, frozenset: frozenset,
    cabc.Sequence: list, cabc.MutableSequence: list, cabc.Collection: list, cabc.Iterable: list,
    cabc.Set: set, cabc.MutableSet: set,
}  # fmt: skip
"""What an annotation of several values is made as."""

SHOWN = 60
"""How much of a value a message shows."""

MAPPINGS = (dict, cabc.Mapping, cabc.MutableMapping)


def parse(text: str, annotation: Any) -> Any:
    """The value of that type which `text` writes.

    Raises:
        Misfit: it writes none.
    """
    annotation = _bare(annotation)
    origin, args = get_origin(annotation), get_args(annotation)
    kind = origin or annotation
    if annotation in ANYTHING:
        return _json_or_text(text)
    if origin in UNIONS:
        nothing = types.NoneType in args and text.lower() in NOTHING
        return None if nothing else _first(parse, text, args)
    if origin is Literal:
        return _option(args, lambda option: text == (option.name if isinstance(option, Enum) else str(option)))
    if kind is types.NoneType:
        return _option((None,), lambda _: text.lower() in NOTHING)
    if _is_class(kind, Enum):
        return _member(kind, lambda member: text in (member.name, str(member.value)))
    leaf = _leaf(kind)
    if leaf is not None:
        return _read(text, kind, leaf)
    if kind in CONTAINERS and not text.lstrip().startswith("["):
        words = [word.strip() for word in text.split(",")] if text.strip() else []
        return _contained(parse, words, kind, args)
    return convert(_json(text, kind), annotation)


def convert(value: Any, annotation: Any) -> Any:
    """The value of that type which `value`, from JSON, YAML or TOML, stands for.

    Raises:
        Misfit: it stands for none.
    """
    annotation = _bare(annotation)
    origin, args = get_origin(annotation), get_args(annotation)
    kind = origin or annotation
    if annotation in ANYTHING:
        return value
    if origin in UNIONS:
        return _first(convert, value, args)
    if origin is Literal:
        return _option(args, lambda option: _same(value, option))
    if kind is types.NoneType:
        return _option((None,), lambda _: value is None)
    if _is_class(kind, Enum):
        return _member(kind, lambda member: value is member or _same(value, member.value) or value == member.name)
    leaf = _leaf(kind)
    if leaf is not None:
        return _taken(value, kind, leaf)
    if kind in CONTAINERS and isinstance(value, (list, tuple, set, frozenset)):
        return _contained(convert, value, kind, args)
    if kind in MAPPINGS and isinstance(value, Mapping):
        return _mapped(value, args)
    if (fields := fields_of(kind)) is not None:
        return _built(value, kind, fields)
    return _instance(value, kind)


def _bare(annotation: Any) -> Any:
    """The annotation without what says nothing about a value's form."""
    while True:
        if annotation is None:
            return types.NoneType
        origin = get_origin(annotation)
        if origin is Annotated:
            annotation = annotation.__origin__
        elif origin is not None and getattr(origin, "_name", None) in {"Required", "NotRequired", "ReadOnly", "Final"}:
            annotation = get_args(annotation)[0]
        elif isinstance(annotation, typing.NewType):
            annotation = annotation.__supertype__
        elif type(annotation).__name__ == "TypeAliasType":
            annotation = annotation.__value__
        elif isinstance(annotation, TypeVar):
            options = annotation.__constraints__
            annotation = typing.Union[options] if options else annotation.__bound__ or Any  # noqa: UP007
        else:
            return annotation


def _is_class(kind: Any, base: type) -> bool:
    return isinstance(kind, type) and issubclass(kind, base)


def _same(value: Any, option: Any) -> bool:
    option = option.value if isinstance(option, Enum) and not isinstance(value, Enum) else option
    return type(value) is type(option) and bool(value == option)


def _first(way: Callable[[Any, Any], Any], value: Any, annotations: Iterable[Any]) -> Any:
    for annotation in annotations:
        try:
            return way(value, annotation)
        except Misfit:
            continue
    raise Misfit


def _option(options: Iterable[Any], fits: Callable[[Any], bool]) -> Any:
    for option in options:
        if fits(option):
            return option
    raise Misfit


def _member(kind: Any, fits: Callable[[Any], bool]) -> Any:
    try:
        return _option(kind, fits)
    except Misfit:
        raise Misfit("one of " + ", ".join(member.name for member in kind)) from None


def _leaf(kind: Any) -> type | None:
    """Which of `LEAVES` it is, or is a subclass of; a named tuple or a class of one's own is none."""
    if kind is PathLike:
        return PathLike
    bases = kind.__mro__ if isinstance(kind, type) else ()
    return next((base for base in bases if base in LEAVES), None)


def _read(text: str, kind: Any, leaf: type) -> Any:
    try:
        value = LEAVES[leaf](text if leaf in {str, bytes, PurePath} else text.strip())
        return value if kind is leaf or isinstance(value, kind) else kind(value)
    except Misfit:
        raise
    except InvalidOperation:
        raise Misfit from None
    except (ValueError, TypeError) as error:
        raise Misfit("" if leaf in NATIVE else str(error)) from None


def _taken(value: Any, kind: Any, leaf: type) -> Any:
    if isinstance(value, kind) and not (isinstance(value, bool) and leaf is not bool):
        return value
    if leaf not in NATIVE:
        number = leaf is Decimal and type(value) in {int, float}
        if not isinstance(value, str) and not number:
            raise Misfit
        return _read(str(value), kind, leaf)
    if isinstance(value, (*NATIVE[leaf], leaf)) and not isinstance(value, bool):
        return kind(value)
    raise Misfit


def _contained(way: Callable[[Any, Any], Any], values: Iterable[Any], kind: Any, args: tuple[Any, ...]) -> Any:
    values = list(values)
    if kind is tuple and args and args[-1] is not ...:
        args = () if args == ((),) else args
        if len(values) != len(args):
            raise Misfit(f"{len(args)} elements, not {len(values)}")
    else:
        args = (args[0] if args else Any,) * len(values)
    elements = []
    for number, (value, annotation) in enumerate(zip(values, args, strict=True)):
        with _within(f"element {number}", value, annotation):
            elements.append(way(value, annotation))
    return CONTAINERS[kind](elements)


def _mapped(value: Mapping[Any, Any], args: tuple[Any, ...]) -> dict[Any, Any]:
    keys, values = args or (Any, Any)
    made = {}
    for key, element in value.items():
        with _within("the key", key, keys):
            own = parse(key, keys) if isinstance(key, str) and _bare(keys) not in ANYTHING else convert(key, keys)
        with _within(f"'{key}'", element, values):
            made[own] = convert(element, values)
    return made


@contextmanager
def _within(part: str, value: Any, annotation: Any) -> Iterator[None]:
    """Says which part of a value did not fit."""
    try:
        yield
    except Misfit as misfit:
        detail = f" ({misfit})" if str(misfit) else ""
        raise Misfit(f"{part} is {_shown(value)}, not {describe(annotation)}{detail}") from None


def _built(value: Any, kind: Any, fields: dict[str, tuple[Any, bool]]) -> Any:
    if isinstance(value, (list, tuple)) and _is_class(kind, tuple):
        if len(value) > len(fields):
            raise Misfit(f"{len(fields)} fields, not {len(value)}")
        value = dict(zip(fields, value, strict=False))
    if not isinstance(value, Mapping):
        raise Misfit("an object with its fields")
    if unknown := [str(name) for name in value if name not in fields]:
        raise Misfit(f"no field '{unknown[0]}'; there are {', '.join(fields)}")
    if missing := [name for name, (_, required) in fields.items() if required and name not in value]:
        raise Misfit(f"field '{missing[0]}' is missing")
    made = {}
    for name, element in value.items():
        with _within(f"field '{name}'", element, fields[name][0]):
            made[name] = convert(element, fields[name][0])
    try:
        return kind(**made)
    except (ValueError, TypeError) as error:
        raise Misfit(str(error)) from None


def _instance(value: Any, kind: Any) -> Any:
    if isinstance(kind, type) and not isinstance(value, kind):
        raise Misfit(f"a {type(value).__name__} as it is written")
    return value


def _json_or_text(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text


def _json(text: str, kind: Any) -> Any:
    if kind not in CONTAINERS and kind not in MAPPINGS and fields_of(kind) is None:
        raise Misfit("a value of this type cannot be written as text; let a function make it from a path, say")
    try:
        return json.loads(text)
    except ValueError as error:
        raise Misfit(f"it must be written as JSON: {error}") from None


def _shown(value: Any) -> str:
    shown = repr(value)
    return shown if len(shown) <= SHOWN else shown[: SHOWN - 1] + "…"
