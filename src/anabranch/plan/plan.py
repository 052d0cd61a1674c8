"""A plan: what a request needs, as tasks. Immutable; made once for outputs, overrides and the inputs that are given.

This module never knows values, only names.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from anabranch.graph import Graph
from anabranch.limits import Limit
from anabranch.placement import ANYWHERE, DEFAULT_PLACE
from anabranch.plan.body import Body, Fan, Value, build_body
from anabranch.plan.frame import CallTask, FanTask, FramePlan, frame_plan
from anabranch.plan.select import Kind, Selection, select
from anabranch.plan.tolls import limits_among
from anabranch.policies import Policy
from anabranch.work import Code

__all__ = ["Plan", "make_plan", "plan_of"]


@dataclass(frozen=True, eq=False)
class Plan:
    """A selection, its nest of loops, and the tasks of the root frame.

    Attributes:
        outputs: for each requested name the value that holds it.
        given: the values that must come with the request.
    """

    selection: Selection
    body: Body
    root: FramePlan
    outputs: dict[str, Value]
    given: tuple[Value, ...]

    def __repr__(self) -> str:
        fans = ", ".join(dict.fromkeys(fan.axis for fan in fans_of(self.body)))
        tasks = f"{len(self.root.tasks)} task{'s' * (len(self.root.tasks) != 1)}"
        return f"<Plan of {', '.join(self.outputs)}: {tasks}" + (f", over {fans}>" if fans else ">")

    def axes_of(self, axis: str) -> tuple[str, ...]:
        """The axes along which an expander itself runs."""
        return self.selection.vertices[axis].axes[:-1]

    @cached_property
    def policies(self) -> dict[str, Policy]:
        """What functions say of their failures, by node."""
        return {v.node: v.policy for v in self.selection.vertices.values() if v.policy is not None}

    @cached_property
    def keeps(self) -> bool:
        """Whether a function of its own accord has its failures kept."""
        return any(policy.on_error == "keep" for policy in self.policies.values())

    @cached_property
    def direct(self) -> CallTask | None:
        """The one task of a flow without fan-outs, if nothing else is to be done; else None."""
        tasks = self.root.tasks
        return tasks[0] if len(tasks) == 1 and isinstance(tasks[0], CallTask) else None

    @cached_property
    def places(self) -> tuple[str, ...]:
        """Where something of it runs, each once; the default place if that is nowhere but in the driver."""
        tasks = (task for task in self.root.tasks if isinstance(task, CallTask) or (isinstance(task, FanTask) and task.code))
        further = [place for policy in self.policies.values() if policy.retries for place in policy.retries.executors]
        return (*dict.fromkeys((*(dict.fromkeys(task.place for task in tasks) or (DEFAULT_PLACE,)), *further)),)

    @cached_property
    def has_needs(self) -> bool:
        """Whether a function says what it needs."""
        return any(vertex.resources for vertex in self.selection.vertices.values())

    @cached_property
    def limits(self) -> dict[str, Limit]:
        """What functions say of how often they may be called, by key."""
        return limits_among(self.selection.vertices.values())

    @cached_property
    def codes(self) -> tuple[tuple[str, Code], ...]:
        """The generated code of each task, by task name, in order; opened frames not included."""
        found = []
        for task in self.root.tasks:
            if task.code is not None:
                found.append((task.name, task.code))
        return tuple(found)


def make_plan(
    graph: Graph,
    outputs: Sequence[str],
    supplied: Sequence[str] = (),
    constant: Sequence[str] = (),
    per_item: Sequence[str] = (),
    *,
    fuse: bool = False,
) -> Plan:
    """Plans a request; see `select` for the arguments and `frame_plan` for `fuse`.

    Raises:
        InputError: a name is unknown or an input is missing.
    """
    return plan_of(select(graph, outputs, supplied, constant, per_item), outputs, fuse=fuse)


def plan_of(selection: Selection, outputs: Sequence[str], *, fuse: bool = False) -> Plan:
    """Plans what has been selected already."""
    body = build_body(selection)
    wanted = {name: Value(name, len(selection.vertices[name].axes)) for name in outputs}
    given = tuple(Value(v.name, len(v.axes)) for v in selection.vertices.values() if v.kind is Kind.GIVEN)
    fuse = fuse and all(vertex.site == ANYWHERE for vertex in selection.vertices.values())
    root = frame_plan(body, selection.vertices, tuple(dict.fromkeys(wanted.values())), fuse=fuse)
    return Plan(selection, body, root, wanted, given)


def fans_of(body: Body) -> list[Fan]:
    """All fans of a body, outer before inner."""
    found: list[Fan] = []
    waiting: list[Body] = [body]
    while waiting:
        current = waiting.pop(0)
        fans = [step for step in current.steps if isinstance(step, Fan)]
        found += fans
        waiting += [fan.body for fan in fans]
    return found


