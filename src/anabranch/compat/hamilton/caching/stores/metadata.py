"""What is known of results, run by run: which version of data stands under which key.

Theory: a store holds one version for a key, however often that is computed, and for each run the keys that were noted in it.
Both are text. It never holds results, and never says what is computed again.
"""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from anabranch.compat.hamilton.caching.cache_key import decode_key
from anabranch.errors import InputError

__all__ = ["Known", "MetadataStore", "NoRun"]


class NoRun(InputError, IndexError):
    """Nothing is known of that run."""


class Known(NamedTuple):
    """What is told of one call; a version that is a dict is of items."""

    cache_key: str
    data_version: str | dict[str, str]


class MetadataStore(ABC):
    """What is known of results."""

    def __len__(self) -> int:
        return self.size

    @property
    @abstractmethod
    def size(self) -> int:
        """How many keys there are."""

    @property
    def last_run_id(self) -> str:
        """The run that began last.

        Raises:
            IndexError: there was none.
        """
        runs = self.get_run_ids()
        if not runs:
            raise NoRun("nothing has been run yet")
        return runs[-1]

    @abstractmethod
    def initialize(self, run_id: str) -> None:
        """Notes that a run begins."""

    @abstractmethod
    def set_all(self, run_id: str, known: Iterable[Known]) -> None:
        """Notes what came out of calls of a run."""

    def set(self, cache_key: str, data_version: str, run_id: str, **kwargs: Any) -> None:
        """Notes what came out of one call."""
        self.set_all(run_id, [Known(cache_key, data_version)])

    @abstractmethod
    def get(self, cache_key: str) -> Any:
        """The version under a key; None if there is none."""

    @abstractmethod
    def delete(self, cache_key: str) -> None:
        """Forgets a key."""

    @abstractmethod
    def delete_all(self) -> None:
        """Forgets everything."""

    def exists(self, cache_key: str) -> bool:
        """Whether there is such a key."""
        return self.get(cache_key) is not None

    @abstractmethod
    def get_run_ids(self) -> list[str]:
        """All runs, the last one last."""

    @abstractmethod
    def keys_of(self, run_id: str) -> Sequence[Known]:
        """What was noted in a run.

        Raises:
            IndexError: there was no such run.
        """

    def get_run(self, run_id: str) -> list[dict[str, Any]]:
        """The same, with the parts of each key.

        Raises:
            IndexError: there was no such run.
        """
        return [{"cache_key": key, "data_version": version, **decode_key(key)} for key, version in self.keys_of(run_id)]

    def get_last_run(self) -> list[dict[str, Any]]:
        """The same of the last run."""
        return self.get_run(self.last_run_id)


def as_text(version: str | dict[str, str]) -> str:
    """A version as text."""
    return json.dumps(version) if isinstance(version, dict) else version


def from_text(text: str) -> Any:
    """A version that was text."""
    return json.loads(text) if text.startswith("{") else text
