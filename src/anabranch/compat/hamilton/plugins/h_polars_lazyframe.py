"""Columns for lazy frames of polars, and results that are some."""

from __future__ import annotations

from typing import Any

from anabranch import results
from anabranch.compat.hamilton.base import ResultMixin
from anabranch.function_modifiers import with_columns

__all__ = ["PolarsLazyFrameResult", "with_columns"]


class PolarsLazyFrameResult(ResultMixin):
    """A lazy frame of polars with a column for each output."""

    def build_result(self, **outputs: Any) -> Any:
        """The frame."""
        return results.PolarsLazyFrameResult().build_result(**outputs)

    def output_type(self) -> Any:
        """`polars.LazyFrame`."""
        return results.PolarsLazyFrameResult().output_type()
