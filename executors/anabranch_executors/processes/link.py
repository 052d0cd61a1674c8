"""The driver's end of one worker, and the jobs that wait in it.

This module never decides which worker gets a job.
"""

from __future__ import annotations

import socket
import threading
import time
from collections import deque
from contextlib import suppress
from dataclasses import dataclass, field

from anabranch.errors import AnabranchError
from anabranch.executor import Message, Reply
from anabranch.journey import Journey
from anabranch_executors.processes.lane import Lane
from anabranch_executors.processes.loop import Watcher
from anabranch_executors.processes.parcel import Parcel
from anabranch_executors.processes.place import Place
from anabranch_executors.processes.segments import Body
from anabranch_executors.processes.wire import CONTROL, TRIM, Inbox, Kind, Outbox

__all__ = ["Booking", "Job", "Link"]


@dataclass(slots=True, eq=False)
class Booking:
    """One run's claim on the pool; the pool's thread owns it.

    `ready` is set when there is a worker or `error` says why there is none, `gone` when nothing of the run is left.
    """

    place: Place
    is_open: bool = True
    error: AnabranchError | None = None
    ready: threading.Event = field(default_factory=threading.Event)
    gone: threading.Event = field(default_factory=threading.Event)


@dataclass(slots=True, eq=False)
class Job:
    """A call, pickled; `number` is its number in the pipe of the worker that has it, `journey` its way so far, and
    `memory` how much it may hold, if it says so.
    """

    call: int
    booking: Booking
    reply: Reply
    parcels: tuple[Parcel, ...]
    body: Body
    journey: Journey
    number: int = 0
    memory: int | None = None

    def answer(self, message: Message) -> None:
        """Replies, unless the run was left."""
        if self.booking.is_open:
            self.reply(message)


def ignore(_: int) -> None:
    """Does nothing about what a socket is ready for."""


class Link:
    """One worker as the driver sees it: its sockets, what it has, what it holds.

    `held` are the calls sent and not answered; the first has begun. `since` is when it did. `dying` links get nothing;
    a `fault` is why one could not be read any more.
    """

    def __init__(self, ticket: int, data: socket.socket, control: socket.socket, lane: socket.socket) -> None:
        data.setblocking(False)
        control.setblocking(False)
        self.ticket = ticket
        self.data = data
        self.control = control
        self.lane = Lane(lane)
        self.inbox = Inbox(self.lane)
        self.outbox = Outbox(self.lane)
        self.pid = 0
        self.watcher: Watcher = ignore
        self.blocked = False
        self.ready = False
        self.dying = False
        self.fault = ""
        self.quick = False
        self.since = 0.0
        self.held: deque[Job] = deque()
        self.revoking = 0
        self.known: set[int] = set()
        self.place: Place | None = None
        self.owns = False

    @property
    def name(self) -> str:
        """What outcomes call the worker."""
        return f"process {self.pid}"

    @property
    def usable(self) -> bool:
        """Whether it can be given a call at all."""
        return self.ready and not self.dying

    def has_room(self, booking: Booking) -> bool:
        """Whether a call of that run may be sent: to an idle worker, or behind a call of the same run if its calls are
        short, so that it need not wait for the driver between two of them.
        """
        held = self.held
        return not held or (len(held) == 1 and self.quick and held[0].booking is booking)

    def give(self, job: Job, number: int) -> None:
        """Queues a call for sending, with whatever it needs that the worker lacks; `number` rises from call to call."""
        place = job.booking.place
        if place is not self.place:
            self.outbox.put(Kind.SETTLE, 0, Body([place.packed]))
            self.place = place
        given = sum(job.body.lengths)
        for parcel in job.parcels:
            if parcel.number not in self.known:
                self.known.add(parcel.number)
                self.outbox.put(Kind.KEEP, parcel.number, parcel.body)
                given += sum(parcel.body.lengths)
        if not self.held:
            self.since = time.monotonic()
        job.number = number
        job.journey = job.journey._replace(sent=time.perf_counter(), given=given)
        self.held.append(job)
        self.outbox.put(Kind.CALL, number, job.body)

    def take(self, number: int) -> Job | None:
        """The held call of that number, which the worker does not have any longer."""
        for job in self.held:
            if job.number == number:
                self.held.remove(job)
                self.since = time.monotonic()
                return job
        return None

    def forget(self, numbers: list[int]) -> None:
        """Queues for sending that these parcels are no longer needed."""
        for number in self.known.intersection(numbers):
            self.known.remove(number)
            self.outbox.put(Kind.FORGET, number, Body([]))

    def revoke(self) -> None:
        """Asks for the call that waits behind the first."""
        self.revoking = self.held[1].number
        self.quick = False
        with suppress(OSError):  # if it is ending, the call comes back anyway
            self.control.send(CONTROL.pack(self.revoking))

    def trim(self) -> None:
        """Has the worker drop segments that it keeps to write into again."""
        with suppress(OSError):
            self.control.send(CONTROL.pack(TRIM))

    def close(self) -> None:
        """Hangs up."""
        self.watcher = ignore  # it refers to this link: no work for the garbage collector
        self.data.close()
        self.control.close()
        self.lane.close()
