"""Blobs: large values as files that are named by their content.

Theory: a blob is written beside its place and moved there when it is whole, so that a reader sees all of it or nothing; two
that write the same blob write the same bytes. Its name is the digest of its content, which is checked whenever it is read: a
file that was torn or altered is no blob, and is put out of the way. Nothing is flushed to the disk by force: after a loss
of power a blob may be torn, and is then found so.

    blobs/3f/a9…      sharded by the first byte          blobs/new/…      not whole yet
"""

from __future__ import annotations

import errno
import os
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from hashlib import blake2b
from itertools import count
from pathlib import Path

from anabranch.errors import StoreError
from anabranch.store.pack import BLOB

__all__ = ["Blobs", "explained"]

Buffer = bytes | bytearray | memoryview

_numbers = count()


class Blobs:
    """The blobs in a folder."""

    __slots__ = ("_made", "folder")

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._made: set[str] = set()

    def put(self, pieces: Sequence[Buffer]) -> bytes:
        """Writes a blob, unless it is there, and returns its digest.

        Raises:
            StoreError: it cannot be written: the disk is full, or the folder read-only.
        """
        hasher = blake2b(digest_size=BLOB)
        for piece in pieces:
            hasher.update(piece)
        digest = hasher.digest()
        path = self._path(digest)
        size = sum(memoryview(piece).nbytes for piece in pieces)
        try:
            if os.stat(path).st_size == size:
                os.utime(path)  # so that no one takes it for a leftover
                return digest
        except OSError:
            pass
        try:
            self._write(path, pieces)
        except OSError as error:
            raise explained(error, path, "a cached value") from error
        return digest

    def get(self, digest: bytes) -> memoryview | None:
        """The content of a blob, in memory of its own that can be written to; None if it is not there or not whole."""
        path = self._path(digest)
        try:
            with open(path, "rb", buffering=0) as opened:
                data = bytearray(os.fstat(opened.fileno()).st_size)
                view, filled = memoryview(data), 0
                while filled < len(data) and (read := opened.readinto(view[filled:])):
                    filled += read
        except OSError:
            return None
        if filled == len(data) and blake2b(data, digest_size=BLOB).digest() == digest:
            return view
        with suppress(OSError):
            os.unlink(path)  # or nothing would ever be written in its place
        return None

    def is_whole(self, digest: bytes) -> bool:
        """Whether the file is there and has the content that its name says."""
        hasher = blake2b(digest_size=BLOB)
        try:
            with open(self._path(digest), "rb", buffering=0) as opened:
                block = bytearray(1 << 20)
                while read := opened.readinto(block):
                    hasher.update(memoryview(block)[:read])
        except OSError:
            return False
        return hasher.digest() == digest

    def has(self, digest: bytes) -> bool:
        """Whether there is a file for it, whole or not."""
        return os.path.exists(self._path(digest))

    def drop(self, digest: bytes) -> None:
        """Deletes it, if it is there."""
        with suppress(OSError):
            os.unlink(self._path(digest))

    def __iter__(self) -> Iterator[tuple[bytes, int, float]]:
        """Digest, size and time of every file."""
        for shard in self._shards():
            for each in os.scandir(shard.path):
                with suppress(ValueError, OSError):
                    about = each.stat()
                    yield bytes.fromhex(shard.name + each.name), about.st_size, about.st_mtime

    def sweep(self, older: float) -> int:
        """Deletes what was begun before this time and never became whole; returns how many."""
        swept = 0
        with suppress(OSError):
            for each in os.scandir(self.folder / "new"):
                with suppress(OSError):
                    if each.stat().st_mtime < older:
                        os.unlink(each.path)
                        swept += 1
        return swept

    def _shards(self) -> Iterator[os.DirEntry[str]]:
        with suppress(OSError):
            yield from (each for each in os.scandir(self.folder) if len(each.name) == 2)

    def _path(self, digest: bytes) -> str:
        name = digest.hex()
        return os.path.join(self.folder, name[:2], name[2:])

    def _write(self, path: str, pieces: Sequence[Buffer]) -> None:
        beside = os.path.join(self.folder, "new", f"{os.getpid()}-{next(_numbers)}-{time.monotonic_ns():x}")
        self._folder(os.path.dirname(beside))
        self._folder(os.path.dirname(path))
        try:
            with open(beside, "wb", buffering=0) as opened:
                for piece in pieces:
                    view = memoryview(piece).cast("B")
                    while view:
                        view = view[opened.write(view) :]
            os.replace(beside, path)
        except BaseException:
            with suppress(OSError):
                os.unlink(beside)
            raise

    def _folder(self, path: str) -> None:
        if path not in self._made:
            os.makedirs(path, exist_ok=True)
            self._made.add(path)


def explained(error: OSError, path: str | Path, what: str) -> StoreError:
    """The error to raise when something cannot be written: what, where, why, and what to do."""
    advice = {
        errno.ENOSPC: "the disk is full: free some space, or name another folder",
        errno.EDQUOT: "your quota is used up: free some space, or name another folder",
        errno.EFBIG: "a file may not be that large: see 'ulimit -f'",
        errno.EROFS: "the file system is read-only: name another folder",
        errno.EACCES: "you may not write there: name another folder",
        errno.EPERM: "you may not write there: name another folder",
    }.get(error.errno or 0, error.strerror or str(error))
    return StoreError(f"{what} cannot be written to {path}: {advice}")
