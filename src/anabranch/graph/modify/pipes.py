"""Steps before and after a node: `pipe_input`, `pipe_output`, `mutate`.

Theory: a step takes over what stood before it. On the way in, the first step reads what the function's parameter read (a node,
a literal, a group), and the parameter reads the last step. On the way out, the node is renamed to ``x.raw``, the first step
reads that, and a node `x` is another name for the last step's value; steps that are added later go before that name.
"""

from __future__ import annotations

import inspect
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Any

from anabranch.derived import same
from anabranch.function_modifiers.dependencies import Dependency, UpstreamDependency
from anabranch.function_modifiers.modifier import Modifier
from anabranch.function_modifiers.steps import Namespace, PipeInput, PipeOutput, Step
from anabranch.graph.modify.draft import Draft, bound
from anabranch.graph.modify.family import Family, Scene, beside, checked, chosen_of, free_name
from anabranch.graph.node import Parameter, Role

__all__ = ["piped_in", "piped_out"]


def piped_in(family: Family, modifier: PipeInput, scene: Scene) -> Family:
    """`pipe_input`: steps for each parameter that is worked on, before each of the function's own nodes."""
    made: list[Draft] = []
    steps = [step for step in modifier.steps if _holds(step, scene)]
    for draft in family:
        if not draft.main or not steps:
            made.append(draft)
            continue
        changed = draft
        for parameter in modifier.on_input or (draft.node.parameters[0].name,):
            pipe = _Pipe(draft.name, modifier, scene, taken={one.name for one in (*family, *made)})
            drafts = pipe.steps(steps, changed.origin_of(parameter), modifier.namespace)
            drafts[0] = _with_default(drafts[0], changed, parameter, scene)
            changed = replace(changed, bindings={**changed.bindings, parameter: UpstreamDependency(drafts[-1].name)})
            made += drafts
        made.append(changed)
    return checked(made, modifier, scene)


def _with_default(first: Draft, draft: Draft, parameter: str, scene: Scene) -> Draft:
    """The first step of a pipe, which takes over the default of the function's parameter, if it has one."""
    if next(p for p in draft.node.parameters if p.name == parameter).required:
        return first
    default = inspect.signature(scene.function).parameters[parameter].default
    taking, *others = first.node.parameters
    optional = first.changed(parameters=(replace(taking, required=False), *others))
    return replace(optional, defaults={**first.defaults, taking.name: default})


def piped_out(family: Family, modifier: PipeOutput, scene: Scene) -> Family:
    """`pipe_output`: steps after each node that is meant."""
    targets = {draft.name for draft in chosen_of(family, modifier.on_output, modifier, scene)}
    steps = [(step, _names_for(step, family, modifier, scene)) for step in modifier.steps if _holds(step, scene)]
    made: list[Draft] = []
    for draft in family:
        own = [step for step, names in steps if draft.name in (targets if names is None else names)]
        made += _after(draft, own, family, modifier, scene) if own else (draft,)
    return checked(made, modifier, scene)


def _names_for(step: Step, family: Family, modifier: Modifier, scene: Scene) -> set[str] | None:
    """The nodes that a step is for; None if it leaves that to the pipe."""
    return None if step.target is None else {draft.name for draft in chosen_of(family, step.target, modifier, scene)}


def _after(draft: Draft, steps: Sequence[Step], family: Family, modifier: PipeOutput, scene: Scene) -> Iterator[Draft]:
    """The node with steps after it, and its name on the last of them."""
    name, start = draft.name, draft.origin_of("value")
    if draft.node.function is not same:
        raw = draft.changed(name=free_name(f"{name}.raw", {one.name for one in family}), tags={})
        start = UpstreamDependency(raw.name)
        yield raw
    pipe = _Pipe(name, modifier, scene, taken={one.name for one in family})
    drafts = pipe.steps(steps, start, modifier.namespace)
    yield from drafts
    last = drafts[-1]
    reads, types = {"value": UpstreamDependency(last.name)}, {"value": last.node.annotation}
    alias = beside(draft, name, same, reads, last.node.annotation, types=types, tags=draft.node.tags)
    yield replace(alias, inner=draft.inner)


def _holds(step: Step, scene: Scene) -> bool:
    return all(condition.holds(scene.config) for condition in step.conditions)


class _Pipe:
    """Makes the drafts of one pipe."""

    def __init__(self, owner: str, modifier: Modifier, scene: Scene, taken: Iterable[str]) -> None:
        self.owner = owner
        self.modifier = modifier
        self.scene = scene
        self.taken = set(taken)
        self.used: Counter[Any] = Counter()

    def steps(self, steps: Sequence[Step], start: Dependency, namespace: Namespace) -> list[Draft]:
        """A draft for each step, the first reading `start`."""
        drafts: list[Draft] = []
        for step in steps:
            name = self.name_of(step, namespace)
            drafts.append(self.draft(step, name, UpstreamDependency(drafts[-1].name) if drafts else start))
        return drafts

    def name_of(self, step: Step, namespace: Namespace) -> str:
        """The name of a step's node. Without one of its own it has the function's, numbered from the second use on."""
        space = namespace if step.namespace is ... else step.namespace
        space = self.owner if space is ... else space
        prefix = f"{space}." if space else ""
        earlier = self.used[step.own_name]
        self.used[step.own_name] += 1
        if step.name is not None:
            return prefix + step.name
        if not step.own_name:
            raise self.scene.refusal(self.modifier, "a step's function has no name of its own; give it one with .named('…')")
        name = free_name(prefix + step.own_name, self.taken, earlier)
        self.taken.add(name)
        return name

    def draft(self, step: Step, name: str, previous: Dependency) -> Draft:
        """The node of a step."""
        made = self.scene.inner(name, step.function, self.scene.config)
        if len(made) != 1:
            names = ", ".join(f"'{one.name}'" for one in made)
            why = f"a step's function makes one node, but that of '{name}' makes {len(made)}: {names}"
            raise self.scene.refusal(self.modifier, why)
        draft = made[0].changed(originating=(self.scene.function,))
        draft = replace(draft, main=False)
        parameters = draft.node.parameters
        known = {parameter.name for parameter in parameters}
        further = [Parameter(name, Role.PLAIN, 0, Any, keyword=True) for name in step.bindings if name not in known]
        draft = draft.changed(parameters=(*parameters, *further))
        return bound(draft, {parameters[0].name: previous, **step.bindings}, self.scene.config, self.modifier.word)
