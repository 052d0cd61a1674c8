"""Versions of values and of code, for the time of one run: equal versions mean that nothing needs to be computed again.

Theory: code may change while a process lives (a notebook's cell, a reloaded module, a patched helper), but not within a run.
So what has been learned about code, namely the versions of functions and of classes whose instances were met, is kept by an
object that is made anew for each run, and thrown away with it; there is nothing to invalidate.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from hashlib import blake2b
from types import FunctionType, ModuleType
from typing import Any

from anabranch.versions import kinds
from anabranch.versions.code import pinned_body, walk
from anabranch.versions.parts import CodeVersion, Part
from anabranch.versions.scope import Scope
from anabranch.versions.tokens import (
    SCALARS,
    SIZE,
    Encoder,
    Handler,
    Unversionable,
    digest,
    module_of,
    named,
    nested,
    version_of_token,
)

__all__ = ["Versions", "collected", "keys_of"]


class Versions:
    """Gives versions: of functions, of values, of files.

    A version is 20 bytes. Versions are the same in every process of one minor version of Python.

    Args:
        scope: which code counts.
    """

    __slots__ = ("_code", "_handlers", "_kept", "_types", "scope")

    def __init__(self, scope: Scope | None = None) -> None:
        self.scope = scope if scope is not None else Scope()
        self._handlers: dict[type, Handler] = {}
        self._types: dict[type, bytes] = {}
        self._code: dict[int, CodeVersion] = {}
        self._kept: list[Any] = []

    def of_code(self, function: Any) -> CodeVersion:
        """The version of a function, a class, or anything that can be called, with all that it depends on.

        Raises:
            Unversionable: it is an object that has no version.
        """
        known = self._code.get(id(function))
        if known is None:
            known = self._code[id(function)] = walk(function, self.scope, self._handlers)
            self._kept.append(function)
        return known

    def of_pin(self, name: str, version: str) -> CodeVersion:
        """The version of code that is pinned to a text, for a node of this name."""
        body = digest(pinned_body(version))
        return CodeVersion(digest(b"\0code\0" + body), (Part("function", name, body),))

    def of_data(self, value: Any) -> bytes:
        """The version of a value.

        Raises:
            Unversionable: it has none: it is an open file, say, or equal to itself only.
        """
        scalar = SCALARS.get(type(value))
        token = scalar(value) if scalar is not None else Encoder(self, self._handlers, kinds.find).whole(value)
        return token[1:] if token[:1] == b"#" else blake2b(token, digest_size=SIZE).digest()

    def of_all(self, values: Iterable[Any]) -> list[bytes | None]:
        """The versions of many values; None for those that have none."""
        scalars = SCALARS.get
        found: list[bytes | None] = []
        for value in values:
            scalar = scalars(type(value))
            if scalar is None:
                found.append(self._or_none(value))
                continue
            token = scalar(value)
            found.append(token[1:] if token[:1] == b"#" else blake2b(token, digest_size=SIZE).digest())
        return found

    def of_file(self, path: str | os.PathLike[str]) -> bytes:
        """The version of what is in a file, or in all files of a folder; their names in the folder count, too.

        Raises:
            OSError: it cannot be read.
        """
        if os.path.isdir(path):
            inner = [(name, self.of_file(os.path.join(path, name))) for name in sorted(os.listdir(path))]
            return version_of_token(nested(b"folder", b"".join([named(name) + version for name, version in inner])))
        hasher = blake2b(b"\0file\0", digest_size=SIZE)
        with open(path, "rb", buffering=0) as opened:
            block = bytearray(1 << 20)
            while count := opened.readinto(block):
                hasher.update(memoryview(block)[:count])
        return hasher.digest()

    def _or_none(self, value: Any) -> bytes | None:
        try:
            return self.of_data(value)
        except Unversionable:
            return None

    # -- names: what an encoder asks for -------------------------------------------------------------------------------

    def of_type(self, kind: type) -> bytes:
        """The token of a class in data: its name, and the version of its code if it is the user's."""
        token = self._types.get(kind)
        if token is None:
            name = named(f"{module_of(kind)}.{kind.__qualname__}")
            token = name if module_of(kind) == "builtins" else nested(b"type", name + self.of_code(kind).digest)
            self._types[kind] = token
        return token

    def of_function(self, function: FunctionType) -> bytes:
        """The token of a function that is data."""
        return nested(b"function", self.of_code(function).digest)

    def of_module(self, module: ModuleType) -> bytes:
        """The token of a module that is data."""
        return nested(b"module", named(module.__name__) + self.of_code(module).digest)

    def of_native(self, module: str, name: str) -> bytes:
        """The token of a compiled function that is data."""
        return named(f"{module}.{name} {self.scope.distribution(module)}")


def collected(versions: Sequence[bytes]) -> bytes:
    """The version of a list whose elements have these versions."""
    return blake2b(b"\0collected\0" + b"".join(versions), digest_size=SIZE).digest()


def keys_of(code: bytes, names: Sequence[str], arguments: Iterable[Sequence[bytes]]) -> list[bytes]:
    """What results are stored under: one key for each row of versions of arguments, given in the order of `names`."""
    body = b"".join([named(name) for name in names])
    start = blake2b(b"\0key\0" + code + b"%d " % len(names) + body, digest_size=SIZE)
    keys = []
    for row in arguments:
        hasher = start.copy()
        hasher.update(b"".join(row))
        keys.append(hasher.digest())
    return keys
