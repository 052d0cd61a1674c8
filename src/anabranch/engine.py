"""The engine: one loop that does what a run asks for and tells it what came of it.

Theory: fill the executor's credit, then wait for one message; repeat. All that happens elsewhere (a worker's answer, a stream
reader in a thread of its own) arrives as a message in one queue, so there is one writer of the run's state and no lock.
While nothing arrives the loop sleeps in that queue, and costs nothing.

A stream reader is a user's function that wants to pull while the loop pushes. The first one runs in the caller's thread, and
its iterator turns the loop until there is something to read; so on the sequential executor everything the user wrote runs
in one thread. A second reader at the same time gets a thread of its own, for neither can wait for the other.

This module never decides what to do next; the run does.
"""

from __future__ import annotations

import contextvars
import sys
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, suppress
from dataclasses import replace
from heapq import heappop, heappush
from itertools import count
from queue import Empty, SimpleQueue
from threading import Thread
from time import perf_counter
from typing import Any

from anabranch.awaiting import Withdrawn, current
from anabranch.errors import FlowError, InternalError, RunCancelled, TimedOut
from anabranch.events import EngineWaited, Event, StreamRead
from anabranch.executor import Call, Lease, fetched, recall
from anabranch.failure import Failure, ItemsFailed, capture
from anabranch.missing import Unwinding, Withheld
from anabranch.plan import Plan
from anabranch.run import Cell, Column, Run, Slot
from anabranch.run.commands import (
    CloseSource,
    Command,
    Due,
    EndFeed,
    Feed,
    FeedAwaited,
    FeedTaken,
    Later,
    Look,
    Looked,
    News,
    OpenSource,
    Pace,
    Pull,
    Pulled,
    Read,
    ReaderFinished,
    Recall,
    RunHere,
    SourceOpened,
    Stopped,
    Submit,
    Weigh,
    Weighed,
)
from anabranch.sources import Source
from anabranch.work import MISSING, Layout, Missing, Outcome, arguments_of, compact, perform

__all__ = ["Engine", "Observer"]

Observer = Callable[[Event], None]

HERE = "driver"
LATENESS = 0.02
"""Seconds by which a turn may be late without the next ones being late too."""
_order = count()
_COUNTED: tuple[type, ...] = (type(iter([])), type(iter(())), type(iter(range(0))))
"""Iterators whose length hint is exact."""


class Cancelled(Unwinding):
    """Unwinds a stream reader: its run is over, or what it reads is `missing`."""

    def __init__(self, missing: Missing | None = None) -> None:
        super().__init__()
        self.missing = missing


_Part = Sequence[Any] | None | Cancelled
"""What a stream is given: elements, the end, or that there is nothing to read."""


class Engine:
    """Runs one plan to its end on one lease.

    Args:
        plan: what to run.
        run: its state.
        lease: where calls go.
        observe: takes each event; must not raise.
    """

    def __init__(self, plan: Plan, run: Run, lease: Lease, observe: Observer | None = None) -> None:
        self.plan = plan
        self.run = run
        self.lease = lease
        self.observe = observe
        self.inbox: SimpleQueue[News] = SimpleQueue()
        self.sources: dict[int, Source] = {}
        self.streams: dict[tuple[int, int], _Stream] = {}
        self.threads: list[Thread] = []
        self.alarms: list[tuple[float, int, News]] = []
        self.paces: dict[str, float] = {}
        self.reading_here = False
        self.reads_since = 0.0
        self.is_over = False
        self.stopped_by: Exception | None = None
        self.coroutines = current()
        self.idle: Callable[[], None] | None = None

    def stop(self, error: Exception) -> None:
        """Has the run end with this error, soon; from any thread."""
        self.stopped_by = error
        self.inbox.put(Stopped(error))
        self._withdraw()

    def finish(self) -> dict[str, Any]:
        """Turns the loop until the run is over and returns its outputs.

        Raises:
            BaseException: what a user's function raised, or what else ended the run.
        """
        limit = self.run.faults.timeout
        if limit is not None:
            self._later(limit, Stopped(TimedOut(f"the run took longer than its timeout of {limit:g} s")))
        try:
            while True:
                self.fill()
                if self.run.stopped:
                    break
                self.receive()
            self._raise_failure()
            return {name: self._result(value) for name, value in self.plan.outputs.items()}
        except Withdrawn:  # this thread waited for a coroutine
            self._end(failed=True)
            raise self.stopped_by or RunCancelled("the run was cancelled") from None
        except BaseException:
            self._end(failed=True)
            raise
        finally:
            self._end(failed=False)

    def receive(self) -> None:
        """Waits for one message and takes it in."""
        if self.inbox.empty() and self.run.is_stuck:
            raise InternalError("the run cannot go on: no call is out, and none can be made")
        self._take(self.wait())

    def wait(self) -> News:
        """The one place where the loop blocks."""
        if not self.inbox.empty():
            return self._received()
        if self.idle is not None:
            self.idle()
        if self.observe is None:
            return self._received()
        started = perf_counter()
        news = self._received()
        self.observe(EngineWaited(perf_counter() - started, started))
        return news

    def _received(self) -> News:
        if not self.alarms:
            return self.inbox.get()
        try:
            return self.inbox.get(timeout=max(0.0, self.alarms[0][0] - perf_counter()))
        except Empty:
            return heappop(self.alarms)[2]

    def fill(self) -> None:
        """Does all that can be done now."""
        while (command := self.run.next()) is not None:
            if self.run.events:  # or what follows from them might be there before them
                self._tell()
            self._do(command)
            if self.alarms and self.alarms[0][0] <= perf_counter():
                self._take(heappop(self.alarms)[2])
            if self.stopped_by is not None:  # what runs here comes before what is in the inbox
                self._take(Stopped(self.stopped_by))
        self._tell()

    def _later(self, seconds: float, news: News) -> None:
        heappush(self.alarms, (perf_counter() + seconds, next(_order), news))

    def _wait_of(self, command: Later | Pace) -> float:
        if isinstance(command, Later):
            return command.seconds
        now = perf_counter()
        due = max(self.paces.get(command.key, now), now - LATENESS) + command.seconds
        self.paces[command.key] = due
        return due - now

    def _take(self, news: News) -> None:
        self.run.handle(news)
        if keys := self.run.forgotten():
            self.lease.forget(keys)

    def _tell(self) -> None:
        events = self.run.events
        if self.observe is None:
            events.clear()
            return
        while events:
            self.observe(events.popleft())

    def _raise_failure(self) -> None:
        run = self.run
        if run.fatal is not None:
            raise run.fatal.error()
        if run.error is not None:
            raise run.error
        if run.exceeded or any(failure.policy == "finish" for failure in run.failures):
            raise ItemsFailed.of(run.failures, run.exceeded, {} if run.exceeded else self._spared())

    # -- commands --------------------------------------------------------------------------------------------------

    def _do(self, command: Command) -> None:
        if isinstance(command, Submit):
            self.lease.submit(command.call, self.inbox.put)
        elif isinstance(command, (Pull, Look)):
            self._take(self._pull(command) if isinstance(command, Pull) else self._look(command))
        elif isinstance(command, Recall):
            recall(self.lease, command.call)
        elif isinstance(command, (RunHere, Weigh)):
            outcome = perform_here(command.call)
            self._take(outcome if isinstance(command, RunHere) else Weighed(outcome.call, outcome))
        elif isinstance(command, OpenSource):
            self._take(self._open(command))
        elif isinstance(command, CloseSource):
            self._close(command.source)
        elif isinstance(command, Read):
            self._read(command)
        elif isinstance(command, (Feed, EndFeed)):
            self._feed(command)
        elif isinstance(command, (Later, Pace)):
            self._later(self._wait_of(command), Due(command.alarm))
        else:
            raise InternalError(f"unknown command {command!r}")

    def _open(self, command: OpenSource) -> SourceOpened:
        outcome = perform_here(command.call)
        if not outcome.outputs:
            return SourceOpened(command.source, outcome)
        iterator, missing = outcome.outputs[0], outcome.holes[0]
        if missing is not None:
            return SourceOpened(command.source, outcome, missing)
        self.sources[command.source] = Source(iterator)
        length = iterator.__length_hint__() if type(iterator) in _COUNTED else None
        return SourceOpened(command.source, outcome, length=length)

    def _close(self, source: int) -> None:
        try:
            if (open_one := self.sources.pop(source, None)) is not None:
                open_one.close()
        except (Exception, SystemExit) as error:
            self._take(Pulled(source, [], True, 0.0, error=error))

    def _pull(self, command: Pull) -> Pulled:
        source = self.sources[command.source]
        started = perf_counter()
        try:
            items, exhausted = source.take(command.items)
        except (Exception, SystemExit) as error:
            return Pulled(command.source, [], True, perf_counter() - started, error=error, started=started)
        if exhausted:
            self.sources.pop(command.source).close()
        weight = _weight(items[-1]) if items else 0
        return Pulled(command.source, items, exhausted, perf_counter() - started, weight, started=started)

    def _look(self, command: Look) -> Looked:
        source = self.sources[command.source]
        started = perf_counter()
        source.look(command.items)
        return Looked(command.source, source.near, source.left, perf_counter() - started, _weight(source.last), started)

    # -- stream readers --------------------------------------------------------------------------------------------

    def _read(self, command: Read) -> None:
        here = not self.reading_here
        values = list(command.call.values)
        for feed, position in command.feeds:
            stream = _Stream(self, command.reader, feed, here=here)
            self.streams[command.reader, feed] = stream
            values[position] = stream.elements()
        call = replace(command.call, values=tuple(values))
        if not here:
            context = contextvars.copy_context()
            target = lambda: self.inbox.put(self._reader(command.reader, call))
            thread = Thread(target=context.run, args=(target,), name="anabranch stream reader", daemon=True)
            self.threads.append(thread)
            thread.start()
            return
        self.reading_here = True
        self.reads_since = perf_counter()
        try:
            news = self._reader(command.reader, call)
        finally:
            self.reading_here = False
            self.read_until_now(command.reader)
        if not self.run.stopped:
            self._take(news)

    def read_until_now(self, reader: int) -> None:
        """The reader in this thread has worked since it was last given something."""
        now = perf_counter()
        if self.observe is not None:
            self._tell()
            self.observe(StreamRead(*self.run.reader_place(reader), now - self.reads_since, self.reads_since))

    def _reader(self, reader: int, call: Call) -> News:
        try:
            return ReaderFinished(reader, perform_here(call))
        except Cancelled as reason:
            made = () if reason.missing is None else (reason.missing,)
            return ReaderFinished(reader, Outcome(call.id, made, made, (), 0.0, 0.0, HERE))

    def _feed(self, command: Feed | EndFeed) -> None:
        stream = self.streams[command.reader, command.feed]
        if isinstance(command, EndFeed):
            stream.put(Cancelled() if command.cancelled else None)
            return
        values = tuple(fetched(value) for value in command.values)
        part = arguments_of(Layout(0, (), 0, (command.argument,)), values)[0]
        stream.put(Cancelled(part) if type(part) in MISSING else part)

    def _end(self, *, failed: bool) -> None:
        """Closes what the run opened: sources, then streams and the threads that read them. All of it, whatever raises; what
        a source raises then must not hide why the run has failed.
        """
        self.is_over = True
        sources, self.sources = self.sources, {}
        with ExitStack() as stack:
            for thread in self.threads:
                stack.callback(thread.join)
            stack.callback(self._withdraw)
            for stream in self.streams.values():
                stack.callback(stream.cancel)
            for number, source in sources.items():
                stack.callback(_closed_quietly if failed else self._closed, source, number)
            stack.callback(self._tell)

    def _withdraw(self) -> None:
        """Cancels the run's coroutines."""
        if self.coroutines is not None:
            self.coroutines.cancel()

    def _closed(self, source: Source, number: int) -> None:
        try:
            source.close()
        except (Exception, SystemExit) as error:
            axis, where = self.run.source_place(number)
            axes, origin = self.plan.axes_of(axis), self.plan.selection.vertices[axis].origin
            raise Failure(axis, axes, where, capture(error), origin, HERE).error() from None

    # -- results ---------------------------------------------------------------------------------------------------

    def _result(self, value: Any) -> Any:
        return brought(self.run.root.slots[value], value.rank)

    def _spared(self) -> dict[str, Any]:
        """The outputs that depend on no failure that sinks what depends on it."""
        found: dict[str, Any] = {}
        for name, value in self.plan.outputs.items():
            with suppress(Withheld):
                result = self._result(value)
                if type(result) not in MISSING:
                    found[name] = result
        return found


class _Stream:
    """The iterator of one `Stream` parameter: parts come in with `put`, elements go out."""

    def __init__(self, engine: Engine, reader: int, feed: int, *, here: bool) -> None:
        self.engine = engine
        self.begun = FeedTaken(reader, feed)
        self.taken = 0
        self.here = here
        self.parts: deque[_Part] = deque()
        self.queue: SimpleQueue[_Part] = SimpleQueue()

    def put(self, part: _Part) -> None:
        """Takes the next elements; None is the end, and a `Cancelled` is to be raised where they would be read."""
        if self.here:
            self.parts.append(part)
        else:
            self.queue.put(part)

    def cancel(self) -> None:
        """Unwinds a reader that still waits in a thread of its own."""
        if not self.here:
            self.queue.put(Cancelled())

    def elements(self) -> Iterator[Any]:
        """What the user's function iterates over."""
        following = self._turn_until_part if self.here else self._wait_for_part
        while True:
            if self.engine.is_over and not self.parts and self.queue.empty():
                raise FlowError("a Stream was read after the run had ended; read it in the function that takes it")
            part = following()
            if part is None:
                return
            yield from part

    def _waiting(self) -> FeedAwaited:
        return FeedAwaited(self.begun.reader, self.begun.feed, self.taken)

    def _turn_until_part(self) -> Sequence[Any] | None:
        engine = self.engine
        engine.read_until_now(self.begun.reader)
        if not self.parts:
            engine.run.handle(self._waiting())
        while not self.parts:
            engine.fill()
            if engine.run.stopped:
                raise Cancelled
            if not self.parts:
                engine.receive()
        part = self.parts.popleft()
        if isinstance(part, Cancelled):
            raise part
        self.taken += 1
        if part is not None:
            engine.run.handle(self.begun)
            if engine.run.slots > 1:
                engine.fill()  # so that the workers have something to do while the reader reads
        engine.reads_since = perf_counter()
        return part

    def _wait_for_part(self) -> Sequence[Any] | None:
        if self.queue.empty():
            self.engine.inbox.put(self._waiting())
        part = self.queue.get()
        if isinstance(part, Cancelled):
            raise part
        self.taken += 1
        if part is not None:
            self.engine.inbox.put(self.begun)
        return part


def _weight(item: Any) -> int:
    """About how many bytes an item holds by itself: enough to tell arrays from numbers."""
    try:
        return max(sys.getsizeof(item), getattr(item, "nbytes", 0))
    except Exception:
        return 0


def _closed_quietly(source: Source, _: int) -> None:
    try:
        source.close()
    except Exception:
        import logging

        logging.getLogger("anabranch").warning("an expander raised when it was closed after a failure", exc_info=True)


def perform_here(call: Call) -> Outcome:
    """Runs a call in this thread; brings its values here first."""
    return perform(call.code, call.layout, tuple(fetched(value) for value in call.values), HERE)


def brought(slot: Slot, rank: int) -> Any:
    """A slot's value as the caller gets it: here, whole, without absent places."""
    if isinstance(slot, Cell):
        return fetched(slot.handle)
    local = Column([chunk._replace(handle=fetched(chunk.handle)) for chunk in slot.chunks])
    return compact(local.joined(), rank) if slot.holes else local.joined()

