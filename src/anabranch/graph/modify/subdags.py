"""Subdags: families of other functions under a namespace, bound to the outer flow.

Theory: the functions of a subdag are a flow of their own: their families are made as anywhere else, with the subdag's config.
Then every name in them is looked up from the inside out: a node of the subdag, an input that is bound, a value of the subdag's
config, or else a name of the outer flow. No node stands between: a bound input is read where it is made, so axes, roles and
types are those of any other edge, and a subdag inside a fan-out, or around one, needs no rule of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from types import ModuleType
from typing import Any

from anabranch.function_modifiers.dependencies import ConfigDependency, Dependency, LiteralDependency, UpstreamDependency
from anabranch.function_modifiers.modifier import Modifier
from anabranch.function_modifiers.subdags import Part, Subdag, Subflow
from anabranch.graph.functions import chosen, functions_of
from anabranch.graph.modify.draft import Draft, configured, redirected
from anabranch.graph.modify.family import Family, Scene, checked
from anabranch.markers import marks_of

__all__ = ["Nest", "Outside", "with_subdags"]


def with_subdags(family: Family, modifier: Subdag, scene: Scene) -> Family:
    """`subdag` and `parameterized_subdag`: for each flow its nodes, and the function's own node reading them."""
    made: list[Draft] = []
    for draft in family:
        if not draft.main:
            made.append(draft)
            continue
        for flow in modifier.flows:
            nest = _nest_of(flow, draft, modifier, scene)
            made += [*nest.drafts(), _final(draft, flow, nest, modifier, scene)]
    return checked(made, modifier, scene)


def _nest_of(flow: Subflow, draft: Draft, modifier: Subdag, scene: Scene) -> Nest:
    where = f"@{modifier.word} on {scene.label}"
    config = {key: _config_value(value, scene, f"{where}: its config") for key, value in flow.config.items()}
    inputs = {name: configured(one, scene.config, f"{where}: input '{name}'") for name, one in flow.inputs.items()}
    return Nest(modifier.parts, flow.namespace or draft.name, Outside(inputs, config), modifier, scene)


def _config_value(value: Any, scene: Scene, where: str) -> Any:
    found = configured(value, scene.config, where) if isinstance(value, (ConfigDependency, LiteralDependency)) else None
    return found.value if isinstance(found, LiteralDependency) else value


def _final(draft: Draft, flow: Subflow, nest: Nest, modifier: Subdag, scene: Scene) -> Draft:
    """The decorated function's node, reading the nodes of the subdag."""
    bindings = {}
    for parameter in draft.node.parameters:
        name = parameter.name
        if name in flow.external:
            continue
        if nest.knows(name):
            bindings[name] = nest.meaning_of(name)
        elif parameter.required:
            why = (
                f"parameter '{name}' is made by no function of the subdag and is none of its inputs; if it is of the outer "
                f"flow, say external_inputs=['{name}']"
            )
            raise scene.refusal(modifier, why)
    return replace(draft.changed(name=flow.final or draft.name), bindings={**draft.bindings, **bindings})


@dataclass(frozen=True, slots=True)
class Outside:
    """What names mean to the functions of a nest that none of them gives: inputs that are bound, values of its config."""

    inputs: Mapping[str, Dependency]
    config: Mapping[str, Any]


class Nest:
    """The nodes of some functions under a namespace, for one function of the outer flow.

    Raises:
        FlowError: two of them have one name, or that of an input.
    """

    def __init__(self, parts: Sequence[Part], space: str, outside: Outside, modifier: Modifier, scene: Scene) -> None:
        self.space = space
        self.outside = outside
        self.scene = scene
        config = {**scene.config, **outside.config}
        made = (draft for name, function in _functions(parts, config) for draft in scene.inner(name, function, config))
        self.inside = {draft.name: draft for draft in checked(made, modifier, scene)}
        for name in outside.inputs:
            if name in self.inside:
                why = f"input '{name}' is made by {self.inside[name].node.label}, which is part of it; leave one out"
                raise scene.refusal(modifier, why)

    def drafts(self) -> Iterator[Draft]:
        """The nodes, under the namespace."""
        for draft in self.inside.values():
            node = draft.node
            bindings = {p.name: redirected(draft.origin_of(p.name), self.meaning_of) for p in node.parameters}
            named = draft.changed(name=f"{self.space}.{node.name}", originating=(*node.originating, self.scene.function))
            yield replace(named, bindings=bindings, main=False, inner=True)

    def knows(self, name: str) -> bool:
        """Whether a name means something here that it does not mean in the outer flow."""
        return name in self.inside or name in self.outside.inputs or name in self.outside.config

    def meaning_of(self, name: str) -> Dependency:
        """What a name means to the functions: one of their nodes, an input, a config value, or something of the outer flow."""
        if name in self.inside:
            return UpstreamDependency(f"{self.space}.{name}")
        if name in self.outside.inputs:
            return self.outside.inputs[name]
        if name in self.outside.config:
            return LiteralDependency(self.outside.config[name])
        return UpstreamDependency(name)


def _functions(parts: Sequence[Part], config: Mapping[str, Any]) -> Iterator[tuple[str, Callable[..., Any]]]:
    for part in parts:
        if isinstance(part, ModuleType):
            yield from functions_of(part, config)
        elif chosen(part, config):
            yield marks_of(part).get("name") or part.__name__, part
