"""The events of a run as lines of JSON: every kind, every field, nothing but what the page says."""

import json
import re
from dataclasses import dataclass, fields
from pathlib import Path
from typing import get_args

import pytest

from anabranch import InputError
from anabranch.events import Event, RunFinished, RunStarted
from anabranch.see import EventFile
from anabranch.see.log import LAYOUT

EVIL = "<script>alert(1)</script>"

PAGE = Path(__file__).parents[3] / "docs" / "see.md"


@pytest.fixture
def lines_of(watched, tmp_path):
    def run(**options):
        path = tmp_path / "events.jsonl"
        watched(EventFile(path), **options)
        return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]

    return run


@pytest.mark.parametrize("executor", ["sequential", "processes"])
def test_every_event_is_a_line_with_its_fields(lines_of, executor):
    lines = lines_of(executor=executor, fails=7)
    kinds = {kind.__name__: kind for kind in get_args(Event)}
    for line in lines:
        more = {"RunStarted": {"layout", "time", "shape"}, "RunFinished": {"driver_seconds"}}.get(line["event"], set())
        assert set(line) == {"event", "at", *more, *(field.name for field in fields(kinds[line["event"]]))}
    assert (lines[0]["event"], lines[-1]["event"]) == ("RunStarted", "RunFinished")
    assert [line["at"] for line in lines] == sorted(line["at"] for line in lines)


def test_the_first_line_says_what_names_stand_for(lines_of):
    first = lines_of()[0]
    assert first["layout"] == LAYOUT
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}\+00:00", first["time"])
    assert (first["executor"], first["slots"], first["outputs"]) == ("SequentialExecutor", 1, ["spread"])
    assert {node["name"] for node in first["graph"]} >= {"folder", "size", "spread"}
    tasks = {(task["inside"], task["name"]): task for task in first["plan"]}
    assert tasks["", "folder()"]["kind"] == "expand"
    assert tasks["", "folder"] == {
        "name": "folder",
        "kind": "fan",
        "nodes": ["file", "size", "per_folder"],
        "reads": ["folder()"],
        "inside": "",
        "axis": "folder",
    }
    assert tasks["folder", "file"]["reads"] == ["file()"]
    assert tasks["", "folder, pass 2"]["reads"] == ["folder", "mean"]


def test_a_failure_is_told_in_words(lines_of):
    (line,) = [line for line in lines_of(fails=3) if line["event"] == "ItemFailed"]
    failure = line["failure"]
    assert (failure["node"], failure["axes"], failure["error"]) == ("size", ["folder", "file"], "ValueError")
    assert failure["item"][1] == 3
    assert failure["message"].startswith(EVIL)
    assert "in size" in failure["traceback"]
    assert failure["traceback"].rstrip().endswith(failure["message"])


def test_lines_are_there_as_soon_as_they_are_told(watched, tmp_path):
    path = tmp_path / "events.jsonl"
    seen = []
    watched(EventFile(path), lambda event: seen.append(len(path.read_text().splitlines())))
    assert seen == list(range(1, len(seen) + 1))


def test_what_a_later_version_adds_does_no_harm(tmp_path):
    @dataclass(frozen=True)
    class Odd:
        what: object

    file = EventFile(tmp_path / "events.jsonl")
    file(RunStarted("r", ("x",)))
    file(Odd(object()))
    file(RunFinished("r", False))
    assert json.loads((tmp_path / "events.jsonl").read_text().splitlines()[1])["what"] == "object"


def test_a_file_that_cannot_be(tmp_path):
    with pytest.raises(InputError, match=r"the events cannot be written to '.*': there is no folder"):
        EventFile(tmp_path / "nowhere" / "events.jsonl")


def test_the_page_describes_every_kind_and_field():
    page = PAGE.read_text(encoding="utf-8")
    for kind in get_args(Event):
        row = next((line for line in page.splitlines() if line.startswith(f"| `{kind.__name__}`")), "")
        missing = [field.name for field in fields(kind) if f"`{field.name}`" not in row]
        assert row, kind.__name__
        assert not missing, (kind.__name__, missing)
