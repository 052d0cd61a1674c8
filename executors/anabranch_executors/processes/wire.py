"""Messages on a stream socket: a head, a table of lengths, then the frames.

Theory: small messages are joined into one write and read in one; a large frame is written from the memory where it lies
and read into the memory where it stays, so it is copied into the kernel and out of it and nowhere else. Frames that lie
in segments do not travel at all: their readers go through a *lane*, a socket of its own, ahead of the message, whose head
says how many there are. What the lane does not take goes with the message.

This module never knows what the frames mean and never pickles.
"""

from __future__ import annotations

import socket
import struct
from collections import deque
from collections.abc import Iterator
from enum import IntEnum
from itertools import islice
from typing import Any, Final, NamedTuple

from anabranch_executors.processes.lane import Lane
from anabranch_executors.processes.segments import Body, groups, laid

__all__ = ["CONTROL", "SOCKETS", "TRIM", "Inbox", "Kind", "Outbox", "Packet"]

SOCKETS: Final = 3
"""What connects a worker: data, control, and the lane."""

HEAD: Final = struct.Struct("<HHIQ")
"""Kind, number of segments, number of frames, number of the message's subject."""

CONTROL: Final = struct.Struct("<Q")
"""The only message on a control socket: the number of the call to give back, or `TRIM`."""

TRIM: Final = 0
"""Asks the worker to keep no segments that it could write into again."""

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
    OVERDUE = 9  # worker: a function of that call takes too long, and I end with it
    OWNS = 10  # worker: I have things of my own that are to be closed when I end


class Packet(NamedTuple):
    """One message as it was received; so many of its frames lie in segments."""

    kind: Kind
    number: int
    frames: list[Any]
    mapped: int = 0


class Outbox:
    """What waits to be written to one socket."""

    __slots__ = ("_lane", "_pending")

    def __init__(self, lane: Lane) -> None:
        self._lane = lane
        self._pending: deque[memoryview] = deque()

    def __bool__(self) -> bool:
        return bool(self._pending)

    def put(self, kind: Kind, number: int, body: Body) -> None:
        """Adds a message; its readers are passed at once."""
        given = self._give(body)
        frames = body.beside(given)
        lengths = body.lengths
        head = HEAD.pack(kind, given, len(lengths), number) + struct.pack(f"<{len(lengths)}Q", *lengths)
        if sum(map(len, frames)) <= CHUNK:
            self._pending.append(memoryview(b"".join((head, *frames))))
        else:
            self._pending.append(memoryview(head))
            self._pending.extend(memoryview(frame) for frame in frames if len(frame))

    def send(self, connection: socket.socket) -> None:
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

    def _give(self, body: Body) -> int:
        """Passes as many readers as the lane takes; says how many those are."""
        for given, reader in enumerate(body.readers):
            try:
                self._lane.give(reader.fd)
            except OSError:
                return given
        return len(body.readers)


class Inbox:
    """Puts together the messages that one socket brings."""

    __slots__ = ("_buffer", "_frames", "_head", "_lane", "_lengths", "_mapped", "_rest", "_start", "_stop")

    def __init__(self, lane: Lane) -> None:
        self._lane = lane
        self._buffer = memoryview(bytearray(CHUNK))
        self._start = self._stop = 0
        self._head: tuple[int, int, int, int] | None = None
        self._lengths: list[int] | None = None  # of the frames to come, last first; None before the table is there
        self._frames: list[Any] = []
        self._mapped = 0
        self._rest: memoryview | None = None  # what is missing of the last frame

    def receive(self, connection: socket.socket) -> Iterator[Packet]:
        """Reads once and yields the messages that became complete.

        Raises:
            BlockingIOError: there is nothing to read.
            EOFError, ConnectionError: the other side has gone.
            OSError, MemoryError: there is no room for what it sent.
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
                self._take(8 * self._head[2])  # the table of lengths comes as a frame before the others
                continue
            kind, segments, count, number = self._head
            if self._lengths is None:
                self._lay_out(segments, struct.unpack(f"<{count}Q", self._frames.pop()))
            if self._lengths:
                self._take(self._lengths.pop())
                continue
            message = Packet(Kind(kind), number, self._frames, self._mapped)
            self._head, self._frames, self._lengths = None, [], None
            yield message

    def _lay_out(self, segments: int, lengths: tuple[int, ...]) -> None:
        """Begins a message's frames with those in segments."""
        stop = 0
        for group in groups(lengths)[:segments] if segments else ():
            with self._lane.take() as fd:
                self._frames += laid(fd, lengths[group.start : group.stop], writable=True)
            stop = group.stop
        self._mapped = stop
        self._lengths = list(reversed(lengths[stop:]))

    def _take(self, length: int) -> None:
        """Begins the next frame with what of it has been read already."""
        frame = bytearray(length)
        here = min(length, self._stop - self._start)
        frame[:here] = self._buffer[self._start : self._start + here]
        self._start += here
        self._frames.append(frame)
        if here < length:
            self._rest = memoryview(frame)[here:]
