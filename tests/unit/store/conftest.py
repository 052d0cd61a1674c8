"""Stores in folders of their own, with a clock that is turned by hand."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from anabranch.store import Recipe, Settings
from anabranch.store.local import LocalStore
from anabranch.versions import Versions, keys_of

KEY = b"k" * 32
CODE = Versions().of_data("code")


class Clock:
    def __init__(self) -> None:
        self.now = 1_000_000.0

    def __call__(self) -> float:
        return self.now


class Helper:
    """Stores values under keys made of small numbers, as a rebuilder would."""

    recipe = Recipe("f", CODE, "parts")

    @staticmethod
    def keys(items: Any) -> list[bytes]:
        return keys_of(CODE, ["x"], [(version,) for version in Versions().of_all(items)])

    @classmethod
    def put(cls, store: LocalStore, values: dict[Any, Any], **options: Any) -> list[int]:
        versions = [version or b"?" * 20 for version in Versions().of_all(values.values())]
        recipe = options.pop("recipe", cls.recipe)
        return store.put_many(recipe, cls.keys(values), versions, list(values.values()), **options)

    @classmethod
    def get(cls, store: LocalStore, items: Any, **options: Any) -> list[Any]:
        return [
            None if entry is None else store.load(entry) for entry in store.get_many(cls.recipe, cls.keys(items), **options)
        ]


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def open_store(tmp_path: Path, clock: Clock) -> Iterator[Callable[..., LocalStore]]:
    made: list[LocalStore] = []

    def opened(**settings: Any) -> LocalStore:
        made.append(LocalStore(Settings(**{"path": str(tmp_path / "cache"), "key": KEY, **settings}), clock))
        return made[-1]

    yield opened
    for store in made:
        store.close()


@pytest.fixture
def helper() -> type[Helper]:
    return Helper
