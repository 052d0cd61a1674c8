"""Tokens of numpy's arrays, scalars and dtypes, and of torch's tensors.

Theory: an array is its dtype, its shape and its elements in order. How it lies in memory does not count: strides, order,
the padding between fields or inside a `longdouble`, an address in a column of strings. Byte order counts, as part of the
dtype; so do the sign of a zero and the bits of a NaN. Elements that are objects count one by one.

Memory is hashed as it is where it is in order, and in blocks where it is not, so that no second copy of an array is made.

numpy is here only if a value of its was met, so it is taken from the loaded modules.
"""

from __future__ import annotations

import functools
import sys
from collections.abc import Iterator
from hashlib import blake2b
from typing import Any, Final

from anabranch.versions.tokens import SIZE, Encoder, Handler, Unversionable, named, nested

__all__ = ["array_body", "handler_of", "objects_body"]

BLOCK: Final = 1 << 24
"""How many bytes of an array that is not in order are put in order at a time."""


def handler_of(kind: type) -> Handler | None:
    """What encodes a type of numpy's or torch's, or one made from it; None if nothing special does."""
    numpy = sys.modules.get("numpy")
    if numpy is not None:
        if kind in (numpy.ndarray, numpy.memmap):
            return lambda encoder, value: nested(b"array", array_body(encoder, value))
        if issubclass(kind, numpy.ma.MaskedArray):
            return _masked
        if issubclass(kind, numpy.ndarray):
            return _kin
        if issubclass(kind, numpy.generic):
            return _scalar
        if issubclass(kind, numpy.dtype):
            return lambda encoder, value: nested(b"dtype", _dtype(value))
    torch = sys.modules.get("torch")
    return _tensor if torch is not None and issubclass(kind, torch.Tensor) else None


def array_body(encoder: Encoder, value: Any) -> bytes:
    """What an array is: dtype, shape, and the digest of its elements."""
    numpy = sys.modules["numpy"]
    if type(value) is not numpy.ndarray:
        value = value.view(numpy.ndarray)
    if value.dtype.hasobject or value.dtype.kind == "T":  # kind T keeps its texts elsewhere
        elements = objects_body(encoder, value)
    else:
        hasher = blake2b(digest_size=SIZE)
        for block in _memory(numpy, value):
            hasher.update(block)
        elements = hasher.digest()
    return _dtype(value.dtype) + encoder.token(value.shape) + elements


def objects_body(encoder: Encoder, value: Any) -> bytes:
    """The elements of an array one by one, as Python's objects."""
    if value.dtype.fields:
        return b"".join([array_body(encoder, value[name]) for name in value.dtype.names])
    return encoder.token(value.reshape(-1).tolist())


@functools.lru_cache(maxsize=256)
def _dtype(dtype: Any) -> bytes:
    """A dtype by its name and byte order; fields by name, title and dtype, wherever they lie."""
    if dtype.fields:
        titles = [repr(dtype.fields[name][2:]) for name in dtype.names]
        body = [named(name) + named(title) + _dtype(dtype[name]) for name, title in zip(dtype.names, titles, strict=True)]
        return nested(b"fields", b"".join(body))
    if dtype.subdtype:
        inner, shape = dtype.subdtype
        return nested(b"subarray", _dtype(inner) + named(repr(shape)))
    kind = type(dtype)
    return nested(b"dtype", named(dtype.str) + named(str(dtype)) + named(f"{kind.__module__}.{kind.__qualname__}"))


def _memory(numpy: Any, value: Any) -> Iterator[Any]:
    """The elements' bytes in C order, without padding."""
    if value.dtype.fields:
        for name in value.dtype.names:
            yield from _memory(numpy, value[name])
    elif value.dtype.char in "gG":
        yield from _long_doubles(numpy, value)
    elif value.size == 0:
        return
    elif value.flags.c_contiguous:
        yield value.reshape(-1).view(numpy.uint8).data
    elif value.nbytes <= BLOCK:
        yield numpy.ascontiguousarray(value).reshape(-1).view(numpy.uint8).data
    elif value.shape[0] == 1:
        yield from _memory(numpy, value[0])
    else:
        step = max(1, BLOCK * value.shape[0] // value.nbytes)
        for start in range(0, value.shape[0], step):
            yield from _memory(numpy, value[start : start + step])


def _long_doubles(numpy: Any, value: Any) -> Iterator[bytes]:
    """Long doubles of ten bytes lie in sixteen, the rest of which is left over from whatever was there before."""
    size, used = numpy.dtype("g").itemsize, 10 if numpy.finfo("g").nmant == 63 else numpy.dtype("g").itemsize
    raw = numpy.ascontiguousarray(value).reshape(-1).view(numpy.uint8).reshape(-1, size)
    swapped = not value.dtype.isnative
    yield numpy.ascontiguousarray(raw[:, size - used :] if swapped else raw[:, :used]).tobytes()


def _scalar(encoder: Encoder, value: Any) -> bytes:
    numpy = sys.modules["numpy"]
    if type(value) is numpy.void and value.dtype.fields is None:
        return nested(b"scalar", encoder.tokens((value.dtype.str, value.tobytes())))
    if value.dtype.fields or value.dtype.hasobject or value.dtype.char in "gG":
        return nested(b"scalar", array_body(encoder, numpy.asarray(value)))
    return nested(b"scalar", _dtype(value.dtype) + value.tobytes())


def _masked(encoder: Encoder, value: Any) -> bytes:
    """A masked array: what is masked out does not count."""
    numpy = sys.modules["numpy"]
    mask = numpy.ma.getmaskarray(value)
    body = (
        array_body(encoder, value.filled()) + array_body(encoder, mask) + array_body(encoder, numpy.asarray(value.fill_value))
    )
    return nested(b"masked", encoder.names.of_type(type(value)) + body)


def _kin(encoder: Encoder, value: Any) -> bytes:
    """A class made from arrays: the array, and what it gives to pickle besides."""
    numpy = sys.modules["numpy"]
    body = array_body(encoder, value.view(numpy.ndarray))
    state = getattr(value, "__dict__", None)
    if state is None and "__reduce__" in vars(type(value)):
        raise Unversionable(f"arrays of type '{type(value).__qualname__}' say by themselves how they are pickled")
    return nested(b"array of", encoder.names.of_type(type(value)) + body + encoder.token(state))


def _tensor(encoder: Encoder, value: Any) -> bytes:
    detached = value.detach()
    array = detached.cpu()
    torch = sys.modules["torch"]
    plain = array.view(torch.uint8) if str(array.dtype) == "torch.bfloat16" and array.dim() else array
    about = encoder.tokens((str(value.dtype), tuple(value.shape), value.device.type, bool(value.requires_grad)))
    return nested(b"tensor", encoder.names.of_type(type(value)) + about + array_body(encoder, plain.numpy()))
