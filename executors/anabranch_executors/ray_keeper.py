"""Has Ray's workers close what they made for themselves, before the session ends.

    driver: open ──▶ actor ◀── wait ── thread of each worker that made something
    driver: part ──▶ actor ──▶ threads: close_all ──▶ actor ──▶ driver goes on

Theory: Ray ends its workers without a word, and nobody can address one of them. So a worker that made something asks an actor
that everybody knows by name, and gets its answer when the driver is about to leave.
"""

from __future__ import annotations

import asyncio
import threading
from contextlib import suppress
from importlib import import_module
from typing import Any

from anabranch.own import OWNER, close_all, told_of_first

__all__ = ["open_keeper", "part"]

NAMESPACE = "anabranch"

PATIENCE = 5.0
"""Seconds that workers have to close what they made."""


class Keeper:
    """Whom workers ask, and the driver tells."""

    def __init__(self) -> None:
        self._ending = asyncio.Event()
        self._closed = asyncio.Event()
        self._waiting = 0

    async def wait(self) -> None:
        """A worker waits for the end."""
        self._waiting += 1
        await self._ending.wait()

    async def closed(self) -> None:
        """It has closed what it made."""
        self._waiting -= 1
        if not self._waiting:
            self._closed.set()

    async def end(self) -> None:
        """The end has come; returns when all have closed what they made."""
        self._ending.set()
        if self._waiting:
            await self._closed.wait()
        self._ending, self._closed = asyncio.Event(), asyncio.Event()


_held: dict[str, list[Any]] = {}
"""By session its actor, and how many executors use it. An actor's name is free some time after its end only, so it stays."""


def open_keeper(ray: Any) -> Any:
    """The actor of this process in this session, for one executor more; the caller sees to it that nobody else does so."""
    session = ray.get_runtime_context().get_job_id()
    if session not in _held:
        _held.clear()
        _held[session] = [ray.remote(Keeper).options(name=OWNER, namespace=NAMESPACE, num_cpus=0).remote(), 0]
    _held[session][1] += 1
    return _held[session][0]


def part(ray: Any, keeper: Any) -> None:
    """An executor leaves; after the last one workers close what they made, which is waited for, but not for ever."""
    for entry in _held.values():
        if entry[0] is keeper:
            entry[1] -= 1
            if entry[1] > 0:
                return
    with suppress(Exception):
        ray.get(keeper.end.remote(), timeout=PATIENCE)


def watch(owner: str) -> None:
    """In a worker: closes what it made when the driver says so."""
    threading.Thread(target=_watch, args=(owner,), name="anabranch keeper", daemon=True).start()


def _watch(owner: str) -> None:
    ray: Any = import_module("ray")
    with suppress(Exception):
        keeper = ray.get_actor(owner, namespace=NAMESPACE)
        ray.get(keeper.wait.remote())
        close_all(owner)
        ray.get(keeper.closed.remote())


def watch_first() -> None:
    """In a worker: watches as soon as it makes something."""
    if not _watched:
        _watched.append(True)
        told_of_first(watch)


_watched: list[bool] = []
