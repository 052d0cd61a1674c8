"""The language model example: what comes of it does not depend on where it runs, nor on how often the model was too busy."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

from anabranch import Builder

EXAMPLES = Path(__file__).parents[2] / "examples"
TEXTS = {
    "rivers.md": "The anabranch of a river leaves the main channel, wanders through the meadows and rejoins it further downstream.\n\n"
    "Herons stand in the shallow water of the meadows for hours, and catch what swims by without any hurry at all.",
    "bridges.md": "A bridge of stone was built across the river by the miller, who was tired of carrying his flour through the ford.\n\n"
    "Short.",
}
QUESTIONS = [
    "Where does an anabranch rejoin the river?",
    "Who built the bridge of stone?",
    "What is the password of the miller?",
    "What do herons catch in the water?",
    *(f"Who was tired of carrying flour on day {n}?" for n in range(20)),
]


@pytest.fixture(scope="module")
def modules() -> Iterator[tuple[ModuleType, ModuleType]]:
    sys.path.insert(0, str(EXAMPLES))
    try:
        yield importlib.import_module("answers"), importlib.import_module("answers_model")
    finally:
        sys.path.remove(str(EXAMPLES))
        for name in ("answers", "answers_model"):
            sys.modules.pop(name, None)


@pytest.fixture
def folder(tmp_path: Path) -> str:
    for name, text in TEXTS.items():
        (tmp_path / name).write_text(text)
    return str(tmp_path)


@pytest.mark.parametrize(("executor", "workers"), [("sequential", None), ("threads", 8), ("processes", 6)])
def test_answers(modules: tuple[ModuleType, ModuleType], folder: str, executor: str, workers: int | None) -> None:
    flow, answers_model = modules
    options = {"workers": workers} if workers else {}
    inputs = {"folder": folder, "questions": QUESTIONS}
    with answers_model.serving() as model, Builder().with_modules(flow).with_executor(executor, **options).build() as driver:
        run = driver.run(["report", "tokens_spent", "answer.report", "prompt"], {**inputs, "model": model.address})
    report = run.results["report"]
    assert [entry["question"] for entry in report] == QUESTIONS
    assert report[0]["file"] == "rivers.md" and "rejoins it further downstream" in report[0]["answer"]
    assert report[1]["file"] == "bridges.md" and report[1]["answer"].startswith("A bridge of stone")
    assert report[2] == {"question": QUESTIONS[2], "error": "this is not spoken of"}
    assert report[3]["answer"].startswith("Herons")
    assert [(failure.node, failure.item) for failure in run.failures] == [("completion", (2,))]
    assert (run.results["answer.report"].passed, run.results["answer.report"].failed) == (23, 0)

    prompts = run.results["prompt"]
    cut_off = {prompt for prompt in prompts if len(prompt) % 3 == 0} - {prompts[2]}
    assert cut_off
    assert model.asked == {prompt: 2 if prompt in cut_off else 1 for prompt in prompts}
    assert model.busiest <= answers_model.AT_A_TIME and not model.turned_away
    words = [len(prompt.split()) + len(answers_model.said(prompt).split()) for prompt in prompts]
    assert run.results["tokens_spent"] == sum(words) - words[2]


def test_a_model_that_takes_less_than_it_said_is_waited_for(
    modules: tuple[ModuleType, ModuleType], folder: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    flow, answers_model = modules
    monkeypatch.setattr(answers_model, "AT_A_TIME", 1)
    inputs = {"folder": folder, "questions": QUESTIONS[4:]}
    with answers_model.serving() as model, Builder().with_modules(flow).with_executor("threads", workers=3).build() as driver:
        report = driver.execute(["report"], {**inputs, "model": model.address})["report"]
    assert all("miller" in entry["answer"] for entry in report)
    assert model.busiest == 1 and model.turned_away > 0


def test_a_step_can_be_replaced(modules: tuple[ModuleType, ModuleType], folder: str) -> None:
    flow, _ = modules
    driver = Builder().with_modules(flow).build()
    made_up = flow.Completion("Herons rejoin the bridge of moonlight.", 1, 5)
    inputs = {"folder": folder, "questions": QUESTIONS[:2]}
    found = driver.execute(["report", "tokens_spent", "answer.report"], inputs, overrides={"completion": made_up})
    assert found["tokens_spent"] == 10
    assert found["answer.report"].failed == 2  # nothing of the kind is in the passages
