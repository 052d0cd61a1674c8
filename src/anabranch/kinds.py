"""Which classes an annotation speaks of, as far as something is to be chosen by them: a loader, a saver, a check.

Theory: to choose is not to judge. `anabranch.graph.types` says whether a value may surely not go somewhere; here a class is
looked for that surely applies, so what is unknown says nothing: `Any`, `object`, type variables and unresolved names give
no class.

This module never imports the module of a class that it is asked about: types of libraries are named by dotted strings.
"""

from __future__ import annotations

import types
import typing
from collections.abc import Iterable
from typing import Annotated, Any, Literal, NewType, TypeVar, Union, get_args, get_origin

from anabranch.libraries import library, loaded

__all__ = ["Kind", "class_of", "kinds_of", "may_give", "may_take", "name_of"]

Kind = type | str
"""A class, or the dotted name of one, such as ``pandas.DataFrame``, whose library need not be there."""

UNIONS: tuple[Any, ...] = (Union, types.UnionType)


def kinds_of(annotation: Any) -> tuple[type, ...]:
    """The classes of which a value so annotated is one, `None` left out; empty if nothing is known."""
    for _ in range(20):
        origin = get_origin(annotation)
        if origin is Annotated:
            annotation = get_args(annotation)[0]
        elif isinstance(annotation, NewType):
            annotation = annotation.__supertype__
        elif type(annotation).__name__ == "TypeAliasType":
            annotation = annotation.__value__
        else:
            break
    origin = get_origin(annotation)
    if origin in UNIONS:
        members = [kinds_of(member) for member in get_args(annotation) if member is not types.NoneType]
        return tuple(dict.fromkeys(kind for member in members for kind in member)) if all(members) else ()
    if origin is Literal:
        return tuple(dict.fromkeys(type(value) for value in get_args(annotation)))
    if typing.is_typeddict(origin or annotation):
        return (dict,)
    kind = origin or annotation
    if isinstance(kind, TypeVar) or not isinstance(kind, type) or kind in {Any, object, type(None)}:
        return ()
    return (kind,)


def class_of(kind: Kind) -> type | None:
    """The class, or None if its library has not been imported: then there is no value of it either."""
    found: type | None = loaded(kind) if isinstance(kind, str) else kind
    return found


def imported(kind: Kind, needed_by: str) -> type:
    """The class; its library is imported for it.

    Raises:
        InputError: the library is not installed.
    """
    if not isinstance(kind, str):
        return kind
    module, _, name = kind.rpartition(".")
    found: type = getattr(library(module, needed_by), name)
    return found


def name_of(kind: Kind | Any) -> str:
    """How a class is called in messages: ``pandas.DataFrame``, ``dict``."""
    if isinstance(kind, str):
        return kind
    module, name = getattr(kind, "__module__", ""), getattr(kind, "__qualname__", str(kind))
    return name if module in {"builtins", ""} else f"{module}.{name}"


def may_take(kinds: Iterable[Kind], annotation: Any) -> bool:
    """Whether something that takes values of `kinds` surely takes some value so annotated."""
    classes = [found for kind in kinds if (found := class_of(kind)) is not None]
    return any(issubclass(wanted, kind) for wanted in kinds_of(annotation) for kind in classes)


def may_give(kinds: Iterable[Kind], annotation: Any) -> bool:
    """Whether something that gives values of `kinds` may serve where a value so annotated is asked for.

    A subclass of what is given serves too, for it is often the same thing with a promise on top (a frame with a schema).
    """
    classes = [found for kind in kinds if (found := class_of(kind)) is not None]
    wanted = kinds_of(annotation)
    return any(issubclass(kind, one) or issubclass(one, kind) for kind in classes for one in wanted)
