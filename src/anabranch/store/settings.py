"""Where a cache is and how much it may hold: all that is needed to open it, here or on another machine."""

from __future__ import annotations

from dataclasses import dataclass, field

__all__ = ["Settings"]


@dataclass(frozen=True, slots=True)
class Settings:
    """How to open a store.

    Attributes:
        path: a folder, or a URL of an object store.
        cap: how many bytes it may hold; what was not used for longest goes first.
        ttl: how many seconds an entry is kept, counted from when it was made.
        key: seals entries; None means the user's own.
        options: what fsspec needs to reach a URL.
    """

    path: str
    cap: int | None = None
    ttl: float | None = None
    key: bytes | None = field(default=None, repr=False)
    options: tuple[tuple[str, object], ...] = field(default=(), hash=False)  # some of them hold dicts
