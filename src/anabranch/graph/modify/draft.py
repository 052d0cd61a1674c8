"""A node in the making: where each parameter's value comes from, and what becomes of that in the end.

Theory: a parameter reads the node of its own name unless it is bound: to another name, a literal, or a group of these. While
modifiers are applied, bindings are data that can be looked at, moved to another draft (`pipe_input`) and redirected
(`subdag`). `finish` folds them in: a name becomes the parameter's `source`, a literal an argument of a `functools.partial`,
a group parameters of its own that `anabranch.derived.Grouped` puts together.

After a bound literal the other arguments go by keyword, for a partial's keywords would be met by position else.
"""

from __future__ import annotations

import inspect
import typing
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from types import FunctionType
from typing import Any

from anabranch.derived import Fixed, Grouped, Keyed, Leaf, Listed, Placed, Recipe
from anabranch.errors import FlowError
from anabranch.function_modifiers.dependencies import (
    ConfigDependency,
    Dependency,
    GroupedDictDependency,
    GroupedListDependency,
    LiteralDependency,
    UpstreamDependency,
)
from anabranch.graph.node import Node, Parameter, Role
from anabranch.graph.types import assignable, describe, fits

__all__ = ["Draft", "bound", "configured", "finish", "names_in", "redirected"]


@dataclass(frozen=True, slots=True)
class Draft:
    """A node that is not finished: its parameters have no `source` yet.

    Attributes:
        node: what it is apart from its bindings.
        bindings: by parameter; one that is not there reads the node of its own name.
        keywords: what the function that is called calls a parameter, where that differs.
        defaults: values for parameters that may be left out, where the called function has none or others.
        main: whether this is the decorated function's own node.
        inner: whether it is on the way to others and never one of the last, although no draft reads it.
        aside: whether it only looks on (a saver, a report): it is never one of the last, and what it reads still may be.
    """

    node: Node
    bindings: Mapping[str, Dependency] = field(default_factory=dict)
    keywords: Mapping[str, str] = field(default_factory=dict)
    defaults: Mapping[str, Any] = field(default_factory=dict)
    main: bool = False
    inner: bool = False
    aside: bool = False

    @property
    def name(self) -> str:
        """The node's name."""
        return self.node.name

    def changed(self, **changes: Any) -> Draft:
        """The same draft of a node with these fields."""
        return replace(self, node=self.node._replace(**changes))

    def origin_of(self, parameter: str) -> Dependency:
        """Where a parameter's value comes from."""
        return self.bindings.get(parameter) or UpstreamDependency(parameter)

    def reads(self) -> Iterator[str]:
        """The names that its parameters read."""
        for parameter in self.node.parameters:
            yield from names_in(self.origin_of(parameter.name))


def names_in(dependency: Dependency) -> Iterator[str]:
    """The names of nodes or inputs in a dependency."""
    match dependency:
        case UpstreamDependency(source=name):
            yield name
        case GroupedListDependency(parts=parts):
            for part in parts:
                yield from names_in(part)
        case GroupedDictDependency(parts=pairs):
            for _, part in pairs:
                yield from names_in(part)


def redirected(dependency: Dependency, to: Callable[[str], Dependency]) -> Dependency:
    """The dependency with every name in it replaced by what `to` says of it."""
    match dependency:
        case UpstreamDependency(source=name):
            return to(name)
        case GroupedListDependency(parts=parts):
            return GroupedListDependency(tuple(redirected(part, to) for part in parts))
        case GroupedDictDependency(parts=pairs):
            return GroupedDictDependency(tuple((key, redirected(part, to)) for key, part in pairs))
    return dependency


def bound(draft: Draft, bindings: Mapping[str, Dependency], config: Mapping[str, Any], word: str) -> Draft:
    """The draft with these bindings added; config values are looked up.

    Raises:
        FlowError: a parameter is bound already, or the config lacks a value.
    """
    found = dict(draft.bindings)
    for name, dependency in bindings.items():
        if name in found:
            raise FlowError(f"@{word} on {draft.node.label}: parameter '{name}' is bound twice; bind it once")
        found[name] = configured(dependency, config, f"@{word} on {draft.node.label}: parameter '{name}'")
    return replace(draft, bindings=found)


def configured(dependency: Dependency, config: Mapping[str, Any], where: str) -> Dependency:
    """The dependency with config values looked up; `where` begins the message if one is not there.

    Raises:
        FlowError: the config lacks a value.
    """
    match dependency:
        case ConfigDependency(key=key):
            if key not in config:
                advice = f"give it with Builder.with_config({{'{key}': …}})"
                raise FlowError(f"{where} takes the config's value of '{key}', and there is none; {advice}")
            return LiteralDependency(config[key])
        case GroupedListDependency(parts=parts):
            return GroupedListDependency(tuple(configured(part, config, where) for part in parts))
        case GroupedDictDependency(parts=pairs):
            return GroupedDictDependency(tuple((key, configured(part, config, where)) for key, part in pairs))
    return dependency


def finish(draft: Draft) -> Node:
    """The node, with names, literals and groups where they belong.

    Raises:
        FlowError: a binding does not fit its parameter.
    """
    if not draft.bindings and not draft.keywords and not draft.defaults:
        return draft.node
    return _Finish(draft).node()


class _Finish:
    """Folds the bindings of one draft into its parameters and its function."""

    def __init__(self, draft: Draft) -> None:
        self.draft = draft
        self.function: Callable[..., Any] = draft.node.function
        self.parameters: list[Parameter] = []
        self.literals: dict[str, Any] = {}
        self.recipes: dict[str, Recipe] = {}
        self.spent: list[str] = []

    def node(self) -> Node:
        for parameter in self.draft.node.parameters:
            self._place(parameter)
        self._fold_literals()
        self._fold_groups()
        return self.draft.node._replace(function=self.function, parameters=tuple(self.parameters))

    def _place(self, parameter: Parameter) -> None:
        origin = self.draft.origin_of(parameter.name)
        if parameter.name in self.draft.keywords:
            parameter = replace(parameter, name=self.draft.keywords[parameter.name], keyword=True)
        if isinstance(origin, UpstreamDependency):
            source = origin.source if origin.source != parameter.name else ""
            self.parameters.append(replace(parameter, source=source))
        elif isinstance(origin, LiteralDependency):
            self._check_literal(parameter, origin.value)
            self.literals[parameter.name] = origin.value
        else:
            if parameter.role is not Role.PLAIN:
                raise FlowError(f"{self._where(parameter)} takes values of a fan-out and cannot be given a group")
            self.recipes[parameter.name] = self._recipe(parameter, origin, parameter.annotation)

    def _recipe(self, parameter: Parameter, origin: Dependency, annotation: Any) -> Recipe:
        match origin:
            case UpstreamDependency(source=source):
                name = self._fresh(f"{parameter.name}_{len(self.spent)}")
                self.spent.append(name)
                self.parameters.append(Parameter(name, Role.PLAIN, 0, annotation, keyword=parameter.keyword, source=source))
                return Leaf(name)
            case GroupedListDependency(parts=parts):
                inside = self._inside(parameter, annotation, list)
                return Listed(tuple(self._recipe(parameter, part, inside) for part in parts))
            case GroupedDictDependency(parts=pairs):
                inside = self._inside(parameter, annotation, dict)
                return Keyed(tuple((key, self._recipe(parameter, part, inside)) for key, part in pairs))
            case LiteralDependency(value=value) if fits(value, annotation):
                return Fixed(value)
        kind = type(origin.value).__name__ if isinstance(origin, LiteralDependency) else type(origin).__name__
        raise FlowError(f"{self._where(parameter)}: a part of its group must be {describe(annotation)}, not {kind}")

    def _inside(self, parameter: Parameter, annotation: Any, kind: type) -> Any:
        """The type of one part of a group that is given as a list or dict."""
        if not assignable(kind, annotation):
            raise FlowError(f"{self._where(parameter)} takes {describe(annotation)}, but is given a group: a {kind.__name__}")
        arguments = typing.get_args(annotation)
        return arguments[-1] if len(arguments) == (2 if kind is dict else 1) else Any

    def _fresh(self, name: str) -> str:
        taken = {parameter.name for parameter in (*self.draft.node.parameters, *self.parameters)}
        while name in taken:
            name += "_"
        return name

    def _fold_literals(self) -> None:
        literals = {**self._defaults(), **self.literals}
        if not literals:
            return
        first = _positional_only(self.function)
        places = [(place, literals.pop(name)) for place, name in enumerate(first) if name in self.literals]
        if places:
            self.function = Placed(self.function, tuple(places))
        if not literals:
            return
        self.function = partial(self.function, **literals)
        order = [self.draft.keywords.get(parameter.name, parameter.name) for parameter in self.draft.node.parameters]
        later = set(order[min(order.index(name) for name in literals) :])
        if not self.recipes:
            self.parameters = [replace(p, keyword=True) if p.name in later else p for p in self.parameters]

    def _defaults(self) -> dict[str, Any]:
        names = ((self.draft.keywords.get(name, name), value) for name, value in self.draft.defaults.items())
        return {name: value for name, value in names if name not in self.recipes}

    def _fold_groups(self) -> None:
        if not self.recipes:
            return
        names = tuple(parameter.name for parameter in self.parameters)
        positional = tuple(_positional_only(self.draft.node.function))
        spent, recipes = frozenset(self.spent), tuple(self.recipes.items())
        self.function = Grouped(self.function, names, spent, positional, recipes)

    def _check_literal(self, parameter: Parameter, value: Any) -> None:
        if parameter.role is Role.STREAM:
            raise FlowError(f"{self._where(parameter)} is a Stream and cannot be given a literal; let it be a Collect")
        wanted = list if parameter.role is Role.COLLECT else parameter.annotation
        if not fits(value, wanted):
            raise FlowError(f"{self._where(parameter)} takes {describe(wanted)}, but is bound to {type(value).__name__}")

    def _where(self, parameter: Parameter) -> str:
        return f"{self.draft.node.label}: parameter '{parameter.name}'"


def _positional_only(function: Callable[..., Any]) -> list[str]:
    if isinstance(function, FunctionType) and "__wrapped__" not in function.__dict__:
        return list(function.__code__.co_varnames[: function.__code__.co_posonlyargcount])
    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):
        return []
    return [parameter.name for parameter in parameters if parameter.kind is parameter.POSITIONAL_ONLY]
