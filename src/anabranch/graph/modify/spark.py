"""Functions of values or series, made functions of Spark's columns, for `with_columns`.

Theory: what Spark is to know of a column is the type of its elements. A function of single values says it by its return
annotation, one of pandas series by ``Annotated[pd.Series, int]``.
"""

from __future__ import annotations

import datetime as dt
import decimal
import sys
import types
import typing
from collections.abc import Mapping
from dataclasses import replace
from typing import Annotated, Any, get_args, get_origin

from anabranch.derived import Udf
from anabranch.function_modifiers.modifier import Modifier
from anabranch.graph.hints import resolve_hints
from anabranch.graph.modify.draft import Draft
from anabranch.graph.modify.family import Scene
from anabranch.graph.types import assignable, describe

__all__ = ["of_columns"]

_TYPES: Mapping[Any, str] = {
    bool: "boolean",
    int: "bigint",
    float: "double",
    str: "string",
    bytes: "binary",
    dt.date: "date",
    dt.datetime: "timestamp",
    decimal.Decimal: "decimal(38,18)",
    "int8": "tinyint",
    "int16": "smallint",
    "int32": "int",
    "int64": "bigint",
    "float32": "float",
    "float64": "double",
}
"""What Spark calls types of Python and, by name, of numpy."""


def of_columns(draft: Draft, column: Any, modifier: Modifier, scene: Scene) -> Draft:
    """The node of a function as one that takes and gives columns of Spark; the same, if it does already.

    Raises:
        FlowError: the type of its elements is not known.
    """
    node = draft.node
    if node.annotation is Any or assignable(node.annotation, column) or node.annotation.__module__.startswith("pyspark."):
        return draft
    by_series = _is_series(node.annotation)
    element = _element(resolve_hints(node.originating[0]).get("return")) if by_series else node.annotation
    returns = _spark_type(element)
    if returns is None:
        advice = "Annotated[pd.Series, int]" if by_series else "int, float, str, list[int] or an Annotated type"
        given = f"{node.label} returns {describe(node.annotation)}"
        raise scene.refusal(modifier, f"{given}, and Spark has to know of what its elements are: say it, as {advice}")
    function = Udf(node.function, tuple(parameter.name for parameter in node.parameters), returns, by_series)
    parameters = tuple(replace(parameter, annotation=Any) for parameter in node.parameters)
    return draft.changed(function=function, parameters=parameters, annotation=column)


def _is_series(annotation: Any) -> bool:
    pandas = sys.modules.get("pandas")
    return pandas is not None and isinstance(annotation, type) and issubclass(annotation, pandas.Series)


def _element(hint: Any) -> Any:
    """What an annotated type says of its elements; None if it says nothing."""
    return get_args(hint)[1] if get_origin(hint) is Annotated else None


def _spark_type(element: Any) -> Any:
    """An element's type as Spark takes it: by name, or a type of its own; None if it is not known."""
    if isinstance(element, str) or type(element).__module__ == "pyspark.sql.types":
        return element
    if get_origin(element) is list:
        inner = _spark_type(get_args(element)[0])
        return f"array<{inner}>" if isinstance(inner, str) else None
    if get_origin(element) in (typing.Union, getattr(types, "UnionType", None)):
        members = [one for one in get_args(element) if one is not type(None)]
        return _spark_type(members[0]) if len(members) == 1 else None
    try:
        return _TYPES.get(element) or _TYPES.get(getattr(element, "__name__", ""))
    except TypeError:
        return None
