"""Where the inputs of a run come from: what was said when the assets were declared, the run's config, partitions, other assets.

Theory: an input has one source. What `inputs` gives is fixed; what `upstream` names is the value of somebody else's asset; what
`partition` names follows from the partition that is materialized; every other input of the dataflow is a field of the run's
config, of the type that its readers say, and optional where they have a default.

A partition may also stand for items of a fan-out: then the expander is not called, and the partition's keys are its items. So
ten thousand partitions are one run with ten thousand items, if Dagster is told to run them at once.

This module never runs a driver.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, get_args, get_origin

import dagster

from anabranch.cli.inputs import value_of
from anabranch.cli.value import Misfit, convert, parse
from anabranch.errors import InputError, nearest_or_all
from anabranch.graph import Graph
from anabranch.graph.types import describe
from anabranch.integrations.dagster.outline import Outline, Part

__all__ = ["Given", "Partition", "Sources", "config_fields", "sources_of"]

Given = Mapping[str, Any] | Callable[[dagster.AssetExecutionContext], Mapping[str, Any]]
"""Inputs, or a function that gives them for one materialization."""


@dataclass(frozen=True, slots=True)
class Partition:
    """How partitions meet the dataflow.

    Attributes:
        definition: Dagster's partitions.
        key: the input that gets the partition's key, or the expander whose items the keys are. An input that is annotated as a
            list gets all keys that are materialized at once.
        window: for partitions of time, the inputs that get the beginning and the end of what is materialized.
    """

    definition: dagster.PartitionsDefinition[Any]
    key: str = ""
    window: tuple[str, str] | None = None

    @property
    def inputs(self) -> tuple[str, ...]:
        """The names that are given by it."""
        return (*((self.key,) if self.key else ()), *(self.window or ()))


@dataclass(frozen=True, slots=True)
class Sources:
    """Where each input comes from; see `sources_of`."""

    graph: Graph
    given: Given
    upstream: Mapping[str, dagster.AssetKey]
    partition: Partition | None
    config: tuple[str, ...]

    @property
    def splits(self) -> str:
        """The expander whose items are partitions; empty if there is none."""
        key = self.partition.key if self.partition is not None else ""
        return key if key in self.graph.nodes else ""

    def of(self, context: dagster.AssetExecutionContext, needed: Collection[str]) -> tuple[dict[str, Any], dict[str, Any]]:
        """Inputs and overrides of this materialization, as far as they are needed; no other asset of others is loaded.

        Raises:
            InputError: a value does not fit.
        """
        given = self.given(context) if callable(self.given) else self.given
        config = context.op_execution_context.op_config or {}
        inputs = dict(given) | {name: value_of(self.graph, name, value, convert) for name, value in config.items()}
        inputs |= {name: context.load_asset_value(key) for name, key in self.upstream.items() if name in needed}
        overrides: dict[str, Any] = {}
        if self.partition is not None:
            (overrides if self.splits else inputs).update(self._keyed(self.partition, context))
            if self.partition.window is not None:
                window = context.partition_time_window
                for name, moment in zip(self.partition.window, (window.start, window.end), strict=True):
                    inputs[name] = value_of(self.graph, name, moment.isoformat(), parse)
        inputs = {name: value for name, value in inputs.items() if name in needed or name in self.graph.config}
        return inputs, {name: value for name, value in overrides.items() if name in needed}

    def keys(self, context: dagster.AssetExecutionContext) -> tuple[str, ...]:
        """The partitions that are materialized; none if there are none."""
        return tuple(context.partition_keys) if self.partition is not None else ()

    def by_key(self, part: Part, value: Any, keys: Sequence[str]) -> Any:
        """The value of an asset along the axis that partitions are: by key, or the one; what was skipped is left out.

        Raises:
            LookupError: there is nothing for any key.
        """
        if not self.splits or part.axes[:1] != (self.splits,):
            return value
        if len(keys) == 1:
            return value[0]  # an IndexError if it was skipped
        if len(value) != len(keys):
            raise LookupError(f"{len(value)} values for {len(keys)} partitions")
        return dict(zip(keys, value, strict=True))

    def _keyed(self, partition: Partition, context: dagster.AssetExecutionContext) -> dict[str, Any]:
        name, keys = partition.key, self.keys(context)
        if not name:
            return {}
        if self.splits:
            annotation = self.graph.nodes[name].annotation
            return {name: [_parsed(name, key, annotation) for key in keys]}
        (_, parameter), *_ = self.graph.inputs[name].readers
        if get_origin(parameter.annotation) is list:
            inner = (*get_args(parameter.annotation), Any)[0]
            return {name: [_parsed(name, key, inner) for key in keys]}
        if len(keys) > 1:
            raise InputError(
                f"{len(keys)} partitions are materialized at once, and input '{name}' takes the key of one "
                f"({describe(parameter.annotation)}); annotate it as a list, or let Dagster run partitions one by one"
            )
        return {name: value_of(self.graph, name, keys[0], parse)}


def _parsed(name: str, key: str, annotation: Any) -> Any:
    try:
        return parse(key, annotation)
    except Misfit:
        raise InputError(f"partition '{key}' is not {describe(annotation)}, which '{name}' takes") from None


def sources_of(
    graph: Graph, outline: Outline, given: Given, upstream: Mapping[str, dagster.AssetKey], partition: Partition | None
) -> Sources:
    """Says where each input of the assets comes from.

    Raises:
        InputError: a name is unknown, or has two sources.
    """
    fixed = set() if callable(given) else set(given)
    by_partition = partition.inputs if partition is not None else ()
    for name in (*fixed, *upstream, *by_partition):
        is_expander = name in by_partition and name in graph.nodes and graph.nodes[name].expands and not graph.axes[name]
        if name not in graph.inputs and name not in graph.config and not is_expander:
            known = (*graph.inputs, *(one for one, node in graph.nodes.items() if node.expands))
            raise InputError(f"the dataflow has no input '{name}'{nearest_or_all(name, known)}")
    for name in fixed & {*upstream, *by_partition} | set(upstream).intersection(by_partition):
        raise InputError(f"input '{name}' is given twice: say it in one of inputs, upstream and partition")
    elsewhere = {*fixed, *upstream, *by_partition, *graph.config}
    config = () if callable(given) else tuple(name for name in outline.inputs if name not in elsewhere)
    return Sources(graph, given, upstream, partition, config)


_FIELDS: dict[Any, Any] = {int: dagster.Int, float: dagster.Float, str: dagster.String, bool: dagster.Bool}


def config_fields(sources: Sources) -> dict[str, dagster.Field]:
    """The fields of the run's config: one for each input that comes from there."""
    fields = {}
    for name in sources.config:
        entry = sources.graph.inputs[name]
        annotation = entry.readers[0][1].annotation
        readers = ", ".join(dict.fromkeys(node.name for node, _ in entry.readers))
        fields[name] = dagster.Field(
            _FIELDS.get(annotation, dagster.Any),
            is_required=entry.required,
            description=f"{describe(annotation)}, which {readers} takes",
        )
    return fields
