"""What values are written as: pickle, json, parquet, what is registered, and what can be saved and loaded as files (`adapted`).

Theory: a value that is read must be the value that was computed, down to its types, or a cache changes results. Pickle
keeps what it takes. Other formats are checked: what was written is read back, and it must have the same version, or the value
is pickled instead, which is said once. Writing costs more, then; reading does not.

Pickles are made by name first (`pickle`), so that a class is found where it is defined when a value is read; classes that only
this process knows (of `__main__` in a worker, of a notebook) go by their name in `__main__` too, and functions by value.
Large buffers, as of arrays, stand beside the stream and are not copied when they are read:

    count │ lengths │ stream │ buffer │ buffer …           each at a multiple of 64 bytes

This module unpickles what it is given: it must be given nothing whose seal was not checked.
"""

from __future__ import annotations

import io
import json
import pickle
import struct
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib import import_module
from types import ModuleType
from typing import Any, Final

import cloudpickle

from anabranch.errors import InputError, nearest_or_all
from anabranch.store.adapted import adapted, adapted_names
from anabranch.versions import Unversionable, Versions

__all__ = ["SMALL", "Buffer", "Format", "Unfit", "Written", "format_of", "read", "register_format", "small", "written"]

Buffer = bytes | bytearray | memoryview

SMALL: Final = frozenset({int, float, bool, type(None), complex})
"""Types whose values, as a rule, take few bytes; a longer integer may stand among them, too."""

_COUNT: Final = struct.Struct("<I")
_LENGTH: Final = struct.Struct("<Q")
_GRAIN: Final = 64
_NO_BUFFERS: Final = _COUNT.pack(0)


class Unfit(Exception):
    """A format cannot hold this value."""


@dataclass(frozen=True, slots=True)
class Format:
    """A way to write values.

    Attributes:
        dump: gives the pieces of a value as written, one after the other; raises `Unfit` or anything else if it cannot.
        load: gives the value back from all of the bytes, which it may keep.
        exact: what is read is always what was written; otherwise that is checked whenever something is written.
    """

    name: str
    dump: Callable[[Any], Iterator[Buffer]]
    load: Callable[[memoryview], Any]
    exact: bool = False


def register_format(format: Format) -> None:  # noqa: A002  the word for it
    """Makes a format known under its name."""
    _formats[format.name] = format


def format_of(name: str) -> Format:
    """The format of this name.

    Raises:
        InputError: there is none.
    """
    if name not in _formats:
        names = adapted_names()
        if name not in names:
            raise InputError(f"unknown format '{name}'{nearest_or_all(name, sorted({*_formats, *names}))}")
        _formats[name] = Format(name, *adapted(name))
    return _formats[name]


@dataclass(frozen=True, slots=True)
class Written:
    """A value that was written before it is stored, for it may be changed until then; `version` is None if it has none."""

    format: str
    data: bytes
    version: bytes | None


def written(value: Any, name: str) -> list[Buffer]:
    """The value in a format, in pieces.

    Raises:
        Unfit: the format cannot hold it, or not exactly; its text says why.
    """
    form = format_of(name)
    try:
        pieces = list(form.dump(value))
        if not form.exact:
            _check(form, value, pieces)
    except Unfit:
        raise
    except Exception as error:
        raise Unfit(f"a value of type '{type(value).__qualname__}' cannot be written as {name}: {error}") from error
    return pieces


def small(value: Any) -> bytes:
    """What `written` gives for a value of one of the `SMALL` types as pickle."""
    return _NO_BUFFERS + pickle.dumps(value, 5)


def read(data: bytes | memoryview, name: str) -> Any:
    """The value that was written.

    Raises:
        Exception: it cannot be made of these bytes, here and now.
    """
    if name == "pickle" and data[:4] == _NO_BUFFERS:
        return pickle.loads(memoryview(data)[4:])  # noqa: S301  its seal was checked
    return format_of(name).load(memoryview(data))


def _check(form: Format, value: Any, pieces: list[Buffer]) -> None:
    read = form.load(memoryview(b"".join(pieces)))
    versions = Versions()
    try:
        same = versions.of_data(read) == versions.of_data(value)
    except Unversionable as error:
        raise Unfit(str(error)) from None
    if not same:
        raise Unfit(f"{form.name} does not keep a value of type '{type(value).__qualname__}' exactly as it is")


# -- pickle ------------------------------------------------------------------------------------------------------------


def _pickled(value: Any) -> Iterator[Buffer]:
    buffers: list[pickle.PickleBuffer] = []
    named = 0
    try:
        stream = pickle.dumps(value, 5, buffer_callback=buffers.append)
    except Exception:  # something in it can only go by value, or by a name that is not where it says
        buffers.clear()
        made = io.BytesIO()
        _Pickler(made, protocol=5, buffer_callback=buffers.append).dump(value)
        stream, named = made.getvalue(), _NAMED
    if not buffers:
        yield _COUNT.pack(named) + stream
        return
    pieces = [memoryview(stream), *(_flat(buffer) for buffer in buffers)]
    head = _COUNT.pack(len(buffers) | named) + b"".join(_LENGTH.pack(piece.nbytes) for piece in pieces)
    for piece in (memoryview(head), *pieces):
        yield piece
        yield bytes(-piece.nbytes % _GRAIN)


def _unpickled(data: memoryview) -> Any:
    (head,) = _COUNT.unpack_from(data)
    count = head & ~_NAMED
    if not count:
        return _loaded(data[_COUNT.size :], [], named=head != 0)
    lengths = [_LENGTH.unpack_from(data, _COUNT.size + n * _LENGTH.size)[0] for n in range(count + 1)]
    place = _aligned(_COUNT.size + len(lengths) * _LENGTH.size)
    pieces = []
    for length in lengths:
        pieces.append(data[place : place + length])
        place = _aligned(place + length)
    return _loaded(pieces[0], pieces[1:], named=head != count)


def _loaded(stream: memoryview, buffers: list[memoryview], *, named: bool) -> Any:
    if named:
        return _Unpickler(io.BytesIO(stream), buffers=buffers).load()
    return pickle.loads(stream, buffers=buffers)  # noqa: S301  its seal was checked


def _aligned(place: int) -> int:
    return place + -place % _GRAIN


def _flat(buffer: pickle.PickleBuffer) -> memoryview:
    try:
        return buffer.raw()
    except BufferError:  # not contiguous
        return memoryview(memoryview(buffer).tobytes())


_NAMED: Final = 1 << 31
"""Set in the count if classes of `__main__` were named by `_Pickler`."""


class _Pickler(cloudpickle.Pickler):  # type: ignore[misc]
    """Pickles what `pickle` cannot name: functions by value, classes of `__main__` by name even if they are not there."""

    def persistent_id(self, value: Any) -> Any:
        if isinstance(value, type) and value.__module__ == "__main__" and "<locals>" not in value.__qualname__:
            return value.__qualname__
        return None


class _Unpickler(pickle.Unpickler):
    """Finds the classes that `_Pickler` named."""

    def persistent_load(self, named: Any) -> Any:
        found: Any = sys.modules["__main__"]
        for name in named.split("."):
            found = getattr(found, name)
        return found


# -- json, parquet -----------------------------------------------------------------------------------------------------


def _to_json(value: Any) -> Iterator[Buffer]:
    yield json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "surrogatepass")


def _from_json(data: memoryview) -> Any:
    return json.loads(bytes(data).decode("utf-8", "surrogatepass"))


def _to_parquet(value: Any) -> Iterator[Buffer]:
    kind = type(value).__module__.partition(".")[0]
    if kind not in _FRAMES or not hasattr(value, "columns"):
        raise Unfit(f"parquet holds a frame of pandas, polars or Arrow, not a '{type(value).__qualname__}'")
    made = io.BytesIO()
    yield b"%-8b" % kind.encode()
    if kind == "pandas":
        value.to_parquet(made)
    elif kind == "polars":
        value.write_parquet(made)
    else:
        import_module("pyarrow.parquet").write_table(value, made)
    yield made.getvalue()


_FRAMES: Final = frozenset({"pandas", "polars", "pyarrow"})


def _from_parquet(data: memoryview) -> Any:
    kind, rest = bytes(data[:8]).decode().strip(), io.BytesIO(data[8:])
    if kind == "pyarrow":
        return import_module("pyarrow.parquet").read_table(rest)
    library: ModuleType = import_module(kind)
    return library.read_parquet(rest)


_formats: dict[str, Format] = {
    "pickle": Format("pickle", _pickled, _unpickled, exact=True),
    "json": Format("json", _to_json, _from_json),
    "parquet": Format("parquet", _to_parquet, _from_parquet),
}
