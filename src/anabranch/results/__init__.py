"""Result builders: what a request's outputs become, instead of a dict from names to values.

Theory: a result builder is one method, `build_result(**outputs)`. It is called once, in the driver's process, with the outputs
in the order in which they were asked for, and what it returns is the result. It knows nothing of graphs, fan-outs or
executors; a list of a fan-out's values is a list to it.

Invariants. A value's own index is its identity: rows are never matched by position where two values have labels that differ,
and no value is dropped, repeated (but for scalars) or converted to make it fit. What does not fit is an `InputError` that names
the output. No library is imported before a builder of its kind builds.
"""

from __future__ import annotations

from anabranch.results.arrays import NumpyMatrixResult
from anabranch.results.base import DictResult, ResultBuilder
from anabranch.results.dask import DaskDataFrameResult
from anabranch.results.narwhals import NarwhalsDataFrameResultBuilder
from anabranch.results.pandas import PandasDataFrameResult, StrictIndexTypePandasDataFrameResult
from anabranch.results.polars import PolarsDataFrameResult, PolarsLazyFrameResult
from anabranch.results.pyarrow import PyarrowTableResult

__all__ = [
    "DaskDataFrameResult",
    "DictResult",
    "NarwhalsDataFrameResultBuilder",
    "NumpyMatrixResult",
    "PandasDataFrameResult",
    "PolarsDataFrameResult",
    "PolarsLazyFrameResult",
    "PyarrowTableResult",
    "ResultBuilder",
    "StrictIndexTypePandasDataFrameResult",
]
