"""The order in which modifiers are applied, and who applies which.

Theory: what decorators of one function mean together must not depend on the order in which they are written, where only one
order makes sense: a pipe on a node's output works on the nodes that `parameterize` makes, a tag belongs to the nodes that are
there in the end. So there are stages, and within a stage the decorator nearest to `def` comes first.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from anabranch.function_modifiers.checks import CheckOutput, CheckOutputCustom
from anabranch.function_modifiers.data import DataLoader, DataSaver, LoadFrom, SaveTo
from anabranch.function_modifiers.delayed import Resolve
from anabranch.function_modifiers.fields import ExtractColumns, ExtractFields, UnpackFields
from anabranch.function_modifiers.frames import WithColumns
from anabranch.function_modifiers.labels import CacheWish, Tag, TagOutputs
from anabranch.function_modifiers.modifier import Modifier, modifiers_of, parameters_of
from anabranch.function_modifiers.parameters import Inject, Parameterize, ParameterizeExtract
from anabranch.function_modifiers.replacing import Does, DynamicTransform
from anabranch.function_modifiers.steps import Mutation, PipeInput, PipeOutput, mutations_of
from anabranch.function_modifiers.subdags import Subdag
from anabranch.graph.functions import node_of
from anabranch.graph.modify import fields, frames, labels, parameters, pipes, replacing, subdags
from anabranch.graph.modify.draft import Draft, finish
from anabranch.graph.modify.family import Family, Scene
from anabranch.graph.node import Node

__all__ = ["applied", "decided", "family_of", "modified"]

Stage = Mapping[type[Modifier], Callable[[Family, Any, Scene], Family]]


def _with_checks(family: Family, modifier: CheckOutput | CheckOutputCustom, scene: Scene) -> Family:
    from anabranch.graph.modify import checks  # which knows validators, and few flows have any

    if isinstance(modifier, CheckOutput):
        return checks.checked_by_keyword(family, modifier, scene)
    return checks.checked_by_validators(family, modifier, scene)


def _with_data(family: Family, modifier: Modifier, scene: Scene) -> Family:
    from anabranch.graph.modify import data  # which knows adapters

    match modifier:
        case LoadFrom():
            return data.loaded(family, modifier, scene)
        case SaveTo():
            return data.saved(family, modifier, scene)
        case DataLoader():
            return data.loading(family, modifier, scene)
        case DataSaver():
            return data.saving(family, modifier, scene)
    return family


STAGES: tuple[Stage, ...] = (
    {Does: replacing.done_by_another, DynamicTransform: replacing.transformed, Subdag: subdags.with_subdags},
    {Inject: parameters.injected},
    {Parameterize: parameters.parameterized, ParameterizeExtract: parameters.parameterized_with_columns},
    {PipeInput: pipes.piped_in, WithColumns: frames.with_more_columns, LoadFrom: _with_data},
    {DataLoader: _with_data, DataSaver: _with_data},
    {
        ExtractColumns: fields.with_columns_extracted,
        ExtractFields: fields.with_fields_extracted,
        UnpackFields: fields.with_fields_unpacked,
        PipeOutput: pipes.piped_out,
        CheckOutput: _with_checks,
        CheckOutputCustom: _with_checks,
        SaveTo: _with_data,
    },
    {Mutation: pipes.piped_out},
    {Tag: labels.tagged, CacheWish: labels.tagged, TagOutputs: labels.tagged_outputs},
)
"""Each stage: which modifiers belong to it, and what they do to a family."""


def modified(name: str, function: Callable[..., Any], config: Mapping[str, Any]) -> Sequence[Node]:
    """The nodes that a function with modifiers stands for.

    Raises:
        FlowError: a modifier makes no sense here.
    """
    return [finish(draft) for draft in family_of(Scene(name, function, config, family_of))]


def family_of(scene: Scene) -> Family:
    """The drafts that a function stands for."""
    declared = [decided(modifier, scene) for modifier in modifiers_of(scene.function)]
    declared += [Mutation((step,)) for step in mutations_of(scene.function)]
    return applied((Draft(node_of(scene.name, scene.function), main=True),), declared, scene)


def applied(family: Family, declared: Sequence[Modifier], scene: Scene) -> Family:
    """What modifiers, all of them decided, make of a family."""
    for stage in STAGES:
        for modifier in declared:
            apply = stage.get(type(modifier))
            if apply is not None:
                family = apply(family, modifier, scene)
    return family


def decided(modifier: Modifier, scene: Scene) -> Modifier:
    """The modifier, or what the config says that it stands for.

    Raises:
        FlowError: the config lacks a value, or there is no such modifier.
    """
    while isinstance(modifier, Resolve):
        modifier = _resolved(modifier, scene)
    if not any(type(modifier) in stage for stage in STAGES):
        raise scene.refusal(modifier, f"nothing is known of modifiers of the class {type(modifier).__name__}")
    return modifier


def _resolved(modifier: Resolve, scene: Scene) -> Modifier:
    """The modifier that a `resolve` stands for with this config."""
    given = {}
    for name, parameter in parameters_of(modifier.decorate_with).items():
        if name in scene.config:
            given[name] = scene.config[name]
        elif parameter.default is parameter.empty:
            advice = f"give it with Builder.with_config({{'{name}': …}})"
            raise scene.refusal(modifier, f"it takes the config's value of '{name}', and there is none; {advice}")
    made: Any = modifier.decorate_with(**given)
    if not isinstance(made, Modifier):
        raise scene.refusal(modifier, f"decorate_with must return a decorator of this package, not {type(made).__name__}")
    made.check(scene.function)
    return made
