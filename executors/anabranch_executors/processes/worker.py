"""What runs in a worker process: messages in, calls performed, outcomes out.

Theory: the main thread reads the data socket itself, performs calls in the order they came, and answers each. A second
thread only guards: it waits at the control socket, where the driver asks for a call back that has not begun, or for the
memory that is kept for large answers, and whose end means that the driver has gone. A call begins, or is given back, under
one lock, so exactly one of both happens.

This module never knows which start method made its process.
"""

from __future__ import annotations

import ctypes
import importlib
import os
import pickle
import signal
import sys
import threading
import time
import traceback
import types
from contextlib import AbstractContextManager, nullcontext, suppress
from dataclasses import replace
from socket import socket
from typing import Any, Final, NoReturn

from anabranch.deadline import Interrupt
from anabranch.errors import TransferError
from anabranch.failure import GENERATED, Failure, capture
from anabranch.journey import Stay
from anabranch.own import close_all, is_any_made, told_of_first
from anabranch.transport import dumps, portable_outcome, unpack
from anabranch.work import Code, Layout, Outcome, perform
from anabranch_executors.processes.lane import Lane
from anabranch_executors.processes.overdue import Overdue
from anabranch_executors.processes.parcel import Kept
from anabranch_executors.processes.segments import Store
from anabranch_executors.processes.wire import CONTROL, TRIM, Inbox, Kind, Outbox, Packet

__all__ = ["die_with_parent", "end_group", "main", "run"]

PR_SET_PDEATHSIG: Final = 1

GRACE: Final = 5.0
"""Seconds that a worker has to close what it made for itself."""


class Received:
    """Code or a value that the driver sent to be kept; unpickled at its first use, where a call can tell of a failure.

    Many calls see it, and none can change it for the others: its buffers are read-only.
    """

    __slots__ = ("_frames", "_label", "_value")

    def __init__(self, frames: list[Any]) -> None:
        self._label = bytes(frames[0]).decode()
        self._frames: list[memoryview] | None = [memoryview(frame).toreadonly() for frame in frames[1:]]
        self._value: Any = None

    def open(self) -> Any:
        """What it holds.

        Raises:
            TransferError: it cannot be unpickled here.
        """
        if self._frames is not None:
            self._value = opened(self._frames, self._label, whole=True)
            self._frames = None
        return self._value


def opened(frames: list[Any], label: str, *, whole: bool = False) -> Any:
    """Unpickles frames; an error names `label`, and says whether it is about the `whole` task and not about an item."""
    try:
        return unpack(frames)
    except Exception as error:
        raise TransferError(
            f"{label} cannot be unpickled in the worker ({type(error).__name__}: {error}); its modules must be "
            f"importable there, and its classes must survive pickling",
            whole=whole,
        ) from error


class Worker:
    """The state of a worker process."""

    def __init__(self, data: socket, control: socket, lane: socket) -> None:
        self.pid = os.getpid()
        self.name = f"process {self.pid}"
        self.data = data
        self.control = control
        self.parcels: dict[int, Received] = {}
        self.lane = Lane(lane)
        self.store = Store()
        self.outbox = Outbox(self.lane)
        self.sending = threading.Lock()
        self.beginning = threading.Lock()
        self.begun = 0
        self.revoked: set[int] = set()
        self.main: types.ModuleType | None = None
        self.overdue = Overdue(self.name)

    def serve(self) -> None:
        """Answers messages until the driver hangs up."""
        told_of_first(lambda _: self.send(Kind.OWNS, 0, []))
        self.send(Kind.HELLO, self.pid, [])
        inbox = Inbox(self.lane)
        while True:
            for message in inbox.receive(self.data):
                if message.kind is Kind.CALL:
                    self.call(message)
                elif message.kind is Kind.KEEP:
                    importlib.invalidate_caches()
                    self.parcels[message.number] = Received(message.frames)
                elif message.kind is Kind.FORGET:
                    self.parcels.pop(message.number, None)
                else:
                    pickle.loads(message.frames[0]).settle()  # noqa: S301  from the driver

    def guard(self) -> None:
        """Gives back calls that have not begun, and ends the process with the driver, or when a function takes too long;
        runs in a thread of its own.
        """
        try:
            while True:
                lost = self.overdue.wait(self.control.fileno())
                if lost is not None:
                    self.send(Kind.OVERDUE, self.begun, self.overdue.frames(lost))
                    return
                request = self.control.recv(CONTROL.size)
                if not request:
                    return
                (number,) = CONTROL.unpack(request)
                if number == TRIM:
                    self.store.trim()
                    continue
                with self.beginning:
                    waiting = number > self.begun
                    if waiting:
                        self.revoked.add(number)
                if waiting:
                    self.send(Kind.RETURNED, number, [])
        finally:
            end()

    def call(self, message: Packet) -> None:
        """Performs one call and answers it, unless it has been given back."""
        with self.beginning:
            if message.number in self.revoked:
                self.revoked.remove(message.number)
                return
            self.begun = message.number
        try:
            frames = self.answer(message.frames, Stay())
        except TransferError as error:
            self.send(Kind.FAILED, message.number, [str(error).encode(errors="replace"), b"whole" if error.whole else b""])
        else:
            self.send(Kind.OUTCOME, message.number, frames)
        message.frames.clear()  # an idle worker holds no arguments

    def answer(self, frames: list[Any], stay: Stay) -> list[Any]:
        """The outcome of a call whose stay here has just begun, packed.

        Raises:
            TransferError: something does not travel.
        """
        number, layout = pickle.loads(frames[0])  # noqa: S301  from the driver
        code: Code = self.parcels[number].open()
        values = opened(frames[1:], f"the arguments of {code.name}")
        values = tuple(self.parcels[value.number].open() if type(value) is Kept else value for value in values)
        stay.began()
        outcome = self.perform(code, layout, values)
        flush()
        stay.ended()
        try:
            bare, outputs = portable_outcome(outcome, code, layout)
            bare = replace(bare, journey=stay.journey())
            return [dumps(bare) if bare.failures else pickle.dumps(bare, protocol=5), *outputs]
        except TransferError:
            raise
        except Exception as error:
            raise TransferError(f"the outcome of {code.name} cannot be brought back: {error!r}") from error

    def perform(self, code: Code, layout: Layout, values: tuple[Any, ...]) -> Outcome:
        """Performs a call; whatever it raises, `SystemExit` included, becomes a failure: the worker lives on."""
        started = time.perf_counter()
        try:
            if layout.threads:
                with limited(layout.threads):
                    return self.perform(code, layout._replace(threads=0), values)
            if not any(policy.timeout for policy in code.policies.values()):
                return perform(code, layout, values, self.name)
            with self.overdue.watched(code, layout):
                return perform(code, layout, values, self.name, Interrupt(kill=True, slate=self.overdue))
        except BaseException as error:
            failure = Failure(raiser(code, error), (), layout.where, capture(error), worker=self.name)
            seconds = time.perf_counter() - started
            return Outcome(layout.call, (), (), (failure,), seconds, started, self.name)

    def send(self, kind: Kind, number: int, frames: list[Any]) -> None:
        """Writes one message."""
        if os.getpid() != self.pid:
            os._exit(1)  # a child that the user's function forked and let return: the answer is its parent's to give
        body = self.store.lay(frames)
        with self.sending:
            self.outbox.put(kind, number, body)
            self.outbox.send(self.data)


def limited(threads: int) -> AbstractContextManager[Any]:
    """Holds the numeric libraries that are loaded to so many threads, where ``threadpoolctl`` is installed."""
    try:
        import threadpoolctl
    except ImportError:
        return nullcontext()
    limit: AbstractContextManager[Any] = threadpoolctl.threadpool_limits(threads)
    return limit


def raiser(code: Code, error: BaseException) -> str:
    """The node whose line of the generated code raised, or the task's name."""
    trace = error.__traceback__
    while trace is not None and not trace.tb_frame.f_code.co_filename.startswith(GENERATED):
        trace = trace.tb_next
    lines = {step.line: step.node for table in code.tables for step in table.steps}
    return lines.get(trace.tb_lineno, code.name) if trace is not None else code.name


def flush() -> None:
    """Writes out what the user's functions printed, for a worker may be killed at any time."""
    for stream in (sys.stdout, sys.stderr):
        with suppress(AttributeError, OSError, ValueError):  # closed or replaced by the user
            stream.flush()


def main(data: int, control: int, lane: int, parent: int) -> NoReturn:
    """The life of a worker that was started on its own, with these open files."""
    run([socket(fileno=fd) for fd in (data, control, lane)], parent)


def run(sockets: list[socket], parent: int) -> NoReturn:
    """Makes this process a worker, a child of process `parent`."""
    try:
        os.setpgid(0, 0)  # one group with all that the user's functions start, to be ended together
        die_with_parent(parent)
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # the driver decides
        signal.pthread_sigmask(signal.SIG_SETMASK, [])
        worker = Worker(*sockets)
        worker.main = sys.modules["__main__"]  # in a fork of the driver its globals must not be finalized
        sys.modules["__main__"] = types.ModuleType("__main__")
        threading.Thread(target=worker.guard, name="anabranch guard", daemon=True).start()
        worker.serve()
    except (EOFError, ConnectionError):
        end()
    except BaseException:
        traceback.print_exc()
        flush()
    finally:
        os._exit(1)


def end() -> NoReturn:
    """Closes what this process has for itself, for as long as that may take, and ends it."""
    if is_any_made():
        last = threading.Timer(GRACE, end_group, [os.getpid()])
        last.daemon = True
        last.start()
        close_all()
        flush()
    end_group(os.getpid())
    os._exit(1)


def die_with_parent(parent: int) -> None:
    """Asks the kernel, where it can, to kill this process when the thread that started it ends."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:
            os._exit(1)


def end_group(pid: int) -> None:
    """Kills process `pid` and all that it started and that stayed in its group."""
    for kill in (os.killpg, os.kill):
        try:
            return kill(pid, signal.SIGKILL)
        except (ProcessLookupError, PermissionError):
            continue
