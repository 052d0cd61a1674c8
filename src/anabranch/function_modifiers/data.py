"""Data in and out of single functions: `load_from`, `save_to`, `dataloader`, `datasaver`.

Theory: loading and saving are nodes of their own, with the adapters of `anabranch.io`; a function stays free of paths. What was
read or written is told as metadata: by ``x.load_data.parameter`` beside what was loaded, by the node that saves, and by
``x.loader`` for a function that loads by itself.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from anabranch.errors import FlowError, nearest_or_all
from anabranch.function_modifiers.dependencies import (
    Dependency,
    GroupedDictDependency,
    GroupedListDependency,
    as_dependency,
)
from anabranch.function_modifiers.modifier import Modifier, Target, parameters_of

__all__ = ["DataLoader", "DataSaver", "LoadFrom", "SaveTo", "dataloader", "datasaver", "load_from", "save_to"]


class UnknownKey(FlowError, AttributeError):
    """There is no adapter of that key: an attribute that is not there, to `hasattr` too."""


@dataclass(frozen=True, slots=True)
class LoadFrom(Modifier):
    """A parameter is given what a loader reads.

    Attributes:
        key: the loader's.
        fields: the loader's own.
        inject: the parameter; empty for the only one.
        among: loaders to choose from; by default all that are known by the key.
    """

    key: str
    fields: Mapping[str, Dependency]
    inject: str = ""
    among: tuple[type[Any], ...] = ()

    @property
    def word(self) -> str:
        """What it is called in messages."""
        return f"load_from.{self.key}"

    def check(self, function: Callable[..., Any]) -> None:
        """Checks that there is the parameter."""
        known = parameters_of(function)
        self.check_parameters(function, [self.inject] if self.inject else [])
        if not self.inject and len(known) != 1:
            names = ", ".join(f"'{name}'" for name in known)
            raise self.refuse(function, f"say with inject_='…' which parameter is loaded: {names or 'there is none'}")


@dataclass(frozen=True, slots=True)
class SaveTo(Modifier):
    """What the function gives is saved by a node of its own, which is called `output`; `among` is as for `LoadFrom`."""

    key: str
    fields: Mapping[str, Dependency]
    output: str = ""
    target: Target = None
    among: tuple[type[Any], ...] = ()

    @property
    def word(self) -> str:
        """What it is called in messages."""
        return f"save_to.{self.key}"


@dataclass(frozen=True, slots=True)
class DataLoader(Modifier):
    """The function returns what it loaded and metadata; its node is what was loaded."""

    @property
    def word(self) -> str:
        """What it is called in messages."""
        return "dataloader"


@dataclass(frozen=True, slots=True)
class DataSaver(Modifier):
    """The function saves something and returns metadata."""

    @property
    def word(self) -> str:
        """What it is called in messages."""
        return "datasaver"


class _LoadFrom:
    """Loaders by key: ``@load_from.csv(path=source("path"))``.

    The parameter's annotation says which type is wanted. Fields of the loader are `source(…)`, `configuration(…)` or literals;
    a path may have parts in braces, and is then one for each item: ``path="pages/{page[name]}.json"``.

    Args:
        inject_: the parameter that is loaded; it may be left out if there is only one.
        fields: the loader's own.

    Raises:
        FlowError: there is no loader of that key.
    """

    def __getattr__(self, key: str) -> Callable[..., LoadFrom]:
        from anabranch.io import loader_keys

        _check_key("load_from", key, loader_keys)

        def declare(*, inject_: str | None = None, **fields: Any) -> LoadFrom:
            return LoadFrom(key, _fields(f"@load_from.{key}", fields), inject_ or "")

        return declare

    def __dir__(self) -> list[str]:
        from anabranch.io import loader_keys

        return loader_keys()


class _SaveTo:
    """Savers by key: ``@save_to.json(path="out.json", output_name_="saved")``.

    The node that saves is called ``save.x``, or as `output_name_` says, and gives the metadata; it runs if it is asked for.
    In a fan-out a path that speaks of the item (``out/{item}.json``, ``out/{page[name]}.json``, or a `source` inside) is one
    file for each; one that does not gets all of them as one list.

    Args:
        output_name_: the name of the node that saves.
        target_: which of the function's nodes are saved; by default the last ones.
        fields: the saver's own: `source(…)`, `configuration(…)` or literals.

    Raises:
        FlowError: there is no saver of that key.
    """

    def __getattr__(self, key: str) -> Callable[..., SaveTo]:
        from anabranch.io import saver_keys

        _check_key("save_to", key, saver_keys)

        def declare(*, output_name_: str | None = None, target_: Target = None, **fields: Any) -> SaveTo:
            return SaveTo(key, _fields(f"@save_to.{key}", fields), output_name_ or "", target_)

        return declare

    def __dir__(self) -> list[str]:
        from anabranch.io import saver_keys

        return saver_keys()


load_from = _LoadFrom()
save_to = _SaveTo()


def dataloader() -> DataLoader:
    """The function loads something: it returns a pair of that and a dict of metadata.

    ``@dataloader() def prices(path: str) -> tuple[Frame, dict]`` makes the nodes ``prices.loader``, the pair, and `prices`,
    what was loaded.
    """
    return DataLoader()


def datasaver() -> DataSaver:
    """The function saves something: it returns a dict of metadata."""
    return DataSaver()


def _check_key(word: str, key: str, keys: Callable[[], list[str]]) -> None:
    if key.startswith("__"):
        raise AttributeError(key)
    known = keys()
    if key not in known:
        advice = "others are made known with anabranch.io.register"
        raise UnknownKey(f"@{word}.{key}: there is no '{key}'{nearest_or_all(key, known)}; {advice}")


def _fields(word: str, given: Mapping[str, Any]) -> dict[str, Dependency]:
    found = {name: as_dependency(one) for name, one in given.items()}
    for name, one in found.items():
        if isinstance(one, (GroupedListDependency, GroupedDictDependency)):
            raise FlowError(f"{word}: '{name}' is group(…); a field takes source(…), configuration(…) or a literal")
    return found
