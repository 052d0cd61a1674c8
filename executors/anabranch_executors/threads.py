"""Runs calls on threads of this process: for work that waits, or that releases the interpreter lock.

    submit ──▶ one queue for all leases ──▶ thread: in a copy of the lease's context: perform ──▶ reply

Theory: a thread cannot be killed, so leaving a lease means two things: its jobs that no thread has taken yet are struck
from its ledger and skipped when their turn comes, and those that run are waited for. A job counts as running from the
moment a thread takes it, under the lock of its lease, so no job can slip through in between. Only who is interrupted does
not wait for long: then threads that go on are given up, others are started in their place, and they end with their calls.

The threads are daemons that hold only the queue, never the executor: an executor that is dropped, or an interpreter
that exits, ends the crew, which sends each thread a None and joins it. Runs may still hold leases of a crew that has
ended; whatever of theirs no thread has taken is answered as failed, for nobody would ever take it.
"""

from __future__ import annotations

import contextvars
import threading
import weakref
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from queue import Empty, SimpleQueue
from typing import NamedTuple

from anabranch.errors import ExecutorError
from anabranch.executor import Call, CallFailed, Reply, Traits
from anabranch.own import close_of_thread
from anabranch_executors.nested import NestedLease, is_inside, run_inside
from anabranch_executors.processes.cpus import check_workers, usable_cpus
from anabranch_executors.reply import INTERRUPTED, Ledger, answer
from anabranch_executors.sequential import local

__all__ = ["ThreadExecutor"]


class Job(NamedTuple):
    """One call on its way to a thread."""

    lease: ThreadLease
    call: Call
    ticket: int


class Crew:
    """Threads and the queue that they take jobs from; once ended it takes no more. A thread is started when a job comes and
    none is idle.
    """

    def __init__(self, count: int) -> None:
        self._jobs: SimpleQueue[Job | None] = SimpleQueue()
        self._lock = threading.Lock()
        self._ended = False
        self._count = count
        self._idle = threading.Semaphore(0)
        self._threads: list[threading.Thread] = []
        self._given_up: set[threading.Thread] = set()

    def put(self, job: Job) -> None:
        """Queues the job, or answers it as failed."""
        with self._lock:
            if not self._ended:
                self._jobs.put(job)
                if len(self._threads) < self._count and not self._idle.acquire(blocking=False):
                    self._hire()
                return
        _refuse(job)

    def _hire(self) -> None:
        name = f"anabranch-{len(self._threads) + len(self._given_up)}"
        thread = threading.Thread(target=_work, args=(self._jobs, self._idle, self._given_up), name=name, daemon=True)
        self._threads.append(thread)
        thread.start()

    def give_up(self, threads: set[threading.Thread]) -> None:
        """Lets threads go that nobody wants to wait for: they take no more jobs, and others are in their place."""
        with self._lock:
            self._given_up |= threads
            self._threads = [thread for thread in self._threads if thread not in threads]
            for _ in threads if not self._ended else ():
                self._hire()

    def end(self) -> None:
        """Answers what is queued as failed, and ends the threads after what they are running."""
        with self._lock:
            self._ended = True
            queued = self._drained()
            for _ in self._threads:
                self._jobs.put(None)
        for job in queued:
            _refuse(job)
        for thread in self._threads:
            if thread is not threading.current_thread():
                thread.join()

    def _drained(self) -> list[Job]:
        queued: list[Job] = []
        while True:
            try:
                job = self._jobs.get_nowait()
            except Empty:
                return queued
            if job is not None:
                queued.append(job)


def _refuse(job: Job) -> None:
    job.lease.refuse(job.call, job.ticket)


class ThreadExecutor:
    """Calls share the driver's memory; nothing is pickled.

    Args:
        workers: how many threads; by default four more than there are processors, at most 32.
        resources: what functions may need that the machine does not show, by name.
    """

    def __init__(self, workers: int | None = None, resources: Mapping[str, float] | None = None) -> None:
        check_workers(workers)
        count = workers or min(32, usable_cpus() + 4)
        self.traits = Traits(slots=count, credit=2 * count, shares_memory=True, is_local=True, resources=resources)
        self._lock = threading.Lock()
        self._crew: Crew | None = None
        self._end: weakref.finalize[..., ThreadExecutor] | None = None

    @contextmanager
    def lease(self) -> Iterator[ThreadLease | NestedLease]:
        """Starts the threads, the first time; the calls of this lease see the context variables of its caller."""
        if is_inside(self):
            yield NestedLease()
            return
        lease = ThreadLease(self._start(), id(self))
        patience = None
        try:
            yield lease
        except KeyboardInterrupt:
            patience = INTERRUPTED
            raise
        finally:
            lease.leave(patience)

    def close(self) -> None:
        """Ends the threads, after what they are running; calls that no thread has taken are answered as failed."""
        with self._lock:
            end, self._crew, self._end = self._end, None, None
        if end is not None:  # without the lock: what runs may want a lease of this executor itself
            end()

    def _start(self) -> Crew:
        with self._lock:
            if self._crew is None:
                self._crew = Crew(self.traits.slots)
                self._end = weakref.finalize(self, self._crew.end)
            return self._crew


class ThreadLease:
    """The threads in use by one run."""

    def __init__(self, crew: Crew, slots: int) -> None:
        self._crew = crew
        self._slots = slots
        self._ledger = Ledger()
        self._context = contextvars.copy_context()
        self._idle = threading.Condition()
        self._running: set[threading.Thread] = set()

    def submit(self, call: Call, reply: Reply) -> None:
        """Queues the call."""
        self._crew.put(Job(self, call, self._ledger.enter(call, reply)))

    def refuse(self, call: Call, ticket: int) -> None:
        """Answers a call that no thread will take."""
        self._ledger.settle(ticket, CallFailed(call.id, ExecutorError("the executor has been closed")))

    def forget(self, keys: list[int]) -> None:
        """Nothing is kept."""

    def leave(self, patience: float | None = None) -> None:
        """Drops what is queued and waits for what is running, for so many seconds; what runs on then is given up."""
        with self._idle:
            self._ledger.leave()
            self._idle.wait_for(lambda: not self._running, patience)
            self._crew.give_up(self._running)

    def run(self, call: Call, ticket: int) -> None:
        """Runs one call in this thread, if its lease is still there."""
        thread = threading.current_thread()
        with self._idle:
            if not self._ledger.is_open(ticket):
                return
            self._running.add(thread)
        try:
            context = self._context.copy()
            outcome = context.run(run_inside, self._slots, answer, call.code, call.layout, local(call), thread.name)
            self._ledger.settle(ticket, outcome)
        finally:
            with self._idle:
                self._running.discard(thread)
                self._idle.notify_all()


def _work(jobs: SimpleQueue[Job | None], idle: threading.Semaphore, given_up: set[threading.Thread]) -> None:
    while (job := jobs.get()) is not None:
        job.lease.run(job.call, job.ticket)
        del job  # or the last call's values would live until the next one comes
        if threading.current_thread() in given_up:
            break
        idle.release()
    close_of_thread()
