"""What Hamilton has deprecated and people still use: caching adapters in files, and Hamilton's own command line."""

from __future__ import annotations

import json
import subprocess
import sys

import pandas as pd
import pytest

pytestmark = pytest.mark.usefixtures("hamilton")


@pytest.fixture
def flow():
    from hamilton import ad_hoc_utils
    from hamilton.function_modifiers import tag

    calls = []

    @tag(cache="json")
    def word(given: str) -> dict:
        calls.append("word")
        return {"word": given}

    @tag(cache="parquet")
    def column(word: dict) -> pd.Series:
        calls.append("column")
        return pd.Series([word["word"]] * 2)

    def joined(column: pd.Series) -> str:
        calls.append("joined")
        return "-".join(column)

    module = ad_hoc_utils.create_temporary_module(word, column, joined, module_name="flow_of_older_tests")
    module.calls = calls
    yield module
    del sys.modules["flow_of_older_tests"]


def ask(flow, adapter, **inputs):
    from hamilton import driver

    flow.calls.clear()
    return driver.Driver({}, flow, adapter=adapter).execute(["joined"], inputs=inputs)["joined"]


def test_files_named_after_functions(flow, tmp_path):
    from hamilton import base
    from hamilton.experimental.h_cache import CachingGraphAdapter

    adapter = CachingGraphAdapter(str(tmp_path), base.DictResult())
    assert ask(flow, adapter, given="a") == "a-a"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["column.parquet", "word.json"]
    assert ask(flow, adapter, given="b") == "a-a"
    assert flow.calls == ["joined"]
    forced = CachingGraphAdapter(str(tmp_path), base.DictResult(), force_compute={"word"})
    assert ask(flow, forced, given="b") == "b-b"
    assert flow.calls == ["word", "column", "joined"]
    with pytest.raises(ValueError, match="invalid cache format: xyz"):
        adapter._write_cache("xyz", 1, tmp_path / "x", "x")


def test_values_by_function_and_arguments(flow, tmp_path):
    from hamilton import base
    from hamilton.lifecycle import CacheAdapter

    adapter = [CacheAdapter(["word", "column"], str(tmp_path / "cache.db")), base.DictResult()]
    assert ask(flow, adapter, given="a") == ask(flow, adapter, given="a") == "a-a"
    assert flow.calls == ["joined"]
    assert ask(flow, adapter, given="b") == "b-b"
    assert flow.calls == ["word", "column", "joined"]


def test_the_command_line(tmp_path):
    (tmp_path / "one.py").write_text("def a(x: int) -> int:\n    return x\n\ndef b(a: int) -> int:\n    return a\n")
    (tmp_path / "two.py").write_text("def a(x: int) -> int:\n    return x + 1\n\ndef c(a: int) -> int:\n    return a\n")

    def hamilton(*arguments, code=0):
        line = [sys.executable, "-m", "anabranch.compat.hamilton", "-m", "hamilton.cli", "--json-out", *arguments]
        made = subprocess.run(line, capture_output=True, text=True, cwd=tmp_path, timeout=100)
        assert made.returncode == code, made.stderr
        return json.loads(made.stdout)

    assert hamilton("build", "one.py") == {"success": True, "command": "build", "message": {"nodes": ["a", "b"]}}
    assert hamilton("diff", "two.py", "-r", "one.py")["message"] == {
        "current_only": ["c"],
        "reference_only": ["b"],
        "edit": ["a"],
    }
    assert hamilton("version", "one.py")["message"]["nodes_hash"].keys() == {"a", "b"}
    hamilton("view", "one.py", "-o", "flow.svg")
    assert (tmp_path / "flow.svg").exists()
    assert not hamilton("build", "one.py", "two.py", code=1)["success"]
