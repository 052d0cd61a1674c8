"""Formats that are a saver and a loader of `anabranch.io`: what can be a file can be what a cache keeps.

Theory: a saver and a loader of one key are looked for by the value's type, as they are for materializers. They want paths, so
a value goes through a file of its own in the system's folder for temporary files. What is written says the type first, for
that is what the loader is chosen by:

    length │ module:name of the type │ the file

That such a pair keeps a value exactly is checked by `formats`, as of any format that does not promise it.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from importlib import import_module
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from anabranch.io.adapter import AdapterCommon

__all__ = ["adapted", "adapted_names"]

_LENGTH: Final = struct.Struct("<H")
_SUFFIXES: Final = {"excel": "xlsx", "pickle": "pkl"}


def adapted_names() -> list[str]:
    """The keys for which there are a saver and a loader that need a path and nothing else."""
    from anabranch.io import catalog

    both = sorted({*catalog.saver_keys()} & {*catalog.loader_keys()})
    return [
        key
        for key in both
        if any(map(_is_file, catalog.saver_candidates(key))) and any(map(_is_file, catalog.loader_candidates(key)))
    ]


def _is_file(adapter: type[AdapterCommon]) -> bool:
    return [*adapter.get_required_arguments()] == ["path"]


def adapted(key: str) -> tuple[Any, Any]:
    """What writes a value in pieces, and what reads it from all of them."""
    return partial(_dump, key), partial(_load, key)


def _dump(key: str, value: Any) -> Iterator[bytes]:
    from anabranch.io.catalog import saver_for

    kind = type(value)
    with _file(key) as path:
        saver_for(key, kind).made({"path": str(path)}).save_data(value)
        data = path.read_bytes()
    name = f"{kind.__module__}:{kind.__qualname__}".encode()
    yield _LENGTH.pack(len(name)) + name
    yield data


def _load(key: str, data: memoryview) -> Any:
    from anabranch.io.catalog import loader_for

    (length,) = _LENGTH.unpack_from(data)
    module, _, names = bytes(data[_LENGTH.size : _LENGTH.size + length]).decode().partition(":")
    kind: Any = import_module(module)
    for name in names.split("."):
        kind = getattr(kind, name)
    with _file(key) as path:
        path.write_bytes(data[_LENGTH.size + length :])
        value, _ = loader_for(key, kind).made({"path": str(path)}).load_data(kind)
    return value


@contextmanager
def _file(key: str) -> Iterator[Path]:
    """A path that is free, as long as it lasts."""
    with TemporaryDirectory(prefix="anabranch-") as folder:
        yield Path(folder) / f"value.{_SUFFIXES.get(key, key)}"
