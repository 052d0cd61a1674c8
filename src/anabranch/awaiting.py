"""How code that is no coroutine has coroutines run for it: on which event loop, for which run, and how they end.

Theory: generated code, hooks and executors are plain functions, and stay so. An ``async def`` function is called by them
through `Awaited`: its coroutine goes to an event loop, which is in another thread, and this thread waits for what comes of
it. So retries, time limits, hooks, spans and streams are what they are for any function; no code of ours ever waits in an
event loop; and as many coroutines are in flight as there are threads that wait.

::

    thread of the engine or of a worker                event loop
    v = f(x) ──▶ Bridge ──── coroutine ──────────────▶ task, which sees the thread's context variables
                   ◀──── what is to be done here ────  (the next element of a Stream)
                   ◀──── an item ────────────────────  (of an async generator)
                   ◀──── its result, or what it raised

*Which loop*: that of whoever awaits the run (`anabranch.async_driver`); in any other process or run a loop of this process's
own, which begins with the first coroutine, in a thread of its own, so that what belongs to a loop (the connections of a
client) lives as long as the process. A run that is waited for *in* a loop, by a plain driver that an ``async def`` function
calls, cannot use that loop, which stands still meanwhile: it gets one of its own.

*How they end*: the coroutines of a run are a `Group`. When the run is over or cancelled, so are they, and who waits for one
leaves by `Withdrawn`. A thread that leaves for another reason (a time limit, Ctrl-C, a stream that is over) cancels its
coroutine and waits until that has ended.

Invariants: a coroutine that was begun has ended when its `Bridge` returns; of a group that is over none is begun; nothing but
cancellation ever leaves a task as an exception, so a loop that is not ours is not hurt.
"""

from __future__ import annotations

import contextvars
import os
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterator
from contextlib import contextmanager, suppress
from queue import Empty, SimpleQueue
from time import monotonic
from typing import TYPE_CHECKING, Any, Final, TypeVar

from anabranch.errors import FlowError, TimedOut
from anabranch.markers import marks_of
from anabranch.missing import Unwinding

if TYPE_CHECKING:  # flows without coroutines do without it
    import asyncio

__all__ = [
    "Awaited",
    "Bridge",
    "Elements",
    "Group",
    "Withdrawn",
    "at",
    "awaitable",
    "awaited",
    "awaits",
    "current",
    "items",
    "until",
]

T = TypeVar("T")

PATIENCE: Final = 2.0
"""Seconds that a loop has to stop."""

_group: contextvars.ContextVar[Group | None] = contextvars.ContextVar("anabranch.awaiting", default=None)
_limit: contextvars.ContextVar[tuple[float, str] | None] = contextvars.ContextVar("anabranch.awaiting.limit", default=None)


class Withdrawn(Unwinding):
    """Leaves a function whose coroutine was cancelled because its run is over."""


# -- where coroutines run ----------------------------------------------------------------------------------------------


class _Loop:
    """An event loop in a thread of its own."""

    def __init__(self, name: str) -> None:
        import asyncio

        self.pid = os.getpid()
        self.loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self.loop.run_forever, name=name, daemon=True)
        self._thread.start()

    def end(self) -> None:
        """Stops the loop, ends its thread, and closes it. A loop that a user's function blocks is left to the daemon's fate."""
        with suppress(RuntimeError):  # closed already
            self.loop.call_soon_threadsafe(self.loop.stop)
        self._thread.join(PATIENCE)
        if not self._thread.is_alive():
            self.loop.close()


_lock = threading.Lock()
_own: list[_Loop] = []


def _own_loop() -> asyncio.AbstractEventLoop:
    """The loop of this process; a fork begins another."""
    with _lock:
        if not _own or _own[0].pid != os.getpid():
            import atexit

            _own[:] = [_Loop("anabranch event loop")]
            atexit.register(_end_own, os.getpid())
        return _own[0].loop


def _end_own(pid: int) -> None:
    if os.getpid() == pid and _own:
        _own.pop().end()


class Group:
    """The coroutines of one run: the loop that they run on, and their end.

    Args:
        loop: where; by default the loop of this process.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop | None = None) -> None:
        self._loop = loop
        self._lock = threading.Lock()
        self._bridges: set[Bridge] = set()
        self._is_over = False

    @property
    def loop(self) -> asyncio.AbstractEventLoop:
        """Where its coroutines run."""
        return _own_loop() if self._loop is None else self._loop

    def cancel(self) -> None:
        """Cancels those that run, and has no other begin; from any thread."""
        with self._lock:
            self._is_over = True
            bridges = list(self._bridges)
        for bridge in bridges:
            bridge.cancel()

    def enter(self, bridge: Bridge) -> bool:
        """A coroutine is to begin; False if it may not."""
        with self._lock:
            if self._is_over:
                return False
            self._bridges.add(bridge)
            return True

    def leave(self, bridge: Bridge) -> bool:
        """It has ended; True if the group is over."""
        with self._lock:
            self._bridges.discard(bridge)
            return self._is_over


def current() -> Group | None:
    """The group of this context, if it is a run's."""
    return _group.get()


@contextmanager
def at(loop: asyncio.AbstractEventLoop | None = None) -> Iterator[Group]:
    """In the block, the coroutines of this context are a group of their own, which is over at its end.

    Args:
        loop: where they run; by default where those of the context do already, unless that loop waits for this very block.
    """
    outer, private = _group.get(), None
    if loop is None:
        loop, running = (outer._loop if outer is not None else None), _running_loop()  # noqa: SLF001  one of its kind
        if running is not None and (outer is not None or (_own and running is _own[0].loop)):
            private = _Loop("anabranch inner event loop")
            loop = private.loop
    group = Group(loop)
    token = _group.set(group)
    try:
        yield group
    finally:
        _group.reset(token)
        group.cancel()
        if private is not None:
            private.end()


def _running_loop() -> asyncio.AbstractEventLoop | None:
    """The loop that runs in this thread and stands still as long as it does."""
    import asyncio

    return asyncio._get_running_loop()  # noqa: SLF001  the public one raises


@contextmanager
def until(seconds: float, message: str) -> Iterator[None]:
    """In the block, a coroutine is cancelled after so many seconds, which raises `TimedOut` with the message."""
    token = _limit.set((monotonic() + seconds, message))
    try:
        yield
    finally:
        _limit.reset(token)


# -- one coroutine -----------------------------------------------------------------------------------------------------


class Bridge:
    """One task on a loop, and the thread that waits for it."""

    def __init__(self) -> None:
        self._group = _group.get() or _everyone
        self._loop = self._group.loop
        self._mail: SimpleQueue[Callable[[], Any] | _Item | None] = SimpleQueue()
        self._task: asyncio.Task[Any] | None = None
        self._coroutine: Coroutine[Any, Any, Any] | None = None
        self._withdrawn = False
        self.result: Any = None
        self.error: BaseException | None = None

    def begin(self, coroutine: Coroutine[Any, Any, Any]) -> None:
        """Starts the task.

        Raises:
            Withdrawn: the run is over.
            FlowError: this thread is the loop's own, so that each would wait for the other.
        """
        if _running_loop() is self._loop:
            coroutine.close()
            raise FlowError("a coroutine cannot be waited for in the thread of its own event loop; use an AsyncDriver")
        if not self._group.enter(self):
            coroutine.close()
            raise Withdrawn
        try:
            self._loop.call_soon_threadsafe(self._begin, coroutine, context=contextvars.copy_context())
        except RuntimeError:  # the loop is closed
            self._group.leave(self)
            coroutine.close()
            raise

    def wait(self) -> Any:
        """Waits for the next item, or for the end; does meanwhile what the task wants to have done in this thread.

        Returns:
            An `_Item`, or None when the task has ended.

        Raises:
            TimedOut: the task took longer than it may, and has been cancelled.
        """
        limit = _limit.get()
        try:
            while callable(letter := self._letter(limit)):
                letter()
        except BaseException:
            self.end()
            raise
        return letter

    def end(self) -> None:
        """Cancels the task and waits until it has ended, however often an alarm goes off meanwhile."""
        self.cancel()
        while not self._has_ended():
            pass
        self._group.leave(self)

    def _has_ended(self) -> bool:
        try:
            return self._mail.get() is None
        except TimedOut:
            return False

    def outcome(self) -> Any:
        """What came of a task that has ended; raises what it raised.

        Raises:
            Withdrawn: it was cancelled because its run is over.
        """
        is_over = self._group.leave(self)
        if self.error is None:
            return self.result
        if type(self.error).__name__ == "CancelledError":
            if is_over:
                raise Withdrawn
            raise RuntimeError("an asyncio task was cancelled in the function, and it let that pass") from self.error
        raise self.error

    def cancel(self) -> None:
        """Has the task be cancelled; from any thread. Once only: a second time would cut its cleaning up short."""
        with _lock:
            before, self._withdrawn = self._withdrawn, True
        if before:
            return
        with suppress(RuntimeError):  # the loop is closed: nothing runs on it
            self._loop.call_soon_threadsafe(self._cancel)

    def post(self, item: _Item) -> None:
        """Gives an item to the thread that waits; in the loop's."""
        self._mail.put(item)

    async def ask(self, function: Callable[[], T]) -> T:
        """Has something done in the thread that waits. What it raises is raised here, but for what is no `Exception`: that
        thread leaves with it, and cancels the task.
        """
        reply: asyncio.Future[T] = self._loop.create_future()

        def act() -> None:
            found, raised = None, None
            try:
                found = function()
            except Exception as error:
                raised = error
            self._loop.call_soon_threadsafe(_settle, reply, found, raised)

        self._mail.put(act)
        return await reply

    def _letter(self, limit: tuple[float, str] | None) -> Callable[[], Any] | _Item | None:
        if limit is None:
            return self._mail.get()
        try:
            return self._mail.get(timeout=max(0.0, limit[0] - monotonic()))
        except Empty:
            raise TimedOut(limit[1]) from None

    # in the loop's thread

    def _begin(self, coroutine: Coroutine[Any, Any, Any]) -> None:
        self._coroutine = coroutine
        self._task = self._loop.create_task(self._run(coroutine))
        self._task.add_done_callback(self._done)
        if self._withdrawn:
            self._task.cancel()

    async def _run(self, coroutine: Coroutine[Any, Any, Any]) -> None:
        try:
            self.result = await coroutine
        except BaseException as error:  # what would end the loop (`SystemExit`) too: it is the waiting thread's affair
            self.error = error

    def _done(self, task: asyncio.Task[None]) -> None:
        if task.cancelled():  # before it had begun
            self.error = _cancelled()
        if self._coroutine is not None:
            self._coroutine.close()
        self._mail.put(None)

    def _cancel(self) -> None:
        if self._task is not None:
            self._task.cancel()


class _Item:
    """What an async generator gave."""

    __slots__ = ("value",)

    def __init__(self, value: Any) -> None:
        self.value = value


def _cancelled() -> BaseException:
    import asyncio

    return asyncio.CancelledError()


_everyone = Group()
"""Of what runs outside of any run of this process: in workers, for one."""


def awaited(make: Callable[[Bridge], Awaitable[T]]) -> T:
    """Has what `make` gives be awaited, and waits for it; raises what it raises.

    Raises:
        Withdrawn: the run is over.
        TimedOut: see `until`.
    """
    bridge = Bridge()
    return _crossed(bridge, make(bridge))


def _crossed(bridge: Bridge, made: Awaitable[T]) -> T:
    try:
        bridge.begin(made if isinstance(made, Coroutine) else _coroutine(made))
        bridge.wait()
    except BaseException:
        bridge.cancel()  # an alarm may have gone off between the two
        raise
    result: T = bridge.outcome()
    return result


async def _coroutine(made: Awaitable[T]) -> T:
    return await made


def items(source: Any, bridge: Bridge | None = None) -> Iterator[Any]:
    """What an async iterable gives, one by one as it is asked for; closed in every case.

    All of it is one task, so that ``async with`` around a ``yield`` enters and leaves in the same.
    """
    import asyncio

    bridge = bridge or Bridge()
    wanted = asyncio.Queue[bool]()
    loop = bridge._loop  # noqa: SLF001  of this module
    bridge.begin(_pumped(source, wanted, bridge))
    try:
        while True:
            loop.call_soon_threadsafe(wanted.put_nowait, True)
            found = bridge.wait()
            if found is None:
                bridge.outcome()
                return
            yield found.value
    except GeneratorExit:
        loop.call_soon_threadsafe(wanted.put_nowait, False)
        bridge.wait()
        with suppress(Withdrawn):
            bridge.outcome()
        raise


async def _pumped(source: Any, wanted: asyncio.Queue[bool], bridge: Bridge) -> None:
    iterator = aiter(source)
    try:
        while await wanted.get():
            try:
                item = await anext(iterator)
            except StopAsyncIteration:
                return
            bridge.post(_Item(item))
    finally:
        if hasattr(iterator, "aclose"):
            await iterator.aclose()


# -- functions ---------------------------------------------------------------------------------------------------------


class Elements(AsyncIterator[Any]):
    """What an ``async def`` function gets for a `Stream`: to be read with ``async for``."""

    def __init__(self, elements: Iterator[Any], bridge: Bridge) -> None:
        self._elements = elements
        self._bridge = bridge

    async def __anext__(self) -> Any:
        found = await self._bridge.ask(self._read)
        if found is None:
            raise StopAsyncIteration
        return found.value

    def _read(self) -> _Item | None:
        for element in self._elements:
            return _Item(element)
        return None

    def __iter__(self) -> Iterator[Any]:
        raise FlowError("an 'async def' function reads a Stream with 'async for'; a plain 'for' would stop the event loop")


def _settle(reply: asyncio.Future[Any], found: Any, error: Exception | None) -> None:
    if reply.done():  # who asked was cancelled meanwhile
        return
    if error is not None:
        reply.set_exception(error)
    else:
        reply.set_result(found)


class Awaited:
    """An ``async def`` function, to be called like any other.

    Args:
        function: it, or what looks like it.
        streams: its parameters that are streams, by position and by name.
    """

    __slots__ = ("__wrapped__", "streams")

    def __init__(self, function: Callable[..., Any], streams: frozenset[int | str] = frozenset()) -> None:
        import asyncio  # noqa: F401  not within a limit of time, which would leave half of it imported

        self.__wrapped__ = function
        self.streams = streams

    @property
    def __anabranch__(self) -> dict[str, Any]:
        """The function's marks."""
        return marks_of(self.__wrapped__)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Calls it, and waits for what it gives: the value that it returns, or an iterator over what it yields."""
        bridge = Bridge()
        if self.streams:
            args = tuple(self._given(place, value, bridge) for place, value in enumerate(args))
            kwargs = {name: self._given(name, value, bridge) for name, value in kwargs.items()}
        made = self.__wrapped__(*args, **kwargs)
        if isinstance(made, Awaitable):
            return _crossed(bridge, made)
        return items(made, bridge) if hasattr(made, "__aiter__") else made

    def _given(self, place: int | str, value: Any, bridge: Bridge) -> Any:
        return Elements(value, bridge) if place in self.streams else value

    def __reduce__(self) -> tuple[Any, ...]:
        return Awaited, (self.__wrapped__, self.streams)


def awaitable(function: Callable[..., Any]) -> Callable[..., Any]:
    """The function as one that can be called by code that is no coroutine."""
    import inspect

    inner = inspect.unwrap(function)
    return Awaited(function) if inspect.iscoroutinefunction(function) or inspect.iscoroutinefunction(inner) else function


def awaits(function: Any) -> bool:
    """Whether a function, or one in it that a modifier or an adapter has put something around, is ``async def``."""
    while function is not None and not isinstance(function, Awaited):
        function = getattr(function, "func", None) or getattr(function, "__wrapped__", None)
    return function is not None
