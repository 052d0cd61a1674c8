"""Why an item ran or did not: told by a run that is here, and by a file."""

from __future__ import annotations

import os
import signal
import threading

import pytest

from anabranch import Builder, Collect, InputError, Parallelizable, Skip, module_from_functions, retry
from anabranch.events import (
    CallStarted,
    FanFinished,
    FanOpened,
    RunFinished,
    RunStarted,
    SourcePulled,
    SpanFinished,
    SpanSubmitted,
)
from anabranch.explain import Chronicle, chronicle_of, explained
from anabranch.explain.answer import Fate
from anabranch.explain.chronicle import Beginning
from anabranch.explain.lines import told
from anabranch.explain.outline import NodeOutline, TaskOutline
from anabranch.see import EventFile


def folder(folders: int) -> Parallelizable[int]:
    yield from range(folders)


def file(folder: int) -> Parallelizable[int]:
    yield from range(folder + 3)


def size(file: int, folder: int) -> int:
    if (folder, file) == (2, 3):
        raise ValueError("no size")
    if (folder, file) == (1, 1):
        raise Skip
    return file * folder


def double(size: int) -> int:
    return 2 * size


def per(double: Collect[int]) -> int:
    return sum(double)


def total(per: Collect[int]) -> int:
    return sum(per)


def unused(total: int) -> int:
    return total


FLOW = module_from_functions(folder, file, size, double, per, total, unused)

ASKED = [
    ("size", (2, 3), Fate.FAILED, "it raised ValueError: no size"),
    ("double", (2, 3), Fate.LEFT_OUT, "size[2,3] raised ValueError: no size"),
    ("double", (2, 2), Fate.RAN, "it was handed over"),
    ("per", 2, Fate.RAN, "took"),
    ("per", 17, Fate.NEVER, "there is no such item: there were 4"),
    ("total", None, Fate.RAN, "it waited for 'folder'"),
    ("folder", None, Fate.RAN, "gave 4 items"),
    ("folder", 2, Fate.RAN, "taken from the expander"),
    ("file", 3, Fate.RAN, ""),
    ("size", None, Fate.RAN, "1 item failed, the first size[2,3]: ValueError: no size"),
    ("unused", None, Fate.NEVER, "it was not needed for 'total'"),
    ("folders", None, Fate.NEVER, "it is an input"),
]


def ran(executor, tmp_path, flow=FLOW, output="total", inputs=None, **options):
    events = tmp_path / "events.jsonl"
    builder = Builder().with_modules(flow).with_executor(executor, **options).with_adapters(EventFile(events))
    with builder.with_failure_policy(on_error="skip").build() as driver:
        return driver.run([output], inputs={"folders": 4} if inputs is None else inputs), events


@pytest.mark.parametrize(("executor", "options"), [("sequential", {}), ("threads", {"workers": 2}), ("processes", {"workers": 2})])
def test_a_run_explains_itself_here_and_from_its_file(tmp_path, executor, options):
    run, events = ran(executor, tmp_path, **options)
    again = chronicle_of(events)
    for node, item, fate, words in ASKED:
        for found in (run.explain(node, item), explained(again, node, item)):
            assert (found.node, found.fate) == (node, fate), str(found)
            assert words in str(found)
        assert explained(again, node, item).reasons[:1] == run.explain(node, item).reasons[:1] or "after the run" in words + str(found)


def test_what_cannot_be_asked(tmp_path):
    run, _ = ran("sequential", tmp_path)
    with pytest.raises(InputError, match="there is no function 'siez'; did you mean 'size'"):
        run.explain("siez")
    with pytest.raises(InputError, match="'size' has 2 axes \\(folder × file\\), not 1"):
        run.explain("size", 3)
    with pytest.raises(InputError, match="'total' has 0 axes"):
        run.explain("total", 3)


def test_results_from_the_cache(tmp_path):
    builder = Builder().with_modules(FLOW).with_cache(tmp_path / "cache").with_failure_policy(on_error="skip")
    with builder.build() as driver:
        assert "cache" not in str(driver.run(["total"], {"folders": 3}).explain("size", (0, 1)))
        found = driver.run(["total"], {"folders": 3}).explain("total")
        assert found.fate is Fate.CACHED
        assert "its result was found in the cache" in str(found)


def test_attempts_and_deaths(tmp_path):
    def item(count: int) -> Parallelizable[int]:
        yield from range(count)

    @retry(3)
    def shaky(item: int) -> int:
        if item == 3:
            raise OSError("shaky")
        return item

    def deadly(item: int, folder: str) -> int:
        mark = os.path.join(folder, "died")
        if item == 5 and not os.path.exists(mark):
            open(mark, "w").close()
            os.kill(os.getpid(), signal.SIGKILL)
        return item

    def both(shaky: Collect[int], deadly: Collect[int]) -> int:
        return sum(shaky) + sum(deadly)

    flow = module_from_functions(item, shaky, deadly, both)
    run, _ = ran("processes", tmp_path, flow, "both", {"count": 8, "folder": str(tmp_path)}, workers=2)
    assert "it raised OSError: shaky, 3 times" in str(run.explain("shaky", 3))
    found = str(run.explain("deadly", 5))
    assert "died while it held it" in found
    assert "it was sent again" in found


def test_a_run_that_fails_and_one_that_goes_on():
    entered, leave = threading.Event(), threading.Event()

    def item(count: int) -> Parallelizable[int]:
        yield from range(count)

    def wait(item: int) -> int:
        entered.set()
        leave.wait(60)
        if item == 1:
            raise ValueError("one")
        return item

    def end(wait: Collect[int]) -> int:
        return sum(wait)

    with Builder().with_modules(module_from_functions(item, wait, end)).with_executor("threads", workers=1).build() as driver:
        handle = driver.submit(["end"], {"count": 5})
        assert entered.wait(60)
        assert handle.explain("wait", 0).fate is Fate.RUNNING
        assert handle.explain("wait", 4).fate is Fate.WAITING
        found = handle.explain("end")
        assert (found.fate, found.reasons) == (Fate.WAITING, ("it waits for 'item'",))
        leave.set()
        with pytest.raises(ValueError, match="one"):
            handle.result(60)
        assert handle.explain("wait", 1).fate is Fate.FAILED
        assert handle.explain("end").fate in {Fate.NEVER, Fate.LEFT_OUT}
        assert "wait[1] raised ValueError: one" in str(handle.explain("end"))


# -- told by hand ------------------------------------------------------------------------------------------------------

NODES = (
    NodeOutline("x", "int", ("x",), True, ("n",), "f.py:1"),
    NodeOutline("y", "int", ("x",), False, ("x",), "f.py:2"),
    NodeOutline("z", "int", (), False, ("y",), "f.py:3"),
)
TASKS = (
    TaskOutline("x()", "expand", ("x",), (), "", "x"),
    TaskOutline("x", "fan", ("y",), ("x()",), "", "x"),
    TaskOutline("z", "call", ("z",), ("x",), "", ""),
)


def chronicle(*events):
    made = Chronicle()
    made.began(Beginning("id", ("z",), NODES, TASKS))
    for at, event in events:
        made.observe(event, at)
    return made


def test_the_run_has_not_come_to_it():
    begun = chronicle((1.0, FanOpened("x", "x", (), None)), (1.5, SourcePulled("x", "x", (), 0, 4, 0.1, 0.0)))
    assert str(explained(begun, "y", 9)) == "y[9] has not run yet\n  its expander has not given it yet"
    begun.observe(SpanSubmitted("x", "x", (), 0, 2), 2.0)
    assert str(explained(begun, "y", 1)) == "y[1] is running\n  it was handed over 2 s after the run had begun"
    assert explained(begun, "y", 3).reasons == ("1 call is out, and it comes later",)
    begun.observe(RunFinished("id", True), 3.0)
    assert explained(begun, "y", 1).fate is Fate.NEVER
    assert "the run ended before it was back" in str(explained(begun, "y", 1))
    assert explained(begun, "z").reasons == ("the run had ended with an error before it came to it",)


def test_a_call_waits_for_what_comes_last():
    told = chronicle(
        (1.0, FanOpened("x", "x", (), 1)),
        (1.0, SpanSubmitted("x", "x", (), 0, 1)),
        (2.5, SpanFinished("x", "x", (), 0, 1, 1.25, 7.0, "w", 1)),
        (2.5, FanFinished("x", "x", (), 1)),
        (2.5, CallStarted("z", ())),
    )
    assert str(explained(told, "y", 0)).splitlines() == [
        "y[0] ran",
        "  it was handed over 1 s after the run had begun",
        "  then it waited 250 ms on its way there and back",
        "  it took 1.25 s, on w",
        "  1 more attempt was needed",
    ]
    assert explained(told, "z").fate is Fate.RUNNING


def test_files_that_are_torn_strange_or_no_event_files(tmp_path):
    _, events = ran("sequential", tmp_path)
    lines = events.read_text().splitlines()
    torn = told([*lines[:-2], lines[-2][:20]])
    assert explained(torn, "double", (2, 2)).fate is Fate.RAN
    strange = told([lines[0].replace('"plan":', '"later":1,"plan":'), '{"event":"Later","at":1,"what":2}', *lines[1:]])
    assert str(explained(strange, "size", (2, 3))).startswith("size[2,3] failed")
    assert told([]) is None
    assert told(["{}"]) is None
    assert told(['{"event":"SpanFinished","at":1}']) is None
    for name, text in (("a", "not json"), ("b", "")):
        (tmp_path / name).write_text(text)
        with pytest.raises(InputError, match="is no event file"):
            chronicle_of(tmp_path / name)
    (tmp_path / "c").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(InputError, match="it is not text"):
        chronicle_of(tmp_path / "c")
    with pytest.raises(InputError, match="cannot be read"):
        chronicle_of(tmp_path / "d")


def test_a_span_is_a_few_numbers():
    made = Chronicle()
    made.observe(RunStarted("id", ("z",)), 0.0)
    for number in range(10_000):
        made.observe(SpanSubmitted("x", "x", (), number, number + 1), 1.0)
        made.observe(SpanFinished("x", "x", (), number, number + 1, 0.1, 0.0, "w"), 2.0)
    place = made.place("x", ())
    assert not place.out
    assert place.numbers.itemsize * len(place.numbers) + place.times.itemsize * len(place.times) <= 80 * 10_000


def test_what_a_message_says_to_a_terminal_is_not_passed_on(tmp_path):
    def bad() -> int:
        raise ValueError("\x1b[31mred\x07\nsecond")

    flow = module_from_functions(bad)
    with Builder().with_modules(flow).build() as driver:
        handle = driver.submit(["bad"])
        with pytest.raises(ValueError, match="red"):
            handle.result(60)
    assert handle.explain("bad").reasons[0].startswith("it raised ValueError: \N{REPLACEMENT CHARACTER}[31mred\N{REPLACEMENT CHARACTER}")
