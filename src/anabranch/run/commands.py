"""What the run asks of the engine, and what the engine tells it. Data only."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from anabranch.executor import Call, Message
from anabranch.work import Argument, Missing, Outcome

__all__ = [
    "CloseSource",
    "Command",
    "Due",
    "EndFeed",
    "Feed",
    "FeedAwaited",
    "FeedTaken",
    "Later",
    "Look",
    "Looked",
    "News",
    "OpenSource",
    "Pace",
    "Pull",
    "Pulled",
    "Read",
    "ReaderFinished",
    "Recall",
    "RunHere",
    "SourceOpened",
    "Stopped",
    "Submit",
    "Weigh",
    "Weighed",
]


@dataclass(frozen=True, slots=True)
class Submit:
    """Hand this call to the executor."""

    call: Call


@dataclass(frozen=True, slots=True)
class Recall:
    """Nobody waits for this call any more: end it, if that can be done. It is answered all the same."""

    call: Call


@dataclass(frozen=True, slots=True)
class RunHere:
    """Run this call in the driver: it is the only thing to do, and all it needs is here."""

    call: Call


@dataclass(frozen=True, slots=True)
class OpenSource:
    """Call this expander in the driver and keep the iterator; answer with `SourceOpened`."""

    source: int
    call: Call


@dataclass(frozen=True, slots=True)
class Pull:
    """Take up to so many items from a source; answer with `Pulled`."""

    source: int
    items: int


@dataclass(frozen=True, slots=True)
class Look:
    """Bring up to so many items of a source near, to see whether it ends there; answer with `Looked`."""

    source: int
    items: int


@dataclass(frozen=True, slots=True)
class CloseSource:
    """Close the iterator: nobody will pull it again."""

    source: int


@dataclass(frozen=True, slots=True)
class Read:
    """Start a stream reader; `feeds` says for each of its feeds which of the call's values its iterator becomes.
    Answer with `ReaderFinished`.
    """

    reader: int
    call: Call
    feeds: tuple[tuple[int, int], ...]


@dataclass(frozen=True, slots=True)
class Feed:
    """Give a reader's iterator its next elements: `argument`, made of `values`. Answer with `FeedTaken` when the reader has
    begun to read them.
    """

    reader: int
    feed: int
    argument: Argument
    values: tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class EndFeed:
    """A reader's iterator has got all its elements; or, `cancelled`, what it reads does not exist, and it is to be unwound."""

    reader: int
    feed: int
    cancelled: bool = False


@dataclass(frozen=True, slots=True)
class Later:
    """Answer with `Due` after so many seconds."""

    alarm: int
    seconds: float


@dataclass(frozen=True, slots=True)
class Pace:
    """Answer with `Due` when so many seconds have gone since the answer to the last such command for `key` was due, or, if
    there was none or that is long ago, since now.
    """

    alarm: int
    key: str
    seconds: float


@dataclass(frozen=True, slots=True)
class Weigh:
    """Run this in the driver, which tells what a call of that number needs; answer with `Weighed`."""

    call: Call


Command = Submit | Recall | RunHere | OpenSource | Pull | Look | CloseSource | Read | Feed | EndFeed | Later | Pace | Weigh


@dataclass(frozen=True, slots=True)
class SourceOpened:
    """The expander was called; `length` is the number of items if that is known; `missing` stands for them if there are none
    to be had.
    """

    source: int
    outcome: Message
    missing: Missing | None = None
    length: int | None = None


@dataclass(frozen=True, slots=True)
class Pulled:
    """The next items of a source, fewer than asked for only if it is `exhausted`; `weight` is about how many bytes one of them
    holds. `error` is what the expander raised instead. It took `seconds` from `started` on.
    """

    source: int
    items: list[Any]
    exhausted: bool
    seconds: float
    weight: int = 0
    error: BaseException | None = None
    started: float = 0.0


@dataclass(frozen=True, slots=True)
class Looked:
    """So many items of a source are near, of about `weight` bytes each, and so many `left` if that is known. It took `seconds`
    from `started` on.
    """

    source: int
    near: int
    left: int | None
    seconds: float
    weight: int = 0
    started: float = 0.0


@dataclass(frozen=True, slots=True)
class FeedTaken:
    """A reader has begun on the next part of a feed."""

    reader: int
    feed: int


@dataclass(frozen=True, slots=True)
class FeedAwaited:
    """A reader has begun on `taken` parts of a feed and waits for the next."""

    reader: int
    feed: int
    taken: int


@dataclass(frozen=True, slots=True)
class ReaderFinished:
    """A reader returned or raised."""

    reader: int
    outcome: Message


@dataclass(frozen=True, slots=True)
class Due:
    """The time has come."""

    alarm: int


@dataclass(frozen=True, slots=True)
class Stopped:
    """The run is to end now: somebody cancelled it, or its time is up. `error` says which."""

    error: Exception


@dataclass(frozen=True, slots=True)
class Weighed:
    """What was found out about the needs of a call."""

    call: int
    outcome: Outcome


News = Message | SourceOpened | Pulled | Looked | FeedTaken | FeedAwaited | ReaderFinished | Due | Stopped | Weighed
