"""The way of descriptors from one process to another: a socket on which each byte brings one.

Theory: a message says how many descriptors belong to it, so they are passed ahead of it and taken when it is read, one at
a time. A descriptor for which the receiver has no room would be lost; so each end holds one in reserve, and gives it up
while it takes another. What cannot be passed now is the sender's to send otherwise: nothing here ever blocks.

This module never knows what the descriptors are for.
"""

from __future__ import annotations

import array
import errno
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Final

__all__ = ["Lane"]

CLOSE_ON_EXEC: Final = getattr(socket, "MSG_CMSG_CLOEXEC", 0)


class Lane:
    """One end of the socket."""

    __slots__ = ("_connection", "_reserve")

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._reserve = -1
        self._reserved()

    def give(self, fd: int) -> None:
        """Passes a descriptor; the receiver's is a copy.

        Raises:
            OSError: too many are under way.
        """
        rights = (socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [fd]))
        self._connection.sendmsg([b"."], [rights], socket.MSG_DONTWAIT)

    @contextmanager
    def take(self) -> Iterator[int]:
        """The next descriptor; closed after the block.

        Raises:
            OSError: there is none, or no room for it.
        """
        self._release()
        try:
            room = socket.CMSG_LEN(array.array("i").itemsize)
            _, ancillary, _, _ = self._connection.recvmsg(1, room, socket.MSG_DONTWAIT | CLOSE_ON_EXEC)
            if not ancillary:
                raise OSError(errno.EMFILE, "no file descriptor is free to receive a large value; raise the limit (ulimit -n)")
            (fd,) = array.array("i", ancillary[0][2])
            try:
                yield fd
            finally:
                os.close(fd)
        finally:
            self._reserved()

    def close(self) -> None:
        """Closes the socket."""
        self._release()
        self._connection.close()

    def _reserved(self) -> None:
        with suppress(OSError):  # then there is none
            self._reserve = os.dup(self._connection.fileno())

    def _release(self) -> None:
        reserve, self._reserve = self._reserve, -1
        if reserve >= 0:
            os.close(reserve)
