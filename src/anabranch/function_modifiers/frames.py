"""Columns that are made by functions and added to a frame: `with_columns`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from types import ModuleType
from typing import Any

from anabranch.errors import FlowError
from anabranch.function_modifiers.modifier import Modifier, parameters_of
from anabranch.function_modifiers.subdags import check_parts

__all__ = ["WithColumns", "with_columns"]


@dataclass(frozen=True, slots=True)
class WithColumns(Modifier):
    """The frame that a parameter reads gets columns that functions make.

    Attributes:
        parts: modules and functions that make columns.
        passed: columns of the frame that they may read.
        frame_as: the name by which they may read the frame itself; empty if they may not.
        on_input: the parameter; empty for the first.
        select: which of their nodes are added; None for all that are columns.
        namespace: what stands before the names of the nodes; by default the function's node.
        required: config keys that must be there.
    """

    parts: tuple[ModuleType | Callable[..., Any], ...]
    passed: tuple[str, ...]
    frame_as: str
    on_input: str
    select: tuple[str, ...] | None
    namespace: str | None
    required: tuple[str, ...]

    def check(self, function: Callable[..., Any]) -> None:
        """Checks that there is a parameter for the frame."""
        if not parameters_of(function):
            raise self.refuse(function, "the function has no parameter for a frame")
        self.check_parameters(function, [self.on_input] if self.on_input else [])


def with_columns(
    *load_from: ModuleType | Callable[..., Any],
    columns_to_pass: Sequence[str] | None = None,
    pass_dataframe_as: str | None = None,
    on_input: str | None = None,
    select: Sequence[str] | None = None,
    namespace: str | None = None,
    config_required: Sequence[str] | None = None,
) -> WithColumns:
    """Adds columns to the frame that a parameter reads: each is made by a function and is a node of its own.

    ``@with_columns(area, price_per_area, columns_to_pass=["width", "length", "price"], select=["price_per_area"])`` on
    ``def houses(raw: pd.DataFrame) -> pd.DataFrame`` hands a frame with one more column to the function. Works for pandas and
    polars frames, whose functions take and return `Series`, for lazy polars frames, whose functions take and return
    expressions, for pyarrow tables and dask frames, and for frames of Spark, whose functions take and return columns, single
    values, or pandas series (``Annotated[pd.Series, int]``).

    Args:
        load_from: modules, or single functions.
        columns_to_pass: columns of the frame that the functions read by their names.
        pass_dataframe_as: the name by which the functions read the frame itself.
        on_input: the parameter that reads the frame; by default the first. Without `columns_to_pass`, it is also the name by
            which the functions read the frame.
        select: which nodes are added as columns, those of the same name replaced; by default all that are columns.
        namespace: what stands before the nodes' names; by default the function's.
        config_required: config keys without which the flow cannot be built.

    Raises:
        FlowError: nothing is given to load from, or the functions would see neither columns nor the frame.
    """
    check_parts("with_columns", load_from)
    if columns_to_pass is None and pass_dataframe_as is None and on_input is None:
        raise FlowError(
            "@with_columns: say what the functions read of the frame, with columns_to_pass=['a', 'b'], or "
            "pass_dataframe_as='frame' for all of it"
        )
    frame_as = pass_dataframe_as or (on_input if columns_to_pass is None else None) or ""
    chosen = None if select is None else tuple(select)
    passed, required = tuple(columns_to_pass or ()), tuple(config_required or ())
    return WithColumns(load_from, passed, frame_as, on_input or "", chosen, namespace, required)
