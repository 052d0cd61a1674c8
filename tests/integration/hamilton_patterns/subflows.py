"""One flow inside of another, several times, with inputs and config of its own; columns of frames made by functions."""

import sys

import pandas as pd
from hamilton import ad_hoc_utils, driver
from hamilton.function_modifiers import config, parameterized_subdag, source, subdag, value
from hamilton.plugins.h_pandas import with_columns


def _filtered(visits: pd.DataFrame, country: str) -> pd.DataFrame:
    return visits[visits["country"] == country]


def filtered(visits: pd.DataFrame, country: str) -> pd.DataFrame:
    return _filtered(visits, country)


@config.when(measure="sum")
def unique__sum(filtered: pd.DataFrame) -> int:
    return int(filtered["user"].sum())


@config.when_not(measure="sum")
def unique__count(filtered: pd.DataFrame) -> int:
    return int(filtered["user"].nunique())


inner = ad_hoc_utils.create_temporary_module(filtered, unique__sum, unique__count, module_name="inner_flow_of_subflows")


def visits() -> pd.DataFrame:
    return pd.DataFrame({"country": ["de", "de", "fr", "de", "fr"], "user": [1, 1, 2, 3, 2], "seconds": [5, 6, 7, 8, 9]})


@subdag(inner, inputs={"country": value("de")}, config={"measure": "count"})
def german(unique: int) -> int:
    return unique


@parameterized_subdag(
    inner,
    inputs={"country": source("chosen")},
    by_sum={"config": {"measure": "sum"}},
    by_count={"inputs": {"country": value("fr")}},
)
def measured(unique: int) -> int:
    return unique * 10


def minutes(seconds: pd.Series) -> pd.Series:
    return seconds / 60


def is_long(minutes: pd.Series, limit: float) -> pd.Series:
    return minutes > limit


@with_columns(minutes, is_long, columns_to_pass=["seconds"], select=["minutes", "is_long"])
def widened(visits: pd.DataFrame) -> pd.DataFrame:
    return visits


def long_visits(widened: pd.DataFrame) -> int:
    return int(widened["is_long"].sum())


outer = ad_hoc_utils.create_temporary_module(visits, german, measured, widened, long_visits, module_name="outer_flow_of_subflows")


def _run(folder: str) -> dict:
    assert sys.modules["outer_flow_of_subflows"] is outer
    dr = driver.Builder().with_modules(outer).build()
    asked = ["german", "by_sum", "by_count", "long_visits", "german.unique"]
    found = dr.execute(asked, inputs={"chosen": "de", "limit": 0.11})
    frame = dr.execute(["widened"], inputs={"limit": 0.11})["widened"]
    return {"found": found, "columns": list(frame.columns), "minutes": frame["minutes"].round(9).tolist()}
