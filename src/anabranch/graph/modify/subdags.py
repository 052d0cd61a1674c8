"""Subdags: families of other functions under a namespace, bound to the outer flow.

Theory: the functions of a subdag are a flow of their own: their families are made as anywhere else, with the subdag's config.
Then every name in them is looked up from the inside out: a node of the subdag, an input that is bound, a value of the subdag's
config, or else a name of the outer flow. No node stands between: a bound input is read where it is made, so axes, roles and
types are those of any other edge, and a subdag inside a fan-out, or around one, needs no rule of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from types import ModuleType
from typing import Any

from anabranch.function_modifiers.dependencies import ConfigDependency, Dependency, LiteralDependency, UpstreamDependency
from anabranch.function_modifiers.subdags import Subdag, Subflow
from anabranch.graph.functions import chosen, functions_of
from anabranch.graph.modify.draft import Draft, configured, redirected
from anabranch.graph.modify.family import Family, Scene, checked
from anabranch.markers import marks_of

__all__ = ["with_subdags"]


def with_subdags(family: Family, modifier: Subdag, scene: Scene) -> Family:
    """`subdag` and `parameterized_subdag`: for each flow its nodes, and the function's own node reading them."""
    made: list[Draft] = []
    for draft in family:
        if draft.main:
            for flow in modifier.flows:
                made += _Nested(draft, modifier, flow, scene).drafts()
        else:
            made.append(draft)
    return checked(made, modifier, scene)


class _Nested:
    """One flow of a subdag."""

    def __init__(self, final: Draft, modifier: Subdag, flow: Subflow, scene: Scene) -> None:
        self.final = final
        self.modifier = modifier
        self.flow = flow
        self.scene = scene
        self.where = f"@{modifier.word} on {scene.label}"
        self.name = flow.final or final.name
        self.space = flow.namespace or final.name
        self.config = {key: self._config_value(value) for key, value in flow.config.items()}
        self.inputs = {
            name: configured(one, scene.config, f"{self.where}: input '{name}'") for name, one in flow.inputs.items()
        }
        self.inside = {draft.name: draft for draft in self._inside()}

    def drafts(self) -> Iterator[Draft]:
        for name in self.inputs:
            if name in self.inside:
                why = f"input '{name}' is made by {self.inside[name].node.label}, which is part of the subdag; leave one out"
                raise self.scene.refusal(self.modifier, why)
        for draft in self.inside.values():
            yield self._within(draft)
        yield self._final()

    def _inside(self) -> Family:
        """The nodes of the subdag's functions, under their own names."""
        config = {**self.scene.config, **self.config}
        made = (draft for name, function in self._functions(config) for draft in self.scene.inner(name, function, config))
        return checked(made, self.modifier, self.scene)

    def _functions(self, config: dict[str, Any]) -> Iterator[tuple[str, Callable[..., Any]]]:
        for part in self.modifier.parts:
            if isinstance(part, ModuleType):
                yield from functions_of(part, config)
            elif chosen(part, config):
                yield marks_of(part).get("name") or part.__name__, part

    def _config_value(self, value: Any) -> Any:
        if not isinstance(value, ConfigDependency):
            return value
        found = configured(value, self.scene.config, f"{self.where}: its config")
        return found.value if isinstance(found, LiteralDependency) else value

    def _within(self, draft: Draft) -> Draft:
        """A node of the subdag, under its namespace."""
        node = draft.node
        bindings = {p.name: redirected(draft.origin_of(p.name), self._from_inside) for p in node.parameters}
        named = draft.changed(name=f"{self.space}.{node.name}", originating=(*node.originating, self.scene.function))
        return replace(named, bindings=bindings, main=False, inner=True)

    def _from_inside(self, name: str) -> Dependency:
        """What a name means to a function of the subdag."""
        if name in self.inside:
            return UpstreamDependency(f"{self.space}.{name}")
        if name in self.inputs:
            return self.inputs[name]
        return LiteralDependency(self.config[name]) if name in self.config else UpstreamDependency(name)

    def _final(self) -> Draft:
        """The decorated function's node."""
        bindings = {}
        for parameter in self.final.node.parameters:
            name = parameter.name
            if name in self.flow.external:
                continue
            if name in self.inside or name in self.inputs or name in self.config:
                bindings[name] = self._from_inside(name)
            elif parameter.required:
                why = (
                    f"parameter '{name}' is made by no function of the subdag and is none of its inputs; if it is of the outer "
                    f"flow, say external_inputs=['{name}']"
                )
                raise self.scene.refusal(self.modifier, why)
        return replace(self.final.changed(name=self.name), bindings={**self.final.bindings, **bindings})
