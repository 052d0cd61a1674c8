"""Traces are valid by the rules of the trace-event format, and tell what happened."""

import json
import threading
from itertools import groupby, pairwise

import pytest

from anabranch import Builder, InputError, Parallelizable, module_from_functions
from anabranch.see import Trace
from anabranch.see.clocks import Clocks


def check(events):
    """The rules of the format for the phases that are used here."""
    open_spans = {}
    for event in events:
        assert isinstance(event["name"], str)
        assert event["ph"] in set("MXCbei")
        assert isinstance(event["pid"], int)
        assert isinstance(event["tid"], int)
        assert isinstance(event["ts"], (int, float))
        assert event["ts"] >= 0
        assert isinstance(event.get("args", {}), dict)
        if event["ph"] == "X":
            assert event["dur"] >= 0
        elif event["ph"] == "M":
            known = {"process_name": "name", "process_labels": "labels", "thread_name": "name", "thread_sort_index": "sort_index"}
            assert set(event["args"]) == {known[event["name"]]}
        elif event["ph"] == "C":
            assert event["args"]
            assert all(isinstance(value, (int, float)) for value in event["args"].values())
        elif event["ph"] == "b":
            key = (event["cat"], event["id"])
            assert key not in open_spans
            open_spans[key] = event
        elif event["ph"] == "e":
            begun = open_spans.pop((event["cat"], event["id"]))
            assert (begun["name"], begun["ts"] <= event["ts"]) == (event["name"], True)
        elif event["ph"] == "i":
            assert event["s"] in set("gpt")
    assert not open_spans
    complete = sorted((e for e in events if e["ph"] == "X"), key=lambda e: (e["tid"], e["ts"], -e["dur"]))
    for _, track in groupby(complete, key=lambda e: e["tid"]):
        for one, other in pairwise(track):
            assert one["ts"] + one["dur"] <= other["ts"] + 0.01  # microseconds; numbers are rounded


def of_phase(events, phase):
    return [event for event in events if event["ph"] == phase]


@pytest.mark.parametrize("executor", ["sequential", "threads", "processes"])
@pytest.mark.parametrize("fails", [-1, 7])
def test_it_is_valid(watched, tmp_path, executor, fails):
    path = tmp_path / "trace.json"
    watched(Trace(path), executor=executor, fails=fails)
    events = json.loads(path.read_text())
    check(events)
    assert len(of_phase(events, "i")) == (fails >= 0)
    run = next(event for event in of_phase(events, "X") if event["name"] == "run")
    assert run["args"] == {"failed": fails >= 0}
    assert all(event["ts"] + event["dur"] <= run["dur"] + 1 for event in of_phase(events, "X"))
    names = {event["args"]["name"] for event in of_phase(events, "M") if event["name"] == "thread_name"}
    assert {"run", "driver"} <= names


def test_it_tells_what_happened(watched, tmp_path):
    path = tmp_path / "trace.json"
    watched(Trace(path))
    events = json.loads(path.read_text())
    spans = [event for event in of_phase(events, "X") if event.get("cat") == "span"]
    assert sum(event["args"]["items"] for event in spans if event["name"] == "folder") == 5
    assert {event["name"] for event in of_phase(events, "X")} >= {"run", "folder", "mean", "folder, pass 2"}
    assert {event["name"] for event in of_phase(events, "b")} == {"folder", "folder, pass 2"}
    done = [event["args"]["done"] for event in of_phase(events, "C") if event["name"] == "items of folder"]
    assert done == sorted(done)
    assert done[-1] == 5


def test_it_tells_of_pickling_memory_and_the_driver(watched, tmp_path):
    path = tmp_path / "trace.json"
    watched(Trace(path), executor="processes")
    events = json.loads(path.read_text())
    assert "unpickle" in {event["name"] for event in of_phase(events, "X")}, "the first call of a worker imports the flow"
    held = [event["args"]["MiB"] for event in of_phase(events, "C") if event["name"].startswith("memory of process")]
    assert held
    assert min(held) > 1


def test_a_slow_expander_is_on_the_driver_s_track(tmp_path):
    def item(count: int) -> Parallelizable[int]:
        for number in range(count):
            threading.Event().wait(0.002)
            yield number

    def step(item: int) -> int:
        return item

    path = tmp_path / "trace.json"
    builder = Builder().with_modules(module_from_functions(item, step)).with_executor("threads", workers=2)
    with builder.with_adapters(Trace(path)).build() as driver:
        driver.execute(["step"], inputs={"count": 10})
    events = json.loads(path.read_text())
    check(events)
    (driver_track,) = (e["tid"] for e in of_phase(events, "M") if e["args"].get("name") == "driver" and e["name"] == "thread_name")
    pulls = [event for event in of_phase(events, "X") if event["name"] == "take items of item"]
    assert {event["tid"] for event in pulls} == {driver_track}
    assert sum(event["args"]["items"] for event in pulls) == 10


def test_each_run_can_have_a_file_of_its_own(watched, tmp_path):
    trace = Trace(tmp_path / "{run_id}.json")
    watched(trace)
    watched(trace)
    for path in (found := list(tmp_path.iterdir())):
        check(json.loads(path.read_text()))
    assert len(found) == 2


def test_a_file_that_cannot_be(tmp_path):
    with pytest.raises(InputError, match=r"the trace cannot be written to '.*': it is a folder"):
        Trace(tmp_path)
    with pytest.raises(InputError, match=r"the trace cannot be written to '.*': there is no folder '.*nowhere'"):
        Trace(tmp_path / "nowhere" / "trace.json")


def test_clocks_of_this_machine_are_believed():
    clocks = Clocks(100.0)
    assert clocks.begin("w", 101.0, 0.5, 101.6) == 1.0
    assert clocks.begin("w", 102.0, 0.5, 102.5) == 2.0


@pytest.mark.parametrize("theirs", [-50.0, 5000.0])
def test_clocks_from_elsewhere_are_moved_so_that_the_quickest_answer_took_no_time(theirs):
    clocks = Clocks(100.0)
    assert clocks.begin("w", 101.0 + theirs, 0.5, 101.8) == pytest.approx(1.3)
    assert clocks.begin("w", 102.0 + theirs, 0.5, 102.6) == pytest.approx(2.1)
    assert clocks.begin("w", 103.0 + theirs, 0.5, 104.0) == pytest.approx(3.1)
    assert clocks.begin("v", 101.0, 0.5, 101.5) == 1.0
