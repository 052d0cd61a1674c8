"""Functions written for narwhals, given and giving the frames of any library that it knows."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from anabranch.libraries import library
from anabranch.lifecycle.base import NodeExecutionMethod

__all__ = ["NarwhalsAdapter"]

TAG = "nw_kwargs"
"""The tag by which a function says which keywords are for making frames of its arguments: ``nw_kwargs="eager_only"``."""


class NarwhalsAdapter(NodeExecutionMethod):
    """Makes narwhals' frames and series of a function's arguments, in lists as well, and native ones of its result.

    Values that narwhals does not know stay as they are. A tag ``nw_kwargs`` names keywords of `narwhals.from_native` that are
    to be set for a function's arguments: ``@tag(nw_kwargs="eager_only")``.

    Raises:
        InputError: narwhals is not installed.
    """

    def __init__(self) -> None:
        library("narwhals", "NarwhalsAdapter")

    def run_to_execute_node(
        self,
        *,
        node_callable: Any,
        node_kwargs: dict[str, Any],
        node_tags: Any = None,
        is_expand: bool = False,
        **future_kwargs: Any,
    ) -> Any:
        """Calls the function."""
        import narwhals as nw

        wanted = (node_tags or {}).get(TAG, ())
        options = dict.fromkeys([wanted] if isinstance(wanted, str) else wanted, True)
        given = {name: _wrapped(nw, value, options) for name, value in node_kwargs.items()}
        result = node_callable(**given)
        if is_expand and hasattr(result, "__next__"):
            return (_native(nw, item) for item in result)
        return _native(nw, result)


def _wrapped(nw: Any, value: Any, options: dict[str, Any]) -> Any:
    if type(value) is list:
        return [_wrapped(nw, element, options) for element in value]
    if isinstance(value, Iterator):
        return (_wrapped(nw, element, options) for element in value)
    return nw.from_native(value, pass_through=True, allow_series=True, **options)


def _native(nw: Any, value: Any) -> Any:
    if type(value) is list:
        return [_native(nw, element) for element in value]
    return nw.to_native(value, pass_through=True)
