"""Plans that have been made: a request of the same names, given and overridden in the same way, needs no planning again.

This module never sees a value, but for the kinds of overrides.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from functools import partial
from typing import Any

from anabranch.driver.direct import Compiled, Walked
from anabranch.driver.parts import Parts
from anabranch.driver.request import Prepared, check_request, kinds_of, names_of, readers_of
from anabranch.errors import InputError, nearest, nearest_or_all
from anabranch.graph import Graph
from anabranch.placement import DEFAULT_PLACE
from anabranch.plan import make_plan, straight

__all__ = ["Plans"]


class Plans:
    """What has been planned for one driver; grows with use, and safe to use from many threads."""

    def __init__(self, parts: Parts, graph: Graph | None = None) -> None:
        self._graph = parts.planned if graph is None else graph
        self._executor = parts.executor
        self._elsewhere = parts.elsewhere
        self._lets_in = parts.lets_in
        self._known: dict[Any, Prepared] = {}

    def __len__(self) -> int:
        return len(self._known)

    def prepared(self, outputs: Iterable[Any], inputs: Mapping[str, Any], overrides: Mapping[str, Any]) -> Prepared:
        """The plan of a request, and what is to be checked before it runs.

        Raises:
            InputError: a name is unknown, an input is missing, or something is of the wrong kind.
        """
        if type(outputs) is not list or type(inputs) is not dict or overrides:
            check_request(outputs, inputs, overrides)
        constant, per_item = kinds_of(overrides) if overrides else ((), ())
        wanted = (outputs,) if isinstance(outputs, str) else tuple(outputs)
        given = (tuple(inputs), constant, per_item)
        try:
            prepared = self._known.get((wanted, *given))
        except TypeError:  # a variable, say, which cannot be hashed
            prepared = None
        if prepared is None:
            names = names_of(wanted)
            prepared = self._known.get((names, *given))
            if prepared is None:
                prepared = self._known[names, *given] = self._compiled(names, inputs, constant, per_item)
        return prepared

    def _compiled(
        self, outputs: tuple[str, ...], inputs: Mapping[str, Any], constant: tuple[str, ...], per_item: tuple[str, ...]
    ) -> Prepared:
        graph = self._graph
        self._check_names(inputs, per_item)
        traits = self._executor.traits
        fuse = traits.slots == 1 and traits.shares_memory
        supplied = (*graph.config, *inputs)
        is_plain = fuse and not (constant or per_item or self._elsewhere)
        table = straight(graph, outputs, {*supplied}) if is_plain else None
        planned = partial(make_plan, graph, outputs, supplied, constant, per_item, fuse=fuse)
        if table is not None:
            return Prepared(outputs, self._checks(table.inputs), planned, Walked(graph, table), self._lets_in)
        plan = planned()
        checks = self._checks(value.name for value in plan.given if not value.name.endswith("!"))
        prepared = Prepared(outputs, checks, lambda: plan, None, self._lets_in)
        is_direct = fuse and plan.places == (DEFAULT_PLACE,) and not (plan.has_needs or plan.limits or prepared.awaits)
        return replace(prepared, direct=Compiled(plan.direct)) if plan.direct is not None and is_direct else prepared

    def _checks(self, names: Iterable[str]) -> tuple[tuple[str, tuple[tuple[Any, bool, str], ...]], ...]:
        return tuple((name, readers_of(self._graph, name)) for name in names if name in self._graph.inputs)

    def _check_names(self, inputs: Mapping[str, Any], per_item: tuple[str, ...]) -> None:
        graph = self._graph
        for name in inputs:
            if name in graph.nodes:
                raise InputError(f"input '{name}' is a function, {graph.nodes[name].label}; give it in overrides={{…}}")
            if not isinstance(name, str):
                raise InputError(f"inputs are given by name, not by {type(name).__name__}")
            if name not in graph.inputs and name not in graph.config:
                near = nearest(name, (*graph.inputs, *graph.nodes))
                raise InputError(f"unknown input '{name}'{near or nearest_or_all(name, graph.inputs)}")
        for name in per_item:
            if name in graph.inputs:
                raise InputError(f"override '{name}' is PerItem, but '{name}' is an input, which is one value; give that")
