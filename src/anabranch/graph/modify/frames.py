"""`with_columns`: a nest of functions that make columns, and the frame with them added, in the place of the frame."""

from __future__ import annotations

import sys
import typing
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from anabranch.derived import Ingredient, Widened
from anabranch.errors import nearest_or_all
from anabranch.function_modifiers.dependencies import Dependency, UpstreamDependency
from anabranch.function_modifiers.frames import WithColumns
from anabranch.graph.modify.draft import Draft
from anabranch.graph.modify.family import Family, Scene, beside, checked
from anabranch.graph.modify.fields import column_type
from anabranch.graph.modify.spark import of_columns
from anabranch.graph.modify.subdags import Nest, Outside
from anabranch.graph.types import assignable

__all__ = ["with_more_columns"]

_NO_COLUMNS = (int, float, complex, str, bytes, bool, dict, type(None))
"""Types of nodes that are not added to a frame of unknown type unless they are selected."""


def with_more_columns(family: Family, modifier: WithColumns, scene: Scene) -> Family:
    """Before each of the function's own nodes: the columns, and the frame with them."""
    for key in modifier.required:
        if key not in scene.config:
            advice = f"give it with Builder.with_config({{'{key}': …}})"
            raise scene.refusal(modifier, f"it requires the config's value of '{key}', and there is none; {advice}")
    made: list[Draft] = []
    for draft in family:
        made += _Frame(draft, modifier, scene).drafts() if draft.main else (draft,)
    return checked(made, modifier, scene)


class _Frame:
    """The frame that one parameter of one node reads."""

    def __init__(self, draft: Draft, modifier: WithColumns, scene: Scene) -> None:
        self.draft = draft
        self.modifier = modifier
        self.scene = scene
        self.parameter = next(p for p in draft.node.parameters if not modifier.on_input or p.name == modifier.on_input)
        self.origin = draft.origin_of(self.parameter.name)
        self.space = modifier.namespace or draft.name
        self.column = _ingredient_type(self.parameter.annotation)
        if self.parameter.depth:
            why = f"parameter '{self.parameter.name}' takes values of a fan-out; collect them in a function of its own"
            raise scene.refusal(modifier, why)

    def drafts(self) -> Iterator[Draft]:
        inputs: dict[str, Dependency] = {name: UpstreamDependency(f"{self.space}.{name}") for name in self.modifier.passed}
        if self.modifier.frame_as:
            inputs[self.modifier.frame_as] = self.origin
        nest = Nest(self.modifier.parts, self.space, Outside(inputs, {}), self.modifier, self.scene)
        if getattr(self.column, "__module__", "").startswith("pyspark."):
            nest.inside = {name: of_columns(one, self.column, self.modifier, self.scene) for name, one in nest.inside.items()}
        for name in self.modifier.passed:
            yield self._made(f"{self.space}.{name}", Ingredient(name, self.scene.name), {}, self.column)
        yield from nest.drafts()
        selected = self._selected(nest)
        columns = {f"value_{number}": nest.meaning_of(name) for number, name in enumerate(selected)}
        made = self._made(f"{self.space}._append", Widened(tuple(selected)), columns, self.parameter.annotation)
        yield made
        bindings = {**self.draft.bindings, self.parameter.name: UpstreamDependency(made.name)}
        yield replace(self.draft, bindings=bindings)

    def _made(self, name: str, function: Callable[..., Any], columns: Mapping[str, Dependency], annotation: Any) -> Draft:
        """A node that reads the frame, and columns."""
        types = {"value": self.parameter.annotation, **dict.fromkeys(columns, self.column)}
        made = beside(self.draft, name, function, {"value": self.origin, **columns}, annotation, types=types, doc="")
        return replace(made, inner=True)

    def _selected(self, nest: Nest) -> list[str]:
        """The nodes that are added as columns."""
        if self.modifier.select is None:
            return [name for name, draft in nest.inside.items() if self._may_be_column(draft.node.annotation)]
        for name in self.modifier.select:
            if not nest.knows(name):
                why = f"there is no column '{name}' to select{nearest_or_all(name, nest.inside)}"
                raise self.scene.refusal(self.modifier, why)
        return list(self.modifier.select)

    def _may_be_column(self, annotation: Any) -> bool:
        kind = typing.get_origin(annotation) or annotation
        return kind not in _NO_COLUMNS if self.column is Any else assignable(annotation, self.column)


def _ingredient_type(annotation: Any) -> Any:
    """The type of what columns of a frame are computed from: of a lazy frame, an expression."""
    kind = column_type(annotation)
    is_lazy = getattr(kind, "__name__", "") == "LazyFrame"
    return getattr(sys.modules["polars"], "Expr", Any) if is_lazy else kind
