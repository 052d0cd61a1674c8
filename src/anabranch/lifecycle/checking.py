"""Checks of types: strict ones of every call, and none at all where values are connected."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from anabranch.graph.types import describe, fits
from anabranch.lifecycle.base import EdgeConnectionHook, NodeExecutionMethod

__all__ = ["FunctionInputOutputTypeChecker", "NoEdgeAndInputTypeChecking"]


class FunctionInputOutputTypeChecker(NodeExecutionMethod):
    """Checks each function's arguments and results against its annotations; what is surely wrong fails the function.

    Args:
        check_input: whether arguments are checked.
        check_output: whether results are checked; of an expander, each item.
    """

    def __init__(self, check_input: bool = True, check_output: bool = True) -> None:
        self.check_input = check_input
        self.check_output = check_output

    def run_to_execute_node(
        self,
        *,
        node_name: str,
        node_callable: Any,
        node_kwargs: dict[str, Any],
        node_return_type: Any = Any,
        node_input_types: Mapping[str, Any] | None = None,
        is_expand: bool = False,
        **future_kwargs: Any,
    ) -> Any:
        """Calls the function.

        Raises:
            TypeError: an argument or the result is of the wrong type.
        """
        for name, value in node_kwargs.items() if self.check_input else ():
            wanted = (node_input_types or {}).get(name, Any)
            if not fits(value, wanted):
                raise TypeError(f"'{node_name}' takes {describe(wanted)} as '{name}', but is given {_kind(value)}")
        result = node_callable(**node_kwargs)
        if not self.check_output:
            return result
        if is_expand:
            return _checked(node_name, result, node_return_type) if hasattr(result, "__iter__") else result
        _check(node_name, "returns", result, node_return_type)
        return result


def _checked(node_name: str, items: Any, wanted: Any) -> Any:
    if isinstance(items, (str, bytes, bytearray, dict)):
        return items  # which is an error that is told better elsewhere
    if isinstance(items, (list, tuple, range)):
        for item in items:
            _check(node_name, "gives items of", item, wanted)
        return items
    return _one_by_one(node_name, items, wanted)


def _one_by_one(node_name: str, items: Any, wanted: Any) -> Iterator[Any]:
    try:
        for item in items:
            _check(node_name, "gives items of", item, wanted)
            yield item
    finally:
        if hasattr(items, "close"):
            items.close()


def _check(node_name: str, verb: str, value: Any, wanted: Any) -> None:
    if not fits(value, wanted):
        raise TypeError(f"'{node_name}' {verb} {describe(wanted)}, but this is {_kind(value)}")


def _kind(value: Any) -> str:
    """The type, of a container with that of its elements."""
    if isinstance(value, (list, tuple, set, frozenset)) and value:
        kinds = sorted({type(element).__name__ for element in value})
        return f"{type(value).__name__} of {' and '.join(kinds[:3])}"
    return type(value).__name__


class NoEdgeAndInputTypeChecking(EdgeConnectionHook):
    """Lets values go anywhere and inputs be anything, whatever the annotations say."""

    def check_edge_types_match(self, type_from: Any, type_to: Any, **kwargs: Any) -> bool:
        """They do."""
        return True

    def validate_input(self, node_type: Any, input_value: Any, **kwargs: Any) -> bool:
        """It may be."""
        return True
