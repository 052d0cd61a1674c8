"""What is stored comes back as it was, or not at all."""

import dataclasses
import logging
import os
import pickle
import sqlite3
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pandas as pd
import polars as pl
import pytest

from anabranch import Builder, module_from_functions
from anabranch.errors import InputError, StoreError
from anabranch.function_modifiers import cache
from anabranch.store import Behaviour, Format, Missing, Recipe, Settings, Wishes, register_format
from anabranch.store.local import LocalStore
from anabranch.store.pack import MOST
from anabranch.versions import Versions


@dataclasses.dataclass
class Point:
    x: int
    y: object


VALUES = [
    *(None, True, 0, 2**100, 1.5, "", "a" * 5000, b"x", b"x" * 5000, [1, [2]], {"a": (1,)}, {1, 2}, Point(1, [2])),
    *(
        np.arange(3),
        np.arange(100_000),
        np.zeros((500, 500))[::2],
        [np.ones(9000), np.zeros(9000), "x"],
        np.array([object, None]),
    ),
    *(pd.DataFrame({"a": range(3000), "b": "x"}), pl.DataFrame({"a": [1, 2]}), lambda x: x + 1, Point, len),
]


def same(one, other):
    return Versions().of_data(one) == Versions().of_data(other)


def test_values_come_back(open_store, helper):
    first = open_store()
    assert helper.put(first, dict(enumerate(VALUES))) == []
    for store in (first, open_store()):
        entries = store.get_many(helper.recipe, helper.keys(range(len(VALUES))))
        for value, entry in zip(VALUES, entries, strict=True):
            assert entry.version == Versions().of_data(value)
            assert same(store.load(entry), value), value
            assert (entry.inline is None) == (entry.size > 4096)


def test_arrays_come_back_writable_and_are_not_shared(open_store, helper):
    store = open_store()
    helper.put(store, {1: np.arange(10_000)})
    (one,), (other,) = helper.get(store, [1]), helper.get(store, [1])
    one[0] = 5
    assert other[0] == 0


def test_what_is_not_there(open_store, helper):
    store = open_store()
    assert helper.get(store, []) == []
    assert helper.get(store, [1, 2]) == [None, None]
    helper.put(store, {2: "two", 3: "three"})
    assert helper.get(store, [1, 2, 2, 3]) == [None, "two", "two", "three"]
    assert helper.get(open_store(), [3, 1, 2]) == ["three", None, "two"]


def test_many_at_once_are_few_packs(open_store, helper):
    store = open_store()
    helper.put(store, {n: n for n in range(1000)})
    assert len(list(store.index.packs())) == -(-1000 // MOST)
    assert helper.get(open_store(), range(999, -1, -1)) == list(range(999, -1, -1))


def test_large_small_values_do_not_make_large_packs(open_store, helper):
    store = open_store()
    helper.put(store, {n: bytes([n]) * 4000 for n in range(100)})
    assert max(len(data) for _, _, data in store.index.packs()) < 200_000
    assert helper.get(open_store(), range(100)) == [bytes([n]) * 4000 for n in range(100)]


def test_equal_blobs_are_one_file(open_store, helper):
    store = open_store()
    helper.put(store, dict.fromkeys(range(10), "same" * 5000))
    assert len(list(store.blobs)) == 1


def test_a_new_result_takes_the_place_of_the_old(open_store, helper):
    store = open_store()
    helper.put(store, {1: "old"})
    assert helper.get(store, [1]) == ["old"]
    helper.put(store, {1: "new"})
    assert helper.get(open_store(), [1]) == ["new"]
    store.forget()
    assert helper.get(store, [1]) == ["new"]


def test_too_old_is_not_there(open_store, helper, clock):
    store = open_store()
    helper.put(store, {1: "one"})
    clock.now += 100
    assert helper.get(store, [1], newer_than=clock.now - 101) == ["one"]
    assert helper.get(store, [1], newer_than=clock.now - 99) == [None]


def test_what_cannot_be_written_is_said_once(open_store, helper, caplog):
    store = open_store()
    with caplog.at_level(logging.WARNING):
        assert helper.put(store, {1: threading.Lock(), 2: "two", 3: threading.Lock()}) == [0, 2]
    assert helper.get(store, [1, 2, 3]) == [None, "two", None]
    assert len(caplog.records) == 1
    assert "results of 'f' are not cached" in caplog.text


# -- damage ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("how", ["cut", "flip", "empty", "gone", "longer"])
def test_a_damaged_blob_is_a_miss_and_said_once(open_store, helper, how, caplog):
    store = open_store()
    value = bytes(range(256)) * 17
    helper.put(store, {1: value, 2: value[::-1]})
    ((digest, _size, _), *_) = sorted(store.blobs, key=lambda blob: blob[0])
    path = Path(store.blobs._path(digest))
    whole = path.read_bytes()
    lost = 1 if helper.get(store, [1])[0] == value and digest == store.get_many(helper.recipe, helper.keys([1]))[0].blob else 2
    (entry,) = store.get_many(helper.recipe, helper.keys([lost]))
    for place in range(0, len(whole), 7) if how in ("cut", "flip") else [0]:
        match how:
            case "cut":
                path.write_bytes(whole[:place])
            case "flip":
                path.write_bytes(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])
            case "empty":
                path.write_bytes(b"")
            case "longer":
                path.write_bytes(whole + b"\0")
            case "gone":
                path.unlink()
        with caplog.at_level(logging.WARNING), pytest.raises(Missing):
            store.load(entry)
        assert not path.exists(), "a damaged blob must not stand in the way of a good one"
    assert len(caplog.records) == 1
    helper.put(store, {lost: value if lost == 1 else value[::-1]})
    assert helper.get(store, [1, 2]) == [value, value[::-1]]


def test_any_byte_of_a_pack_that_is_flipped_makes_it_a_miss(open_store, helper, caplog):
    store = open_store()
    helper.put(store, {1: "one", 2: [2], 3: b"x" * 5000})
    ((number, _, data),) = store.index.packs()
    connection = sqlite3.connect(store.index.path)
    with caplog.at_level(logging.WARNING):
        for place in range(len(data)):
            changed = data[:place] + bytes([data[place] ^ 0x41]) + data[place + 1 :]
            connection.execute("UPDATE packs SET data = ? WHERE id = ?", (changed, number))
            connection.commit()
            store.forget()
            assert helper.get(store, [1, 2, 3]) == [None, None, None]
    connection.execute("UPDATE packs SET data = ? WHERE id = ?", (data, number))
    connection.commit()
    connection.close()
    store.forget()
    assert helper.get(store, [1, 2, 3]) == ["one", [2], b"x" * 5000]
    assert len(caplog.records) == 1


def test_any_byte_of_the_index_that_is_flipped_gives_a_value_a_miss_or_a_clear_error(open_store, helper, tmp_path):
    store = open_store()
    values = {1: "one", 2: [2], 3: {"c": 3}}
    helper.put(store, values)
    store.index.shrink()
    store.close()
    path = store.index.path
    whole = path.read_bytes()
    answers = {"value": 0, "miss": 0, "error": 0}
    for place in range(0, len(whole), 53):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 0xFF]) + whole[place + 1 :])
        for rest in ("-wal", "-shm"):
            Path(f"{path}{rest}").unlink(missing_ok=True)
        try:
            with open_store() as damaged:
                found = helper.get(damaged, values)
        except StoreError as error:
            assert str(path) in str(error)
            answers["error"] += 1
            continue
        for got, value in zip(found, values.values(), strict=True):
            assert got is None or got == value
            answers["miss" if got is None else "value"] += 1
    assert all(answers.values()), answers
    path.write_bytes(whole)


def test_what_others_sealed_is_a_miss_and_is_never_unpickled(open_store, helper, caplog):
    class Bomb:
        def __reduce__(self):
            return (os.putenv, ("ANABRANCH_TEST_BOMB", "exploded"))

    stranger = open_store(key=b"s" * 32)
    helper.put(stranger, {1: "one"})
    bomb = pickle.dumps(Bomb(), 5)
    ((number, _, data),) = stranger.index.packs()
    connection = sqlite3.connect(stranger.index.path)
    connection.execute("UPDATE packs SET data = ? WHERE id = ?", (data[:-40] + bomb, number))
    connection.commit()
    connection.close()
    store = open_store()
    with caplog.at_level(logging.WARNING):
        assert helper.get(store, [1]) == [None]
    assert "sealed with another key" in caplog.text
    helper.put(store, {1: "mine"})
    assert helper.get(open_store(), [1]) == ["mine"]


def test_a_value_whose_class_is_gone_is_a_miss(open_store, helper, caplog):
    store = open_store()
    helper.put(store, {1: Point(1, 2)})
    (entry,) = store.get_many(helper.recipe, helper.keys([1]))
    renamed = entry._replace(inline=entry.inline.replace(b"Point", b"Pxint"))
    with caplog.at_level(logging.WARNING), pytest.raises(Missing):
        store.load(renamed)
    assert "cannot be read" in caplog.text


# -- formats -----------------------------------------------------------------------------------------------------------


def test_json_for_what_it_holds_exactly(open_store, helper, caplog):
    store = open_store()
    values = {1: {"a": [1, 2.5, None, "é\ud800"]}, 2: (1, 2), 3: {1: 2}, 4: [True]}
    with caplog.at_level(logging.WARNING):
        helper.put(store, values, format="json")
    entries = store.get_many(helper.recipe, helper.keys(values))
    assert [entry.format for entry in entries] == ["json", "pickle", "pickle", "json"]
    assert [store.load(entry) for entry in entries] == list(values.values())
    assert entries[3].inline == b"[true]"
    assert len(caplog.records) == 1


def test_parquet_for_frames_that_it_holds_exactly(open_store, helper):
    store = open_store()
    pandas = pd.DataFrame({"a": [1, 2], "b": ["x", "y"]}, index=pd.Index([5, 6], name="i"))
    polars = pl.DataFrame({"a": [1, None], "b": [["x"], []]})
    odd = pd.DataFrame({"a": [1, "x"]})
    helper.put(store, {1: pandas, 2: polars, 3: odd, 4: polars[["a"]].to_arrow(), 5: 5}, format="parquet")
    entries = store.get_many(helper.recipe, helper.keys([1, 2, 3, 4, 5]))
    assert [entry.format for entry in entries] == ["parquet", "parquet", "pickle", "parquet", "pickle"]
    for value, entry in zip([pandas, polars, odd, polars[["a"]].to_arrow(), 5], entries, strict=True):
        assert same(store.load(entry), value)


def test_a_registered_format(open_store, helper):
    register_format(Format("text", lambda value: iter([value.encode()]), lambda data: bytes(data).decode()))
    store = open_store()
    helper.put(store, {1: "plain", 2: 2}, format="text")
    entries = store.get_many(helper.recipe, helper.keys([1, 2]))
    assert [entry.format for entry in entries] == ["text", "pickle"]
    assert entries[0].inline == b"plain"
    with pytest.raises(InputError, match="unknown format 'jsn'; did you mean 'json'"):
        helper.put(store, {3: [1]}, format="jsn")


@pytest.fixture
def stored(open_store, helper):
    return open_store(), helper


@pytest.mark.parametrize(
    ("form", "value", "fits"),
    [
        ("npy", np.arange(12.0).reshape(3, 4), True),
        ("feather", pd.DataFrame({"a": [1, 2], "b": ["x", "ß"]}), True),
        ("feather", pl.DataFrame({"a": [1, 2], "b": ["x", "ß"]}), True),
        ("yaml", {"a": [1, 2.5, None, True], "b": "ß"}, True),
        ("file", "a text\n", True),
        ("file", b"bytes", True),
        ("csv", pl.DataFrame({"a": [1, 2]}), True),
        ("csv", pd.DataFrame({"a": [1, 2]}, index=["x", "y"]), False),
        ("yaml", (1, 2), False),
        ("npy", [1, 2], False),
    ],
)
def test_a_format_that_is_a_saver_and_a_loader(stored, caplog, form, value, fits):
    store, helper = stored
    helper.put(store, {1: value}, format=form)
    (entry,) = store.get_many(helper.recipe, helper.keys([1]))
    assert entry.format == (form if fits else "pickle")
    assert same(store.load(entry), value)
    assert ("exactly as it is" in caplog.text or "cannot be written as" in caplog.text) == (not fits)


SCRIPT = """
import sys
from anabranch.store import Settings, Recipe
from anabranch.store.local import LocalStore
from anabranch.versions import Versions
class Thing:
    def __init__(self, x): self.x = x
with LocalStore(Settings(sys.argv[1], key=b"k" * 32)) as store:
    key = Versions().of_data("key")
    (found,) = store.get_many(Recipe("f", key), [key])
    if found is None:
        value = [Thing(5), lambda x: x + 1] if sys.argv[2] == "lambda" else Thing(5)
        store.put_many(Recipe("f", key), [key], [key], [value])
        print("stored")
    else:
        value = store.load(found)
        thing = value[0] if sys.argv[2] == "lambda" else value
        print(thing.x, isinstance(thing, Thing), value[1](1) if sys.argv[2] == "lambda" else "")
"""


@pytest.mark.parametrize("kind", ["plain", "lambda"])
def test_classes_of_a_script_are_its_own_again(tmp_path, kind):
    script = tmp_path / "script.py"
    script.write_text(SCRIPT)
    said = [
        subprocess.run(
            [sys.executable, script, tmp_path / "cache", kind], capture_output=True, text=True, check=True
        ).stdout.split()
        for _ in range(2)
    ]
    assert said == [["stored"], ["5", "True", "2"][: 3 if kind == "lambda" else 2]]


# -- opening -----------------------------------------------------------------------------------------------------------


def test_a_folder_that_is_not_a_cache(tmp_path, helper):
    (tmp_path / "index.db").write_text("no database at all, but long enough to be read as one" * 10)
    with pytest.raises(StoreError, match="damaged.*delete it"):
        LocalStore(Settings(str(tmp_path), key=b"k" * 32))


def test_a_path_that_is_a_file(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match="cannot be written"):
        LocalStore(Settings(str(tmp_path / "file"), key=b"k" * 32))


def test_an_index_of_another_layout(open_store, tmp_path):
    store = open_store()
    connection = sqlite3.connect(store.index.path)
    connection.execute("UPDATE about SET value = '99'")
    connection.commit()
    connection.close()
    store.close()
    with pytest.raises(StoreError, match="another version of anabranch"):
        open_store()


def test_it_travels_as_its_settings(open_store, helper):
    store = open_store()
    helper.put(store, {1: "one"})
    with pickle.loads(pickle.dumps(store)) as copy:
        assert helper.get(copy, [1]) == ["one"]
    assert b"kkkk" not in repr(store.settings).encode()


def test_it_can_be_used_after_it_was_closed(open_store, helper):
    store = open_store()
    helper.put(store, {1: "one"})
    store.close()
    store.close()
    assert helper.get(store, [1]) == ["one"]


def test_threads_share_it(open_store, helper):
    store, failed = open_store(), []

    def work(number):
        try:
            for round in range(20):
                helper.put(store, {(number, round, n): n for n in range(5)})
                assert helper.get(store, [(number, round, n) for n in range(5)]) == list(range(5))
        except BaseException as error:
            failed.append(error)

    threads = [threading.Thread(target=work, args=(n,)) for n in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failed
    assert helper.get(open_store(), [(5, 19, 4)]) == [4]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_forked_child_opens_its_own_connection(open_store, helper):
    store = open_store()
    helper.put(store, {1: "one"})
    child = os.fork()
    if not child:
        code = 1
        try:
            helper.put(store, {2: "two"})
            code = 0 if helper.get(store, [1, 2]) == ["one", "two"] else 2
        finally:
            os._exit(code)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    helper.put(store, {3: "three"})
    assert helper.get(store, [1, 2, 3]) == ["one", "two", "three"]


# -- what nodes ask for ------------------------------------------------------------------------------------------------


def test_what_a_node_asks_for_is_in_its_tags():
    @cache(behavior="recompute", version="3", format="json", ignore=["path"])
    def f(path: str) -> str:
        return path

    node = Builder().with_modules(module_from_functions(f)).build().graph.nodes["f"]
    assert Wishes.of(node.tags) == Wishes(Behaviour.RECOMPUTE, "json", "3", frozenset({"path"}))
    assert Wishes.of({}) == Wishes()
    assert {one.value for one in Behaviour} == {"default", "recompute", "disable", "ignore"}


def test_recipes_are_kept_for_comparison(open_store, helper, clock):
    store = open_store()
    helper.put(store, {1: 1}, recipe=Recipe("f", b"1" * 20, "first"))
    clock.now += 10
    helper.put(store, {2: 1}, recipe=Recipe("f", b"2" * 20, "second"))
    helper.put(store, {3: 1}, recipe=Recipe("g", b"1" * 20, "other"))
    assert [recipe.parts for recipe in store.index.recipes("f")] == ["second", "first"]
    assert store.index.recipes("h") == []
