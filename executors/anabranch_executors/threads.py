"""Runs calls on threads of this process: for work that waits, or that releases the interpreter lock.

    submit ──▶ one queue for all leases ──▶ thread: in a copy of the lease's context: perform ──▶ reply

Theory: a thread cannot be killed, so leaving a lease means two things: its jobs that no thread has taken yet are struck
from its ledger and skipped when their turn comes, and those that run are waited for. A job counts as running from the
moment a thread takes it, under the lock of its lease, so no job can slip through in between.

The threads are daemons that hold only the queue, never the executor: an executor that is dropped, or an interpreter
that exits, sends each thread a None and joins it.
"""

from __future__ import annotations

import contextvars
import threading
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from queue import SimpleQueue
from typing import NamedTuple

from anabranch.errors import ExecutorError
from anabranch.executor import Call, Reply, Traits
from anabranch_executors.processes.cpus import usable_cpus
from anabranch_executors.reply import Ledger, answer
from anabranch_executors.sequential import local

__all__ = ["ThreadExecutor"]


class Job(NamedTuple):
    """One call on its way to a thread."""

    lease: ThreadLease
    call: Call
    ticket: int


Jobs = SimpleQueue[Job | None]


class ThreadExecutor:
    """Calls share the driver's memory; nothing is pickled.

    Args:
        workers: how many threads; by default four more than there are processors, at most 32.
    """

    def __init__(self, workers: int | None = None) -> None:
        if workers is not None and workers < 1:
            raise ExecutorError(f"workers must be at least 1, not {workers}")
        count = workers or min(32, usable_cpus() + 4)
        self.traits = Traits(slots=count, credit=2 * count, shares_memory=True)
        self._lock = threading.Lock()
        self._jobs: Jobs = SimpleQueue()
        self._end: weakref.finalize[..., ThreadExecutor] | None = None

    @contextmanager
    def lease(self) -> Iterator[ThreadLease]:
        """Starts the threads, the first time; the calls of this lease see the context variables of its caller."""
        lease = ThreadLease(self._start())
        try:
            yield lease
        finally:
            lease.leave()

    def close(self) -> None:
        """Ends the threads, after what they are running."""
        with self._lock:
            if self._end is not None:
                self._end()
                self._end = None

    def _start(self) -> Jobs:
        with self._lock:
            if self._end is None:
                jobs: Jobs = SimpleQueue()
                threads = [
                    threading.Thread(target=_work, args=(jobs,), name=f"anabranch-{number}", daemon=True)
                    for number in range(self.traits.slots)
                ]
                for thread in threads:
                    thread.start()
                self._jobs = jobs
                self._end = weakref.finalize(self, _end, jobs, threads)
            return self._jobs


class ThreadLease:
    """The threads in use by one run."""

    def __init__(self, jobs: Jobs) -> None:
        self._jobs = jobs
        self._ledger = Ledger()
        self._context = contextvars.copy_context()
        self._idle = threading.Condition()
        self._running = 0

    def submit(self, call: Call, reply: Reply) -> None:
        """Queues the call."""
        self._jobs.put(Job(self, call, self._ledger.enter(reply)))

    def forget(self, keys: list[int]) -> None:
        """Nothing is kept."""

    def leave(self) -> None:
        """Drops what is queued and waits for what is running."""
        with self._idle:
            self._ledger.leave()
            self._idle.wait_for(lambda: self._running == 0)

    def run(self, call: Call, ticket: int) -> None:
        """Runs one call in this thread, if its lease is still there."""
        with self._idle:
            if not self._ledger.is_open(ticket):
                return
            self._running += 1
        try:
            worker = threading.current_thread().name
            self._ledger.settle(ticket, self._context.copy().run(answer, call.code, call.layout, local(call), worker))
        finally:
            with self._idle:
                self._running -= 1
                self._idle.notify_all()


def _work(jobs: Jobs) -> None:
    while (job := jobs.get()) is not None:
        job.lease.run(job.call, job.ticket)
        del job  # or the last call's values would live until the next one comes


def _end(jobs: Jobs, threads: list[threading.Thread]) -> None:
    for _ in threads:
        jobs.put(None)
    for thread in threads:
        if thread is not threading.current_thread():
            thread.join()
