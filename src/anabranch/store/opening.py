"""What every store can do, and the one for given settings."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Protocol
from urllib.parse import unquote

from anabranch.store.claims import Claim
from anabranch.store.entry import Entry, Recipe
from anabranch.store.index import Summary
from anabranch.store.settings import Settings
from anabranch.store.upkeep import Damage, Swept

__all__ = ["Store", "open_store"]


class Store(Protocol):
    """Where results are kept. Keys of one call belong to one recipe; see `anabranch.store.local` for what each method does."""

    settings: Settings

    def get_many(self, recipe: Recipe, keys: Sequence[bytes], newer_than: float = 0.0) -> list[Entry | None]:
        """The entry of each key; None where there is none, or none that is newer."""

    def put_many(
        self,
        recipe: Recipe,
        keys: Sequence[bytes],
        versions: Sequence[bytes],
        values: Sequence[Any],
        *,
        format: str = "pickle",  # noqa: A002
        claim: Claim | None = None,
    ) -> list[int]:
        """Stores results, all or none, and returns the places of those that cannot be stored."""

    def load(self, entry: Entry) -> Any:
        """The value of an entry; raises `Missing` if it cannot be had any more."""

    def claim(self, keys: Sequence[bytes]) -> Claim:
        """Claims those of these keys that nobody else is computing."""

    def summaries(self) -> list[Summary]:
        """What there is, one for each recipe, the one used last first."""

    def recipes(self, name: str) -> list[Recipe]:
        """The recipes of a node, the one used last first."""

    def gc(self) -> Swept:
        """Deletes what is too old or too much."""

    def rm(self, names: tuple[str, ...] = (), older_than: float | None = None) -> Swept:
        """Deletes entries of these nodes, or those made before a moment, or all."""

    def verify(self, *, repair: bool = False) -> Damage:
        """Checks all that there is."""

    def forget(self) -> None:
        """Drops what is remembered in memory."""

    def close(self) -> None:
        """Gives back what it holds open."""


def open_store(settings: Settings) -> Store:
    """The store for these settings: in a folder, or, for a URL, in an object store.

    Raises:
        StoreError: it cannot be opened; its text says what to do.
    """
    if settings.path.startswith("file://"):
        settings = replace(settings, path=unquote(settings.path.removeprefix("file://")))
    if "://" in settings.path:
        from anabranch.store.remote import RemoteStore

        return RemoteStore(settings)
    from anabranch.store.local import LocalStore

    return LocalStore(settings)
