"""A cache in a folder of this machine: an index, and blobs beside it.

Theory: two operations, both for many keys at once, because a span is looked up and stored as a whole. `get_many` answers with
entries, not values: what is passed on is their versions, and a value is loaded by `load` when somebody reads it. Entries of
one pack are remembered together, so that the neighbours of a key that was found cost no look into the index.

    cache/  index.db   blobs/3f/a9…   claims/1234-0-…   writers.lock   CACHEDIR.TAG

Whatever cannot be trusted is not there: a pack without a valid seal, a blob whose content is not its name, a value that does
not unpickle. The first of each kind is said, once, as a warning of the logger ``anabranch``; the rest is computed anew.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from anabranch.errors import StoreError
from anabranch.store import upkeep
from anabranch.store.blobs import Blobs, explained
from anabranch.store.claims import Claim, make_claim
from anabranch.store.columns import columns_of
from anabranch.store.entry import Entry, Missing, Recipe
from anabranch.store.formats import read
from anabranch.store.index import Index, Summary
from anabranch.store.pack import unpacked
from anabranch.store.seal import Seal, own_key
from anabranch.store.settings import Settings
from anabranch.store.upkeep import Damage, Swept

__all__ = ["LocalStore"]

REMEMBERED = 1 << 26
"""How many bytes of packs are kept in memory."""

PROBE = 64
"""One in so many keys of a span is looked up before the others."""

HOUR = 3600.0
"""Use is noted if the last note is older than this."""


class LocalStore:
    """A cache in a folder. Safe for any number of threads, processes and drivers at once.

    Args:
        settings: where it is, and how much it may hold.
        clock: gives the time, in seconds since 1970.

    Raises:
        StoreError: the folder cannot be written, or holds something else.
    """

    def __init__(self, settings: Settings, clock: Callable[[], float] = time.time) -> None:
        self.settings = settings
        self.folder = Path(settings.path)
        self.clock = clock
        self.seal = Seal(settings.key if settings.key is not None else own_key())
        self.index = Index(self.folder)
        self.blobs = Blobs(self.folder / "blobs")
        self._claims = self.folder / "claims"
        self._known: dict[bytes, Entry] = {}
        self._bad: set[int] = set()
        self._held = 0
        self._grown = 0
        self._said: set[str] = set()
        if self.index.read_only:
            return
        try:
            self._claims.mkdir(exist_ok=True)
            with suppress(FileExistsError), open(self.folder / "CACHEDIR.TAG", "x", encoding="ascii") as tag:
                tag.write(
                    "Signature: 8a477f597d28d172789f06886806bc55\n# A cache of anabranch's, made anew if it is deleted.\n"
                )
        except OSError as error:
            self.close()
            raise explained(error, self.folder, "a cache") from error

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def __reduce__(self) -> tuple[Any, ...]:
        """A store is sent as its settings; the receiver opens it anew."""
        return type(self), (self.settings,)

    def close(self) -> None:
        """Closes the index. The next use opens it again."""
        self.index.close()

    # -- entries -------------------------------------------------------------------------------------------------------

    def get_many(self, recipe: Recipe, keys: Sequence[bytes], newer_than: float = 0.0) -> list[Entry | None]:
        """The entry of each key; None where there is none, or none that is newer.

        Raises:
            StoreError: the index cannot be read.
        """
        known = self._known.get
        entries = [known(key) for key in keys]
        if None in entries:
            self._look([key for key, entry in zip(keys, entries, strict=True) if entry is None])
            known = self._known.get
            entries = [known(key) if entry is None else entry for key, entry in zip(keys, entries, strict=True)]
        if newer_than:
            entries = [entry if entry is not None and entry.made >= newer_than else None for entry in entries]
        return entries

    def put_many(
        self,
        recipe: Recipe,
        keys: Sequence[bytes],
        versions: Sequence[bytes],
        values: Sequence[Any],
        *,
        format: str = "pickle",  # noqa: A002
        claim: Claim | None = None,
    ) -> list[int]:
        """Stores results, all in one transaction, and gives up the claim on them.

        Returns the places of values that cannot be written, which is said once.

        Raises:
            StoreError: the disk is full, or the folder read-only. What was stored before is still there.
        """
        made = self.clock()
        columns, unfit = columns_of(zip(keys, versions, values, strict=True), format, self.blobs.put, self._unfit(recipe))
        packs = [pack for column in columns.values() for pack in column.packed(made, self.seal)]
        if packs:
            self.index.add(recipe, packs, claim.name if claim is not None else "")
            if claim is not None:
                claim.was_stored()
        self._grow(sum(pack.size for pack in packs))
        if claim is not None:
            claim.end()
        return unfit

    def load(self, entry: Entry) -> Any:
        """The value of an entry.

        Raises:
            Missing: it is gone, damaged, or cannot be made of what was written.
        """
        data = entry.inline if entry.inline is not None else self.blobs.get(entry.blob or b"")
        if data is None:
            self._say("blob", "a cached value is gone or damaged; it is computed anew ('anabranch cache verify' finds all)")
            raise Missing("the value is gone or damaged")
        try:
            return read(data, entry.format)
        except Exception as error:
            self._say("load", f"a cached value cannot be read ({type(error).__name__}: {error}); it is computed anew")
            raise Missing(f"{type(error).__name__}: {error}") from error

    def claim(self, keys: Sequence[bytes]) -> Claim:
        """Claims those of these keys that nobody else is computing; see `anabranch.store.claims`.

        Raises:
            StoreError: the index cannot be written.
        """
        return make_claim(self.index, self._claims, frozenset(keys))

    def forget(self) -> None:
        """Drops what is remembered of the index, so that the next look goes there."""
        self._known = {}
        self._bad = set()
        self._held = 0

    # -- upkeep --------------------------------------------------------------------------------------------------------

    def summaries(self) -> list[Summary]:
        """What there is, one for each recipe, the one used last first."""
        return self.index.summaries()

    def recipes(self, name: str) -> list[Recipe]:
        """The recipes of a node, the one used last first."""
        return self.index.recipes(name)

    def gc(self) -> Swept:
        """Deletes what is older than the time to live, the least used beyond the cap, and what nothing refers to."""
        return upkeep.gc(self, self.clock())

    def rm(self, names: tuple[str, ...] = (), older_than: float | None = None) -> Swept:
        """Deletes the entries of these nodes, or those made before a moment, or both; without either, all."""
        return upkeep.rm(self, names, older_than)

    def verify(self, *, repair: bool = False) -> Damage:
        """Checks every seal and the content of every blob; with `repair`, what is damaged is deleted."""
        return upkeep.verify(self, repair=repair)

    # -- inside --------------------------------------------------------------------------------------------------------

    def _look(self, keys: list[bytes]) -> None:
        """Looks keys up in the index and remembers the packs that they are in, as far as there are any.

        A few keys are looked up first: the others are mostly in the same packs.
        """
        for some in (keys[::PROBE], keys):
            known = self._known
            missing = [key for key in some if key not in known]
            if not missing:
                break
            self._read({pack for pack in self.index.find(missing) if isinstance(pack, int)})

    def _read(self, packs: set[int]) -> None:
        now, stale = self.clock(), []
        for pack in sorted(packs - self._bad):
            stored = self.index.read(pack)
            if stored is None:
                continue
            data, used = stored
            entries = unpacked(data, self.seal)
            if entries is None:
                self._bad.add(pack)
                self._say("pack", "cached entries are damaged or were sealed with another key; they are computed anew")
                continue
            if now - used > HOUR:
                stale.append(pack)
            if self._held > REMEMBERED:
                self.forget()
            self._known.update(entries)
            self._held += len(data)
        if stale:
            self.index.touch(stale, now)

    def _unfit(self, recipe: Recipe) -> Callable[[str], None]:
        return lambda reason: self._say(f"unfit {recipe.name}", f"results of '{recipe.name}' {reason}")

    def _grow(self, size: int) -> None:
        """Counts what was written; now and then it is time to see whether there is too much."""
        self._grown += size
        cap = self.settings.cap
        if cap is not None and self._grown > cap // 16:
            self._grown = 0
            with suppress(StoreError):
                self.gc()

    def _say(self, about: str, message: str) -> None:
        if about not in self._said:
            self._said.add(about)
            logging.getLogger("anabranch").warning("the cache in %s: %s", self.folder, message)
