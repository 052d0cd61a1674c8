"""Narwhals values are unwrapped and handed to the builder of the library that they wrap."""

from __future__ import annotations

from typing import Any

from anabranch.errors import InputError
from anabranch.libraries import library
from anabranch.results.base import ResultBuilder
from anabranch.results.pandas import PandasDataFrameResult
from anabranch.results.polars import PolarsDataFrameResult, PolarsLazyFrameResult
from anabranch.results.pyarrow import PyarrowTableResult

__all__ = ["NarwhalsDataFrameResultBuilder"]

BUILDERS: dict[str, type[ResultBuilder]] = {
    "pandas": PandasDataFrameResult,
    "polars": PolarsDataFrameResult,
    "pyarrow": PyarrowTableResult,
}


class NarwhalsDataFrameResultBuilder(ResultBuilder):
    """Unwraps narwhals frames and series, and builds with `result_builder`, or with that of the library they come from."""

    def __init__(self, result_builder: ResultBuilder | None = None) -> None:
        self.result_builder = result_builder

    def build_result(self, **outputs: Any) -> Any:
        """Returns what the inner builder builds.

        Raises:
            InputError: no builder was given and the values are of several libraries, or none; else, what that one raises.
        """
        narwhals = library("narwhals", type(self).__name__)
        native = {name: narwhals.to_native(value, pass_through=True) for name, value in outputs.items()}
        return (self.result_builder or _builder(native)).build_result(**native)

    def output_type(self) -> Any:
        """What the inner builder builds, as far as it is known."""
        return self.result_builder.output_type() if self.result_builder is not None else Any


def _builder(outputs: dict[str, Any]) -> ResultBuilder:
    modules = dict.fromkeys(type(value).__module__.partition(".")[0] for value in outputs.values())
    known = [module for module in modules if module in BUILDERS]
    if len(known) != 1:
        told = " and ".join(known) or "no library that is known"
        raise InputError(
            f"the outputs are of {told}: say what to build, as in NarwhalsDataFrameResultBuilder(PandasDataFrameResult())"
        )
    lazy = known == ["polars"] and any(type(value).__name__ == "LazyFrame" for value in outputs.values())
    return PolarsLazyFrameResult() if lazy else BUILDERS[known[0]]()
