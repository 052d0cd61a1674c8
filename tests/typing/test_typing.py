from __future__ import annotations

import runpy
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent
ROOT = HERE.parent.parent
API = HERE / "public_api.py"


def checked(path: Path, cache: Path) -> str:
    """What mypy says of a file under the project's own settings; empty if it is content."""
    command = [sys.executable, "-m", "mypy", "--strict", "--no-error-summary", "--cache-dir", str(cache), str(path)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False).stdout


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    pytest.importorskip("mypy")
    return tmp_path_factory.mktemp("mypy")


def test_the_public_api_has_the_types_that_it_is_said_to_have(cache, tmp_path):
    assert checked(API, cache) == ""
    wrong = tmp_path / "wrong.py"
    wrong.write_text("from typing import assert_type\nfrom anabranch import Builder\nassert_type(Builder().build(), int)\n")
    assert "assert-type" in checked(wrong, cache)


def test_what_is_type_checked_also_runs():
    names = runpy.run_path(str(API))
    assert names["driver"].execute(["total"], {"limit": 4}) == {"total": 14}


def test_the_package_says_that_it_is_typed():
    import anabranch
    import anabranch_executors

    assert all((Path(package.__file__).parent / "py.typed").exists() for package in (anabranch, anabranch_executors))
