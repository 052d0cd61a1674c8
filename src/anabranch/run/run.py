"""The run: a pure state machine. News goes in with `handle`, commands come out of `next`; nothing else changes state.

Theory: a frame's tasks wait for values; a task that has all it needs is *ready*. Calls go out as they are; a fan is cut into
spans, one at a time, whenever there is credit, so that the number of items never matters here, only the number of spans.
Fans are a stack: the one that opened last is cut first, so that what is begun is finished before more is begun, and memory
follows what is in flight. A fan whose body opens another axis is a matter of scale: its first items are *opened*, each a
frame whose inner fan is cut into spans of its own, which is what a few wide items need; when there turn out to be many, the
rest go as loops inside spans, which is what many narrow items need.

::

    news ──▶ handle ──▶ values of a frame ──▶ tasks ready ──▶ next ──▶ commands
                         ▲                                     │
                         └── outcome of a span, a call, ◀──────┘ Submit, RunHere, Pull, OpenSource, Read, Feed …
                             a pull, a reader

Invariants: at most `credit` calls are out; a late outcome of a call that nobody waits for is ignored; values are handles and
are never looked into; the same plan and the same order of news give the same commands and the same events.

This module never knows time, threads, processes, or which executor there is.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import replace
from enum import Enum
from itertools import count
from typing import Any, NamedTuple

from anabranch.errors import InputError, WorkerLost
from anabranch.events import CallFinished, CallStarted, Event, FanFinished, FanOpened, ItemFailed, SpanFinished, SpanSubmitted
from anabranch.executor import Call, CallFailed, CallLost, Message, Reference, Shared
from anabranch.failure import Failure
from anabranch.plan import CallTask, FanTask, FramePlan, Gather, ReaderTask, SourceTask, Value
from anabranch.run.commands import (
    CloseSource,
    Command,
    EndFeed,
    Feed,
    FeedTaken,
    News,
    OpenSource,
    Pull,
    Pulled,
    Read,
    ReaderFinished,
    RunHere,
    SourceOpened,
    Submit,
)
from anabranch.run.fan import FanState, Feeding, Phase
from anabranch.run.frame import Frame
from anabranch.run.sizes import Estimate, SpanSizer
from anabranch.run.values import Cell, Chunk, Column, Slot, gather
from anabranch.work import ABSENT, Argument, Code, Form, Layout, Outcome, Part

__all__ = ["Run"]

MERGE_AT = 8
"""So many neighbouring partial values of an associative collector are merged without waiting for the rest."""

OPEN_ITEM_SECONDS = 1.0
"""An item with an inner fan that takes longer than this as a loop is opened even when there are many like it."""

_shared_keys = count(1)


class Purpose(Enum):
    """What a call in flight is for."""

    CALL = "a call task"
    SPAN = "a span of a fan"
    MERGE = "merging partial values"
    EXPORT = "making one list of an inner frame's column, where its parts are"


class Errand(NamedTuple):
    """A call in flight: what for, in which frame, which items."""

    purpose: Purpose
    frame: Frame
    number: int
    lo: int = 0
    hi: int = 0
    merge: int = 0
    value: Value | None = None
    holes: bool = False


class Run:
    """One run of a plan.

    Args:
        plan: the root frame's plan.
        given: the values that come with the request.
        slots: how many calls run at the same time.
        credit: how many may be out.
        estimates: seconds per item by task, from earlier runs of the plan; kept up to date.
    """

    def __init__(
        self,
        plan: FramePlan,
        given: Mapping[Value, Slot],
        *,
        slots: int,
        credit: int,
        estimates: dict[FanTask, Estimate] | None = None,
    ) -> None:
        self.slots = slots
        self.credit = credit
        self.estimates = {} if estimates is None else estimates
        self.done = False
        self.failures: list[Failure] = []
        self.error: Exception | None = None
        self.events: deque[Event] = deque()
        self.forgotten: list[int] = []
        self._ids = count()
        self._errands: dict[int, Errand] = {}
        self._out: set[int] = set()
        self._urgent: deque[Command] = deque()
        self._ready: deque[Call] = deque()
        self._openings: deque[tuple[Frame, int]] = deque()
        self._fans: list[FanState] = []
        self._sources: dict[int, FanState] = {}
        self._readers: dict[int, tuple[Frame, int]] = {}
        self._feedings: dict[int, list[tuple[FanState, Feeding]]] = {}
        self._dropped: set[int] = set()
        self.root = Frame(plan, (), given, None)
        self._open(self.root)

    # -- commands out ----------------------------------------------------------------------------------------------

    @property
    def stopped(self) -> bool:
        """Whether nothing more is to be done: finished, or failed."""
        return self.done or self.error is not None or bool(self.failures)

    @property
    def in_flight(self) -> int:
        """How many calls the executor has."""
        return len(self._out)

    @property
    def reading(self) -> bool:
        """Whether a stream reader is at work."""
        return bool(self._readers)

    def next(self) -> Command | None:
        """The next thing to do now; None if it is time to wait for news."""
        while not self.stopped:
            if self._urgent:
                return self._urgent.popleft()
            if self.in_flight < self.credit:
                if self._ready:
                    return self._send()
                if self._fans:
                    command = self._cut()
                    if command is not None:
                        return command
                    continue
            if self._openings:
                return self._open_source(*self._openings.popleft())
            return None
        return None

    def _send(self) -> Command:
        call = self._ready.popleft()
        alone = not (self.in_flight or self._ready or self._fans or self._openings or self._readers)
        if alone and not any(isinstance(value, Reference) for value in call.values):
            return RunHere(call)
        return self._submit(call)

    def _submit(self, call: Call) -> Submit:
        self._out.add(call.id)
        return Submit(call)

    def _cut(self) -> Command | None:
        """Cuts a span off the fan that opened last, or takes it off the stack if it cannot be cut now."""
        fan = self._fans[-1]
        left = fan.left
        if fan.phase is not Phase.OPEN or fan.pulling or left == 0 or fan.lag > self.credit:
            self._fans.pop()
            fan.queued = False
            return None
        fan.opening = self._opens(fan)
        size = 1 if fan.opening else fan.sizer.next(left)
        if fan.source is not None:
            fan.pulling = True
            return Pull(fan.source, size)
        lo, fan.cut = fan.cut, fan.cut + min(size, left or 0)
        self._dispatch(fan, lo, fan.cut, None)
        if fan.left == 0:
            fan.phase = Phase.EXHAUSTED
            self._check(fan)
        return self._urgent.popleft() if self._urgent else None

    def _opens(self, fan: FanState) -> bool:
        """Whether the next item is to be opened as a frame of its own instead of looped over in a span."""
        if not fan.task.nested or self.slots < 2 or fan.alive >= 2 * self.slots:
            return False
        if not all(_has_here(fan.frame.slots[reading.outer], fan.cut) for reading in fan.task.aligned):
            return False
        seconds = fan.sizer.estimate.seconds
        return fan.opened < 2 * self.slots or (seconds is not None and seconds > OPEN_ITEM_SECONDS)

    # -- news in ---------------------------------------------------------------------------------------------------

    def handle(self, news: News) -> None:
        """Takes in what happened."""
        if isinstance(news, (Outcome, CallFailed, CallLost)):
            self._returned(news)
        elif isinstance(news, Pulled):
            self._pulled(news)
        elif isinstance(news, SourceOpened):
            self._source_opened(news)
        elif isinstance(news, FeedTaken):
            for fan, feeding in self._feedings.get(news.reader, ()):
                if feeding.feed == news.feed:
                    feeding.lag -= 1
                    self._queue(fan)
        else:
            self._reader_finished(news)

    def _failed(self, message: Message, errand: Errand | None = None) -> bool:
        """Notes what went wrong with a call; True if the run cannot go on."""
        if isinstance(message, Outcome):
            for failure in message.failures:
                failure = replace(failure, worker=message.worker)
                self.failures.append(failure)
                self.events.append(ItemFailed(failure))
            return bool(message.failures)
        if isinstance(message, CallFailed):
            self.error = message.error
        else:
            what = f" while it ran {_in_words(errand)}" if errand else ""
            self.error = WorkerLost(f"{message.worker or 'a worker'} died{what}: {message.reason}")
        return True

    def _returned(self, message: Message) -> None:
        self._out.discard(message.call)
        errand = self._errands.pop(message.call, None)
        if errand is None or self._failed(message, errand) or not isinstance(message, Outcome):
            return
        if errand.purpose is Purpose.CALL:
            self._call_returned(errand, message)
        elif errand.purpose is Purpose.SPAN:
            self._span_returned(errand, message)
        elif errand.purpose is Purpose.MERGE:
            self._merged(errand, message.outputs[0])
        else:
            self._exported(errand, message.outputs[0])

    # -- frames ----------------------------------------------------------------------------------------------------

    def _open(self, frame: Frame) -> None:
        """Starts a frame: every task that needs nothing is ready."""
        for number, task in enumerate(frame.plan.tasks):
            if isinstance(task, FanTask):
                estimate = self.estimates.setdefault(task, Estimate())
                frame.fans[task.name] = FanState(frame, number, task, SpanSizer(estimate, self.slots))
        for value, places in frame.plan.feeds.items():
            for number, position in places:
                self._connect(frame, value, number, position)
        for number, waiting in enumerate(list(frame.waiting)):
            if not waiting:
                self._enable(frame, number)
        if not frame.plan.tasks:
            self._frame_done(frame)

    def _enable(self, frame: Frame, number: int) -> None:
        """A task has all the values that it needs."""
        task = frame.plan.tasks[number]
        if isinstance(task, CallTask):
            self._ready.append(self._call(Errand(Purpose.CALL, frame, number), task.code, self._gathered(frame, task.arguments)))
            self.events.append(CallStarted(task.name, frame.where))
        elif isinstance(task, SourceTask):
            self._openings.append((frame, number))
        elif isinstance(task, ReaderTask):
            self._read(frame, number, task)
        else:
            self._start(frame.fans[task.name])

    def _provide(self, frame: Frame, value: Value, slot: Slot) -> None:
        for number in list(frame.provide(value, slot)):
            self._enable(frame, number)

    def _task_done(self, frame: Frame, number: int) -> None:
        self.forgotten += frame.release(number)
        frame.left -= 1
        if not frame.left:
            self._frame_done(frame)

    def _frame_done(self, frame: Frame) -> None:
        if frame.parent is None:
            self.done = True
            return
        fan = frame.parent
        for reading in fan.task.fan.outputs:
            if reading.outer in fan.task.columns or reading.inner in fan.task.merge_sources:
                self._export(frame, reading.inner)
        if not frame.pending:
            self._item_done(frame)

    def _call_returned(self, errand: Errand, outcome: Outcome) -> None:
        frame, number = errand.frame, errand.number
        task = frame.plan.tasks[number]
        assert isinstance(task, CallTask)
        self.events.append(CallFinished(task.name, frame.where, outcome.seconds, outcome.started, outcome.worker))
        for value, handle, hole in zip(task.outputs, outcome.outputs, outcome.holes, strict=True):
            self._provide(frame, value, Cell(ABSENT if hole else handle))
        self._task_done(frame, number)

    # -- calls -----------------------------------------------------------------------------------------------------

    def _gathered(self, frame: Frame, arguments: Iterable[Gather]) -> tuple[list[Argument], list[Any]]:
        values: list[Any] = []
        found = [gather(frame.slots[a.value], a.form, a.depth, values) for a in arguments]
        return found, values

    def _call(self, errand: Errand, code: Code, gathered: tuple[list[Argument], list[Any]], start: int = 0) -> Call:
        arguments, values = gathered
        call = next(self._ids)
        self._errands[call] = errand
        return Call(code, Layout(call, errand.frame.where, start, tuple(arguments)), tuple(values))

    def _invariant(self, frame: Frame, value: Value, values: list[Any]) -> Argument:
        """The argument for a value that all spans of a fan get: if it is here, it is sent to each worker once."""
        slot = frame.slots[value]
        if not slot.is_local:
            return gather(slot, Form.JOINED, 0, values)
        if value not in frame.shared:
            whole = slot.handle if isinstance(slot, Cell) else slot.joined()
            frame.shared[value] = Shared(next(_shared_keys), whole)
        values.append(frame.shared[value])
        holes = isinstance(slot, Column) and slot.holes
        return Argument(Form.WHOLE, (Part(len(values) - 1),), holes=holes)

    # -- sources ---------------------------------------------------------------------------------------------------

    def _open_source(self, frame: Frame, number: int) -> Command:
        task = frame.plan.tasks[number]
        assert isinstance(task, SourceTask)
        source = next(self._ids)
        fan = next(f for f in frame.fans.values() if f.task.axis == task.axis and f.task.fan.fresh)
        fan.source = source
        self._sources[source] = fan
        arguments, values = self._gathered(frame, task.arguments)
        return OpenSource(source, Call(task.code, Layout(source, frame.where, 0, tuple(arguments)), tuple(values)))

    def _source_opened(self, news: SourceOpened) -> None:
        fan = self._sources[news.source]
        if self._failed(news.outcome):
            return
        frame = fan.frame
        number = next(
            n for n, t in enumerate(frame.plan.tasks) if isinstance(t, SourceTask) and t.axis == fan.task.axis
        )
        fan.opened_source = True
        fan.length = news.length
        if news.absent:
            fan.phase = Phase.DONE
            self._absent(fan)
        else:
            self.events.append(FanOpened(fan.task.name, fan.task.axis, frame.where, news.length))
            self._start(fan)
        self._task_done(frame, number)

    def _pulled(self, news: Pulled) -> None:
        fan = self._sources[news.source]
        fan.pulling = False
        if news.outcome is not None and self._failed(news.outcome):
            return
        if fan.phase is Phase.DONE:
            return
        lo, fan.cut = fan.cut, fan.cut + len(news.items)
        fan.sizer.pulled(len(news.items), news.seconds)
        if news.exhausted or fan.left == 0:
            fan.length = fan.cut
            fan.phase = Phase.EXHAUSTED
        if news.items:
            self._dispatch(fan, lo, fan.cut, news.items)
        self._check(fan)

    def source_place(self, source: int) -> tuple[str, tuple[int, ...], str]:
        """The axis of a source, the item for which it was opened, and where the expander is written."""
        fan = self._sources[source]
        vertex = fan.task.vertices[fan.task.axis]
        return fan.task.axis, fan.frame.where, vertex.origin

    # -- fans ------------------------------------------------------------------------------------------------------

    def _start(self, fan: FanState) -> None:
        """Opens a fan for cutting once its values and, if it is fresh, its source are there."""
        frame = fan.frame
        if fan.phase is not Phase.WAITING or frame.waiting[fan.number]:
            return
        if fan.task.fan.fresh:
            if not fan.opened_source:
                return
        else:
            master = frame.slots[fan.task.aligned[0].outer]
            if isinstance(master, Cell):
                fan.phase = Phase.DONE
                self._absent(fan)
                return
            fan.length = master.length
        fan.phase = Phase.OPEN
        if fan.length == 0:
            fan.phase = Phase.EXHAUSTED
            self._check(fan)
        else:
            self._queue(fan)

    def _queue(self, fan: FanState) -> None:
        if not fan.queued and fan.phase is Phase.OPEN:
            fan.queued = True
            self._fans.append(fan)

    def _absent(self, fan: FanState) -> None:
        """The axis does not exist for this item: nothing that comes of it does."""
        frame = fan.frame
        for value in fan.columns:
            for feeding in fan.feedings[value]:
                self._drop_reader(frame, feeding.reader)
            if value in fan.kept:
                self._provide(frame, value, Cell(ABSENT))
        for merge in fan.task.merges:
            self._provide(frame, merge.output, Cell(ABSENT))
        self._task_done(frame, fan.number)

    def _dispatch(self, fan: FanState, lo: int, hi: int, items: list[Any] | None) -> None:
        """Sends items [lo, hi) on their way."""
        task = fan.task
        for feedings in fan.feedings.values():
            for feeding in feedings:
                feeding.lag += 1
        if task.items is not None and items is not None:
            self._part(fan, task.items, Chunk(lo, hi, items))
        fan.outstanding += 1
        if task.code is None:
            self._span_done(fan)
        elif fan.opening:
            self._open_item(fan, lo, items)
        else:
            call = self._span_call(fan, lo, hi, items)
            self.events.append(SpanSubmitted(task.name, task.axis, fan.frame.where, lo, hi))
            self._urgent.append(self._submit(call))
        self._queue(fan)

    def _span_call(self, fan: FanState, lo: int, hi: int, items: list[Any] | None) -> Call:
        frame, task = fan.frame, fan.task
        values: list[Any] = []
        arguments = []
        if items is not None:
            values.append(items)
            arguments.append(Argument(Form.JOINED, (Part(0),)))
        for reading in task.aligned:
            arguments.append(gather(frame.slots[reading.outer], Form.JOINED, 0, values, (lo, hi)))
        for value in task.captured:
            arguments.append(self._invariant(frame, value, values))
        assert task.code is not None
        return self._call(Errand(Purpose.SPAN, frame, fan.number, lo, hi), task.code, (arguments, values), lo)

    def _span_returned(self, errand: Errand, outcome: Outcome) -> None:
        task = errand.frame.plan.tasks[errand.number]
        assert isinstance(task, FanTask)
        fan, lo, hi = errand.frame.fans[task.name], errand.lo, errand.hi
        self.events.append(
            SpanFinished(task.name, task.axis, fan.frame.where, lo, hi, outcome.seconds, outcome.started, outcome.worker)
        )
        if fan.phase is Phase.DONE:
            return
        fan.sizer.finished(hi - lo, outcome.seconds)
        made = zip(outcome.outputs, outcome.holes, strict=True)
        for value in task.columns:
            handle, holes = next(made)
            self._part(fan, value, Chunk(lo, hi, handle, holes=holes))
        for merge in fan.merges:
            handle, hole = next(made)
            merge.add(Chunk(lo, hi, ABSENT if hole else handle, single=True))
        self._span_done(fan)

    def _span_done(self, fan: FanState) -> None:
        fan.outstanding -= 1
        for number in range(len(fan.merges)):
            self._merge(fan, number, least=MERGE_AT)
        self._queue(fan)
        self._check(fan)

    def _part(self, fan: FanState, value: Value, chunk: Chunk) -> None:
        """A part of a column has come: kept for those who read it whole, passed on to those who stream it."""
        if value in fan.kept:
            fan.columns[value].add(chunk)
        for feeding in fan.feedings[value]:
            if not feeding.ended:
                for due in feeding.deliverable(chunk):
                    values: list[Any] = []
                    argument = gather(Column([due]), Form.COLLECTED, self._feed_depth(fan.frame, feeding), values)
                    self._give(feeding, Feed(feeding.reader, feeding.feed, argument, tuple(values)))

    def _check(self, fan: FanState) -> None:
        """Ends the fan if nothing of it is left to be done."""
        if fan.phase is not Phase.EXHAUSTED or not fan.idle:
            return
        waiting = False
        for number, merge in enumerate(fan.merges):
            self._merge(fan, number, least=2)
            waiting = waiting or merge.busy > 0
        if waiting:
            return
        empty = [number for number, merge in enumerate(fan.merges) if not merge.parts]
        for number in empty:
            self._send_merge(fan, number, [])
        if not empty:
            self._finish(fan)

    def _finish(self, fan: FanState) -> None:
        frame, task, length = fan.frame, fan.task, fan.cut
        fan.phase = Phase.DONE
        for reading in task.aligned:
            slot = frame.slots[reading.outer]
            if isinstance(slot, Column) and slot.length != length:
                name = reading.outer.name.removesuffix("!")
                self.error = InputError(
                    f"values read by position along '{task.axis}' must be equally many, but '{task.axis}' has {length} "
                    f"and '{name}' has {slot.length}"
                )
                return
        self.events.append(FanFinished(task.name, task.axis, frame.where, length))
        for value, column in fan.columns.items():
            for feeding in fan.feedings[value]:
                if not feeding.ended:
                    self._give(feeding, EndFeed(feeding.reader, feeding.feed))
            if value in fan.kept:
                column.finish(length)
                self._provide(frame, value, column)
        for merge, state in zip(task.merges, fan.merges, strict=True):
            self._provide(frame, merge.output, Cell(state.parts[0].handle))
        self._task_done(frame, fan.number)

    # -- items opened as frames ------------------------------------------------------------------------------------

    def _open_item(self, fan: FanState, lo: int, items: list[Any] | None) -> None:
        frame, task = fan.frame, fan.task
        fan.opened += 1
        fan.alive += 1
        given: dict[Value, Slot] = {value: frame.slots[value] for value in task.captured}
        if items is not None:
            given[Value(task.axis, 0)] = Cell(items[0])
        for reading in task.aligned:
            slot = frame.slots[reading.outer]
            element = ABSENT if isinstance(slot, Cell) else slot.element(lo)
            given[reading.inner] = _slot(element, reading.inner.rank)
        self._open(Frame(task.inner, (*frame.where, lo), given, fan))

    def _export(self, frame: Frame, value: Value) -> None:
        """Makes one handle of a value that the outer frame needs: a column is joined, where its parts are."""
        slot = frame.slots[value]
        if isinstance(slot, Cell):
            frame.results[value] = (slot.handle, slot.handle is ABSENT)
        elif slot.is_local:
            frame.results[value] = (slot.joined(), slot.holes)
        else:
            frame.pending += 1
            values: list[Any] = []
            argument = gather(slot, Form.JOINED, 0, values)
            errand = Errand(Purpose.EXPORT, frame, 0, value=value, holes=slot.holes)
            self._ready.append(self._call(errand, JOIN, ([argument], values)))

    def _exported(self, errand: Errand, handle: Any) -> None:
        frame = errand.frame
        assert errand.value is not None
        frame.results[errand.value] = (handle, errand.holes)
        frame.pending -= 1
        if not frame.pending:
            self._item_done(frame)

    def _item_done(self, frame: Frame) -> None:
        fan = frame.parent
        assert fan is not None
        fan.alive -= 1
        if fan.phase is Phase.DONE:
            return
        lo = frame.where[-1]
        inner = {reading.outer: reading.inner for reading in fan.task.fan.outputs}
        for value in fan.task.columns:
            handle, holes = frame.results[inner[value]]
            self._part(fan, value, Chunk(lo, lo + 1, handle, single=True, holes=holes))
        for number, source in enumerate(fan.task.merge_sources):
            handle, absent = frame.results[source]
            if absent:
                fan.merges[number].add(Chunk(lo, lo + 1, ABSENT, single=True))
            else:
                self._send_merge(fan, number, [Chunk(lo, lo + 1, handle, single=True)])
        self._span_done(fan)

    # -- associative collectors ------------------------------------------------------------------------------------

    def _merge(self, fan: FanState, number: int, least: int) -> None:
        """Merges neighbouring partial values if there are enough of them."""
        state = fan.merges[number]
        while row := state.neighbours(least=least):
            present = [chunk for chunk in row if chunk.handle is not ABSENT]
            lo, hi = row[0].lo, row[-1].hi
            if len(present) < 2:
                handle = present[0].handle if present else ABSENT
                state.add(Chunk(lo, hi, handle, single=True))
            else:
                self._send_merge(fan, number, present, (lo, hi))
        only = state.parts[0] if len(state.parts) == 1 else None
        if least == 2 and only is not None and only.handle is ABSENT and not state.busy:
            state.parts.clear()

    def _send_merge(self, fan: FanState, number: int, parts: list[Chunk], bounds: tuple[int, int] | None = None) -> None:
        """Calls the collector with a list of values; what it returns stands for the items of all of them."""
        frame, merge = fan.frame, fan.task.merges[number]
        lo, hi = bounds or ((parts[0].lo, parts[-1].hi) if parts else (0, fan.cut))
        values: list[Any] = []
        arguments = []
        for argument in merge.arguments:
            if argument is None:
                places = tuple(Part(len(values) + n) for n in range(len(parts)))
                values += [chunk.handle for chunk in parts]
                arguments.append(Argument(Form.LISTED, places))
            else:
                arguments.append(gather(frame.slots[argument.value], argument.form, argument.depth, values))
        fan.merges[number].busy += 1
        errand = Errand(Purpose.MERGE, frame, fan.number, lo, hi, number)
        self._ready.append(self._call(errand, merge.code, (arguments, values)))

    def _merged(self, errand: Errand, handle: Any) -> None:
        task = errand.frame.plan.tasks[errand.number]
        fan = errand.frame.fans[task.name]
        state = fan.merges[errand.merge]
        state.busy -= 1
        state.add(Chunk(errand.lo, errand.hi, handle, single=True))
        if fan.phase is not Phase.DONE:
            self._merge(fan, errand.merge, MERGE_AT)
            self._check(fan)

    # -- stream readers --------------------------------------------------------------------------------------------

    def _connect(self, frame: Frame, value: Value, number: int, position: int) -> None:
        """Lays a feed from the fan that makes a column to the reader that streams it."""
        fan = next(f for f in frame.fans.values() if value in f.columns)
        reader = frame.reader_ids.setdefault(number, len(self._feedings))
        feeding = Feeding(reader, position)
        fan.feedings[value].append(feeding)
        self._feedings.setdefault(reader, []).append((fan, feeding))

    def _give(self, feeding: Feeding, command: Feed | EndFeed) -> None:
        """Passes elements on to a reader, or keeps them until it has started."""
        (self._urgent if feeding.started else feeding.held).append(command)

    def _feed_depth(self, frame: Frame, feeding: Feeding) -> int:
        number = next(n for n, reader in frame.reader_ids.items() if reader == feeding.reader)
        task = frame.plan.tasks[number]
        assert isinstance(task, ReaderTask)
        feed = task.feeds[feeding.feed]
        return feed.depth if feed is not None else 1

    def _read(self, frame: Frame, number: int, task: ReaderTask) -> None:
        """Starts a reader; its streams are filled as the fans go on."""
        reader = frame.reader_ids.setdefault(number, len(self._feedings))
        if reader in self._dropped:
            return
        self._readers[reader] = (frame, number)
        values: list[Any] = []
        arguments, feeds = [], []
        for argument, feed in zip(task.arguments, task.feeds, strict=True):
            if feed is None:
                arguments.append(gather(frame.slots[argument.value], argument.form, argument.depth, values))
            else:
                arguments.append(Argument(Form.WHOLE, (Part(len(values)),)))
                feeds.append(len(values))
                values.append(None)
        held: list[Command] = []
        for _, feeding in self._feedings.setdefault(reader, []):
            feeding.started = True
            held += feeding.held
            feeding.held.clear()
        positions = tuple(position for position, feed in enumerate(task.feeds) if feed is not None)
        call = Call(task.code, Layout(reader, frame.where, 0, tuple(arguments)), tuple(values))
        self._urgent.extend(held)
        self._urgent.appendleft(Read(reader, call, tuple(zip(positions, feeds, strict=True))))

    def _drop_reader(self, frame: Frame, reader: int) -> None:
        """What a reader streams does not exist for this item, so neither does what it makes."""
        if reader in self._dropped:
            return
        self._dropped.add(reader)
        number = next(n for n, known in frame.reader_ids.items() if known == reader)
        task = frame.plan.tasks[number]
        assert isinstance(task, ReaderTask)
        for fan, feeding in self._feedings[reader]:
            if reader in self._readers and not feeding.ended:
                self._urgent.append(EndFeed(reader, feeding.feed))
            feeding.ended = True
            if not fan.wanted:
                self._cancel(fan)
        self._readers.pop(reader, None)
        self._provide(frame, task.output, Cell(ABSENT))
        self._task_done(frame, number)

    def _reader_finished(self, news: ReaderFinished) -> None:
        place = self._readers.pop(news.reader, None)
        if self._failed(news.outcome) or place is None or not isinstance(news.outcome, Outcome):
            return
        frame, number = place
        task = frame.plan.tasks[number]
        assert isinstance(task, ReaderTask)
        for fan, feeding in self._feedings[news.reader]:
            feeding.ended = True
            if fan.wanted:
                self._queue(fan)
            else:
                self._cancel(fan)
        hole = news.outcome.holes[0]
        self._provide(frame, task.output, Cell(ABSENT if hole else news.outcome.outputs[0]))
        self._task_done(frame, number)

    def _cancel(self, fan: FanState) -> None:
        """Nobody wants the rest of a fan: its source is closed, and what is out is not waited for."""
        if fan.phase is Phase.DONE:
            return
        fan.phase = Phase.DONE
        if fan.source is not None:
            self._urgent.append(CloseSource(fan.source))
        self._task_done(fan.frame, fan.number)


def _has_here(slot: Slot, index: int) -> bool:
    """Whether an element of a list is in this process (and there at all)."""
    return slot.is_local and (isinstance(slot, Cell) or slot.length > index)


def _slot(element: Any, rank: int) -> Slot:
    """An element of a local list, as seen by the frame of its item."""
    if not rank or element is ABSENT:
        return Cell(element)
    return Column([Chunk(0, len(element), element, holes=True)]) if element else Column()


def _in_words(errand: Errand) -> str:
    task = errand.frame.plan.tasks[errand.number]
    if errand.purpose is Purpose.SPAN:
        items = f"item {errand.lo}" if errand.hi == errand.lo + 1 else f"items {errand.lo} to {errand.hi - 1}"
        return f"{items} of '{task.name}'"
    return f"'{task.name}'"


JOIN = Code(
    "join",
    "join",
    "def task(r, where, start, parts):\n    return parts\n",
    {},
    (),
    {},
    1,
    loops=False,
)
"""The code that makes one list of a column's parts, on whatever worker is nearest to them."""
