"""What a driver can tell of its dataflow: names, what depends on what, pictures.

This module never runs anything.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Unpack

from anabranch.driver.request import Output, kinds_of, names_of
from anabranch.errors import InputError, nearest_or_all
from anabranch.graph import Graph
from anabranch.plan import Plan, make_plan

if TYPE_CHECKING:
    from anabranch.draw import LookOptions, Picture

__all__ = ["Lookup", "Variable"]


@dataclass(frozen=True)
class Variable:
    """One name of the dataflow: a node or an input.

    `axes` are the fan-outs along which it has values; `origin` is ``file:line``, empty for inputs.
    """

    name: str
    type: Any
    is_input: bool
    required: bool
    axes: tuple[str, ...]
    expands: bool
    doc: str
    tags: Mapping[str, Any]
    origin: str


class Lookup:
    """A dataflow to be asked about and looked at."""

    graph: Graph

    def plan(self, outputs: Iterable[Output], inputs: Iterable[str] = (), overrides: Mapping[str, Any] | None = None) -> Plan:
        """The compiled plan of a request, as it would run on an executor with many slots.

        Raises:
            InputError: a name is unknown, or an input is missing.
        """
        constant, per_item = kinds_of(overrides or {})
        return make_plan(self.graph, names_of(outputs), (*self.graph.config, *inputs), constant, per_item)

    def list_available_variables(self) -> list[Variable]:
        """All nodes, in topological order, and then the inputs."""
        return [self._variable(name) for name in (*self.graph.nodes, *self.graph.inputs)]

    def what_is_upstream_of(self, *names: str) -> list[Variable]:
        """The named variables and everything that they are computed from, inputs included.

        Raises:
            InputError: a name is unknown.
        """
        self._check_known(names)
        return self._variables(self.graph.upstream(names))

    def what_is_downstream_of(self, *names: str) -> list[Variable]:
        """The named variables and everything that is computed from them.

        Raises:
            InputError: a name is unknown.
        """
        self._check_known(names)
        return self._variables(self.graph.downstream(names))

    def what_is_the_path_between(self, upstream: str, downstream: str) -> list[Variable]:
        """The variables on any way from one to the other, both included; empty if there is none.

        Raises:
            InputError: a name is unknown.
        """
        self._check_known((upstream, downstream))
        return self._variables(self.graph.downstream((upstream,)) & self.graph.upstream((downstream,)))

    # -- pictures --------------------------------------------------------------------------------------------------

    def display_all_functions(self, path: str | os.PathLike[str] | None = None, **look: Unpack[LookOptions]) -> Picture:
        """A picture of the whole dataflow, saved if there is a path; see `anabranch.draw.Look` for the options.

        Raises:
            InputError: an option is unknown, or the picture cannot be saved (``.svg .png .html .mmd .dot``).
        """
        from anabranch.draw.views import picture_of_graph

        return picture_of_graph(self.graph, path, look)

    def visualize_execution(
        self,
        outputs: Sequence[Output],
        path: str | os.PathLike[str] | None = None,
        inputs: Mapping[str, Any] | None = None,
        overrides: Mapping[str, Any] | None = None,
        **look: Unpack[LookOptions],
    ) -> Picture:
        """A picture of what `execute` would run for these outputs. Inputs that are not given are drawn too.

        Raises:
            InputError: a name or an option is unknown, or the picture cannot be saved.
        """
        from anabranch.draw.views import picture_of_plan

        plan = self.plan(outputs, dict.fromkeys((*(inputs or ()), *self.graph.inputs)), overrides)
        return picture_of_plan(self.graph, plan, path, look)

    def visualize_path_between(
        self, upstream: str, downstream: str, path: str | os.PathLike[str] | None = None, **look: Unpack[LookOptions]
    ) -> Picture:
        """A picture of every way from one name to the other.

        Raises:
            InputError: a name is unknown, there is no way, or the picture cannot be saved.
        """
        names = [variable.name for variable in self.what_is_the_path_between(upstream, downstream)]
        if not names:
            raise InputError(f"there is no way from '{upstream}' to '{downstream}'")
        return self._picture(names, path, look, f"From {upstream} to {downstream}")

    def display_upstream_of(
        self, *names: str, path: str | os.PathLike[str] | None = None, **look: Unpack[LookOptions]
    ) -> Picture:
        """A picture of the named variables and of everything that they are computed from.

        Raises:
            InputError: a name is unknown, or the picture cannot be saved.
        """
        found = [variable.name for variable in self.what_is_upstream_of(*names)]
        return self._picture(found, path, look, f"Upstream of {', '.join(names)}")

    def display_downstream_of(
        self, *names: str, path: str | os.PathLike[str] | None = None, **look: Unpack[LookOptions]
    ) -> Picture:
        """A picture of the named variables and of everything that is computed from them.

        Raises:
            InputError: a name is unknown, or the picture cannot be saved.
        """
        found = [variable.name for variable in self.what_is_downstream_of(*names)]
        return self._picture(found, path, look, f"Downstream of {', '.join(names)}")

    def _picture(
        self, names: Sequence[str], path: str | os.PathLike[str] | None, look: LookOptions, title: str
    ) -> Picture:
        from anabranch.draw.views import picture_of_graph

        return picture_of_graph(self.graph, path, look, names, title)

    def has_cycles(self, outputs: Sequence[str] = ()) -> bool:
        """Always False: a flow with a cycle cannot be built."""
        return False

    def _variables(self, names: set[str]) -> list[Variable]:
        return [self._variable(name) for name in (*self.graph.nodes, *self.graph.inputs) if name in names]

    def _variable(self, name: str) -> Variable:
        if name in self.graph.nodes:
            node = self.graph.nodes[name]
            axes = self.graph.value_axes(name)
            return Variable(name, node.annotation, False, False, axes, node.expands, node.doc, node.tags, node.origin)
        entry = self.graph.inputs[name]
        return Variable(name, entry.readers[0][1].annotation, True, entry.required, (), False, "", {}, "")

    def _check_known(self, names: Iterable[str]) -> None:
        known = (*self.graph.nodes, *self.graph.inputs)
        for name in names:
            if name not in known:
                raise InputError(f"unknown name '{name}'{nearest_or_all(name, known)}")
