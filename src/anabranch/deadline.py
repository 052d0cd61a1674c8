"""Time limits: how a function that takes too long is stopped, by what the place where it runs allows.

Theory: generated code enters `limit` around a function that has a timeout, and nobody else pays. There are three ways to
stop one, and each place uses the hardest that it has.

*Interrupt*. In the main thread of a process an alarm signal raises `TimedOut` inside the function: `finally` blocks run,
the worker lives, and it is a failure like others. It comes again and again, for a function may swallow it.

*Kill*. Where the process is only a worker, the kernel ends it a little later (`GRACE`), whatever it does then: compiled
code that holds the interpreter's lock takes no signals. The item is named by what was written down beforehand.

*Abandon*. A thread can be neither interrupted nor killed. The call runs in a thread of its own; when an item is overdue the
call is answered without it, and with what it had finished; the thread goes on in vain, and ends when its function returns.

A coroutine is cancelled before any of this (`anabranch.awaiting.until`), and is abandoned only if it does not let itself be.

This module never knows which executor it serves.
"""

from __future__ import annotations

import contextvars
import ctypes
import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from time import monotonic
from typing import Any, Final, Protocol

from anabranch.awaiting import awaits, until
from anabranch.errors import TimedOut
from anabranch.executor import CallLost
from anabranch.missing import Unwinding
from anabranch.own import works_for
from anabranch.work import Code, Layout, Outcome, finished_part, perform

__all__ = ["GRACE", "KILLED", "Interrupt", "Slate", "perform_in_time", "too_long"]

GRACE: Final = 0.1
"""Seconds that a function has to react before its process is killed."""

PATIENCE: Final = 2.0
"""Seconds that a coroutine has to end after it was cancelled, before its thread is left behind."""

KILLED: Final = "SIGVTALRM"
"""The signal by which the kernel then ends it, so that it can be told from other deaths."""


class Slate(Protocol):
    """Where a worker writes down what it runs, to be read when it is dead."""

    def write(self, node: str, where: tuple[int, ...], seconds: float) -> None:
        """A function with a time limit begins."""

    def wipe(self) -> None:
        """It has ended."""


def perform_in_time(
    code: Code, layout: Layout, values: tuple[Any, ...], worker: str, *, kill: bool = False, slate: Slate | None = None
) -> Outcome | CallLost:
    """Runs a call here and now, like `perform`; a function that takes too long is interrupted, or abandoned.

    With `kill`, the process is a worker's, which may be ended if need be; the `slate` then tells of what.
    """
    limits = [policy.timeout for policy in code.policies.values() if policy.timeout is not None]
    if not limits:
        return perform(code, layout, values, worker)
    if threading.current_thread() is threading.main_thread() and hasattr(signal, "setitimer"):
        return perform(code, layout, values, worker, Interrupt(kill=kill, slate=slate))
    return _Abandoned(code, layout, values, worker).run(min(limits))


class Interrupt:
    """Raises `TimedOut` in the main thread, and kills the process if that does not help and `kill` is set."""

    def __init__(self, *, kill: bool = False, slate: Slate | None = None) -> None:
        self._killer = _killer() if kill else None
        self._slate = slate

    @contextmanager
    def limit(self, seconds: float, node: str, where: tuple[int, ...]) -> Iterator[None]:
        """Stops the block after so many seconds."""
        armed, rang = True, False

        def ring(number: int, frame: object) -> None:  # noqa: ARG001  what signal handlers are given
            nonlocal rang
            if armed:
                rang = True
                raise TimedOut(too_long(node, seconds))

        before = signal.signal(signal.SIGALRM, ring)
        began = monotonic()
        if self._slate is not None:
            self._slate.write(node, where, seconds)
        if self._killer is not None:
            self._killer.set(seconds + GRACE)
        left, every = signal.setitimer(signal.ITIMER_REAL, seconds, GRACE / 2)
        try:
            yield
            if rang:  # and was swallowed
                raise TimedOut(too_long(node, seconds))
        finally:
            armed = False
            if self._killer is not None:
                self._killer.set(0)
            signal.setitimer(signal.ITIMER_REAL, max(left - (monotonic() - began), 1e-6) if left else 0, every)
            signal.signal(signal.SIGALRM, before)
            if self._slate is not None:
                self._slate.wipe()


class _KernelTimer:
    """A POSIX timer whose signal nobody handles: the kernel ends the process, whatever it does."""

    class _Event(ctypes.Structure):
        _fields_ = (("value", ctypes.c_void_p), ("signo", ctypes.c_int), ("notify", ctypes.c_int), ("pad", ctypes.c_byte * 48))

    class _Spec(ctypes.Structure):
        _fields_ = tuple((name, ctypes.c_long) for name in ("every_s", "every_ns", "in_s", "in_ns"))

    def __init__(self) -> None:
        self._libc = ctypes.CDLL(None, use_errno=True)
        self._timer = ctypes.c_void_p()
        signal.signal(signal.SIGVTALRM, signal.SIG_DFL)
        event = self._Event(None, signal.SIGVTALRM, 0)
        if self._libc.timer_create(1, ctypes.byref(event), ctypes.byref(self._timer)):  # 1 is CLOCK_MONOTONIC
            raise OSError(ctypes.get_errno(), "timer_create")
        self._spec = self._Spec(0, 0, 0, 0)

    def set(self, seconds: float) -> None:
        """Kills the process in so many seconds; never, if that is 0."""
        self._spec.in_s, self._spec.in_ns = int(seconds), int(seconds % 1 * 1e9)
        self._libc.timer_settime(self._timer, 0, ctypes.byref(self._spec), None)


class _FaultTimer:
    """The same by the watchdog thread of `faulthandler`, which needs no interpreter lock either; but it starts a thread."""

    def __init__(self) -> None:
        self._nowhere = open(os.devnull, "w")  # noqa: SIM115  for as long as the process lives

    def set(self, seconds: float) -> None:
        """Ends the process in so many seconds; never, if that is 0."""
        import faulthandler

        if seconds:
            faulthandler.dump_traceback_later(seconds, exit=True, file=self._nowhere)
        else:
            faulthandler.cancel_dump_traceback_later()


_killers: list[tuple[int, _KernelTimer | _FaultTimer]] = []


def _killer() -> _KernelTimer | _FaultTimer:
    """This process's own; timers are not inherited by a fork."""
    if not _killers or _killers[0][0] != os.getpid():
        _killers[:] = [(os.getpid(), _made_killer())]
    return _killers[0][1]


def _made_killer() -> _KernelTimer | _FaultTimer:
    if sys.platform == "linux" and sys.maxsize > 2**32:
        try:
            return _KernelTimer()
        except (OSError, AttributeError):  # an old libc, or a kernel that does not
            pass
    return _FaultTimer()


class _Left(Unwinding):
    """Ends the thread of a call that was answered without it."""


class _Abandoned:
    """A call in a thread of its own, so that it can be left there."""

    def __init__(self, code: Code, layout: Layout, values: tuple[Any, ...], worker: str) -> None:
        self._call = (code, layout, values, worker)
        self._lock = threading.Lock()
        self._done = threading.Event()
        self._now: tuple[float, float, str, tuple[int, ...]] | None = None
        self._grace = PATIENCE if any(awaits(function) for function in code.functions.values()) else 0.0
        self._left = False
        self._outcome: Outcome | None = None
        self._error: BaseException | None = None

    def run(self, shortest: float) -> Outcome | CallLost:
        """Waits for the call, or for the first item that is overdue."""
        context = contextvars.copy_context()
        context.run(works_for, threading.get_ident())
        thread = threading.Thread(target=context.run, args=(self._perform,), name=threading.current_thread().name, daemon=True)
        thread.start()
        due: float | None = None
        while not self._done.wait(shortest if due is None else max(0.0, due - monotonic())):
            with self._lock:
                due = self._now[0] if self._now is not None else None
                if due is not None and due <= monotonic():
                    return self._leave(thread)
        thread.join()
        if self._error is not None:
            raise self._error
        assert self._outcome is not None
        return self._outcome

    @contextmanager
    def limit(self, seconds: float, node: str, where: tuple[int, ...]) -> Iterator[None]:
        """Writes down until when the block is to be over."""
        self._now = (monotonic() + seconds + self._grace, seconds, node, where)
        try:
            with until(seconds, too_long(node, seconds)):
                yield
        finally:
            with self._lock:
                self._now = None
                if self._left:
                    raise _Left

    def _leave(self, thread: threading.Thread) -> CallLost:
        """Answers without the item that is running; the lock is held."""
        assert self._now is not None
        self._left = True
        _, seconds, node, where = self._now
        code, layout, _, worker = self._call
        part = finished_part(code, layout, sys._current_frames().get(thread.ident or 0), worker)  # noqa: SLF001  the only way
        reason = f"{too_long(node, seconds)}; it cannot be killed here and goes on in vain"
        return CallLost(layout.call, reason, worker, "timeout", node, where, part)

    def _perform(self) -> None:
        code, layout, values, worker = self._call
        try:
            self._outcome = perform(code, layout, values, worker, self)
        except _Left:
            pass
        except BaseException as error:
            self._error = error
        finally:
            self._done.set()


def too_long(node: str, seconds: float) -> str:
    """What `TimedOut` says."""
    return f"'{node}' took longer than its timeout of {seconds:g} s"
