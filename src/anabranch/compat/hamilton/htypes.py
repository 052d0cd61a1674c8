"""Types: what opens and closes fan-outs, columns, and questions about types."""

from __future__ import annotations

import inspect
import types
import typing
from typing import Annotated, Any, TypeGuard, get_args, get_origin

from anabranch.errors import FlowError
from anabranch.graph.types import assignable, describe, fits
from anabranch.markers import Collect, Parallelizable

__all__ = [
    "Collect",
    "InvalidTypeException",
    "Parallelizable",
    "check_input_type",
    "check_instance",
    "column",
    "custom_subclass_check",
    "get_type_as_string",
    "get_type_information",
    "is_parallelizable_type",
    "types_match",
    "validate_type_annotation",
]

column = Annotated
"""A column of a frame: ``column[pd.Series, int]``."""

BASE_ARGS_FOR_GENERICS = (typing.TypeVar("T"),)

_PLAIN = (int, float, str, bool, bytes, complex)
_UNIONS = (typing.Union, types.UnionType)


class InvalidTypeException(FlowError):
    """An annotation that cannot be one."""


def is_parallelizable_type(type_: Any) -> bool:
    """Whether a function that returns this opens a fan-out."""
    return get_origin(type_) is Parallelizable or type_ is Parallelizable


def get_type_as_string(type_: Any) -> str | None:
    """The type as it is written."""
    bare, _ = get_type_information(type_)
    if isinstance(bare, type) and not get_args(bare):
        return bare.__name__
    named: str | None = getattr(bare, "__name__", None)
    return named if named and not get_args(bare) else describe(bare)


def get_type_information(some_type: Any) -> tuple[Any, list[Any]]:
    """The type, and what an annotation says besides."""
    if get_origin(some_type) is Annotated:
        bare, *more = get_args(some_type)
        return bare, more
    return some_type, []


def validate_type_annotation(annotation: Any) -> None:
    """Raises if it is no type, or a `column` of what is no column or has no plain type.

    Raises:
        InvalidTypeException: it is not.
    """
    bare, more = get_type_information(annotation)
    if more:
        from anabranch.compat.hamilton.registry import get_registered_column_types

        if bare not in get_registered_column_types().values() or more[0] not in _PLAIN:
            raise InvalidTypeException(f"{annotation!r} is no column of plain values; write column[pd.Series, int], say")
        return
    if isinstance(bare, type) or bare is Any or get_origin(bare) is not None or isinstance(bare, typing.TypeVar):
        return
    raise InvalidTypeException(f"{annotation!r} is no type")


def _safe_subclass(candidate_type: Any, base_type: Any) -> bool:
    """Whether the first is a class, without arguments, and a subclass of the second."""
    return _is_plain(candidate_type) and _is_plain(base_type) and issubclass(candidate_type, base_type)


def custom_subclass_check(requested_type: Any, param_type: Any) -> bool:
    """Whether a value of the first type can go where the second is wanted, as it is: an int is no float here."""
    requested, param = _item(requested_type), _item(param_type)
    if param is Any:
        return True
    if requested is Any:
        return False
    if isinstance(requested, typing.TypeVar) or isinstance(param, typing.TypeVar):
        return bool(requested == param)
    if get_origin(param) in _UNIONS:
        return any(custom_subclass_check(requested, one) for one in get_args(param))
    if _is_plain(requested) and _is_plain(param):
        return issubclass(requested, param)
    return assignable(requested, param)


def types_match(param_type: Any, required_node_type: Any) -> bool:
    """Whether a parameter of the first type can read a node of the second."""
    required, param = _item(required_node_type), _item(param_type)
    return required is Any or required == param or custom_subclass_check(required, param)


def check_input_type(node_type: Any, input_value: Any) -> bool:
    """Whether a value can be an input of this type, as it is: an int is no float here."""
    bare, _ = get_type_information(node_type)
    if _is_plain(bare):
        return isinstance(input_value, bare)
    if get_origin(bare) in _UNIONS:
        return any(check_input_type(one, input_value) for one in get_args(bare))
    return fits(input_value, bare)


def check_instance(obj: Any, type_: Any) -> bool:
    """Whether a value is of this type."""
    return fits(obj, type_)


def _is_plain(kind: Any) -> TypeGuard[type]:
    """Whether it is a class without arguments, such as `isinstance` takes."""
    return isinstance(kind, type) and kind is not Any and get_origin(kind) is None and not getattr(kind, "_is_protocol", False)


def _item(kind: Any) -> Any:
    """Of what opens or closes a fan-out, the type of an item."""
    kind, _ = get_type_information(kind)
    while get_origin(kind) in {Parallelizable, Collect}:
        (kind,) = get_args(kind)
    return Any if kind is inspect.Parameter.empty else kind
