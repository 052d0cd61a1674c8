"""What holds of a run's state at any time, whatever has happened: checked by tests, after every step.

Theory: the counts that the run keeps are redundant with the calls that it has made, so each can be recounted. A run whose
counts are right ends when its calls have come back, and not before.

This module never changes what it looks at.
"""

from __future__ import annotations

from collections import Counter
from itertools import pairwise
from typing import Any

from anabranch.executor import Shared
from anabranch.run import Run
from anabranch.run.board import Purpose, Trip
from anabranch.run.fan import FanState, Phase
from anabranch.run.frame import Frame
from anabranch.run.values import Chunk, Trail
from anabranch.testing.stepped import Stepped

__all__ = ["WatchedRun", "check"]


class WatchedRun(Run):
    """A run that keeps all its frames, to be looked at."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        self.frames: list[Frame] = []
        super().__init__(*arguments, **options)

    def open(self, frame: Frame) -> None:
        """Starts a frame."""
        self.frames.append(frame)
        super().open(frame)

    @property
    def trips(self) -> dict[int, Trip]:
        """The calls that were made and have not come back, by number."""
        return self.board._trips  # noqa: SLF001  whom nobody but tests needs to see


def check(engine: Stepped, run: WatchedRun) -> None:
    """Checks all of them."""
    _check_calls(engine, run)
    twice = [place for place, times in Counter((f.node, f.item) for f in run.failures).items() if times > 1]
    assert not twice, f"an item of a function fails once, and not {twice}"
    if not run.stopped:
        for frame in run.frames:
            _check_frame(run, frame)
        assert engine.out or engine.delayed or engine.readers, "a run that goes on waits for something"
    if run.done:
        _check_released(run, engine)


def _check_calls(engine: Stepped, run: WatchedRun) -> None:
    board = run.board
    out, ready = set(engine.out), {call.id for room in board.all_rooms for call in room.ready}
    for room in board.all_rooms:
        assert len(room.out) <= room.credit, "no more calls are out at a place than there is credit for"
    assert board.out == out, "the run knows which calls are out"
    if run.stopped:
        assert run.next() is None, "a run that has stopped has nothing more to do"
    else:
        assert not board.urgent, "what is urgent has been done"
        doubles = run.doubles
        alarms = {*board.postponed, *(doubles.alarms if doubles is not None else ())}
        assert {alarm.alarm for alarm in engine.delayed} == alarms, "a call that waits has an alarm"
        known = (out | ready | set(board.postponed)) - board.recalled
        assert set(run.trips) == known, "there is an errand for every call that is out or waits, and for no other"


def _check_frame(run: WatchedRun, frame: Frame) -> None:
    copies = run.doubles.copies if run.doubles is not None else ()
    mine = [trip.errand for number, trip in run.trips.items() if trip.errand.frame is frame and number not in copies]
    if frame.left:
        assert not frame.pending
    assert frame.pending == sum(errand.purpose is Purpose.EXPORT for errand in mine), "a frame waits for its exports"
    for number, fan in frame.fans.items():
        if fan.phase is not Phase.DONE:
            merging = Counter(e.merge for e in mine if e.purpose is Purpose.MERGE and e.number == number)
            assert [state.busy for state in fan.merges] == [merging[n] for n in range(len(fan.merges))]
            inside = [inner for inner in run.frames if inner.parent is fan and (inner.left or inner.pending)]
            assert fan.alive == len(inside), "a fan knows how many of its items are open"
            spans = [(e.lo, e.hi) for e in mine if e.purpose is Purpose.SPAN and e.number == number]
            assert fan.outstanding == len(spans) + fan.alive, "a fan waits for its spans and its open items"
            _check_columns(fan, [*spans, *((inner.where[-1], inner.where[-1] + 1) for inner in inside)])


def _check_columns(fan: FanState, out: list[tuple[int, int]]) -> None:
    """Every item before the cut is out, or has arrived, once."""
    for value, column in fan.columns.items():
        if value in fan.kept and value != fan.task.items:
            dropped = [(0, column.start)] if isinstance(column, Trail) else []
            _check_tiling(fan, sorted([*dropped, *out, *((chunk.lo, chunk.hi) for chunk in column.chunks)]))
    for state in fan.merges:
        parts: list[Chunk] = [chunk for row in state.starts.values() for chunk in row]
        if not state.busy:
            _check_tiling(fan, sorted([*out, *((chunk.lo, chunk.hi) for chunk in parts)]))


def _check_tiling(fan: FanState, ranges: list[tuple[int, int]]) -> None:
    bounds = [(0, 0), *ranges, (fan.cut, fan.cut)]
    gaps = [(before, after) for before, after in pairwise(bounds) if before[1] != after[0]]
    assert not gaps, f"each item of '{fan.task.name}' is out or has come back, once, and not {ranges} of {fan.cut}"


def _check_released(run: WatchedRun, engine: Stepped) -> None:
    """What nobody reads any more has been dropped."""
    root = run.root
    kept = {value for value in root.slots if value not in root.plan.outputs and root.reading.get(value)}
    assert not kept, f"values are dropped after their last reader, and not kept: {kept}"
    sent = {value.key for value in engine.holder.shared if isinstance(value, Shared)}
    wanted = {shared.key for value, shared in root.shared.items() if value in root.plan.outputs}
    left = sent - engine.holder.forgotten - wanted
    assert not left, f"shared values are forgotten after their last reader, and not kept: {left}"
