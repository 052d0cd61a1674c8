"""The Hacker News example: against what a plain loop gives, on several executors, as a script and from the command line."""

from __future__ import annotations

import importlib
import json
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pandas as pd
import pytest

from anabranch import Builder

EXAMPLES = Path(__file__).parents[2] / "examples"


@pytest.fixture(scope="module")
def modules() -> Iterator[tuple[ModuleType, ModuleType]]:
    """The flow and the site, imported by name; so workers can import them too."""
    sys.path.insert(0, str(EXAMPLES))
    try:
        yield importlib.import_module("hackernews"), importlib.import_module("hackernews_site")
    finally:
        sys.path.remove(str(EXAMPLES))
        for name in ("hackernews", "hackernews_site"):
            sys.modules.pop(name, None)


def by_hand(flow: ModuleType, site: ModuleType, count: int) -> dict[str, Any]:
    """What the flow is to give, without it, the site's web pages, or pandas."""
    stories = [story for number in list(site.NUMBERS)[:count] if (story := site.story(number)) is not None]
    words = Counter(
        word for story in stories for word in re.findall("[a-z]+", story["title"].lower()) if word not in flow.COMMON
    )
    by_time = sorted(site.signups(), key=lambda one: one["registered_at"])
    return {
        "titles": [story["title"] for story in stories],
        "words": sorted(words.items(), key=lambda pair: (-pair[1], pair[0]))[:25],
        "earliest": by_time[0]["email"],
        "latest": by_time[-1]["email"],
    }


def saved_in(folder: Path) -> dict[str, Any]:
    """What the savers wrote, in the form of `by_hand`."""
    words = pd.read_csv(folder / "words.csv", keep_default_na=False)
    return {
        "titles": [story["title"] for story in json.loads((folder / "stories.json").read_text())],
        "words": list(words.itertuples(index=False, name=None)),
        "earliest": json.loads((folder / "earliest.json").read_text())["email"],
        "latest": json.loads((folder / "latest.json").read_text())["email"],
    }


@pytest.mark.parametrize("executor", ["sequential", "threads", "processes"])
def test_what_is_saved(modules: tuple[ModuleType, ModuleType], tmp_path: Path, executor: str) -> None:
    flow, hackernews_site = modules
    with hackernews_site.serving() as site, Builder().with_modules(flow).with_executor(executor).build() as driver:
        saved, values = driver.materialize(
            *flow.savers(str(tmp_path)), additional_vars=["title.report", "top_stories"], inputs={"address": site.address}
        )
        asked = dict(site.asked)
    assert saved_in(tmp_path) == by_hand(flow, hackernews_site, 100)
    assert (tmp_path / "words.png").read_bytes().startswith(b"\x89PNG")
    assert {name: Path(facts["file_metadata"]["path"]).name for name, facts in saved.items()} == {
        "stories_json": "stories.json",
        "words_csv": "words.csv",
        "words_png": "words.png",
        "earliest_json": "earliest.json",
        "latest_json": "latest.json",
    }
    assert saved["words_csv"]["dataframe_metadata"]["rows"] == 25

    busy = {f"/v0/item/{number}.json" for number in hackernews_site.BUSY}
    stories = {
        f"/v0/item/{number}.json": 2 if f"/v0/item/{number}.json" in busy else 1 for number in hackernews_site.NUMBERS[:100]
    }
    assert asked == {"/v0/topstories.json": 1, "/signups.json": 1, **stories}

    report = values["title.report"]
    assert (report.passed, report.failed, report.passes) == (97, 1, True)
    assert len(values["top_stories"]) == 98


def test_as_a_script(modules: tuple[ModuleType, ModuleType], tmp_path: Path) -> None:
    flow, hackernews_site = modules
    command = [sys.executable, str(EXAMPLES / "hackernews.py"), str(tmp_path / "news"), "-x", "threads"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=110, check=True, cwd=tmp_path)
    assert saved_in(tmp_path / "news") == by_hand(flow, hackernews_site, 100)
    assert "words.png: " in done.stdout


def test_from_the_command_line(modules: tuple[ModuleType, ModuleType], tmp_path: Path) -> None:
    flow, hackernews_site = modules
    command = [sys.executable, "-m", "anabranch", "run", str(EXAMPLES / "hackernews.py"), "--json", "-i", "stories_wanted=40"]
    outputs = ["most_frequent_words", "earliest_signup", "latest_signup", "-x", "processes", "-w", "2"]
    done = subprocess.run([*command, *outputs], capture_output=True, text=True, timeout=110, check=True, cwd=tmp_path)
    found, expected = json.loads(done.stdout), by_hand(flow, hackernews_site, 40)
    assert [(row["word"], row["count"]) for row in found["most_frequent_words"]] == expected["words"]
    assert found["earliest_signup"]["email"] == expected["earliest"]
    assert found["latest_signup"]["email"] == expected["latest"]
