"""Every block of the README and of the docs runs, and shows what it says.

The `python` blocks of a file are one script, each at its own lines, run as a user would run it: `python flow.py`. A comment
``# → x`` behind or below an expression is its repr. A `text` block shows what the block before it prints; paths and numbers of
lines and processes are not compared. A `sh` block that begins with ``anabranch`` is run, in a folder that has the examples.
"""

import importlib
import os
import re
import shlex
import shutil
import subprocess
import sys
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).parents[2]
PAGES = ["README.md", *(f"docs/{path.name}" for path in sorted((ROOT / "docs").glob("*.md")))]

SHOWS = "def _shows(value, expected): assert repr(value) == expected, f'{value!r} is not {expected}'"
BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
SHOWN = re.compile(r"^(\s*)(\S.*?)\s*# → (.*)$")


class Block(NamedTuple):
    line: int
    language: str
    text: str


def blocks_of(page: str) -> list[Block]:
    text = (ROOT / page).read_text(encoding="utf-8")
    return [Block(text.count("\n", 0, m.start(2)) + 1, m[1], m[2]) for m in BLOCK.finditer(text)]


def checked_lines(lines: list[str]) -> list[str]:
    """Turns each expression that has its value behind it, or on the next line, into a check of that value."""
    for number, line in enumerate(lines):
        if line.startswith("# → "):
            lines[number - 1 : number + 1] = [f"{lines[number - 1]}  {line}", ""]
    return [SHOWN.sub(lambda found: f"{found[1]}_shows({found[2]}, {found[3]!r})", line) for line in lines]


def script_of(page: str) -> str:
    lines = [SHOWS] + [""] * (ROOT / page).read_text(encoding="utf-8").count("\n")
    for block in blocks_of(page):
        if block.language == "python":
            checked = checked_lines(block.text.splitlines())
            lines[block.line - 1 : block.line - 1 + len(checked)] = checked
    script = "\n".join(lines)
    assert script.count("_shows(") == 1 + sum(block.text.count("# → ") for block in blocks_of(page) if block.language == "python")
    return script


def shown_by(page: str, language: str) -> list[tuple[Block, Block]]:
    """Each block of that language that a text block follows, with that."""
    blocks = blocks_of(page)
    return [pair for pair in pairwise(blocks) if pair[0].language == language and pair[1].language == "text"]


def comparable(text: str) -> str:
    text = re.sub(r'(?:[^\s"(]*/)?flow\.py', "flow.py", text)
    return re.sub(r"(?<=line )\d+|(?<=\.py:)\d+|(?<=process )\d+", "N", text)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    shutil.copytree(ROOT / "examples", tmp_path / "examples", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copytree(ROOT / "docs", tmp_path / "docs")
    return tmp_path


def run(folder: Path, *arguments: str) -> str:
    environment = {**os.environ, "PYTHONIOENCODING": "utf-8", "COLUMNS": "120", "XDG_CONFIG_HOME": str(folder / ".config")}
    done = subprocess.run(
        [sys.executable, *arguments],
        cwd=folder,
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        encoding="utf-8",
        timeout=110,
        check=False,
    )
    assert done.returncode == 0, f"{arguments}: exit code {done.returncode}\n{done.stdout}\n{done.stderr}"
    return done.stdout


@pytest.mark.parametrize("page", [page for page in PAGES if "```python" in (ROOT / page).read_text(encoding="utf-8")])
def test_python_blocks(page: str, folder: Path) -> None:
    (folder / "flow.py").write_text(script_of(page), encoding="utf-8")
    printed = comparable(run(folder, "flow.py"))
    for _, expected in shown_by(page, "python"):
        for line in comparable(expected.text).splitlines():
            assert line in printed, f"{page}:{expected.line}"


COMMANDS = [
    pytest.param(page, block, id=f"{page}:{block.line}")
    for page in PAGES
    for block in blocks_of(page)
    if block.language == "sh" and block.text.startswith("anabranch")
]


@pytest.mark.parametrize(("page", "block"), COMMANDS)
def test_commands(page: str, block: Block, folder: Path) -> None:
    printed = "".join(run(folder, "-m", *shlex.split(line)) for line in block.text.splitlines())
    for command, expected in shown_by(page, "sh"):
        if command == block:
            for line in expected.text.splitlines():
                assert line in printed, f"{page}:{expected.line}"


def test_there_is_something_to_run() -> None:
    assert len(COMMANDS) >= 4
    assert len(PAGES) >= 3


def test_the_blocks_say_their_language() -> None:
    known = {"python", "sh", "text", "toml", "bash", "yaml", "txt"}
    unknown = [f"{page}:{block.line}" for page in PAGES for block in blocks_of(page) if block.language not in known]
    pictures = [f"docs/design.md:{block.line}" for block in blocks_of("docs/design.md") if not block.language]
    assert [place for place in unknown if place not in pictures] == []


PACKAGES = ["", ".async_driver", ".function_modifiers", ".io", ".lifecycle", ".lineage", ".results", ".validation"]


@pytest.mark.parametrize("package", PACKAGES)
def test_every_name_has_an_example(package: str) -> None:
    """Each public name of the language stands in a block of Python on some page; and all of these are run."""
    text = "\n".join(block.text for page in PAGES for block in blocks_of(page) if block.language == "python")
    used = set(re.findall(r"\w+", text))
    missing = [name for name in importlib.import_module(f"anabranch{package}").__all__ if name not in used]
    assert not missing, f"no example of {missing}"
