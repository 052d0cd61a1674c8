"""Durations, failures, charts: the rest of what a report says."""

import re
import xml.etree.ElementTree as ET

import pytest

from anabranch.failure import Failure, capture
from anabranch.see.report import charts
from anabranch.see.report.durations import bin_of, bin_start, durations_of, slowest
from anabranch.see.report.failures import MOST, Failures
from anabranch.see.report.lanes import lanes_of
from anabranch.see.report.path import critical_path

EVIL = "<script>alert(1)</script>"


def test_quantiles_count_items_and_not_calls(record_of):
    record = record_of([("a", "f", 0, 0.0, 9.0, 90, ()), ("a", "f", 0, 9.0, 14.0, 10, ()), ("a", "g", 0, 14.0, 15.0, None, ())], 15.0)
    f, g = durations_of(record)
    assert (f.task, f.calls, f.items, f.seconds) == ("f", 2, 100, pytest.approx(14.0))
    assert (f.quantiles[0.5], f.quantiles[0.9], f.quantiles[0.99]) == (pytest.approx(0.1), pytest.approx(0.1), pytest.approx(0.5))
    assert f.longest == pytest.approx(0.5)
    assert sum(f.bins.values()) == 100
    assert (g.task, g.items) == ("g", 1)
    assert [(row.task, row.lo, row.hi) for row in slowest(record, 2)] == [("g", 0, 0), ("f", 90, 100)]


@pytest.mark.parametrize("seconds", [0.0, 1e-9, 1e-7, 1e-3, 0.5, 1.0, 3000.0])
def test_a_bin_holds_what_falls_into_it(seconds):
    number = bin_of(seconds)
    assert number >= 0
    assert seconds < bin_start(number + 1)
    assert bin_start(number) <= max(seconds, 1e-7) * 1.000001


def failure(node, item, message, worker="w"):
    def first():
        raise ValueError(message)

    try:
        first() if item % 2 else int("x")
    except ValueError as error:
        return Failure(node, ("f",), (item,), capture(error), "flow.py:3", worker)


def grouped(failures):
    found = Failures()
    for one in failures:
        found.add(one)
    return found.groups


def test_failures_of_endless_kinds_are_counted():
    found = Failures()
    for n in range(2 * MOST):
        found.add(failure(f"n{n}", 1, "no"))
    assert (found.count, len(found.groups), found.by_node["n3"]) == (2 * MOST, MOST, 1)


def test_failures_are_grouped_by_where_they_were_raised():
    found = grouped([failure("g", n, f"no {n}") for n in range(21)] + [failure("h", 1, EVIL)])
    assert [(group.node, group.error, group.count) for group in found] == [("g", "ValueError", 11), ("g", "ValueError", 10), ("h", "ValueError", 1)]
    assert found[1].items == [f"f[{n}]" for n in range(1, 17, 2)]
    assert found[1].message == "no 1"
    assert "in first" in found[1].traceback
    assert found[2].message == EVIL


def test_a_failure_whose_text_cannot_be_made():
    class Odd(Exception):
        def __str__(self):
            raise RuntimeError

    try:
        raise Odd
    except Odd as error:
        (group,) = grouped([Failure("f", (), (), capture(error))])
    assert group.message == "(its text cannot be made)"


def marks(svg):
    return [e for e in ET.fromstring(svg).iter() if e.tag == "rect" and re.match(r"t\d", e.get("class", ""))]


def test_a_timeline_shows_each_call_and_escapes_names(record_of):
    record = record_of([(EVIL, EVIL, 0.0, 1.0, 2.0, 3, (4, 5)), ("b", "g", 0.0, 2.0, 3.0, None, ())], 4.0)
    lanes, order = lanes_of(record), [EVIL, "g"]
    svg = charts.timeline(record, lanes, order)
    assert "<script" not in svg
    first, second = marks(svg)
    assert (first.get("class"), second.get("class")) == ("t0", "t1")
    assert float(first.get("x")) == pytest.approx(130 + 870 / 4, abs=0.1)
    assert first[0].text == f"{EVIL}, items 0 to 2 of 4 5: 1 s, from 1 s on"
    for svg in (charts.busy_chart(record, lanes), charts.path_chart(record, critical_path(record), order)):
        assert "<script" not in svg
        ET.fromstring(svg)
    assert "<script" not in charts.histogram(durations_of(record)[0], "t0")


def test_a_long_timeline_is_cut_into_columns(record_of):
    calls = [("a", "f" if n % 3000 < 1500 else "g", n * 0.01, n * 0.01, n * 0.01 + 0.009, 1, ()) for n in range(6000)]
    record = record_of(calls, 60.0)
    svg = charts.timeline(record, lanes_of(record), ["f", "g"])
    found = marks(svg)
    assert 4 <= len(found) < charts.COLUMNS
    assert {mark.get("class") for mark in found} == {"t0", "t1"}
    assert len(svg) < 100_000


def test_many_workers_and_many_tasks(record_of):
    calls = [(f"w{n}", f"t{n}", 0.0, 0.1, 0.2, 1, ()) for n in range(100)]
    record = record_of(calls, 1.0, slots=100)
    order = [one.task for one in durations_of(record)]
    svg = charts.timeline(record, lanes_of(record), order)
    assert svg.count("<g ") == charts.MOST_LANES
    assert charts.colour_of(order[50], order) == "t10"


@pytest.mark.parametrize("seconds", [0.0, 0.0003, 0.04, 0.9, 3.0, 12.0, 75.0, 4000.0, 200_000.0])
def test_times_on_the_axis_are_round_and_few(seconds):
    ticks = charts._ticks(seconds)
    assert ticks[0] == 0
    assert all(tick <= seconds * 1.000001 for tick in ticks)
    assert len(ticks) <= 11
    assert seconds == 0 or len(ticks) >= 4
