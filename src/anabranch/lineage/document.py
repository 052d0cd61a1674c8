"""A lineage as plain data: dicts, lists, texts, numbers. A later version adds fields, and changes none."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from anabranch.graph.types import describe
from anabranch.lineage.variable import Variable

if TYPE_CHECKING:
    from anabranch.lineage.lineage import Lineage

__all__ = ["LAYOUT", "document", "variable_document"]

LAYOUT = 1
"""The version of the layout."""


def document(lineage: Lineage) -> dict[str, Any]:
    """A lineage: ``layout``, ``version``, and its ``variables`` in topological order, inputs last."""
    return {
        "layout": LAYOUT,
        "version": lineage.version,
        "variables": [variable_document(variable) for variable in lineage],
    }


def variable_document(variable: Variable) -> dict[str, Any]:
    """One variable."""
    return {
        "name": variable.name,
        "kind": "input" if variable.is_input else "node",
        "type": variable.type_name,
        "axes": list(variable.axes),
        "expands": variable.expands,
        "tags": {str(key): _plain(value) for key, value in variable.tags.items()},
        "doc": variable.doc,
        "origin": variable.origin,
        "functions": [f"{one.__module__}.{getattr(one, '__qualname__', type(one).__name__)}" for one in variable.functions],
        "source": variable.source,
        "version": variable.version,
        "part_of": variable.part_of or None,
        "required": variable.required if variable.is_input else None,
        "reads": [
            {
                "name": reading.name,
                "parameter": reading.parameter,
                "how": reading.how,
                "depth": reading.depth,
                "required": reading.required,
                "type": describe(reading.annotation),
            }
            for reading in variable.reads
        ],
    }


def _plain(value: Any) -> Any:
    if value is None or isinstance(value, (str, int, float, bool)):
        return value
    if isinstance(value, (list, tuple)):
        return [_plain(one) for one in value]
    if isinstance(value, dict):
        return {str(key): _plain(one) for key, one in value.items()}
    return str(value)
