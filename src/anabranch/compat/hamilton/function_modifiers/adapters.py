"""Data in and out of single functions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from anabranch.function_modifiers import InvalidDecoratorException, dataloader, datasaver, load_from, save_to
from anabranch.function_modifiers.data import LoadFrom, SaveTo
from anabranch.function_modifiers.dependencies import LiteralDependency, UpstreamDependency, as_dependency
from anabranch.kinds import kinds_of

__all__ = [
    "InvalidDecoratorException",
    "LoadFromDecorator",
    "SaveToDecorator",
    "dataloader",
    "datasaver",
    "load_from",
    "resolve_adapter_class",
    "resolve_kwargs",
    "save_to",
]


def resolve_adapter_class(type_: Any, loader_classes: Sequence[Any]) -> Any:
    """The class among these that is for values of a type, the last one first; None if there is none."""
    if not kinds_of(type_):
        return loader_classes[-1] if loader_classes else None
    return next((one for one in reversed(loader_classes) if one.applies_to(type_)), None)


def resolve_kwargs(kwargs: Mapping[str, Any]) -> tuple[dict[str, str], dict[str, Any]]:
    """Fields of an adapter, sorted: names of nodes that they are read from, and literals."""
    known = {name: as_dependency(one) for name, one in kwargs.items()}
    read = {name: one.source for name, one in known.items() if isinstance(one, UpstreamDependency)}
    return read, {name: one.value for name, one in known.items() if isinstance(one, LiteralDependency)}


def LoadFromDecorator(loader_classes: Sequence[Any], inject_: str | None = None, **kwargs: Any) -> LoadFrom:  # noqa: N802
    """`load_from` with the classes to choose from, the last one first."""
    return LoadFrom(_key(loader_classes), _fields(kwargs), inject_ or "", tuple(loader_classes))


def SaveToDecorator(  # noqa: N802
    saver_classes_: Sequence[Any], output_name_: str | None = None, target_: Any = None, **kwargs: Any
) -> SaveTo:
    """`save_to` with the classes to choose from, the last one first."""
    return SaveTo(_key(saver_classes_), _fields(kwargs), output_name_ or "", target_, tuple(saver_classes_))


def _key(classes: Sequence[Any]) -> str:
    if not classes:
        raise InvalidDecoratorException("give at least one class that loads or saves")
    key: str = classes[0].name()
    return key


def _fields(given: Mapping[str, Any]) -> dict[str, Any]:
    return {name: as_dependency(one) for name, one in given.items()}
