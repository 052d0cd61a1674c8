"""The items of an expander, kept as they come.

Theory: an expander may be large and slow, and it is pulled as fast as its items are used. So its items are stored in parts:
when there are `PART` of them, or the first is a second old. Each part has a key made of the listing's and its number; the
last one says that there are no more.

What is kept *of what it was made* counts only if it is whole. A run that goes on from where it was interrupted takes what
there is, and then calls the function again and passes over as many items as were given; they must be the same as
before, for what was computed for them is kept by their place.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from hashlib import blake2b
from itertools import islice
from time import perf_counter
from typing import Any, Final

from anabranch.errors import FlowError
from anabranch.rebuild.span import NOTHING, Span, current
from anabranch.rebuild.stored import RUN
from anabranch.runtime import close, opened
from anabranch.store import Recipe

__all__ = ["listed"]

PART: Final = 1024
OLD: Final = 1.0

Place = tuple[int, Recipe, bytes]


def listed(span: Span, places: list[Place], node: str, make: Callable[[], Iterable[Any]]) -> Iterator[Any]:
    """The items: those that are kept, and then those that the function gives, which are kept as they come.

    Raises:
        FlowError: the function gives other items than it gave before in this run.
    """
    for place in places:
        parts = list(_parts(span, place))
        if parts and (parts[-1][1] or place[0] == RUN):
            return _resumed(_Keeper(span, place), parts, node, make)
    return _kept([_Keeper(span, place) for place in places], opened(make(), node))


def _parts(span: Span, place: Place) -> Iterator[tuple[bytes, bool]]:
    """Keys of the parts that there are, in order, and whether each is the last."""
    shelf, recipe, key = place
    number = 0
    while True:
        made = _key(key, number)
        found = span.find(shelf, recipe, made)
        if found is NOTHING:
            return
        is_last = span.find(shelf, recipe, _end(made)) is not NOTHING
        yield made, is_last
        if is_last:
            return
        number += 1


def _key(key: bytes, number: int) -> bytes:
    return blake2b(b"\0part\0%d " % number + key, digest_size=20).digest()


def _end(key: bytes) -> bytes:
    return blake2b(b"\0end\0" + key, digest_size=20).digest()


class _Keeper:
    """Stores the parts of one listing; has a span of its own, for the items come when nobody's call is under way."""

    def __init__(self, span: Span, place: Place) -> None:
        self.span = Span(span.shelves, span.run)
        self.call = span
        self.shelf, self.recipe, self.key = place
        self.number = 0

    def keep(self, items: list[Any], *, last: bool) -> None:
        """Stores a part."""
        made = _key(self.key, self.number)
        self.number += 1
        now = current()
        span = now if now is self.call else self.span  # inside of its call, items are stored with all that this makes
        span.keep(self.shelf, self.recipe, "pickle", (made, items))
        if last:
            span.keep(self.shelf, self.recipe, "pickle", (_end(made), True))
        self.span.flush()

    def load(self, key: bytes) -> list[Any]:
        """A part that is there."""
        items: list[Any] = self.span.loaded(self.span.find(self.shelf, self.recipe, key))
        return items


def _kept(keepers: list[_Keeper], source: Iterator[Any]) -> Iterator[Any]:
    """What a function gives, stored on its way."""
    part: list[Any] = []
    first = 0.0
    is_over = False
    try:
        for item in source:
            part.append(item)
            now = perf_counter()
            first = first or now
            if len(part) >= PART or now - first > OLD:
                _keep(keepers, part, last=False)
                part, first = [], 0.0
            yield item
        is_over = True
    finally:
        close(source)
        if part or is_over:
            _keep(keepers, part, last=is_over)


def _keep(keepers: list[_Keeper], part: list[Any], *, last: bool) -> None:
    for keeper in keepers:
        keeper.keep(part, last=last)


def _resumed(keeper: _Keeper, parts: list[tuple[bytes, bool]], node: str, make: Callable[[], Iterable[Any]]) -> Iterator[Any]:
    """What is kept, and then the rest."""
    count = 0
    for key, _ in parts:
        items = keeper.load(key)
        count += len(items)
        yield from items
    if parts[-1][1] or keeper.span.shelves.only:
        return
    keeper.number = len(parts)
    source = opened(make(), node)
    for key, _ in parts:
        before = keeper.load(key)
        if _versions(keeper.span, before) != _versions(keeper.span, list(islice(source, len(before)))):
            close(source)
            raise FlowError(
                f"'{node}' gives other items than it gave before this run was interrupted; what was computed for those cannot "
                f"count for these: begin a new run"
            )
    yield from _kept([keeper], source)


def _versions(span: Span, items: list[Any]) -> list[Any]:
    """The versions of items; of those that have none, nothing."""
    return [len(items), *span.versions.of_all(items)]
