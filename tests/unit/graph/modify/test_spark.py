"""`with_columns` on frames of Spark; skipped where there is no pyspark or no Java."""

from __future__ import annotations

import os
import shutil
import sys
from typing import Annotated

import pytest

from anabranch import Builder, FlowError, module_from_functions
from anabranch.function_modifiers import extract_columns, with_columns

pytest.importorskip("pyspark", reason="pyspark, which is large, is not installed")
if shutil.which("java") is None:
    pytest.skip("Spark needs Java, which is not installed", allow_module_level=True)

import pandas as pd
from pyspark import SparkContext
from pyspark.sql import Column, DataFrame, SparkSession

pytestmark = [pytest.mark.timeout(600), pytest.mark.filterwarnings("ignore")]  # it has warnings of its own


@pytest.fixture(scope="module")
def spark():
    os.environ["PYSPARK_PYTHON"] = sys.executable
    builder = SparkSession.builder.master("local[1]").config("spark.ui.enabled", "false")
    builder = builder.config("spark.executorEnv.PYTHONPATH", os.pathsep.join(sys.path))
    session = builder.config("spark.sql.shuffle.partitions", "1").getOrCreate()
    yield session
    del os.environ["PYSPARK_PYTHON"]
    gateway = SparkContext._gateway
    session.stop()
    gateway.shutdown()
    gateway.proc.stdin.close()  # upon which Java ends
    gateway.proc.wait()
    SparkContext._gateway = SparkContext._jvm = None


@pytest.mark.slow
def test_columns_values_and_series(spark):
    # in here, so that they travel to Spark's workers by value: those know nothing of this file
    def total(a: Column, b: Column) -> Column:
        return a + b

    def scaled(total: Annotated[pd.Series, float], factor: float) -> Annotated[pd.Series, float]:
        return total * factor

    def label(a: int, scaled: float, sign: str = "!") -> str:
        return f"{a} {scaled:g}{sign}"

    @with_columns(total, scaled, label, columns_to_pass=["a", "b"], select=["total", "scaled", "label"])
    def wide(frame: DataFrame, factor: float) -> list:
        return sorted(tuple(row) for row in frame.collect())

    @extract_columns("a")
    def parts(frame: DataFrame) -> DataFrame:
        return frame

    def name_of(a: Column) -> str:
        return str(a)

    frame = spark.createDataFrame([(1, 2.0), (3, 4.0)], ["a", "b"])
    driver = Builder().with_modules(module_from_functions(wide, parts, name_of)).build()
    found = driver.execute(["wide", "name_of"], {"frame": frame, "factor": 10.0})
    assert found["wide"] == [(1, 2.0, 3.0, 30.0, "1 30!"), (3, 4.0, 7.0, 70.0, "3 70!")]
    assert "a" in found["name_of"]
    assert driver.lineage["wide.scaled"].type is Column


def test_elements_of_no_known_type():
    def bare(a: pd.Series) -> pd.Series:
        return a

    @with_columns(bare, columns_to_pass=["a"])
    def f(frame: DataFrame) -> DataFrame:
        return frame

    with pytest.raises(FlowError, match=r"Spark has to know of what its elements are: say it, as Annotated\[pd.Series, int\]"):
        Builder().with_modules(module_from_functions(f)).build()
