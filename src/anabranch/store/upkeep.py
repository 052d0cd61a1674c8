"""Upkeep of a cache in a folder: what is too old or too much goes, what is damaged is found, what there is is told."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from anabranch.store.pack import unpacked

if TYPE_CHECKING:
    from anabranch.store.local import LocalStore

__all__ = ["Damage", "Swept", "gc", "rm", "verify"]

GRACE = 3600.0
"""How old, in seconds, a blob must be that no entry refers to: a younger one may belong to an entry that is being written."""


@dataclass(frozen=True, slots=True)
class Swept:
    """What was deleted: packs of entries, blobs, bytes that are free now."""

    packs: int = 0
    blobs: int = 0
    size: int = 0


@dataclass(frozen=True, slots=True)
class Damage:
    """What `verify` found: how many packs and blobs there are, and which cannot be trusted."""

    packs: int
    blobs: int
    bad_packs: tuple[int, ...]
    bad_blobs: tuple[bytes, ...]
    lost_blobs: tuple[bytes, ...]

    @property
    def is_whole(self) -> bool:
        """Whether all is well."""
        return not (self.bad_packs or self.bad_blobs or self.lost_blobs)


def gc(store: LocalStore, now: float) -> Swept:
    """Deletes what is older than the time to live, the least used beyond the cap, and what nothing refers to.

    Raises:
        StoreError: the index cannot be written.
    """
    index, settings = store.index, store.settings
    before = index.size()
    old = index.chosen("made < ?", (now - settings.ttl,)) if settings.ttl is not None else []
    replaced = index.chosen("packs.id NOT IN (SELECT pack FROM keys)", ())
    swept = [*old, *replaced]
    blobs = _drop(store, swept)
    surplus = index.size() - settings.cap if settings.cap is not None else 0
    if surplus > 0:
        least = index.least_used(surplus)
        swept += least
        blobs += _drop(store, least)
    blobs += _drop_orphans(store, now - GRACE)
    store.blobs.sweep(now - GRACE)
    index.shrink()
    return Swept(len(set(swept)), blobs, before - index.size())


def rm(store: LocalStore, names: tuple[str, ...] = (), older_than: float | None = None) -> Swept:
    """Deletes the entries of these nodes, or those made before a moment, or both; without either, all.

    Raises:
        StoreError: the index cannot be written.
    """
    conditions: list[str] = ["1"]
    values: list[Any] = []
    if names:
        conditions.append(f"name IN ({','.join('?' * len(names))})")
        values += names
    if older_than is not None:
        conditions.append("made < ?")
        values.append(older_than)
    before = store.index.size()
    packs = store.index.chosen(" AND ".join(conditions), values)
    blobs = _drop(store, packs)
    store.index.shrink()
    return Swept(len(packs), blobs, before - store.index.size())


def verify(store: LocalStore, *, repair: bool = False) -> Damage:
    """Checks every seal and the content of every blob; with `repair`, what is damaged is deleted.

    Raises:
        StoreError: the index cannot be read.
    """
    bad_packs, packs = [], 0
    for number, _, data in store.index.packs():
        packs += 1
        if unpacked(data, store.seal) is None:
            bad_packs.append(number)
    wanted, there = store.index.blobs(), {digest for digest, _, _ in store.blobs}
    bad = [digest for digest in sorted(there) if not store.blobs.is_whole(digest)]
    lost = sorted(wanted - there)
    if repair:
        for digest in bad:
            store.blobs.drop(digest)
        gone = {*bad, *lost}
        store.index.drop([*bad_packs, *(pack for digest in gone for pack in store.index.chosen(_HOLDS, (digest,)))])
        store.forget()
    return Damage(packs, len(there), tuple(bad_packs), tuple(bad), tuple(lost))


_HOLDS = "packs.id IN (SELECT pack FROM holds WHERE blob = ?)"


def _drop(store: LocalStore, packs: list[int]) -> int:
    """Deletes packs, and the blobs that only they referred to."""
    if not packs:
        return 0
    held = store.index.held_by(packs)
    store.index.drop(packs)
    store.forget()
    orphans = held - store.index.blobs() if held else held
    for digest in orphans:
        store.blobs.drop(digest)
    return len(orphans)


def _drop_orphans(store: LocalStore, older: float) -> int:
    wanted = store.index.blobs()
    orphans = [digest for digest, _, made in store.blobs if digest not in wanted and made < older]
    for digest in orphans:
        store.blobs.drop(digest)
    return len(orphans)
