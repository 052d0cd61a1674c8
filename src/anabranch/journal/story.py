"""What a journal says, put together: which items are done, which failed, how the run stands."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from anabranch.errors import StoreError
from anabranch.journal.folder import JOURNAL, State, is_driven
from anabranch.journal.lines import Lines, Tail
from anabranch.journal.records import Began, Done, Ended, Failed, Listed, Noted, Record, Resumed, Where, decoded
from anabranch.journal.spans import Spans
from anabranch.store.seal import Seal

__all__ = ["Follower", "Listing", "Story"]

BLOCK = 1 << 20


@dataclass(slots=True)
class Listing:
    """What an expander gave: its items as far as they are known, and whether that is all."""

    items: Spans = field(default_factory=Spans)
    length: int | None = None


@dataclass(slots=True)
class Story:
    """A run as its journal tells it.

    Attributes:
        done: what each task did, by task and place.
        listings: what each expander gave, by axis and place.
        failures: what failed since the run was last taken up, by node and item.
        failed: what has failed at any time.
        notes: how often each other thing happened.
    """

    began: Began | None = None
    resumed: list[Resumed] = field(default_factory=list)
    ended: Ended | None = None
    done: dict[tuple[str, Where], Spans] = field(default_factory=dict)
    listings: dict[tuple[str, Where], Listing] = field(default_factory=dict)
    failures: dict[tuple[str, Where], Failed] = field(default_factory=dict)
    notes: dict[str, int] = field(default_factory=dict)
    failed: set[tuple[str, Where]] = field(default_factory=set)

    def add(self, records: Iterable[Record]) -> None:
        """Goes on with the story."""
        for record in records:
            match record:
                case Done(task, where, lo, hi, values, holes):
                    self.done.setdefault((task, where), Spans()).add(lo, hi, values, holes)
                case Listed(axis, where, lo, count, items, last):
                    listing = self.listings.setdefault((axis, where), Listing())
                    listing.items.add(lo, lo + count, (items,))
                    if last:
                        listing.length = lo + count
                case Failed(node, where):
                    self.failures[node, where] = record
                    self.failed.add((node, where))
                case Began():
                    self.began = record
                case Resumed():
                    self.resumed.append(record)
                    self.ended = None
                    self.failures.clear()  # they are tried again
                case Ended():
                    self.ended = record
                case Noted(what):
                    self.notes[what] = self.notes.get(what, 0) + 1

    def spans(self, task: str, where: Where = ()) -> Spans:
        """What a task did in a place; empty if nothing."""
        return self.done.get((task, where)) or Spans()


class Follower:
    """Reads a journal, and what is added to it while the run lives.

    Args:
        folder: of the run.
        seal: checks seals; None leaves them unchecked: enough to look on, but not to resume.

    Raises:
        StoreError: it cannot be read, or does not begin as a journal does.
    """

    def __init__(self, folder: Path, seal: Seal | None = None) -> None:
        self.path = folder / JOURNAL
        self.story = Story()
        self._folder = folder
        self._lines = Lines(seal)
        self._place = 0
        self.more()
        if self.story.began is None:
            tail = self.tail()
            reason = tail.reason or "its first line is not whole"
            raise StoreError(f"the journal {self.path} cannot be used: {reason}; nothing of the run is known")

    def more(self) -> list[Record]:
        """What was added since the last call; the story goes on with it.

        Raises:
            StoreError: it cannot be read.
        """
        found: list[Record] = []
        try:
            with open(self.path, "rb", buffering=0) as opened:
                opened.seek(self._place)
                while data := opened.read(BLOCK):
                    self._place += len(data)
                    found += [record for line in self._lines.feed(data) if (record := _record(line)) is not None]
        except OSError as error:
            raise StoreError(f"the journal {self.path} cannot be read: {error.strerror}") from error
        self.story.add(found)
        return found

    def tail(self) -> Tail:
        """How the journal ends, as far as it was read."""
        return self._lines.tail()

    @property
    def lines(self) -> Lines:
        """What a writer needs to go on."""
        return self._lines

    @property
    def state(self) -> State:
        """How the run stands now."""
        if is_driven(self._folder):
            return State.RUNNING
        self.more()
        return State(self.story.ended.state) if self.story.ended is not None else State.LOST

    @property
    def damage(self) -> str:
        """What is wrong with the journal, in words; empty if nothing but, maybe, a torn line at its end."""
        tail = self.tail()
        if not tail.is_damaged:
            return ""
        whole = os.path.getsize(self.path)
        return f"the journal {self.path} is damaged at byte {tail.good} of {whole} ({tail.reason}); what follows is not used"


def _record(line: bytes) -> Record | None:
    try:
        return decoded(line)
    except (ValueError, TypeError, KeyError):
        return None  # a later version's
