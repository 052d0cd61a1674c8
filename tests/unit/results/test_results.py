"""Result builders: what is joined, what is repeated, and what is refused with a message that names the output."""

import subprocess
import sys
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from anabranch import InputError
from anabranch.results import (
    DaskDataFrameResult,
    DictResult,
    NarwhalsDataFrameResultBuilder,
    NumpyMatrixResult,
    PandasDataFrameResult,
    PolarsDataFrameResult,
    PolarsLazyFrameResult,
    PyarrowTableResult,
    ResultBuilder,
    StrictIndexTypePandasDataFrameResult,
)

S = pd.Series([1, 2, 3])
DAYS = pd.date_range("2026-01-01", periods=3)


def same(found: Any, expected: dict[str, list[Any]], index: Any = None) -> None:
    pd.testing.assert_frame_equal(found, pd.DataFrame(expected, index=index), check_dtype=False, check_index_type=False)


def test_dict_and_a_builder_of_ones_own():
    class Count(ResultBuilder):
        def build_result(self, **outputs: Any) -> int:
            return len(outputs)

    assert DictResult().build_result(a=1, b=[2]) == {"a": 1, "b": [2]}
    assert Count().build_result(a=1, b=2) == 2
    assert Count().output_type() is Any
    assert DictResult().output_type() is dict


class TestPandas:
    def test_series_scalars_and_columns(self):
        found = PandasDataFrameResult().build_result(n=S, x=5, letters=["a", "b", "c"], r=range(3), t=(1, 2, 3), s="word")
        same(found, {"n": [1, 2, 3], "x": [5] * 3, "letters": ["a", "b", "c"], "r": [0, 1, 2], "t": [1, 2, 3], "s": ["word"] * 3})

    def test_labels_are_joined_not_positions(self):
        a, b = pd.Series([1, 2], index=["x", "y"]), pd.Series([20, 30], index=["y", "z"])
        same(PandasDataFrameResult().build_result(a=a, b=b), {"a": [1, 2, None], "b": [None, 20, 30]}, ["x", "y", "z"])

    def test_equal_indexes_may_have_doubles(self):
        a = pd.Series([1, 2], index=["x", "x"])
        same(PandasDataFrameResult().build_result(a=a, b=a * 2), {"a": [1, 2], "b": [2, 4]}, ["x", "x"])

    def test_a_frame_alone_and_beside_others(self):
        frame = pd.DataFrame({"x": [1, 2], "y": [3, 4]})
        assert PandasDataFrameResult().build_result(f=frame) is frame
        same(PandasDataFrameResult().build_result(f=frame, b=1), {"f.x": [1, 2], "f.y": [3, 4], "b": [1, 1]})

    def test_cells_alone_make_one_row(self):
        same(PandasDataFrameResult().build_result(a=1, b="x", c=None), {"a": [1], "b": ["x"], "c": [None]})

    def test_columns_alone(self):
        same(PandasDataFrameResult().build_result(a=[1, 2], b=np.array([3, 4])), {"a": [1, 2], "b": [3, 4]})
        same(PandasDataFrameResult().build_result(a=pl.Series([1, 2]), b=pa.array([3, 4])), {"a": [1, 2], "b": [3, 4]})

    def test_nothing_and_empty(self):
        assert PandasDataFrameResult().build_result().shape == (0, 0)
        assert PandasDataFrameResult().build_result(a=[], b=1).shape == (0, 2)
        assert list(PandasDataFrameResult().build_result(a=pd.Series([], dtype=float), b=S)["b"]) == [1, 2, 3]

    def test_a_dict_is_labelled(self):
        same(PandasDataFrameResult().build_result(a={"x": 1, "y": 2}, b=0), {"a": [1, 2], "b": [0, 0]}, ["x", "y"])

    @pytest.mark.parametrize(
        "other",
        [
            pd.Series([1], index=["1"]),
            pd.Series([1], index=DAYS[:1]),
            pd.Series([1], index=[True]),
            pd.Series([1], index=pd.MultiIndex.from_tuples([(1, 2)])),
            pd.Series([1], index=pd.to_timedelta(["1h"])),
            pd.Series([1], index=pd.period_range("2026", periods=1, freq="D")),
            pd.Series([1], index=pd.interval_range(0, 1)),
        ],
        ids=lambda series: type(series.index).__name__,
    )
    def test_kinds_of_labels_that_never_match(self, other: Any):
        with pytest.raises(InputError, match=r"cannot be joined: 'a' by numbers; 'b' by "):
            PandasDataFrameResult().build_result(a=S, b=other)

    def test_time_zones(self):
        a, b = pd.Series([1], index=DAYS[:1]), pd.Series([1], index=DAYS[:1].tz_localize("UTC"))
        with pytest.raises(InputError, match="dates and times \\(UTC\\)"):
            PandasDataFrameResult().build_result(a=a, b=b)

    def test_kinds_that_do_match(self):
        a, b = pd.Series([1, 2], index=[0.0, 1.0]), pd.Series([3, 4], index=pd.CategoricalIndex([0, 1]))
        assert PandasDataFrameResult().build_result(a=S, f=a, c=b).shape == (3, 3)

    def test_strict(self):
        builder = StrictIndexTypePandasDataFrameResult()
        assert builder.build_result(a=S, b=S).shape == (3, 2)
        with pytest.raises(InputError, match="'a' has RangeIndex of int64; 'b' has Index of int64"):
            builder.build_result(a=S, b=pd.Series([1, 2, 3], index=[0, 1, 2]))

    def test_lengths(self):
        with pytest.raises(InputError, match="'a' has 2, 'b' has 3"):
            PandasDataFrameResult().build_result(a=[1, 2], b=[1, 2, 3])
        with pytest.raises(InputError, match="the index of 'a' has 3 rows, but 'b' has 2"):
            PandasDataFrameResult().build_result(a=S, b=[1, 2])

    def test_a_column_beside_differing_indexes(self):
        with pytest.raises(InputError, match="output 'c' has no index, and those of 'a', 'b' differ"):
            PandasDataFrameResult().build_result(a=S, b=pd.Series([1], index=[9]), c=[1, 2, 3, 4])

    def test_doubled_labels(self):
        with pytest.raises(InputError, match="output 'b' has the label .0. more than once"):
            PandasDataFrameResult().build_result(a=S, b=pd.Series([1, 2], index=[0, 0]))

    @pytest.mark.parametrize("value", [np.zeros((2, 2)), pl.DataFrame({"a": [1]})])
    def test_no_column(self, value: Any):
        with pytest.raises(InputError, match="output 'm' is .* and no column of a pandas frame"):
            PandasDataFrameResult().build_result(m=value, a=1)


class TestNumpy:
    def test_columns_and_scalars(self):
        found = NumpyMatrixResult().build_result(a=[1, 2], b=np.array([3.5, 4]), c=7, d=pd.Series([1, 2]))
        assert found.tolist() == [[1, 3.5, 7, 1], [2, 4, 7, 2]]

    def test_scalars_alone_and_nothing(self):
        assert NumpyMatrixResult().build_result(a=1, b=2).tolist() == [[1, 2]]
        assert NumpyMatrixResult().build_result().shape == (0, 0)

    def test_a_matrix_gives_its_columns(self):
        assert NumpyMatrixResult().build_result(m=np.eye(2), a=5).tolist() == [[1, 0, 5], [0, 1, 5]]

    @pytest.mark.parametrize(
        ("outputs", "message"),
        [
            ({"a": [1, 2], "b": [1]}, "'a' has 2, 'b' has 1"),
            ({"a": ["x"], "b": [1]}, "output 'a' is text and 'b' is int64"),
            ({"a": np.zeros((1, 1, 1))}, "output 'a' has 3 dimensions"),
            ({"a": [[1], [1, 2]]}, "output 'a' is no column"),
        ],
    )
    def test_what_is_refused(self, outputs: dict[str, Any], message: str):
        with pytest.raises(InputError, match=message):
            NumpyMatrixResult().build_result(**outputs)


OUTPUTS = {"a": [1, 2], "b": pl.Series([3, 4]), "c": "x", "d": np.array([5.5, 6.5]), "e": range(2)}
EXPECTED = {"a": [1, 2], "b": [3, 4], "c": ["x", "x"], "d": [5.5, 6.5], "e": [0, 1]}


class TestPolars:
    def test_columns_and_cells(self):
        assert PolarsDataFrameResult().build_result(**OUTPUTS).to_dict(as_series=False) == EXPECTED
        assert PolarsLazyFrameResult().build_result(**OUTPUTS).collect().to_dict(as_series=False) == EXPECTED

    def test_frames(self):
        frame = pl.DataFrame({"x": [1, 2]})
        assert PolarsDataFrameResult().build_result(f=frame) is frame
        assert PolarsDataFrameResult().build_result(f=frame.lazy()).equals(frame)
        assert PolarsDataFrameResult().build_result(c=0, f=frame).columns == ["c", "f.x"]

    def test_lazy_stays_lazy(self):
        read = []
        frame = pl.LazyFrame({"x": [1, 2]}).map_batches(lambda found: read.append(1) or found)
        assert PolarsLazyFrameResult().build_result(f=frame) is frame
        found = PolarsLazyFrameResult().build_result(c=0, f=frame, g=pl.DataFrame({"y": [3, 4]}), l=[5, 6])
        assert not read
        assert found.collect().to_dict(as_series=False) == {"c": [0, 0], "f.x": [1, 2], "g.y": [3, 4], "l": [5, 6]}

    def test_cells_alone_and_empty_columns(self):
        assert PolarsDataFrameResult().build_result(a=1, b=None).rows() == [(1, None)]
        assert PolarsDataFrameResult().build_result(a=[], b=1).shape == (0, 2)
        assert PolarsDataFrameResult().build_result().shape == (0, 0)

    @pytest.mark.parametrize("builder", [PolarsDataFrameResult(), PolarsLazyFrameResult()])
    def test_what_is_refused(self, builder: ResultBuilder):
        with pytest.raises(InputError, match="'a' has 2, 'b' has 1"):
            builder.build_result(a=[1, 2], b=[1])
        with pytest.raises(InputError, match="output 'b' is no polars column"):
            builder.build_result(a=1, b=[1, "x"])
        with pytest.raises(InputError, match="output 'b' is ndarray and no column"):
            builder.build_result(a=1, b=np.zeros((2, 2)))


class TestPyarrow:
    @pytest.mark.parametrize(
        "frame",
        [pd.DataFrame({"x": [1, 2]}), pl.DataFrame({"x": [1, 2]}), pl.LazyFrame({"x": [1, 2]}), pa.table({"x": [1, 2]})],
        ids=lambda frame: f"{type(frame).__module__.partition('.')[0]}.{type(frame).__name__}",
    )
    def test_any_frame(self, frame: Any):
        assert PyarrowTableResult().build_result(f=frame).to_pydict() == {"x": [1, 2]}
        assert PyarrowTableResult().build_result(f=frame, c=1).to_pydict() == {"f.x": [1, 2], "c": [1, 1]}

    def test_columns_and_cells(self):
        assert PyarrowTableResult().build_result(**OUTPUTS).to_pydict() == EXPECTED
        assert PyarrowTableResult().build_result(a=pa.chunked_array([[1], [2]]), b=S[:2]).to_pydict() == {"a": [1, 2], "b": [1, 2]}

    def test_what_is_refused(self):
        with pytest.raises(InputError, match="'a' has 2, 'b' has 1"):
            PyarrowTableResult().build_result(a=[1, 2], b=[1])
        with pytest.raises(InputError, match="output 'b' .list. is no column"):
            PyarrowTableResult().build_result(a=1, b=[1, "x"])
        with pytest.raises(InputError, match="output 'b' .list. is no column"):
            PyarrowTableResult().build_result(b=object(), a=1)


class TestNarwhals:
    def test_unwraps(self):
        import narwhals as nw

        frame = pd.DataFrame({"x": [1, 2]})
        series = nw.from_native(pl.Series([1, 2]), series_only=True)
        assert NarwhalsDataFrameResultBuilder().build_result(f=nw.from_native(frame)).equals(frame)
        assert isinstance(NarwhalsDataFrameResultBuilder().build_result(s=series, c=1), pl.DataFrame)
        lazy = nw.from_native(pl.LazyFrame({"x": [1]}))
        assert isinstance(NarwhalsDataFrameResultBuilder().build_result(f=lazy), pl.LazyFrame)
        given = NarwhalsDataFrameResultBuilder(PyarrowTableResult())
        assert given.build_result(s=series, f=nw.from_native(frame)).column_names == ["s", "f.x"]
        assert given.output_type() is pa.Table

    def test_which_builder(self):
        with pytest.raises(InputError, match="outputs are of pandas and polars: say what to build"):
            NarwhalsDataFrameResultBuilder().build_result(a=S, b=pl.Series([1, 2, 3]))
        with pytest.raises(InputError, match="no library that is known"):
            NarwhalsDataFrameResultBuilder().build_result(a=1)


class TestDask:
    dd = pytest.importorskip("dask.dataframe")

    def test_columns_and_cells(self):
        frame = self.dd.from_pandas(pd.DataFrame({"x": [1, 2, 3]}), npartitions=2)
        found = DaskDataFrameResult().build_result(a=frame["x"], c=7, b=frame["x"] * 2, f=frame, p=S)
        assert isinstance(found, self.dd.DataFrame)
        same(found.compute(), {"a": [1, 2, 3], "c": [7] * 3, "b": [2, 4, 6], "f.x": [1, 2, 3], "p": [1, 2, 3]})
        assert DaskDataFrameResult().build_result(f=frame) is frame

    def test_labels_are_joined(self):
        a = self.dd.from_pandas(pd.Series([1, 2], index=[0, 1]), npartitions=1)
        b = self.dd.from_pandas(pd.Series([20, 30], index=[1, 2]), npartitions=1)
        same(DaskDataFrameResult().build_result(a=a, b=b).compute(), {"a": [1, 2, None], "b": [None, 20, 30]}, [0, 1, 2])

    def test_pandas_alone(self):
        found = DaskDataFrameResult(npartitions=2).build_result(a=S, b=1)
        assert found.npartitions == 2
        same(found.compute(), {"a": [1, 2, 3], "b": [1, 1, 1]})

    def test_what_is_refused(self):
        a = self.dd.from_pandas(S, npartitions=2)
        with pytest.raises(InputError, match="output 'b' .list. has no index"):
            DaskDataFrameResult().build_result(a=a, b=[1, 2, 3])
        with pytest.raises(InputError, match="output 'a' has no known divisions"):
            DaskDataFrameResult().build_result(a=a.clear_divisions(), b=a.repartition(npartitions=1))


def test_a_library_that_is_missing(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(sys.modules, "polars", None)
    with pytest.raises(InputError, match=r"PolarsDataFrameResult needs polars, .* pip install 'polars'"):
        PolarsDataFrameResult().build_result(a=1)


def test_the_import_costs_no_library():
    code = "import sys, anabranch.results; print(*sys.modules)"
    loaded = set(subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout.split())
    assert not loaded & {"pandas", "numpy", "polars", "pyarrow", "dask", "narwhals"}
