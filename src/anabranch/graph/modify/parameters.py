"""Other sources for parameters, once (`inject`) or for several nodes of one function (`parameterize`)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from anabranch.derived import Named
from anabranch.function_modifiers.dependencies import (
    ConfigDependency,
    Dependency,
    GroupedDictDependency,
    GroupedListDependency,
    LiteralDependency,
    UpstreamDependency,
)
from anabranch.function_modifiers.modifier import Modifier
from anabranch.function_modifiers.parameters import Inject, Parameterize, ParameterizeExtract
from anabranch.graph.modify.draft import Draft, bound
from anabranch.graph.modify.family import Family, Scene, checked, replaced
from anabranch.graph.modify.fields import column_drafts

__all__ = ["injected", "parameterized", "parameterized_with_columns"]


def injected(family: Family, modifier: Inject, scene: Scene) -> Family:
    """`inject`: the function's own node reads elsewhere, and its documentation says where."""
    changes = {}
    for draft in family:
        if draft.main:
            told = draft.changed(doc=_formatted(draft.node.doc, modifier.bindings, draft.name, draft))
            changes[draft.name] = (bound(told, modifier.bindings, scene.config, modifier.word),)
    return replaced(family, changes, modifier, scene)


def parameterized(family: Family, modifier: Parameterize, scene: Scene) -> Family:
    """`parameterize` and its kin: the function's own node once for each parameterization, under its name."""
    _check_once(family, modifier, scene)
    made: list[Draft] = []
    for draft in family:
        if not draft.main:
            made.append(draft)
            continue
        for one in modifier.each:
            doc = _formatted(draft.node.doc, one.bindings, one.output, draft) if one.doc is None else one.doc
            made.append(bound(draft.changed(name=one.output, doc=doc), one.bindings, scene.config, modifier.word))
    return checked(made, modifier, scene)


def parameterized_with_columns(family: Family, modifier: ParameterizeExtract, scene: Scene) -> Family:
    """`parameterize_extract_columns`: for each a frame, called ``f__0`` and so on, and its columns."""
    _check_once(family, modifier, scene)
    made: list[Draft] = []
    for draft in family:
        if not draft.main:
            made.append(draft)
            continue
        for number, one in enumerate(modifier.each):
            name = f"{draft.name}__{number}"
            doc = _formatted(draft.node.doc, one.input_mapping, name, draft)
            frame = bound(draft.changed(name=name, doc=doc), one.input_mapping, scene.config, modifier.word)
            if modifier.reassign:
                frame = frame.changed(function=Named(frame.node.function, one.outputs, scene.name))
            made += [frame, *column_drafts(frame, [(column, None) for column in one.outputs], None, modifier, scene)]
    return checked(made, modifier, scene)


def _check_once(family: Family, modifier: Modifier, scene: Scene) -> None:
    if sum(draft.main for draft in family) > 1:
        raise scene.refusal(modifier, "the function makes several nodes already; parameterize it once")


def _formatted(doc: str, bindings: Mapping[str, Dependency], output: str, draft: Draft) -> str:
    """The text with ``{parameter}`` replaced by what the parameter is bound to, and ``{output_name}`` by the node's name."""
    words = {parameter.name: parameter.name for parameter in draft.node.parameters}
    words.update({name: _shown(dependency) for name, dependency in bindings.items()})
    words["output_name"] = output
    return re.sub(r"\{(\w+)\}", lambda match: words.get(match[1], match[0]), doc)


def _shown(dependency: Dependency) -> str:
    match dependency:
        case UpstreamDependency(source=name) | ConfigDependency(key=name):
            return name
        case GroupedListDependency(parts=parts):
            return ", ".join(map(_shown, parts))
        case GroupedDictDependency(parts=pairs):
            return ", ".join(f"{key}={_shown(part)}" for key, part in pairs)
        case LiteralDependency(value=value):
            return _literal(value)


def _literal(value: Any) -> str:
    return str(value) if isinstance(value, (str, int, float, bool)) else type(value).__name__
