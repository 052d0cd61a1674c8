"""A cache in an object store (s3, gs, az, or whatever fsspec reaches), so that workers of a cluster read and write it directly.

Theory: an object store has no index and no locks; it can list names, and write and read whole objects. So a group of results
is one object, named by the recipe that they were made by and the time, and a reader lists a recipe's objects and reads those it
does not know. Nothing is ever changed: a later object has the newer result of a key. That is as many requests as groups, not as
many as items.

    cache/3fa9…/about           cache/3fa9…/0001700000000000-5c….packs            cache/blobs/3f/a9…
          a recipe's code             one group: length, pack, length, pack …           large values, by digest

Packs, seals and blobs are those of a local store. There are no claims: two that miss a key at once both compute it, and both
results are stored, which are equal. What was used last is not known here, so upkeep goes by age.

fsspec is loaded when the first store of this kind is opened.
"""

from __future__ import annotations

import json
import logging
import os
import secrets
import struct
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from hashlib import blake2b
from importlib import import_module
from types import TracebackType
from typing import Any, Final, Self

from anabranch.errors import StoreError
from anabranch.store import remote_upkeep
from anabranch.store.claims import Claim
from anabranch.store.columns import columns_of
from anabranch.store.entry import Entry, Missing, Recipe
from anabranch.store.formats import read
from anabranch.store.index import Summary
from anabranch.store.pack import BLOB, unpacked
from anabranch.store.seal import SEAL, Seal, own_key
from anabranch.store.settings import Settings
from anabranch.store.upkeep import Damage, Swept

__all__ = ["RemoteStore"]

FRESH: Final = 5.0
"""For how many seconds a listing is good enough to say that a key is not there."""

REMEMBERED: Final = 1 << 26
"""How many bytes of packs are kept in memory."""

_LENGTH: Final = struct.Struct("<I")


class RemoteStore:
    """A cache at a URL. Safe for any number of threads, processes and machines at once.

    Args:
        settings: the URL, and what fsspec needs to reach it.
        clock: gives the time, in seconds since 1970.

    Raises:
        StoreError: fsspec is not installed, or does not know the URL.
    """

    def __init__(self, settings: Settings, clock: Callable[[], float] = time.time) -> None:
        self.settings = settings
        self.clock = clock
        self.seal = Seal(settings.key if settings.key is not None else own_key())
        self._process = 0
        self._files: Any = None
        self._reading = threading.RLock()
        self.root = ""
        self._listed: dict[bytes, float] = {}
        self._seen: set[str] = set()
        self._where: dict[bytes, str] = {}
        self._packs: dict[str, tuple[dict[bytes, Entry], int]] = {}
        self._held = 0
        self._described: set[bytes] = set()
        self._said: set[str] = set()
        try:
            self.files.exists(self.root)
        except Exception as error:
            raise error if isinstance(error, StoreError) else self.error("reached", error) from error

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def __reduce__(self) -> tuple[Any, ...]:
        """A store is sent as its settings; the receiver opens it anew."""
        return type(self), (self.settings,)

    def close(self) -> None:
        """Forgets what is remembered."""
        self.forget()

    @property
    def files(self) -> Any:
        """The file system, one for each process."""
        if self._process != os.getpid():
            try:
                core = import_module("fsspec.core")
            except ImportError:
                raise StoreError(
                    f"a cache at {self.settings.path} needs fsspec: pip install 'anabranch[remote]', and what fsspec asks for"
                ) from None
            options = {"use_listings_cache": False, "skip_instance_cache": True, **dict(self.settings.options)}
            try:
                self._files, self.root = core.url_to_fs(self.settings.path, **options)
            except Exception as error:
                raise self.error("opened", error) from error
            self._process = os.getpid()
            self._reading = threading.RLock()  # in a forked child, nobody would let go of the other
        return self._files

    # -- entries -------------------------------------------------------------------------------------------------------

    def get_many(self, recipe: Recipe, keys: Sequence[bytes], newer_than: float = 0.0) -> list[Entry | None]:
        """The entry of each key; None where there is none, or none that is newer.

        Raises:
            StoreError: the object store cannot be read.
        """
        _ = self.files
        with self._reading:  # whoever comes meanwhile wants what is being read, too
            where = self._where
            if any(key not in where for key in keys):
                self._list(recipe)
            self._fetch({where[key] for key in keys if key in where})
            entries = [self._entry(key) for key in keys]
        return [entry if entry is not None and entry.made >= newer_than else None for entry in entries]

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
        """Stores results as one object. Returns the places of values that cannot be written, which is said once.

        Raises:
            StoreError: the object store cannot be written.
        """
        made = self.clock()
        columns, unfit = columns_of(zip(keys, versions, values, strict=True), format, self._put_blob, self._unfit(recipe))
        packs = [pack for column in columns.values() for pack in column.packed(made, self.seal)]
        if packs:
            path = f"{self.folder(recipe.code)}/{int(made * 1000):016d}-{secrets.token_hex(6)}.packs"
            data = b"".join([piece for pack in packs for piece in (_LENGTH.pack(len(pack.data)), pack.data)])
            try:
                self._describe(recipe)
                self.write(path, data)
            except Exception as error:
                raise self.error("written", error) from error
            with self._reading:
                self._learn(path, data)
        return unfit

    def load(self, entry: Entry) -> Any:
        """The value of an entry.

        Raises:
            Missing: it is gone, damaged, or cannot be made of what was written.
        """
        data: bytes | memoryview | None = entry.inline
        if data is None:
            data = self._get_blob(entry.blob or b"")
        try:
            return read(data, entry.format)
        except Exception as error:
            self._say("load", f"a cached value cannot be read ({type(error).__name__}: {error}); it is computed anew")
            raise Missing(f"{type(error).__name__}: {error}") from error

    def claim(self, keys: Sequence[bytes]) -> Claim:
        """Grants every claim: there are no locks here."""
        return Claim(frozenset(keys), [])

    def forget(self) -> None:
        """Drops what is remembered, so that the next look goes to the object store."""
        with self._reading:
            self._listed, self._seen, self._where, self._packs, self._held = {}, set(), {}, {}, 0

    # -- upkeep --------------------------------------------------------------------------------------------------------

    def summaries(self) -> list[Summary]:
        """What there is, one for each recipe, the newest first. Reads everything."""
        return remote_upkeep.summaries(self)

    def recipes(self, name: str) -> list[Recipe]:
        """The recipes of a node, the newest first. Reads everything."""
        return [self.recipe_of(one.code) for one in self.summaries() if one.name == name]

    def gc(self) -> Swept:
        """Deletes what is older than the time to live, the oldest beyond the cap, and what nothing refers to."""
        return remote_upkeep.gc(self, self.clock())

    def rm(self, names: tuple[str, ...] = (), older_than: float | None = None) -> Swept:
        """Deletes the groups of these nodes, or those made before a moment, or both; without either, all."""
        return remote_upkeep.rm(self, names, older_than, self.clock())

    def verify(self, *, repair: bool = False) -> Damage:
        """Checks every seal and the content of every blob; with `repair`, what is damaged is deleted."""
        return remote_upkeep.verify(self, repair=repair)

    # -- names ---------------------------------------------------------------------------------------------------------

    def folder(self, code: bytes) -> str:
        """Where the groups of a recipe are."""
        return f"{self.root}/{code.hex()}"

    def blob(self, digest: bytes) -> str:
        """Where a blob is."""
        name = digest.hex()
        return f"{self.root}/blobs/{name[:2]}/{name[2:]}"

    def error(self, what: str, error: Exception) -> StoreError:
        """The error to raise when the object store does not do what it should."""
        return StoreError(f"the cache at {self.settings.path} cannot be {what}: {type(error).__name__}: {error}")

    def groups(self, code: bytes) -> list[str]:
        """The objects of a recipe, the oldest first."""
        try:
            names = self.files.ls(self.folder(code), detail=False)
        except FileNotFoundError:
            return []
        except Exception as error:
            raise self.error("listed", error) from error
        return sorted(name for name in names if name.endswith(".packs"))

    def packs_in(self, data: bytes) -> Iterator[dict[bytes, Entry] | None]:
        """The packs of a group; None for one that cannot be trusted, and then no more."""
        place = 0
        while place + _LENGTH.size <= len(data):
            (length,) = _LENGTH.unpack_from(data, place)
            place += _LENGTH.size
            entries = unpacked(data[place : place + length], self.seal)
            yield entries
            if entries is None:
                return
            place += length

    def write(self, path: str, data: bytes) -> None:
        """Writes an object; some that fsspec reaches want a folder to be there first."""
        try:
            self.files.pipe_file(path, data)
        except FileNotFoundError:
            self.files.makedirs(path.rpartition("/")[0], exist_ok=True)
            self.files.pipe_file(path, data)

    # -- inside --------------------------------------------------------------------------------------------------------

    def _list(self, recipe: Recipe) -> None:
        """Reads those of a recipe's groups that are not known, unless that was just done."""
        now = time.monotonic()
        if now - self._listed.get(recipe.code, float("-inf")) < FRESH:
            return
        self._listed[recipe.code] = now
        self._fetch({name for name in self.groups(recipe.code) if name not in self._seen})

    def _fetch(self, paths: set[str]) -> None:
        """Brings groups into memory, all in one go."""
        wanted = sorted(path for path in paths if path not in self._packs)
        if not wanted:
            return
        try:
            found = self.files.cat(wanted, recursive=False, on_error="return")
        except Exception as error:
            raise self.error("read", error) from error
        for path in wanted:
            data = found.get(path) if isinstance(found, dict) else found
            if isinstance(data, FileNotFoundError):  # it was merged into another
                self._listed.clear()
                self._where = {key: place for key, place in self._where.items() if place != path}
            elif isinstance(data, Exception):
                raise self.error("read", data) from data
            elif data is not None:
                self._learn(path, data)

    def _learn(self, path: str, data: bytes) -> None:
        self._seen.add(path)
        group: dict[bytes, Entry] = {}
        for entries in self.packs_in(data):
            if entries is None:
                self._say("pack", "cached entries are damaged or were sealed with another key; they are computed anew")
                break
            group.update(entries)
        for key in group:
            if self._where.get(key, "") <= path:
                self._where[key] = path
        if self._held > REMEMBERED:
            self._packs, self._held = {}, 0
        self._packs[path] = (group, len(data))
        self._held += len(data)

    def _entry(self, key: bytes) -> Entry | None:
        path = self._where.get(key)
        group = self._packs.get(path) if path is not None else None
        return group[0].get(key) if group is not None else None

    def _describe(self, recipe: Recipe) -> None:
        if recipe.code not in self._described:
            path = f"{self.folder(recipe.code)}/about"
            if not self.files.exists(path):
                data = json.dumps({"name": recipe.name, "parts": recipe.parts}).encode()
                self.write(path, self.seal.of(data) + data)
            self._described.add(recipe.code)

    def recipe_of(self, code: bytes) -> Recipe:
        """What is known of a recipe; without a name if that cannot be trusted."""
        try:
            data = self.files.cat_file(f"{self.folder(code)}/about")
        except Exception:
            return Recipe("", code)
        if not self.seal.holds(data[SEAL:], data[:SEAL]):
            return Recipe("", code)
        said = json.loads(data[SEAL:])
        return Recipe(said["name"], code, said["parts"])

    def _put_blob(self, pieces: Sequence[bytes | bytearray | memoryview]) -> bytes:
        data = b"".join(pieces)
        digest = blake2b(data, digest_size=BLOB).digest()
        path = self.blob(digest)
        try:
            if not (self.files.exists(path) and self.files.size(path) == len(data)):
                self.write(path, data)
        except Exception as error:
            raise self.error("written", error) from error
        return digest

    def _get_blob(self, digest: bytes) -> memoryview:
        try:
            data = bytearray(self.files.cat_file(self.blob(digest)))
        except FileNotFoundError:
            data = bytearray()
        except Exception as error:
            raise self.error("read", error) from error
        if blake2b(data, digest_size=BLOB).digest() != digest:
            self._say("blob", "a cached value is gone or damaged; it is computed anew ('anabranch cache verify' finds all)")
            raise Missing("the value is gone or damaged")
        return memoryview(data)

    def _unfit(self, recipe: Recipe) -> Callable[[str], None]:
        return lambda reason: self._say(f"unfit {recipe.name}", f"results of '{recipe.name}' {reason}")

    def _say(self, about: str, message: str) -> None:
        if about not in self._said:
            self._said.add(about)
            logging.getLogger("anabranch").warning("the cache at %s: %s", self.settings.path, message)
