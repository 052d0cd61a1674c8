"""Opens Dask: a scheduler that runs already, or a cluster on this machine that nobody else can reach.

Theory: multiprocessing runs the user's main module again in every process that it starts, unless it finds no file of
it. Here workers are started, and started again after a death, while a stand-in without a file is in its place. A call
that killed its worker is not tried on others: whether it is repeated is the engine's decision.

A cluster of Dask's takes a worker that has gone for good if it is not there a while later, even if it has come and gone again
meanwhile, and then closes its keeper. Here keepers see to it that workers come back, so ours does not.
"""

from __future__ import annotations

import json
import logging
import os
import socket
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

from anabranch.errors import ExecutorError
from anabranch_executors.dask.endings import Endings
from anabranch_executors.reply import in_one_line

__all__ = ["address_in", "connect", "distributed", "silence", "start_cluster"]

DEAF = "anabranch_executors.deaf"
"""The module that workers load first."""

PATIENCE = 8.0
"""Seconds to wait for a scheduler to answer."""


def distributed() -> Any:
    """The package, or an error that says how to install it."""
    try:
        import distributed as dask
    except ImportError as error:
        raise ExecutorError("the executor 'dask' needs Dask: pip install 'anabranch[dask]'") from error
    return dask


def connect(dask: Any, address: str, patience: float) -> Any:
    """A client of the scheduler at this address, which tries for so many seconds to connect, and to connect again.

    Raises:
        ExecutorError: none answers there.
    """
    try:
        _check_reachable(address)
        return dask.Client(address, timeout=patience, set_as_default=False)
    except Exception as error:
        raise ExecutorError(
            f"no Dask scheduler answers at {address} ({in_one_line(error)}); check the address and that the scheduler "
            f"runs, or leave the address out to start Dask on this machine"
        ) from error


def address_in(file: str | os.PathLike[str]) -> str:
    """The address that a scheduler has written into a file.

    Raises:
        ExecutorError: there is none.
    """
    try:
        return str(json.loads(Path(file).read_text(encoding="utf-8"))["address"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ExecutorError(
            f"{os.fspath(file)} has no scheduler's address ({in_one_line(error)}); start one: dask scheduler --scheduler-file …"
        ) from error


def _check_reachable(address: str) -> None:
    """Waits for the greeting that a scheduler sends to whoever connects; Dask itself would wait for ever."""
    protocol, _, place = address.rpartition("://")
    host, _, port = place.rpartition(":")
    if port.isdigit() and protocol in {"", "tcp", "tls"}:
        with socket.create_connection((host.strip("[]"), int(port)), timeout=PATIENCE) as connection:
            if protocol != "tls" and not connection.recv(1):
                raise ConnectionError("what listens there is not Dask")


def start_cluster(workers: int, options: dict[str, Any]) -> tuple[Any, Endings]:
    """A cluster on this machine, and how its workers end; its sockets are on the loopback device, and it has no dashboard.

    What Dask has to say of workers that come and go is said nowhere, unless `silence_logs` says otherwise: the run knows
    it. A signal from the terminal, which reaches all processes, is the driver's to answer.
    """
    endings = Endings(workers, are_processes=bool(options.get("processes", True)))
    defaults: dict[str, Any] = {
        "n_workers": workers,
        "threads_per_worker": 1,
        "dashboard_address": None,
        "silence_logs": logging.CRITICAL,
        "scheduler_kwargs": {"allowed_failures": 0, "dashboard": False, "dashboard_address": "127.0.0.1:0"},
    }
    if "local_directory" in options:  # Dask would have the scheduler's elsewhere
        defaults["scheduler_kwargs"]["local_directory"] = options["local_directory"]
    if endings.are_processes:
        defaults["worker_class"] = _nanny(endings)
        options = {**options, "preload": [*_listed(options.get("preload")), DEAF]}
    try:
        return _cluster()(**{**defaults, **options}), endings
    except Exception as error:
        raise ExecutorError(f"Dask cannot be started on this machine: {type(error).__name__}: {error}") from error


def _listed(given: Any) -> list[Any]:
    return [given] if isinstance(given, str) else list(given or ())


@contextmanager
def silence(options: dict[str, Any]) -> Iterator[None]:
    """Has Dask's loggers say nothing in this process, unless the options of a cluster say that they should."""
    logger = logging.getLogger("distributed")
    before = logger.level
    if "silence_logs" not in options:
        logger.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        if logger.level == logging.CRITICAL:
            logger.setLevel(before)


def _cluster() -> Any:
    """A cluster that leaves its workers to their keepers."""
    from distributed.deploy.cluster import Cluster

    class Steady(distributed().LocalCluster):  # type: ignore[misc]
        def _update_worker_status(self, op: str, msg: Any) -> None:  # Dask's own; had it another name, nothing would change
            Cluster._update_worker_status(self, op, msg)  # type: ignore[no-untyped-call]  # noqa: SLF001

    return Steady


def _nanny(endings: Endings) -> Any:
    """A keeper of worker processes that never run the user's main module again, neither at first nor after a death, and that
    tells how they end.
    """

    class Nanny(distributed().Nanny):  # type: ignore[misc]
        async def instantiate(self) -> Any:
            try:
                with _without_main():
                    status = await super().instantiate()
            except Exception as error:
                endings.give_up(in_one_line(error))
                raise
            if self.worker_address and self.process is not None:
                endings.began(self.worker_address, self.process.pid)
            return status

        def _on_worker_exit_sync(self, exitcode: int) -> None:  # Dask's own; were it called otherwise, nothing would be told
            if address := getattr(self.process, "worker_address", None):
                endings.note(address, exitcode)
            super()._on_worker_exit_sync(exitcode)

    return Nanny


class Standin(ModuleType):
    """The main module but for its file, where multiprocessing asks for it: what that does not find it does not run again."""

    def __init__(self, main: ModuleType) -> None:
        super().__init__("__main__")
        self.__dict__["_main"] = main

    def __getattr__(self, name: str) -> Any:
        asks = sys._getframe(1).f_globals.get("__name__")  # noqa: SLF001  others may ask while a worker is being started
        if name == "__file__" and asks == "multiprocessing.spawn":
            raise AttributeError(name)
        return getattr(self.__dict__["_main"], name)


_starting: list[ModuleType] = []


@contextmanager
def _without_main() -> Iterator[None]:
    """While a worker process starts, `sys.modules` has a stand-in for the main module; several may start at once."""
    with _main_lock:
        _starting.append(sys.modules["__main__"])
        if len(_starting) == 1:
            sys.modules["__main__"] = Standin(_starting[0])
    try:
        yield
    finally:
        with _main_lock:
            main = _starting.pop()
            if not _starting:
                sys.modules["__main__"] = main._main if isinstance(main, Standin) else main  # noqa: SLF001  our own class


_main_lock = threading.Lock()
