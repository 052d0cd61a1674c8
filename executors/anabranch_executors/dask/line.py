"""The connection to a scheduler that is somebody else's, which may break and come again.

    driver ─── Line ──✂── scheduler: what the driver wants is wanted by its stand-in, for as long as the grace lasts
    driver ─── mend ───▶ scheduler: what it still wants is its own again; the stand-in goes, and with it what nobody wants

Theory: a scheduler forgets what a client wants as soon as its connection breaks, running calls and values that it kept; the
client connects again by itself, but gives up all its futures. So the scheduler is told to wait: a client that goes without a
word is stood in for, and whoever comes again under its name says what it wants. A task is told by its key, which outlives
the connection; so who wants to use it later holds a `Task`, whose future is made anew. What the scheduler has not got
(messages were on their way, or it was itself begun anew) is lost, and for the engine to send again. A client that says
goodbye is forgotten at once.

`keep` and `take_back` run in the scheduler, which may not have anabranch: so they travel by value, and import nothing of
ours. A scheduler that takes no functions keeps nothing, and what was there is sent again.
"""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from contextlib import suppress
from typing import Any
from weakref import WeakSet

from anabranch.errors import ExecutorError

__all__ = ["GRACE", "Line", "Task", "check_grace", "keep_for"]

GRACE = 30.0
"""Seconds for which a lost connection is tried again, and what the driver wants is kept."""

MESSAGES = 10
"""How many sent messages a stream keeps, for whoever looks for faults in Dask."""

GLANCE = 0.05
"""Seconds between looks whether the connection is there again."""


class Task:
    """A task at the scheduler, by the future that stands for it now."""

    __slots__ = ("__weakref__", "future", "line")

    def __init__(self, line: Line, future: Any) -> None:
        self.line = line
        self.future = future

    @property
    def key(self) -> str:
        """Its name at the scheduler."""
        return str(self.future.key)

    @property
    def status(self) -> str:
        """As Dask says it."""
        return str(self.future.status)


class Line:
    """A client's connection, and what one lease has at the scheduler.

    Args:
        client: the client.
        grace: seconds that it tries to connect again, to be told to who waits in vain.

    Attributes:
        mended: how often the connection came again.
    """

    def __init__(self, client: Any, grace: float = GRACE) -> None:
        self._client = client
        self._grace = grace
        self._comm = _brief(client.scheduler_comm)
        self._tasks: WeakSet[Task] = WeakSet()
        self._lock = threading.Lock()  # whoever submits adds, the client's loop looks
        self._mending: asyncio.Task[None] | None = None
        self.mended = 0

    @property
    def is_cut(self) -> bool:
        """Whether the connection broke, and what was held has not been taken back since."""
        comm = self._client.scheduler_comm
        return comm is None or comm is not self._comm or bool(comm.closed())

    def task(self, future: Any) -> Task:
        """A task that is to outlive the connection."""
        task = Task(self, future)
        with self._lock:
            self._tasks.add(task)
        return task

    def wait(self) -> None:
        """From any thread but the client's: waits until the connection stands.

        Raises:
            ExecutorError: it did not come again.
        """
        if self.is_cut:
            self._client.sync(self.mend)

    async def mend(self) -> None:
        """In the client's loop: the same, and what the scheduler has kept has a new future when this returns.

        Raises:
            ExecutorError: the connection did not come again.
        """
        while self.is_cut:
            if self._mending is None or self._mending.done():
                self._mending = asyncio.create_task(self._mend())
            await asyncio.shield(self._mending)

    async def _mend(self) -> None:
        from distributed import Future

        client = self._client
        comm = client.scheduler_comm
        while client.status == "connecting" or (client.status == "running" and (comm is None or comm.closed())):
            await asyncio.sleep(GLANCE)
            comm = client.scheduler_comm
        if client.status != "running":
            raise ExecutorError(
                f"the connection to the Dask scheduler was lost, and could not be made again within {self._grace:g} s; "
                f"see that it runs and can be reached, and run again: what the store keeps is not computed again"
            )
        with self._lock:
            tasks = list(self._tasks)
        try:
            known = set(await _at_scheduler(client, _take_back(), [task.key for task in tasks]))
        except OSError:  # it broke again
            return
        except Exception:  # a scheduler that takes no functions has kept nothing
            known = set()
        for task in tasks:
            if task.key in known:
                task.future = Future(task.key, client)
        self._comm = _brief(comm)
        self.mended += 1


def _brief(comm: Any) -> Any:
    """A client's stream that keeps a few of the messages that it sent: Dask's keeps a thousand, with all that calls bring."""
    log = getattr(comm, "recent_message_log", None)
    if log is not None and log.maxlen != MESSAGES:
        comm.recent_message_log = deque(log, MESSAGES)
    return comm


def check_grace(grace: float) -> float:
    """The seconds. Raises ExecutorError: they are none."""
    if isinstance(grace, bool) or not isinstance(grace, (int, float)) or not 0 <= grace < float("inf"):
        raise ExecutorError(f"grace is a number of seconds, 0 or more, not {grace!r}")
    return grace


def keep_for(client: Any, grace: float) -> None:
    """Has the scheduler keep what this client wants for so many seconds when it goes without a word."""
    with suppress(Exception):  # it takes no functions
        client.run_on_scheduler(_keep(), client.id, grace)


async def _at_scheduler(client: Any, function: Any, keys: list[str]) -> list[str]:
    found: list[str] = await client.run_on_scheduler(function, client.id, keys, asynchronous=True)
    return found


def _keep() -> Any:
    """What runs in the scheduler, as a function that travels by value."""

    def keep(client: str, grace: float, dask_scheduler: Any) -> None:
        known = dask_scheduler.clients
        kept: Any = dask_scheduler.extensions.get("anabranch")
        if kept is None:
            kept = dask_scheduler.extensions["anabranch"] = {}
            remove = dask_scheduler.remove_client

            def remove_later(client: str, stimulus_id: str | None = None) -> None:
                if client in known and client in kept:
                    standin = f"{client}-away-{stimulus_id}"
                    dask_scheduler.client_desires_keys([task.key for task in known[client].wants_what], standin)
                    dask_scheduler.loop.call_later(kept[client], remove, standin)
                remove(client, stimulus_id)

            dask_scheduler.remove_client = remove_later  # whoever says goodbye does not come this way
        for gone in kept.keys() - known.keys():
            if not any(name.startswith(f"{gone}-away-") for name in known):
                del kept[gone]
        kept[client] = grace

    return keep


def _take_back() -> Any:
    """The same of the one whose connection came again."""

    def take_back(client: str, keys: list[str], dask_scheduler: Any) -> list[str]:
        known = [key for key in keys if key in dask_scheduler.tasks]
        dask_scheduler.client_desires_keys(known, client)
        for standin in [name for name in dask_scheduler.clients if name.startswith(f"{client}-away-")]:
            dask_scheduler.remove_client(standin)
        return known

    return take_back
