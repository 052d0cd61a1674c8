"""The executor as the engine sees it: options, leases, and calls pickled in the thread that submits them."""

from __future__ import annotations

import os
import pickle
import sys
import threading
import weakref
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from time import perf_counter
from typing import Any

from anabranch.errors import ExecutorError, TransferError, nearest
from anabranch.executor import Call, CallFailed, Reply, Shared, Traits
from anabranch.journey import Journey
from anabranch.transport import Reach, by_value, pack, unsent
from anabranch_executors.processes.cpus import check_workers, usable_cpus
from anabranch_executors.processes.launch import LAUNCHERS
from anabranch_executors.processes.link import Booking, Job
from anabranch_executors.processes.memory import bytes_of
from anabranch_executors.processes.parcel import Kept, Parcel, Parcels
from anabranch_executors.processes.pool import Pool

__all__ = ["ProcessExecutor"]


class ProcessExecutor:
    """Worker processes on this machine.

    Args:
        workers: how many; as many as this process may use processors if not given.
        start_method: `forkserver` (the default on Linux), `spawn` (elsewhere) or `fork`.
        memory_limit: what a worker may hold in memory for itself, in bytes or like ``"2GB"``. One that holds more is killed,
            as the system would kill it if it ran out of memory, and what it ran goes on as after any other death.
        resources: what functions may need that the machine does not show, or not all of it, by name: ``{"licences": 2}``.
    """

    def __init__(
        self,
        workers: int | None = None,
        start_method: str | None = None,
        memory_limit: int | str | None = None,
        resources: Mapping[str, float] | None = None,
    ) -> None:
        check_workers(workers)
        if workers is None:
            workers = usable_cpus()
        if start_method is None:
            start_method = "forkserver" if sys.platform == "linux" else "spawn"
        if start_method not in LAUNCHERS:
            known = ", ".join(LAUNCHERS)
            raise ExecutorError(f"no start method '{start_method}'{nearest(start_method, LAUNCHERS)}; there are {known}")
        self.traits = Traits(slots=workers, credit=2 * workers, can_kill=True, is_local=True, resources=resources)
        self._start_method = start_method
        self._memory_limit = bytes_of(memory_limit)
        self._lock = threading.Lock()
        self._pools: list[Pool] = []  # the one in use, if any; a list, so that the finalizer need not hold the executor
        self._parcels: Parcels | None = None  # those of the pool in use
        _executors.add(self)
        weakref.finalize(self, _close, self._pools)

    @contextmanager
    def lease(self) -> Iterator[ProcessLease]:
        """Starts the pool if need be, and opens it to one run."""
        pool, parcels = self._started()
        booking = pool.enter()
        lease = ProcessLease(pool, parcels, booking)
        try:
            yield lease
        finally:
            lease.forget(list(lease.keys))
            pool.leave(booking)

    def close(self) -> None:
        """Ends the workers; calls that still run are answered as failed."""
        with self._lock:
            _close(self._pools)

    def _started(self) -> tuple[Pool, Parcels]:
        if os.name != "posix":
            raise ExecutorError("the processes executor needs Linux, macOS or another POSIX system; use 'threads'")
        with self._lock:
            if not self._pools or self._pools[0].closed:
                pool = Pool(self.traits.slots, LAUNCHERS[self._start_method], self._memory_limit)
                self._pools[:] = [pool]
                self._parcels = Parcels(pool.store, pool.forget)
            assert self._parcels is not None
            return self._pools[0], self._parcels

    def _forget_parent(self) -> None:
        """In a forked child: the workers are the parent's; ours start when they are needed."""
        self._lock = threading.Lock()
        for pool in self._pools:
            pool.abandon()
        self._pools.clear()


class ProcessLease:
    """The pool in use by one run."""

    def __init__(self, pool: Pool, parcels: Parcels, booking: Booking) -> None:
        self.keys: set[int] = set()
        self._pool = pool
        self._parcels = parcels
        self._booking = booking

    def submit(self, call: Call, reply: Reply) -> None:
        """Pickles the call and queues it."""
        try:
            job = self._job(call, reply)
        except TransferError as error:
            reply(CallFailed(call.id, error))
        else:
            self._pool.submit(job)

    def recall(self, call: Call) -> None:
        """Ends a call that runs, with its worker."""
        self._pool.recall(self._booking, call.id)

    def forget(self, keys: list[int]) -> None:
        """Has the workers drop these shared values."""
        self.keys.difference_update(keys)
        self._parcels.forget(keys)

    def _job(self, call: Call, reply: Reply) -> Job:
        began = perf_counter()
        code = self._parcels.code(call.code, self)
        parcels = [code]
        try:
            values = tuple(self._kept(value, parcels) if isinstance(value, Shared) else value for value in call.values)
            with by_value(Reach.SAME_PATH):
                packed = pack(values)
            frames: list[Any] = [pickle.dumps((code.number, call.layout), protocol=5), *packed]
        except Exception as error:
            raise unsent(call) from error
        body = self._pool.store.lay(frames)
        handed = perf_counter()
        journey = Journey(packing=handed - began, handed=handed)
        return Job(call.id, self._booking, reply, tuple(parcels), body, journey, memory=call.needs.memory)

    def _kept(self, shared: Shared, parcels: list[Parcel]) -> Kept:
        parcel = self._parcels.shared(shared)
        self.keys.add(shared.key)
        parcels.append(parcel)
        return Kept(parcel.number)


def _close(pools: list[Pool]) -> None:
    while pools:
        pools.pop().close()


_executors: weakref.WeakSet[ProcessExecutor] = weakref.WeakSet()


def _after_fork() -> None:
    for executor in list(_executors):
        executor._forget_parent()  # noqa: SLF001  nobody else may


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
