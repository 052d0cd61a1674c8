"""Adapters that read or write one file: what they share, so that each format says only how it is read and written.

A format that passes options on to a function of its library names it (`takes`); so it has whatever options the installed
version has, and a misspelt one is an error before anything runs.
"""

from __future__ import annotations

import inspect
from collections.abc import Collection, Mapping
from functools import cache
from typing import Any, ClassVar

from anabranch.errors import FlowError, InputError
from anabranch.io.adapter import DataLoader, DataSaver
from anabranch.io.metadata import get_dataframe_metadata, get_file_metadata
from anabranch.io.place import Place
from anabranch.kinds import name_of
from anabranch.libraries import library

__all__ = ["EXISTS", "FileAdapter", "FileLoader", "FileSaver"]

EXISTS = ("replace", "skip", "error")
"""What a saver does where there is a file already."""


class FileAdapter:
    """One file and options.

    Attributes:
        takes: dotted names of the functions whose parameters are options; the path is not among them.
        refuses: options of those that make no sense here, each with the reason.
        path_names: what the library calls the path, accepted besides `path`.
    """

    takes: ClassVar[tuple[str, ...]] = ()
    refuses: ClassVar[Mapping[str, str]] = {}
    path_names: ClassVar[tuple[str, ...]] = ()
    own: ClassVar[Mapping[str, Any]] = {"storage_options": "dict[str, Any] | None"}

    def __init__(self, path: Any = None, **options: Any) -> None:
        for name in self.path_names:
            if name in options and path is None:
                path = options.pop(name)
        if path is None:
            raise FlowError(f"{self._label()} needs 'path'")  # type: ignore[attr-defined]
        self.path = path
        self.storage_options: Mapping[str, Any] | None = options.pop("storage_options", None)
        self._take(options)
        self.options = options

    def _take(self, options: dict[str, Any]) -> None:
        """Takes what is the adapter's own out of `options`."""

    @property
    def place(self) -> Place:
        """Where it reads or writes."""
        return Place.of(self.path, self.storage_options)

    @classmethod
    def get_required_arguments(cls) -> dict[str, Any]:
        """The path."""
        return {"path": "str | os.PathLike[str]"}

    @classmethod
    def get_optional_arguments(cls) -> dict[str, Any]:
        """What the library's function takes, and where the file lies."""
        return {**cls.own, **cls._library_options()}

    @classmethod
    def check(cls, fields: Collection[str]) -> None:
        """Checks the names of fields.

        Raises:
            FlowError: one is unknown, makes no sense here, or the path is missing.
        """
        for field in fields:
            if field in cls.refuses:
                raise FlowError(f"{cls._label()} does not take '{field}': {cls.refuses[field]}")  # type: ignore[attr-defined]
        renamed = ["path" if field in cls.path_names else field for field in fields]
        super().check(renamed)  # type: ignore[misc]

    @classmethod
    def _library_options(cls) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for dotted in cls.takes:
            for name, annotation in _parameters_of(dotted).items():
                if name not in cls.refuses and name not in cls.path_names:
                    found.setdefault(name, annotation)
        return found


class FileLoader(FileAdapter, DataLoader):
    """Reads a file. A format defines `read`."""

    def load_data(self, type_: Any) -> tuple[Any, dict[str, Any]]:
        """Returns the value and facts about the file and, of a frame, its shape."""
        place = self.place
        facts = facts_of(place)
        with place.reading() as source:
            value = self.read(source, place, type_)
        return value, facts | self.facts(value)

    def read(self, source: Any, place: Place, type_: Any) -> Any:
        """Reads a value from the path of a local file, or from an open binary file."""
        raise NotImplementedError

    def facts(self, value: Any) -> dict[str, Any]:
        """Facts about the value."""
        return {}


class FileSaver(FileAdapter, DataSaver):
    """Writes a file, all or nothing. A format defines `write`.

    Args:
        path: where to; missing folders are made.
        exists: what to do where there is a file already: ``"replace"`` it, ``"skip"`` writing, or raise an ``"error"``.
        options: of the library, and `storage_options` for URLs.
    """

    own: ClassVar[Mapping[str, Any]] = {**FileAdapter.own, "exists": "Literal['replace', 'skip', 'error']"}
    exists = "replace"
    by_suffix: ClassVar[bool] = False
    """Whether the library goes by the suffix of the path that it is given."""

    def _take(self, options: dict[str, Any]) -> None:
        self.exists = options.pop("exists", "replace")
        if self.exists not in EXISTS:
            raise FlowError(f"{self._label()}: exists is {', '.join(map(repr, EXISTS))}, not {self.exists!r}")

    def save_data(self, data: Any) -> dict[str, Any]:
        """Writes the file and returns facts about it; ``skipped`` says that it was there already.

        Raises:
            InputError: it is there already, and that is an error.
        """
        place = self.place
        if self.exists != "replace" and place.exists():
            if self.exists == "error":
                raise InputError(f"'{place.path}' exists already; delete it, or save with exists='replace' or 'skip'")
            return {**get_file_metadata(place), "skipped": True}
        with place.writing(append=self.appends(), by_suffix=self.by_suffix) as draft:
            self.write(data, draft)
        return get_file_metadata(place) | self.facts(data)

    def appends(self) -> bool:
        """Whether what is there is to be added to."""
        return str(self.options.get("mode", "")).startswith("a")

    def write(self, data: Any, draft: str) -> None:
        """Writes the value to the path of a local file that is there and empty, or has what is added to."""
        raise NotImplementedError

    def facts(self, data: Any) -> dict[str, Any]:
        """Facts about the value."""
        return {}


class FrameFacts:
    """For adapters of frames and arrays: their shape is among the facts."""

    def facts(self, data: Any) -> dict[str, Any]:
        """Rows, columns and types."""
        return get_dataframe_metadata(data)


def facts_of(place: Place) -> dict[str, Any]:
    """Facts about a file that is to be read; none about a pattern, which the library makes files of.

    Raises:
        FileNotFoundError: it is not there.
    """
    return {} if place.is_pattern and not place.exists() else get_file_metadata(place)


@cache
def _parameters_of(dotted: str) -> dict[str, Any]:
    """The parameters of a library's function, but for the first: the path, or the frame itself."""
    parts = dotted.split(".")
    found: Any = library(parts[0], f"'{dotted}'")
    for number, part in enumerate(parts[1:], 1):
        if not hasattr(found, part):
            library(".".join(parts[: number + 1]), f"'{dotted}'")
        found = getattr(found, part)
    parameters = list(inspect.signature(found).parameters.values())
    skipped = 2 if parameters and parameters[0].name == "self" else 1
    kinds = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
    return {p.name: p.annotation for p in parameters[skipped:] if p.kind in kinds}


def unexpected(key: str, path: str, wanted: str, value: Any) -> InputError:
    """The error for a file that holds something else than was asked for."""
    return InputError(f"'{path}' ({key}) holds {name_of(type(value))}, but {wanted} was asked for")
