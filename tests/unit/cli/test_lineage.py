"""`anabranch lineage`, as it is typed."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

FLOW = """
from anabranch import Collect, Parallelizable
from anabranch.function_modifiers import config, extract_fields, tag, tag_outputs

def person(register: str) -> Parallelizable[str]:
    yield register

@tag_outputs(name={"pii": True})
@extract_fields({"name": str, "height": float})
def card(person: str, scale: float = 1.0) -> dict: ...

@tag(team="web")
def initial(name: str) -> str: ...

def initials(initial: Collect[str]) -> list[str]: ...

def heights(height: Collect[float]) -> list[float]: ...
"""


@pytest.fixture
def ask(tmp_path: Path):
    (tmp_path / "flow.py").write_text(FLOW)

    def run(*arguments: str, code: int = 0) -> str:
        command = [sys.executable, "-m", "anabranch", "lineage", "flow.py", *arguments]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False, timeout=60)
        assert done.returncode == code, done.stderr
        return done.stdout if not code else done.stderr

    return run


def names(text: str) -> list[str]:
    return [line.split()[0] for line in text.splitlines()[2:]]


def test_the_whole_flow(ask) -> None:
    text = ask()
    assert set(names(text)) == {"person", "card", "name", "height", "initial", "initials", "heights", "register", "scale"}
    assert "pii=true" in text and "items of str" in text


def test_between_and_by_tag(ask) -> None:
    assert set(names(ask("--from", "name"))) == {"name", "initial", "initials"}
    assert set(names(ask("--to", "heights"))) == {"heights", "height", "card", "scale", "person", "register"}
    assert set(names(ask("--from", "person", "--to", "initials"))) == {"person", "card", "name", "initial", "initials"}
    assert names(ask("--from", "person", "--to", "initials", "--tag", "pii=true")) == ["name"]
    assert set(names(ask("--from", "name", "--from", "height", "--tag", "team"))) == {"initial"}


def test_what_is_exposed(ask) -> None:
    assert ask("--exposed", "pii=true").splitlines()[2].split() == ["initials", "name"]
    assert json.loads(ask("--exposed", "pii", "--json")) == {"exposed": {"initials": ["name"]}}
    assert json.loads(ask("--exposed", "pii", "--to", "heights", "--json")) == {"exposed": {}}


def test_a_document(ask) -> None:
    found = json.loads(ask("--from", "initial", "--json"))
    assert [entry["name"] for entry in found["variables"]] == ["initial", "initials"]


def test_nothing_is_said_in_words(ask) -> None:
    assert ask("--from", "heights", "--to", "person") == "nothing flows from 'heights' to 'person'\n"
    assert ask("--tag", "secret=1") == "there is nothing with the tag secret=1\n"
    assert ask("--from", "name", "--tag", "secret") == "there is nothing with the tag secret there\n"
    assert ask("--exposed", "secret") == "no output is made of what has the tag secret\n"


def test_bad_questions(ask) -> None:
    assert "unknown name 'nme'; did you mean 'name'" in ask("--from", "nme", code=2)
    assert "--tag takes key=value, or key, not '=1'" in ask("--tag", "=1", code=2)
    assert "--tag gives 'a' twice" in ask("--tag", "a=1", "--tag", "a=2", code=2)
