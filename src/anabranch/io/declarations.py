"""What is to be saved, and what is to be loaded in the place of a node: ``to.csv(…)``, ``from_.json(…)``.

A declaration is plain data: a key, the names of nodes, and the adapter's fields. A field is a literal, or `source(…)` for the
value of a node or input; a path may also have parts in braces (`anabranch.io.template`). Which adapter it is depends on types,
which only a graph knows.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from anabranch.errors import FlowError, nearest_or_all
from anabranch.io.catalog import loader_keys, saver_keys

__all__ = ["Declaration", "Loading", "Saving", "from_", "to"]


@dataclass(frozen=True, slots=True, eq=False)
class Saving:
    """Something to be saved: `id` is the name of the node that saves and gives the metadata."""

    key: str
    id: str
    dependencies: tuple[str, ...]
    combine: Any
    fields: Mapping[str, Any]
    origin: str = ""

    @property
    def label(self) -> str:
        """How it is called in messages."""
        return f"to.{self.key}(id='{self.id}') ({self.origin})"


@dataclass(frozen=True, slots=True, eq=False)
class Loading:
    """Something to be loaded: the value of the node or input `target`."""

    key: str
    target: str
    fields: Mapping[str, Any]
    origin: str = ""

    @property
    def label(self) -> str:
        """How it is called in messages."""
        return f"from_.{self.key}(target='{self.target}') ({self.origin})"


Declaration = Saving | Loading


class _To:
    """Savers by key: ``to.csv(id="table", dependencies=["frame"], path="table.csv")``.

    Args:
        id: the name of the node that saves; its value is the metadata.
        dependencies: what is saved: names, functions or variables. Several need `combine`.
        combine: a result builder, or a function that takes the dependencies by name and returns what is saved.
        fields: the saver's own.
    """

    def __getattr__(self, key: str) -> Callable[..., Saving]:
        _check_key("saver", key, saver_keys)

        def declare(
            id: str,  # noqa: A002  the field's name for it
            dependencies: Iterable[Any] | str,
            combine: Any = None,
            **fields: Any,
        ) -> Saving:
            if not isinstance(id, str) or not id:
                raise FlowError(f"to.{key} needs an id: the name of the node that saves")
            given = [dependencies] if isinstance(dependencies, str) or callable(dependencies) else list(dependencies)
            names = tuple(_name(key, one) for one in given)
            if not names or (len(names) > 1 and combine is None):
                raise FlowError(
                    f"to.{key}(id='{id}') saves one value, not {len(names)}; say with combine= what becomes of several, "
                    f"as in combine=PandasDataFrameResult()"
                )
            if combine is not None and not hasattr(combine, "build_result") and not callable(combine):
                raise FlowError(f"to.{key}(id='{id}'): combine is a result builder or a function, not {type(combine).__name__}")
            return Saving(key, id, names, combine, fields, _here())

        return declare

    def __dir__(self) -> list[str]:
        return saver_keys()


class _From:
    """Loaders by key: ``from_.json(target="settings", path="settings.json")``.

    Args:
        target: the node or input whose value is loaded; its annotation says which type is wanted.
        fields: the loader's own.
    """

    def __getattr__(self, key: str) -> Callable[..., Loading]:
        _check_key("loader", key, loader_keys)

        def declare(target: Any, **fields: Any) -> Loading:
            return Loading(key, _name(key, target), fields, _here())

        return declare

    def __dir__(self) -> list[str]:
        return loader_keys()


to = _To()
from_ = _From()


def _check_key(what: str, key: str, keys: Callable[[], list[str]]) -> None:
    if key.startswith("__"):
        raise AttributeError(key)
    known = keys()
    if key not in known:
        raise AttributeError(f"there is no {what} '{key}'{nearest_or_all(key, known)}; others are made known with register")


def _name(key: str, given: Any) -> str:
    """The name of a node that is given as a string, a function, or a variable of a driver."""
    name = given if isinstance(given, str) else getattr(given, "name", None) or getattr(given, "__name__", None)
    if not isinstance(name, str) or not name:
        raise FlowError(f"'{key}' takes the names of nodes, not {type(given).__name__}")
    return name


def _here() -> str:
    """Where the declaration is written: ``file:line``."""
    frame = sys._getframe(2)  # noqa: SLF001  the caller of `declare`
    return f"{frame.f_code.co_filename}:{frame.f_lineno}"
