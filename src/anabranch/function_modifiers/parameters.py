"""One function as many nodes, or with other sources for its parameters: the `parameterize` family and `inject`."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from anabranch.errors import FlowError
from anabranch.function_modifiers.dependencies import Dependency, LiteralDependency, UpstreamDependency
from anabranch.function_modifiers.modifier import Modifier

__all__ = [
    "Inject",
    "Parameterization",
    "Parameterize",
    "ParameterizeExtract",
    "ParameterizedExtract",
    "inject",
    "parameterize",
    "parameterize_extract_columns",
    "parameterize_sources",
    "parameterize_values",
]

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Parameterization:
    """One node to be made of the function: its name, where parameters come from, and its text if it has one of its own."""

    output: str
    bindings: Mapping[str, Dependency]
    doc: str | None = None


@dataclass(frozen=True, slots=True)
class Parameterize(Modifier):
    """A node for each parameterization, in the place of the function's own."""

    each: tuple[Parameterization, ...]
    said: str = "parameterize"

    @property
    def word(self) -> str:
        """What it is called in messages."""
        return self.said

    def check(self, function: Callable[..., Any]) -> None:
        """Checks that only parameters are bound."""
        for one in self.each:
            self.check_parameters(function, one.bindings)


@dataclass(frozen=True, slots=True)
class Inject(Modifier):
    """Other sources for some parameters."""

    bindings: Mapping[str, Dependency]

    def check(self, function: Callable[..., Any]) -> None:
        """Checks that only parameters are bound."""
        self.check_parameters(function, self.bindings)


@dataclass(frozen=True, slots=True)
class ParameterizedExtract:
    """One frame to be made of the function: the columns to extract from it, and where parameters come from."""

    outputs: tuple[str, ...]
    input_mapping: Mapping[str, Dependency]


@dataclass(frozen=True, slots=True)
class ParameterizeExtract(Modifier):
    """A frame for each of `each`, and a node for each of its columns; `reassign` names the columns by position."""

    each: tuple[ParameterizedExtract, ...]
    reassign: bool = True

    @property
    def word(self) -> str:
        """What it is called in messages."""
        return "parameterize_extract_columns"

    def check(self, function: Callable[..., Any]) -> None:
        """Checks that only parameters are bound."""
        for one in self.each:
            self.check_parameters(function, one.input_mapping)


def parameterize(
    **parametrization: Mapping[str, Dependency] | tuple[Mapping[str, Dependency], str],
) -> Parameterize:
    """A node for each keyword, made by the same function with other sources for some of its parameters.

    ``@parameterize(eur={"rate": source("eur_rate")}, usd={"rate": value(1.0)})``. A node may have a text of its own:
    ``eur=({"rate": …}, "Price in EUR")``; else it has the function's, in which ``{rate}`` becomes what the parameter is
    bound to, and ``{output_name}`` the node's name.

    Raises:
        FlowError: nothing is given, or what is given is no binding.
    """
    each = []
    for name, given in parametrization.items():
        bindings, doc = given if isinstance(given, tuple) and len(given) == 2 else (given, None)
        each.append(Parameterization(name, _bindings("@parameterize", bindings, name), doc))
    return Parameterize(_some("parameterize", each))


def parameterize_sources(**parameterization: Mapping[str, str]) -> Parameterize:
    """`parameterize` with nothing but sources: ``@parameterize_sources(eur={"rate": "eur_rate"})``.

    Raises:
        FlowError: nothing is given, or a source is no name.
    """
    each = []
    for name, sources in parameterization.items():
        if not isinstance(sources, Mapping) or not all(isinstance(one, str) for one in sources.values()):
            raise FlowError(f"@parameterize_sources: '{name}' takes a dict from parameters to the names of nodes or inputs")
        each.append(Parameterization(name, {key: UpstreamDependency(one) for key, one in sources.items()}))
    return Parameterize(_some("parameterize_sources", each), "parameterize_sources")


def parameterize_values(parameter: str, assigned_output: Mapping[str | tuple[str, str], Any]) -> Parameterize:
    """`parameterize` with literals for one parameter: ``@parameterize_values("day", {"monday": 1, ("sunday", "Free"): 7})``.

    Raises:
        FlowError: nothing is given, or a key is neither a name nor a pair of name and text.
    """
    each = []
    for key, literal in assigned_output.items():
        name, doc = key if isinstance(key, tuple) and len(key) == 2 else (key, None)
        if not isinstance(name, str):
            raise FlowError(f"@parameterize_values: {key!r} is neither a name nor a pair of name and text")
        each.append(Parameterization(name, {parameter: LiteralDependency(literal)}, doc))
    return Parameterize(_some("parameterize_values", each), "parameterize_values")


def parameterize_extract_columns(*extract_config: ParameterizedExtract, reassign_columns: bool = True) -> ParameterizeExtract:
    """A frame and its columns for each of the given `ParameterizedExtract`s.

    Args:
        extract_config: for each frame the names of its columns and where parameters come from.
        reassign_columns: the frame's columns are named by `outputs`, position by position; else they have these names.

    Raises:
        FlowError: nothing is given, or what is given is something else.
    """
    given: tuple[Any, ...] = extract_config
    for one in given:
        if not isinstance(one, ParameterizedExtract):
            kind = type(one).__name__
            raise FlowError(f"@parameterize_extract_columns takes ParameterizedExtract(('a', 'b'), {{…}}), not {kind}")
        _bindings("@parameterize_extract_columns", one.input_mapping, ", ".join(one.outputs))
    return ParameterizeExtract(_some("parameterize_extract_columns", extract_config), reassign_columns)


def inject(**key_mapping: Dependency) -> Inject:
    """Other sources for some parameters: ``@inject(rates=group(source("eur"), source("usd")), day=value(1))``.

    Raises:
        FlowError: nothing is given, or what is given is no dependency.
    """
    if not key_mapping:
        raise FlowError("@inject needs a parameter, as in @inject(rate=source('eur_rate'))")
    return Inject(_bindings("@inject", key_mapping))


def _some(word: str, each: Sequence[T]) -> tuple[T, ...]:
    if not each:
        raise FlowError(f"@{word} needs at least one node to make")
    return tuple(each)


def _bindings(word: str, given: Any, name: str = "") -> dict[str, Dependency]:
    where = f"{word}: '{name}'" if name else word
    if not isinstance(given, Mapping):
        raise FlowError(f"{where} takes a dict from parameters to source(…) or value(…), not {type(given).__name__}")
    for parameter, dependency in given.items():
        if not isinstance(dependency, Dependency):
            raise FlowError(
                f"{where} binds '{parameter}' to a value of type {type(dependency).__name__}; write source('…') for a node "
                f"or input, value(…) for a literal"
            )
    return dict(given)
