"""An adapter for any `concurrent.futures.Executor`: the pools of the standard library, loky, executorlib, MPI.

Theory: the seam of `concurrent.futures` is `submit` and a future with a done-callback, which is all that is needed. The
pool is the user's: it is neither started nor closed here. Nothing is known about its workers but that they run on this
machine's modules, so everything is pickled by us; only a `ThreadPoolExecutor` is known to share memory.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import BrokenExecutor, CancelledError, Executor, Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from contextvars import copy_context
from functools import partial
from time import perf_counter
from typing import Any

from anabranch.errors import ExecutorError, TransferError
from anabranch.executor import Call, CallFailed, CallLost, Message, Reply, Traits
from anabranch.journey import Journey
from anabranch.transport import Reach
from anabranch_executors.nested import NestedLease, is_inside, run_inside
from anabranch_executors.parcel import Packed, Parcel, Sender, departure, message_of, run_parcel
from anabranch_executors.processes.cpus import check_workers
from anabranch_executors.reply import Ledger, answer, in_one_line
from anabranch_executors.sequential import local

__all__ = ["FuturesExecutor"]


class FuturesExecutor:
    """Calls go to a pool that the user opened, and that stays open.

    Args:
        pool: the pool.
        workers: how many calls it runs at the same time; by default what the pool says, or the number of processors.
    """

    def __init__(self, pool: Executor, workers: int | None = None) -> None:
        check_workers(workers)
        slots = workers or getattr(pool, "_max_workers", None) or os.cpu_count() or 1
        self.pool = pool
        self.traits = Traits(slots=slots, credit=2 * slots, shares_memory=isinstance(pool, ThreadPoolExecutor))

    @contextmanager
    def lease(self) -> Iterator[FuturesLease | NestedLease]:
        """Opens the pool to one run."""
        if is_inside(self.pool):
            yield NestedLease()
            return
        lease = FuturesLease(self.pool, shares_memory=self.traits.shares_memory)
        try:
            yield lease
        finally:
            lease.leave()

    def close(self) -> None:
        """The pool is the user's: nothing is ended."""


class FuturesLease:
    """A pool in use by one run."""

    def __init__(self, pool: Executor, *, shares_memory: bool) -> None:
        self._pool = pool
        self._ledger = Ledger()
        self._context = copy_context()
        self._sender: Sender[Packed] | None = None if shares_memory else Sender(Reach.SAME_PATH, Packed, _as_it_is)

    def submit(self, call: Call, reply: Reply) -> None:
        """Hands the call to the pool; one that it does not take fails."""
        ticket = self._ledger.enter(call, reply)
        try:
            future, read = self._start(call)
        except TransferError as error:
            self._ledger.settle(ticket, CallFailed(call.id, error))
        except RuntimeError as error:  # BrokenExecutor is one, and so is what a pool that was shut down raises
            text = f"the pool takes no more calls ({in_one_line(error)}); open a new one"
            self._ledger.settle(ticket, CallFailed(call.id, ExecutorError(text)))
        else:
            self._ledger.hold(ticket, future)
            future.add_done_callback(partial(self._done, ticket, call, read))

    def forget(self, keys: list[int]) -> None:
        """Drops what was packed."""
        if self._sender is not None:
            self._sender.forget(keys)

    def leave(self) -> None:
        """Cancels what is queued and waits for what is running."""
        futures = self._ledger.leave()
        wait([future for future in futures if not future.cancel()])

    def _start(self, call: Call) -> tuple[Future[Any], Callable[[Any], Message]]:
        if self._sender is None:
            inside = partial(run_inside, id(self._pool), run_in_thread, call)
            return self._pool.submit(self._context.copy().run, inside), _as_it_is
        began = perf_counter()
        code, parcel, far = self._sender.pack(call)
        journey = departure(began, parcel)
        return self._pool.submit(run_in_pool, code, parcel, far), partial(_read, call, journey)

    def _done(self, ticket: int, call: Call, read: Callable[[Any], Message], future: Future[Any]) -> None:
        message: Message
        try:
            message = read(future.result())
        except CancelledError:
            message = CallLost(call.id, "the call was cancelled in the pool, from outside this run")
        except BrokenExecutor as error:
            message = CallLost(call.id, f"a worker of the pool died: {in_one_line(error)}")
        except Exception as error:
            text = f"the pool could not run the call: {type(error).__name__}: {in_one_line(error)}"
            message = CallFailed(call.id, ExecutorError(text))
        self._ledger.settle(ticket, message)


def run_in_thread(call: Call) -> Message:
    """What a thread of the pool runs."""
    return answer(call.code, call.layout, local(call), threading.current_thread().name)


def run_in_pool(code: bytes, parcel: Parcel, far: list[Packed]) -> Packed:
    """What a worker of the pool runs; every output comes back with the answer."""
    return run_parcel(code, parcel, far, keep=True, inline=None)[0]


def _read(call: Call, journey: Journey, head: Packed) -> Message:
    return message_of(call, head, lambda _: None, journey)


def _as_it_is(value: Any) -> Any:
    return value
