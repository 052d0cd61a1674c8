"""Seals: proof that a stored thing was written by someone who has the user's key.

Theory: what comes out of a store is unpickled, and unpickling runs code. So nothing is unpickled that was not written with
the user's own key, and a seal is checked before anything that it covers is looked at. The key is 32 random bytes in the user's
configuration folder, readable by the user alone; workers elsewhere get it with their settings, as they get code.

A seal is a keyed BLAKE2b of 16 bytes. It also tells damage, as any checksum does.
"""

from __future__ import annotations

import hmac
import os
import secrets
from hashlib import blake2b
from pathlib import Path
from typing import Final

from anabranch.errors import StoreError
from anabranch.store.places import config_home

__all__ = ["SEAL", "Seal", "own_key"]

SEAL: Final = 16
"""How many bytes a seal has."""

_LENGTH: Final = 32


class Seal:
    """Seals data, and tells whether it is sealed."""

    __slots__ = ("_start",)

    def __init__(self, key: bytes) -> None:
        self._start = blake2b(key=key, digest_size=SEAL, person=b"anabranch")

    def of(self, data: bytes | bytearray | memoryview) -> bytes:
        """The seal of some data."""
        hasher = self._start.copy()
        hasher.update(data)
        return hasher.digest()

    def holds(self, data: bytes | bytearray | memoryview, seal: bytes | memoryview) -> bool:
        """Whether this is the seal of that data."""
        return hmac.compare_digest(self.of(data), bytes(seal))


def own_key(folder: Path | None = None) -> bytes:
    """The user's key; made at the first call, and the same for all that call at once.

    Raises:
        StoreError: it cannot be read or made, or others could have read it.
    """
    path = (folder or config_home()) / "key"
    try:
        return _read(path)
    except FileNotFoundError:
        pass
    except OSError as error:
        raise StoreError(f"the key {path} cannot be read: {error.strerror}") from error
    try:
        _make(path)
        return _read(path)
    except OSError as error:
        raise StoreError(
            f"no key can be made at {path}: {error.strerror}; set XDG_CONFIG_HOME to a folder of yours that can be written"
        ) from error


def _read(path: Path) -> bytes:
    file = os.open(path, os.O_RDONLY | getattr(os, "O_CLOEXEC", 0))
    try:
        about = os.fstat(file)
        key = os.read(file, _LENGTH + 1)
    finally:
        os.close(file)
    if hasattr(os, "getuid") and (about.st_mode & 0o077 or about.st_uid != os.getuid()):
        raise StoreError(
            f"the key {path} could have been read or written by others: it must be yours, with mode 600. Entries that "
            f"were sealed with it cannot be trusted; delete it, and a new one will be made"
        )
    if len(key) != _LENGTH:
        raise StoreError(
            f"the key {path} is damaged: it has {len(key)} bytes, not {_LENGTH}; delete it, and a new one will be made"
        )
    return key


def _make(path: Path) -> None:
    """Writes a key beside its place and links it there, so that it is whole when it is seen and only one is ever seen."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    beside = path.with_name(f"key.{os.getpid()}.{secrets.token_hex(4)}")
    file = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        os.write(file, secrets.token_bytes(_LENGTH))
        os.fsync(file)
    finally:
        os.close(file)
    try:
        os.link(beside, path)
    except FileExistsError:
        pass  # somebody else was first
    finally:
        beside.unlink()
