"""Nodes for what is to be loaded and saved: declarations become part of a graph.

Theory. ``from_.json(target="x", …)`` puts a node in the place of `x`, function or input: ``load_data.x`` loads, ``x`` gives
the value and ``x.metadata`` the facts. ``to.csv(id="y", …)`` adds the node `y`, which saves and gives the facts. They are
nodes like all others: they run where the executor runs them, are pruned where nobody asks for them, and stand in fan-outs.

A saver runs once for each item of the axes that its *fields* speak of: ``{item}`` speaks of all axes of what is saved,
``{item[0]}`` of the outermost, ``{page[name]}`` and ``source("page")`` of those of `page`. What is saved is collected along
its other axes, so a path that speaks of no item gets all of them as one list. Items never overwrite each other unnoticed: a
path that is the same for all of them is an error here, and two that turn out to be equal are one when all are written.

Everything here is pure: graph and declarations in, nodes out.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from typing import Any

from anabranch.errors import FlowError, nearest_or_all
from anabranch.graph import Graph, Node, Parameter, Role
from anabranch.io.adapter import DataSaver
from anabranch.io.catalog import chosen_saver, loader_for, no_saver, saver_candidates
from anabranch.io.declarations import Declaration, Loading, Saving, from_, to
from anabranch.io.steps import PATHS, Field, Filled, Given, LoadStep, OneFileEach, Read, SaveStep, part_of, working_folder
from anabranch.io.template import Template
from anabranch.kinds import kinds_of

__all__ = ["Loading", "Saving", "from_", "loader_nodes", "saver_nodes", "to", "with_materials"]

PLACES = {*PATHS, "table_name"}
"""Fields that may have parts in braces."""

Axes = tuple[str, ...]


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
    read = tuple(dict.fromkeys(name for field in fields.values() for name in field.names))
    axes = _axes_of(declaration, fields, read, graph)
    depths = {name: _depth(graph.value_axes(name), axes) for name in declaration.dependencies}
    candidates = _candidates(declaration, fields, depths, graph)
    names = tuple(dict.fromkeys((*declaration.dependencies, *read)))
    step = SaveStep(names, fields, working_folder(), declaration.key, candidates, declaration.dependencies, declaration.combine)
    parameters = tuple(_collected(name, depths.get(name, 0)) for name in names)
    tags = {"anabranch.data_saver": declaration.key}
    doc = f"Saves {', '.join(declaration.dependencies)}."
    each = axes and any(field in fields for field in PLACES) and not _tells_apart(fields, len(axes))
    name = f"{declaration.id}.item" if each else declaration.id
    saver = Node(name, step, parameters, dict, doc=doc, tags=tags, origin=declaration.origin)
    if not each:
        return (saver,)
    all_of = Node(
        declaration.id,
        OneFileEach(declaration.id),
        (_collected(name, len(axes)),),
        list,
        doc=doc,
        tags=tags,
        origin=declaration.origin,
    )
    return saver, all_of


def _extended(graph: Graph, nodes: tuple[Node, ...]) -> Graph:
    return Graph.from_nodes({**graph.nodes, **{node.name: node for node in nodes}}.values(), graph.config)


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
    kind = type(value).__name__  # the classes are those of `anabranch.function_modifiers`
    if kind == "UpstreamDependency":
        return Read(value.source)
    if kind == "LiteralDependency":
        return Given(value.value)
    if kind == "ConfigDependency":
        if value.key not in graph.config:
            raise FlowError(f"'{name}' is configuration('{value.key}'), which the config has not")
        return Given(graph.config[value.key])
    if kind in {"GroupedListDependency", "GroupedDictDependency"}:
        raise FlowError(f"'{name}' is group(…); a field takes source(…), configuration(…) or a literal")
    if name in PLACES and isinstance(value, (str, os.PathLike)) and "{" in str(value):
        template = Template.parse(str(value)).resolved(
            lambda one: one in graph.nodes or one in graph.inputs or one in graph.config
        )
        return Filled(template, frozenset(one for one in template.names if not graph.value_axes(one)))
    if name in PLACES and isinstance(value, str) and "}" in value:
        return Given(Template.parse(value).source.replace("}}", "}"))
    return Given(value)


def _templates(fields: Mapping[str, Field]) -> list[Template]:
    return [field.template for field in fields.values() if isinstance(field, Filled)]


def _tells_apart(fields: Mapping[str, Field], axes: int) -> bool:
    """Whether some field has all indices of the item in it, so that no two items go to the same place."""
    return any(one.whole_item or one.positions >= set(range(axes)) for one in _templates(fields))


def _axes_of(declaration: Saving, fields: Mapping[str, Field], read: tuple[str, ...], graph: Graph) -> Axes:
    """The axes along which a saver runs: those that its fields speak of, and those around them."""
    saved = _union(graph, declaration.dependencies)
    spoken = set(_union(graph, read))
    templates = _templates(fields)
    for template in templates:
        spoken.update(saved if template.whole_item else (saved[n] for n in template.positions if n < len(saved)))
    if any(template.uses_item for template in templates) and not saved:
        raise FlowError(f"{declaration.label}: the path has {{item}}, but what is saved is in no fan-out")
    whole = [graph.value_axes(name) for name in declaration.dependencies]
    opened = [axis for axes in whole for axis in axes[: len(axes) - _depth(axes, spoken)]]
    axes = tuple(dict.fromkeys((*opened, *_union(graph, read))))
    path = fields.get("path")
    if axes and isinstance(path, Given):
        raise FlowError(f"{declaration.label}: all items would be written to '{path.value}'; write {{item}} into the path")
    return axes


def _union(graph: Graph, names: Iterable[str]) -> Axes:
    return tuple(dict.fromkeys(axis for name in names for axis in graph.value_axes(name)))


def _depth(axes: Axes, opened: Iterable[str]) -> int:
    """How many of the innermost axes are not among those that stay open."""
    known = set(opened)
    return next((depth for depth, axis in enumerate(reversed(axes)) if axis in known), len(axes))


def _candidates(
    declaration: Saving, fields: Mapping[str, Field], depths: Mapping[str, int], graph: Graph
) -> tuple[type[DataSaver], ...]:
    """The savers among which the value's type will choose; checked here as far as the type is known."""
    label, key = declaration.label, declaration.key
    found = saver_candidates(key)
    type_, collected = _type_saved(declaration, depths, graph)
    if kinds_of(type_):
        chosen = chosen_saver(found, type_)
        if chosen is None:
            hint = ""
            if collected:
                hint = (
                    f"; all items of '{declaration.dependencies[0]}' are collected into a list here: write {{item}} into "
                    f"the path for one file each, or say with combine= what becomes of them"
                )
            raise FlowError(f"{label}: {no_saver(key, found, type_)}{hint}")
        return (*_checked(label, (chosen,), fields), *(one for one in found if one is not chosen))
    return _checked(label, found, fields)


def _checked(label: str, savers: tuple[type[DataSaver], ...], fields: Mapping[str, Field]) -> tuple[type[DataSaver], ...]:
    """The savers that take these fields; an error if none does."""
    fitting: list[type[DataSaver]] = []
    reason = ""
    for saver in savers:
        try:
            saver.check(list(fields))
            fitting.append(saver)
        except FlowError as error:
            reason = reason or str(error)
    if not fitting:
        raise FlowError(f"{label}: {reason}")
    return tuple(fitting)


def _type_saved(declaration: Saving, depths: Mapping[str, int], graph: Graph) -> tuple[Any, bool]:
    """The type of what is saved, as far as it is known, and whether it is a list of items."""
    if declaration.combine is not None:
        output_type = getattr(declaration.combine, "output_type", None)
        return (output_type() if callable(output_type) else Any), False
    (name,) = declaration.dependencies
    if depths[name]:
        return list, True
    if name in graph.nodes:
        return graph.nodes[name].annotation, False
    entry = graph.inputs.get(name)
    return (entry.readers[0][1].annotation if entry is not None else type(graph.config.get(name))), False


def _plain(name: str) -> Parameter:
    return Parameter(name, Role.PLAIN, 0, Any)


def _collected(name: str, depth: int) -> Parameter:
    return Parameter(name, Role.COLLECT if depth else Role.PLAIN, depth, Any)
