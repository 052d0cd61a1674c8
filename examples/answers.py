r"""Answers from documents by a language model: passages that fit a question go into its prompt, one call for each question.

    anabranch run examples/answers.py report tokens_spent -x threads -w 8 -i folder=docs \
        -i 'questions=["What does an expander return?", "When is a worker replaced?"]'

Two fan-outs: over documents, whose passages are collected to an index, and over questions. The model is called by as many
workers at once as it takes, on any executor; where it is busy all the same, all wait as long as it says. An answer that is no
JSON is asked for again; a question that is refused stays in the report as such, and costs no other. Without `-i model=URL` a
stand-in of its own answers (`answers_model.py`).

Every step is a function that can be called, replaced (`overrides={"completion": …}`) and looked at by itself.
"""

import json
import math
import re
import urllib.request
from collections import Counter
from pathlib import Path
from typing import Any, NamedTuple
from urllib.error import HTTPError

import answers_model

from anabranch import Collect, Failed, Parallelizable, limit, on_error, retry, timeout
from anabranch.function_modifiers import check_output_custom
from anabranch.validation import DataValidator, ValidationResult


class Passage(NamedTuple):
    file: str
    text: str
    words: Counter[str]


class Index(NamedTuple):
    passages: list[Passage]
    files_with: Counter[str]


class Completion(NamedTuple):
    answer: str
    source: int
    tokens: int


class Busy(OSError):
    """The model turned a call away, and said for how long; `@limit` goes by `retry_after`."""

    def __init__(self, seconds: float) -> None:
        super().__init__(f"busy for {seconds} s")
        self.retry_after = seconds


class Grounded(DataValidator):
    """An answer must be in the words of the passage that it names."""

    def applies_to(self, datatype: type) -> bool:  # noqa: D102
        return datatype is dict

    def description(self) -> str:  # noqa: D102
        return "the answer is in its source"

    def validate(self, dataset: dict[str, Any]) -> ValidationResult:  # noqa: D102
        strange = answers_model.words_of(dataset["answer"]) - answers_model.words_of(dataset["quoted"])
        return ValidationResult(not strange, f"not in {dataset['file']}: {', '.join(sorted(strange)) or 'nothing'}")


# -- documents -----------------------------------------------------------------------------------------------------


def document(folder: str) -> Parallelizable[Path]:
    yield from sorted(Path(folder).glob("*.md"))


def passages(document: Path) -> list[Passage]:
    """The paragraphs of a document that are long enough to say something."""
    texts = [" ".join(text.split()) for text in document.read_text(encoding="utf-8").split("\n\n")]
    return [Passage(document.name, text, _words(text)) for text in texts if len(text) > 80]


def index(passages: Collect[list[Passage]]) -> Index:
    every = [passage for document in passages for passage in document]
    return Index(every, Counter(word for passage in every for word in passage.words))


# -- questions -----------------------------------------------------------------------------------------------------


def question(questions: list[str]) -> Parallelizable[str]:
    return questions


def context(question: str, index: Index, passages_wanted: int = 4) -> list[Passage]:
    """The passages that share the rarest words with the question."""
    shared = set(_words(question)) & set(index.files_with)
    rareness = {word: math.log(1 + len(index.passages) / index.files_with[word]) for word in shared}
    ranked = sorted(index.passages, key=lambda one: -sum(rareness.get(word, 0) for word in one.words))
    return ranked[:passages_wanted]


def prompt(question: str, context: list[Passage]) -> str:
    lines = [f"[{number}] {passage.text}" for number, passage in enumerate(context, 1)]
    wish = 'Answer with JSON: {"answer": text, "source": number of the passage}'
    return "\n".join([question, *lines, wish])


@on_error("keep")
@timeout(30)
@retry(attempts=3, on=ValueError)
@limit(concurrency=answers_model.AT_A_TIME, back_off=Busy)
def completion(prompt: str, model: str | None = None) -> Completion:
    body = json.dumps({"prompt": prompt}).encode()
    try:
        with urllib.request.urlopen(model or answers_model.stand_in(), body, timeout=30) as response:
            content = json.load(response)
    except HTTPError as error:
        with error:
            if error.code == 429:
                raise Busy(float(error.headers["Retry-After"])) from None
            raise ConnectionRefusedError(json.load(error)["error"]) from None
    said = json.loads(content["text"])
    return Completion(said["answer"], said["source"], content["tokens"])


@check_output_custom(Grounded("warn"))
def answer(completion: Completion, context: list[Passage]) -> dict:
    source = context[completion.source - 1]
    return {"answer": completion.answer, "file": source.file, "quoted": source.text}


def report(question: Collect[str], answer: Collect[dict | Failed]) -> list[dict[str, str]]:
    """For each question the answer and its source, or why there is none."""
    return [
        {"question": asked, "error": str(found.exception)}
        if isinstance(found, Failed)
        else {"question": asked, "answer": found["answer"], "file": found["file"]}
        for asked, found in zip(question, answer, strict=True)
    ]


def tokens_spent(completion: Collect[Completion | Failed]) -> int:
    return sum(one.tokens for one in completion if isinstance(one, Completion))


def _words(text: str) -> Counter[str]:
    return Counter(re.findall(r"[a-z]{4,}", text.lower()))
