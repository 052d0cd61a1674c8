"""The experiment: every configuration is judged by itself, and what they share is computed once."""

from __future__ import annotations

import csv
import importlib
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

from anabranch import Builder

EXAMPLES = Path(__file__).parents[2] / "examples"


@pytest.fixture
def experiment(monkeypatch: pytest.MonkeyPatch) -> Iterator[ModuleType]:
    monkeypatch.syspath_prepend(EXAMPLES)
    yield importlib.import_module("experiment")
    sys.modules.pop("experiment", None)


def test_what_configurations_share_is_computed_once(
    experiment: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn = []
    chance = experiment.random.Random

    def drawing(seed: int) -> object:
        drawn.append(seed)
        return chance(seed)

    monkeypatch.setattr(experiment.random, "Random", drawing)
    first = list(experiment.table(experiment.CONFIGS, tmp_path))
    assert drawn == [0]  # five configurations, one series
    again = list(experiment.table(experiment.CONFIGS, tmp_path))
    assert drawn == [0]
    monkeypatch.undo()
    monkeypatch.syspath_prepend(EXAMPLES)
    for row, other, config in zip(first, again, experiment.CONFIGS, strict=True):
        assert {**row, "run_id": ""} == {**other, "run_id": ""} and row["run_id"] != other["run_id"]
        plain = Builder().with_modules(experiment).with_config(config).build().execute(["score", "worst_fold"])
        assert plain == {"score": row["score"], "worst_fold": row["worst_fold"]}
    best = min(first, key=lambda row: row["score"])
    assert best["config"] == "model=season period=12"
    assert len({row["code"] for row in first}) == 3  # versions of the code, not of settings
    exported = json.loads((tmp_path / "1.json").read_text())
    assert "forecast" in {variable["name"] for variable in exported["variables"]}


def test_as_a_script(experiment: ModuleType, tmp_path: Path) -> None:
    command = [sys.executable, str(EXAMPLES / "experiment.py"), str(tmp_path / "runs"), "-x", "threads"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=110, check=True, cwd=tmp_path)
    with open(tmp_path / "runs" / "table.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["config"] for row in rows] == [line.split("  ")[-1] for line in done.stdout.splitlines()]
    assert len(rows) == 5
