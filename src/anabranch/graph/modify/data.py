"""Nodes that load and save, for single functions.

Theory: a field of an adapter that is no literal is a parameter of the node that calls it, bound like any other. A path with
parts in braces reads the names in them. What a path means in a fan-out is decided when the axes are known (see
`anabranch.graph.savers`).
"""

from __future__ import annotations

import os
import typing
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from anabranch.errors import FlowError
from anabranch.function_modifiers.data import DataLoader, DataSaver, LoadFrom, SaveTo
from anabranch.function_modifiers.dependencies import Dependency, LiteralDependency, UpstreamDependency
from anabranch.function_modifiers.modifier import Modifier
from anabranch.graph.axes import Axes
from anabranch.graph.modify.draft import Draft, configured
from anabranch.graph.modify.family import Family, Scene, beside, checked, chosen_of
from anabranch.graph.node import Node, Parameter
from anabranch.graph.savers import PLACES, Saver, with_free
from anabranch.graph.types import assignable, describe
from anabranch.io.catalog import loader_for
from anabranch.io.steps import Field, Filled, Given, LoadStep, Read, part_of, working_folder
from anabranch.io.template import Template

__all__ = ["loaded", "loading", "saved", "saving"]

SAVED = "value"


def loaded(family: Family, modifier: LoadFrom, scene: Scene) -> Family:
    """`load_from`: before each of the function's own nodes, the pair that is loaded and the part of it that is injected."""
    made: list[Draft] = []
    for draft in family:
        if draft.main:
            parameter = next(p for p in draft.node.parameters if not modifier.inject or p.name == modifier.inject)
            pair, value = _loaded_for(draft, parameter, modifier, scene)
            bindings = {**draft.bindings, parameter.name: UpstreamDependency(value.name)}
            made += [pair, value, replace(draft, bindings=bindings)]
        else:
            made.append(draft)
    return checked(made, modifier, scene)


def _loaded_for(draft: Draft, parameter: Parameter, modifier: LoadFrom, scene: Scene) -> tuple[Draft, Draft]:
    name = parameter.name
    if parameter.depth or name in draft.bindings:
        why = "takes values of a fan-out" if parameter.depth else "is bound already"
        raise scene.refusal(modifier, f"parameter '{name}' {why} and cannot be loaded")
    fields, reads = _fields(modifier.fields, modifier, scene)
    try:
        loader = loader_for(modifier.key, parameter.annotation, modifier.among)
        loader.check(list(fields))
    except FlowError as error:
        raise scene.refusal(modifier, f"for parameter '{name}': {error}") from None
    step = LoadStep(tuple(reads), fields, working_folder(), loader, parameter.annotation)
    facts = {"hamilton.data_loader.source": modifier.key, "hamilton.data_loader.classname": loader.__name__}
    tags = {"hamilton.data_loader": True, **facts, "hamilton.data_loader.node": name}
    pair = beside(
        draft,
        f"{draft.name}.load_data.{name}",
        step,
        reads,
        tuple,
        doc=f"Loads '{name}'.",
        tags={**tags, "hamilton.data_loader.has_metadata": True},
        late=_with_free_parts,
    )
    value = beside(
        draft,
        f"{draft.name}.select_data.{name}",
        part_of(0),
        {"value": UpstreamDependency(pair.name)},
        parameter.annotation,
        types={"value": tuple},
        doc=f"What was loaded for '{name}'.",
        tags={**tags, "hamilton.data_loader.has_metadata": False},
    )
    return replace(pair, inner=True), replace(value, inner=True)


def _with_free_parts(node: Node, axes: Mapping[str, Axes]) -> tuple[Node, ...]:
    """A node that loads, with a path that knows which of its parts are the same for all items."""
    function = node.function.func if isinstance(node.function, partial) else node.function
    assert isinstance(function, LoadStep)
    step: Any = replace(function, fields=with_free(function.fields, axes))
    if isinstance(node.function, partial):
        step = partial(step, **node.function.keywords)
    return (node._replace(function=step, late=None),)


def saved(family: Family, modifier: SaveTo, scene: Scene) -> Family:
    """`save_to`: beside each node that is meant, one that saves it."""
    chosen = chosen_of(family, modifier.target, modifier, scene)
    if modifier.output and len(chosen) > 1:
        names = ", ".join(f"'{draft.name}'" for draft in chosen)
        raise scene.refusal(
            modifier, f"'{modifier.output}' would save {len(chosen)} nodes: {names}; choose one with target_='…'"
        )
    return checked((*family, *(_saver_of(draft, modifier, scene) for draft in chosen)), modifier, scene)


def _saver_of(draft: Draft, modifier: SaveTo, scene: Scene) -> Draft:
    fields, reads = _fields(modifier.fields, modifier, scene)
    label = f"@{modifier.word} on {scene.label}"
    saver = Saver(label, modifier.key, fields, (SAVED,), tag="hamilton.data_saver", among=modifier.among[::-1])
    tags = {"hamilton.data_saver": True, "hamilton.data_saver.sink": modifier.key}
    made = beside(
        draft,
        modifier.output or f"save.{draft.name}",
        _Unsettled(),
        {SAVED: UpstreamDependency(draft.name), **reads},
        dict,
        types={SAVED: draft.node.annotation},
        doc=f"Saves '{draft.name}'.",
        tags=tags,
        late=_Saving(saver),
    )
    return replace(made, aside=True)


@dataclass(frozen=True, slots=True)
class _Unsettled:
    """Stands for a function until the axes are known; nobody calls it."""

    def __call__(self, **given: Any) -> Any:
        raise NotImplementedError(given)


@dataclass(frozen=True, slots=True)
class _Saving:
    """The nodes of a saver, when the axes are known."""

    saver: Saver

    def __call__(self, node: Node, axes: Mapping[str, Axes]) -> tuple[Node, ...]:
        type_ = next(parameter.annotation for parameter in node.parameters if parameter.name == SAVED)
        return self.saver.nodes(node, axes, type_)


def _fields(
    given: Mapping[str, Dependency], modifier: Modifier, scene: Scene
) -> tuple[dict[str, Field], dict[str, Dependency]]:
    """The fields of an adapter, and the parameters that they read: those of fields, and names in paths."""
    templates: dict[str, Template] = {}
    values: dict[str, Any] = {}
    sources: dict[str, Dependency] = {}
    for name, one in given.items():
        dependency = configured(one, scene.config, f"@{modifier.word} on {scene.label}: '{name}'")
        if not isinstance(dependency, LiteralDependency):
            sources[name] = dependency
        elif name in PLACES and isinstance(dependency.value, (str, os.PathLike)) and "{" in str(dependency.value):
            templates[name] = _template(str(dependency.value), modifier, scene)
        else:
            values[name] = dependency.value
    reads: dict[str, Dependency] = {name: UpstreamDependency(name) for one in templates.values() for name in one.names}
    fields: dict[str, Field] = {name: Filled(template) for name, template in templates.items()}
    fields.update({name: Given(value) for name, value in values.items()})
    for name, dependency in sources.items():
        parameter = name
        while parameter in reads or parameter == SAVED:
            parameter += "_"
        reads[parameter] = dependency
        fields[name] = Read(parameter)
    return fields, reads


def _template(path: str, modifier: Modifier, scene: Scene) -> Template:
    try:
        template = Template.parse(path).resolved(lambda name: "." not in name)
    except FlowError as error:
        raise scene.refusal(modifier, str(error)) from None
    if SAVED in template.names:
        raise scene.refusal(modifier, f"the path '{path}' has '{{{SAVED}}}' in it; give that node another name")
    return template


def loading(family: Family, modifier: DataLoader, scene: Scene) -> Family:
    """`dataloader`: the function's own node becomes ``x.loader``, and `x` the first part of what it gives."""
    made: list[Draft] = []
    for draft in family:
        if not draft.main:
            made.append(draft)
            continue
        annotation = draft.node.annotation
        parts = typing.get_args(annotation)
        if not assignable(annotation, tuple) or (parts and (len(parts) != 2 or not assignable(parts[1], dict))):
            why = f"the function must return what it loaded and a dict, tuple[…, dict], but returns {describe(annotation)}"
            raise scene.refusal(modifier, why)
        name = draft.name
        tags = {"hamilton.data_loader": True, "hamilton.data_loader.node": name, "hamilton.data_loader.classname": f"{name}()"}
        facts = {"hamilton.data_loader.source": "loader", "hamilton.data_loader.has_metadata": True}
        loader = draft.changed(name=f"{name}.loader", tags={**draft.node.tags, **tags, **facts})
        facts = {"hamilton.data_loader.source": name, "hamilton.data_loader.has_metadata": False}
        value = beside(
            draft,
            name,
            part_of(0),
            {"value": UpstreamDependency(loader.name)},
            parts[0] if parts else Any,
            types={"value": annotation},
            tags={**draft.node.tags, **tags, **facts},
        )
        made += [loader, replace(value, inner=draft.inner)]
    return checked(made, modifier, scene)


def saving(family: Family, modifier: DataSaver, scene: Scene) -> Family:
    """`datasaver`: the function's own node, known as one that saves."""
    made: list[Draft] = []
    for draft in family:
        if draft.main and not assignable(draft.node.annotation, dict):
            why = f"the function must return a dict of metadata, but returns {describe(draft.node.annotation)}"
            raise scene.refusal(modifier, why)
        sink = {"hamilton.data_saver.sink": draft.name, "hamilton.data_saver.classname": f"{draft.name}()"}
        tags = {**draft.node.tags, "hamilton.data_saver": True, **sink}
        made.append(draft.changed(tags=tags) if draft.main else draft)
    return checked(made, modifier, scene)
