"""What a run has out and what it has to do next: the part of its state that all its parts share.

Two queues come before all else: `urgent` holds commands that follow from what has just been decided, `ready` calls that wait
for credit. An errand is kept for each call that is out, and taken away when it comes back; a call without one is late, and
nobody waits for it.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import replace
from enum import Enum
from itertools import count
from typing import Any, NamedTuple, Protocol

from anabranch.errors import WorkerLost
from anabranch.events import Event, ItemFailed
from anabranch.executor import Call, CallFailed, Message, Shared
from anabranch.failure import Failure
from anabranch.plan import Gather, Value
from anabranch.run.commands import Command, Submit
from anabranch.run.frame import Frame
from anabranch.run.values import Cell, Column, Slot, gather
from anabranch.work import Argument, Code, Form, Layout, Outcome, Part

__all__ = ["Board", "Errand", "Frames", "Purpose"]

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

    @property
    def words(self) -> str:
        """What it runs, for messages."""
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


class Board:
    """Calls out, commands to give, facts to tell."""

    def __init__(self, slots: int, credit: int) -> None:
        self.slots = slots
        self.credit = credit
        self.urgent: deque[Command] = deque()
        self.ready: deque[Call] = deque()
        self.events: deque[Event] = deque()
        self.failures: list[Failure] = []
        self.error: Exception | None = None
        self.forgotten: list[int] = []
        self.out: set[int] = set()
        self.ids = count()
        self._errands: dict[int, Errand] = {}

    @property
    def failed(self) -> bool:
        """Whether the run cannot go on."""
        return self.error is not None or bool(self.failures)

    def call(self, errand: Errand, code: Code, gathered: tuple[Sequence[Argument], Sequence[Any]], start: int = 0) -> Call:
        """Makes a call and keeps its errand."""
        arguments, values = gathered
        number = next(self.ids)
        self._errands[number] = errand
        return Call(code, Layout(number, errand.frame.where, start, tuple(arguments)), tuple(values))

    def submit(self, call: Call) -> Submit:
        """The command that hands a call to the executor."""
        self.out.add(call.id)
        return Submit(call)

    def returned(self, message: Message) -> tuple[Errand, Outcome] | None:
        """A call is out no more. None if nobody waits for it, or it went wrong, which is noted."""
        self.out.discard(message.call)
        errand = self._errands.pop(message.call, None)
        if errand is None or self.went_wrong(message, errand) or not isinstance(message, Outcome):
            return None
        return errand, message

    def went_wrong(self, message: Message, errand: Errand | None = None) -> bool:
        """Notes what a message says of failures; True if the run cannot go on."""
        if isinstance(message, Outcome):
            for failure in message.failures:
                placed = replace(failure, worker=message.worker)
                self.failures.append(placed)
                self.events.append(ItemFailed(placed))
            return bool(message.failures)
        if isinstance(message, CallFailed):
            self.error = message.error
        else:
            what = f" while it ran {errand.words}" if errand else ""
            self.error = WorkerLost(f"{message.worker or 'a worker'} died{what}: {message.reason}")
        return True


def gathered(frame: Frame, arguments: Iterable[Gather]) -> tuple[list[Argument], list[Any]]:
    """The arguments of a task, and the values that they are made of."""
    values: list[Any] = []
    found = [gather(frame.slots[a.value], a.form, a.depth, values) for a in arguments]
    return found, values


def invariant(frame: Frame, value: Value, values: list[Any]) -> Argument:
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
