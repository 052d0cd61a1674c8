"""What the nodes of declarations do when they are called: fill fields in, load or save.

A step is a callable value that travels to workers as it is: with the classes of its adapters, for what one process has
registered another has not. It takes the values of the nodes that it reads by position or by their names, and, where a path
wants them, the indices of the item as ``_item``.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from anabranch.errors import InputError
from anabranch.io.adapter import DataLoader, DataSaver
from anabranch.io.catalog import chosen_saver, no_saver
from anabranch.io.place import Place
from anabranch.io.template import Template

__all__ = ["PATHS", "Field", "Filled", "Given", "LoadStep", "OneFileEach", "Read", "SaveStep", "part_of", "working_folder"]


@dataclass(frozen=True, slots=True, eq=False)
class Given:
    """A field with a literal value."""

    value: Any

    @property
    def names(self) -> tuple[str, ...]:
        """What it reads: nothing."""
        return ()


@dataclass(frozen=True, slots=True)
class Read:
    """A field with the value of a node or input."""

    name: str

    @property
    def names(self) -> tuple[str, ...]:
        """What it reads."""
        return (self.name,)


@dataclass(frozen=True, slots=True)
class Filled:
    """A field with a path in which parts are filled in; of the names in `free` the text is taken as it is at the start."""

    template: Template
    free: frozenset[str] = frozenset()

    @property
    def names(self) -> tuple[str, ...]:
        """What it reads."""
        return self.template.names


Field = Given | Read | Filled

PATHS = {"path", "filepath_or_buffer", "path_or_buffer", "path_or_buf", "buf", "io", "excel_writer"}
"""The names by which adapters call a path."""


@dataclass(frozen=True, slots=True, eq=False)
class _Step:
    """What loading and saving have in common.

    Attributes:
        names: what is read, in the order of the arguments.
        fields: the adapter's, by name.
        base: the folder to which paths are relative, wherever this is called.
    """

    names: tuple[str, ...]
    fields: Mapping[str, Field]
    base: str

    @property
    def __anabranch__(self) -> dict[str, Any]:
        """The marks of a function: asks for the indices of the item where a path wants them."""
        wants = any(isinstance(field, Filled) and field.template.uses_item for field in self.fields.values())
        return {"item": "_item"} if wants else {}

    def _values(self, given: tuple[Any, ...], named: Mapping[str, Any]) -> dict[str, Any]:
        return {**dict(zip(self.names, given, strict=False)), **named}

    def _filled(self, values: Mapping[str, Any], item: tuple[int, ...]) -> dict[str, Any]:
        made: dict[str, Any] = {}
        for name, field in self.fields.items():
            if isinstance(field, Given):
                made[name] = field.value
            elif isinstance(field, Read):
                made[name] = values[field.name]
            else:
                made[name] = field.template.fill(values, item, field.free)
            if name in PATHS:
                made[name] = _anchored(made[name], self.base)
        return made


@dataclass(frozen=True, slots=True, eq=False)
class LoadStep(_Step):
    """Loads a value of `type_`; gives it and its metadata."""

    loader: type[DataLoader]
    type_: Any

    def __call__(self, *given: Any, _item: tuple[int, ...] = (), **named: Any) -> tuple[Any, dict[str, Any]]:
        """Loads."""
        adapter = self.loader.made(self._filled(self._values(given, named), _item))
        return adapter.load_data(self.type_)


@dataclass(frozen=True, slots=True, eq=False)
class SaveStep(_Step):
    """Saves one value, or what `combine` makes of several; gives the metadata. The value's type chooses the saver."""

    key: str
    candidates: tuple[type[DataSaver], ...]
    dependencies: tuple[str, ...]
    combine: Any = None

    def __call__(self, *given: Any, _item: tuple[int, ...] = (), **named: Any) -> dict[str, Any]:
        """Saves."""
        values = self._values(given, named)
        value = self._value({name: values[name] for name in self.dependencies})
        saver = chosen_saver(self.candidates, type(value))
        if saver is None:
            raise no_saver(self.key, self.candidates, type(value))
        return saver.made(self._filled(values, _item)).save_data(value)

    def _value(self, values: dict[str, Any]) -> Any:
        if self.combine is None:
            return next(iter(values.values()))
        build: Callable[..., Any] = getattr(self.combine, "build_result", self.combine)
        return build(**values)


@dataclass(frozen=True, slots=True)
class OneFileEach:
    """Collects the metadata of all items of a saver whose path does not hold the item's indices.

    Raises:
        InputError: two items were written to the same path, so that one of them is lost.
    """

    id: str

    def __call__(self, *given: Any, **named: Any) -> Any:
        """Returns the metadata as it is."""
        (found,) = (*given, *named.values())
        seen: set[str] = set()
        for facts in _flat(found):
            path = facts.get("file_metadata", {}).get("path")
            if path is not None and path in seen:
                raise InputError(f"'{self.id}' has written two items to '{path}', so one is lost; write {{item}} into the path")
            seen.add(path)
        return found


def _anchored(path: Any, base: str) -> Any:
    """The path, made absolute where the process has another working folder than the one it was written for."""
    if not isinstance(path, (str, os.PathLike)) or not base or base == working_folder():
        return path
    place = Place.of(path)
    return path if place.scheme else os.path.join(base, place.path)


def working_folder() -> str:
    """The working folder of this process, if it has one still."""
    try:
        return os.getcwd()
    except FileNotFoundError:
        return ""


def _flat(found: Any) -> Iterator[Mapping[str, Any]]:
    for one in found:
        if isinstance(one, list):
            yield from _flat(one)
        else:
            yield one


@dataclass(frozen=True, slots=True)
class part_of:  # noqa: N801  it is called like a function
    """Takes one part of a pair: the value (0) or the metadata (1) of what was loaded."""

    number: int

    def __call__(self, *given: Any, **named: Any) -> Any:
        """Returns the part."""
        (pair,) = (*given, *named.values())
        return pair[self.number]
