"""Progress on its screens: what a terminal, a log, a program and a notebook get to see."""

import io
import json
import logging
import threading
from dataclasses import replace

import pytest
from rich.console import Console

from anabranch import Builder, Collect, InputError, Parallelizable, module_from_functions
from anabranch.see import FanProgress, Progress, Snapshot
from anabranch.see.bars import BarScreen, drawn
from anabranch.see.notebook_screen import html_of
from anabranch.see.runs import EachRun
from anabranch.see.screens import JsonScreen, LineScreen, document_of
from anabranch.words import amount, bytes_of, duration, share

EVIL = "<script>alert(1)</script>[red]"


def number(limit: int) -> Parallelizable[int]:
    yield from range(limit)


def square(number: int) -> int:
    return number * number


def total(square: Collect[int]) -> int:
    return sum(square)


FLOW = module_from_functions(number, square, total)


FAN = FanProgress("file", 0, 120, 1500, False, 16, 2, 45.25, 31.0, False)


def fan(name="file", **changes):
    return replace(FAN, name=name, **changes)


def snapshot(*fans, is_over=False, has_failed=False, failed=2, seconds=12.0):
    return Snapshot("id", ("x",), seconds, fans, 7, 3, failed, 4, 8, is_over, has_failed)


def text_of(shown, width=100):
    console = Console(file=io.StringIO(), width=width)
    console.print(drawn(shown, width))
    return console.file.getvalue()


def test_bars_say_what_is_known():
    text = text_of(snapshot(fan("folder", done=6, known=6, is_over=True, failed=0, out=0), fan(depth=1), fan(EVIL, is_open=True)))
    lines = text.splitlines()
    assert lines[0].startswith("folder")
    assert "6/6" in lines[0]
    assert lines[1].startswith("  file")
    assert "120/1,500" in lines[1]
    assert "2 failed, 45.2/s, 31 s left, 16 out" in lines[1]
    assert "120/1,500+" in lines[2]
    assert "source open" in lines[2]
    assert EVIL[:10] in lines[2]
    assert lines[3] == "running 12 s, 3 calls out, 4 workers, 2 failed"


def test_the_last_words():
    assert "done 12 s, 4 workers" in text_of(snapshot(is_over=True, failed=0))
    assert "failed 12 s, 4 workers, 2 failed" in text_of(snapshot(is_over=True, has_failed=True))


@pytest.mark.parametrize("width", [20, 40, 200])
def test_bars_fit_the_terminal(width):
    assert all(len(line) <= width for line in text_of(snapshot(fan("a" * 300)), width).splitlines())


def test_a_short_run_draws_nothing():
    stream = io.StringIO()
    screen = BarScreen(stream)
    screen.show(snapshot(is_over=True))
    assert stream.getvalue() == ""
    screen.show(snapshot(fan()))
    screen.show(snapshot(fan(), is_over=True))
    assert "file" in stream.getvalue()


def test_lines():
    stream = io.StringIO()
    screen = LineScreen(stream)
    screen.show(snapshot(fan(), is_over=True))
    assert stream.getvalue() == ""
    screen.show(snapshot(fan(), fan("done", is_over=True)))
    screen.show(snapshot(fan(is_over=True, failed=0, rate=None, left=None), is_over=True, has_failed=True))
    assert stream.getvalue().splitlines() == [
        "anabranch: running for 12 s: file 120/1,500, 45.2/s, 31 s left, 2 failed; 3 out on 4 workers",
        "anabranch: failed after 12 s: file 120/1,500; 2 failed",
    ]


def test_json_is_one_object_a_line():
    stream = io.StringIO()
    JsonScreen(stream).show(snapshot(fan(EVIL)))
    (line,) = stream.getvalue().splitlines()
    assert json.loads(line) == json.loads(json.dumps(document_of(snapshot(fan(EVIL)))))
    assert json.loads(line)["progress"]["fans"][0]["name"] == EVIL


def test_a_notebook_gets_text_only():
    html = html_of(snapshot(fan(EVIL), fan(is_open=True), fan(is_over=True, done=1500)))
    assert "<script>" not in html
    assert "&lt;script&gt;" in html
    assert "source open" in html
    assert "width:100.0%" in html


@pytest.mark.parametrize(
    ("number", "says"),
    [(0, "0"), (7, "7"), (1500000, "1,500,000"), (45.25, "45.2"), (0.12345, "0.123"), (1234.5, "1,234")],
)
def test_amounts(number, says):
    assert amount(number) == says


@pytest.mark.parametrize(
    ("seconds", "says"),
    [(0, "0 s"), (5e-6, "5 µs"), (0.0042, "4.2 ms"), (4.5, "4.5 s"), (125, "2:05"), (3725, "1:02:05"), (59.99, "60 s")],
)
def test_durations(seconds, says):
    assert duration(seconds) == says


def test_shares_and_bytes():
    assert (share(1, 3), share(1, 0), share(1, 10**6)) == ("33.3 %", "–", "< 0.01 %")
    assert (bytes_of(10), bytes_of(1536), bytes_of(5 * 2**40)) == ("10 B", "1.5 KiB", "5.12e+03 GiB")


def run(progress, limit=50, executor="threads"):
    with Builder().with_modules(FLOW).with_executor(executor).with_adapters(progress).build() as driver:
        return driver.execute(["total"], inputs={"limit": limit})


def test_a_function_of_the_caller_s():
    seen = []
    run(Progress(seen.append))
    assert seen[-1].is_over
    assert (seen[-1].fans[0].name, seen[-1].fans[0].done) == ("number", 50)


def test_the_caller_s_function_is_called_while_nothing_happens():
    seen, waiting = [], threading.Event()

    def show(shown):
        seen.append(shown)
        waiting.set()

    def wait(number: int) -> int:
        waiting.wait(30)
        return number

    wait.__name__ = "square"
    flow = module_from_functions(number, wait, total)
    with Builder().with_modules(flow).with_adapters(Progress(show, every=0.01)).build() as driver:
        driver.execute(["total"], inputs={"limit": 1})
    assert not seen[0].is_over
    assert (seen[0].running, seen[-1].is_over) == (1, True) or seen[0].running == 0


def test_a_screen_that_fails_is_told_of_once(caplog):
    def show(shown):
        raise RuntimeError("no screen")

    with caplog.at_level(logging.ERROR, "anabranch"):
        assert run(Progress(show, every=0.01)) == {"total": sum(n * n for n in range(50))}
    assert [record.message for record in caplog.records] == ["progress cannot be shown; the run goes on"]


def test_forms():
    stream = io.StringIO()
    run(Progress("json", stream=stream))
    assert json.loads(stream.getvalue().splitlines()[-1])["progress"]["is_over"]
    stream = io.StringIO()
    for form in ("auto", "lines", "bars", "none"):
        run(Progress(form, stream=stream))
    assert stream.getvalue() == ""
    with pytest.raises(InputError, match="auto, bars, lines, json, notebook or none, not 'dots'"):
        Progress("dots")
    with pytest.raises(InputError, match="every so many seconds, more than none; not 0"):
        Progress(every=0)


def test_each_run_has_its_own():
    made = []

    def make(started):
        made.append([])
        return made[-1].append

    each = EachRun(make)
    with Builder().with_modules(FLOW).with_adapters(each).build() as driver:

        def inner(number: int) -> int:
            return driver.execute(["total"], inputs={"limit": number})["total"]

        inner.__name__ = "square"
        flow = module_from_functions(number, inner, total)
        with Builder().with_modules(flow).with_adapters(each).build() as outer:
            threads = [threading.Thread(target=outer.execute, args=(["total"], {"limit": 3})) for _ in range(4)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
    assert len(made) == 4 * (1 + 3)
    for events in made:
        assert [type(event).__name__ for event in (events[0], events[-1])] == ["RunStarted", "RunFinished"]
        assert events[0].run_id == events[-1].run_id
        assert sum(type(event).__name__ == "RunStarted" for event in events) == 1
    each(made[0][-1])  # an event of no run is nobody's


def test_on_a_narrow_terminal_figures_come_before_bars():
    shown = replace(snapshot(fan("source_file")), memory=3 * 2**20)
    wide, narrow = (text_of(shown, width=width) for width in (100, 50))
    assert "━" in wide
    assert "━" not in narrow
    assert "source_file" in narrow
    assert "120/1,500" in narrow
    assert "2 failed" in narrow
    assert "3 MiB" in wide
