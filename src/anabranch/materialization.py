"""Nodes for what is to be loaded and saved: declarations become part of a graph.

Theory. ``from_.json(target="x", …)`` puts a node in the place of `x`, function or input: ``load_data.x`` loads, ``x`` gives
the value and ``x.metadata`` the facts. ``to.csv(id="y", …)`` adds the node `y`, which saves and gives the facts. They are
nodes like all others: they run where the executor runs them, are pruned where nobody asks for them, and stand in fan-outs.

Along which axes a saver runs, and what it collects, `anabranch.graph.savers` says.

Everything here is pure: graph and declarations in, nodes out.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from typing import Any

from anabranch.derived import same
from anabranch.errors import FlowError, nearest_or_all
from anabranch.function_modifiers.dependencies import (
    ConfigDependency,
    GroupedDictDependency,
    GroupedListDependency,
    LiteralDependency,
    UpstreamDependency,
)
from anabranch.graph import Graph, Node, Parameter, Role
from anabranch.graph.savers import PLACES, Saver, with_free
from anabranch.io.catalog import loader_for
from anabranch.io.declarations import Declaration, Loading, Saving, from_, to
from anabranch.io.steps import Field, Filled, Given, LoadStep, Read, part_of, working_folder
from anabranch.io.template import Template
from anabranch.kinds import kinds_of

__all__ = ["Loading", "Saving", "from_", "loader_nodes", "saver_nodes", "to", "with_materials"]


def with_materials(graph: Graph, declarations: Iterable[Declaration]) -> Graph:
    """The graph with all that is declared: what is loaded first, then what is saved.

    Raises:
        FlowError: a declaration does not fit the graph, a field is unknown or missing, or no adapter fits the type.
    """
    given = list(declarations)
    for one in given:
        if not isinstance(one, (Loading, Saving)):
            raise FlowError(f"materializers are made with to.… and from_.…, not {type(one).__name__}")
    for one in given:
        if isinstance(one, Loading):
            graph = _extended(graph, loader_nodes(one, graph))
    for one in given:
        if isinstance(one, Saving):
            graph = _extended(graph, saver_nodes(one, graph))
    return graph


def loader_nodes(declaration: Loading, graph: Graph) -> tuple[Node, ...]:
    """The nodes that stand in the place of a declaration's target.

    Raises:
        FlowError: there is no such target, or no loader for its type.
    """
    target, label = declaration.target, declaration.label
    type_, expands = _type_of_target(declaration, graph)
    try:
        loader = loader_for(declaration.key, list if expands else type_)
        fields = _fields(declaration.fields, graph)
        loader.check(list(fields))
    except FlowError as error:
        raise FlowError(f"{label}: {error}") from None
    names = tuple(dict.fromkeys(name for field in fields.values() for name in field.names))
    fields = with_free(fields, {name: graph.value_axes(name) for name in names})
    if target in names:
        raise FlowError(f"{label} reads '{target}' itself; it takes the place of it")
    pair, tags = f"load_data.{target}", {"anabranch.data_loader": declaration.key}
    step = LoadStep(names, fields, working_folder(), loader, list if expands else type_)
    made = Node(
        pair, step, tuple(_plain(name) for name in names), tuple, doc=f"Loads '{target}'.", tags=tags, origin=declaration.origin
    )
    value = Node(
        target,
        part_of(0),
        (_plain(pair),),
        type_,
        expands=expands,
        tags=tags,
        origin=declaration.origin,
        doc=graph.nodes[target].doc if target in graph.nodes else "",
    )
    facts = Node(
        f"{target}.metadata",
        part_of(1),
        (_plain(pair),),
        dict,
        tags=tags,
        origin=declaration.origin,
        doc=f"What is known of where '{target}' was loaded from.",
    )
    return made, value, facts


def saver_nodes(declaration: Saving, graph: Graph) -> tuple[Node, ...]:
    """The nodes that save what is declared; the one that is called like the declaration's id gives the metadata.

    Raises:
        FlowError: a dependency is unknown, the id is taken, no saver takes the type, or all items would go to one path.
    """
    label, known = declaration.label, (*graph.nodes, *graph.inputs)
    if declaration.id in known or declaration.id in graph.config:
        raise FlowError(f"{label}: there is a node or input '{declaration.id}' already; choose another id")
    for name in declaration.dependencies:
        if name not in known and name not in graph.config:
            raise FlowError(f"{label}: there is no '{name}' to be saved{nearest_or_all(name, known)}")
    try:
        fields = _fields(declaration.fields, graph)
    except FlowError as error:
        raise FlowError(f"{label}: {error}") from None
    names = dict.fromkeys((*declaration.dependencies, *(name for field in fields.values() for name in field.names)))
    saver = Saver(label, declaration.key, fields, declaration.dependencies, declaration.combine)
    tags, doc = {"anabranch.data_saver": declaration.key}, f"Saves {', '.join(declaration.dependencies)}."
    parameters = tuple(_plain(name) for name in names)
    node = Node(declaration.id, same, parameters, dict, doc=doc, tags=tags, origin=declaration.origin)
    return saver.nodes(node, {name: graph.value_axes(name) for name in names}, _type_saved(declaration, graph))


def _extended(graph: Graph, nodes: tuple[Node, ...]) -> Graph:
    return Graph.from_nodes({**graph.given, **{node.name: node for node in nodes}}.values(), graph.config, graph.lets_pass)


def _type_of_target(declaration: Loading, graph: Graph) -> tuple[Any, bool]:
    """The type of the target's value, or of its items if it expands, and whether it does."""
    target = declaration.target
    if target in graph.nodes:
        return graph.nodes[target].annotation, graph.nodes[target].expands
    if target not in graph.inputs:
        known = (*graph.inputs, *graph.nodes)
        raise FlowError(
            f"{declaration.label}: nothing is called '{target}', and nothing reads it{nearest_or_all(target, known)}"
        )
    annotations = [parameter.annotation for _, parameter in graph.inputs[target].readers]
    return next((one for one in annotations if kinds_of(one)), annotations[0]), False


def _fields(given: Mapping[str, Any], graph: Graph) -> dict[str, Field]:
    return {name: _field(name, value, graph) for name, value in given.items()}


def _field(name: str, value: Any, graph: Graph) -> Field:
    if isinstance(value, UpstreamDependency):
        return Read(value.source)
    if isinstance(value, LiteralDependency):
        return Given(value.value)
    if isinstance(value, ConfigDependency):
        if value.key not in graph.config:
            raise FlowError(f"'{name}' is configuration('{value.key}'), which the config has not")
        return Given(graph.config[value.key])
    if isinstance(value, (GroupedListDependency, GroupedDictDependency)):
        raise FlowError(f"'{name}' is group(…); a field takes source(…), configuration(…) or a literal")
    if name in PLACES and isinstance(value, (str, os.PathLike)) and "{" in str(value):
        template = Template.parse(str(value)).resolved(
            lambda one: one in graph.nodes or one in graph.inputs or one in graph.config
        )
        return Filled(template)
    if name in PLACES and isinstance(value, str) and "}" in value:
        return Given(Template.parse(value).source.replace("}}", "}"))
    return Given(value)


def _type_saved(declaration: Saving, graph: Graph) -> Any:
    """The type of what is saved, as far as it is known."""
    name = declaration.dependencies[0]
    if name in graph.nodes:
        return graph.nodes[name].annotation
    entry = graph.inputs.get(name)
    return entry.readers[0][1].annotation if entry is not None else type(graph.config.get(name))


def _plain(name: str) -> Parameter:
    return Parameter(name, Role.PLAIN, 0, Any)
