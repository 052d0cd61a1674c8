"""What a frame knows of its values: where the parts are, never what they are.

A `Cell` holds one value, a `Column` a list in parts, as they came from spans. A handle is either the thing itself or an
executor's `Reference`; nobody here looks inside.
"""

from __future__ import annotations

from bisect import bisect_right, insort
from operator import attrgetter
from typing import Any, NamedTuple

from anabranch.executor import Reference
from anabranch.work import Argument, Form, Part

__all__ = ["Cell", "Chunk", "Column", "Front", "Slot", "Trail", "gather"]


_start = attrgetter("lo")


class Chunk(NamedTuple):
    """Elements [lo, hi) of a column: a list, or, where `single`, the one element itself."""

    lo: int
    hi: int
    handle: Any
    single: bool = False
    holes: bool = False


class Cell:
    """One value; `ABSENT` where the item was dropped."""

    __slots__ = ("handle",)

    def __init__(self, handle: Any) -> None:
        self.handle = handle

    @property
    def is_local(self) -> bool:
        """Whether the value is in this process."""
        return not isinstance(self.handle, Reference)


class Column:
    """A list in parts that arrive in any order; `finish` puts them in order.

    A local list is put behind the one that ends where it begins, at once, while it is warm in the processor's cache; so there
    are as many parts as came out of order, and not as many as came. Only lists that were made here are added to.
    """

    __slots__ = ("_ends", "_own", "chunks", "length")

    def __init__(self, chunks: list[Chunk] | None = None) -> None:
        self.chunks = chunks or []
        self.length = self.chunks[-1].hi if self.chunks else 0
        self._ends: dict[int, int] = {}
        self._own: set[int] = set()

    def add(self, chunk: Chunk) -> None:
        """Takes one part."""
        if chunk.single or not hasattr(chunk.handle, "extend"):  # a reference, or what stands for all of a span
            self.chunks.append(chunk)
            return
        number = self._ends.pop(chunk.lo, len(self.chunks))
        if number == len(self.chunks):
            self.chunks.append(chunk)
        else:
            before = self.chunks[number]
            if number in self._own:
                before.handle.extend(chunk.handle)
                whole = before.handle
            else:
                whole = before.handle + chunk.handle
                self._own.add(number)
            self.chunks[number] = Chunk(before.lo, chunk.hi, whole, holes=before.holes or chunk.holes)
        self._ends[chunk.hi] = number

    def finish(self, length: int) -> None:
        """All parts are there."""
        self.chunks.sort()
        self.length = length

    @property
    def holes(self) -> bool:
        """Whether some place may be absent."""
        return any(chunk.holes for chunk in self.chunks)

    @property
    def is_local(self) -> bool:
        """Whether all parts are in this process."""
        return not any(isinstance(chunk.handle, Reference) for chunk in self.chunks)

    @property
    def is_own(self) -> bool:
        """Whether it is one list without absent places that was made here, so that nobody else has it."""
        return len(self.chunks) == 1 and bool(self._own) and not self.chunks[0].holes

    def between(self, lo: int, hi: int) -> list[Chunk]:
        """The parts of [lo, hi), local lists cut to it; a reference keeps its own bounds."""
        found = []
        first = bisect_right(self.chunks, lo, key=_start) - 1
        for number in range(max(first, 0), len(self.chunks)):
            chunk = self.chunks[number]
            if chunk.lo >= hi:
                break
            if chunk.hi > lo:
                if chunk.single or isinstance(chunk.handle, Reference) or (chunk.lo >= lo and chunk.hi <= hi):
                    found.append(chunk)
                else:
                    start, stop = max(lo, chunk.lo), min(hi, chunk.hi)
                    cut = chunk.handle[start - chunk.lo : stop - chunk.lo]
                    found.append(Chunk(start, stop, cut, holes=chunk.holes))
        return found

    def element(self, index: int) -> Any:
        """One element of a local column."""
        chunk = self.between(index, index + 1)[0]
        return chunk.handle if chunk.single else chunk.handle[0]

    def joined(self) -> list[Any]:
        """The whole of a local column as one list."""
        if len(self.chunks) == 1 and not self.chunks[0].single:
            whole: list[Any] = self.chunks[0].handle
            return whole
        joined: list[Any] = []
        for chunk in self.chunks:
            if chunk.single:
                joined.append(chunk.handle)
            else:
                joined.extend(chunk.handle)
        return joined


class Front:
    """How far something has come without a gap, in whatever order its parts do."""

    __slots__ = ("_later", "hi")

    def __init__(self) -> None:
        self.hi = 0
        self._later: dict[int, int] = {}

    def add(self, lo: int, hi: int) -> None:
        """Takes one part."""
        self._later[lo] = hi
        while self.hi in self._later:
            self.hi = self._later.pop(self.hi)


class Trail(Column):
    """A list that is read while it is being made: `length` says how far it is there without a gap.

    Its parts stay as they came, for who reads them may still be at it; those are dropped that all its readers are done with,
    unless it `keeps` them for others. `start` says before which item nothing is left.
    """

    __slots__ = ("_front", "_passed", "keeps", "start")

    def __init__(self, *, keeps: bool) -> None:
        super().__init__()
        self.keeps = keeps
        self.start = 0
        self._front = Front()
        self._passed: dict[int, Front] = {}

    def add(self, chunk: Chunk) -> None:
        """Takes one part."""
        insort(self.chunks, chunk, key=_start)
        self._front.add(chunk.lo, chunk.hi)
        self.length = self._front.hi

    def finish(self, length: int) -> None:
        """All parts are there."""
        self.length = length

    def read_by(self, reader: int) -> None:
        """Somebody will read it, who is known by a number."""
        self._passed[reader] = Front()

    def passed(self, reader: int, lo: int, hi: int) -> None:
        """A reader is done with these elements."""
        self._passed[reader].add(lo, hi)
        if not self.keeps:
            done = min(front.hi for front in self._passed.values())
            first = next((n for n, chunk in enumerate(self.chunks) if chunk.hi > done), len(self.chunks))
            if first:
                self.start = self.chunks[first - 1].hi
                del self.chunks[:first]


Slot = Cell | Column


def gather(slot: Slot, form: Form, depth: int, values: list[Any], bounds: tuple[int, int] | None = None) -> Argument:
    """The argument that makes one value of a slot (or of its elements in `bounds`); appends what it needs to `values`.

    A cell is taken as it is, whatever the form: where a list was expected it is `ABSENT`.
    """
    if isinstance(slot, Cell):
        values.append(slot.handle)
        return Argument(Form.WHOLE, (Part(len(values) - 1),))
    parts = []
    chunks = slot.chunks if bounds is None else slot.between(*bounds)
    for chunk in chunks:
        values.append(chunk.handle)
        parts.append(_part(chunk, len(values) - 1, bounds))
    return Argument(form, tuple(parts), depth, holes=any(chunk.holes for chunk in chunks))


def _part(chunk: Chunk, position: int, bounds: tuple[int, int] | None) -> Part:
    if chunk.single:
        return Part(position, 0, -1)
    if bounds is None or (chunk.lo >= bounds[0] and chunk.hi <= bounds[1]):
        return Part(position)
    return Part(position, max(bounds[0], chunk.lo) - chunk.lo, min(bounds[1], chunk.hi) - chunk.lo)
