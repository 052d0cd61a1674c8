"""Tokens of instances: dataclasses, enums, named tuples, and whatever says how it is to be pickled.

Theory: an instance is its class and its state. The class counts with its code, for a function that is given the instance
calls its methods, and nothing in that function's own code leads there. The state of an unknown type is what it gives to
`pickle`, taken apart rather than as bytes, so that sets inside it have no order and arrays are hashed as such. What
`functools.cached_property` has put into an instance is no state.

An unknown type that is not the user's must pass a trial first: what comes out of a round trip through `pickle` has to have
the same token. One that fails it (it pickles its address, or a time) has no version.
"""

from __future__ import annotations

import copyreg
import dataclasses
import enum
import functools
import pickle
from collections.abc import Iterator
from typing import Any

from anabranch.versions.tokens import Encoder, Handler, Unversionable, named, nested

__all__ = ["object_handler", "reduced", "tried"]


def object_handler(kind: type) -> Handler:
    """What encodes instances of a class that nothing more special is known of."""
    if issubclass(kind, type):
        return lambda encoder, value: encoder.names.of_type(value)
    if issubclass(kind, enum.Enum):
        return _flag if issubclass(kind, enum.Flag) else _member
    if dataclasses.is_dataclass(kind):
        return _dataclass(kind)
    if issubclass(kind, tuple) and hasattr(kind, "_fields"):
        return lambda encoder, value: nested(b"record", encoder.names.of_type(kind) + encoder.tokens(value))
    if issubclass(kind, (set, frozenset)):
        return _set
    return reduced


def tried(kind: type, handler: Handler) -> Handler:
    """The handler of a foreign type, with a trial at its first value."""
    verdict: list[str] = []

    def handle(encoder: Encoder, value: Any) -> bytes:
        if verdict and verdict[0]:
            raise Unversionable(verdict[0])
        token = handler(encoder, value)
        if not verdict:
            verdict.append("")  # its own parts may be of its kind
            verdict[0] = _trial(encoder, value, kind)
            if verdict[0]:
                raise Unversionable(verdict[0])
        return token

    return handle


def _trial(encoder: Encoder, value: Any, kind: type) -> str:
    """Why values of this type have no version; empty if they have one."""
    try:
        first = encoder.alone().whole(value)
        copy = pickle.loads(pickle.dumps(value, protocol=5))  # noqa: S301  made a moment ago
        same = type(copy) is kind and encoder.alone().whole(copy) == first
    except Unversionable:
        raise
    except Exception as error:
        return f"a value of type '{kind.__qualname__}' does not pickle ({type(error).__name__}: {error})"
    return "" if same else f"values of type '{kind.__qualname__}' do not come out of pickle as they went in"


def _member(encoder: Encoder, value: Any) -> bytes:
    return nested(b"member", encoder.names.of_type(type(value)) + encoder.token(value.name))


def _flag(encoder: Encoder, value: Any) -> bytes:
    return nested(b"flag", encoder.names.of_type(type(value)) + encoder.token(int(value.value)))


def _dataclass(kind: type) -> Handler:
    names = [field.name for field in dataclasses.fields(kind)]
    tokens = [named(name) for name in names]
    known = {*names, *_derived(kind)}
    absent = object()

    def handle(encoder: Encoder, value: Any) -> bytes:
        body = [encoder.names.of_type(kind)]
        for name, token in zip(names, tokens, strict=True):
            content = getattr(value, name, absent)
            body += (token, b"-" if content is absent else encoder.token(content))
        extra = getattr(value, "__dict__", {}).keys() - known
        if extra:
            body.append(encoder.token([(name, value.__dict__[name]) for name in sorted(extra)]))
        return nested(b"dataclass", b"".join(body))

    return handle


def _set(encoder: Encoder, value: Any) -> bytes:
    state = encoder.token(_state(type(value), getattr(value, "__dict__", None)))
    return nested(b"set of", encoder.names.of_type(type(value)) + state + encoder.unordered(value))


def reduced(encoder: Encoder, value: Any) -> bytes:
    """What the value would give to `pickle`, as a token."""
    kind = type(value)
    reduced = _reduction(kind, value)
    if isinstance(reduced, str):
        return nested(b"global", encoder.names.of_type(kind) + encoder.token(reduced))
    said: list[Any] = [*reduced, None, None, None]
    make, arguments, state, items, pairs = said[:5]
    body = [encoder.names.of_type(kind), encoder.token(make), encoder.token(arguments), encoder.token(_state(kind, state))]
    if items is not None:
        body.append(nested(b"items", encoder.tokens(items)))
    if pairs is not None:
        body.append(nested(b"pairs", b"".join([encoder.token(part) for pair in pairs for part in pair])))
    return nested(b"object", b"".join(body))


def _reduction(kind: type, value: Any) -> Any:
    # Of exceptions `tblib`, which Dask loads, has a way of its own, with the traceback: that is not what an exception is.
    reduce = None if issubclass(kind, BaseException) else copyreg.dispatch_table.get(kind)
    try:
        return reduce(value) if reduce is not None else value.__reduce_ex__(4)
    except Exception as error:
        raise Unversionable(
            f"a value of type '{kind.__qualname__}' does not pickle ({type(error).__name__}: {error})"
        ) from None


def _state(kind: type, state: Any) -> Any:
    """The state of an instance: its attributes by name, without what was only computed from others.

    In which order they were set does not count, nor whether they are in slots: a class that travels by value loses its slots.
    """
    if not _is_plain(kind):
        return state
    slots: Any = {}
    if isinstance(state, tuple) and len(state) == 2:
        state, slots = state
    derived = _derived(kind)
    merged = {**(state or {}), **(slots or {})}
    return {name: merged[name] for name in sorted(merged) if name not in derived}


@functools.lru_cache(maxsize=512)
def _is_plain(kind: type) -> bool:
    """Whether the state of its instances is made by Python itself, out of their attributes."""
    own: Any = kind
    return (
        own.__getstate__ is object.__getstate__
        and own.__reduce_ex__ is object.__reduce_ex__
        and own.__reduce__ is object.__reduce__
    )


@functools.lru_cache(maxsize=512)
def _derived(kind: type) -> frozenset[str]:
    return frozenset(_cached_properties(kind))


def _cached_properties(kind: type) -> Iterator[str]:
    for base in kind.__mro__:
        for name, content in vars(base).items():
            if isinstance(content, functools.cached_property):
                yield name
