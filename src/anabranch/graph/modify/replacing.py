"""The function's own node, where its body is elsewhere."""

from __future__ import annotations

import inspect
from dataclasses import replace
from typing import Any

from anabranch.awaiting import awaitable
from anabranch.derived import Grouped, Leaf, Listed
from anabranch.function_modifiers.replacing import Does, DynamicTransform
from anabranch.graph.modify.draft import Draft
from anabranch.graph.modify.family import Family, Scene
from anabranch.graph.node import Parameter, Role

__all__ = ["done_by_another", "transformed"]


def done_by_another(family: Family, modifier: Does, scene: Scene) -> Family:
    """`does`: the parameters stay those of the decorated function, and go by name to the other."""
    return tuple(_replaced(draft, modifier, scene) if draft.main else draft for draft in family)


def _replaced(draft: Draft, modifier: Does, scene: Scene) -> Draft:
    signature = inspect.signature(scene.function).parameters
    names = [parameter.name for parameter in draft.node.parameters]
    optional = (parameter.name for parameter in draft.node.parameters if not parameter.required)
    keywords = {name: name for name in names}
    lists = []
    for theirs, ours in modifier.mapping.items():
        if isinstance(ours, str):
            keywords[ours] = theirs
        else:
            lists.append((theirs, Listed(tuple(Leaf(name) for name in ours))))
    function = awaitable(modifier.replacing)
    if lists:
        spent = frozenset(leaf.name for _, listed in lists for leaf in listed.parts if isinstance(leaf, Leaf))
        function = Grouped(function, (), spent, (), tuple(lists))
    defaults = {name: signature[name].default for name in optional}
    return replace(draft.changed(function=function), keywords=keywords, defaults=defaults)


def transformed(family: Family, modifier: DynamicTransform, scene: Scene) -> Family:
    """`dynamic_transform` and `model`: the parameters are what the transform says that it reads."""
    return tuple(_transform(draft, modifier, scene) if draft.main else draft for draft in family)


def _transform(draft: Draft, modifier: DynamicTransform, scene: Scene) -> Draft:
    key = modifier.key
    if key not in scene.config:
        advice = f"give it with Builder.with_config({{'{key}': …}})"
        raise scene.refusal(modifier, f"it takes the config's value of '{key}', and there is none; {advice}")
    transform = modifier.transform(scene.config[key], draft.name, **modifier.extra)
    parameters = (Parameter(name, Role.PLAIN, 0, Any, keyword=True) for name in transform.get_dependents())
    return draft.changed(function=awaitable(transform.compute), parameters=tuple(parameters))
