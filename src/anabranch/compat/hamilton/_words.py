"""A graph in Hamilton's words: its tags.

Theory: what our modifiers make of a function is told by what is called and by tags under ``anabranch.``; Hamilton's users
look for
``module`` and for tags under ``hamilton.``. So each node gets these besides, when a driver is built. Nothing but tags is
changed.

This module never changes what a dataflow computes.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from anabranch.derived.checks import Findings, merged
from anabranch.graph import Graph, Node
from anabranch.io.steps import LoadStep, SaveStep, part_of
from anabranch.lifecycle.hooked import plain_function
from anabranch.markers import marks_of

__all__ = ["in_their_words", "is_extra", "is_facts", "tags_of"]

_OURS = "anabranch."
_DATA = ("hamilton.data_loader", "hamilton.data_saver")
_CLASSES = tuple(f"{one}.classname" for one in _DATA)
_KNOWN = {
    "JsonLoader": "JSONDataLoader",
    "JsonSaver": "JSONDataSaver",
    "YamlLoader": "YAMLDataLoader",
    "YamlSaver": "YAMLDataSaver",
    "TextLoader": "RawFileDataLoader",
    "TextSaver": "RawFileDataSaver",
    "BytesSaver": "RawFileDataSaverBytes",
    "LiteralLoader": "LiteralValueDataLoader",
    "EnvironmentLoader": "EnvVarDataLoader",
    "MemorySaver": "InMemoryResult",
    "NpyLoader": "NumpyNpyReader",
    "NpySaver": "NumpyNpyWriter",
}
_SUBDAG = 2
"""A node of a subdag is there for its own function and for the one that the subdag stands on."""


def in_their_words(graph: Graph) -> Graph:
    """The graph with Hamilton's tags on its nodes."""
    tags = {name: {**tags_of(node), **dict(_class_told(graph, node))} for name, node in graph.nodes.items()}
    return replace(graph, nodes={name: node._replace(tags=tags[name]) for name, node in graph.nodes.items()})


def tags_of(node: Node) -> Mapping[str, Any]:
    """The tags of a node, with Hamilton's."""
    own = {key: _class(value) if key in _CLASSES else value for key, value in node.tags.items() if not key.startswith(_OURS)}
    return {**dict(_told(node)), **own}


def is_extra(node: Node) -> bool:
    """Whether anabranch makes this node besides those that Hamilton makes: reports of checks."""
    return isinstance(node.function, Findings) or node.function is merged


def is_facts(node: Node) -> bool:
    """Whether it only takes the metadata of what a declaration loads, for which Hamilton has no node."""
    return isinstance(node.function, part_of) and node.function.number == 1 and bool(node.tags.get(_DATA[0]))


def _class_told(graph: Graph, node: Node) -> Iterator[tuple[str, Any]]:
    """What Hamilton tags, besides the key, what a declaration loads and saves with; it is known by the step's function."""
    if not {"anabranch.data_loader", "anabranch.data_saver"} & node.tags.keys():
        return
    step = node.function
    is_part = not isinstance(step, (LoadStep, SaveStep))
    source = graph.nodes.get(node.parameters[0].reads) if is_part and node.parameters else None
    step = source.function if source is not None else step
    if isinstance(step, LoadStep):
        yield f"{_DATA[0]}.classname", _class(step.loader.__name__)
        yield f"{_DATA[0]}.has_metadata", not is_part
        yield f"{_DATA[0]}.node", node.name.removeprefix("load_data.")
    elif isinstance(step, SaveStep):
        yield f"{_DATA[1]}.classname", _class(step.candidates[0].__name__)


def _class(name: str) -> str:
    """What Hamilton calls a class of loaders or savers: ``PandasCSVReader`` for `PandasCsvLoader`."""
    known = _KNOWN.get(name)
    if known is not None:
        return known
    for ours, theirs in (
        ("Csv", "CSV"),
        ("Orc", "ORC"),
        ("Fwf", "FWF"),
        ("Spss", "SPSS"),
        ("Loader", "Reader"),
        ("Saver", "Writer"),
    ):
        name = name.replace(ours, theirs) if name.startswith(("Pandas", "Polars")) else name
    return name


def _told(node: Node) -> Iterator[tuple[str, Any]]:
    called = plain_function(node.function)
    module = getattr(called, "__module__", None) or ""
    is_users = not module.startswith(_OURS) and hasattr(called, "__code__")
    if is_users:
        yield "module", module
    elif node.originating and not any(key in node.tags for key in _DATA):
        yield "module", node.originating[0].__module__
    if len(node.originating) >= _SUBDAG:
        yield "hamilton.non_final_node", True
    conditions = [one for function in node.originating for one in marks_of(function).get("conditions", ())]
    keys = dict.fromkeys(key for condition in conditions for key, _ in condition.wanted)
    if keys:
        yield "hamilton.config", ",".join(keys)
    kind = node.tags.get("anabranch.data_saver")
    if kind is not None:
        yield from {"hamilton.data_saver": True, "hamilton.data_saver.sink": kind}.items()
    kind = node.tags.get("anabranch.data_loader")
    if kind is not None:
        yield from {"hamilton.data_loader": True, "hamilton.data_loader.source": kind}.items()
