"""Columns of frames and fields of dicts as nodes, tagged and checked."""

import sys
from typing import Dict, List, Tuple

import pandas as pd
from hamilton import driver
from hamilton.data_quality.base import DataValidationError
from hamilton.function_modifiers import (
    check_output,
    extract_columns,
    extract_fields,
    group,
    inject,
    source,
    tag,
    tag_outputs,
    unpack_fields,
    value,
)
from hamilton.htypes import column


@tag_outputs(age={"unit": "years"}, income={"unit": "EUR"})
@extract_columns("age", "income", "city")
def people(rows: int) -> pd.DataFrame:
    numbers = range(rows)
    return pd.DataFrame({"age": [20 + n for n in numbers], "income": [1000.0 * n for n in numbers], "city": ["a", "b"] * (rows // 2)})


@check_output(range=(0.0, 1.0), importance="warn")
def income_share(income: pd.Series) -> pd.Series:
    return income / income.sum()


@check_output(range=(0, 30), importance="fail")
def checked_age(age: pd.Series) -> pd.Series:
    return age


@extract_fields({"low": float, "high": float})
def bounds(income: pd.Series) -> Dict[str, float]:
    return {"low": float(income.min()), "high": float(income.max())}


@unpack_fields("train_size", "test_size")
def split(people: pd.DataFrame, share: float = 0.75) -> Tuple[int, int]:
    size = int(len(people) * share)
    return size, len(people) - size


@tag(owner="risk", stage="final")
@inject(parts=group(source("low"), source("high"), value(1.0)), named=group(first=source("train_size"), other=value(3)))
def summary(parts: List[float], named: Dict[str, int]) -> dict:
    return {"parts": parts, "named": named}


def typed(age: pd.Series) -> column[pd.Series, int]:
    return age + 1


def _run(folder: str) -> dict:
    dr = driver.Builder().with_modules(sys.modules[__name__]).build()
    found = dr.execute(["income_share", "summary", "typed", "test_size", "city"], inputs={"rows": 8})
    try:
        dr.execute(["checked_age"], inputs={"rows": 20})
        failed = ""
    except DataValidationError as error:
        failed = type(error).__name__
    names = sorted(node.name for node in dr.list_available_variables())
    return {
        "share": found["income_share"].round(9).tolist(),
        "summary": found["summary"],
        "typed": found["typed"].tolist(),
        "test_size": found["test_size"],
        "city": found["city"].tolist(),
        "checked": dr.execute(["checked_age", "checked_age_raw"], inputs={"rows": 8})["checked_age"].tolist(),
        "failed": failed,
        "names": names,
        "by_tag": sorted(node.name for node in dr.list_available_variables(tag_filter={"unit": None})),
        "tags": {node.name: node.tags for node in dr.list_available_variables() if node.name in {"age", "summary", "low"}},
        "upstream": sorted(node.name for node in dr.what_is_upstream_of("test_size")),
        "downstream": sorted(node.name for node in dr.what_is_downstream_of("low")),
        "path": sorted(node.name for node in dr.what_is_the_path_between("people", "summary")),
    }
