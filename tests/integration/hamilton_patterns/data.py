"""Data in and out: by functions that load and save, by decorators, by declarations of the builder and of a single run."""

import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Collection, Dict, Tuple, Type

import pandas as pd
from hamilton import base, driver, registry
from hamilton.function_modifiers import dataloader, datasaver, load_from, save_to, source, value
from hamilton.io import utils
from hamilton.io.data_adapters import DataSaver
from hamilton.io.materialization import from_, to


@dataclass
class WordsSaver(DataSaver):
    """Writes words in a line."""

    path: str
    between: str = " "

    @classmethod
    def applicable_types(cls) -> Collection[Type]:
        return [list]

    @classmethod
    def name(cls) -> str:
        return "words"

    def save_data(self, data: list) -> Dict[str, Any]:
        Path(self.path).write_text(self.between.join(data))
        return utils.get_file_metadata(self.path)


registry.register_adapter(WordsSaver)


@dataloader()
def raw(folder: str) -> Tuple[pd.DataFrame, dict]:
    path = f"{folder}/in.csv"
    return pd.read_csv(path), utils.get_file_metadata(path)


@load_from.json(path=source("settings_path"))
def settings(loaded: Dict[str, Any]) -> Dict[str, Any]:
    return loaded


def scaled(raw: pd.DataFrame, settings: dict) -> pd.DataFrame:
    return raw * settings["factor"]


@save_to.json(path=source("total_path"), output_name_="saved_total")
def total(scaled: pd.DataFrame) -> dict:
    return {"total": float(scaled["x"].sum())}


@datasaver()
def report(total: dict, folder: str) -> dict:
    path = f"{folder}/report.txt"
    Path(path).write_text(str(total["total"]))
    return utils.get_file_metadata(path)


def words(total: dict) -> list:
    return ["total", "is", str(total["total"])]


def _run(folder: str) -> dict:
    Path(folder, "in.csv").write_text("x,y\n1,2\n3,4\n")
    Path(folder, "settings.json").write_text(json.dumps({"factor": 2}))
    inputs = {"folder": folder, "settings_path": f"{folder}/settings.json", "total_path": f"{folder}/total.json"}
    saving = to.csv(id="table", dependencies=["scaled"], path=f"{folder}/scaled.csv", index=False)
    dr = driver.Builder().with_modules(sys.modules[__name__]).with_materializers(saving).build()
    found = dr.execute(["saved_total", "report", "table", "total"], inputs=inputs)
    saved, more = dr.materialize(
        to.json(id="both", dependencies=["total", "words"], combine=base.DictResult(), path=f"{folder}/both.json"),
        to.words(id="line", dependencies=["words"], path=value(f"{folder}/line.txt")),
        to.memory(id="kept", dependencies=["words"]),
        additional_vars=["words"],
        inputs=inputs,
    )
    loading = from_.json(target="total", path=f"{folder}/total.json")
    _, replaced = dr.materialize(loading, additional_vars=["words"], inputs=inputs)
    return {
        "total": found["total"],
        "sizes": {name: found[name]["file_metadata"]["size"] for name in ("saved_total", "report", "table")},
        "rows": found["table"]["dataframe_metadata"]["rows"],
        "names": found["table"]["dataframe_metadata"]["column_names"],
        "files": {name: Path(folder, name).read_text() for name in ("total.json", "report.txt", "scaled.csv", "line.txt")},
        "both": json.loads(Path(folder, "both.json").read_text()),
        "saved": sorted(saved),
        "words": more["words"],
        "replaced": replaced["words"],
        "nodes": sorted(node.name for node in dr.list_available_variables() if not node.is_external_input),
        "tagged": sorted(node.name for node in dr.list_available_variables(tag_filter={"hamilton.data_saver": None})) or "",
    }
