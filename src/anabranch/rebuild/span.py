"""What one call of a task looks up and stores.

Theory: a call is a span of items, and a store is asked for many keys at once or it is slow. So what is computed is gathered
here and stored when the call ends, as one group for each recipe, or before if it is older than `OLD`: that is what a crash may
cost. What was computed in this call already is found here.

A version is made once: of what came with the call by `ahead`, of what is computed when a function reads it or else when it
is stored. It is remembered by the identity of the value, which is safe as long as the value is held: those that came are held
by the call, those that were made by what is gathered.

What a function reads it may change. So what is gathered is written, and has its version, before a function of the same call
reads it; numbers and text, which nobody can change, wait for the others.

Claims (see `anabranch.store.claims`) are taken for what the whole call is known to want, and given up when it ends. Whoever
comes upon somebody else's claim stores what is there, gives up the own claim, waits, and claims what is still not there; so
nobody waits who holds one, and nothing that is known to be wanted is ever computed without one.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from hashlib import blake2b
from time import perf_counter
from typing import TYPE_CHECKING, Any, Final, Self

from anabranch.errors import StoreError
from anabranch.failure import Failure
from anabranch.missing import ABSENT
from anabranch.rebuild.shelves import Shelves, rest, rests, say_once, store_of, versions_of
from anabranch.rebuild.stored import CACHE, LEFT_OUT, RUN, Stale, Stored, holds_stored
from anabranch.store import Entry, Missing, Recipe, Store
from anabranch.store.formats import SMALL, Unfit, Written, written
from anabranch.versions import Unversionable, Versions, collected

if TYPE_CHECKING:
    from anabranch.store.claims import Claim

__all__ = ["NOTHING", "Span", "current"]

OLD: Final = 0.5
"""What was computed so many seconds ago is stored, though the call goes on."""

NOTHING: Final = object()
"""That there is no result, in the place of one."""

_FIXED: Final = SMALL | {str, bytes, type(ABSENT)}
"""Types whose values nobody can change."""

_stack = threading.local()


@dataclass(slots=True)
class _Group:
    """Results of one recipe that are to be stored."""

    keys: list[bytes] = field(default_factory=list)
    values: list[Any] = field(default_factory=list)


class Span:
    """One call. A context manager: in it, the thread's kept functions look here; leaving it stores what is left.

    Args:
        shelves: where results are kept.
        run: identifies the run.
    """

    __slots__ = (
        "_first",
        "_fresh",
        "_given",
        "_made",
        "_open",
        "_outer",
        "_pending",
        "_rows",
        "absent",
        "claim",
        "hits",
        "run",
        "shelves",
        "theirs",
        "wanted",
    )

    def __init__(self, shelves: Shelves, run: str) -> None:
        self.shelves = shelves
        self.run = run
        self.hits = 0
        self.absent: set[bytes] = set()
        self.theirs: set[bytes] = set()
        self.wanted: list[bytes] = []
        self.claim: Claim | None = None
        self._rows: dict[int, tuple[int, int, list[bytes | Stored | None]]] = {}
        self._given: dict[int, bytes] = {}
        self._made: dict[int, bytes | None] = {}
        self._fresh: dict[bytes, Any] = {}
        self._pending: dict[tuple[int, Recipe, str], _Group] = {}
        self._open: dict[int, list[tuple[_Group, int, str]]] = {}
        self._first = 0.0
        self._outer: Span | None = None

    def __enter__(self) -> Self:
        self._outer = getattr(_stack, "span", None)
        _stack.span = self
        return self

    def __exit__(self, *exception: object) -> None:
        _stack.span = self._outer
        try:
            self.flush()
        finally:
            self._give_up()

    @property
    def is_nested(self) -> bool:
        """Whether it is inside of another, in the same thread, which might be what it would wait for."""
        return self._outer is not None

    @property
    def versions(self) -> Versions:
        """Gives versions."""
        return versions_of(self.run, self.shelves.scope)

    def store(self, shelf: int, doing: str = "read") -> Store | None:
        """The store that a shelf is; None if there is none, if a cache cannot be opened, or gave trouble lately.

        Raises:
            StoreError: the run cannot last.
        """
        settings = self.shelves.cache if shelf == CACHE else self.shelves.own(self.run)
        if settings is None or rests(self.run, settings, doing):
            return None
        try:
            return store_of(settings)
        except StoreError as error:
            self._trouble(shelf, error, doing)
            return None

    def look(self, shelf: int, recipe: Recipe, keys: list[bytes]) -> list[Entry | None] | None:
        """The entries of keys; None if they cannot be looked up."""
        store = self.store(shelf)
        if store is None:
            return None
        try:
            return store.get_many(recipe, keys)
        except StoreError as error:
            self._trouble(shelf, error)
            return None

    # -- versions --------------------------------------------------------------------------------------------------

    def knows(self, values: Sequence[Any], versions: Sequence[bytes | None]) -> None:
        """Notes versions of values that the call holds as long as it lasts."""
        self._given.update((id(value), version) for value, version in zip(values, versions, strict=True) if version)

    def version(self, value: Any, depth: int = 0) -> bytes:
        """The version of an argument; of a list nested so deep, made of those of its elements.

        Raises:
            Unversionable: it has none.
        """
        if type(value) is Stored:
            return value.version
        if depth and type(value) is list:
            kinds = set(map(type, value))
            if depth == 1 and Stored not in kinds and not any(issubclass(kind, Failure) for kind in kinds):
                versions = self.versions.of_all(value)
                if None in versions:
                    raise Unversionable("an element has no version")
                return collected([version for version in versions if version is not None])
            return collected([self.version(element, depth - 1) for element in value])
        known = self._given.get(id(value)) or self._made.get(id(value))
        if known is not None:
            return known
        if isinstance(value, Failure):
            raise Unversionable("a failure has no version")
        made = self.versions.of_data(value)
        if id(value) in self._made:
            self._made[id(value)] = made
        return made

    def prepare(self, kept: object, place: tuple[int, int], keys: list[bytes | None], entries: list[Entry | None]) -> None:
        """Notes the keys of what a function will be called for, and what was found: items from a start, of so many indices."""
        if self.shelves.careful:
            rows: list[bytes | Stored | None] = list(keys)
        else:
            pairs = zip(keys, entries, strict=True)
            rows = [key if entry is None else Stored(entry, CACHE) for key, entry in pairs]
            self.hits += len(entries) - entries.count(None)
        self._rows[id(kept)] = (*place, rows)

    def prepared(self, kept: object, where: tuple[int, ...]) -> bytes | Stored | None:
        """What was found of what a function is called for, or its key, if that is known already."""
        found = self._rows.get(id(kept))
        if found is None or len(where) != found[1]:
            return None
        return found[2][where[-1] - found[0] if where else 0]

    # -- results ---------------------------------------------------------------------------------------------------

    def find(self, shelf: int, recipe: Recipe, key: bytes) -> Any:
        """The result of a key: a value that was computed in this call, or what stands for one; or `NOTHING`."""
        fresh = self._fresh.get(key, NOTHING)
        if fresh is not NOTHING or key in self.absent:
            return fresh
        while key in self.theirs:
            self._wait()
        found = self.look(shelf, recipe, [key])
        entry = found[0] if found else None
        return NOTHING if entry is None else self.hit(shelf, entry)

    def hit(self, shelf: int, entry: Entry) -> Any:
        """What stands for the value of an entry; if nothing is taken on trust the value itself, or `NOTHING`."""
        if not self.shelves.careful:
            self.hits += 1
            return Stored(entry, shelf)
        store = self.store(shelf)
        try:
            value = store.load(entry) if store is not None else NOTHING
        except (Missing, StoreError):
            return NOTHING
        self.hits += value is not NOTHING
        return value

    def stored_since(self, keys: list[bytes]) -> set[bytes]:
        """Which of these keys, that were not in the cache, are there now."""
        entries = self.look(CACHE, Recipe("", b""), keys) or ()
        return {key for key, entry in zip(keys, entries, strict=bool(entries)) if entry is not None}

    def keep(self, shelf: int, recipe: Recipe, form: str, result: tuple[bytes, Any]) -> None:
        """Notes a result, to be stored."""
        key, value = result
        group = self._pending.get((shelf, recipe, form))
        if group is None:
            group = self._pending[shelf, recipe, form] = _Group()
        group.keys.append(key)
        group.values.append(value)
        self._fresh[key] = value
        if type(value) in _FIXED:
            self._made.setdefault(id(value))
        else:  # what a function returns may be an argument that it has changed
            self._given.pop(id(value), None)
            self._made[id(value)] = None
            self._open.setdefault(id(value), []).append((group, len(group.values) - 1, form))
        now = perf_counter()
        if not self._first:
            self._first = now
        elif now - self._first > OLD:
            self.flush(goes_on=True)

    def take(self, keys: list[bytes]) -> None:
        """Claims what is not there, as long as nobody else has; what somebody has stored in the meantime is looked up again."""
        store = self.store(CACHE, "write")
        if store is None or self.is_nested:
            return
        self.wanted = keys
        try:
            self.claim = claim = store.claim(keys)
        except StoreError:
            return  # a cache that can only be read, or it will be said when results are stored
        self.theirs = set(keys) - claim.mine
        self.absent -= self.theirs
        if claim.lock is not None:
            self.absent -= self.stored_since(sorted(claim.mine))

    def _give_up(self) -> None:
        claim, self.claim = self.claim, None
        if claim is not None:
            claim.end()

    def flush(self, *, goes_on: bool = False) -> None:
        """Stores what was noted, and with the last of it gives up the claim, unless the call goes on.

        Raises:
            StoreError: the run is to last and its results cannot be written.
        """
        pending, self._pending, self._first = self._pending, {}, 0.0
        claim = None if goes_on else self.claim
        left = sum(shelf == CACHE for shelf, _, _ in pending)
        for (shelf, recipe, form), group in pending.items():
            left -= shelf == CACHE
            store = self.store(shelf, "write") if shelf == CACHE or not self.shelves.reads else None
            if store is None:
                continue
            versions = list(group.keys) if shelf == RUN and self.shelves.cache is None else self._versions(group)
            for place, value in enumerate(group.values):
                if value is ABSENT:
                    versions[place] = LEFT_OUT
            mine = claim if shelf == CACHE and not left else None
            try:
                store.put_many(recipe, group.keys, versions, group.values, format=form, claim=mine)
                self.absent.difference_update(group.keys)
            except StoreError as error:
                self._trouble(shelf, error, "write")
        if not goes_on:
            self._give_up()
        self._made.clear()
        self._open.clear()
        self._fresh.clear()

    def loaded(self, value: Any, depth: int = 0) -> Any:
        """The value as a function reads it: what is in a store is loaded, in lists nested so deep, too.

        Raises:
            Stale: it is gone or damaged.
        """
        if self._open:
            self._settle(value, depth)
        if type(value) is Stored:
            store = self.store(value.shelf, "load")
            if store is None:
                raise Stale("a stored value is needed, and its store cannot be opened")
            try:
                return store.load(value.entry)
            except Missing as error:
                raise Stale(f"a stored value is gone or damaged: {error}") from error
        if depth and type(value) is list and holds_stored(value, depth):
            return [self.loaded(element, depth - 1) for element in value]
        return value

    def _settle(self, value: Any, depth: int) -> None:
        """Writes what is gathered of a value that a function is about to read, or of the elements of a list nested so deep."""
        if depth and type(value) is list:
            for element in value:
                self._settle(element, depth - 1)
        for group, place, form in self._open.pop(id(value), ()):
            try:
                version: bytes | None = self.version(value)
            except Unversionable:
                version = None
            try:
                group.values[place] = Written(form, b"".join(written(value, form)), version)
            except Unfit:
                self.flush(goes_on=True)  # says so, and writes what can be written
                return

    def _versions(self, group: _Group) -> list[bytes]:
        """The versions of the results of a group; of one that has none, what it was made by: that much is known of it."""
        known = [value.version if type(value) is Written else self._made.get(id(value)) for value in group.values]
        if None in known:
            missing = [n for n, version in enumerate(known) if version is None]
            later = [n for n in missing if type(group.values[n]) is not Written]
            made = dict(zip(later, self.versions.of_all([group.values[n] for n in later]), strict=True))
            for n in missing:
                known[n] = made.get(n) or blake2b(b"\0made\0" + group.keys[n], digest_size=20).digest()
        return [version for version in known if version is not None]

    def _wait(self) -> None:
        """Waits until others have computed what they claimed, and claims what is still not there."""
        claim = self.claim
        self.flush()
        self.theirs, self.absent = set(), set()
        if claim is not None:
            claim.wait()
            there = self.stored_since(self.wanted)
            self.take([key for key in self.wanted if key not in there])

    def _trouble(self, shelf: int, error: StoreError, doing: str = "read") -> None:
        """A store cannot be read or written: said once, and computed anew; but a run that is to last ends."""
        cache = self.shelves.cache
        if shelf == RUN or cache is None:
            raise error
        rest(self.run, cache, doing)
        say_once(f"trouble {cache}", f"the run goes on without its cache: {error}")


def current() -> Span | None:
    """The innermost call of this thread that kept functions are called in."""
    span: Span | None = getattr(_stack, "span", None)
    return span
