"""What a driver can tell of its dataflow: names, what depends on what, pictures.

This module never runs anything.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Unpack

from anabranch.driver.parts import Parts
from anabranch.driver.request import Output, kinds_of, names_of
from anabranch.errors import InputError
from anabranch.graph import Graph
from anabranch.lineage import Lineage, Variable
from anabranch.plan import Plan, make_plan

if TYPE_CHECKING:
    from anabranch.draw import LookOptions, Picture

__all__ = ["Lookup"]


class Lookup:
    """A dataflow to be asked about and looked at."""

    graph: Graph
    _parts: Parts

    def __repr__(self) -> str:
        graph, place = self.graph, type(self._parts.executor).__name__
        inputs = f"; inputs: {', '.join(graph.inputs)}" if graph.inputs else ""
        functions = f"{len(graph.nodes)} function{'s' * (len(graph.nodes) != 1)}"
        return f"<{type(self).__name__} of {functions} on {place}{inputs}>"

    def plan(self, outputs: Iterable[Output], inputs: Iterable[str] = (), overrides: Mapping[str, Any] | None = None) -> Plan:
        """The compiled plan of a request, as it would run on an executor with many slots.

        Raises:
            InputError: a name is unknown, or an input is missing.
        """
        constant, per_item = kinds_of(overrides or {})
        return make_plan(self.graph, names_of(outputs), (*self.graph.config, *inputs), constant, per_item)

    @property
    def lineage(self) -> Lineage:
        """All variables of the dataflow, to be asked what flows into what, and to be exported."""
        return self._parts.lineage

    def export(self, path: str | os.PathLike[str] | None = None) -> dict[str, Any]:
        """All that is known of the dataflow as plain data (`anabranch.lineage`), saved as JSON if there is a path."""
        made = self.lineage.as_dict()
        if path is not None:
            import json

            from anabranch.io import Place

            Place.of(path).write(json.dumps(made, indent=2, ensure_ascii=False).encode())
        return made

    def list_available_variables(self, *, tag_filter: Mapping[str, Any] | None = None) -> list[Variable]:
        """All nodes, in topological order, and then the inputs; with a filter, those that have these tags.

        Args:
            tag_filter: values by tag: one, several of which any will do, or None for any at all.
        """
        return self.lineage.tagged(**tag_filter).nodes if tag_filter else self.lineage.nodes

    def what_is_upstream_of(self, *names: str) -> list[Variable]:
        """The named variables and everything that they are computed from, inputs included.

        Raises:
            InputError: a name is unknown.
        """
        return self.lineage.upstream(*names).nodes

    def what_is_downstream_of(self, *names: str) -> list[Variable]:
        """The named variables and everything that is computed from them.

        Raises:
            InputError: a name is unknown.
        """
        return self.lineage.downstream(*names).nodes

    def what_is_the_path_between(self, upstream: str, downstream: str) -> list[Variable]:
        """The variables on any way from one to the other, both included; empty if there is none.

        Raises:
            InputError: a name is unknown.
        """
        return self.lineage.between(upstream, downstream).nodes

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
