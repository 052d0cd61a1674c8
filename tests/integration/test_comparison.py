"""What the comparison says of anabranch is linked to tests, and these are there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "comparison.md"
LINK = re.compile(r"\]\((\.\./tests/[^)#]+)(?:#(\w+))?\)")
ROWS = [
    [cell.strip() for cell in line.strip().strip("|").split(" | ")]
    for line in PAGE.read_text(encoding="utf-8").split("## The same flow")[0].splitlines()
    if line.startswith("| ") and not line.startswith(("| |", "| ---"))
]


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row[0])
def test_our_cell_is_shown_by_tests(row: list[str]) -> None:
    assert len(row) == 5 and row[4] in "▲●▼"
    links = LINK.findall(row[3])
    assert links or row[3] == "new"
    for path, name in links:
        file = PAGE.parent / path
        assert file.exists(), path
        assert not name or re.search(rf"^\s*(async )?def {name}\(", file.read_text(encoding="utf-8"), re.MULTILINE), name


def test_every_other_link_to_a_test_leads_somewhere() -> None:
    for path, name in LINK.findall(PAGE.read_text(encoding="utf-8").split("## The same flow")[1]):
        assert re.search(rf"^\s*def {name}\(", (PAGE.parent / path).read_text(encoding="utf-8"), re.MULTILINE), name


def test_all_features_are_compared() -> None:
    features = {row[0] for row in ROWS}
    for word in (
        "Declarative API", "Dependencies", "Macro use", "Micro use", "Code structure", "language models", "Lineage", "Visualisation",
        "Run tracking", "Experiments", "Materializers", "Validation", "Versions of code", "Versions of data", "In-memory",
        "Task-based", "Dynamic branching", "Hooks", "Plug-ins", "Interactive",
    ):  # fmt: skip
        assert any(word in feature for feature in features), word
    assert sum(row[4] == "▼" for row in ROWS) >= 3, "nobody is ahead everywhere"
