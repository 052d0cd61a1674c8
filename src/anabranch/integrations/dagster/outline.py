"""Which functions of a dataflow belong to which asset, and what lies between assets: plain data out of a graph.

Theory: going up from an asset, whatever is found before the next asset is its *own*; assets found there are its *upstream*,
inputs its *inputs*. A function between several assets is own to each: it is part of what each of them is made of. A saver
hangs on the asset that it saves, a check on the first asset, in the order in which they can be computed, whose function it is
about.

This module never knows Dagster, and runs nothing.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

from anabranch.derived.checks import Judged
from anabranch.errors import InputError, nearest_or_all
from anabranch.graph import Graph, Node
from anabranch.validation import DataValidator

__all__ = ["Check", "Outline", "Part", "is_saver", "outline_of", "plain_name"]

SAVERS = ("anabranch.data_saver", "hamilton.data_saver")
"""Tags of nodes that save something and give the facts about that."""


@dataclass(frozen=True, slots=True)
class Check:
    """One check of one function: `node` is the function, `asset` what it counts for."""

    name: str
    asset: str
    node: str
    validator: DataValidator

    @property
    def report(self) -> str:
        """The node that has what the checks of this function found, for all items."""
        return f"{self.node}.report"


@dataclass(frozen=True, slots=True)
class Part:
    """One asset: what is computed for it alone, what it is made of, what saves it, and along which axes it has values."""

    name: str
    own: tuple[str, ...]
    upstream: tuple[str, ...]
    inputs: tuple[str, ...]
    axes: tuple[str, ...]
    savers: tuple[str, ...] = ()
    checks: tuple[Check, ...] = ()


@dataclass(frozen=True, slots=True)
class Outline:
    """The assets of a dataflow, each after those that it is made of."""

    parts: tuple[Part, ...]

    @property
    def inputs(self) -> tuple[str, ...]:
        """The inputs that some asset needs."""
        return tuple(dict.fromkeys(name for part in self.parts for name in part.inputs))

    @property
    def checks(self) -> tuple[Check, ...]:
        """All checks."""
        return tuple(check for part in self.parts for check in part.checks)

    def lacking(self, selected: Collection[str]) -> tuple[str, ...]:
        """The assets that are needed for those that are selected, and are not among them."""
        needed = (name for part in self.parts if part.name in selected for name in part.upstream)
        return tuple(dict.fromkeys(name for name in needed if name not in selected))


def outline_of(graph: Graph, assets: Sequence[str], replaced: Collection[str] = ()) -> Outline:
    """The outline of these outputs of a dataflow; what is `replaced` is not called, so what only it needs is not needed.

    Raises:
        InputError: one is no function of the dataflow, or there are none.
    """
    if not assets:
        raise InputError("there are no assets; name the outputs that are")
    for name in assets:
        if name not in graph.nodes:
            raise InputError(f"there is no function '{name}' to be an asset{nearest_or_all(name, graph.nodes)}")
    chosen = [name for name in graph.nodes if name in set(assets)]
    found = {name: _above(graph, name, set(chosen), replaced) for name in chosen}
    known, savers = set(chosen), _savers(graph, chosen)
    checks = _checks(graph, {name: own for name, (own, _, _) in found.items()})
    parts = []
    for name, (own, upstream, inputs) in found.items():
        saved_by = tuple(saver for saver, saved in savers.items() if saved == name)
        of_savers = (one for saver in saved_by for one in _above(graph, saver, known, replaced)[2])
        needed, axes = tuple(dict.fromkeys((*inputs, *of_savers))), graph.value_axes(name)
        parts.append(Part(name, own, upstream, needed, axes, saved_by, tuple(one for one in checks if one.asset == name)))
    return Outline(tuple(parts))


Names = tuple[str, ...]


def _above(graph: Graph, name: str, assets: set[str], replaced: Collection[str] = ()) -> tuple[Names, Names, Names]:
    """What is found going up from a node, as far as the next asset: functions, assets, inputs; in the graph's order."""
    seen, waiting = {name}, [name]
    while waiting:
        reader = waiting.pop()
        for edge in graph.edges.get(reader, ()) if reader not in replaced else ():
            if edge.source not in seen:
                seen.add(edge.source)
                if edge.source not in assets:
                    waiting.append(edge.source)
    own = tuple(one for one in graph.nodes if one in seen and (one == name or one not in assets))
    upstream = tuple(one for one in graph.nodes if one in seen and one in assets and one != name)
    return own, upstream, tuple(one for one in graph.inputs if one in seen)


def _savers(graph: Graph, assets: Iterable[str]) -> dict[str, str]:
    """The nodes that save something of an asset, by name, and the asset; of several, the one that is computed last."""
    known = set(assets)
    found: dict[str, str] = {}
    for name, node in graph.nodes.items():
        if is_saver(node) and name not in known:
            own, upstream, _ = _above(graph, name, known)
            between = [one for one in own if graph.nodes[one].originating and not is_saver(graph.nodes[one])]
            if upstream and graph.upstream(upstream[-1:]).issuperset(between):  # else it saves something else
                found[name] = upstream[-1]
    return found


def is_saver(node: Node) -> bool:
    """Whether the node saves something, and its value is what is known of that."""
    return any(tag in node.tags for tag in SAVERS)


def _checks(graph: Graph, own: dict[str, Names]) -> list[Check]:
    """The checks of functions that are own to an asset, each at the first such asset."""
    found: list[Check] = []
    seen: set[str] = set()
    for asset, names in own.items():
        taken: set[str] = set()
        for node in names:
            function = graph.nodes[node].function
            if not isinstance(function, Judged) or node in seen:
                continue
            seen.add(node)
            for validator in function.validators:
                word = validator.name() if node == asset else f"{node}_{validator.name()}"
                word = plain_name(word)
                if word in taken:
                    word = f"{word}_{validator.importance.value}"
                if word not in taken:
                    found.append(Check(word, asset, node, validator))
                taken.add(word)
    return found


def plain_name(name: str) -> str:
    """The name in letters, digits and underscores."""
    return "".join(letter if letter.isascii() and (letter.isalnum() or letter == "_") else "_" for letter in name)
