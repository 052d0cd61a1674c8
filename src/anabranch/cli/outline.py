"""A plan as a tree: the tasks of the root frame, what runs in each, and along which axes.

This module never runs anything.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from rich.syntax import Syntax
from rich.text import Text
from rich.tree import Tree

from anabranch.cli.results import Results
from anabranch.graph import Graph, Role
from anabranch.graph.types import describe
from anabranch.plan import CallTask, FanTask, Plan
from anabranch.plan.body import Fan
from anabranch.plan.frame import ReaderTask, SourceTask, Task
from anabranch.plan.select import Kind, Vertex
from anabranch.work import Code

__all__ = ["show_plan", "show_source", "tree_of"]


def show_plan(results: Results, graph: Graph, plan: Plan) -> None:
    """Prints the tree."""
    results.console.print(tree_of(graph, plan))


def show_source(results: Results, plan: Plan) -> None:
    """Prints the generated code, task by task."""
    for number, task in enumerate(_in_order(plan), 1):
        for name, code in _codes(task):
            text = f"# task {number}: {name}\n{code.source.rstrip()}\n"
            if results.terminal:
                results.console.print(Syntax(text, "python", theme="ansi_dark", word_wrap=True))
            else:
                results.print(text)


def tree_of(graph: Graph, plan: Plan) -> Tree:
    """The plan's tasks, each before those that read it."""
    tree = Tree(_text(("plan of ", "bold"), (", ".join(plan.outputs), "bold cyan")), guide_style="dim")
    given = [value.name for value in plan.given if value.name in graph.inputs]
    if given:
        inputs = tree.add(_text(("inputs", "bold")))
        for name in given:
            entry = graph.inputs[name]
            need = "" if entry.required else ", optional"
            inputs.add(_text((name, "cyan"), (f": {describe(entry.readers[0][1].annotation)}{need}", "")))
    writer = _Writer(graph, plan)
    for number, task in enumerate(_in_order(plan), 1):
        writer.add_task(tree, number, task)
    return tree


def _in_order(plan: Plan) -> list[Task]:
    """The tasks, by the last of the steps that they hold."""
    place: dict[str, int] = {}
    for number, step in enumerate(plan.body.steps):
        place[f"fan {step.name}" if isinstance(step, Fan) else step.name] = number
    return sorted(plan.root.tasks, key=lambda task: place[_step_of(task)])


def _step_of(task: Task) -> str:
    if isinstance(task, FanTask):
        return f"fan {task.name}"
    if isinstance(task, SourceTask):
        return f"{task.axis}()"
    return task.outputs[-1].name if isinstance(task, CallTask) else task.output.name


def _codes(task: Task) -> Iterator[tuple[str, Code]]:
    if task.code is not None:
        yield _kind(task), task.code
    for merge in task.merges if isinstance(task, FanTask) else ():
        yield f"merge the parts of {merge.output.name}", merge.code


def _kind(task: Task) -> str:
    if isinstance(task, FanTask):
        return f"for each {task.name}"
    word = {CallTask: "call", SourceTask: "expand", ReaderTask: "stream into"}[type(task)]
    return f"{word} {task.name}"


class _Writer:
    """Puts tasks and what is in them on branches."""

    def __init__(self, graph: Graph, plan: Plan) -> None:
        self.graph = graph
        self.vertices: Mapping[str, Vertex] = plan.selection.vertices

    def add_task(self, tree: Tree, number: int, task: Task) -> None:
        """One task, with its calls and loops."""
        words = _kind(task).rsplit(" " + task.name, 1)[0]
        label = [(f"{number} ", "dim"), (f"{words} ", "bold"), (task.name, "bold cyan")]
        if isinstance(task, FanTask):
            branch = tree.add(_text(*label))
            self.add_steps(branch, task.fan.body.steps)
            for merge in task.merges:
                reads = self._reads(self.vertices[merge.output.name])
                branch.add(_text((merge.output.name, "cyan"), (f"  parts, merged in order{reads}", "dim")))
            if not branch.children:
                branch.add(_text(("its items are listed, nothing is called", "dim")))
            return
        names = self._calls(task)
        if len(names) == 1:
            label += self._node(self.vertices[names[0]])[1:]
        branch = tree.add(_text(*label))
        for name in names if len(names) > 1 else ():
            branch.add(_text(*self._node(self.vertices[name])))

    def add_steps(self, tree: Tree, steps: Sequence[Vertex | Fan]) -> None:
        """The calls and loops of a body."""
        for step in steps:
            if isinstance(step, Fan):
                inside = [one for one in step.body.steps if isinstance(one, Fan) or one.kind is Kind.CALL]
                note = ("", "") if inside else ("  its items become a list", "dim")
                self.add_steps(tree.add(_text(("for each ", "bold"), (step.name, "bold cyan"), note)), inside)
            elif step.kind is Kind.CALL:
                tree.add(_text(*self._node(step)))

    def _calls(self, task: CallTask | SourceTask | ReaderTask) -> list[str]:
        """The vertices that a task calls, in order."""
        if isinstance(task, SourceTask):
            return [f"{task.axis}()"]
        nodes = dict.fromkeys(step.node for table in task.code.tables for step in table.steps)
        return [node for node in nodes if node in self.vertices]

    def _node(self, vertex: Vertex) -> list[tuple[str, str]]:
        node = self.graph.nodes[vertex.node]
        opens = " each, opens the axis" if vertex.name.endswith("()") else ""
        return [(vertex.node, "cyan"), (f": {describe(node.annotation)}{opens}", ""), (self._reads(vertex), "dim")]

    def _reads(self, vertex: Vertex) -> str:
        words = []
        for link in vertex.links:
            if link.name is not None:
                closed = self.vertices[link.source].axes[len(self.vertices[link.source].axes) - link.depth :]
                how = {Role.PLAIN: "", Role.COLLECT: "collects ", Role.STREAM: "streams "}[link.role]
                over = f" over {' × '.join(closed)}" if closed and closed != (link.source,) else ""
                words.append(f"{how}{link.name}{over}")
        return f"  ← {', '.join(words)}" if words else ""


def _text(*parts: tuple[str, str]) -> Text:
    return Text.assemble(*parts)
