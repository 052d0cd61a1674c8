"""Where data lies: a path on this machine, or any URL that fsspec knows. Reading, and writing that is all or nothing.

Theory. Whoever writes is given the path of a *draft*: a new hidden file in the folder of the target. When the writer is done
the draft is flushed to the disk and put in the place of the target in one step. So at every moment the target is what it was
before, or all of what it was to become, whatever ends the process in between; a draft that was left by a killed process is
named ``.NAME.RANDOM.draft``, which no pattern for the target's suffix finds, and can be deleted. Libraries that go by the
suffix of a path are given one that has it, in a temporary folder, and the draft is a copy of what they wrote.

Elsewhere the draft is a file of this machine, which is sent when it is complete: to an object store under its name, for
there an object is visible when all of it has arrived; to other file systems under a draft's name, and then renamed.

This module never looks at the data.
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

from anabranch.errors import InputError
from anabranch.libraries import library

__all__ = ["Place"]

URL = re.compile(r"^([A-Za-z][A-Za-z0-9+.\-]+)(?:::.+)?://|^([A-Za-z][A-Za-z0-9+.\-]+)::")
HERE = {"file", "local"}
ALL_AT_ONCE = {"s3", "s3a", "gs", "gcs", "az", "abfs", "abfss", "adl", "oss", "r2", "oci", "memory"}
"""Where an object is not there before all of it has been sent."""

COMPRESSIONS = {".gz": "gzip", ".bz2": "bz2", ".zip": "zip", ".xz": "xz", ".zst": "zstd", ".tar": "tar"}


@dataclass(frozen=True, slots=True)
class Place:
    """A path of this machine (`scheme` is empty), or a URL."""

    path: str
    scheme: str = ""
    options: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def of(cls, given: Any, options: Mapping[str, Any] | None = None) -> Place:
        """The place that a string or path names; `options` go to the file system of a URL.

        Raises:
            InputError: it is neither, or empty.
        """
        if not isinstance(given, (str, os.PathLike)):
            raise InputError(f"a path is a string or a path object, not {type(given).__name__}")
        text = str(given) if isinstance(given, str) else os.fspath(given)
        if not text:
            raise InputError("a path is empty")
        found = URL.match(text)
        scheme = (found[1] or found[2]).lower() if found else ""
        if scheme in HERE:
            return cls(text.split("://", 1)[1])
        return cls(text if scheme else os.path.expanduser(text), scheme, dict(options or {}))

    @property
    def is_pattern(self) -> bool:
        """Whether it may stand for several files: ``data/*.parquet``."""
        return any(character in self.path for character in "*?[")

    @property
    def name(self) -> str:
        """The last part of the path."""
        return re.split(r"[/\\]" if os.sep == "\\" else "/", self.path.rstrip("/"))[-1]

    @property
    def compression(self) -> str | None:
        """The compression that the last suffix stands for."""
        return COMPRESSIONS.get(os.path.splitext(self.name)[1].lower())

    def exists(self) -> bool:
        """Whether there is something."""
        if not self.scheme:
            return os.path.exists(self.path)
        system, path = self._remote()
        return bool(system.exists(path))

    def about(self) -> dict[str, Any]:
        """Size in bytes and time of the last change, in seconds since 1970, as far as they are known."""
        if not self.scheme:
            found = os.stat(self.path)
            return {"size": found.st_size, "last_modified": found.st_mtime}
        system, path = self._remote()
        info = system.info(path)
        times = ("mtime", "LastModified", "last_modified", "updated", "created")
        changed: Any = next((info[key] for key in times if key in info), None)
        when = changed.timestamp() if hasattr(changed, "timestamp") else changed
        return {"size": info.get("size"), "last_modified": when if isinstance(when, (int, float)) else None}

    @contextmanager
    def reading(self) -> Iterator[Any]:
        """Gives what a library can read: the path of a file of this machine, or an open binary file."""
        if not self.scheme:
            yield self.path
            return
        system, path = self._remote()
        with system.open(path, "rb") as file:
            yield file

    def read(self) -> bytes:
        """All bytes."""
        with self.reading() as found:
            if not isinstance(found, str):
                data: bytes = found.read()
                return data
            with open(found, "rb") as file:
                return file.read()

    @contextmanager
    def writing(self, *, append: bool = False, by_suffix: bool = False) -> Iterator[str]:
        """Gives the path of a draft, and puts it in its place when the block ends without an exception.

        Folders that are missing are made.

        Args:
            append: the draft begins as a copy of what is there.
            by_suffix: the path that is given has the target's suffixes.

        Raises:
            InputError: the target is a folder, or no regular file.
        """
        if self.scheme:
            with self._sending(append) as draft:
                yield draft
            return
        target = os.path.realpath(self.path)  # a link stays, what it leads to is replaced
        mode = self._mode_of(target)
        folder, name = os.path.split(target)
        os.makedirs(folder, exist_ok=True)
        with _draft_in(folder, name) as draft:
            if mode is not None:
                os.chmod(draft, mode)
                if append:
                    _copy(target, draft)
            if by_suffix:
                with _named(name, draft if append else None) as named:
                    yield named
                    _copy(named, draft)
            else:
                yield draft
            _flush(draft)
            os.replace(draft, target)
        _flush(folder)

    def write(self, data: bytes) -> None:
        """Writes all bytes."""
        with self.writing() as draft, open(draft, "wb") as file:
            file.write(data)

    def _mode_of(self, target: str) -> int | None:
        try:
            found = os.stat(target).st_mode
        except FileNotFoundError:
            return None
        if not stat.S_ISREG(found):
            kind = "a folder" if stat.S_ISDIR(found) else "no regular file"
            raise InputError(f"'{self.path}' is {kind}; name a file to write")
        return stat.S_IMODE(found)

    @contextmanager
    def _sending(self, append: bool) -> Iterator[str]:
        system, path = self._remote()
        with _named(self.name, None) as draft:
            if append and system.exists(path):
                system.get_file(path, draft)
            else:
                open(draft, "xb").close()
            yield draft
            parent = system._parent(path)  # noqa: SLF001  fsspec's own name for it
            if parent and parent != path:
                system.makedirs(parent, exist_ok=True)
            if self.scheme in ALL_AT_ONCE:
                system.put_file(draft, path)
                return
            sent = f"{parent.rstrip('/')}/{_draft(self.name)}"
            try:
                system.put_file(draft, sent)
                system.mv(sent, path)
            except BaseException:
                with suppress(Exception):
                    system.rm_file(sent)
                raise

    def _remote(self) -> tuple[Any, str]:
        system, path = library("fsspec.core", f"'{self.path}'").url_to_fs(self.path, **self.options)
        return system, path


@contextmanager
def _draft_in(folder: str, name: str) -> Iterator[str]:
    """A new empty file beside the target; gone in the end, if it has not been put in its place."""
    draft = os.path.join(folder, _draft(name))
    os.close(os.open(draft, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666))
    try:
        yield draft
    except BaseException:
        with suppress(FileNotFoundError):
            os.unlink(draft)
        raise


@contextmanager
def _named(name: str, source: str | None) -> Iterator[str]:
    """A path of that very name in a temporary folder, with what is in `source`."""
    import tempfile

    with tempfile.TemporaryDirectory(prefix="anabranch-") as folder:
        path = os.path.join(folder, name)
        if source is not None:
            _copy(source, path)
        yield path


def _copy(source: str, target: str) -> None:
    import shutil

    shutil.copyfile(source, target)


def _draft(name: str) -> str:
    """The name of a draft, short enough in any alphabet."""
    return f".{name.lstrip('.')[:48]}.{os.urandom(4).hex()}.draft"


def _flush(path: str) -> None:
    """Sees to it that a file, or a folder's list of names, is on the disk."""
    try:
        descriptor = os.open(path, os.O_RDONLY)
    except OSError:  # folders cannot be opened everywhere
        return
    try:
        os.fsync(descriptor)
    except OSError:
        if not os.path.isdir(path):
            raise
    finally:
        os.close(descriptor)
