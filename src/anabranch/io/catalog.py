"""Which loaders and savers there are, and the choice among them: by key, then by type.

Theory: several adapters share a key, and the one whose kind is surely the type's is chosen, of several the one that was
registered last; so anybody can replace a built-in one. Where nothing is known of the type, one that takes all types is
chosen, or the only one there is, but never one at a guess.

The built-in ones are registered when something is first asked for. That imports none of the libraries they need.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from importlib import import_module
from typing import Any, TypeVar

from anabranch.errors import FlowError, nearest_or_all
from anabranch.io.adapter import AdapterCommon, DataLoader, DataSaver
from anabranch.kinds import kinds_of, name_of

__all__ = ["loader_for", "loader_keys", "register", "saver_candidates", "saver_for", "saver_keys"]

A = TypeVar("A", bound=type[AdapterCommon])

BUILT_IN = ("plain", "numpy", "plots", "models", "mlflow", "pandas", "polars", "sql")
"""Modules of `anabranch.io.formats`, in order of registration: what takes anything before what takes one type."""

_loaders: dict[str, list[type[DataLoader]]] = {}
_savers: dict[str, list[type[DataSaver]]] = {}
_filled: list[bool] = []


def register(adapter: A) -> A:
    """Makes an adapter known by its key (or keys) and types; a later one goes before an earlier one. Can be a decorator.

    Raises:
        FlowError: it is no subclass of `DataLoader` or `DataSaver`, or is abstract.
    """
    _fill()
    _add(adapter)
    return adapter


def loader_for(key: str, type_: Any = Any, among: Sequence[type[DataLoader]] = ()) -> type[DataLoader]:
    """The loader for a key that gives values annotated so; of those given, if any are.

    Raises:
        FlowError: there is none, or the type is unknown and there are several; names what there is.
    """
    known: Sequence[type[DataLoader]] = among[::-1] or loader_candidates(key)
    chosen = _chosen(known, type_)
    if chosen is None:
        raise FlowError(
            f"no loader '{key}' gives {_asked(type_)}; {_told(known)}; annotate what is loaded with one of these types"
        )
    return chosen


def saver_for(key: str, type_: Any = Any) -> type[DataSaver]:
    """The saver for a key that takes values annotated so.

    Raises:
        FlowError: there is none, or the type is unknown and there are several; names what there is.
    """
    chosen = chosen_saver(saver_candidates(key), type_)
    if chosen is None:
        raise no_saver(key, saver_candidates(key), type_)
    return chosen


def saver_candidates(key: str) -> tuple[type[DataSaver], ...]:
    """All savers for a key, the last registered first; `chosen_saver` chooses among them when the value is there.

    Raises:
        FlowError: there is none.
    """
    _fill()
    return tuple(_known(key, _savers, "saver"))


def loader_candidates(key: str) -> tuple[type[DataLoader], ...]:
    """All loaders for a key, the last registered first.

    Raises:
        FlowError: there is none.
    """
    _fill()
    return tuple(_known(key, _loaders, "loader"))


def chosen_saver(candidates: Iterable[type[DataSaver]], type_: Any) -> type[DataSaver] | None:
    """The one of these that takes values of that type; None if none surely does."""
    return _chosen(candidates, type_)


def no_saver(key: str, candidates: Iterable[type[DataSaver]], type_: Any) -> FlowError:
    """The error for a value that no saver of that key takes."""
    return FlowError(f"no saver '{key}' takes {_asked(type_)}; {_told(candidates)}")


def loader_keys() -> list[str]:
    """The keys that there are loaders for."""
    _fill()
    return sorted(_loaders)


def saver_keys() -> list[str]:
    """The keys that there are savers for."""
    _fill()
    return sorted(_savers)


C = TypeVar("C", bound=type[AdapterCommon])


def _chosen(known: Iterable[C], type_: Any) -> C | None:
    known = list(known)
    if kinds_of(type_):
        return next((one for one in known if one.applies_to(type_)), None)
    general = [one for one in known if one.is_general()]
    return general[0] if general else known[0] if len(known) == 1 else None


def _known(key: str, table: dict[str, list[C]], what: str) -> list[C]:
    if key not in table:
        raise FlowError(f"there is no {what} '{key}'{nearest_or_all(key, sorted(table))}")
    return table[key]


def _asked(type_: Any) -> str:
    return " | ".join(name_of(kind) for kind in kinds_of(type_)) or "a type that is not annotated"


def _told(known: Iterable[type[AdapterCommon]]) -> str:
    types = dict.fromkeys(name_of(kind) for one in known for kind in one._all_kinds())  # noqa: SLF001
    return f"it is for {', '.join(types)}"


def _add(adapter: Any) -> None:
    if not (isinstance(adapter, type) and issubclass(adapter, (DataLoader, DataSaver))):
        raise FlowError(f"register takes a subclass of DataLoader or DataSaver, not {adapter!r}")
    missing = sorted(getattr(adapter, "__abstractmethods__", ()))
    if missing:
        raise FlowError(f"{adapter.__name__} cannot be registered: it does not define {', '.join(missing)}")
    for key in dict.fromkeys((adapter.name(), *adapter.keys)):
        if issubclass(adapter, DataLoader):
            _loaders.setdefault(key, []).insert(0, adapter)
        if issubclass(adapter, DataSaver):
            _savers.setdefault(key, []).insert(0, adapter)


def _fill() -> None:
    if _filled:
        return
    _filled.append(True)
    for module in BUILT_IN:
        for adapter in import_module(f"anabranch.io.formats.{module}").ADAPTERS:
            _add(adapter)
