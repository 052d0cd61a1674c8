"""Columns made of columns, and a frame of those that are asked for."""

import sys

import pandas as pd
from hamilton import base, driver


def spend() -> pd.Series:
    return pd.Series([10.0, 10.0, 20.0, 40.0, 40.0, 50.0])


def signups() -> pd.Series:
    return pd.Series([1, 10, 50, 100, 200, 400])


def avg_3wk_spend(spend: pd.Series) -> pd.Series:
    """Rolling average over three weeks."""
    return spend.rolling(3).mean()


def spend_per_signup(spend: pd.Series, signups: pd.Series) -> pd.Series:
    return spend / signups


def spend_mean(spend: pd.Series) -> float:
    return float(spend.mean())


def spend_zero_mean(spend: pd.Series, spend_mean: float) -> pd.Series:
    return spend - spend_mean


def spend_std_dev(spend: pd.Series) -> float:
    return float(spend.std())


def spend_zero_mean_unit_variance(spend_zero_mean: pd.Series, spend_std_dev: float) -> pd.Series:
    return spend_zero_mean / spend_std_dev


def _run(folder: str) -> dict:
    module = sys.modules[__name__]
    columns = ["spend", "signups", "avg_3wk_spend", "spend_per_signup", "spend_zero_mean_unit_variance"]
    frame = driver.Driver({}, module).execute(columns)
    adapter = base.SimplePythonGraphAdapter(base.DictResult())
    as_dict = driver.Driver({}, module, adapter=adapter).execute(["spend_mean", "spend_std_dev"])
    given = driver.Driver({}, module).execute(["spend_per_signup"], overrides={"signups": pd.Series([1.0] * 6)})
    matrix = driver.Builder().with_modules(module).with_adapters(base.NumpyMatrixResult()).build()
    return {
        "columns": list(frame.columns),
        "frame": frame.round(9).astype(object).where(frame.notna(), None).to_dict("list"),
        "figures": as_dict,
        "overridden": given["spend_per_signup"].tolist(),
        "matrix": matrix.execute(["spend", "signups"]).tolist(),
    }
