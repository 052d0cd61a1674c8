"""Hamilton's `FunctionGraph`: what a driver knows of its dataflow, as nodes by name."""

from __future__ import annotations

import itertools
import os
from collections.abc import Callable, Collection, Iterable, Mapping
from enum import Enum
from types import ModuleType
from typing import Any, get_args, get_origin

from anabranch.awaiting import Awaited
from anabranch.compat.hamilton._pictures import Digraph, drawn, look_of, place_of
from anabranch.compat.hamilton._words import in_their_words, is_extra, is_facts, tags_of
from anabranch.compat.hamilton.htypes import Collect, Parallelizable, is_parallelizable_type
from anabranch.compat.hamilton.node import DependencyType, Node, NodeType, called_with, linked
from anabranch.draw.views import picture_of_graph
from anabranch.driver import Driver
from anabranch.driver.adapters import Adapters
from anabranch.driver.parts import Parts
from anabranch.graph import Graph, Parameter, Role
from anabranch.graph import Node as GraphNode
from anabranch.graph.graph import nodes_from
from anabranch.lineage.variable import variable_of
from anabranch.registry import make_executor
from anabranch.results import ResultBuilder

__all__ = ["FunctionGraph", "VisualizationNodeModifiers", "create_function_graph", "node_of"]


class VisualizationNodeModifiers(Enum):
    """How a node is shown."""

    IS_OUTPUT = 1
    IS_PATH = 2
    IS_USER_INPUT = 3
    IS_OVERRIDE = 4


class FunctionGraph:
    """The nodes of a dataflow, inputs among them, by name."""

    def __init__(self, nodes: Mapping[str, Node], config: Mapping[str, Any], adapter: Any = None) -> None:
        self.nodes = dict(nodes)
        self.adapter = adapter
        self._config = dict(config)
        self._graph: Graph | None = None

    @classmethod
    def of(cls, graph: Graph) -> FunctionGraph:
        """The same as one of anabranch's graphs, whose tags are in Hamilton's words."""
        made = cls(_nodes(graph), graph.config)
        made._graph = graph
        return made

    @classmethod
    def from_modules(
        cls,
        *modules: ModuleType,
        config: Mapping[str, Any] | None = None,
        adapter: Any = None,  # noqa: ARG003  Hamilton's signature
        allow_module_overrides: bool = False,
    ) -> FunctionGraph:
        """The graph of all functions of these modules.

        Raises:
            ValueError: they do not make a dataflow.
        """
        given = dict(config or {})
        nodes = nodes_from(modules, given, override=allow_module_overrides)
        kept = [node for node in nodes.values() if node.name not in given and not is_extra(node)]
        return cls.of(in_their_words(Graph.from_nodes(kept, given)))

    def _built(self) -> Graph:
        """The graph that this one tells of, or, for nodes that somebody put together, one that is made of them."""
        if self._graph is None:
            made = [described(node) for node in self.nodes.values() if not node.user_defined]
            self._graph = Graph.from_nodes(made, self._config)
        return self._graph

    @property
    def config(self) -> dict[str, Any]:
        """The config that it was built with."""
        return self._config

    def get_nodes(self) -> list[Node]:
        """All nodes, inputs too."""
        return list(self.nodes.values())

    def get_upstream_nodes(
        self,
        final_vars: Iterable[str],
        runtime_inputs: Mapping[str, Any] | None = None,
        runtime_overrides: Mapping[str, Any] | None = None,
    ) -> tuple[set[Node], set[Node]]:
        """All nodes that these need, themselves included, and their inputs; of what is given, only what must be or is."""
        given = None if runtime_inputs is None else {**self._config, **runtime_inputs}
        found: dict[str, Node] = {}
        waiting = [name for name in final_vars if name in self.nodes]
        while waiting:
            node = self.nodes[waiting.pop()]
            if node.name in found:
                continue
            found[node.name] = node
            if node.name not in (runtime_overrides or {}):
                waiting += [one.name for one in node.dependencies if not one.user_defined or _is_wanted(one, node, given)]
        inputs = {node for node in found.values() if node.user_defined}
        return set(found.values()), inputs

    def get_downstream_nodes(self, var_changes: Iterable[str]) -> set[Node]:
        """All nodes that are made of these, themselves included."""
        found: dict[str, Node] = {}
        waiting = list(var_changes)
        while waiting:
            node = self.nodes[waiting.pop()]
            if node.name not in found:
                found[node.name] = node
                waiting += [one.name for one in node.depended_on_by]
        return set(found.values())

    get_impacted_nodes = get_downstream_nodes

    def nodes_between(self, start: str, end: str) -> set[Node]:
        """The nodes on any way from one to the other."""
        upstream, _ = self.get_upstream_nodes([end])
        return self.get_downstream_nodes([start]) & upstream

    def has_cycles(self, nodes: Collection[Any], user_nodes: Collection[Any] = ()) -> bool:
        """False: a dataflow with a cycle cannot be built."""
        return False

    def get_cycles(self, nodes: Collection[Any], user_nodes: Collection[Any] = ()) -> list[list[str]]:
        """None."""
        return []

    def execute(
        self,
        nodes: Collection[Node] | None = None,
        computed: Mapping[str, Any] | None = None,
        overrides: Mapping[str, Any] | None = None,
        inputs: Mapping[str, Any] | None = None,
        run_id: str | None = None,
    ) -> dict[str, Any]:
        """Computes nodes, all by default, in the calling thread. Inputs that need not be given, and are not, are left out.

        Raises:
            NotImplementedError: an input is missing.
        """
        graph = self._built()
        driver = Driver.over(Parts(graph, make_executor("sequential", {}), Adapters()))
        wanted = [node.name for node in (self.nodes.values() if nodes is None else nodes)]
        given = {name: value for name, value in (inputs or {}).items() if name in graph.inputs}
        known = {**given, **self._config, **(overrides or {}), **(computed or {})}
        missing = sorted(name for name, one in graph.inputs.items() if name in wanted and name not in known and one.required)
        if missing:
            raise NotImplementedError(f"input is missing: {', '.join(map(repr, missing))}; give it with inputs={{…}}")
        wanted = [name for name in wanted if name in graph.nodes or name in known]
        replaced = {**(computed or {}), **(overrides or {})}
        found: dict[str, Any] = driver.execute(wanted, given, replaced) if wanted else {}
        return {**known, **found}

    def display_all(self, output_file_path: str | os.PathLike[str] | None = None, **options: Any) -> Digraph | None:
        """A picture of it."""
        return self.display(self.nodes.values(), output_file_path, **options)

    def display(
        self,
        nodes: Collection[Node],
        output_file_path: str | os.PathLike[str] | None = None,
        render_kwargs: Mapping[str, Any] | None = None,
        *,
        keep_dot: bool = False,
        **options: Any,
    ) -> Digraph | None:
        """A picture of these nodes, saved if there is a path, with `keep_dot` also as text for Graphviz."""
        place, look = place_of(output_file_path, render_kwargs), look_of(options, self.nodes)
        picture = drawn(lambda: picture_of_graph(self._built(), place, look, [node.name for node in nodes]))
        if picture is not None and place is not None and keep_dot:
            place.with_suffix("").write_text(picture.dot, encoding="utf-8")
        return picture


def create_function_graph(
    *modules: ModuleType,
    config: Mapping[str, Any] | None = None,
    adapter: Any = None,  # noqa: ARG001  Hamilton's signature
    allow_module_overrides: bool = False,
) -> dict[str, Node]:
    """The nodes of all functions of these modules, by name.

    Raises:
        ValueError: they do not make a dataflow.
    """
    return FunctionGraph.from_modules(*modules, config=config, allow_module_overrides=allow_module_overrides).nodes


def _is_wanted(entry: Node, reader: Node, given: Mapping[str, Any] | None) -> bool:
    return given is None or reader.requires(entry.name) or entry.name in given


def _nodes(graph: Graph) -> dict[str, Node]:
    told = {name for name, node in graph.nodes.items() if not is_facts(node)}
    made = [_node(graph, name) for name in graph.nodes if name in told]
    made += [_input(graph, name) for name in graph.inputs]
    made += [_input(graph, name) for name in graph.config if name not in graph.inputs]
    edges = {
        name: [edge.source for edge in found if edge.source not in graph.config or edge.source in graph.inputs]
        for name, found in graph.edges.items()
        if name in told
    }
    return linked(made, edges)


def node_of(node: GraphNode, defaults: Mapping[str, Any] | None = None) -> Node:
    """One of anabranch's nodes in Hamilton's words."""
    collects = any(parameter.role is not Role.PLAIN for parameter in node.parameters)
    role = NodeType.EXPAND if node.expands else NodeType.COLLECT if collects else NodeType.STANDARD
    items: Any = Parallelizable
    kind = items[node.annotation] if node.expands else node.annotation
    types = {parameter.reads: (_written(parameter), _kind(parameter)) for parameter in node.parameters}
    tags = dict(tags_of(node))
    return Node(node.name, kind, node.doc, _called(node), role, types, tags, (), _originating(node), defaults)


def described(node: Node) -> GraphNode:
    """One of Hamilton's nodes as one of anabranch's: it calls the same, under the names that it reads."""
    assert node.callable is not None
    parameters = tuple(_parameter(key, kind, need) for key, (kind, need) in node.input_types.items())
    expands = is_parallelizable_type(node.type)
    kind = (get_args(node.type) or (Any,))[0] if expands else node.type
    functions = node.originating_functions or ()
    made = GraphNode(node.name, node.callable, parameters, kind, expands, doc=node.documentation, originating=functions)
    return made._replace(tags=dict(node.tags))


def _parameter(name: str, kind: Any, need: DependencyType) -> Parameter:
    required = need is DependencyType.REQUIRED
    if get_origin(kind) is Collect:
        return Parameter(name, Role.COLLECT, 1, get_args(kind)[0], required, keyword=True)
    return Parameter(name, Role.PLAIN, 0, kind, required, keyword=True)


def _called(node: GraphNode) -> Callable[..., Any]:
    """What takes a node's arguments under the names of what they are read from; a coroutine function if the user's is one."""
    called = node.function.__wrapped__ if isinstance(node.function, Awaited) else node.function
    if all(parameter.reads == parameter.name for parameter in node.parameters):
        return called

    def arguments(given: Mapping[str, Any]) -> tuple[list[Any], dict[str, Any]]:
        known = [one for one in node.parameters if one.reads in given]
        by_place = [given[one.reads] for one in itertools.takewhile(lambda one: not one.keyword, known)]
        return by_place, {one.name: given[one.reads] for one in known[len(by_place) :]}

    return called_with(called, arguments)


def _originating(node: GraphNode) -> tuple[Callable[..., Any], ...] | None:
    return node.originating or None


def _node(graph: Graph, name: str) -> Node:
    return node_of(graph.nodes[name], variable_of(graph, name).optional_dependencies_default_values)


def _input(graph: Graph, name: str) -> Node:
    entry = graph.inputs.get(name)
    if entry is None:
        return Node(name, Any, node_source=NodeType.EXTERNAL)
    functions = entry.readers[0][0].originating
    kinds = [parameter.annotation for _, parameter in entry.readers if parameter.annotation is not Any]
    return Node(name, kinds[0] if kinds else Any, node_source=NodeType.EXTERNAL, originating_functions=functions)


def _kind(parameter: Parameter) -> DependencyType:
    return DependencyType.REQUIRED if parameter.required else DependencyType.OPTIONAL


def _written(parameter: Parameter) -> Any:
    """The type as the function's author wrote it."""
    kind: Any = parameter.annotation
    for _ in range(parameter.depth):
        kind = Collect[kind]
    return kind


def is_result_builder(one: Any) -> bool:
    """Whether an adapter makes results."""
    return isinstance(one, ResultBuilder) or callable(getattr(one, "build_result", None))
