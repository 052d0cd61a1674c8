"""Which handler makes the tokens of which type: the registered ones, Python's, those of known libraries, all others.

Theory: handlers are found once for each type and kept by exact type, so that finding costs nothing per value. A library's
handlers are asked only about types that it defined, so the library is loaded already, and none is loaded here.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Any, Final, TypeVar

from anabranch.errors import InputError
from anabranch.versions.objects import object_handler, reduced, tried
from anabranch.versions.scope import Scope, is_builtin
from anabranch.versions.standard import STANDARD, late
from anabranch.versions.tokens import SCALARS, Encoder, Handler, module_of, nested

__all__ = ["find", "register"]

T = TypeVar("T")

_LIBRARIES: Final = {
    "numpy": "arrays",
    "pandas": "pandas_frames",
    "pyarrow": "arrow",
    "polars": "polars_frames",
    "pydantic": "models",
    "pydantic_core": "models",
    "torch": "arrays",
}
"""The module here that knows a library's types, by the library's name."""

_registered: dict[type, Callable[[Any], Any]] = {}


def register(kind: type[T], content: Callable[[T], Any]) -> None:
    """From now on a value of this type, or of a class made from it, is what `content` gives for it.

    `content` returns anything that has a version: mostly a tuple of what counts. The exact type counts beside it.

    Raises:
        InputError: the type is one of Python's own, whose versions are fixed.
    """
    if kind in SCALARS or kind in STANDARD:
        raise InputError(f"versions of '{kind.__qualname__}' are fixed; register a class of your own")
    _registered[kind] = content


def find(kind: type) -> Handler:
    """What makes the tokens of values of exactly this type."""
    for base in kind.__mro__:
        if base in _registered:
            return _of_content(_registered[base])
    handler = STANDARD.get(kind) or late(kind)
    if handler is not None:
        return handler
    for base in kind.__mro__:
        library = _LIBRARIES.get(module_of(base).partition(".")[0])
        if library is not None:
            found: Handler | None = import_module(f"anabranch.versions.{library}").handler_of(kind)
            if found is not None:
                return found
    handler = object_handler(kind)
    is_foreign = not (is_builtin(module_of(kind)) or Scope().owns(module_of(kind)))
    return tried(kind, handler) if handler is reduced and is_foreign else handler


def _of_content(content: Callable[[Any], Any]) -> Handler:
    def handle(encoder: Encoder, value: Any) -> bytes:
        return nested(b"registered", encoder.names.of_type(type(value)) + encoder.token(content(value)))

    return handle
