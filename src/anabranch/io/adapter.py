"""Loaders and savers: classes that read or write one kind of value in one way, with their fields as arguments.

Theory: an adapter has a *key*, the word by which it is asked for (``csv``), and *kinds*, the types of value that it gives or
takes; several share a key, and the type chooses among them. Its fields are the parameters of its constructor: what has no
default is required. One of one's own is a dataclass::

    @register
    @dataclass
    class LinesLoader(DataLoader):
        path: str

        @classmethod
        def name(cls): return "lines"

        @classmethod
        def applicable_types(cls): return [list]

        def load_data(self, type_):
            return Path(self.path).read_text().splitlines(), get_file_metadata(self.path)

This module never knows a format, nor a graph.
"""

from __future__ import annotations

import abc
import inspect
from collections.abc import Collection, Mapping
from typing import Any, ClassVar, Self

from anabranch.errors import FlowError, nearest_or_all
from anabranch.kinds import Kind, imported, kinds_of, may_give, may_take

__all__ = ["AdapterCommon", "DataLoader", "DataSaver"]


class AdapterCommon(abc.ABC):  # noqa: B024  its two kinds have the abstract methods
    """What loaders and savers have in common.

    A subclass says its key with `keys` or `name`, and its types with `kinds` or `applicable_types`. `kinds` may name types of
    libraries by dotted strings; nothing is imported to find out whether they apply. No kinds are all kinds.
    """

    keys: ClassVar[tuple[str, ...]] = ()
    kinds: ClassVar[tuple[Kind, ...]] = ()

    @classmethod
    def name(cls) -> str:
        """The key by which it is asked for.

        Raises:
            FlowError: the class does not say it.
        """
        if not cls.keys:
            raise FlowError(f"{cls.__name__} does not say its key: define the class method name()")
        return cls.keys[0]

    @classmethod
    def applicable_types(cls) -> Collection[type]:
        """The types of value that it gives or takes.

        Raises:
            InputError: the library that one comes from is not installed.
        """
        return [imported(kind, f"'{cls.name()}'") for kind in cls.kinds] or [object]

    @classmethod
    def get_required_arguments(cls) -> dict[str, Any]:
        """The fields that must be given, with their types."""
        return {name: p.annotation for name, p in cls._parameters().items() if p.default is p.empty}

    @classmethod
    def get_optional_arguments(cls) -> dict[str, Any]:
        """The fields that may be given, with their types."""
        return {name: p.annotation for name, p in cls._parameters().items() if p.default is not p.empty}

    @classmethod
    def check(cls, fields: Collection[str]) -> None:
        """Checks the names of fields that are going to be given.

        Raises:
            FlowError: one is unknown, or one is missing.
        """
        required = cls.get_required_arguments()
        for field in required:
            if field not in fields:
                raise FlowError(f"{cls._label()} needs '{field}'; it was given {', '.join(map(repr, fields)) or 'nothing'}")
        unknown = [field for field in fields if field not in required]
        if unknown:
            optional = cls.get_optional_arguments()
            for field in unknown:
                if field not in optional:
                    raise FlowError(f"{cls._label()} has no field '{field}'{nearest_or_all(field, [*required, *optional])}")

    @classmethod
    def made(cls, fields: Mapping[str, Any]) -> Self:
        """An adapter with these fields.

        Raises:
            FlowError: one is unknown, or one is missing.
        """
        cls.check(list(fields))
        return cls(**fields)

    @classmethod
    def _parameters(cls) -> dict[str, inspect.Parameter]:
        found = inspect.signature(cls).parameters.values()
        return {p.name: p for p in found if p.kind in {p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY}}

    @classmethod
    def _label(cls) -> str:
        return f"'{cls.name()}' ({cls.__name__})"

    @classmethod
    def _all_kinds(cls) -> Collection[Kind]:
        """Kinds by name where the class has them, so that no library is imported for a question."""
        own = cls.applicable_types.__func__ is AdapterCommon.applicable_types.__func__  # type: ignore[attr-defined]
        if own:
            return cls.kinds or (object,)
        return [object if kind is Any else kind for kind in cls.applicable_types()]

    @classmethod
    def applies_to(cls, type_: Any) -> bool:
        """Whether it is for values that are annotated so; surely, not only perhaps."""
        return cls.is_general() or may_take(_origins(cls._all_kinds()), type_)

    @classmethod
    def is_general(cls) -> bool:
        """Whether it gives or takes values of every kind."""
        return object in cls._all_kinds()


class DataLoader(AdapterCommon):
    """Reads a value from somewhere."""

    @classmethod
    def applies_to(cls, type_: Any) -> bool:
        """Whether it gives values such as are annotated so; surely, not only perhaps."""
        return cls.is_general() or may_give(_origins(cls._all_kinds()), type_)

    @abc.abstractmethod
    def load_data(self, type_: Any) -> tuple[Any, dict[str, Any]]:
        """Returns a value of that type, and metadata: facts about what was read, as plain data."""

    @classmethod
    def can_load(cls) -> bool:
        """True: it is a loader."""
        return True

    @classmethod
    def can_save(cls) -> bool:
        """Whether it is a saver as well."""
        return issubclass(cls, DataSaver)


class DataSaver(AdapterCommon):
    """Writes a value to somewhere."""

    @abc.abstractmethod
    def save_data(self, data: Any) -> dict[str, Any]:
        """Writes the value and returns metadata: facts about what was written, as plain data."""

    @classmethod
    def can_save(cls) -> bool:
        """True: it is a saver."""
        return True

    @classmethod
    def can_load(cls) -> bool:
        """Whether it is a loader as well."""
        return issubclass(cls, DataLoader)


def _origins(kinds: Collection[Kind]) -> list[Kind]:
    """Kinds without their arguments: ``dict[str, int]`` as ``dict``."""
    found: list[Kind] = []
    for kind in kinds:
        found += [kind] if isinstance(kind, str) else kinds_of(kind)
    return found
