"""What the run asks of the engine, and what the engine tells it. Data only."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from anabranch.executor import Call, Message
from anabranch.work import Argument

__all__ = [
    "CloseSource",
    "Command",
    "EndFeed",
    "Feed",
    "FeedAwaited",
    "FeedTaken",
    "News",
    "OpenSource",
    "Pull",
    "Pulled",
    "Read",
    "ReaderFinished",
    "RunHere",
    "SourceOpened",
    "Submit",
]


@dataclass(frozen=True, slots=True)
class Submit:
    """Hand this call to the executor."""

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


Command = Submit | RunHere | OpenSource | Pull | CloseSource | Read | Feed | EndFeed


@dataclass(frozen=True, slots=True)
class SourceOpened:
    """The expander was called; `length` is the number of items if that is known. `absent` if the item was dropped."""

    source: int
    outcome: Message
    absent: bool = False
    length: int | None = None


@dataclass(frozen=True, slots=True)
class Pulled:
    """The next items of a source, fewer than asked for only if it is `exhausted`; `weight` is about how many bytes one of them
    holds. `outcome` tells of a failure; `absent` that the expander skipped the item it expanded.
    """

    source: int
    items: list[Any]
    exhausted: bool
    seconds: float
    weight: int = 0
    outcome: Message | None = None
    absent: bool = False


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


News = Message | SourceOpened | Pulled | FeedTaken | FeedAwaited | ReaderFinished
