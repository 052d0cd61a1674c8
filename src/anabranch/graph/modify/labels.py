"""Tags on the nodes of a family."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from anabranch.function_modifiers.labels import Tag, TagOutputs
from anabranch.function_modifiers.modifier import Modifier
from anabranch.graph.modify.family import Family, Scene, chosen_of, replaced

__all__ = ["tagged", "tagged_outputs"]


def tagged(family: Family, modifier: Tag, scene: Scene) -> Family:
    """`tag`, `schema.output` and `cache`: the same tags for all that are meant."""
    names = [draft.name for draft in chosen_of(family, modifier.target, modifier, scene)]
    return _with_tags(family, dict.fromkeys(names, modifier.tags), modifier, scene)


def tagged_outputs(family: Family, modifier: TagOutputs, scene: Scene) -> Family:
    """`tag_outputs`: tags by name."""
    chosen_of(family, list(modifier.tags), modifier, scene)
    return _with_tags(family, modifier.tags, modifier, scene)


def _with_tags(family: Family, tags: Mapping[str, Mapping[str, Any]], modifier: Modifier, scene: Scene) -> Family:
    added = {
        draft.name: (draft.changed(tags={**draft.node.tags, **tags[draft.name]}),) for draft in family if draft.name in tags
    }
    return replaced(family, added, modifier, scene)
