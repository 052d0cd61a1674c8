"""A function with a store around it, and what goes on around a call of the task that it is part of."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from enum import Enum
from functools import partial
from hashlib import blake2b
from typing import Any, Final

from anabranch.code import Code, Layout, Outcome
from anabranch.errors import StoreError
from anabranch.markers import Skip, marks_of
from anabranch.missing import ABSENT
from anabranch.rebuild.ahead import look_ahead
from anabranch.rebuild.listing import listed
from anabranch.rebuild.shelves import Shelves
from anabranch.rebuild.span import NOTHING, Span, current
from anabranch.rebuild.stored import CACHE, LEFT_OUT, RUN, Stored
from anabranch.store import Recipe
from anabranch.versions import Unversionable, keys_of

__all__ = ["Aim", "Around", "Facts", "Kept"]

ITEM: Final = "kept·"
"""The keyword by which generated code tells the item; no parameter is called so."""


class Aim(Enum):
    """What is done with a node's results."""

    LOOK = "looked up, and stored"
    MAKE = "made anew, and stored"
    PASS = "made anew, and not stored"  # noqa: S105  no password


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known of a kept function.

    Attributes:
        names: what it is called with by position, in order.
        depths: parameters that collect, with how deep their lists are nested.
        streams: parameters that are iterators.
        ignored: parameters whose values do not count.
        format: what results are written as.
        expands: whether its results are the items of a fan-out.
    """

    name: str
    names: tuple[str, ...]
    depths: dict[str, int]
    streams: frozenset[str] = frozenset()
    ignored: frozenset[str] = frozenset()
    format: str = "pickle"
    expands: bool = False


@dataclass(frozen=True, slots=True)
class Around:
    """Goes on around each call of a task with kept functions: what these look up and store belongs to the call."""

    shelves: Shelves

    def __call__(self, code: Code, layout: Layout, values: tuple[Any, ...], work: Callable[[], Outcome]) -> Outcome:
        """Does the work."""
        span = Span(self.shelves, layout.run)
        try:
            with span:
                look_ahead(span, code, layout, values)
                outcome = work()
        except StoreError as error:
            failure = code.load().failure_of(error, layout.where)
            return Outcome(layout.call, (), (), (failure,), 0.0, 0.0)
        return replace(outcome, cached=span.hits) if span.hits else outcome


@dataclass(frozen=True, slots=True, eq=False)
class Kept:
    """A function whose results are looked up before it is called, and stored after.

    Attributes:
        recipe: the node and the version of its code; None if results have no key of what they were made of.
        aim: what the cache does.
        lasts: whether results are kept by the run as well, by item.
    """

    function: Callable[..., Any]
    facts: Facts
    shelves: Shelves
    recipe: Recipe | None
    aim: Aim
    lasts: bool = False

    @property
    def __anabranch__(self) -> dict[str, Any]:
        """The function's marks, and what generated code is to tell."""
        marks = {**marks_of(self.function), "around": Around(self.shelves)}
        return marks if self.passes else {"item": ITEM, **marks}

    @property
    def passes(self) -> bool:
        """Whether it does nothing but load arguments."""
        return self.aim is Aim.PASS and not self.lasts

    def loading(self, function: Callable[..., Any]) -> Kept:
        """Another function of the same parameters, for which arguments are loaded and nothing else is done."""
        return replace(self, function=function, recipe=None, aim=Aim.PASS, lasts=False)

    @property
    def run_recipe(self) -> Recipe:
        """What results are kept by that the run keeps."""
        return Recipe(self.facts.name, b"")

    @property
    def __wrapped__(self) -> Callable[..., Any]:
        """The function itself."""
        return self.function

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Looks the result up, or calls the function.

        Raises:
            Stale: an argument is gone from its store.
            BaseException: what the function raises.
        """
        span = current()
        if span is None:  # called from outside of any task: by a test, say
            with Span(self.shelves, "") as span:
                return span.loaded(self._called(span, args, kwargs))
        return self._made(span, args, kwargs) if self.passes else self._called(span, args, kwargs)

    def _called(self, span: Span, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        where = kwargs.pop(ITEM, None)
        if where is None:
            where = kwargs.get(marks_of(self.function).get("item", ""), ())
        if (known := span.prepared(self, where)) is not None:
            return known if isinstance(known, Stored) else self._prepared(span, known, args, kwargs)
        places = self._places(span, where, args, kwargs)
        if self.facts.expands:
            if not places:
                return self._made(span, args, kwargs)
            return listed(span, places, self.facts.name, partial(self._made, span, args, kwargs))
        found = self._found(span, where, places)
        if found is not NOTHING:
            return found
        try:
            value = self._made(span, args, kwargs)
        except Skip:
            for shelf, recipe, key in places:
                if shelf == RUN:
                    span.keep(shelf, recipe, "pickle", (key, ABSENT))
            raise
        for shelf, recipe, key in places:
            span.keep(shelf, recipe, self.facts.format, (key, value))
        return value

    def _found(self, span: Span, where: tuple[int, ...], places: list[tuple[int, Recipe, bytes]]) -> Any:
        """The result, if there is one that counts; or `NOTHING`.

        Raises:
            Skip: the item is to be left out.
        """
        name, shelves = self.facts.name, self.shelves
        if shelves.leaves_out(name, where):
            raise Skip
        for shelf, recipe, key in places:
            if shelves.counts(name, where) if shelf == RUN else self.aim is Aim.LOOK:
                found = span.find(shelf, recipe, key)
                if found is ABSENT or (type(found) is Stored and found.version == LEFT_OUT):
                    raise Skip
                if found is not NOTHING:
                    return found
        if not shelves.wants(where):
            raise Skip
        return NOTHING

    def _prepared(self, span: Span, key: bytes, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """The same where the key is known already."""
        assert self.recipe is not None
        found = span.find(CACHE, self.recipe, key)
        if found is not NOTHING:
            return found
        value = self._made(span, args, kwargs)
        span.keep(CACHE, self.recipe, self.facts.format, (key, value))
        return value

    def _made(self, span: Span, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """What the function returns for these arguments, which are loaded first."""
        given = [self._read(span, name, value) for name, value in zip(self.facts.names, args, strict=False)]
        given += args[len(given) :]
        if kwargs:
            return self.function(*given, **{name: self._read(span, name, value) for name, value in kwargs.items()})
        return self.function(*given)

    def _read(self, span: Span, name: str, value: Any) -> Any:
        if name in self.facts.streams:
            return _stream(span, value, self.facts.depths.get(name, 1) - 1)
        return span.loaded(value, self.facts.depths.get(name, 0))

    # -- keys ------------------------------------------------------------------------------------------------------

    def _places(
        self, span: Span, where: tuple[int, ...], args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> list[tuple[int, Recipe, bytes]]:
        """Where the result may be, and is to be put: shelf, recipe, key."""
        found = []
        if self.recipe is not None and self.aim is not Aim.PASS and span.shelves.cache is not None:
            with suppress(Unversionable):
                found.append((CACHE, self.recipe, self.key(span, args, kwargs)))
        if self.lasts and (not found or self.aim is not Aim.LOOK):
            found.insert(0, (RUN, self.run_recipe, place_key(self.facts.name, where)))
        return found

    def key(self, span: Span, args: tuple[Any, ...], kwargs: dict[str, Any]) -> bytes:
        """The key of what a result is made of.

        Raises:
            Unversionable: an argument has no version.
        """
        facts, recipe = self.facts, self.recipe
        assert recipe is not None
        names, versions = [], []
        for name, value in (*zip(facts.names, args, strict=False), *kwargs.items()):
            if name not in facts.ignored:
                names.append(name)
                versions.append(span.version(value, facts.depths.get(name, 0)))
        return keys_of(recipe.code, names, (versions,))[0]


def place_key(node: str, where: tuple[int, ...]) -> bytes:
    """The key of a result by where in its run it was made."""
    return blake2b(f"{node}\0{where}".encode(), digest_size=20).digest()


def _stream(span: Span, values: Iterator[Any], depth: int) -> Iterator[Any]:
    for value in values:
        yield span.loaded(value, depth)
