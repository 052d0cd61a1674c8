"""The examples run and give what their pages say, and the pages agree with the package."""

import importlib
import re
import sys
import tomllib
from collections import Counter
from collections.abc import Callable, Iterator
from importlib.metadata import entry_points
from itertools import count
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

import anabranch
from anabranch import Builder, Collect, Parallelizable, TransferError, WorkerLost, module_from_functions

ROOT = Path(__file__).parents[2]
EXAMPLES = sorted(path.stem for path in (ROOT / "examples").glob("*.py"))
PAGES = [ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").glob("*.md"))]


@pytest.fixture
def example(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], ModuleType]]:
    monkeypatch.syspath_prepend(str(ROOT / "examples"))
    yield importlib.import_module
    for name in EXAMPLES:
        sys.modules.pop(name, None)


@pytest.fixture
def texts(tmp_path: Path) -> str:
    (tmp_path / "a.md").write_text("river branch river")
    (tmp_path / "b.md").write_bytes(b"\xff\xfe no text")
    (tmp_path / "c.md").write_text("Branch, rejoins the river!")
    return str(tmp_path)


def ask(flow: ModuleType, outputs: list[str], executor: Any = "sequential", **inputs: Any) -> dict[str, Any]:
    with Builder().with_modules(flow).with_executor(executor).build() as driver:
        return driver.execute(outputs, inputs=inputs)


@pytest.mark.parametrize("executor", ["sequential", "threads", "processes"])
def test_scores(example: Callable[[str], ModuleType], executor: str) -> None:
    found = ask(example("scores"), ["score", "outliers", "overview"], executor, sensors=3, readings=100)
    for scores, outliers in zip(found["score"], found["outliers"], strict=True):
        assert len(scores) == 100
        assert sum(scores) == pytest.approx(0, abs=1e-9)
        assert sum(score * score for score in scores) == pytest.approx(100)
        assert len(outliers) == sum(abs(score) > 2.5 for score in scores)
    assert [line.split(", ")[1] for line in found["overview"]] == [f"{len(each)} outliers" for each in found["outliers"]]


@pytest.mark.parametrize("executor", ["sequential", "threads", "processes"])
def test_words(example: Callable[[str], ModuleType], texts: str, executor: str) -> None:
    words = example("words")
    found = ask(words, ["total", "most_common", "files_until"], executor, folder=texts, top=2, wanted=3)
    assert found["total"] == Counter(river=3, branch=2, rejoins=1)
    assert found["most_common"] == [("river", 3), ("branch", 2)]
    assert found["files_until"] == 1
    assert ask(words, ["files_until"], executor, folder=texts, wanted=4) == {"files_until": 2}


def number(limit: int) -> Parallelizable[int]:
    yield from range(limit)


def square(number: int) -> int:
    print("squaring", number)  # must not get into the answer
    return number * number


def total(square: Collect[int]) -> int:
    return sum(square)


def counter(number: int) -> Any:
    return count() if number == 1 else (n for n in ())


def counters(counter: Collect[Any]) -> int:
    return len(counter)


def crash(number: int) -> int:
    import os

    os._exit(3)


def test_the_command_executor(example: Callable[[str], ModuleType]) -> None:
    executor = example("command_executor").CommandExecutor(workers=2)
    flow = module_from_functions(number, square, total, counter, counters, crash)
    assert ask(flow, ["total"], executor, limit=6) == {"total": 55}
    with pytest.raises(TransferError, match="generator"):
        ask(flow, ["counters"], executor, limit=2)
    with pytest.raises(WorkerLost, match="exit code 3"):
        ask(flow, ["crash"], executor, limit=2)
    assert ask(flow, ["total"], executor, limit=3) == {"total": 5}


def test_every_example_is_run() -> None:
    assert set(EXAMPLES) == {
        "answers", "answers_model", "census", "command_executor", "experiment", "hackernews", "hackernews_dagster", "hackernews_nightly",
        "hackernews_site", "scores", "words",
    }  # fmt: skip


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    for target in re.findall(r"\]\(([^)#]+)[^)]*\)", text):
        assert target.startswith("https://") or (page.parent / target).exists(), target
    for target in re.findall(r"`((?:examples|docs|tests)/[\w./]+)`", text):
        assert (ROOT / target).exists(), target


def test_pages_agree_with_the_package() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert project["version"] == anabranch.__version__
    assert f"## [{anabranch.__version__}]" in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    ours = {point.name for point in entry_points(group="anabranch.executors") if point.value.startswith("anabranch_executors.")}
    assert set(re.findall(r"^\| `(\w+)` \|", readme, re.MULTILINE)) == ours
