"""The file: lines that are only ever added, each with its length and two checks.

    00000042 9f3c1a07 5be0…(32) {"done":["tree",[],0,64,["…"]]}

Theory: a line is there if all of it is there. The first check is a checksum, for anyone; the second a seal, for those who have
the user's key. Both go over the lines before, too, so that none can be changed, dropped or moved without all that follow
failing. What was being written when the process died is a torn line at the end; reading stops there, and so does it at
damage. Whatever is read is therefore the beginning of what was written, to some line: a state the run was in.

This module knows nothing of records.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final
from zlib import crc32

from anabranch.store.seal import SEAL, Seal

__all__ = ["Chain", "Lines", "Tail"]

HEAD: Final = 8 + 1 + 8 + 1 + 2 * SEAL + 1
"""How many bytes stand before a line's content."""


@dataclass(slots=True)
class Chain:
    """What the lines so far come to: the next line's checks begin with it."""

    checksum: int = 0
    seal: bytes = bytes(SEAL)

    def line(self, content: bytes, seal: Seal) -> bytes:
        """The next line, with its checks."""
        self.checksum = crc32(content, self.checksum)
        self.seal = seal.of(self.seal + content)
        return b"%08x %08x %b %b\n" % (len(content), self.checksum, self.seal.hex().encode(), content)


@dataclass(frozen=True, slots=True)
class Tail:
    """How reading ended: after `good` bytes of lines, with `rest` bytes that are none.

    `is_damaged` if the rest cannot be what a death leaves: the beginning of one line.
    """

    good: int
    rest: int
    is_damaged: bool
    reason: str = ""


class Lines:
    """Reads lines out of bytes that come bit by bit.

    Args:
        seal: checks seals; None leaves them unchecked, for readers that have no key.
    """

    __slots__ = ("_seal", "_waiting", "chain", "good", "problem")

    def __init__(self, seal: Seal | None) -> None:
        self.chain = Chain()
        self.good = 0
        self.problem = ""
        self._seal = seal
        self._waiting = b""

    def feed(self, data: bytes) -> list[bytes]:
        """The content of the lines that are whole now; none after damage."""
        data, place, found = self._waiting + data, 0, []
        while not self.problem:
            end = self._end(data, place)
            if end is None:
                break
            content = data[place + HEAD : end - 1]
            if not self._follows(data[place : place + HEAD], content):
                break
            found.append(content)
            self.good += end - place
            place = end
        self._waiting = data[place:]
        return found

    def tail(self) -> Tail:
        """How it ended, if nothing more comes."""
        return Tail(self.good, len(self._waiting), bool(self.problem), self.problem)

    def _end(self, data: bytes, place: int) -> int | None:
        """Where the line at `place` ends; None if that has not come yet, or cannot be told."""
        head = data[place : place + 9]
        if len(head) < 9:
            return None
        try:
            length = int(head[:8], 16)
        except ValueError:
            length = -1
        if head != b"%08x " % length:
            self.problem = "a line does not begin with its length"
            return None
        end = place + HEAD + length + 1
        if end <= len(data) and data[end - 1 : end] == b"\n":
            return end
        if end <= len(data) or b"\n" in data[place:]:
            self.problem = "a line is not as long as it says"
        return None

    def _follows(self, head: bytes, content: bytes) -> bool:
        checksum = crc32(content, self.chain.checksum)
        if head[9:18] != b"%08x " % checksum:
            self.problem = "a line does not have its checksum"
            return False
        sealed = head[18 : 18 + 2 * SEAL]
        if self._seal is not None and self._seal.of(self.chain.seal + content).hex().encode() != sealed:
            self.problem = "a line is sealed with another key"
            return False
        try:
            seal = bytes.fromhex(sealed.decode())
        except ValueError:
            seal = b""
        if head[18:] != seal.hex().encode() + b" " or len(seal) != SEAL:
            self.problem = "a line does not have a seal"
            return False
        self.chain = Chain(checksum, seal)
        return True
