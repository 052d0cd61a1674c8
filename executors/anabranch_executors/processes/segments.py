"""Memory that the processes of one machine share: large frames are laid into it once, and mapped where they are read.

Theory: a *segment* is a file that lives in memory and has no name (a memfd). The kernel frees it when the last process that
has it open or mapped lets go of it or dies, in whatever way; so there is nothing to clean up and nothing can be left behind.
The writer gives out *readers*: descriptors that can only read. Who gets one maps it privately: what is written there stays
with who wrote it.

New pages cost several times what copying into them costs (least with `pwritev`, which neither clears nor maps them first). So
a writer keeps its segments for a while, and writes into one again when nobody reads it any more. The kernel knows that too:
a reader is an opening of the file with a shared lock on it, and the lock lasts as long as any descriptor, message under way
or mapping that came of this opening, in whatever process. A segment that can be locked exclusively is idle.

Invariants: bytes that a reader can see never change. What cannot be laid, because this system has no such files or has run
out of descriptors or memory, stays a frame like any other; so there is a body for everything.

This module never knows sockets, messages or pickles.
"""

from __future__ import annotations

import ctypes
import mmap
import os
import sys
import threading
import time
import weakref
from collections import deque
from collections.abc import Callable, Sequence
from functools import cache
from itertools import islice
from typing import Any, Final

if sys.platform != "win32":
    import fcntl
    import resource

__all__ = ["LARGE", "SHARED", "Body", "Reader", "Store", "groups", "laid"]

LARGE: Final = 1 << 19
"""A message of so many bytes has its frames laid into segments; a smaller one is quicker through a socket."""

SHARED: Final = 1 << 16
"""The same for what several workers get."""

FULL: Final = 1 << 20
"""Frames that follow each other share a segment until so much is in it: who keeps one array of many keeps little else."""

MOST: Final = 64
"""About how many segments a message may have."""

KEPT_BYTES: Final = 1 << 28
KEPT_SEGMENTS: Final = 96
"""What a store keeps to write into again; and no more than an eighth of the descriptors that a process may have."""

TRIED: Final = 8
"""So many of them are tried before a new one is made."""

ALIGNMENT: Final = 64
GATHER: Final = 512


def groups(lengths: Sequence[int]) -> list[range]:
    """Which frames of a message go into one segment, if they are so long: all of them, in order."""
    full = max(FULL, sum(lengths) // MOST)
    found, start, size = [], 0, 0
    for number, length in enumerate(lengths, 1):
        size += length
        if size >= full:
            found.append(range(start, number))
            start, size = number, 0
    if size:
        found.append(range(start, len(lengths)))
    return found


def aligned(length: int) -> int:
    """What a frame takes in a segment."""
    return -(-length // ALIGNMENT) * ALIGNMENT


class Opening:
    """An open file, closed with the object."""

    __slots__ = ("__weakref__", "fd")

    def __init__(self) -> None:
        self.fd = -1  # as long as it is not open

    def close(self, close: Callable[[int], None] = os.close) -> None:
        """Closes it, once."""
        fd, self.fd = self.fd, -1
        if fd >= 0:
            close(fd)

    def __del__(self) -> None:
        self.close()


class Reader(Opening):
    """A segment opened for reading; its lock tells the writer that there is a reader."""

    __slots__ = ()

    def __init__(self, segment: Segment) -> None:
        super().__init__()
        self.fd = os.open(f"/proc/self/fd/{segment.fd}", os.O_RDONLY | os.O_CLOEXEC)
        fcntl.flock(self.fd, fcntl.LOCK_SH | fcntl.LOCK_NB)


class Segment(Opening):
    """A segment as its writer has it: `size` bytes of it have memory, which is mapped here once it is written again."""

    __slots__ = ("memory", "size")

    def __init__(self) -> None:
        super().__init__()
        self.fd = os.memfd_create("anabranch")
        self.size = 0
        self.memory: memoryview | None = None

    @property
    def is_idle(self) -> bool:
        """Whether nobody reads it."""
        try:
            fcntl.flock(self.fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        fcntl.flock(self.fd, fcntl.LOCK_UN)
        return True

    def write(self, frames: Sequence[Any]) -> None:
        """Copies frames in, each at an aligned place.

        Raises:
            OSError: there is no room.
        """
        size = sum(aligned(len(frame)) for frame in frames)
        if self.size and self.memory is None:
            self.memory = _mapped(self.fd, self.size, mmap.PROT_WRITE, mmap.MAP_SHARED | mmap.MAP_POPULATE)
        if self.memory is None or size > self.size:
            self.memory = None
            self._extend(frames)
            self.size = max(self.size, size)
            return
        place = 0
        for frame in frames:
            self.memory[place : place + len(frame)] = frame
            place += aligned(len(frame))

    def _extend(self, frames: Sequence[Any]) -> None:
        """Writes to pages that may be new."""
        pending: deque[memoryview] = deque()
        for frame in frames:
            pending.append(memoryview(frame))
            pending.append(memoryview(bytes(aligned(len(frame)) - len(frame))))
        place = 0
        while pending:
            written = os.pwritev(self.fd, list(islice(pending, GATHER)), place)
            place += written
            while pending and written >= len(pending[0]):
                written -= len(pending.popleft())
            if written:
                pending[0] = pending[0][written:]


class Body:
    """The frames of a message: those of the first `groups` laid into segments, which `readers` read, the `rest` as they are."""

    __slots__ = ("lengths", "readers", "rest")

    def __init__(self, frames: Sequence[Any], lengths: list[int] | None = None, readers: tuple[Reader, ...] = ()) -> None:
        self.rest = frames
        self.lengths = [len(frame) for frame in frames] if lengths is None else lengths
        self.readers = readers

    def beside(self, given: int) -> list[Any]:
        """The frames that are not in the first `given` segments, from the others as well.

        Raises:
            MemoryError: there is no room for them.
        """
        if given == len(self.readers):
            return [*self.rest]
        parts = zip(self.readers[given:], groups(self.lengths)[given:], strict=False)
        found = [frame for reader, group in parts for frame in laid(reader.fd, [self.lengths[n] for n in group])]
        return [*found, *self.rest]


class Store:
    """The segments that one process writes; used by all its threads.

    `last` is when it wrote the last one, by the monotonic clock; 0 if it keeps none.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._kept: deque[Segment] = deque()
        self._openings: weakref.WeakSet[Opening] = weakref.WeakSet()
        limit, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
        self._most = KEPT_SEGMENTS if limit == resource.RLIM_INFINITY else min(KEPT_SEGMENTS, limit // 8)
        self.last = 0.0

    def lay(self, frames: list[Any], least: int = LARGE) -> Body:
        """A body of these frames, which are laid into segments if they are `least` bytes together."""
        lengths = [len(frame) for frame in frames]
        if sum(lengths) < least or not hasattr(os, "memfd_create"):
            return Body(frames, lengths)
        readers: list[Reader] = []
        stop = 0
        for group in groups(lengths):
            if sum(lengths[n] for n in group) < SHARED:
                break  # the last few bytes
            try:
                readers.append(self._write([frames[n] for n in group]))
            except OSError:
                break
            stop = group.stop
        return Body(frames[stop:], lengths, tuple(readers))

    def trim(self) -> None:
        """Keeps no segments to be written into again; those that are read live on until they are not."""
        with self._lock:
            self._kept.clear()
            self.last = 0.0

    def abandon(self) -> None:
        """Closes everything in a forked child: an opening is shared with the parent, and so is its lock."""
        self._lock = threading.Lock()
        for opening in list(self._openings):
            opening.close()
        self._kept.clear()

    def _write(self, frames: list[Any]) -> Reader:
        size = sum(aligned(len(frame)) for frame in frames)
        segment = self._idle(size)
        if segment is None:
            segment = Segment()
            self._openings.add(segment)
        segment.write(frames)
        reader = Reader(segment)
        self._openings.add(reader)
        self._keep(segment)
        return reader

    def _idle(self, size: int) -> Segment | None:
        """Takes out a segment that nobody reads and that is neither much too large nor much too small."""
        with self._lock:
            for _ in range(min(TRIED, len(self._kept))):
                segment = self._kept.popleft()
                if size // 2 <= segment.size <= 2 * size and segment.is_idle:
                    return segment
                self._kept.append(segment)
        return None

    def _keep(self, segment: Segment) -> None:
        if segment.size > KEPT_BYTES:
            return
        with self._lock:
            self.last = time.monotonic()
            self._kept.append(segment)
            while len(self._kept) > self._most or sum(segment.size for segment in self._kept) > KEPT_BYTES:
                self._kept.popleft()


def laid(fd: int, lengths: Sequence[int], *, writable: bool = False) -> list[memoryview]:
    """The frames of these lengths in a segment, mapped; where that cannot be done, copied.

    What is written to writable ones is not seen by others.

    Raises:
        MemoryError: there is no room for them.
    """
    size = sum(map(aligned, lengths))
    memory = _mapped(fd, size, mmap.PROT_READ | (mmap.PROT_WRITE if writable else 0), mmap.MAP_PRIVATE)
    if memory is None:
        memory = _copied(fd, size)
    elif not writable:
        memory = memory.toreadonly()
    frames, place = [], 0
    for length in lengths:
        frames.append(memory[place : place + length])
        place += aligned(length)
    return frames


def _mapped(fd: int, size: int, access: int, flags: int) -> memoryview | None:
    """The first bytes of a file as memory of this process, unmapped when nothing refers to it; None if that fails."""
    libc = _libc()
    address = libc.mmap(None, size, access, flags, fd, 0)
    if address == ctypes.c_void_p(-1).value:
        return None
    memory = (ctypes.c_char * size).from_address(address)  # an `mmap` object would keep a descriptor for itself
    weakref.finalize(memory, libc.munmap, address, size).atexit = False
    return memoryview(memory).cast("B")


def _copied(fd: int, size: int) -> memoryview:
    view = memoryview(bytearray(size))
    place = 0
    while place < size:
        got = os.preadv(fd, [view[place:]], place)
        if not got:
            raise MemoryError(f"a segment is shorter than {size} bytes")
        place += got
    return view


@cache
def _libc() -> Any:
    libc = ctypes.CDLL(None)
    libc.mmap.restype = ctypes.c_void_p
    libc.mmap.argtypes = (ctypes.c_void_p, ctypes.c_size_t, *(ctypes.c_int,) * 3, ctypes.c_long)
    libc.munmap.argtypes = (ctypes.c_void_p, ctypes.c_size_t)
    return libc
