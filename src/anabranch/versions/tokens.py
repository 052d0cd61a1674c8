r"""Tokens: any value as a few canonical bytes, equal for equal values and different for different ones.

Theory: what a value *is* to a function that gets it. So a token says the exact type as well as the content: `1`, `1.0`,
`"1"` and `True` are four values, a list is no tuple, `0.0` is not `-0.0` (division tells them apart). What a function
cannot rely on does not count: the order of a set, whether two equal parts are one object. The order of a dict does count:
two dicts with the same items are equal, but `list(d)` differs, and a cache must not give the answer of the one for the other.

A token is self-delimiting, so tokens can be joined without separators. Small scalars are written out; everything else is
``#`` and a digest over ``\0 kind \0 tokens of the parts``: a Merkle tree, whose shared parts are hashed once. A value
that contains itself is numbered instead, in the order of a walk, as `pickle` does.

No token depends on the process: no `id`, `hash`, address, path or time goes into one. What would need that has none, and
`Unversionable` says which part it is: such a value is equal to nothing, not even to itself.

How types, functions and modules are named is left to `Names`, for that depends on their code.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterable
from hashlib import blake2b
from types import FunctionType, ModuleType
from typing import Any, Final, Protocol

__all__ = ["SIZE", "Encoder", "Handler", "Names", "Unversionable", "digest", "module_of", "named", "nested", "version_of_token"]

SIZE: Final = 20
"""How many bytes a version has."""

SHORT: Final = 64
"""Texts and numbers of more bytes than this are written as their digest."""

WORTH: Final = 8
"""A part with at least so many parts of its own is remembered, in case it is met again."""


class Unversionable(Exception):
    """A value that has no version: nothing can be known to be equal to it.

    Attributes:
        reason: why, in words.
        trail: the types on the way from the whole to the part that is the cause, outermost first.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason
        self.trail: tuple[str, ...] = ()

    def __str__(self) -> str:
        """The reason, with the way to the part that it is about."""
        inside = f" (inside {' > '.join(self.trail[:-1])})" if len(self.trail) > 1 else ""
        return f"{self.reason}{inside}"


class _Cyclic(Exception):
    """The value contains itself: to be walked again with numbers."""


class Names(Protocol):
    """How what is code is written in a token."""

    def of_type(self, kind: type) -> bytes:
        """The token of a class."""

    def of_function(self, function: FunctionType) -> bytes:
        """The token of a function that is written in Python."""

    def of_module(self, module: ModuleType) -> bytes:
        """The token of a module."""

    def of_native(self, module: str, name: str) -> bytes:
        """The token of a function that is not written in Python."""


Handler = Callable[["Encoder", Any], bytes]


def module_of(kind: type) -> str:
    """The name of the module that a class says it is from; compiled metaclasses may say nothing useful."""
    module = kind.__module__
    return module if isinstance(module, str) else "builtins"


def digest(data: bytes | bytearray | memoryview) -> bytes:
    """Hashes to `SIZE` bytes."""
    return blake2b(data, digest_size=SIZE).digest()


def nested(kind: bytes, body: bytes) -> bytes:
    """The token of something that is made of parts."""
    return b"#" + blake2b(b"\0" + kind + b"\0" + body, digest_size=SIZE).digest()


def named(name: str) -> bytes:
    """The token of what is known by its name alone."""
    return b"n" + _str(name)


def version_of_token(token: bytes) -> bytes:
    """The version of the value with this token, always `SIZE` bytes."""
    return token[1:] if token[:1] == b"#" else blake2b(token, digest_size=SIZE).digest()


def _int(value: int) -> bytes:
    if -0x8000_0000_0000_0000 <= value < 0x8000_0000_0000_0000:
        return b"i%d;" % value
    return nested(b"int", value.to_bytes(value.bit_length() // 8 + 1, "little", signed=True))


def _str(value: str) -> bytes:
    data = value.encode("utf-8", "surrogatepass")
    return b"s%d:%b" % (len(data), data) if len(data) <= SHORT else nested(b"str", data)


def _bytes(value: bytes) -> bytes:
    return b"b%d:%b" % (len(value), value) if len(value) <= SHORT else _long_bytes(b"bytes", value)


def _long_bytes(kind: bytes, value: bytes | bytearray | memoryview) -> bytes:
    hasher = blake2b(b"\0" + kind + b"\0", digest_size=SIZE)
    hasher.update(value)
    return b"#" + hasher.digest()


_double = struct.Struct("<d").pack
_doubles = struct.Struct("<dd").pack

SCALARS: Final[dict[type, Callable[[Any], bytes]]] = {
    type(None): lambda _: b"N",
    bool: lambda value: b"T" if value else b"F",
    int: _int,
    float: lambda value: b"f" + _double(value),
    complex: lambda value: b"c" + _doubles(value.real, value.imag),
    str: _str,
    bytes: _bytes,
    type(...): lambda _: b"E",
    type(NotImplemented): lambda _: b"I",
}
"""Exact types whose values have no parts."""


class Encoder:
    """Makes the tokens of values; one for each value, or for values that need not know of each other's parts.

    Args:
        names: how types, functions and modules are named.
        handlers: what encodes which exact type; filled with what `find` finds.
        find: what encodes a type that `handlers` lacks.
        lenient: a part that has no version counts by its type, and raises nothing.
    """

    __slots__ = ("_active", "_find", "_handlers", "_kept", "_known", "_numbers", "lenient", "names", "work")

    def __init__(
        self, names: Names, handlers: dict[type, Handler], find: Callable[[type], Handler], *, lenient: bool = False
    ) -> None:
        self.names = names
        self.lenient = lenient
        self.work = 0
        self._handlers = handlers
        self._find = find
        self._active: set[int] = set()
        self._known: dict[int, tuple[bytes, int]] = {}
        self._kept: list[Any] = []
        self._numbers: dict[int, int] | None = None

    def whole(self, value: Any) -> bytes:
        """The token of a value, which may contain itself.

        Raises:
            Unversionable: it has none.
        """
        try:
            return self.token(value)
        except _Cyclic:
            again = self.alone()
            again._numbers = {}  # noqa: SLF001
            try:
                return again.token(value)
            except RecursionError:
                raise _too_deep(value) from None
        except RecursionError:
            raise _too_deep(value) from None

    def token(self, value: Any) -> bytes:
        """The token of a part, to be joined with those of others."""
        scalar = SCALARS.get(type(value))
        return scalar(value) if scalar is not None else self._parts(value)

    def tokens(self, values: Iterable[Any]) -> bytes:
        """The joined tokens of several parts."""
        return b"".join([self.token(value) for value in values])

    def unordered(self, values: Iterable[Any]) -> bytes:
        """The joined tokens of parts whose order does not count."""
        if self._numbers is not None:  # numbers would follow the order
            return b"".join(sorted([self.alone().whole(value) for value in values]))
        return b"".join(sorted([self.token(value) for value in values]))

    def alone(self) -> Encoder:
        """Another encoder that knows nothing of the parts met so far."""
        return Encoder(self.names, self._handlers, self._find, lenient=self.lenient)

    def _parts(self, value: Any) -> bytes:
        if self._numbers is not None:
            return self._numbered(value, self._numbers)
        identity = id(value)
        known = self._known.get(identity)
        if known is not None:
            self.work += known[1]
            return known[0]
        if identity in self._active:
            raise _Cyclic
        self._active.add(identity)
        before = self.work
        token = self._handled(value)
        self._active.discard(identity)
        self.work += 1
        if self.work - before >= WORTH:
            self._known[identity] = (token, self.work - before)
            self._kept.append(value)  # or its identity might become another's
        return token

    def _numbered(self, value: Any, numbers: dict[int, int]) -> bytes:
        number = numbers.get(id(value))
        if number is not None:
            return b"^%d;" % number
        numbers[id(value)] = len(numbers)
        self._kept.append(value)
        return self._handled(value)

    def _handled(self, value: Any) -> bytes:
        kind = type(value)
        handler = self._handlers.get(kind)
        if handler is None:
            handler = self._handlers[kind] = self._find(kind)
        try:
            return handler(self, value)
        except Unversionable as error:
            if self.lenient:
                wrapped = getattr(value, "__wrapped__", None)
                inner = self.token(wrapped) if isinstance(wrapped, FunctionType) else b""
                return nested(b"opaque", self.names.of_type(kind) + inner)
            error.trail = (kind.__qualname__, *error.trail)
            raise


def _too_deep(value: Any) -> Unversionable:
    return Unversionable(f"a value of type '{type(value).__qualname__}' is nested too deeply")
