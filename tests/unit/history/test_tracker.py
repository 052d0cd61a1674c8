"""Runs are kept while they go on, cheaply, and whatever becomes of them."""

from __future__ import annotations

import importlib
import json
import logging
import os
import signal
import subprocess
import sys
from pathlib import Path
from threading import Event

import pytest

from anabranch import Builder, InputError
from anabranch.errors import StoreError
from anabranch.history import Store, Tracker, open_store
from anabranch.history.alive import SILENCE, is_alive, place_of_process
from anabranch.history.store import Filter, Write
from anabranch.predict import predict, recording_of
from anabranch.see import EventFile

EVIL = "<script>alert(1)</script>"


def tracked(flow, store, executor="sequential", **options):
    return Builder().with_modules(flow).with_executor(executor).with_tracking(store, **options).build()


@pytest.fixture(params=["sqlite", "postgresql"])
def any_store(request, store):
    if request.param == "sqlite":
        yield store
        return
    opened = open_store(request.getfixturevalue("postgres"))
    yield opened
    opened.close()


# -- what is kept ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("executor", ["sequential", "threads"])
def test_a_run_is_kept(any_store, flow, executor):
    with tracked(flow, any_store, executor, name=f"nightly {executor}") as driver:
        made = driver.run(["total", "most"], {"limit": 20, "bad": -1})
    run = any_store.run(made.run_id)
    assert (run["state"], run["name"], run["outputs"]) == ("finished", f"nightly {executor}", ["total", "most"])
    assert run["error"] is None and run["seconds"] > 0 and run["left_out"] == 0
    assert run["progress"]["is_over"] and run["progress"]["fans"][0]["done"] == 20
    values = {(one["role"], one["name"]): one for one in any_store.values(made.run_id)}
    assert set(values) == {("input", "limit"), ("input", "bad"), ("output", "total"), ("output", "most")}
    assert values["output", "total"]["summary"] == {"type": "int", "text": "2470"}
    assert values["input", "limit"]["version"] != values["input", "bad"]["version"]
    nodes = {one["name"]: one for one in any_store.nodes(made.run_id)}
    assert nodes["number"]["expands"] and nodes["number"]["doc"] == "The numbers."
    assert nodes["square"]["reads"] == [["number", "plain", 0], ["bad", "plain", 0]]
    assert nodes["limit"]["is_input"] and not nodes["limit"]["code"]
    assert "def square" in any_store.codes([nodes["square"]["code"]])[nodes["square"]["code"]]["source"]


def test_the_census_is_kept(any_store, monkeypatch, tmp_path):
    pandas = pytest.importorskip("pandas")
    monkeypatch.syspath_prepend(str(Path(__file__).parents[3] / "examples"))
    census = importlib.import_module("census")
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        for number in range(3):
            (tmp_path / name / f"m{number}.py").write_text("class C:\n    def f(self): ...\n" * (number + 1))
    (tmp_path / "bad.py").write_text("def (")
    with Builder().with_modules(census).with_executor("threads", workers=2).with_tracking(any_store).build() as driver:
        made = driver.run(["ranking", "table"], {"root": str(tmp_path)})
    run = any_store.run(made.run_id)
    assert (run["state"], run["name"]) == ("finished", "census")
    values = {one["name"]: one["summary"] for one in any_store.values(made.run_id)}
    assert isinstance(made.results["table"], pandas.DataFrame)
    assert values["table"]["shape"] == list(made.results["table"].shape)
    assert [column["name"] for column in values["table"]["columns"]] == list(made.results["table"].columns)
    assert predict(recording_of(any_store.lines(made.run_id)), [1]).predictions[0].seconds > 0


def test_a_kept_run_can_be_replayed_as_its_event_file_can(any_store, flow, tmp_path):
    path = tmp_path / "events.jsonl"
    builder = Builder().with_modules(flow).with_adapters(EventFile(path)).with_tracking(any_store)
    with builder.build() as driver:
        made = driver.run(["total", "most"], {"limit": 300, "bad": -1})
    kept = recording_of(any_store.lines(made.run_id))
    filed = recording_of(map(json.loads, path.read_text().splitlines()))
    assert [(one.task, one.lo, one.hi, one.inner) for one in kept.calls] == [
        (one.task, one.lo, one.hi, one.inner) for one in filed.calls
    ]
    assert [(one.task, one.length) for one in kept.fans] == [(one.task, one.length) for one in filed.fans]
    assert predict(kept, [1, 5]).predictions[1].calls == predict(filed, [1, 5]).predictions[1].calls


def test_a_failed_run_is_kept_with_its_failures(any_store, flow):
    with tracked(flow, any_store) as driver, pytest.raises(ValueError, match="no 3"):
        driver.run(["total"], {"limit": 5, "bad": 3})
    run = any_store.runs(Filter(state="failed"))[0]
    assert run["error"] == "ValueError: <b>no 3</b>"
    (failure,) = any_store.failures(run["run_id"])
    assert (failure["node"], failure["item"], failure["error"]) == ("square", [3], "ValueError")
    assert "in square" in failure["traceback"]
    assert [one["role"] for one in any_store.values(run["run_id"])] == ["input", "input"]


def test_failures_that_did_not_end_the_run_are_kept(store, flow):
    with tracked(flow, store) as driver:
        driver.run(["total"], {"limit": 5, "bad": 3}, on_error="skip")
    (run,) = store.runs()
    assert run["state"] == "finished"
    assert len(store.failures(run["run_id"])) == 1


def test_runs_are_found_and_counted(any_store, flow):
    word = f"findme{os.urandom(4).hex()}"
    for number in range(3):
        with tracked(flow, any_store, name=f"{word} 100%_{number}") as driver:
            driver.execute(["total"], {"limit": 2, "bad": -1})
    names = [run["name"] for run in any_store.runs(Filter(text=word.upper()))]
    assert names == [f"{word} 100%_{number}" for number in (2, 1, 0)]
    assert [run["name"] for run in any_store.runs(Filter(text=word, count=1, skip=1))] == [f"{word} 100%_1"]
    assert [run["name"] for run in any_store.runs(Filter(text="100%_2", state="finished"))][:1] == [f"{word} 100%_2"]
    assert any_store.runs(Filter(text=f"{word}%")) == []
    assert any_store.runs(Filter(text=word, state="lost")) == any_store.runs(Filter(text=word, state="failed")) == []


def test_a_run_is_named_by_the_beginning_of_its_id(store, flow):
    with tracked(flow, store) as driver:
        ids = [driver.run(["total"], {"limit": 1, "bad": -1}).run_id for _ in range(2)]
    assert store.run(ids[0][:10])["run_id"] == ids[0]
    with pytest.raises(InputError, match=r"there is no run 'zz'"):
        store.run("zz")
    with pytest.raises(InputError, match="there is no run ''"):
        store.run("")
    with pytest.raises(InputError, match=r"there is no run '%'"):
        store.run("%")


def test_the_catalogue_has_every_function_and_its_versions(any_store, flow):
    with tracked(flow, any_store) as driver:
        driver.execute(["total"], {"limit": 2, "bad": -1})
    found = {one["name"]: one for one in any_store.catalogue()}
    assert {"number", "square", "total"} <= set(found)
    assert "limit" not in found
    (version, *_) = any_store.versions_of("square")
    assert "def square" in version["source"]
    assert version["runs"]
    assert [one["name"] for one in any_store.catalogue("squ")] == ["square"]


def test_previews_can_be_left_out(store, flow):
    with tracked(flow, store, previews=False) as driver:
        driver.execute(["square"], {"limit": 3, "bad": -1})
    (run,) = store.runs()
    by_name = {one["name"]: one["summary"] for one in store.values(run["run_id"])}
    assert by_name["limit"] == {"type": "int"}
    assert "preview" not in by_name["square"] and by_name["square"]["shape"] == [3]


# -- while it goes on --------------------------------------------------------------------------------------------------


def test_events_are_written_in_groups(tmp_path, flow):
    class Counted(Store):
        groups = 0

        def write(self, group):
            Counted.groups += 1
            super().write(group)

    store = Counted(str(tmp_path / "history.db"))
    with tracked(flow, store) as driver:
        seconds = driver.run(["total"], {"limit": 200_000, "bad": -1}).report.seconds
    (run,) = store.runs()
    events = sum(1 for _ in store.lines(run["run_id"]))
    assert events > 20
    assert Counted.groups <= 4 + seconds / 0.5
    store.close()


def test_a_run_that_goes_on_can_be_seen(store, flow):
    met, go = Event(), Event()

    def hold(number: int) -> int:
        met.set()
        assert go.wait(60)
        return number

    from anabranch import module_from_functions

    held = module_from_functions(flow.number, hold)
    with tracked(held, store) as driver:
        handle = driver.submit(["hold"], {"limit": 3})
        assert met.wait(60)
        until(lambda: store.runs(Filter(state="running")))
        go.set()
        handle.result(60)
    assert [run["state"] for run in store.runs()] == ["finished"]


def until(condition, seconds=60.0):
    """Waits for something that another process or thread does and tells nobody of."""
    pause = Event()
    for _ in range(int(seconds / 0.05)):
        if condition():
            return
        pause.wait(0.05)
    raise AssertionError("it did not come true")


DRIVER = """
import sys
from anabranch import Builder, Collect, Parallelizable, module_from_functions

def number(limit: int) -> Parallelizable[int]:
    yield from range(limit)

def wait(number: int) -> int:
    if number == 50:
        sys.stdin.read()
    return number

def last(wait: Collect[int]) -> int:
    return len(wait)

driver = Builder().with_modules(module_from_functions(number, wait, last)).with_tracking(sys.argv[1]).build()
driver.execute(["last"], {"limit": 100})
"""


def test_a_killed_drivers_run_is_lost(store):
    driver = subprocess.Popen([sys.executable, "-c", DRIVER, store.where], stdin=subprocess.PIPE)
    try:
        until(lambda: any(run["progress"]["calls"] for run in store.runs(Filter(state="running"))))
        os.kill(driver.pid, signal.SIGKILL)
        driver.wait(60)
    finally:
        driver.kill()
        driver.stdin.close()
        driver.wait(60)
    assert store.runs(Filter(state="running")) == []
    (run,) = store.runs(Filter(state="lost"))
    assert run["state"] == store.run(run["run_id"])["state"] == "lost"
    assert run["ended"] is None
    assert run["progress"]["fans"][0]["done"] > 0
    assert sum(1 for _ in store.lines(run["run_id"])) > 1
    with pytest.raises(InputError, match="is not over, or was lost"):
        recording_of(store.lines(run["run_id"]))


# -- who lives ---------------------------------------------------------------------------------------------------------


def test_this_process_lives_and_one_of_its_number_born_earlier_does_not():
    here = place_of_process()
    assert is_alive(here, 0.0, now=1e9)
    other = json.loads(here)
    if not other["born"]:
        pytest.skip("this system does not say when a process was started")
    assert not is_alive(json.dumps(other | {"born": "1"}), 1e9, now=1e9)


@pytest.mark.parametrize("change", [{"boot": "another"}, {"space": "another"}, {"born": ""}])
def test_elsewhere_the_last_sign_of_life_counts(change):
    there = json.dumps(json.loads(place_of_process()) | change)
    assert is_alive(there, 1000.0, now=1000.0 + SILENCE - 1)
    assert not is_alive(there, 1000.0, now=1000.0 + SILENCE + 1)


@pytest.mark.parametrize("place", ["", "[]", "{", '{"process": "x"}', "null"])
def test_a_place_that_is_none_counts_by_its_beat(place):
    assert not is_alive(place, 0.0)


# -- trouble -----------------------------------------------------------------------------------------------------------


def test_a_store_that_cannot_be_written_does_no_harm(tmp_path, flow, caplog):
    class Broken(Store):
        def write(self, group):
            raise StoreError("the disk is full")

    store = Broken(str(tmp_path / "history.db"))
    with caplog.at_level(logging.ERROR, "anabranch"), tracked(flow, store) as driver:
        assert driver.execute(["total"], {"limit": 5, "bad": -1}) == {"total": 30}
    assert [record.getMessage().partition(" ")[2].partition(" ")[2] for record in caplog.records] == ["cannot be kept; it goes on"]
    store.close()


@pytest.mark.parametrize(
    ("where", "says"),
    [
        ("no/such/folder/h.db", "there is no folder 'no/such/folder'"),
        (".", "it is a folder"),
        ("nonsense://x", "none that SQLAlchemy knows"),
        ("://", "none that SQLAlchemy knows"),
    ],
)
def test_a_place_that_cannot_be(where, says):
    with pytest.raises(InputError, match=says):
        Tracker(where)


def test_a_file_that_is_no_store(tmp_path):
    (tmp_path / "odd.db").write_text("hello, this is no database at all, but it is long enough to look like a file")
    with pytest.raises(StoreError, match="cannot be used: file is not a database"):
        open_store(tmp_path / "odd.db")


def test_a_store_of_a_later_version(store, tmp_path):
    store.write([Write("about", [{"layout": 99}])])
    with store._engine.begin() as connection:
        connection.exec_driver_sql("DELETE FROM anabranch_about WHERE layout < 99")
    with pytest.raises(StoreError, match="later version"):
        open_store(store.where)


def test_the_place_is_taken_from_the_environment_or_the_users_folder(tmp_path, monkeypatch):
    monkeypatch.setenv("ANABRANCH_HISTORY", str(tmp_path / "here.db"))
    open_store().close()
    assert (tmp_path / "here.db").exists()
    monkeypatch.delenv("ANABRANCH_HISTORY")
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    open_store().close()
    assert (tmp_path / "anabranch" / "history.db").exists()


def test_a_password_is_not_told():
    pytest.importorskip("psycopg")
    with pytest.raises(StoreError) as caught:
        open_store("postgresql+psycopg://me:secret@127.0.0.1:1/base")
    assert "secret" not in str(caught.value)
    assert "me:***@127.0.0.1" in str(caught.value)
