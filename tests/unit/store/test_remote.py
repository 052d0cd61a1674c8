"""A cache in an object store: few requests, nothing trusted, nothing lost."""

import importlib
import logging
import pickle
import sys
from collections import Counter

import fsspec
import numpy as np
import pytest
from fsspec.implementations.memory import MemoryFileSystem

from anabranch.errors import StoreError
from anabranch.store import Missing, Recipe, Settings, open_store
from anabranch.store import remote as module
from anabranch.store.local import LocalStore
from anabranch.store.remote import RemoteStore
from anabranch.store.remote_upkeep import MANY

KEY = b"k" * 32
BIG = 10_000


@pytest.fixture(params=["memory", "file"])
def url(request, tmp_path):
    MemoryFileSystem.store.clear()
    MemoryFileSystem.pseudo_dirs[:] = [""]
    yield "memory://bucket/cache" if request.param == "memory" else f"file://{tmp_path}/cache"
    MemoryFileSystem.store.clear()


@pytest.fixture
def opened(url, clock):
    def make(**settings):
        return RemoteStore(Settings(**{"path": url, "key": KEY, **settings}), clock)

    return make


@pytest.fixture
def stale(monkeypatch):
    monkeypatch.setattr(module, "FRESH", 0.0)


def test_values_come_back(opened, helper):
    first = opened()
    values = {1: "one", 2: [2], 3: np.arange(10_000), 4: "x" * 100_000, 5: None}
    assert helper.put(first, values) == []
    for store in (first, opened(), pickle.loads(pickle.dumps(first))):
        found = helper.get(store, [5, 1, 2, 9, 4])
        assert found == [None, "one", [2], None, "x" * 100_000]
        assert (helper.get(store, [3])[0] == values[3]).all()
        store.close()


def test_it_is_opened_for_a_url(url):
    store = open_store(Settings(url, key=KEY))
    assert isinstance(store, RemoteStore if url.startswith("memory") else LocalStore)
    store.close()


def test_others_results_are_seen(opened, helper, stale, clock):
    one, other = opened(), opened()
    assert helper.get(one, [1]) == [None]
    helper.put(other, {1: "one"})
    assert helper.get(one, [1]) == ["one"]
    clock.now += 1
    helper.put(other, {1: "newer", 2: "two"})
    assert helper.get(one, [2, 1]) == ["two", "newer"]


def test_too_old_is_not_there(opened, helper, clock):
    store = opened()
    helper.put(store, {1: "one"})
    assert helper.get(store, [1], newer_than=clock.now + 1) == [None]
    assert helper.get(store, [1], newer_than=clock.now - 1) == ["one"]


def counting(asked, name, real):
    def counted(*args, **options):
        asked[name] += 1
        return real(*args, **options)

    return counted


def test_requests_are_as_many_as_groups(opened, helper, monkeypatch):
    store = opened()
    asked = Counter()
    for name in ("ls", "cat", "pipe_file", "cat_file", "exists"):
        monkeypatch.setattr(store.files, name, counting(asked, name, getattr(store.files, name)))
    for span in range(5):
        items = range(span * 1000, span * 1000 + 1000)
        assert helper.get(store, items) == [None] * 1000
        helper.put(store, {n: str(n) for n in items})
    assert asked["pipe_file"] in (6, 7), "one for each group, and one for the recipe"
    assert asked["ls"] == 1
    store.forget()
    asked.clear()
    for span in range(5):
        items = range(span * 1000, span * 1000 + 1000)
        assert helper.get(store, items) == [str(n) for n in items]
    assert asked["ls"] == 1
    assert sum(asked.values()) <= 12


def test_memory_is_bounded_and_what_was_dropped_is_read_again(opened, helper, monkeypatch):
    monkeypatch.setattr(module, "REMEMBERED", 50_000)
    store = opened()
    for span in range(10):
        helper.put(store, {(span, n): bytes(100) + bytes([span, n]) for n in range(100)})
    assert sum(size for _, size in store._packs.values()) < 100_000
    for span in (0, 9, 4, 0):
        assert helper.get(store, [(span, 7)]) == [bytes(100) + bytes([span, 7])]


def test_damage_is_a_miss_and_said_once(opened, helper, caplog):
    store = opened()
    helper.put(store, {1: "one", 2: b"x" * BIG})
    (path,) = store.groups(helper.recipe.code)
    data = store.files.cat_file(path)
    with caplog.at_level(logging.WARNING):
        for place in range(0, len(data), 3):
            store.files.pipe_file(path, data[:place] + bytes([data[place] ^ 8]) + data[place + 1 :])
            store.forget()
            assert helper.get(store, [1]) in ([None], ["one"])
            store.files.pipe_file(path, data[:place])
            store.forget()
            assert helper.get(store, [1]) == [None]
    assert len(caplog.records) <= 1
    store.files.pipe_file(path, data)
    store.forget()
    (entry,) = store.get_many(helper.recipe, helper.keys([2]))
    store.files.pipe_file(store.blob(entry.blob), b"y" * BIG)
    with pytest.raises(Missing):
        store.load(entry)
    helper.put(store, {2: b"x" * BIG})
    store.files.rm_file(store.blob(entry.blob))
    with pytest.raises(Missing):
        store.load(entry)


def test_what_others_sealed_is_a_miss(opened, helper, caplog):
    helper.put(opened(key=b"s" * 32), {1: "one"})
    store = opened()
    with caplog.at_level(logging.WARNING):
        assert helper.get(store, [1]) == [None]
    assert "sealed with another key" in caplog.text
    assert store.recipe_of(helper.recipe.code).name == ""


def test_upkeep(opened, helper, clock):
    store = opened()
    for name in ("f", "g"):
        for n in range(3):
            helper.put(store, {(name, n): n, (name, n, "big"): name * BIG}, recipe=Recipe(name, name.encode() * 20, "parts"))
            clock.now += 10
    first, second = store.summaries()
    assert (first.name, first.entries, second.name) == ("g", 6, "f")
    assert store.recipes("f") == [Recipe("f", b"f" * 20, "parts")]
    assert store.verify().is_whole
    assert store.rm(("f",)).blobs == 1
    assert [one.name for one in store.summaries()] == ["g"]
    assert store.rm(older_than=clock.now - 25).packs == 1
    recipe = Recipe("g", b"g" * 20)
    assert [entry is not None for entry in store.get_many(recipe, helper.keys([("g", 0), ("g", 1)]))] == [False, True]
    store.rm()
    assert store.summaries() == []


def test_age_and_cap(opened, helper, clock):
    store = opened(ttl=100)
    helper.put(store, {1: "old" * BIG})
    clock.now += 60
    helper.put(store, {2: "young" * BIG})
    clock.now += 60
    assert store.gc().packs == 1
    assert [value is not None for value in helper.get(opened(), [1, 2])] == [False, True]
    small = opened(cap=12 * BIG)
    for n in range(3, 9):
        clock.now += 1
        helper.put(small, {n: bytes([n]) * 3 * BIG})
    small.gc()
    assert [value is not None for value in helper.get(opened(), range(2, 9))] == [False, False, False, False, True, True, True]
    assert sum(1 for _ in module.remote_upkeep._blobs(small)) == 3


def test_many_small_groups_become_one(opened, helper, clock, stale):
    store, reader = opened(), opened()
    for n in range(MANY + 5):
        clock.now += 1
        helper.put(store, {n: n, "same": n})
    assert helper.get(reader, [0, 5]) == [0, 5]
    store.gc()
    assert len(store.groups(helper.recipe.code)) == 1
    for again in (reader, opened()):
        assert helper.get(again, [*range(MANY + 5), "same"]) == [*range(MANY + 5), MANY + 4]


def test_verify_finds_and_repairs(opened, helper, clock):
    store = opened()
    for n in range(3):
        clock.now += 1
        helper.put(store, {n: bytes([n]) * BIG})
    entries = store.get_many(helper.recipe, helper.keys(range(3)))
    store.files.pipe_file(store.blob(entries[0].blob), b"bad")
    store.files.rm_file(store.blob(entries[1].blob))
    path = store.groups(helper.recipe.code)[2]
    store.files.pipe_file(path, store.files.cat_file(path)[:-1])
    found = store.verify(repair=True)
    assert (len(found.bad_packs), len(found.bad_blobs), len(found.lost_blobs)) == (1, 1, 1)
    assert store.verify().is_whole
    assert helper.get(opened(), range(3)) == [None] * 3


def test_an_object_store_that_fails(opened, helper, monkeypatch):
    store = opened()

    def fail(*args, **options):
        raise PermissionError("no credentials")

    for name in ("pipe_file", "ls", "cat"):
        monkeypatch.setattr(store.files, name, fail)
    with pytest.raises(StoreError, match="cannot be written: PermissionError: no credentials"):
        helper.put(store, {1: 1})
    with pytest.raises(StoreError, match="cannot be listed"):
        helper.get(store, [1])


def test_what_is_missing_is_said(monkeypatch):
    with pytest.raises(StoreError, match="nosuch"):
        RemoteStore(Settings("nosuch://bucket", key=KEY))
    real = importlib.import_module

    def without(name, *rest):
        if name.startswith("fsspec"):
            raise ImportError(name)
        return real(name, *rest)

    monkeypatch.setattr(module, "import_module", without)
    with pytest.raises(StoreError, match=r"pip install 'anabranch\[remote\]'"):
        RemoteStore(Settings("memory://x", key=KEY))


def test_claims_are_granted(opened, helper):
    with opened().claim(helper.keys([1, 2])) as claim:
        assert len(claim.mine) == 2
    claim.wait()


def test_fsspec_is_loaded_late():
    import subprocess

    code = "import sys, anabranch.store; print('fsspec' in sys.modules or 'sqlite3' in sys.modules and False)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "False\n"
    assert fsspec is not None
