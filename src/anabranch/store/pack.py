"""Packs: many entries as one string of bytes with one seal. What a store writes at once, it writes as packs.

Theory: a result of a few bytes must not cost a row, a file or a seal of its own. A span's results are stored together and
looked up together, later, by a span that is mostly the same; so they stay together, and reading one brings its neighbours.
Columns rather than objects: nothing is made per entry on the way in.

    "ABP1" │ count, time, length of the format's name │ format │ count × (key, version, size, length) │ values │ seal

A value's length is what it takes here: the value itself, or, marked by `_IN_BLOB`, the digest of a blob. A pack is sealed as
a whole: with one byte wrong, none of its entries is there.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import accumulate, pairwise, repeat
from typing import Final

from anabranch.store.entry import Entry
from anabranch.store.seal import SEAL, Seal

__all__ = ["BLOB", "KEY", "Column", "Packed", "unpacked"]

KEY: Final = 20
"""How many bytes a key and a version have."""

BLOB: Final = 32
"""How many bytes a blob's digest has."""

MOST: Final = 256
"""How many entries a pack has at most."""

HEAVIEST: Final = 1 << 17
"""Past how many bytes of values a new pack is begun."""

_MAGIC: Final = b"ABP1"
_HEAD: Final = struct.Struct("<4sIdH")
_ROW: Final = struct.Struct("<20s20sQI")
_IN_BLOB: Final = 1 << 31


@dataclass(frozen=True, slots=True)
class Packed:
    """A pack, and what its index has to know: `size` is that of the pack with its blobs."""

    data: bytes
    keys: list[bytes]
    size: int
    made: float
    blobs: list[bytes]


@dataclass(slots=True)
class Column:
    """Entries of one format that are to be packed: `content` has each value as written, or the digest of its blob.

    `sizes` has the values' sizes, and `blobs` the places of those that are in blobs.
    """

    format: str
    keys: list[bytes] = field(default_factory=list)
    versions: list[bytes] = field(default_factory=list)
    content: list[bytes] = field(default_factory=list)
    sizes: list[int] = field(default_factory=list)
    blobs: list[int] = field(default_factory=list)

    def packed(self, made: float, seal: Seal) -> Iterator[Packed]:
        """The entries as packs, in their order."""
        lengths = [len(content) for content in self.content]
        in_blobs = set(self.blobs)
        cuts = list(_cuts(lengths))
        for number in self.blobs:
            lengths[number] |= _IN_BLOB
        name = self.format.encode()
        for start, end in cuts:
            part = slice(start, end)
            rows = map(_ROW.pack, self.keys[part], self.versions[part], self.sizes[part], lengths[part])
            head = _HEAD.pack(_MAGIC, end - start, made, len(name))
            data = b"".join([head, name, *rows, *self.content[part]])
            inside = [number for number in range(start, end) if number in in_blobs] if in_blobs else []
            size = len(data) + SEAL + sum(self.sizes[number] for number in inside)
            yield Packed(data + seal.of(data), self.keys[part], size, made, [self.content[number] for number in inside])


def unpacked(data: bytes, seal: Seal) -> dict[bytes, Entry] | None:
    """The entries of a pack by key; None if these bytes are not one, or not sealed with this key."""
    if len(data) < _HEAD.size + SEAL or data[:4] != _MAGIC:
        return None
    view = memoryview(data)
    if not seal.holds(view[:-SEAL], view[-SEAL:]):
        return None
    _, count, made, named = _HEAD.unpack_from(data)
    start = _HEAD.size + named
    name, values = data[_HEAD.size : start].decode(), start + count * _ROW.size
    keys, versions, sizes, lengths = zip(*_ROW.iter_unpack(view[start:values]), strict=True)
    places = accumulate((length & ~_IN_BLOB for length in lengths), initial=values)
    content = [data[begin:end] for begin, end in pairwise(places)]
    rows = zip(versions, repeat(name), sizes, repeat(made), content, repeat(None))
    entries = dict(zip(keys, map(Entry._make, rows), strict=True))
    if max(lengths) >= _IN_BLOB:
        for key, length, digest in zip(keys, lengths, content, strict=True):
            if length & _IN_BLOB:
                entries[key] = entries[key]._replace(inline=None, blob=digest)
    return entries


def _cuts(lengths: list[int]) -> Iterator[tuple[int, int]]:
    """Where packs begin and end."""
    start = weight = 0
    for number, length in enumerate(lengths):
        if number - start == MOST or (number > start and weight + length > HEAVIEST):
            yield start, number
            start, weight = number, 0
        weight += length
    if start < len(lengths):
        yield start, len(lengths)
