"""Tokens of Arrow's tables, arrays, scalars and types.

Theory: an array is its type, which places are null, and the values of the others in order. What lies under a null, before
an offset or after the end does not count, nor how a column is cut into chunks. A schema counts with its metadata, for what
a table turns into follows from it.

The kinds of arrays that are rare (unions, run-end encoded, views of lists) count by their values as Python's objects.
"""

from __future__ import annotations

import sys
from importlib import import_module
from typing import Any, Final, Literal

from anabranch.versions.tokens import Encoder, Handler, Unversionable, digest, named, nested

__all__ = ["column_body", "handler_of"]

_STRINGS: Final[dict[str, Literal["i", "q"]]] = {"string": "i", "binary": "i", "large_string": "q", "large_binary": "q"}
_VIEWS: Final = {"string_view": "large_string", "binary_view": "large_binary"}


def handler_of(kind: type) -> Handler | None:
    """What encodes a type of Arrow's; None if nothing special does."""
    arrow = sys.modules["pyarrow"]
    if issubclass(kind, (arrow.Table, arrow.RecordBatch)):
        return _table
    if issubclass(kind, arrow.ChunkedArray):
        return lambda encoder, value: nested(b"arrow column", named(str(value.type)) + column_body(encoder, value.chunks))
    if issubclass(kind, arrow.Array):
        return lambda encoder, value: nested(b"arrow array", named(str(value.type)) + column_body(encoder, [value]))
    if issubclass(kind, arrow.Scalar):
        return lambda encoder, value: nested(b"arrow scalar", named(str(value.type)) + encoder.token(value.as_py()))
    if issubclass(kind, arrow.Schema):
        return lambda encoder, value: nested(b"arrow schema", _schema(encoder, value))
    if issubclass(kind, arrow.Field):
        return lambda encoder, value: nested(b"arrow field", _field(encoder, value))
    if issubclass(kind, arrow.DataType):
        return lambda encoder, value: nested(b"arrow type", named(str(value)))
    if issubclass(kind, arrow.Buffer):
        return lambda encoder, value: nested(b"arrow buffer", digest(value))
    if kind.__module__.startswith("pyarrow._dataset") or kind.__name__.endswith(("Reader", "File")):
        return _elsewhere
    return None


def _elsewhere(encoder: Encoder, value: Any) -> bytes:
    raise Unversionable(f"a '{type(value).__qualname__}' only leads to data that may change; read it into a table")


def _table(encoder: Encoder, value: Any) -> bytes:
    columns = (column.chunks if hasattr(column, "chunks") else [column] for column in value.columns)
    bodies = [nested(b"column", column_body(encoder, chunks)) for chunks in columns]
    kind = encoder.names.of_type(type(value))
    return nested(b"arrow table", kind + _schema(encoder, value.schema) + encoder.token(value.num_rows) + b"".join(bodies))


def _schema(encoder: Encoder, schema: Any) -> bytes:
    fields = b"".join([nested(b"field", _field(encoder, field)) for field in schema])
    return fields + encoder.token(schema.metadata)


def _field(encoder: Encoder, field: Any) -> bytes:
    return encoder.tokens((field.name, str(field.type), field.nullable, field.metadata))


def column_body(encoder: Encoder, chunks: list[Any]) -> bytes:
    """What a column of one type is, however it is cut into chunks."""
    arrow = sys.modules["pyarrow"]
    chunks = [chunk for chunk in chunks if len(chunk)]
    if not chunks:
        return b"-"
    if len(chunks) == 1:
        return _array(encoder, chunks[0])
    if arrow.types.is_dictionary(chunks[0].type):
        chunks = arrow.chunked_array(chunks).unify_dictionaries().chunks
    if isinstance(chunks[0], arrow.ExtensionArray):
        chunks = [chunk.storage for chunk in chunks]
    return _array(encoder, arrow.concat_arrays(chunks))


def _array(encoder: Encoder, array: Any) -> bytes:
    arrow, compute = sys.modules["pyarrow"], import_module("pyarrow.compute")
    if isinstance(array, arrow.ExtensionArray):
        array = array.storage
    kind = array.type
    body = encoder.token(len(array))
    if arrow.types.is_null(kind):
        return body
    name = str(kind)
    if name in _VIEWS:
        array, name = array.cast(getattr(arrow, _VIEWS[name])()), _VIEWS[name]
    if _is_rare(arrow, kind):
        return body + encoder.token(array.to_pylist())
    if array.null_count:
        body += _fixed(array.is_valid().cast(arrow.uint8()), 1)
        array = array.drop_null()
    if name in _STRINGS:
        return body + _texts(compute, array, _STRINGS[name])
    if arrow.types.is_boolean(kind):
        return body + _fixed(array.cast(arrow.uint8()), 1)
    children = _children(arrow, compute, array)
    if children is not None:
        return body + b"".join([nested(b"child", _array(encoder, child)) for child in children])
    return body + _fixed(array, kind.bit_width // 8)


def _children(arrow: Any, compute: Any, array: Any) -> list[Any] | None:
    """The arrays that an array without nulls is made of; None for plain values."""
    kind, types = array.type, arrow.types
    if types.is_dictionary(kind):
        return [array.indices, array.dictionary]
    if types.is_struct(kind):
        return list(array.flatten())
    if types.is_list(kind) or types.is_large_list(kind):
        return [compute.list_value_length(array), array.flatten()]
    return [array.flatten()] if types.is_fixed_size_list(kind) else None


def _is_rare(arrow: Any, kind: Any) -> bool:
    """Whether nothing here knows how arrays of this type lie in memory."""
    types = arrow.types
    if types.is_boolean(kind) or types.is_dictionary(kind) or types.is_struct(kind) or types.is_fixed_size_list(kind):
        return False
    if types.is_list(kind) or types.is_large_list(kind) or str(kind) in _STRINGS or str(kind) in _VIEWS:
        return False
    return types.is_interval(kind) or not (
        types.is_primitive(kind) or types.is_decimal(kind) or types.is_fixed_size_binary(kind)
    )


def _fixed(array: Any, width: int) -> bytes:
    """The digest of values of one width, without nulls."""
    data = array.buffers()[1]
    if data is None:
        return digest(b"")
    return digest(memoryview(data)[array.offset * width : (array.offset + len(array)) * width])


def _texts(compute: Any, array: Any, code: Literal["i", "q"]) -> bytes:
    """The digests of the lengths and of the joined content of texts, without nulls."""
    if not len(array):
        return b"-"
    offsets = memoryview(array.buffers()[1]).cast("B").cast(code)
    start, end = offsets[array.offset], offsets[array.offset + len(array)]
    content = array.buffers()[2]
    lengths = compute.binary_length(array)
    return _fixed(lengths, lengths.type.bit_width // 8) + digest(memoryview(content)[start:end] if content is not None else b"")
