"""A run that is turned step by step: nothing happens but what the test has happen.

Theory: it is the real engine, but for the three places where time passes. Calls are kept instead of submitted, and come back
when the test gives a message for one; delays are over when the test says so; and a stream reader, which in a real run waits
in the middle of a user's function, is made to wait by running it again from the beginning over the elements that it has
read so far, until it asks for one more. (So it must be a function of what it reads, as drawn ones are.)

This module never decides what happens next.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from anabranch.engine import Cancelled, Engine, Observer, _Part, perform_here
from anabranch.executor import Call, Reply, Shared
from anabranch.missing import Unwinding
from anabranch.plan import Plan
from anabranch.run import Run
from anabranch.run.commands import Due, FeedAwaited, FeedTaken, News, Read, ReaderFinished
from anabranch.work import Outcome

__all__ = ["Stepped", "SteppedReader"]


class Holder:
    """A lease that keeps the calls that it is given; `out` are those that nobody has answered, `recalled` those that were to be
    ended, `shared` the values that came along.
    """

    def __init__(self) -> None:
        self.out: dict[int, Call] = {}
        self.recalled: list[int] = []
        self.shared: list[Shared] = []
        self.forgotten: set[int] = set()

    def submit(self, call: Call, reply: Reply) -> None:
        """Keeps the call."""
        assert call.id not in self.out, "a call has a number of its own"
        self.out[call.id] = call
        self.shared += [value for value in call.values if isinstance(value, Shared)]

    def recall(self, call: Call) -> None:
        """Notes which call was to be ended; it is out until it is answered."""
        assert call.id in self.out, "what is not out cannot be recalled"
        self.recalled.append(call.id)

    def forget(self, keys: list[int]) -> None:
        """Notes which shared values are not needed any more."""
        assert not self.forgotten.intersection(keys), "a value is forgotten once"
        self.forgotten.update(keys)


class Stepped(Engine):
    """An engine whose every step is asked for.

    `out` are the calls that wait for an answer, `delayed` the alarms that have been set, `pauses` the seconds that each was set
    for, `readers` the stream readers at work.
    """

    def __init__(self, plan: Plan, run: Run, observe: Observer | None = None) -> None:
        self.holder = Holder()
        super().__init__(plan, run, self.holder, observe)
        self.delayed: list[Due] = []
        self.pauses: list[float] = []
        self.readers: dict[int, SteppedReader] = {}

    @property
    def out(self) -> dict[int, Call]:
        """The calls that wait for an answer."""
        return self.holder.out

    def tell(self, news: News) -> None:
        """Something happens, and all that can be done then is done."""
        if hasattr(news, "call"):
            self.out.pop(news.call, None)
        self._take(news)
        self.fill()

    def wake(self, number: int) -> None:
        """A delay is over."""
        self.tell(self.delayed.pop(number))

    def read(self, reader: int) -> bool:
        """A reader goes on to where it wants another part, or to its end; False if it is waiting for one."""
        news = self.readers[reader].step()
        if isinstance(news, ReaderFinished):
            del self.readers[reader]
        self.tell(news)
        return not isinstance(news, FeedAwaited)

    def read_on(self) -> bool:
        """Each reader goes on once; says whether one of them has done something."""
        moved = False
        for reader in list(self.readers):
            moved = (reader in self.readers and self.read(reader)) or moved
        return moved

    def _later(self, seconds: float, news: News) -> None:
        assert isinstance(news, Due)
        self.delayed.append(news)
        self.pauses.append(seconds)

    def _read(self, command: Read) -> None:
        reader = SteppedReader(command)
        self.readers[command.reader] = reader
        for feed, _ in command.feeds:
            self.streams[command.reader, feed] = reader.parts[feed]  # type: ignore[assignment]


class _Wanting(Unwinding):
    """Leaves a reader where it wants more of a feed than it has."""

    def __init__(self, feed: int) -> None:
        super().__init__(feed)
        self.feed = feed


class Parts:
    """What one feed of a reader has been given, and how much of it the reader has taken."""

    def __init__(self, feed: int) -> None:
        self.feed = feed
        self.given: list[_Part] = []
        self.taken = 0

    def put(self, part: _Part) -> None:
        """Takes the next part; None is the end."""
        self.given.append(part)

    def cancel(self) -> None:
        """The run is over."""

    def elements(self) -> Iterator[Any]:
        """What the reader gets to read."""
        for part in self.given[: self.taken]:
            if part is None:
                return
            if isinstance(part, Cancelled):
                raise part
            yield from part
        raise _Wanting(self.feed)


class SteppedReader:
    """A stream reader that can be stopped anywhere."""

    def __init__(self, command: Read) -> None:
        self.number = command.reader
        self.call = command.call
        self.places = dict(command.feeds)
        self.parts = {feed: Parts(feed) for feed in self.places}

    def step(self) -> News:
        """Goes on until it is of interest to the run."""
        while True:
            values = list(self.call.values)
            for feed, place in self.places.items():
                values[place] = self.parts[feed].elements()
            try:
                return ReaderFinished(self.number, perform_here(replace(self.call, values=tuple(values))))
            except Cancelled as reason:
                made = () if reason.missing is None else (reason.missing,)
                return ReaderFinished(self.number, Outcome(self.call.id, made, made, (), 0.0, 0.0))
            except _Wanting as want:
                parts = self.parts[want.feed]
                if parts.taken == len(parts.given):
                    return FeedAwaited(self.number, want.feed, parts.taken)
                parts.taken += 1
                if parts.given[parts.taken - 1] is not None:
                    return FeedTaken(self.number, want.feed)
