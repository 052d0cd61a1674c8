"""``anabranch cache`` in processes of its own."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from anabranch.store import Recipe, Settings
from anabranch.store.local import LocalStore
from anabranch.store.seal import own_key
from anabranch.versions import Versions

HOUR = 3600


@pytest.fixture
def home(tmp_path, monkeypatch):
    for name in ("CACHE", "CONFIG", "STATE"):
        monkeypatch.setenv(f"XDG_{name}_HOME", str(tmp_path / name.lower()))
    monkeypatch.setenv("COLUMNS", "100")
    return tmp_path


@pytest.fixture
def filled(home):
    folder = home / "cache" / "anabranch"
    versions = Versions()
    for name, age in (("clean", 10 * HOUR), ("total", 0)):
        import time

        with LocalStore(Settings(str(folder), key=own_key()), lambda age=age: time.time() - age) as store:
            keys = [versions.of_data((name, n)) for n in range(50)]
            values = [*range(49), name * 20_000]
            store.put_many(Recipe(name, versions.of_data(name)), keys, keys, values)
    return folder


def run(*arguments, code=0):
    done = subprocess.run(
        [sys.executable, "-m", "anabranch", "cache", *arguments],
        capture_output=True,
        text=True,
        check=False,
        stdin=subprocess.DEVNULL,
    )
    assert done.returncode == code, done.stderr
    return done.stdout + (done.stderr if code else "")


def test_ls(filled):
    lines = run("ls").splitlines()
    assert lines[0].split() == ["node", "code", "results", "size", "made", "used"]
    assert [line.split()[0] for line in lines[2:]] == ["total", "clean"]
    assert "103 kB" in lines[2]
    listed = json.loads(run("ls", "--json"))
    assert [(one["node"], one["results"]) for one in listed] == [("total", 50), ("clean", 50)]
    assert listed == json.loads(run("ls", "--json", "--path", str(filled)))


def test_rm(filled):
    assert "nothing is named to be deleted" in run("rm", code=2)
    assert "nothing is cached of 'cleen'; did you mean 'clean'?" in run("rm", "cleen", code=2)
    assert run("rm", "clean").startswith("deleted 10")
    assert [one["node"] for one in json.loads(run("ls", "--json"))] == ["total"]
    run("rm", "--all")
    assert json.loads(run("ls", "--json")) == []


def test_rm_by_age(filled):
    assert "is no age" in run("rm", "--older-than", "long", code=2)
    run("rm", "--older-than", "5h")
    assert [one["node"] for one in json.loads(run("ls", "--json"))] == ["total"]


def test_gc(filled):
    assert "is no size" in run("gc", "--cap", "much", code=2)
    assert run("gc").startswith("deleted 0 B; 2")
    run("gc", "--ttl", "5h")
    assert [one["node"] for one in json.loads(run("ls", "--json"))] == ["total"]
    assert run("gc", "--cap", "1kB").endswith("; 0 B are left\n")


def test_verify(filled):
    assert run("verify") == "2 packs of results and 2 large values: all is well\n"
    blobs = [path for path in Path(filled, "blobs").rglob("*") if path.is_file()]
    blobs[0].write_bytes(b"damaged")
    blobs[1].unlink()
    assert "1 damaged or not sealed with your key, 1 lost" in run("verify", code=1)
    assert len(json.loads(run("verify", "--json", code=1))["bad_blobs"]) == 1
    assert run("verify", "--repair").endswith("; deleted\n")
    assert "all is well" in run("verify")


def test_no_cache(home):
    assert "there is no cache in" in run("ls", code=2)
    assert "nosuch" in run("ls", "--path", "nosuch://bucket", code=2)
    assert list(home.glob("cache/*")) == []


def test_a_key_that_others_could_read(filled, home):
    (home / "config" / "anabranch" / "key").chmod(0o644)
    assert "must be yours, with mode 600" in run("ls", code=2)
