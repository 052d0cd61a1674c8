"""Result builders, and adapters that are no more than one."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from anabranch import results
from anabranch.lifecycle import GraphAdapter
from anabranch.results import ResultBuilder

__all__ = [
    "DefaultAdapter",
    "DictResult",
    "HamiltonGraphAdapter",
    "NumpyMatrixResult",
    "PandasDataFrameResult",
    "ResultMixin",
    "SimplePythonDataFrameGraphAdapter",
    "SimplePythonGraphAdapter",
    "StrictIndexTypePandasDataFrameResult",
]

Named = dict[str, list[str]]


class ResultMixin(ResultBuilder):
    """The base of result builders; `build_result` is mostly a static method."""

    def do_build_result(self, outputs: dict[str, Any]) -> Any:
        """The result made of these outputs."""
        return self.build_result(**outputs)

    def input_types(self) -> list[Any]:
        """What it takes: anything."""
        return [Any]


class DictResult(ResultMixin):
    """A dict from names to values."""

    @staticmethod
    def build_result(**outputs: Any) -> dict[str, Any]:
        """The outputs as they are."""
        return outputs

    def output_type(self) -> Any:
        """A dict with names for keys."""
        return dict[str, Any]


class PandasDataFrameResult(ResultMixin):
    """A frame of pandas with a column for each output."""

    @staticmethod
    def build_result(**outputs: Any) -> Any:
        """The frame; see `anabranch.results.PandasDataFrameResult`. Of a generator, what it gives."""
        return _frame(results.PandasDataFrameResult(), outputs)

    @staticmethod
    def build_dataframe_with_dataframes(outputs: dict[str, Any]) -> Any:
        """The same."""
        return _frame(results.PandasDataFrameResult(), outputs)

    @staticmethod
    def pandas_index_types(outputs: dict[str, Any]) -> tuple[Named, Named, Named]:
        """The names of outputs by the kinds of their indexes: all; those of times and the like; those without."""
        pd: Any = import_module("pandas")

        aligned = (pd.DatetimeIndex, pd.PeriodIndex, pd.TimedeltaIndex, pd.CategoricalIndex)
        every, times = dict[str, list[str]](), dict[str, list[str]]()
        for name, value in outputs.items():
            kind = "no-index"
            if isinstance(value, (pd.DataFrame, pd.Series)):
                kind = _kind_of(value.index)
                if isinstance(value.index, aligned):
                    times.setdefault(kind, []).append(name)
            elif isinstance(value, pd.Index):
                kind = _kind_of(pd.Index([0, 1]))
            every.setdefault(kind, []).append(name)
        return every, times, {kind: names for kind, names in every.items() if kind == "no-index"}

    @staticmethod
    def check_pandas_index_types_match(all_index_types: Named, time_indexes: Named, no_indexes: Named) -> bool:
        """Whether there are indexes, and all of one kind."""
        return len(set(all_index_types) - set(no_indexes)) == 1 and len(time_indexes) <= 1

    def output_type(self) -> Any:
        """`pandas.DataFrame`."""
        return results.PandasDataFrameResult().output_type()


class StrictIndexTypePandasDataFrameResult(PandasDataFrameResult):
    """The same, of outputs whose indexes are all of one kind."""

    @staticmethod
    def build_result(**outputs: Any) -> Any:
        """The frame."""
        return _frame(results.StrictIndexTypePandasDataFrameResult(), outputs)


def _kind_of(index: Any) -> str:
    return f"{type(index).__name__}:::{index.dtype}"


def _frame(builder: ResultBuilder, outputs: dict[str, Any]) -> Any:
    """The frame that a builder makes; its rows are in order where indexes had to be joined, as Hamilton's users know it."""
    listed = {name: list(value) if hasattr(value, "__next__") else value for name, value in outputs.items()}
    made = builder.build_result(**listed)
    labelled: list[Any] = [value.index for value in listed.values() if hasattr(value, "iloc")]
    if all(index.equals(made.index) for index in labelled):
        return made
    try:
        return made.sort_index()
    except TypeError:  # labels that have no order
        return made


class NumpyMatrixResult(ResultMixin):
    """A matrix of numpy with a column for each output."""

    @staticmethod
    def build_result(**outputs: Any) -> Any:
        """The matrix."""
        return results.NumpyMatrixResult().build_result(**outputs)

    def output_type(self) -> Any:
        """`numpy.ndarray`."""
        return results.NumpyMatrixResult().output_type()


class HamiltonGraphAdapter(GraphAdapter):
    """The base of adapters that check types, call functions and make the result."""

    def do_build_result(self, outputs: dict[str, Any]) -> Any:
        """The result made of these outputs."""
        return self.build_result(**outputs)


class SimplePythonDataFrameGraphAdapter(HamiltonGraphAdapter):
    """Functions are called as they are, and the result is a frame of pandas."""

    def build_result(self, **outputs: Any) -> Any:
        """The frame."""
        return PandasDataFrameResult.build_result(**outputs)

    def output_type(self) -> Any:
        """`pandas.DataFrame`."""
        return PandasDataFrameResult().output_type()


class SimplePythonGraphAdapter(SimplePythonDataFrameGraphAdapter):
    """Functions are called as they are, and a result builder makes the result; by default a dict."""

    def __init__(self, result_builder: Any = None) -> None:
        self.result_builder = DictResult() if result_builder is None else result_builder

    def build_result(self, **outputs: Any) -> Any:
        """What the result builder makes."""
        return self.result_builder.build_result(**outputs)

    def output_type(self) -> Any:
        """The type of that."""
        kind = getattr(self.result_builder, "output_type", None)
        return Any if kind is None else kind()


class DefaultAdapter(SimplePythonGraphAdapter):
    """Functions are called as they are, and the result is a dict."""

    def __init__(self) -> None:
        super().__init__(DictResult())
