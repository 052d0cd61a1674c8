"""Upkeep of a cache in an object store: it reads all groups, and deletes or rewrites whole ones.

Theory: nothing refers to a blob but entries, so what is referred to is known when all groups have been read. Upkeep is for one
at a time, now and then; those who use the cache meanwhile may find that an object is gone, which is a miss.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from hashlib import blake2b
from itertools import count
from typing import TYPE_CHECKING, Any, Final

from anabranch.store.entry import Entry
from anabranch.store.index import Summary
from anabranch.store.pack import BLOB
from anabranch.store.upkeep import GRACE, Damage, Swept

if TYPE_CHECKING:
    from anabranch.store.remote import RemoteStore

__all__ = ["gc", "rm", "summaries", "verify"]

MANY: Final = 64
"""A recipe with more small groups than this has them merged."""

SMALL: Final = 1 << 18
"""Up to how many bytes a group is small."""

_LENGTH: Final = struct.Struct("<I")
_numbers = count()


@dataclass(slots=True)
class _Group:
    """One object, and what is in it; None for entries that cannot be trusted."""

    path: str
    code: bytes
    data: bytes
    entries: list[dict[bytes, Entry]]
    is_whole: bool

    @property
    def made(self) -> float:
        """When it was written, as its name says."""
        return int(self.path.rpartition("/")[2].partition("-")[0]) / 1000

    @property
    def blobs(self) -> set[bytes]:
        """The blobs that its entries refer to."""
        return {entry.blob for part in self.entries for entry in part.values() if entry.blob is not None}

    @property
    def size(self) -> int:
        """Its bytes, with those of the blobs."""
        return len(self.data) + sum(entry.size for part in self.entries for entry in part.values() if entry.blob is not None)


def summaries(store: RemoteStore) -> list[Summary]:
    """What there is, one for each recipe, the newest first."""
    by_code: dict[bytes, list[_Group]] = {}
    for group in _groups(store):
        by_code.setdefault(group.code, []).append(group)
    found = []
    for code, groups in by_code.items():
        entries = len({key for group in groups for part in group.entries for key in part})
        made = max(group.made for group in groups)
        found.append(Summary(store.recipe_of(code).name, code, entries, sum(group.size for group in groups), made, made))
    return sorted(found, key=lambda one: one.made, reverse=True)


def gc(store: RemoteStore, now: float) -> Swept:
    """Deletes what is older than the time to live, the oldest beyond the cap, and blobs that nothing refers to.

    Many small groups of a recipe are merged.

    Raises:
        StoreError: the object store cannot be read or written.
    """
    settings = store.settings
    groups = sorted(_groups(store), key=lambda group: group.made)
    gone = [group for group in groups if settings.ttl is not None and group.made < now - settings.ttl]
    rest = groups[len(gone) :]
    surplus = sum(group.size for group in rest) - settings.cap if settings.cap is not None else 0
    while rest and surplus > 0:
        surplus -= rest[0].size
        gone.append(rest.pop(0))
    swept = _delete(store, gone, rest, now)
    _merge(store, rest)
    store.forget()
    return swept


def rm(store: RemoteStore, names: tuple[str, ...], older_than: float | None, now: float) -> Swept:
    """Deletes the groups of these nodes, or those made before a moment, or both; without either, all.

    Raises:
        StoreError: the object store cannot be read or written.
    """
    groups = list(_groups(store))
    named = {code for code in {group.code for group in groups} if not names or store.recipe_of(code).name in names}
    gone = [group for group in groups if group.code in named and (older_than is None or group.made < older_than)]
    paths = {group.path for group in gone}
    swept = _delete(store, gone, [group for group in groups if group.path not in paths], now)
    store.forget()
    return swept


def verify(store: RemoteStore, *, repair: bool) -> Damage:
    """Checks every seal and the content of every blob; with `repair`, what is damaged is deleted.

    Raises:
        StoreError: the object store cannot be read or written.
    """
    groups = list(_groups(store))
    there = dict(_blobs(store))
    bad = [digest for digest in sorted(there) if not _is_whole(store, digest)]
    lost = sorted(set().union(*(group.blobs for group in groups)) - set(there))
    broken = [number for number, group in enumerate(groups) if not group.is_whole]
    if repair:
        gone = {*bad, *lost}
        _remove(store, [store.blob(digest) for digest in bad])
        _remove(store, [group.path for group in groups if not group.is_whole or group.blobs & gone])
        store.forget()
    return Damage(sum(len(group.entries) for group in groups) + len(broken), len(there), tuple(broken), tuple(bad), tuple(lost))


def _groups(store: RemoteStore) -> Iterator[_Group]:
    for code in _codes(store):
        for path in store.groups(code):
            try:
                data = store.files.cat_file(path)
            except FileNotFoundError:
                continue  # merged by somebody else
            except Exception as error:
                raise store.error("read", error) from error
            parts = list(store.packs_in(data))
            yield _Group(path, code, data, [part for part in parts if part is not None], None not in parts)


def _codes(store: RemoteStore) -> list[bytes]:
    found = []
    for path in _listed(store, store.root):
        name = path.rstrip("/").rpartition("/")[2]
        if len(name) == 40:
            found.append(bytes.fromhex(name))
    return found


def _blobs(store: RemoteStore) -> Iterator[tuple[bytes, dict[str, Any]]]:
    for shard in _listed(store, f"{store.root}/blobs"):
        try:
            files = store.files.ls(shard, detail=True)
        except Exception as error:
            raise store.error("listed", error) from error
        for about in files:
            yield bytes.fromhex("".join(about["name"].rsplit("/", 2)[1:])), about


def _listed(store: RemoteStore, folder: str) -> list[str]:
    try:
        return list(store.files.ls(folder, detail=False))
    except FileNotFoundError:
        return []
    except Exception as error:
        raise store.error("listed", error) from error


def _delete(store: RemoteStore, gone: list[_Group], rest: list[_Group], now: float) -> Swept:
    """Deletes groups, and the blobs that nothing refers to any more, unless they may belong to a group to come."""
    wanted = set().union(*(group.blobs for group in rest))
    theirs = set().union(*(group.blobs for group in gone))
    orphans = [digest for digest, about in _blobs(store) if digest not in wanted and (digest in theirs or _is_old(about, now))]
    _remove(store, [group.path for group in gone])
    _remove(store, [store.blob(digest) for digest in orphans])
    return Swept(len(gone), len(orphans), sum(group.size for group in gone))


def _is_old(about: dict[str, Any], now: float) -> bool:
    made = about.get("LastModified") or about.get("mtime") or about.get("created") or about.get("updated")
    seconds = made.timestamp() if isinstance(made, datetime) else made
    return isinstance(seconds, (int, float)) and seconds < now - GRACE


def _merge(store: RemoteStore, groups: list[_Group]) -> None:
    """Puts the many small groups of a recipe together in one. Whoever reads meanwhile finds the one or the others."""
    by_code: dict[bytes, list[_Group]] = {}
    for group in groups:
        if group.is_whole and len(group.data) <= SMALL:
            by_code.setdefault(group.code, []).append(group)
    for code, small in by_code.items():
        if len(small) > MANY:
            last = small[-1].path.rpartition("/")[2].partition("-")[0]
            path = f"{store.folder(code)}/{last}-merged{next(_numbers)}.packs"
            try:
                store.write(path, b"".join([group.data for group in small]))
            except Exception as error:
                raise store.error("written", error) from error
            _remove(store, [group.path for group in small])


def _remove(store: RemoteStore, paths: list[str]) -> None:
    try:
        for path in paths:
            if store.files.exists(path):
                store.files.rm_file(path)
    except Exception as error:
        raise store.error("written", error) from error


def _is_whole(store: RemoteStore, digest: bytes) -> bool:
    try:
        data = store.files.cat_file(store.blob(digest))
    except Exception:
        return False
    return blake2b(data, digest_size=BLOB).digest() == digest
