"""The run: a pure state machine. News goes in with `handle`, commands come out of `next`; nothing else changes state.

Theory: a frame's tasks wait for values; a task that has all it needs is *ready*. Calls go out as they are; a fan is cut into
spans, one at a time, whenever there is credit, so that the number of items never matters here, only the number of spans.

::

    news ──▶ handle ──▶ values of a frame ──▶ tasks ready ──▶ next ──▶ commands
                         ▲                                     │
                         └── outcome of a span, a call, ◀──────┘ Submit, RunHere, Pull, OpenSource, Read, Feed …
                             a pull, a reader

    board.py    what is out, what is to be done next: shared by all that follow
    run.py      frames: which values are there, which tasks can start            (this module)
    fans.py     sources, spans, items opened as frames
    doubles.py  second copies of spans that take too long
    losses.py   how a span is cut up whose worker died
    rooms.py    what a run has at each place
    tokens.py   what it divides among its calls
    gates.py    whose turn it is to call what many call
    budget.py   how many failures the run puts up with
    merges.py   partial values of associative collectors
    readers.py  stream readers and their feeds

Invariants: at most `credit` calls are out at a place; a late outcome of a call that nobody waits for is ignored; values are
handles and are never looked into; the same plan and the same order of news give the same commands and the same events.

This module never knows time, threads, processes, or which executor there is.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Any

from anabranch.errors import TransferError
from anabranch.events import CallFinished, CallStarted, Event, PartsJoined, WorkerDied
from anabranch.executor import CallFailed, CallLost, Message, Reference, Replay
from anabranch.failure import Failure
from anabranch.limits import Limit
from anabranch.placement import DEFAULT_PLACE
from anabranch.plan import CallTask, FanTask, FramePlan, ReaderTask, SourceTask, Value
from anabranch.policies import DEFAULT, Faults, Policy
from anabranch.run.board import Board, Errand, Purpose, Trip, gathered
from anabranch.run.commands import (
    Command,
    Due,
    FeedAwaited,
    FeedTaken,
    Looked,
    News,
    Pulled,
    ReaderFinished,
    RunHere,
    SourceOpened,
    Stopped,
    Weighed,
)
from anabranch.run.doubles import Doubles
from anabranch.run.fan import Phase
from anabranch.run.fans import Fans, reason_of, timing_of
from anabranch.run.frame import Frame
from anabranch.run.gates import Gates
from anabranch.run.readers import Readers
from anabranch.run.rooms import Capacity, Room
from anabranch.run.sizes import Estimate
from anabranch.run.tokens import Tokens
from anabranch.run.values import Cell, Slot, gather
from anabranch.work import MISSING, Code, Form, Outcome

__all__ = ["Run"]

class Run:
    """One run of a plan.

    Args:
        plan: the root frame's plan.
        given: the values that come with the request.
        slots: how many calls run at the same time, at the default place.
        credit: how many may be out there.
        places: the same and more for further places, or for the default one.
        tokens: what there is of the machine that the run divides among its calls, by name.
        faults: what the run does about failures.
        policies: what functions say of their failures themselves, by node.
        estimates: seconds per item by task, from earlier runs of the plan; kept up to date.
        run_id: identifies it, where its calls are performed.
    """

    def __init__(
        self,
        plan: FramePlan,
        given: Mapping[Value, Slot],
        *,
        slots: int,
        credit: int,
        places: Mapping[str, Capacity] = MappingProxyType({}),
        tokens: Mapping[str, float] | None = None,
        faults: Faults = DEFAULT,
        policies: Mapping[str, Policy] = MappingProxyType({}),
        estimates: dict[FanTask, Estimate] | None = None,
        run_id: str = "",
        limits: Mapping[str, Limit] = MappingProxyType({}),
    ) -> None:
        self.done = False
        capacities = {DEFAULT_PLACE: Capacity(slots, credit), **places}
        self.board = Board(capacities, faults, policies, run_id)
        if tokens is not None or limits:
            self.board.tokens = Tokens(tokens or {}, Gates(limits, self.board.ids))
        self.readers = Readers(self.board, self)
        self.doubles = Doubles(self.board) if any(policy.pure for policy in policies.values()) else None
        self.fans = Fans(self.board, self, self.readers, {} if estimates is None else estimates)
        self.fans.doubles = self.doubles
        self._openings: deque[tuple[Frame, int]] = deque()
        self._takes: Mapping[type, Callable[[Any], None]] = {
            Pulled: self.fans.pulled,
            Looked: self.fans.looked,
            SourceOpened: self.fans.source_opened,
            FeedTaken: self._feed_taken,
            FeedAwaited: lambda news: self.readers.awaited(news.reader, news.feed, news.taken),
            ReaderFinished: self._reader_finished,
            Due: self._due,
            Stopped: self._stopped,
            Weighed: self.board.has_weight,
        }
        self.root = Frame(plan, (), given, None)
        self.open(self.root)

    # -- what the engine sees --------------------------------------------------------------------------------------

    @property
    def stopped(self) -> bool:
        """Whether nothing more is to be done: finished, or failed."""
        return self.done or self.board.failed

    @property
    def in_flight(self) -> int:
        """How many calls the executor has."""
        return sum(len(room.out) for room in self.board.all_rooms)

    @property
    def slots(self) -> int:
        """How many calls run at the same time."""
        return sum(room.slots for room in self.board.all_rooms)

    @property
    def failures(self) -> list[Failure]:
        """The items that failed, in the order in which that became known."""
        return self.board.failures

    @property
    def fatal(self) -> Failure | None:
        """The failure that ended the run, if one did."""
        return self.board.fatal

    @property
    def exceeded(self) -> str:
        """In words, how many failures were too many; empty if they were not."""
        return self.board.exceeded

    @property
    def error(self) -> Exception | None:
        """What else ended the run."""
        return self.board.error

    @property
    def faults(self) -> Faults:
        """What the run does about failures."""
        return self.board.faults

    @property
    def events(self) -> deque[Event]:
        """Facts that observers have not been told."""
        return self.board.events

    def forgotten(self) -> list[int]:
        """Keys of `Shared` values that were dropped since this was last asked."""
        keys, self.board.forgotten = self.board.forgotten, []
        return keys

    def source_place(self, source: int) -> tuple[str, tuple[int, ...]]:
        """The axis of a source, and the item for which it was opened."""
        fan = self.fans.sources[source]
        return fan.task.axis, fan.frame.where

    def reader_place(self, reader: int) -> tuple[str, tuple[int, ...]]:
        """The task of a stream reader, and the item for which it reads."""
        known = self.readers.known[reader]
        return known.task.name, known.frame.where

    def next(self) -> Command | None:
        """The next thing to do now; None if it is time to wait for news."""
        board = self.board
        while not self.stopped:
            if board.urgent:
                return board.urgent.popleft()
            choice = board.choice()
            if choice is not None:
                room, is_ready = choice
                command = self._send(room) if is_ready else self.fans.cut(room)
                if command is not None:
                    return command
                continue
            if self._openings:
                return self.fans.open_source(*self._openings.popleft())
            if (look := self.fans.look()) is not None:
                return look
            if not self.is_stuck or not self.fans.force():
                return None if self.doubles is None else self.doubles.watch()
        return None

    @property
    def is_stuck(self) -> bool:
        """Whether no news can come of what has been done so far: nothing is out, and every reader waits."""
        board = self.board
        return not (self.in_flight or board.postponed or board.is_paced) and (self.readers.starving or not self.readers.at_work)

    def handle(self, news: News) -> None:
        """Takes in what happened."""
        take = self._takes.get(type(news))
        if take is not None:
            take(news)
        elif (trip := self.board.returned(news)) is not None:  # type: ignore[arg-type]
            message = _moved_or_not(news)  # type: ignore[arg-type]
            if self.doubles is None or self.doubles.settles(trip, message):
                self._returned(trip, message)

    def _feed_taken(self, news: FeedTaken) -> None:
        for fan in self.readers.taken(news.reader, news.feed):
            self.fans.queue(fan)

    def _reader_finished(self, news: ReaderFinished) -> None:
        if not self.board.went_wrong(news.outcome) and isinstance(news.outcome, Outcome):
            self.fans.release(self.readers.finished(news.reader, news.outcome))

    def _due(self, news: Due) -> None:
        if self.doubles is not None and news.alarm in self.doubles.alarms:
            if not self.stopped:  # then nothing more goes out
                self.doubles.due(news.alarm)
        else:
            self.board.due(news.alarm)

    def _stopped(self, news: Stopped) -> None:
        self.board.error = self.board.error or news.error

    def _send(self, room: Room) -> Command:
        """A ready call goes out; or runs here, if it may, it is the only thing to do, and all it needs is here."""
        board = self.board
        call = room.ready.popleft()
        plain = call.place == DEFAULT_PLACE and not call.needs
        alone = plain and board.is_quiet and not (self._openings or self.readers.at_work)
        if alone and board.is_safe(call) and not any(isinstance(value, Reference) for value in call.values):
            return RunHere(call)
        return board.submit(call)

    def _returned(self, trip: Trip, message: Message) -> None:
        errand = trip.errand
        if isinstance(message, Outcome) and message.pushed is not None:
            fan = errand.frame.fans.get(errand.number) if errand.purpose is Purpose.SPAN else None
            if fan is None or fan.phase is not Phase.DONE:
                self.board.push_back(trip, message.pushed)
            return
        if errand.purpose is Purpose.SPAN:
            self.fans.span_returned(trip, message)
            return
        if not isinstance(message, Outcome):
            if self.board.failed or not self._goes_on(trip, message):
                return
            message = self._failed_call(trip, message)
        self.board.note([self._placed(trip, failure) for failure in message.failures])
        if errand.purpose is not Purpose.CALL:
            self.board.events.append(PartsJoined(_joined(errand), errand.frame.where, *timing_of(message)))
        if self.board.failed:
            return
        if errand.purpose is Purpose.CALL:
            self._call_returned(errand, message)
        elif errand.purpose is Purpose.MERGE:
            self.fans.merge_returned(errand, message)
        else:
            self._exported(errand, message)

    def _placed(self, trip: Trip, failure: Failure) -> Failure:
        """The failure with what it needs to be replayed, and the item that the expander gave, if that is here."""
        frame = trip.errand.frame
        item = frame.slots.get(Value(frame.parent.task.axis, 0)) if frame.parent is not None else None
        if isinstance(item, Cell) and item.is_local:
            failure = replace(failure, value=item.handle)
        if not self.board.keeps_inputs:
            return failure
        again = Replay(trip.call.code, trip.call.layout._replace(on_error="raise"), trip.call.values)
        return replace(failure, again=again)

    def _goes_on(self, trip: Trip, message: CallFailed | CallLost) -> bool:
        """Whether a call outside of any span that came to nothing has failed for good; if not, it is sent again, or the
        run is over.
        """
        errand, board = trip.errand, self.board
        if isinstance(message, CallFailed):
            tolerates = board.tolerates(trip.call.code, in_fan=bool(errand.frame.where))
            if not (tolerates and isinstance(message.error, TransferError)):
                board.error = message.error
            return not board.failed
        name = errand.value.name if errand.value is not None else errand.frame.plan.tasks[errand.number].name
        if message.cause != "exception":
            board.events.append(WorkerDied(name, errand.frame.where, 0, 0, message.worker, message.reason))
        following = self.fans.following(trip, errand, message)
        if following is not None:
            board.send(board.again(trip, following[0]), following[1])
        return following is None and not board.failed

    def _failed_call(self, trip: Trip, message: CallFailed | CallLost) -> Outcome:
        """The outcome of a call outside of any span that has failed for good."""
        errand = trip.errand._replace(deaths=trip.errand.deaths + isinstance(message, CallLost))
        lost = message if isinstance(message, CallLost) else None
        failure = self.board.failure(errand, reason_of(errand, message), errand.frame.where, lost)
        handles = (failure,) * trip.call.code.outputs
        return Outcome(message.call, handles, handles, (failure,), 0.0, 0.0)

    # -- frames ----------------------------------------------------------------------------------------------------

    def open(self, frame: Frame) -> None:
        """Starts a frame: every task that needs nothing is ready."""
        self.fans.lay(frame)
        for number, task in enumerate(frame.plan.tasks):
            if isinstance(task, ReaderTask):
                self.readers.connect(frame, number, task)
        for number, waiting in enumerate(tuple(frame.waiting)):
            if not waiting:
                self._enable(frame, number)
        if not frame.plan.tasks:
            self._frame_done(frame)

    def provide(self, frame: Frame, value: Value, slot: Slot) -> None:
        """A value of a frame is whole: tasks that waited for nothing else can start."""
        for number in list(frame.provide(value, slot)):
            self._enable(frame, number)

    def task_done(self, frame: Frame, number: int) -> None:
        """A task has made all its values: what only it read is dropped, and the frame may be done."""
        self.board.forgotten += frame.release(number)
        frame.left -= 1
        if not frame.left:
            self._frame_done(frame)

    def _enable(self, frame: Frame, number: int) -> None:
        task = frame.plan.tasks[number]
        if isinstance(task, CallTask):
            errand = Errand(Purpose.CALL, frame, number)
            once = self.board.faults.on_error == "raise" and not task.code.policies
            self.board.send(self.board.call(errand, task.code, gathered(frame, task.arguments, once=once)))
            self.board.events.append(CallStarted(task.name, frame.where))
        elif isinstance(task, SourceTask):
            self._openings.append((frame, number))
        elif isinstance(task, ReaderTask):
            self.readers.start(frame, number)
        else:
            self.fans.start(frame.fans[number])

    def _call_returned(self, errand: Errand, outcome: Outcome) -> None:
        frame, number = errand.frame, errand.number
        task = frame.plan.tasks[number]
        assert isinstance(task, CallTask)
        self.board.events.append(CallFinished(task.name, frame.where, *timing_of(outcome)))
        for value, handle, hole in zip(task.outputs, outcome.outputs, outcome.holes, strict=True):
            self.provide(frame, value, Cell(hole or handle))
        self.task_done(frame, number)

    # -- the end of a frame ----------------------------------------------------------------------------------------

    def _frame_done(self, frame: Frame) -> None:
        fan = frame.parent
        if fan is None:
            self.done = True
            self.board.exceeded = self.board.exceeded or self.board.budget.settle()
            return
        self.board.forgotten += frame.close()
        for reading in fan.task.fan.outputs:
            if reading.outer in fan.task.columns or reading.inner in fan.task.merge_sources:
                self._export(frame, reading.inner)
        if not frame.pending:
            self.fans.item_done(frame)

    def _export(self, frame: Frame, value: Value) -> None:
        """Makes one handle of a value that the outer frame needs: a column is joined, where its parts are."""
        slot = frame.slots[value]
        if isinstance(slot, Cell):
            frame.results[value] = (slot.handle, type(slot.handle) in MISSING)
        elif slot.is_local:
            frame.results[value] = (slot.joined(), slot.holes)
        else:
            frame.pending += 1
            values: list[object] = []
            argument = gather(slot, Form.JOINED, 0, values)
            errand = Errand(Purpose.EXPORT, frame, 0, value=value, holes=slot.holes)
            self.board.send(self.board.call(errand, JOIN, ([argument], values)))

    def _exported(self, errand: Errand, outcome: Outcome) -> None:
        frame = errand.frame
        assert errand.value is not None
        frame.results[errand.value] = (outcome.outputs[0], errand.holes or outcome.holes[0] is not None)
        frame.pending -= 1
        if not frame.pending:
            self.fans.item_done(frame)


def _joined(errand: Errand) -> str:
    """Whose value is put together."""
    if errand.value is not None:
        return errand.value.name
    task = errand.frame.plan.tasks[errand.number]
    assert isinstance(task, FanTask)
    return task.merges[errand.merge].output.name


def _moved_or_not(message: Message) -> Message:
    """The message; as one of a loss if an item is to be tried again elsewhere."""
    move = message.moved if isinstance(message, Outcome) else None
    if move is None:
        return message
    assert isinstance(message, Outcome)
    return CallLost(message.call, move.said, message.worker, "exception", move.node, move.where, move=move)


JOIN = Code("join", "join", "def task(r, where, start, parts):\n    return parts\n", {}, (), {}, 1, loops=False)
"""The code that makes one list of a column's parts, on whatever worker is nearest to them."""
