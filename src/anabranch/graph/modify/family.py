"""The nodes that one function stands for, while its modifiers are applied, and which of them a modifier means.

Invariant: no two drafts of a family have one name, and there is at least one.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from anabranch.errors import FlowError, nearest_or_all
from anabranch.function_modifiers.dependencies import Dependency
from anabranch.function_modifiers.modifier import Modifier, Target
from anabranch.graph.modify.draft import Draft
from anabranch.graph.node import Node, Parameter, Role
from anabranch.markers import origin_of

__all__ = ["Family", "Scene", "beside", "checked", "chosen_of", "finals_of", "free_name", "replaced", "the_final"]

Family = tuple[Draft, ...]


@dataclass(frozen=True, slots=True)
class Scene:
    """What a modifier may know besides the family: whose it is and what the flow's config is.

    Attributes:
        name: the function's node, but for modifiers.
        function: the decorated function.
        config: the builder's config, or that of the subdag in which the function stands.
        family_of: the family of another function, under a name and in a scene.
        within: the functions whose modifiers lead here, the outermost first.
    """

    name: str
    function: Callable[..., Any]
    config: Mapping[str, Any]
    family_of: Callable[[Scene], Family]
    within: tuple[Callable[..., Any], ...] = ()

    def inner(self, name: str, function: Callable[..., Any], config: Mapping[str, Any]) -> Family:
        """The family of a function that a modifier of this one leads to.

        Raises:
            FlowError: it leads back to a function that it came from.
        """
        within = (*self.within, self.function)
        if any(function is one for one in within):
            raise FlowError(f"'{name}' ({origin_of(function)}) contains itself; put what it is made of in a module of its own")
        return self.family_of(Scene(name, function, config, self.family_of, within))

    @property
    def label(self) -> str:
        """Name and place of the function, for messages."""
        return f"'{self.name}' ({origin_of(self.function)})"

    def refusal(self, modifier: Modifier, why: str) -> FlowError:
        """The error to raise: names the decorator, the function, and where that is."""
        return FlowError(f"@{modifier.word} on {self.label}: {why}")


def finals_of(family: Family) -> list[Draft]:
    """The last nodes of a family: what none of the others reads, but for those that only look on."""
    read = {name for draft in family if not draft.aside for name in draft.reads()}
    return [draft for draft in family if not draft.inner and not draft.aside and draft.name not in read]


def the_final(family: Family, modifier: Modifier, scene: Scene) -> Draft:
    """The only last node of a family.

    Raises:
        FlowError: there are several.
    """
    finals = finals_of(family)
    if len(finals) != 1:
        names = ", ".join(f"'{draft.name}'" for draft in finals)
        raise scene.refusal(modifier, f"it takes one node, but the function makes {len(finals)}: {names}")
    return finals[0]


def chosen_of(family: Family, target: Target, modifier: Modifier, scene: Scene) -> list[Draft]:
    """The nodes of a family that `target` means.

    Raises:
        FlowError: a name is none of them.
    """
    if target is None:
        return finals_of(family)
    if target is ...:
        return list(family)
    known = {draft.name: draft for draft in family}
    found = []
    for name in (target,) if isinstance(target, str) else target:
        if name not in known:
            raise scene.refusal(modifier, f"the function makes no node '{name}'{nearest_or_all(name, known)}")
        found.append(known[name])
    return found


def replaced(family: Family, changes: Mapping[str, Sequence[Draft]], modifier: Modifier, scene: Scene) -> Family:
    """The family with some drafts, by name, replaced by others.

    Raises:
        FlowError: two drafts would have one name.
    """
    return checked((new for draft in family for new in changes.get(draft.name, (draft,))), modifier, scene)


def checked(drafts: Iterable[Draft], modifier: Modifier, scene: Scene) -> Family:
    """These drafts as a family.

    Raises:
        FlowError: two of them have one name.
    """
    found: dict[str, Draft] = {}
    for draft in drafts:
        if draft.name in found:
            raise scene.refusal(modifier, f"it makes two nodes called '{draft.name}'; rename one")
        found[draft.name] = draft
    return tuple(found.values())


def beside(
    draft: Draft, name: str, function: Callable[..., Any], reads: Mapping[str, Dependency], annotation: Any, **more: Any
) -> Draft:
    """A node that is there because of another one: it has its place, and what its failures mean, but is not tried again.

    Args:
        draft: the other one.
        name: the node's name.
        function: what it calls.
        reads: its parameters, all of them plain, by name, and where their values come from; `types` may give their types.
        annotation: the type of what it gives.
        more: further fields of the node, or `types`.
    """
    types: Mapping[str, Any] = more.pop("types", {})
    node = draft.node
    parameters = tuple(Parameter(key, Role.PLAIN, 0, types.get(key, Any)) for key in reads)
    policy = None if node.policy is None else replace(node.policy, retries=None, timeout=None, limits=())
    shared: dict[str, Any] = {"doc": node.doc, "origin": node.origin, "originating": node.originating, "policy": policy}
    shared |= {"place": node.place, "resources": node.resources}
    return Draft(Node(name, function, parameters, annotation, **{**shared, **more}), dict(reads))


def free_name(name: str, taken: Container[str], number: int = 0) -> str:
    """The name, numbered from this number on where it is taken."""
    while (found := f"{name}_{number}" if number else name) in taken:
        number += 1
    return found
