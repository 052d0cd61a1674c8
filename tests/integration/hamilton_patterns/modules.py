"""Functions of one module that replace another's, optional inputs, schemas, and flows written as text."""

import sys

import pandas as pd
from hamilton import ad_hoc_utils, driver
from hamilton.function_modifiers import schema, tag


def height() -> pd.Series:
    return pd.Series([1.0, 2.0])


def width() -> pd.Series:
    return pd.Series([3.0, 4.0])


def score(height: pd.Series, width: pd.Series, weights: dict) -> pd.Series:
    return height * weights["height"] + width * weights["width"]


@tag(kind="final")
def limited(score: pd.Series, most: float = 100.0, least: float = None) -> list:
    found = score.clip(upper=most)
    return (found if least is None else found.clip(lower=least)).tolist()


@schema.output(("height", "float"), ("width", "float"))
def table(height: pd.Series, width: pd.Series) -> pd.DataFrame:
    return pd.DataFrame({"height": height, "width": width})


TEXT = '''
import pandas as pd

def width() -> pd.Series:
    return pd.Series([30.0, 40.0])

def ratio(height: pd.Series, width: pd.Series) -> list:
    return (height / width).round(6).tolist()
'''


def _run(folder: str) -> dict:
    config = {"weights": {"height": 2.0, "width": 0.5}}
    builder = driver.Builder().with_modules(sys.modules[__name__]).with_config(config)
    plain = builder.copy().build()
    written = ad_hoc_utils.module_from_source(TEXT, "width_written_as_text")
    other = builder.copy().with_modules(written).allow_module_overrides().build()
    nodes = {node.name: node for node in plain.list_available_variables()}
    return {
        "plain": plain.execute(["limited"]),
        "limited": plain.execute(["limited"], inputs={"most": 4.5, "least": 4.0}),
        "other": other.execute(["limited", "ratio"]),
        "optional": sorted(nodes["limited"].optional_dependencies),
        "required": sorted(nodes["limited"].required_dependencies),
        "type": nodes["limited"].type.__name__,
        "schema": nodes["table"].tags["hamilton.internal.schema_output"],
        "frame": plain.execute(["table"])["table"].to_dict("list"),
    }
