"""Messages on a stream socket: a head, a table of lengths, then the frames.

Theory: small messages are joined into one write and read in one; a large frame is written from the memory where it lies
and read into the memory where it stays, so it is copied into the kernel and out of it and nowhere else.

This module never knows what the frames mean and never pickles.
"""

from __future__ import annotations

import struct
from collections import deque
from collections.abc import Iterable, Iterator
from enum import IntEnum
from itertools import islice
from socket import socket
from typing import Any, Final, NamedTuple

__all__ = ["REVOKE", "Inbox", "Kind", "Outbox", "Packet", "encode"]

HEAD: Final = struct.Struct("<IIQ")
"""Kind, number of frames, number of the message's subject."""

REVOKE: Final = struct.Struct("<Q")
"""The only message on a control socket: the number of the call to give back."""

CHUNK: Final = 1 << 16
GATHER: Final = 64


class Kind(IntEnum):
    """What a message says; its number names a process, a parcel or a call."""

    HELLO = 1  # worker: ready, I am this process
    SETTLE = 2  # driver: take over this import path, directory and environment
    KEEP = 3  # driver: keep this parcel
    FORGET = 4  # driver: drop that parcel
    CALL = 5  # driver: perform this call
    OUTCOME = 6  # worker: what came of that call
    FAILED = 7  # worker: that call could not be run or answered, and why
    RETURNED = 8  # worker: that call was not started and won't be


class Packet(NamedTuple):
    """One message as it was received."""

    kind: Kind
    number: int
    frames: list[bytearray]


def encode(kind: Kind, number: int, frames: list[Any]) -> list[Any]:
    """The message as buffers to write: one, if it is small."""
    lengths = [len(frame) for frame in frames]
    head = HEAD.pack(kind, len(frames), number) + struct.pack(f"<{len(frames)}Q", *lengths)
    if sum(lengths) <= CHUNK:
        return [b"".join((head, *frames))]
    return [head, *frames]


class Outbox:
    """What waits to be written to one socket."""

    __slots__ = ("_pending",)

    def __init__(self) -> None:
        self._pending: deque[memoryview] = deque()

    def __bool__(self) -> bool:
        return bool(self._pending)

    def put(self, buffers: Iterable[Any]) -> None:
        """Adds a message."""
        self._pending.extend(memoryview(buffer) for buffer in buffers if len(buffer))

    def send(self, connection: socket) -> None:
        """Writes what the socket takes; on a blocking socket, all.

        Raises:
            OSError: the other side has gone.
        """
        pending = self._pending
        while pending:
            try:
                sent = connection.sendmsg(list(islice(pending, GATHER)))
            except BlockingIOError:
                return
            while sent:
                first = pending[0]
                if len(first) > sent:
                    pending[0] = first[sent:]
                    break
                sent -= len(first)
                pending.popleft()


class Inbox:
    """Puts together the messages that one socket brings."""

    __slots__ = ("_buffer", "_frames", "_head", "_lengths", "_rest", "_start", "_stop")

    def __init__(self) -> None:
        self._buffer = memoryview(bytearray(CHUNK))
        self._start = self._stop = 0
        self._head: tuple[int, int, int] | None = None
        self._lengths: list[int] = []  # of the frames to come, last first
        self._frames: list[bytearray] = []
        self._rest: memoryview | None = None  # what is missing of the last frame

    def receive(self, connection: socket) -> Iterator[Packet]:
        """Reads once and yields the messages that became complete.

        Raises:
            BlockingIOError: there is nothing to read.
            EOFError, OSError: the other side has gone.
        """
        if self._rest is not None:
            got = connection.recv_into(self._rest)
            self._rest = self._rest[got:] if got < len(self._rest) else None
        else:
            buffer, left = self._buffer, self._stop - self._start
            buffer[:left] = bytes(buffer[self._start : self._stop])
            got = connection.recv_into(buffer[left:])
            self._start, self._stop = 0, left + got
        if not got:
            raise EOFError
        return self._complete()

    def _complete(self) -> Iterator[Packet]:
        while self._rest is None:
            if self._head is None:
                if self._stop - self._start < HEAD.size:
                    return
                self._head = HEAD.unpack_from(self._buffer, self._start)
                self._start += HEAD.size
                self._take(8 * self._head[1])  # the table of lengths comes as a frame before the others
                continue
            kind, count, number = self._head
            if len(self._frames) == 1:
                self._lengths = list(struct.unpack(f"<{count}Q", self._frames[0]))[::-1]
            if self._lengths:
                self._take(self._lengths.pop())
                continue
            message = Packet(Kind(kind), number, self._frames[1:])
            self._head, self._frames = None, []
            yield message

    def _take(self, length: int) -> None:
        """Begins the next frame with what of it has been read already."""
        frame = bytearray(length)
        here = min(length, self._stop - self._start)
        frame[:here] = self._buffer[self._start : self._start + here]
        self._start += here
        self._frames.append(frame)
        if here < length:
            self._rest = memoryview(frame)[here:]
