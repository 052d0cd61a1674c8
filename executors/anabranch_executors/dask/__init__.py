"""Runs calls on Dask, on this machine or a cluster; intermediate values stay in the workers' memory.

    submit ──▶ task(code, parcel, *far) ──▶ Dask worker: run_parcel ──▶ a head alone, or Kept: head and outputs
    reply ◀── gathered, in Dask's loop ◀── the head, or the one that a second small task takes out of Kept
    later call ◀── the future of Kept, as an argument ◀──┘

Theory: a client, cluster or scheduler that the user opened is used and left as it is; what is started here is closed
here. `cluster` opens, `lease` is the driver's side of calls, `worker` the other.
"""

from __future__ import annotations

import os
import threading
import weakref
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from functools import partial
from typing import Any

from anabranch.errors import ExecutorError
from anabranch.executor import Traits
from anabranch.own import OWNER, close_all, is_any_declared
from anabranch.transport import Reach
from anabranch_executors.cargo import Cargo
from anabranch_executors.dask.cluster import PATIENCE, address_in, connect, distributed, silence, start_cluster
from anabranch_executors.dask.endings import Endings
from anabranch_executors.dask.lease import DaskLease
from anabranch_executors.dask.line import GRACE, check_grace, keep_for
from anabranch_executors.dask.needs import largest, slots_of
from anabranch_executors.processes.cpus import check_workers, usable_cpus
from anabranch_executors.reply import INTERRUPTED
from anabranch_executors.scratch import Scratch

__all__ = ["DaskExecutor"]


STARTING = 60
"""Seconds that the workers of a cluster of our own have to report to its scheduler."""


class DaskExecutor:
    """Calls are Dask tasks.

    Args:
        client: a `distributed.Client`, or a cluster object; by default the process's current client, if it has one.
        address: a scheduler, ``tcp://host:port``, where no client is given.
        scheduler_file: instead, the file where a scheduler has written down its address (``dask scheduler --scheduler-file``).
        workers: how many worker processes to start where there is none of these; else how many calls at the same time, which
            may be more than there are workers now, if the cluster grows.
        resources: what its largest worker has, by name, where that is more than can be seen now: of a cluster that grows, say.
        ship: packages or modules of Python files that the cluster's machines lack, or have in another version.
        grace: seconds for which a lost connection to a scheduler that is not ours is tried again, and it keeps what the run has
            there; 0 for not at all. A client that is given tries for as long as it was told when it was opened.
        options: further keyword arguments for the `distributed.LocalCluster` that is started.
    """

    def __init__(
        self,
        client: Any = None,
        address: str | None = None,
        workers: int | None = None,
        *,
        scheduler_file: str | os.PathLike[str] | None = None,
        resources: Mapping[str, float] | None = None,
        ship: Sequence[str] = (),
        grace: float = GRACE,
        **options: Any,
    ) -> None:
        check_workers(workers)
        self._given = client
        self._address = address
        self._file = scheduler_file
        self._workers = workers
        self._options = options
        self._slots = workers or usable_cpus()
        self._more = dict(resources or {})
        self._resources: dict[str, float] | None = None
        self._ship = ship
        self._grace = check_grace(grace)
        self._threads = 0  # those of a cluster of our own, whose workers are replaced
        self._lock = threading.Lock()
        self._client: Any = None
        self._closes = False  # whether there is something to close
        self._leases: weakref.WeakSet[DaskLease] = weakref.WeakSet()
        self._reach = Reach.INSTALLED
        self._endings: Endings | None = None
        self._end: weakref.finalize[..., DaskExecutor] | None = None

    @property
    def traits(self) -> Traits:
        """As many slots as the workers have threads, once there are some, or may come to have."""
        slots, mine = self._slots, self._client is None and self._is_to_start
        kills = mine or (self._endings is not None and self._endings.are_processes)
        return Traits(slots=slots, credit=2 * slots, holds_references=True, can_kill=kills, resources=self._resources)

    @property
    def _is_to_start(self) -> bool:
        """Whether a cluster of worker processes will be started here."""
        named = (self._given, self._address, self._file)
        return not any(one is not None for one in named) and bool(self._options.get("processes", True))

    @contextmanager
    def lease(self) -> Iterator[DaskLease]:
        """Connects, or starts a cluster on this machine, the first time."""
        with self._lock:
            client = self._opened()
            self._slots = max(1, self._threads or self._workers or slots_of(client))
            self._resources = {**largest(client), **self._more}
            lease = DaskLease(client, self._reach, self._endings, Cargo(self._reach, self._ship), self._grace)
            self._leases.add(lease)
        patience = None
        try:
            yield lease
        except KeyboardInterrupt:
            patience = INTERRUPTED
            raise
        finally:
            lease.leave(patience)

    def close(self) -> None:
        """Closes the client and the cluster, whichever were opened here."""
        with self._lock:
            if self._closes:
                for lease in list(self._leases):
                    lease.refuse()
            self._part()
            self._disconnect()

    def _part(self) -> None:
        """Has the workers close what they made for themselves on our behalf."""
        if is_any_declared() and self._client is not None and self._client.status == "running":
            with suppress(Exception):
                self._client.run(close_all, OWNER, on_error="ignore")

    def _opened(self) -> Any:
        if self._client is None or self._client.status != "running":
            self._disconnect()
            self._connect(distributed())
        return self._client

    def _disconnect(self) -> None:
        if self._end is not None:
            self._end()
        self._client = self._end = None

    def _connect(self, dask: Any) -> None:
        opened: list[Any] = []
        self._reach, self._endings, self._threads = Reach.INSTALLED, None, 0
        given = self._given
        address = self._address if self._file is None else address_in(self._file)
        if given is None and address is None:
            with suppress(ValueError):
                given = dask.default_client()
        if isinstance(given, dask.Client):
            self._client = _usable(given)
        elif given is not None:
            self._client = dask.Client(given, set_as_default=False, timeout=max(self._grace, PATIENCE))
            opened = [self._client]
        elif address is not None:
            self._client = connect(dask, address, max(self._grace, PATIENCE))
            opened = [self._client]
        else:
            scratch, silent = Scratch(), ExitStack()
            silent.enter_context(silence(self._options))
            options = {"local_directory": scratch.path, **self._options}
            cluster, self._endings = start_cluster(self._workers or usable_cpus(), options)
            self._client = dask.Client(cluster, set_as_default=False, direct_to_workers=True)
            self._client.wait_for_workers(len(cluster.workers), timeout=STARTING)
            self._reach = Reach.SAME_PATH
            self._threads = sum(self._client.nthreads().values())
            self._endings.told = partial(_refuse, self._leases)
            opened = [self._client, cluster, scratch, silent]
        if self._endings is None and self._grace:
            keep_for(self._client, self._grace)
        self._closes = bool(opened)
        self._end = weakref.finalize(self, _close, opened)


def _refuse(leases: weakref.WeakSet[DaskLease], reason: str) -> None:
    for lease in list(leases):
        lease.refuse(f"no Dask worker can be started any more: {reason}; what they printed is on the standard error stream")


def _usable(client: Any) -> Any:
    if client.asynchronous:
        raise ExecutorError("an asynchronous Dask client cannot be used; open one without asynchronous=True")
    if client.status != "running":
        raise ExecutorError(f"the given Dask client is {client.status}; open a new one and build the executor with it")
    return client


def _close(opened: list[Any]) -> None:
    for one in opened:
        with suppress(Exception):
            one.close()
        with suppress(Exception):
            one._loop_runner.stop()  # noqa: SLF001  a client that gave up by itself leaves its thread behind
