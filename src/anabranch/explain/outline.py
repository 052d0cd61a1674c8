"""A run's plan as plain data: its tasks, the functions in them, and how they lie in each other.

Theory: events name tasks; who reads them later, in a file or a report, must know what the names stand for.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from anabranch.graph import Graph
from anabranch.graph.node import Node
from anabranch.graph.types import describe
from anabranch.plan import Body, Fan, FanTask, Kind, Plan, SourceTask
from anabranch.plan.frame import CallTask, FramePlan, ReaderTask, Task

__all__ = ["NodeOutline", "TaskOutline", "nodes_of", "outline_of"]


@dataclass(frozen=True, slots=True)
class TaskOutline:
    """A task.

    Attributes:
        name: as events name it.
        kind: ``call``, ``expand``, ``fan`` or ``stream``.
        nodes: the functions that run in it, in order.
        reads: the tasks whose values it needs, within the same frame.
        inside: the fan in whose opened items it lies; empty for the root.
        axis: what a fan loops over, or an expander opens.
    """

    name: str
    kind: str
    nodes: tuple[str, ...]
    reads: tuple[str, ...]
    inside: str = ""
    axis: str = ""


def outline_of(plan: Plan | None) -> tuple[TaskOutline, ...]:
    """The tasks of a plan, those of opened items after the fan that they lie in."""
    return tuple(_tasks(plan.root, "")) if plan is not None else ()


def _tasks(frame: FramePlan, inside: str) -> Iterator[TaskOutline]:
    makers = {}
    for task in frame.tasks:
        for value in _made(task):
            makers[value] = task.name
    sources = {task.axis: task.name for task in frame.tasks if isinstance(task, SourceTask)}
    for task, needed in zip(frame.tasks, frame.needs, strict=True):
        reads = [makers[value] for value in needed if value in makers]
        if isinstance(task, FanTask) and task.fan.fresh and task.axis in sources:
            reads.append(f"{sources[task.axis]}()")
        if isinstance(task, ReaderTask):
            reads += [makers[feed.value] for feed in task.feeds if feed is not None and feed.value in makers]
        yield _outline(task, tuple(dict.fromkeys(name for name in reads if name != task.name)), inside)
        if isinstance(task, FanTask) and task.nested:
            yield from _tasks(task.inner, task.name)


def _made(task: Task) -> Iterator[object]:
    if isinstance(task, CallTask):
        yield from task.outputs
    elif isinstance(task, ReaderTask):
        yield task.output
    elif isinstance(task, FanTask):
        yield from task.columns
        yield from (merge.output for merge in task.merges)
        if task.items is not None:
            yield task.items


def _outline(task: Task, reads: tuple[str, ...], inside: str) -> TaskOutline:
    if isinstance(task, FanTask):
        pushed = tuple(merge.output.name for merge in task.merges)
        return TaskOutline(task.name, "fan", (*dict.fromkeys(_nodes(task.fan.body)), *pushed), reads, inside, task.axis)
    if isinstance(task, SourceTask):
        return TaskOutline(f"{task.name}()", "expand", (task.axis,), reads, inside, task.axis)
    nodes = tuple(dict.fromkeys(step.node for table in task.code.tables for step in table.steps))
    return TaskOutline(task.name, "call" if isinstance(task, CallTask) else "stream", nodes, reads, inside)


def _nodes(body: Body) -> Iterator[str]:
    for step in body.steps:
        if isinstance(step, Fan):
            yield from _nodes(step.body)
        elif step.kind is Kind.CALL:
            yield step.node


@dataclass(frozen=True, slots=True)
class NodeOutline:
    """A function of the flow: the axes of its value, whether it `expands`, what it reads, where it stands in the code."""

    name: str
    type: str
    axes: tuple[str, ...]
    expands: bool
    reads: tuple[str, ...]
    origin: str


def nodes_of(graph: Graph | None) -> tuple[NodeOutline, ...]:
    """The functions of a graph."""
    return tuple(_node(graph, node) for node in graph.nodes.values()) if graph is not None else ()


def _node(graph: Graph, node: Node) -> NodeOutline:
    reads = tuple(dict.fromkeys(parameter.reads for parameter in node.parameters))
    axes = tuple(graph.value_axes(node.name))
    return NodeOutline(node.name, describe(node.annotation), axes, node.expands, reads, node.origin)
