"""The driver's side of a cache: which nodes are looked up, by which recipe, and the graph of functions that do so.

Theory: what a node wants (`@cache`) weighs more than what the driver was told of it, and this more than what holds for its
kind. Three kinds are made anew unless somebody says otherwise, for what they do is not all in what they return: expanders,
which list what there is; loaders, which read what may have changed; savers, which write. A function that reads a `Stream`, and
an associative collector, have no arguments until they run, so they are always made anew; what they return counts all the same.

The versions of code are made for each run, since a global that a function reads may have changed between two. A graph of kept
functions is made again only if one of them has.
"""

from __future__ import annotations

import inspect
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from typing import Literal

from anabranch.derived import same
from anabranch.errors import FlowError, InputError, nearest_or_all
from anabranch.graph import Graph, Node, Role
from anabranch.markers import marks_of
from anabranch.rebuild.kept import Aim, Facts, Kept
from anabranch.rebuild.shelves import Shelves, store_of
from anabranch.store import Behaviour, Recipe, Settings, Wishes, format_of
from anabranch.versions import Scope, Unversionable, Versions

__all__ = ["BehaviourName", "Caching", "Recipes"]

BehaviourName = Literal["default", "recompute", "disable", "ignore"]
Recipes = Mapping[str, Recipe | None]
"""By node what its results are kept by; None for code that has no version."""


@dataclass(frozen=True)
class Caching:
    """How a driver caches.

    Attributes:
        settings: where the cache is; None for a driver without one.
        scope: which code counts.
        behaviours: of nodes and inputs that were named.
        default: of all others.
        loaders: of those that load data.
        savers: of those that save.
    """

    settings: Settings | None = None
    scope: Scope = field(default_factory=Scope)
    behaviours: Mapping[str, Behaviour] = field(default_factory=dict)
    default: Behaviour = Behaviour.DEFAULT
    loaders: Behaviour = Behaviour.RECOMPUTE
    savers: Behaviour = Behaviour.RECOMPUTE

    @classmethod
    def of(
        cls,
        settings: Settings,
        scope: Scope,
        named: Mapping[Behaviour, Collection[str] | bool],
        kinds: tuple[str, str, str] = ("default", "recompute", "recompute"),
    ) -> Caching:
        """From what a builder was told; `named` says True for all nodes; `kinds` are those of nodes, loaders and savers.

        Raises:
            InputError: a behaviour is unknown, or a node has two.
        """
        default, loaders, savers = (_behaviour(word) for word in kinds)
        behaviours: dict[str, Behaviour] = {}
        for behaviour, names in named.items():
            if names is True:
                default = loaders = savers = behaviour
            for name in () if isinstance(names, bool) else [names] if isinstance(names, str) else names:
                if name in behaviours:
                    raise InputError(f"'{name}' is named for two behaviours, {behaviours[name].value} and {behaviour.value}")
                behaviours[name] = behaviour
        return cls(settings, scope, behaviours, default, loaders, savers)

    def check(self, graph: Graph) -> None:
        """Opens the cache, and looks for names that are none.

        Raises:
            InputError: a node or input that was named is unknown.
            FlowError: a node asks for a format that is unknown.
            StoreError: the cache cannot be opened.
        """
        for name in self.behaviours:
            if name not in graph.nodes and name not in graph.inputs and name not in graph.config:
                raise InputError(f"with_cache names '{name}', which is not there{nearest_or_all(name, graph.nodes)}")
        for name, node in graph.nodes.items():
            if "cache.format" in node.tags:
                try:
                    format_of(Wishes.of(node.tags).format)
                except InputError as error:
                    raise FlowError(f"@cache of '{name}' ({node.origin}): {error}") from None
        if self.settings is not None:
            store_of(self.settings)

    def behaviour(self, graph: Graph, name: str) -> Behaviour:
        """What is done with a node, or with an input."""
        node = graph.nodes.get(name)
        if node is None:
            return self.behaviours.get(name, Behaviour.DEFAULT)
        if "cache.behavior" in node.tags:
            return Wishes.of(node.tags).behaviour
        if name in self.behaviours:
            return self.behaviours[name]
        if any(key.startswith("cache.") for key in node.tags) and self.default is Behaviour.DISABLE:
            return Behaviour.DEFAULT  # it was decorated, so it is meant
        if "hamilton.data_loader" in node.tags:
            return self.loaders
        if "hamilton.data_saver" in node.tags:
            return self.savers
        if node.expands and not any(key.startswith("cache.") for key in node.tags):
            return Behaviour.DISABLE if self.default is Behaviour.DISABLE else Behaviour.RECOMPUTE
        return self.default

    def recipes(self, graph: Graph) -> Recipes:
        """What the results of each node are kept by, as its code is now."""
        versions = Versions(self.scope)
        return {name: _recipe(versions, node) for name, node in graph.nodes.items()}

    def kept(self, graph: Graph, planned: Graph, recipes: Recipes, shelves: Shelves) -> Graph:
        """The graph of kept functions.

        Args:
            graph: as it was built.
            planned: the same, with what else goes around each function.
            recipes: of its nodes.
            shelves: where results are kept.
        """
        made = {name: _kept(self, graph, planned.nodes[name], recipes.get(name), shelves) for name in planned.nodes}
        return replace(planned, nodes=made)


def _behaviour(word: str) -> Behaviour:
    try:
        return Behaviour(word)
    except ValueError:
        known = [one.value for one in Behaviour]
        raise InputError(f"a cache has no behavior '{word}'{nearest_or_all(word, known)}") from None


def _recipe(versions: Versions, node: Node) -> Recipe | None:
    wishes = Wishes.of(node.tags)
    try:
        made = versions.of_code(node.function) if wishes.version is None else versions.of_pin(node.name, wishes.version)
    except Unversionable:
        return None
    return Recipe(node.name, made.digest, made.as_text())


def _kept(caching: Caching, graph: Graph, node: Node, recipe: Recipe | None, shelves: Shelves) -> Node:
    plain = graph.nodes[node.name].function
    if plain is same:
        return node
    wishes, marks = Wishes.of(node.tags), marks_of(plain)
    edges = graph.edges[node.name]
    ways = {edge.source: caching.behaviour(graph, edge.source) for edge in edges}
    unseen = any(way is Behaviour.DISABLE for way in ways.values())
    depths = {edge.parameter.name: edge.parameter.depth for edge in edges if edge.parameter.depth}
    streams = frozenset(edge.parameter.name for edge in edges if edge.parameter.role is Role.STREAM)
    is_async = inspect.iscoroutinefunction(plain) or inspect.isasyncgenfunction(plain)
    ignored = {edge.parameter.name for edge in edges if ways[edge.source] is Behaviour.IGNORE} | wishes.ignore
    ignored |= {told for told in map(marks_of(node.function).get, ("item", "run")) if told}  # adapters want to know
    facts = Facts(
        node.name,
        tuple(parameter.name for parameter in node.parameters if not parameter.keyword),
        depths,
        streams,
        frozenset(ignored),
        wishes.format,
        node.expands,
    )
    aim = _aim(caching.behaviour(graph, node.name), expands=node.expands)
    if streams or node.associative or unseen or is_async or "item" in marks or "run" in marks:
        aim = Aim.PASS
    fleeting = "cache.behavior" in node.tags and wishes.behaviour in {Behaviour.DISABLE, Behaviour.IGNORE}
    lasts = shelves.runs is not None and not (node.associative or is_async or fleeting)  # an address, say, of this process's
    return node._replace(function=Kept(node.function, facts, shelves, recipe, aim, lasts))


def _aim(behaviour: Behaviour, *, expands: bool) -> Aim:
    if behaviour is Behaviour.DEFAULT:
        return Aim.LOOK
    return Aim.MAKE if behaviour is Behaviour.RECOMPUTE and not expands else Aim.PASS
