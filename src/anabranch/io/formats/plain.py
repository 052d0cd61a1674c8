"""What needs no frames: JSON, YAML, text, bytes, pickles, literals, the environment, and memory."""

from __future__ import annotations

import io
import json
import os
import pickle
from collections.abc import Collection, Mapping
from typing import Any

from anabranch.errors import InputError
from anabranch.io.adapter import DataLoader, DataSaver
from anabranch.io.file import FileLoader, FileSaver, unexpected
from anabranch.io.place import Place
from anabranch.kinds import kinds_of, may_take, name_of
from anabranch.libraries import library

__all__ = ["ADAPTERS"]

PLAIN = (dict, list, str, bool, int, float)


def contents(source: Any) -> bytes:
    """All bytes of what a loader was given to read."""
    if hasattr(source, "read"):
        data: bytes = source.read()
        return data
    with open(source, "rb") as file:
        return file.read()


class JsonLoader(FileLoader):
    """Reads a JSON file."""

    keys = ("json",)
    kinds = PLAIN

    def read(self, source: Any, place: Place, type_: Any) -> Any:
        return _wanted(json.loads(contents(source)), "json", place, type_)


class JsonSaver(FileSaver):
    """Writes a JSON file. Options are those of `json.dumps`; text is written as it is, not escaped."""

    keys = ("json",)
    kinds = PLAIN
    takes = ("json.dumps",)

    def write(self, data: Any, draft: str) -> None:
        with open(draft, "w", encoding="utf-8") as file:
            file.write(json.dumps(data, **{"ensure_ascii": False, **self.options}))


class YamlLoader(FileLoader):
    """Reads a YAML file, plain data only: tags that would call something are an error."""

    keys = ("yaml",)
    kinds = PLAIN

    def read(self, source: Any, place: Place, type_: Any) -> Any:
        yaml = library("yaml", "'yaml'")
        return _wanted(yaml.safe_load(contents(source)), "yaml", place, type_)


class YamlSaver(FileSaver):
    """Writes a YAML file, plain data only. Options are those of `yaml.safe_dump`; the order of keys is kept."""

    keys = ("yaml",)
    kinds = PLAIN
    takes = ("yaml.dump",)

    def write(self, data: Any, draft: str) -> None:
        yaml = library("yaml", "'yaml'")
        with open(draft, "w", encoding="utf-8") as file:
            yaml.safe_dump(data, file, **{"sort_keys": False, "allow_unicode": True, **self.options})


class TextLoader(FileLoader):
    """Reads a file as text. `encoding` is UTF-8 unless it is said."""

    keys = ("file",)
    kinds = (str,)
    own = {**FileLoader.own, "encoding": "str"}

    def read(self, source: Any, place: Place, type_: Any) -> str:
        return contents(source).decode(self.options.get("encoding", "utf-8"))


class TextSaver(FileSaver):
    """Writes text as it is, newlines included. `encoding` is UTF-8 unless it is said."""

    keys = ("file",)
    kinds = (str,)
    own = {**FileSaver.own, "encoding": "str"}

    def write(self, data: Any, draft: str) -> None:
        with open(draft, "wb") as file:
            file.write(data.encode(self.options.get("encoding", "utf-8")))


class BytesLoader(FileLoader):
    """Reads a file's bytes."""

    keys = ("file",)
    kinds = (bytes,)

    def read(self, source: Any, place: Place, type_: Any) -> bytes:
        return contents(source)


class BytesSaver(FileSaver):
    """Writes bytes."""

    keys = ("file",)
    kinds = (bytes, bytearray, memoryview, io.BytesIO)

    def write(self, data: Any, draft: str) -> None:
        with open(draft, "wb") as file:
            file.write(data.getvalue() if isinstance(data, io.BytesIO) else data)


class PickleLoader(FileLoader):
    """Reads a pickle. **A pickle is a program: reading one runs whatever its author wrote.** Read only your own."""

    keys = ("pickle",)
    kinds = (object,)

    def read(self, source: Any, place: Place, type_: Any) -> Any:
        value = pickle.loads(contents(source))  # noqa: S301  the user's explicit wish, and said so
        if kinds_of(type_) and not may_take(kinds_of(type_), type(value)):
            raise unexpected("pickle", place.path, " | ".join(map(name_of, kinds_of(type_))), value)
        return value


class PickleSaver(FileSaver):
    """Writes a pickle. Option: `protocol`."""

    keys = ("pickle",)
    kinds = (object,)
    own = {**FileSaver.own, "protocol": "int"}

    def write(self, data: Any, draft: str) -> None:
        with open(draft, "wb") as file:
            pickle.dump(data, file, protocol=self.options.get("protocol", pickle.HIGHEST_PROTOCOL))


class LiteralLoader(DataLoader):
    """Gives a value that is in the declaration."""

    keys = ("literal",)

    def __init__(self, value: Any) -> None:
        self.value = value

    def load_data(self, type_: Any) -> tuple[Any, dict[str, Any]]:
        return self.value, {"literal_metadata": {"type": name_of(type(self.value))}}


class EnvironmentLoader(DataLoader):
    """Gives environment variables: a dict from the given names to their values.

    Raises:
        InputError: one is not set.
    """

    keys = ("environment",)
    kinds = (dict,)

    def __init__(self, names: Collection[str]) -> None:
        self.names = (names,) if isinstance(names, str) else tuple(names)

    def load_data(self, type_: Any) -> tuple[Any, dict[str, Any]]:
        missing = [name for name in self.names if name not in os.environ]
        if missing:
            raise InputError(f"environment variable {', '.join(missing)} is not set; set it before the run")
        return {name: os.environ[name] for name in self.names}, {"environment_metadata": {"names": list(self.names)}}


class MemorySaver(DataSaver):
    """Writes nothing: the value itself is in the metadata, under ``value``."""

    keys = ("memory",)

    def save_data(self, data: Any) -> dict[str, Any]:
        return {"type": name_of(type(data)), "value": data}


def _wanted(value: Any, key: str, place: Place, type_: Any) -> Any:
    """The value, if it is of the type that was asked for."""
    kinds = [Mapping if kind is dict else kind for kind in kinds_of(type_)]
    if kinds and not any(issubclass(type(value), kind) or (kind is float and type(value) is int) for kind in kinds):
        if value is None and "None" in str(type_):
            return value
        raise unexpected(key, place.path, " | ".join(map(name_of, kinds_of(type_))), value)
    return value


ADAPTERS = (
    PickleLoader,
    PickleSaver,
    LiteralLoader,
    MemorySaver,
    EnvironmentLoader,
    JsonLoader,
    JsonSaver,
    YamlLoader,
    YamlSaver,
    TextLoader,
    TextSaver,
    BytesLoader,
    BytesSaver,
)
