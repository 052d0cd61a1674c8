"""Fans at work: sources opened and pulled, spans cut and taken back, items opened as frames of their own.

Fans that can be cut are a stack: the one that opened last is cut first, so that what is begun is finished before more is
begun. A fan whose body opens another axis is a matter of scale: its first items are *opened*, each a frame whose inner fan
is cut into spans of its own, which is what a few wide items need; when there turn out to be many, the rest go as loops
inside spans, which is what many narrow items need.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from anabranch.errors import InputError, TimedOut, TransferError, WorkerLost
from anabranch.events import FanFinished, FanOpened, SourcePulled, SpanFinished, SpanSubmitted, WorkerDied
from anabranch.executor import Call, CallFailed, CallLost, Message, Replay
from anabranch.failure import Failure, capture
from anabranch.journey import Journey
from anabranch.markers import Skip
from anabranch.plan import FanTask, SourceTask, Value
from anabranch.policies import Retry
from anabranch.run.board import Board, Errand, Frames, Purpose, Trip, gathered, invariant
from anabranch.run.commands import CloseSource, Command, Look, Looked, OpenSource, Pull, Pulled, SourceOpened
from anabranch.run.doubles import Doubles
from anabranch.run.fan import FanState, Phase
from anabranch.run.frame import Frame
from anabranch.run.losses import Piece, pieces
from anabranch.run.merges import Merges
from anabranch.run.readers import Readers
from anabranch.run.rooms import Room
from anabranch.run.sizes import Estimate, SpanSizer
from anabranch.run.values import Cell, Chunk, Column, Slot, gather
from anabranch.runtime import misplaced_skip
from anabranch.work import ABSENT, MISSING, Argument, Code, Form, Layout, Missing, Outcome, Part, policy_at, worst

__all__ = ["Fans"]

LONG = 1.0
"""An item with an inner fan that would by itself be a longer span than spans aim at, or would take so many seconds, is opened
even when there are many like it.
"""

class Fans:
    """The fans of a run."""

    def __init__(self, board: Board, frames: Frames, readers: Readers, estimates: dict[FanTask, Estimate]) -> None:
        self.board = board
        self.frames = frames
        self.readers = readers
        self.merges = Merges(board)
        self.estimates = estimates
        self.held_back: dict[FanState, None] = {}
        self.sightless: dict[FanState, None] = {}
        self.sources: dict[int, FanState] = {}
        self.doubles: Doubles | None = None

    def lay(self, frame: Frame) -> None:
        """Prepares the fans of a new frame."""
        for number, task in enumerate(frame.plan.tasks):
            if isinstance(task, FanTask):
                estimate = self.estimates.setdefault(task, Estimate())
                room = self.board.rooms.get(task.place, self.board.all_rooms[0])  # where nothing runs, only items are listed
                frame.fans[number] = FanState(frame, number, task, SpanSizer(estimate, self.board.slots_for(task, room)), room)
        for number, values in enumerate(frame.plan.follows):
            for value in values:
                leader = next(fan for fan in frame.fans.values() if value in fan.columns)
                frame.fans[number].follow(leader, value)

    # -- sources ---------------------------------------------------------------------------------------------------

    def open_source(self, frame: Frame, number: int) -> Command:
        """The call of an expander, to be made by the driver."""
        task = frame.plan.tasks[number]
        assert isinstance(task, SourceTask)
        fan = next(fan for fan in frame.fans.values() if fan.task.fan.fresh and fan.task.axis == task.axis)
        fan.source = next(self.board.ids)
        fan.opener = number
        self.sources[fan.source] = fan
        arguments, values = gathered(frame, task.arguments)
        layout = Layout(fan.source, frame.where, 0, tuple(arguments), self.board.faults.on_error, self.board.run_id)
        return OpenSource(fan.source, Call(task.code, layout, tuple(values)))

    def source_opened(self, news: SourceOpened) -> None:
        """The expander was called."""
        fan = self.sources[news.source]
        if self.board.went_wrong(news.outcome):
            return
        fan.is_source_open = True
        fan.length = news.length
        if fan.phase is Phase.DONE:
            pass  # its readers have gone meanwhile
        elif news.missing is not None:
            self._absent(fan, news.missing)
        else:
            timing = (news.outcome.seconds, news.outcome.started) if isinstance(news.outcome, Outcome) else ()
            self.board.events.append(FanOpened(fan.task.name, fan.task.axis, fan.frame.where, news.length, *timing))
            self.start(fan)
        self.frames.task_done(fan.frame, fan.opener)

    def pulled(self, news: Pulled) -> None:
        """A source gave items, or ended, or failed."""
        fan = self.sources[news.source]
        fan.pulling = False
        fresh = max(0, len(news.items) - fan.near)
        if fresh or news.exhausted:
            self._told(fan, fan.cut + len(news.items) - fresh, fresh, news)
        missing = self._missing(fan, news.error) if news.error is not None else None
        if fan.phase is Phase.DONE or self.board.failed:
            return
        if missing is not None:
            self._absent(fan, missing)
            return
        lo, fan.cut = fan.cut, fan.cut + len(news.items)
        fan.sizer.pulled(fresh, news.seconds, news.weight)
        fan.near = max(0, fan.near - len(news.items))
        if news.exhausted or fan.left == 0:
            fan.length = fan.cut
            fan.move(Phase.EXHAUSTED)
            del self.sources[news.source]
        if news.items:
            self._dispatch(fan, lo, fan.cut, news.items)
        self.check(fan)
        if fan.length is None:
            self.sightless[fan] = None

    def look(self) -> Look | None:
        """When there is nothing else to do: looks whether sources end soon, so that their last spans can be short."""
        while self.sightless:
            fan, _ = self.sightless.popitem()
            alone = not fan.task.nested and not fan.frame.where  # else there are other spans to end with
            if alone and fan.phase is Phase.OPEN and fan.source is not None and (ahead := fan.sizer.ahead()) > fan.near:
                return Look(fan.source, ahead)
        return None

    def looked(self, news: Looked) -> None:
        """Some items of a source are near, and perhaps its end is."""
        fan = self.sources[news.source]
        fresh = news.near - fan.near
        self._told(fan, fan.cut + fan.near, fresh, news)
        fan.sizer.pulled(fresh, news.seconds, news.weight)
        fan.near = news.near
        if news.left:
            fan.length = fan.cut + news.left

    def _told(self, fan: FanState, lo: int, fresh: int, news: Pulled | Looked) -> None:
        """The source gave so many items from one on; those that were near already have been told of."""
        place = (fan.task.name, fan.task.axis, fan.frame.where)
        self.board.events.append(SourcePulled(*place, lo, lo + fresh, news.seconds, news.started))

    def _missing(self, fan: FanState, error: BaseException) -> Missing:
        """What stands for the items of a source that raised."""
        axis, where = fan.task.axis, fan.frame.where
        if isinstance(error, Skip):
            if where:
                return ABSENT
            error = misplaced_skip(axis)
        policy = policy_at(self.board.policies.get(axis), self.board.faults.on_error, where)
        origin = fan.task.vertices[axis].origin
        failure = Failure(axis, fan.frame.plan.axes, where, capture(error), origin, "driver", 1, policy)
        self.board.note([failure])
        return failure

    # -- spans -----------------------------------------------------------------------------------------------------

    def start(self, fan: FanState) -> None:
        """Opens a fan for cutting once its values and, if it is fresh, its source are there. One that follows others is told
        here, too, when a list has come to its end.
        """
        if fan.frame.waiting[fan.number] or fan.phase not in {Phase.WAITING, Phase.OPEN}:
            return
        if fan.task.fan.fresh:
            if not fan.is_source_open:
                return
        else:
            slots = [fan.slot(reading.outer) for reading in fan.task.aligned]
            if isinstance(slots[0], Cell):
                self._absent(fan, worst(slot.handle for slot in slots if isinstance(slot, Cell)))
                return
            if fan.task.aligned[0].outer not in fan.trails:
                fan.length = slots[0].length
        if fan.phase is Phase.WAITING:
            fan.move(Phase.OPEN)
        if fan.left == 0:
            fan.move(Phase.EXHAUSTED)
            self.check(fan)
        self.queue(fan)

    def queue(self, fan: FanState) -> None:
        """Puts a fan on the stack if it can be cut and is not there."""
        if not fan.queued and fan.phase is Phase.OPEN:
            fan.queued = True
            fan.room.stack.append(fan)

    def force(self) -> bool:
        """Lets a fan go on that was held back for its readers' sake; False if there is none."""
        while self.held_back:
            fan, _ = self.held_back.popitem()
            if fan.phase is Phase.OPEN and not fan.queued:
                fan.forced = True
                self.queue(fan)
                return True
        return False

    def cut(self, room: Room) -> Command | None:
        """Cuts a span off the fan of a place that opened last, or takes it off the stack if it cannot be cut now."""
        fan = room.stack[-1]
        behind = fan.lag > room.credit and not fan.forced
        full = bool(fan.task.toll.inside) and fan.alive >= 2 * room.slots and fan.may_open(fan.cut)
        if fan.phase is not Phase.OPEN or fan.pulling or behind or full or fan.ahead == 0:
            room.stack.pop()
            fan.queued = False
            if behind:
                self.held_back[fan] = None
            return None
        fan.forced = False
        fan.opening = self._opens(fan)
        most = [known for known in (fan.left, fan.ahead) if known is not None]
        size = 1 if fan.opening else min(fan.sizer.next(fan.left), self.board.most_items(fan.task), *most)
        if fan.source is not None:
            fan.pulling = True
            return Pull(fan.source, size)
        lo, fan.cut = fan.cut, fan.cut + size
        if fan.left == 0:
            fan.move(Phase.EXHAUSTED)
        self._dispatch(fan, lo, fan.cut, None)
        self.check(fan)
        return self.board.urgent.popleft() if self.board.urgent else None

    def _dispatch(self, fan: FanState, lo: int, hi: int, items: list[Any] | None) -> None:
        """Sends items [lo, hi) on their way."""
        task = fan.task
        if not self._reaches(fan, hi):
            return
        for feedings in fan.feedings.values():
            for feeding in feedings:
                feeding.lag += 1
        if task.items is not None and items is not None:
            self._part(fan, task.items, Chunk(lo, hi, items))
        fan.outstanding += 1
        if fan.frame.counted.setdefault(task.axis, fan.number) == fan.number:  # and not those that pass over the items again
            self.board.budget.widen(task.axis, hi - lo)
        if task.code is None:
            self._span_done(fan, lo, hi)
        elif fan.opening:
            self._open_item(fan, lo, items)
        else:
            self.board.events.append(SpanSubmitted(task.name, task.axis, fan.frame.where, lo, hi))
            call = self._span_call(fan, Errand(Purpose.SPAN, frame=fan.frame, number=fan.number, lo=lo, hi=hi), items)
            self.board.put(call)
        self.queue(fan)

    def _span_call(self, fan: FanState, errand: Errand, items: list[Any] | None) -> Call:
        code = fan.task.code
        assert code is not None
        return self.board.call(errand, code, self._gathered(fan, errand.lo, errand.hi, items), errand.lo)

    def _gathered(
        self, fan: FanState, lo: int, hi: int, items: list[Any] | None
    ) -> tuple[list[Argument], list[Any]]:
        """The arguments of items [lo, hi) and the values that they are made of."""
        frame, task = fan.frame, fan.task
        values: list[Any] = []
        arguments = []
        if items is not None:
            values.append(items)
            arguments.append(Argument(Form.JOINED, (Part(0),)))
        for reading in task.aligned:
            arguments.append(gather(fan.slot(reading.outer), Form.JOINED, 0, values, (lo, hi)))
        for value in task.captured:
            arguments.append(invariant(frame, value, values, moves=len(self.board.all_rooms) > 1))
        return arguments, values

    def span_returned(self, trip: Trip, message: Message) -> None:
        """A span came back, or its worker did not."""
        errand = trip.errand
        fan = errand.frame.fans[errand.number]
        if isinstance(message, Outcome):
            self._arrived(fan, trip, errand.hi, message)
        elif fan.phase is not Phase.DONE:
            if isinstance(message, CallLost):
                self._lost(fan, trip, message)
            else:
                self._unsent(fan, trip, message)

    def _arrived(self, fan: FanState, trip: Trip, hi: int, outcome: Outcome) -> None:
        """What came of a span's items before `hi` goes to columns, streams and collectors."""
        task, where, lo = fan.task, fan.frame.where, trip.errand.lo
        self.board.note([self._placed(fan, trip, failure) for failure in outcome.failures])
        for axis, items in outcome.widths:
            self.board.budget.widen(axis, items)
        timing = timing_of(outcome)
        self.board.events.append(SpanFinished(task.name, task.axis, where, lo, hi, *timing, outcome.widths))
        if fan.phase is Phase.DONE or self.board.failed:
            return
        fan.sizer.finished(hi - lo, outcome.seconds, outcome.journey.brought)
        if self.doubles is not None:
            self.doubles.learn(task, hi - lo, outcome.seconds)
        made = zip(outcome.outputs, outcome.holes, strict=True)
        for value in task.columns:
            handle, holes = next(made)
            self._part(fan, value, Chunk(lo, hi, handle, holes=holes is not None))
        for number in range(len(fan.merges)):
            handle, hole = next(made)
            self.merges.add(fan, number, Chunk(lo, hi, hole or handle, single=True))
        self._span_done(fan, lo, hi)

    def _placed(self, fan: FanState, trip: Trip, failure: Failure) -> Failure:
        """The failure with the item that the expander gave, if that is here, and with what it needs to be replayed."""
        depth, values = len(fan.frame.where), trip.call.values
        if len(failure.item) <= depth:
            return failure
        number = failure.item[depth]
        if fan.task.fan.fresh and values and isinstance(values[0], list):
            failure = replace(failure, value=values[0][number - trip.errand.lo])
        if self.board.keeps_inputs:
            items = _items_of(fan, trip, Piece(number, number + 1, blamed=True))
            arguments, needed = self._gathered(fan, number, number + 1, items)
            layout = Layout(0, fan.frame.where, number, tuple(arguments), "raise")
            failure = replace(failure, again=Replay(trip.call.code, layout, tuple(needed)))
        return failure

    def merge_returned(self, errand: Errand, outcome: Outcome) -> None:
        """Partial values were merged."""
        fan = errand.frame.fans[errand.number]
        self.merges.merged(errand, fan, outcome.holes[0] or outcome.outputs[0])
        self.check(fan)

    # -- spans that came to nothing --------------------------------------------------------------------------------

    def following(self, trip: Trip, errand: Errand, lost: CallLost) -> tuple[Errand, float] | None:
        """The next attempt at what came to nothing, and in how many seconds; None if there is none, or the run has an error."""
        errand = errand._replace(deaths=errand.deaths + (lost.cause == "lost" and lost.charged))
        how = self._decided(trip.call.code, errand, lost)
        if lost.cause == "lost":
            if errand.deaths >= self.board.faults.deaths:
                return None
        elif how is None:
            return None
        else:
            errand = errand._replace(attempt=(lost.move.attempts if lost.move is not None else errand.attempt) + 1)
        if how is not None and how.moves:
            errand = errand._replace(retry=how)
            if not self.board.may_have(errand, trip.call.code):
                return None
        return errand, how.delay if how is not None else 0.0

    def _decided(self, code: Code, errand: Errand, lost: CallLost) -> Retry | None:
        """What the functions' policies say of a loss; of a death only one that has a function to decide."""
        if lost.move is not None:
            return lost.move.retry
        reason, policies = reason_of(errand, lost), self.board.policies
        if lost.cause == "timeout":
            policy = policies.get(lost.node)
            return policy.retries.decided(reason, errand.attempt, "timeout") if policy and policy.retries else None
        known = (policies[name].retries for name in code.origins if name in policies)
        answers = (retries.decided(reason, errand.deaths, "lost") for retries in known if retries and retries.decide)
        return next(filter(None, answers), None) if lost.charged else None

    def _lost(self, fan: FanState, trip: Trip, lost: CallLost) -> None:
        """The worker died: what it had finished is kept, the rest is sent again in pieces, or has failed."""
        errand, frame, task = trip.errand, fan.frame, fan.task
        lo, hi, depth = errand.lo, errand.hi, len(frame.where)
        if lost.cause != "exception":
            self.board.events.append(WorkerDied(task.name, frame.where, lo, hi, lost.worker, lost.reason))
        kept = lo if lost.finished is None else lo + len(lost.finished.outputs[0])
        culprit = lost.where[depth] if lost.where is not None and len(lost.where) > depth else None
        again = list(pieces(kept, hi, culprit, charged=lost.charged))
        fan.outstanding += len(again)
        if lost.finished is None:
            fan.outstanding -= 1
        else:
            self._arrived(fan, trip, kept, lost.finished)
        for piece in again:
            one = errand._replace(lo=piece.lo, hi=piece.hi)
            if piece.blamed:
                self._suspect(fan, trip, one, lost)
            else:
                self.board.send(self._span_call(fan, one, _items_of(fan, trip, piece)))
            if self.board.failed:
                return

    def _suspect(self, fan: FanState, trip: Trip, errand: Errand, lost: CallLost) -> None:
        """One item is known to be what the worker died of: it is tried again alone, or has failed; or one of the items inside
        of it, which are smaller suspects.
        """
        alone = _items_of(fan, trip, Piece(errand.lo, errand.hi, blamed=True))
        inside = lost.where is None or len(lost.where) > len(fan.frame.where) + 1
        if inside and fan.may_open(errand.lo):
            self._open_item(fan, errand.lo, alone)
            return
        following = self.following(trip, errand, lost)
        if following is not None:
            self.board.send(self._span_call(fan, following[0], alone), following[1])
        elif not self.board.failed:
            self._item_failed(fan, trip, errand._replace(deaths=errand.deaths + (lost.cause == "lost")), lost)

    def _unsent(self, fan: FanState, trip: Trip, message: CallFailed) -> None:
        """Something in a span does not travel: its items are sent in pieces, until what does not is alone. What would be the
        same for every item ends the run: it is not an item's fault.
        """
        errand, board = trip.errand, self.board
        error = message.error
        if not isinstance(error, TransferError) or error.whole or not board.tolerates(trip.call.code, in_fan=True):
            board.error = error
            return
        if errand.hi - errand.lo == 1:
            self._item_failed(fan, trip, errand, message)
            return
        fan.outstanding += 1
        for piece in pieces(errand.lo, errand.hi, None, charged=True):
            board.send(self._span_call(fan, errand._replace(lo=piece.lo, hi=piece.hi), _items_of(fan, trip, piece)))

    def _item_failed(self, fan: FanState, trip: Trip, errand: Errand, message: CallFailed | CallLost) -> None:
        """A single item has failed for good, without an answer of its own: its failure stands for all its values."""
        where = (*fan.frame.where, errand.lo)
        lost = message if isinstance(message, CallLost) else None
        failure = self.board.failure(errand, reason_of(errand, message), where, lost)
        failure = self._placed(fan, trip, failure)
        self.board.note([failure])
        if self.board.failed:
            return
        for value in fan.task.columns:
            self._part(fan, value, Chunk(errand.lo, errand.hi, failure, single=True, holes=True))
        for number in range(len(fan.merges)):
            self.merges.add_item(fan, number, errand.lo, failure)
        self._span_done(fan, errand.lo, errand.hi)

    def _part(self, fan: FanState, value: Value, chunk: Chunk) -> None:
        if value in fan.kept:
            fan.columns[value].add(chunk)
        for follower in fan.followers.get(value, ()):
            self.queue(follower)
        self.readers.part(fan, value, chunk)

    def _span_done(self, fan: FanState, lo: int, hi: int) -> None:
        fan.outstanding -= 1
        fan.passed(lo, hi)
        self.merges.advance(fan)
        self.queue(fan)
        self.check(fan)

    # -- the end of a fan ------------------------------------------------------------------------------------------

    def check(self, fan: FanState) -> None:
        """Ends the fan if nothing of it is left to be done."""
        if fan.phase is Phase.EXHAUSTED and fan.idle and self.merges.settle(fan):
            self._finish(fan)

    def _finish(self, fan: FanState) -> None:
        frame, task, length = fan.frame, fan.task, fan.cut
        fan.move(Phase.DONE)
        if not self._even(fan):
            return
        self.board.events.append(FanFinished(task.name, task.axis, frame.where, length))
        for value, column in fan.columns.items():
            self.readers.end(fan, value)
            if value in fan.kept:
                column.finish(length)
                fan.leave(value)
                self.frames.provide(frame, value, column)
        fan.columns = {}  # the frame has them now, and drops them when it is time
        for merge, state in zip(task.merges, fan.merges, strict=True):
            assert state.first is not None
            self.frames.provide(frame, merge.output, Cell(state.lacking or state.first.handle))
        self.frames.task_done(frame, fan.number)

    def _even(self, fan: FanState) -> bool:
        """Whether all lists along the axis are equally long, those of other passes too; if not, the run has an error."""
        lengths = fan.frame.lengths
        for reading in fan.task.aligned:
            slot = fan.slot(reading.outer)
            if isinstance(slot, Column) and slot.length != fan.cut:
                return self._uneven(fan, reading.outer.name, f"has {slot.length}")
        if lengths.setdefault(fan.task.axis, fan.cut) != fan.cut:
            given = next((r.outer.name for r in fan.task.aligned if r.outer.name.endswith("!")), "an override")
            return self._uneven(fan, given, f"has {lengths[fan.task.axis]}")
        return True

    def _reaches(self, fan: FanState, hi: int) -> bool:
        """Whether every list read by position has elements for the items before `hi`; if not, the run has an error."""
        for reading in fan.task.aligned:
            slot = fan.slot(reading.outer)
            if isinstance(slot, Column) and slot.length < hi:
                return self._uneven(fan, reading.outer.name, f"only {slot.length}")
        return True

    def _uneven(self, fan: FanState, name: str, has: str) -> bool:
        axis, length = fan.task.axis, fan.length if fan.length is not None else f"{fan.cut} or more"
        readers = [v for v in fan.task.vertices.values() if v.function and any(k.source == name for k in v.links)]
        who = "".join(f"'{vertex.node}' ({vertex.origin}): " for vertex in readers[:1])
        self.board.error = InputError(
            f"{who}values read by position along '{axis}' must be equally many, but '{axis}' has {length} and "
            f"'{name.removesuffix('!')}' {has}"
        )
        return False

    def _absent(self, fan: FanState, missing: Missing) -> None:
        """The axis does not exist for this item: nothing that comes of it does."""
        frame = fan.frame
        fan.move(Phase.DONE)
        for value in fan.columns:
            self.release(self.readers.drop(fan, value, missing))
            if value in fan.kept:
                fan.leave(value)
                self.frames.provide(frame, value, Cell(missing))
        for merge in fan.task.merges:
            self.frames.provide(frame, merge.output, Cell(missing))
        self.frames.task_done(frame, fan.number)

    def release(self, fans: list[FanState]) -> None:
        """A reader of these fans has gone: they go on for others, or end."""
        for fan in fans:
            if fan.wanted:
                self.queue(fan)
            elif fan.phase is not Phase.DONE:
                fan.move(Phase.DONE)
                if fan.source is not None:
                    self.board.urgent.append(CloseSource(fan.source))
                self.frames.task_done(fan.frame, fan.number)

    # -- items opened as frames ------------------------------------------------------------------------------------

    def _opens(self, fan: FanState) -> bool:
        """Whether the next item is to be opened as a frame of its own instead of looped over in a span."""
        if fan.task.toll.inside:  # what is limited inside goes out by itself
            return fan.may_open(fan.cut)
        few = 2 * fan.room.slots
        if fan.room.slots < 2 or fan.alive >= few or not fan.may_open(fan.cut):
            return False
        seconds = fan.sizer.estimate.seconds
        return fan.opened < few or (seconds is not None and seconds > min(fan.sizer.aim, LONG))

    def _open_item(self, fan: FanState, lo: int, items: list[Any] | None) -> None:
        frame, task = fan.frame, fan.task
        fan.opened += 1
        fan.alive += 1
        given: dict[Value, Slot] = {value: frame.slots[value] for value in task.captured}
        if items is not None:
            given[Value(task.axis, 0)] = Cell(items[0])
        for reading in task.aligned:
            slot = fan.slot(reading.outer)
            element = slot.handle if isinstance(slot, Cell) else slot.element(lo)
            given[reading.inner] = _slot(element, reading.inner.rank)
        self.frames.open(Frame(task.inner, (*frame.where, lo), given, fan))

    def item_done(self, frame: Frame) -> None:
        """An opened item has all its values: they are a span of one."""
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
            self.merges.add_item(fan, number, lo, frame.results[source][0])
        self._span_done(fan, lo, lo + 1)


def timing_of(outcome: Outcome) -> tuple[float, float, str, int, Journey, int]:
    """What events tell of when and where a call was performed, and its way there."""
    return outcome.seconds, outcome.started, outcome.worker, outcome.retries, outcome.journey, outcome.cached


def reason_of(errand: Errand, message: CallFailed | CallLost) -> Exception:
    """The error of an item or call that has failed for good without an answer of its own."""
    if isinstance(message, CallFailed):
        return message.error
    if message.cause == "timeout":
        return TimedOut(message.reason)
    times = f" (the last of {errand.deaths})" if errand.deaths > 1 else ""
    return WorkerLost(f"{message.worker or 'a worker'} died while it ran {errand.words}{times}: {message.reason}")


def _items_of(fan: FanState, trip: Trip, piece: Piece) -> list[Any] | None:
    """The items of a piece, if the span brought its own."""
    if not fan.task.fan.fresh:
        return None
    items: list[Any] = trip.call.values[0]
    return items[piece.lo - trip.errand.lo : piece.hi - trip.errand.lo]


def _slot(element: Any, rank: int) -> Slot:
    """An element of a local list, as seen by the frame of its item."""
    if not rank or type(element) in MISSING:
        return Cell(element)
    return Column([Chunk(0, len(element), element, holes=True)]) if element else Column()
