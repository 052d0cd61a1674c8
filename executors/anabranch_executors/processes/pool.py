"""Which worker gets which call.

Theory: calls wait in one queue here, not at the workers, so that a long call holds up nothing. Only where calls are so
short that waiting for the driver would show is a second one sent ahead; if the first then turns out to be long while
another worker idles, the second is asked back. A worker is started when a call waits for one, and replaced when it
ended and a call waits; a call that had begun there is lost, one that had not goes back to the head of the queue.

Invariants: every job is in the queue or held by exactly one link, until it is answered or its run is left; a link holds
jobs of one run. All state is the loop's thread's; the public methods post commands to it.

This module never knows how a worker is started or reached.
"""

from __future__ import annotations

import pickle
import time
from collections import deque
from dataclasses import replace
from functools import partial
from itertools import count
from typing import Final

from anabranch.deadline import KILLED
from anabranch.errors import AnabranchError, ExecutorError, InternalError, TransferError
from anabranch.executor import CallFailed, CallLost
from anabranch.policies import Cause
from anabranch.transport import unpack
from anabranch.work import Outcome
from anabranch_executors.processes.crew import Crew, StartMethod
from anabranch_executors.processes.link import Booking, Job, Link
from anabranch_executors.processes.loop import Loop
from anabranch_executors.processes.memory import MemoryGuard
from anabranch_executors.processes.place import Place
from anabranch_executors.processes.segments import Store
from anabranch_executors.processes.wire import Kind, Packet

__all__ = ["Pool"]

QUICK: Final = 0.02
"""Calls shorter than this, in seconds, are sent one ahead; a call that takes longer gives back the one behind it."""

COOLING: Final = 30.0
"""So many seconds after the last large message nobody keeps segments to write into again."""

ATTEMPTS: Final = 3
"""So many workers in a row may end before they are ready."""


class Pool:
    """Up to `slots` workers, and the calls that wait for them."""

    def __init__(self, slots: int, start_method: StartMethod, memory_limit: int | None = None) -> None:
        self._memory = MemoryGuard(memory_limit)
        self.store = Store()
        self._slots = slots
        self._loop = Loop("anabranch processes", self._tick, self._break)
        self._crew = Crew(self._loop, start_method, self._receive, self._lose)
        self._queue: deque[Job] = deque()
        self._waiting: list[Booking] = []
        self._leaving: dict[Booking, set[Link]] = {}
        self._numbers = count(1)
        self._place: Place | None = None
        self._misfits = 0
        self._warm = 0.0
        self._refusal: AnabranchError | None = None
        self._loop.start()

    # From any thread.

    @property
    def closed(self) -> bool:
        """Whether it takes no more calls."""
        return self._refusal is not None

    def enter(self) -> Booking:
        """Opens the pool to one run; waits until there is a worker.

        Raises:
            ExecutorError: there won't be any.
        """
        booking = Booking(Place.here(self._slots))
        self._loop.post(partial(self._enter, booking))
        booking.ready.wait()
        if booking.error is not None:
            raise booking.error
        return booking

    def submit(self, job: Job) -> None:
        """Takes a job."""
        self._loop.post(partial(self._submit, job))

    def forget(self, numbers: list[int]) -> None:
        """The parcels of these numbers are not needed any more."""
        self._loop.post(partial(self._forget, numbers))

    def recall(self, booking: Booking, call: int) -> None:
        """Ends a call that nobody waits for; it is answered as lost."""
        self._loop.post(partial(self._recall, booking, call))

    def leave(self, booking: Booking) -> None:
        """Ends what is still there of a run, and waits until it has ended."""
        self._loop.post(partial(self._leave, booking))
        booking.gone.wait()

    def close(self) -> None:
        """Ends all workers and the thread."""
        self._loop.post(self._close)
        self._loop.join()

    def abandon(self) -> None:
        """Lets go of everything in a forked child, where workers and thread are the parent's."""
        self._refusal = ExecutorError("this lease belongs to the parent of this process; lease the executor again here")
        self._queue.clear()
        self._leaving.clear()
        self._loop.abandon()
        self._crew.abandon()
        self.store.abandon()

    # Commands.

    def _enter(self, booking: Booking) -> None:
        if self._refusal is not None:
            booking.error = self._refusal
            booking.ready.set()
            return
        if booking.place == self._place:
            booking.place = self._place  # links compare identity
        self._place = booking.place
        self._waiting.append(booking)
        if any(link.usable for link in self._crew.links):
            self._admit(None)
        self._recruit()

    def _admit(self, error: AnabranchError | None) -> None:
        for booking in self._waiting:
            booking.error = error
            booking.ready.set()
        self._waiting.clear()

    def _submit(self, job: Job) -> None:
        if self._refusal is not None:
            job.answer(CallFailed(job.call, self._refusal))
        elif job.booking.is_open:
            self._queue.append(job)
            self._assign()

    def _forget(self, numbers: list[int]) -> None:
        for link in self._crew.links:
            link.forget(numbers)
            self._crew.flush(link)

    def _recall(self, booking: Booking, call: int) -> None:
        for link in self._crew.links:
            if link.held and link.held[0].booking is booking and link.held[0].call == call:
                link.fault = "its call was recalled"
                self._crew.kill(link)

    def _leave(self, booking: Booking) -> None:
        booking.is_open = False
        self._queue = deque(job for job in self._queue if job.booking is not booking)
        doomed = {link for link in self._crew.links if link.held and link.held[0].booking is booking}
        if doomed:
            self._leaving[booking] = doomed
            self._crew.part(doomed)
            for link in doomed:
                self._crew.kill(link)
        else:
            booking.gone.set()

    def _close(self) -> None:
        self._end(ExecutorError("the executor has been closed"))
        self._loop.stop()

    def _break(self, error: BaseException) -> None:
        refusal = InternalError(f"the processes executor broke down: {error!r}")
        refusal.__cause__ = error
        self._end(refusal)

    def _end(self, refusal: AnabranchError) -> None:
        """Refuses all that waits and will come, and ends the workers."""
        if self._refusal is None:
            self._refusal = refusal
            self._queue.extendleft(job for link in self._crew.links for job in link.held)
            self._crew.close()
            self.store.trim()
        self._refuse(refusal)
        for booking in self._leaving:
            booking.gone.set()
        self._leaving.clear()

    def _refuse(self, error: AnabranchError) -> None:
        self._admit(error)
        while self._queue:
            job = self._queue.popleft()
            job.answer(CallFailed(job.call, error))

    # Assignment.

    def _assign(self) -> None:
        while self._queue:
            booking = self._queue[0].booking
            free = [link for link in self._crew.links if link.usable and link.has_room(booking)]
            if not free:
                break
            link = min(free, key=lambda link: len(link.held))
            link.give(self._queue.popleft(), next(self._numbers))
            self._crew.flush(link)
        self._recruit()

    def _recruit(self) -> None:
        """Starts workers for the calls that wait, and one for runs that wait."""
        if not self._queue and not self._waiting:
            return
        alive = [link for link in self._crew.links if not link.dying]
        if alive and self._misfits >= ATTEMPTS:
            return  # go on with those there are
        starting = sum(not link.ready for link in alive)
        wanted = max(len(self._queue), bool(self._waiting)) - starting
        for _ in range(min(wanted, self._slots - len(alive))):
            self._crew.start()

    def _tick(self) -> float | None:
        """Does what is due, and says when something will be."""
        return min((due for due in (self._cool(), self._unstick(), self._look()) if due is not None), default=None)

    def _look(self) -> float | None:
        """Kills workers that hold too much memory."""
        return self._memory.check(self._crew.links, self._crew.kill)

    def _cool(self) -> float | None:
        """Drops segments that are kept to be written into again, here and in the workers, when no more are in use."""
        last = max(self._warm, self.store.last)
        if not last:
            return None
        due = last + COOLING - time.monotonic()
        if due > 0:
            return due
        self._warm = 0.0
        self.store.trim()
        for link in self._crew.links:
            link.trim()
        return None

    def _unstick(self) -> float | None:
        """Asks calls back that are stuck behind a long one while a worker idles; says when the next will be."""
        links = [link for link in self._crew.links if link.usable]
        if self._queue or all(link.held for link in links):
            return None
        now = time.monotonic()
        soonest = None
        for link in links:
            if len(link.held) > 1 and link.revoking != link.held[1].number:
                due = link.since + QUICK - now
                if due <= 0:
                    link.revoke()
                elif soonest is None or due < soonest:
                    soonest = due
        return soonest

    # Events.

    def _receive(self, link: Link, message: Packet) -> None:
        if message.kind is Kind.HELLO:
            link.pid, link.ready = message.number, True
            self._misfits = 0
            if link.usable:
                self._admit(None)
            self._assign()
            return
        if message.kind is Kind.OWNS:
            link.owns = True
            return
        job = link.take(message.number)
        if job is None:
            return
        if message.mapped:
            self._warm = time.monotonic()
        if message.kind is Kind.RETURNED:
            if job.booking.is_open:
                self._queue.appendleft(job)
        elif message.kind is Kind.OVERDUE:
            self._crew.kill(link)
            job.answer(_overdue(job, message))
        elif message.kind is Kind.FAILED:
            text, whole = (bytes(frame).decode() for frame in message.frames)
            job.answer(CallFailed(job.call, TransferError(text, whole=bool(whole))))
        else:
            self._conclude(link, job, message)
        self._assign()

    def _conclude(self, link: Link, job: Job, message: Packet) -> None:
        answered = time.perf_counter()
        try:
            bare: Outcome = pickle.loads(message.frames[0])  # noqa: S301  from our own worker
            link.quick = bare.seconds < QUICK
            outputs = unpack(message.frames[1:])
        except Exception as error:
            text = f"a result cannot be unpickled here ({type(error).__name__}: {error}); return plain data"
            job.answer(CallFailed(job.call, TransferError(f"{text}, or run it on 'sequential' or 'threads'")))
        else:
            journey = job.journey.back(bare.journey, answered, time.perf_counter() - answered, sum(map(len, message.frames)))
            job.answer(replace(bare, call=job.call, outputs=outputs, journey=journey))

    def _lose(self, link: Link, reason: str) -> None:
        """A worker has ended: its first call is lost, the one behind goes to another."""
        for booking, doomed in list(self._leaving.items()):
            doomed.discard(link)
            if not doomed:
                del self._leaving[booking]
                booking.gone.set()
        if link.held:
            job = link.held.popleft()
            cause: Cause = "timeout" if KILLED in reason else "lost"
            said = f"a function took longer than its timeout ({reason})" if cause == "timeout" else reason
            job.answer(CallLost(job.call, said, link.name, cause))
            self._queue.extendleft(job for job in reversed(link.held) if job.booking.is_open)
        if not link.ready:
            self._misfits += 1
            if self._misfits >= ATTEMPTS and all(other.dying for other in self._crew.links):
                self._misfits = 0
                text = f"no worker process could be started: {reason}; what it printed is on the standard error stream"
                self._refuse(ExecutorError(text))
        self._assign()


def _overdue(job: Job, message: Packet) -> CallLost:
    """What a worker says of a call that takes too long, with what the call had finished."""
    lost: CallLost = pickle.loads(message.frames[0])  # noqa: S301  from our own worker
    if lost.finished is not None:
        try:
            outputs = unpack(message.frames[1:])
        except Exception:
            return replace(lost, call=job.call, finished=None)
        lost = replace(lost, finished=replace(lost.finished, outputs=outputs))
    return replace(lost, call=job.call)
