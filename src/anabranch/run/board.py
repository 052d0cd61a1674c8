"""What a run has out and what it has to do next: the part of its state that all its parts share.

Two queues come before all else: `urgent` holds commands that follow from what has just been decided, and each place's `ready`
calls that wait for its credit. A trip is kept for each call that is out, and taken away when it comes back; a call without one
is late, and nobody waits for it.

Here it is decided what a failure does to the run, too: by its policy it ends it, or it is noted and the run goes on, as
long as there are not more of them than the run puts up with.
"""

from __future__ import annotations

import sys
from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from enum import Enum
from itertools import count
from math import ceil
from typing import Any, NamedTuple, Protocol

from anabranch.errors import AnabranchError, InputError
from anabranch.events import Event, ItemFailed
from anabranch.executor import Call, CallFailed, CallLost, Message, Shared
from anabranch.failure import Failure, capture
from anabranch.limits import PATIENCE
from anabranch.placement import DEFAULT_PLACE, NOTHING, Resources, bytes_of, check_needs
from anabranch.plan import FREE, CallTask, FanTask, Gather, Toll, Value, most
from anabranch.policies import Faults, Policy, Retry
from anabranch.run.budget import Budget
from anabranch.run.commands import Command, Later, Recall, Submit, Weigh, Weighed
from anabranch.run.frame import Frame
from anabranch.run.rooms import Capacity, Room
from anabranch.run.tokens import Tokens, slots_taken
from anabranch.run.values import Cell, Column, Slot, gather
from anabranch.work import Argument, Code, Form, Layout, Outcome, Part, policy_at

__all__ = ["Board", "Errand", "Frames", "Purpose", "Trip"]

_shared_keys = count(1)

REPLAYABLE = 100
"""So many failures of a run keep their inputs."""


class Purpose(Enum):
    """What a call in flight is for."""

    CALL = "a call task"
    SPAN = "a span of a fan"
    MERGE = "merging partial values"
    EXPORT = "making one list of an inner frame's column, where its parts are"


class Errand(NamedTuple):
    """A call in flight: what for, in which frame, which items or, for an export, which `value`; how many workers died of it,
    how many attempts it is, and how often it was told to come again.
    """

    purpose: Purpose
    frame: Frame
    number: int
    lo: int = 0
    hi: int = 0
    merge: int = 0
    value: Value | None = None
    holes: bool = False
    deaths: int = 0
    attempt: int = 1
    pushes: int = 0
    retry: Retry | None = None

    @property
    def place(self) -> str:
        """Where it runs."""
        if self.retry is not None and self.retry.executor is not None:
            return self.retry.executor
        if self.value is not None and self.frame.parent is not None:
            return self.frame.parent.task.place
        task = self.frame.plan.tasks[self.number]
        return task.place if isinstance(task, (CallTask, FanTask)) else DEFAULT_PLACE

    @property
    def needs(self) -> Resources:
        """What it needs, as far as the plan knows."""
        task = self.frame.plan.tasks[self.number] if self.purpose in {Purpose.CALL, Purpose.SPAN} else None
        needs = task.needs if isinstance(task, (CallTask, FanTask)) else NOTHING
        more = self.retry.memory if self.retry is not None else None
        return needs if more is None else replace(needs, memory=bytes_of(more) if isinstance(more, str) else more)

    @property
    def toll(self) -> Toll:
        """What it has to pass."""
        task = self.frame.plan.tasks[self.number] if self.purpose in {Purpose.CALL, Purpose.SPAN} else None
        return task.toll if isinstance(task, (CallTask, FanTask)) else FREE

    @property
    def items(self) -> int:
        """How many items it has."""
        return self.hi - self.lo if self.purpose is Purpose.SPAN else 1

    @property
    def needs_code(self) -> Code | None:
        """What tells the rest of it."""
        task = self.frame.plan.tasks[self.number] if self.purpose in {Purpose.CALL, Purpose.SPAN} else None
        return task.needs_code if isinstance(task, (CallTask, FanTask)) else None

    @property
    def words(self) -> str:
        """What it runs, for messages."""
        if self.value is not None:
            return f"the list of what '{self.value.name}' gave"
        task = self.frame.plan.tasks[self.number]
        functions = task.code.readers if task.code is not None else f"'{task.name}'"
        if self.purpose is not Purpose.SPAN:
            return functions
        items = f"item {self.lo}" if self.hi == self.lo + 1 else f"items {self.lo} to {self.hi - 1}"
        return f"{items} of '{task.name}' in {functions}"


class Frames(Protocol):
    """What the other parts of a run ask of its frames."""

    def open(self, frame: Frame) -> None:
        """Starts a frame."""

    def provide(self, frame: Frame, value: Value, slot: Slot) -> None:
        """A value of a frame is whole."""

    def task_done(self, frame: Frame, number: int) -> None:
        """A task of a frame has made all its values."""


class Trip(NamedTuple):
    """An errand and the call that was made for it."""

    errand: Errand
    call: Call


class Board:
    """Calls out, commands to give, facts to tell.

    Args:
        capacities: what each place takes.
        faults: what the run does about failures.
        policies: what functions say of their own, by node.
        run_id: identifies the run, for whoever wants to know it where calls are performed.
    """

    def __init__(
        self,
        capacities: Mapping[str, Capacity],
        faults: Faults,
        policies: Mapping[str, Policy],
        run_id: str = "",
    ) -> None:
        self.run_id = run_id
        self.tokens: Tokens | None = None
        self.rooms = {place: Room(capacity) for place, capacity in capacities.items()}
        self.all_rooms = tuple(self.rooms.values())
        self.faults = faults
        self.policies = policies
        self.budget = Budget(faults, policies)
        self.urgent: deque[Command] = deque()
        self.events: deque[Event] = deque()
        self.failures: list[Failure] = []
        self.fatal: Failure | None = None
        self.exceeded = ""
        self.error: Exception | None = None
        self.forgotten: list[int] = []
        self.postponed: dict[int, Call] = {}
        self.weighed: dict[int, Call] = {}
        self.ids = count()
        self._trips: dict[int, Trip] = {}
        self._recalled: dict[int, Trip] = {}
        self._failed: set[tuple[str, tuple[int, ...]]] = set()

    @property
    def out(self) -> set[int]:
        """The calls that are out, wherever they are."""
        return self.all_rooms[0].out if len(self.all_rooms) == 1 else set[int]().union(*(room.out for room in self.all_rooms))

    @property
    def is_quiet(self) -> bool:
        """Whether nothing is out anywhere, and nothing waits for credit."""
        return all(room.is_quiet for room in self.all_rooms)

    def choice(self) -> tuple[Room, bool] | None:
        """A place that has credit, and whether that goes to a call that is ready, or else to a fan; None if there is nothing
        to be done with it now.
        """
        for room in self.all_rooms:
            if room.load < room.credit and (room.ready or room.stack):
                if self.tokens is None:
                    return room, bool(room.ready)
                if chosen := self.tokens.choose(room, lambda call: self._trips[call.id].errand.toll):
                    return room, chosen == "ready"
        return None

    @property
    def failed(self) -> bool:
        """Whether the run cannot go on."""
        return self.error is not None or self.fatal is not None or bool(self.exceeded)

    def call(self, errand: Errand, code: Code, gathered: tuple[Sequence[Argument], Sequence[Any]], start: int = 0) -> Call:
        """Makes a call and keeps its errand."""
        arguments, values = gathered
        number = next(self.ids)
        needs = errand.needs
        movable = errand.purpose in {Purpose.CALL, Purpose.SPAN}
        told = (self.faults.on_error, self.run_id, ceil(needs.cpus or 0), errand.pushes + 1 < PATIENCE, movable, errand.attempt)
        layout = Layout(number, errand.frame.where, start, tuple(arguments), *told)
        call = Call(code, layout, tuple(values), errand.place, needs)
        self._trips[number] = Trip(errand, call)
        return call

    def again(self, trip: Trip, errand: Errand) -> Call:
        """The same call once more, under a number of its own."""
        layout = trip.call.layout
        return self.call(errand, trip.call.code, (layout.arguments, trip.call.values), layout.start)

    def submit(self, call: Call) -> Submit:
        """The command that hands a call to the executor."""
        room = self.rooms[call.place]
        room.enter(call)
        if self.tokens is not None:
            errand = self._trips[call.id].errand
            self.urgent.extend(self.tokens.gates.enter(errand.toll.calls, errand.items))
            if room.is_local:
                self.tokens.take(call.needs)
        return Submit(call)

    @property
    def keeps_inputs(self) -> bool:
        """Whether the inputs of one more failure are kept, for it to be replayed."""
        return len(self.failures) < REPLAYABLE

    def send(self, call: Call, delay: float = 0.0) -> None:
        """Hands a call over as soon as there is credit, but not before `delay` seconds have gone."""
        if delay:
            self.postponed[call.id] = call
            self.urgent.append(Later(call.id, delay))
        else:
            code = self._trips[call.id].errand.needs_code
            if code is None:
                self.rooms[call.place].ready.append(call)
            else:
                self._weigh(call, code)

    def due(self, alarm: int) -> None:
        """The delay of a call, or a turn, is over."""
        if self.tokens is not None and alarm in self.tokens.gates.alarms:
            self.tokens.gates.due(alarm)
        else:
            self.send(self.postponed.pop(alarm))

    def may_have(self, errand: Errand, code: Code) -> bool:
        """Whether what a retry asks for is to be had; if not, the run has an error."""
        try:
            if errand.place not in self.rooms:
                raise InputError(
                    f"a retry of {code.readers} asks for the executor '{errand.place}', which this run does not have; name it: "
                    f"@retry(…, executors=[{errand.place!r}]), and add it: with_executors({errand.place}=…)"
                )
            check_needs(errand.needs, self.rooms[errand.place].limits, code.readers, errand.place)
        except AnabranchError as error:
            self.error = self.error or error
        return not self.failed

    def is_safe(self, call: Call) -> bool:
        """Whether the driver may run a call itself: nobody died of it, and it need not be ended."""
        errand = self._trips[call.id].errand
        if errand.toll or call.needs:
            return False
        return not errand.deaths and errand.attempt == 1 and not any(p.timeout for p in call.code.policies.values())

    def errand(self, call: int) -> Errand | None:
        """What a call that is out, or ready, is for; None if nobody waits for it."""
        trip = self._trips.get(call)
        return None if trip is None else trip.errand

    def returned(self, message: Message) -> Trip | None:
        """A call is out no more. None if nobody waits for it."""
        trip = self._trips.pop(message.call, None)
        if trip is not None:
            self._left(trip, message)
        elif message.call in self._recalled:
            self._left(self._recalled.pop(message.call), message)
        return trip

    @property
    def recalled(self) -> frozenset[int]:
        """The calls that are out and that nobody waits for."""
        return frozenset(self._recalled)

    def trip(self, call: int) -> Trip | None:
        """The errand of a call that somebody waits for, and the call."""
        return self._trips.get(call)

    def recall(self, call: int) -> None:
        """Nobody waits for this call any more; it is out until it is answered."""
        trip = self._recalled[call] = self._trips.pop(call)
        self.urgent.append(Recall(trip.call))

    def _left(self, trip: Trip, message: Message) -> None:
        errand, call = trip
        room = self.rooms[call.place]
        if self.tokens is not None and call.id in room.out:
            if room.is_local:
                self.tokens.give(call.needs)
            gates, toll = self.tokens.gates, errand.toll
            gates.leave(toll.calls)
            if toll and isinstance(message, Outcome) and message.pushed is None:
                gates.answered(_besides(errand, call, message))
        room.leave(call)

    def push_back(self, trip: Trip, asked: float) -> None:
        """A call was too much for what it calls: it waits for its turn again, and the others with it."""
        assert self.tokens is not None
        self.urgent.extend(self.tokens.gates.pushed(trip.errand.toll.calls, trip.call.id, asked, next(self.ids)))
        self.send(self.again(trip, trip.errand._replace(pushes=trip.errand.pushes + 1)))

    @property
    def is_paced(self) -> bool:
        """Whether something waits for its turn, which comes by itself."""
        return self.tokens is not None and bool(self.tokens.gates.alarms)

    def slots_for(self, task: FanTask, room: Room) -> int:
        """How many spans of a fan can run at the same time."""
        slots = room.slots
        if self.tokens is not None and room.is_local and task.needs:
            slots = self.tokens.most(task.needs, max(1, slots // slots_taken(task.needs, slots)))
        return slots if self.tokens is None else self.tokens.gates.slots(task.toll.calls, slots)

    def most_items(self, task: FanTask) -> int:
        """How many items of a fan may travel together."""
        return sys.maxsize if self.tokens is None else self.tokens.gates.most(task.toll.calls) or sys.maxsize

    # -- what calls need -------------------------------------------------------------------------------------------

    def put(self, call: Call) -> None:
        """Hands over a call of a span, as soon as it is known what it needs."""
        code = self._trips[call.id].errand.needs_code
        if code is None:
            self.urgent.append(self.submit(call))
        else:
            self._weigh(call, code)

    def _weigh(self, call: Call, code: Code) -> None:
        self.weighed[call.id] = call
        self.urgent.append(Weigh(replace(call, code=code)))

    def has_weight(self, news: Weighed) -> None:
        """It is known what a call needs: it waits until that is there."""
        call, outcome = self.weighed.pop(news.call), news.outcome
        if outcome.failures:
            self.error = self.error or outcome.failures[0].error()  # type: ignore[assignment]
            return
        try:
            needs = most(call.needs, outcome.outputs[0])
            check_needs(needs, self.rooms[call.place].limits, call.code.readers, call.place)
        except AnabranchError as error:
            self.error = self.error or error
            return
        call = replace(call, needs=needs, layout=call.layout._replace(threads=ceil(needs.cpus or 0)))
        self._trips[call.id] = self._trips[call.id]._replace(call=call)
        self.rooms[call.place].ready.append(call)

    # -- failures --------------------------------------------------------------------------------------------------

    def went_wrong(self, message: Message) -> bool:
        """Notes what a message says of failures; True if the run cannot go on."""
        if isinstance(message, Outcome):
            self.note(message.failures)
        elif isinstance(message, CallFailed):
            self.error = message.error
        return self.failed

    def note(self, failures: Iterable[Failure]) -> None:
        """Takes failures into the record, one for each item of a function, and decides whether the run goes on."""
        for failure in failures:
            place = (failure.node, failure.item)
            if place in self._failed:
                continue  # an associative collector may fail for each part of its items
            self._failed.add(place)
            self.failures.append(failure)
            self.events.append(ItemFailed(failure))
            if failure.policy == "raise":
                self.fatal = self.fatal or failure
            elif not self.exceeded:
                self.exceeded = self.budget.spend(failure)

    def tolerates(self, code: Code, *, in_fan: bool) -> bool:
        """Whether the failure of a function of this code may leave the run going on."""
        where = (0,) if in_fan else ()
        known = {self.policies.get(name) for name in code.origins} or {None}
        return any(policy_at(policy, self.faults.on_error, where) != "raise" for policy in known)

    def failure(self, errand: Errand, error: BaseException, where: tuple[int, ...], lost: CallLost | None = None) -> Failure:
        """The failure of the item at `where` for something that befell its worker."""
        task = errand.frame.plan.tasks[errand.number]
        code = task.merges[errand.merge].code if errand.purpose is Purpose.MERGE and isinstance(task, FanTask) else task.code
        nodes = list(code.origins) if code is not None else []
        if errand.value is not None:
            nodes = [errand.value.name]
        known = lost.node if lost is not None else ""
        node = known or (nodes[0] if len(nodes) == 1 else task.name)
        own = {self.policies.get(name) for name in ([known] if known else nodes)}
        policy = policy_at(own.pop() if len(own) == 1 else None, self.faults.on_error, where)
        axes = (*errand.frame.plan.axes, task.axis) if isinstance(task, FanTask) else errand.frame.plan.axes
        origin = code.origins.get(node, "") if code is not None else ""
        worker = lost.worker if lost is not None else ""
        attempts = max(errand.attempt, errand.deaths)
        return Failure(node, axes[: len(where)], where, capture(error), origin, worker, attempts, policy)


def gathered(frame: Frame, arguments: Sequence[Gather], *, once: bool = False) -> tuple[list[Argument], list[Any]]:
    """The arguments of a task, and the values that they are made of. A list that nobody else reads is handed over instead of
    being copied, if the task is sure to run `once` only.
    """
    values: list[Any] = []
    found = []
    for argument in arguments:
        slot, form = frame.slots[argument.value], argument.form
        if once and form is Form.COLLECTED and isinstance(slot, Column) and _is_last(frame, argument, arguments, slot):
            form = Form.WHOLE
        found.append(gather(slot, form, argument.depth, values))
    return found, values


def _is_last(frame: Frame, argument: Gather, arguments: Sequence[Gather], column: Column) -> bool:
    """Whether a list is read by this argument and then no more."""
    value = argument.value
    if argument.depth != 1 or not column.is_own or value in frame.plan.outputs:
        return False
    return frame.reading[value] == 1 and sum(other.value == value for other in arguments) == 1


def invariant(frame: Frame, value: Value, values: list[Any], *, moves: bool = False) -> Argument:
    """The argument for a value that all spans of a fan get: if it is here, it is sent to each worker once; and if it is held
    somewhere, where there are several places, and so it may have to move, so is each part of it.
    """
    slot = frame.slots[value]
    if not slot.is_local:
        return gather(_shared(frame, value, slot) if moves else slot, Form.JOINED, 0, values)
    if value not in frame.shared:
        whole = slot.handle if isinstance(slot, Cell) else slot.joined()
        frame.shared[value] = Shared(next(_shared_keys), whole)
    values.append(frame.shared[value])
    holes = isinstance(slot, Column) and slot.holes
    return Argument(Form.WHOLE, (Part(len(values) - 1),), holes=holes)


def _shared(frame: Frame, value: Value, slot: Slot) -> Slot:
    """The slot with each of its parts under a key of its own."""
    if value not in frame.held:
        if isinstance(slot, Cell):
            frame.held[value] = Cell(Shared(next(_shared_keys), slot.handle))
        else:
            parts = [chunk._replace(handle=Shared(next(_shared_keys), chunk.handle)) for chunk in slot.chunks]
            frame.held[value] = Column(parts)
    return frame.held[value]


def _besides(errand: Errand, call: Call, outcome: Outcome) -> dict[str, int]:
    """By key, how many calls were made that a call had no turns for; below zero if it had turns that nobody needed."""
    toll, widths = errand.toll, dict(outcome.widths)
    found = outcome.cached and outcome.cached >= errand.items * len(call.code.origins)  # all of it was there already
    spared = errand.items if found else 0
    return {
        key: outcome.retries - calls * spared + sum(widths.get(axis, 0) * n for axis, n in toll.inside.get(key, {}).items())
        for key, calls in toll.calls.items()
    }
