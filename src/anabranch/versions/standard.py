"""Tokens of what comes with Python: containers, dates, numbers, paths, and the objects that code is made of.

Theory: what is equal and acts equally has one token. `Decimal("1.0")` and `Decimal("1.00")` are equal and print differently,
so they differ; the two folds of a `datetime` differ; a path is its text, and never what it leads to (`Versions.of_file` is).
"""

from __future__ import annotations

import types
import typing
from collections import deque
from collections.abc import Callable
from typing import Any, Final

from anabranch.versions.tokens import Encoder, Handler, Unversionable, module_of, nested

__all__ = ["STANDARD", "late", "parts"]


def parts(kind: bytes, take: Callable[[Any], Any]) -> Handler:
    """A handler of values that are what `take` takes of them."""
    return lambda encoder, value: nested(kind, encoder.token(take(value)))


def _dict(encoder: Encoder, value: Any) -> bytes:
    token = encoder.token
    return nested(b"dict", b"".join([token(part) for item in value.items() for part in item]))


def _memoryview(encoder: Encoder, value: memoryview) -> bytes:
    return nested(b"memoryview", encoder.tokens((value.format, value.shape, value.tobytes())))


def _bound(encoder: Encoder, value: types.MethodType) -> bytes:
    return nested(b"method", encoder.tokens((value.__func__, value.__self__)))


def _native(encoder: Encoder, value: Any) -> bytes:
    owner = getattr(value, "__self__", None)
    name = encoder.names.of_native(getattr(value, "__module__", None) or "", value.__qualname__)
    if owner is None or isinstance(owner, types.ModuleType):
        return name
    return nested(b"native", name + encoder.token(owner))


def _cell(encoder: Encoder, value: types.CellType) -> bytes:
    try:
        content = value.cell_contents
    except ValueError:
        return nested(b"cell", b"")
    return nested(b"cell", encoder.token(content))


def _code(encoder: Encoder, value: types.CodeType) -> bytes:
    from anabranch.versions.bytecode import canonical

    return nested(b"code", canonical(value))


def _never(reason: str) -> Handler:
    def handle(encoder: Encoder, value: Any) -> bytes:
        raise Unversionable(f"a value of type '{type(value).__qualname__}' has no version: {reason}")

    return handle


def _generic(encoder: Encoder, value: Any) -> bytes:
    return nested(b"generic", encoder.tokens((typing.get_origin(value), typing.get_args(value))))


STANDARD: Final[dict[type, Handler]] = {
    list: lambda encoder, value: nested(b"list", encoder.tokens(value)),
    tuple: lambda encoder, value: nested(b"tuple", encoder.tokens(value)),
    dict: _dict,
    set: lambda encoder, value: nested(b"set", encoder.unordered(value)),
    frozenset: lambda encoder, value: nested(b"frozenset", encoder.unordered(value)),
    deque: lambda encoder, value: nested(b"deque", encoder.token(value.maxlen) + encoder.tokens(value)),
    bytearray: parts(b"bytearray", bytes),
    memoryview: _memoryview,
    range: parts(b"range", lambda value: (value.start, value.stop, value.step)),
    slice: parts(b"slice", lambda value: (value.start, value.stop, value.step)),
    types.MappingProxyType: parts(b"mappingproxy", dict),
    types.SimpleNamespace: parts(b"namespace", vars),
    types.MethodType: _bound,
    types.BuiltinFunctionType: _native,
    types.MethodDescriptorType: lambda encoder, value: encoder.token((b"method", value.__objclass__, value.__name__)),
    types.WrapperDescriptorType: lambda encoder, value: encoder.token((b"method", value.__objclass__, value.__name__)),
    types.ClassMethodDescriptorType: lambda encoder, value: encoder.token((b"method", value.__objclass__, value.__name__)),
    types.GetSetDescriptorType: lambda encoder, value: encoder.token((b"field", value.__name__)),
    types.MemberDescriptorType: lambda encoder, value: encoder.token((b"field", value.__name__)),
    types.MethodWrapperType: lambda encoder, value: encoder.token((b"bound", value.__self__, value.__name__)),
    types.FunctionType: lambda encoder, value: encoder.names.of_function(value),
    types.ModuleType: lambda encoder, value: encoder.names.of_module(value),
    types.CodeType: _code,
    types.CellType: _cell,
    types.GenericAlias: _generic,
    types.UnionType: _generic,
    type(list[int]): _generic,  # its type is typing's own
    type(typing.Optional[int]): _generic,  # noqa: UP045
    type(typing.Callable[[int], int]): _generic,
    typing.ForwardRef: parts(b"forward", lambda value: value.__forward_arg__),
    staticmethod: parts(b"staticmethod", lambda value: value.__func__),
    classmethod: parts(b"classmethod", lambda value: value.__func__),
    property: parts(b"property", lambda value: (value.fget, value.fset, value.fdel)),
    object: _never("it is equal to itself only"),
    types.GeneratorType: _never("it is used up by reading it; return a list"),
    types.CoroutineType: _never("it is used up by awaiting it"),
    types.AsyncGeneratorType: _never("it is used up by reading it"),
    types.FrameType: _never("it is a moment of a running program"),
    types.TracebackType: _never("it is a moment of a running program"),
}
"""Exact types that are there in every process."""


def _late() -> dict[str, dict[str, Handler]]:
    """Handlers of types whose modules need not be loaded, by module and name."""
    return {
        "datetime": {
            "date": parts(b"date", lambda value: value.toordinal()),
            "time": parts(b"time", lambda value: (value.replace(tzinfo=None).isoformat(), value.fold, value.tzinfo)),
            "datetime": parts(b"datetime", lambda value: (value.replace(tzinfo=None).isoformat(), value.fold, value.tzinfo)),
            "timedelta": parts(b"timedelta", lambda value: (value.days, value.seconds, value.microseconds)),
            "timezone": parts(b"timezone", lambda value: value.__getinitargs__()),
        },
        "zoneinfo": {"ZoneInfo": _zone},
        "decimal": {"Decimal": parts(b"decimal", str)},
        "fractions": {"Fraction": parts(b"fraction", lambda value: (value.numerator, value.denominator))},
        "uuid": {"UUID": parts(b"uuid", lambda value: value.int)},
        "re": {"Pattern": parts(b"pattern", lambda value: (value.pattern, value.flags))},
        "array": {"array": parts(b"array", lambda value: (value.typecode, value.tobytes()))},
        "functools": {
            "partial": parts(b"partial", lambda value: (value.func, value.args, value.keywords, vars(value))),
            "_lru_cache_wrapper": parts(b"cached", lambda value: value.__wrapped__),
            "cached_property": parts(b"cached property", lambda value: value.func),
        },
        "dataclasses": {"Field": parts(b"field", _field)},
        "pathlib": {
            name: parts(name.encode(), str)
            for name in ("PosixPath", "PurePosixPath", "WindowsPath", "PureWindowsPath", "Path", "PurePath")
        },
        "weakref": {"ReferenceType": _never("what it leads to may end")},
    }


def _field(field: Any) -> tuple[Any, ...]:
    known = (field.name, field.default, field.default_factory, field.init, field.repr, field.hash, field.compare)
    return (*known, field.kw_only, dict(field.metadata))


def _zone(encoder: Encoder, value: Any) -> bytes:
    if value.key is None:
        raise Unversionable("a ZoneInfo that was read from a file has no key to know it by")
    return nested(b"zone", encoder.token(value.key))


_LATE: Final = _late()


def late(kind: type) -> Handler | None:
    """The handler of a type of the standard library that is not in `STANDARD`; None if there is none of its own."""
    module = module_of(kind).partition(".")[0]  # pathlib is a package in later Pythons
    return _LATE.get(module, {}).get(kind.__qualname__)
