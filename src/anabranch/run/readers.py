"""Stream readers: functions that are fed while the fans that feed them still run.

A feed carries the parts of one column into one parameter, in order. The reader tells when it begins on a part; how far it
is behind decides how far its fans may go on (`FanState.lag`), so that memory is bounded by credit and not by the data. But
a reader of two streams may wait for one whose fan needs all of the other: when every reader waits and nothing else can be
done, a fan that was held back goes on.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from anabranch.executor import Call
from anabranch.plan import ReaderTask, Value
from anabranch.run.board import Board, Frames
from anabranch.run.commands import Command, EndFeed, Feed, Read
from anabranch.run.fan import FanState, Feeding
from anabranch.run.frame import Frame
from anabranch.run.values import Cell, Chunk, Column, gather
from anabranch.work import MISSING, Argument, Form, Layout, Missing, Outcome, Part

__all__ = ["Readers"]


class _Reader(NamedTuple):
    frame: Frame
    number: int
    task: ReaderTask
    feedings: list[tuple[FanState, Feeding]]


class Readers:
    """The readers of a run."""

    def __init__(self, board: Board, frames: Frames) -> None:
        self.board = board
        self.frames = frames
        self.known: list[_Reader] = []
        self.at_work: set[int] = set()
        self.gone: set[int] = set()

    def connect(self, frame: Frame, number: int, task: ReaderTask) -> None:
        """Lays the feeds of a frame's reader from the fans that make what it streams."""
        reader = len(self.known)
        frame.readers[number] = reader
        self.known.append(_Reader(frame, number, task, []))
        for position, feed in enumerate(task.feeds):
            if feed is not None:
                fan = next(fan for fan in frame.fans.values() if feed.value in fan.columns)
                feeding = Feeding(reader, position, feed.depth)
                fan.feedings[feed.value].append(feeding)
                self.known[reader].feedings.append((fan, feeding))

    def start(self, frame: Frame, number: int) -> None:
        """All that a reader needs besides its streams is there."""
        reader = frame.readers[number]
        if reader in self.gone:
            return
        _, _, task, feedings = self.known[reader]
        values: list[Any] = []
        arguments, iterators = [], []
        for position, (argument, feed) in enumerate(zip(task.arguments, task.feeds, strict=True)):
            if feed is None:
                arguments.append(gather(frame.slots[argument.value], argument.form, argument.depth, values))
            else:
                iterators.append((position, len(values)))
                arguments.append(Argument(Form.WHOLE, (Part(len(values)),)))
                values.append(None)
        self.at_work.add(reader)
        held: list[Command] = []
        for _, feeding in feedings:
            feeding.started = True
            held += feeding.held
            feeding.held.clear()
        board = self.board
        layout = Layout(reader, frame.where, 0, tuple(arguments), board.faults.on_error, board.run_id)
        call = Call(task.code, layout, tuple(values))
        self.board.urgent.append(Read(reader, call, tuple(iterators)))
        self.board.urgent.extend(held)

    def part(self, fan: FanState, value: Value, chunk: Chunk) -> None:
        """A part of a column has come: passes on to its streams what is due."""
        for feeding in fan.feedings[value]:
            for due in () if feeding.ended else feeding.deliverable(chunk):
                values: list[Any] = []
                argument = gather(Column([due]), Form.COLLECTED, feeding.depth, values)
                self._give(feeding, Feed(feeding.reader, feeding.feed, argument, tuple(values)))

    def end(self, fan: FanState, value: Value) -> None:
        """A column is complete: so are its streams."""
        for feeding in fan.feedings[value]:
            if not feeding.ended:
                self._give(feeding, EndFeed(feeding.reader, feeding.feed))

    def taken(self, reader: int, feed: int) -> list[FanState]:
        """A reader has begun on a part; returns the fans that may go on."""
        found = []
        for fan, feeding in self.known[reader].feedings:
            if feeding.feed == feed:
                feeding.lag -= 1
                found.append(fan)
        return found

    def awaited(self, reader: int, feed: int, taken: int) -> None:
        """A reader waits for a part."""
        for _, feeding in self.known[reader].feedings:
            if feeding.feed == feed:
                feeding.awaited = taken

    @property
    def starving(self) -> bool:
        """Whether there are readers at work, and all of them wait for something."""
        return bool(self.at_work) and all(
            any(feeding.hungry for _, feeding in self.known[reader].feedings) for reader in self.at_work
        )

    def finished(self, reader: int, outcome: Outcome) -> list[FanState]:
        """A reader has returned, perhaps before its streams ended; returns the fans that fed it."""
        if reader not in self.at_work:
            return []
        return self._leave(reader, outcome.holes[0] or outcome.outputs[0])

    def drop(self, fan: FanState, value: Value, missing: Missing) -> list[FanState]:
        """The column does not exist for this item, so neither does what its readers make."""
        found = []
        for feeding in fan.feedings[value]:
            if feeding.reader not in self.gone:
                found += self._leave(feeding.reader, missing)
        return found

    def _leave(self, reader: int, handle: Any) -> list[FanState]:
        frame, number, task, feedings = self.known[reader]
        self.gone.add(reader)
        for _, feeding in feedings:
            if reader in self.at_work and type(handle) in MISSING and not feeding.ended:
                self.board.urgent.append(EndFeed(reader, feeding.feed, cancelled=True))
            feeding.ended = True
        self.at_work.discard(reader)
        self.frames.provide(frame, task.output, Cell(handle))
        self.frames.task_done(frame, number)
        return [fan for fan, _ in feedings]

    def _give(self, feeding: Feeding, command: Feed | EndFeed) -> None:
        """Passes something on to a reader, or keeps it until the reader has started."""
        feeding.given += 1
        (self.board.urgent if feeding.started else feeding.held).append(command)
