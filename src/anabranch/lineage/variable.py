"""One name of a dataflow, with all that is known of it.

The fields' names are ours; those that users of Hamilton know for the same things are there as properties.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from anabranch.graph import Graph, Node, Role
from anabranch.graph.types import describe

__all__ = ["Reading", "Variable", "variable_of", "whole_of"]

_WORDS = {Role.PLAIN: "plain", Role.COLLECT: "collect", Role.STREAM: "stream"}


@dataclass(frozen=True, slots=True)
class Reading:
    """One thing that a variable is made of.

    Attributes:
        name: the variable that is read.
        parameter: the function's parameter for it.
        how: ``plain``, ``collect`` or ``stream``.
        depth: how many axes are closed on the way.
        required: whether the function has no default for it.
        annotation: the type that the function wants, of one item.
    """

    name: str
    parameter: str
    how: str = "plain"
    depth: int = 0
    required: bool = True
    annotation: Any = Any


@dataclass(frozen=True, repr=False)
class Variable:
    """One name of the dataflow: a node or an input.

    Attributes:
        axes: the fan-outs along which it has values.
        expands: whether it opens one; `type` is that of an item then.
        origin: ``file:line``, empty for inputs.
        reads: what it is made of, in the order of the function's parameters.
        functions: the functions in the user's modules that it is there for.
        function: what is called to make it: one of these, or what a modifier made of it.
        part_of: the variable that it is a column, field or element of, empty if it is none.
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
    reads: tuple[Reading, ...] = field(default=(), compare=False)
    functions: tuple[Callable[..., Any], ...] = field(default=(), compare=False)
    function: Callable[..., Any] | None = field(default=None, compare=False)
    part_of: str = field(default="", compare=False)

    def __repr__(self) -> str:
        kind = f"items of {self.type_name}" if self.expands else self.type_name
        axes = " × ".join(self.axes[:-1] if self.expands else self.axes)
        more = [f"for each {axes}"] * bool(axes) + ["input"] * self.is_input
        return f"<Variable {', '.join([f'{self.name}: {kind}', *more])}>"

    @property
    def type_name(self) -> str:
        """The type as it is written."""
        return describe(self.type)

    @cached_property
    def source(self) -> str:
        """The text of the functions that it is there for; empty for inputs, and where there is no text."""
        return "\n".join(text for text in map(_source, self.functions) if text)

    @cached_property
    def version(self) -> str:
        """The version of its code and of all that this calls (`anabranch.versions`); empty for inputs, and if it has none."""
        from anabranch.versions import Unversionable, Versions

        if self.function is None:
            return ""
        try:
            return Versions().of_code(self.function).digest.hex()
        except Unversionable:
            return ""

    # -- the same in Hamilton's words ------------------------------------------------------------------------------

    @property
    def is_external_input(self) -> bool:
        """Whether it is an input."""
        return self.is_input

    @property
    def documentation(self) -> str | None:
        """Its documentation; None if there is none."""
        return self.doc or None

    @property
    def originating_functions(self) -> tuple[Callable[..., Any], ...] | None:
        """The functions that it is there for; None for inputs."""
        return self.functions or None

    @property
    def required_dependencies(self) -> set[str]:
        """What it cannot be made without."""
        return {reading.name for reading in self.reads if reading.required}

    @property
    def optional_dependencies(self) -> set[str]:
        """What it can be made without, since the function has defaults."""
        return {reading.name for reading in self.reads if not reading.required} - self.required_dependencies

    @property
    def optional_dependencies_default_values(self) -> dict[str, Any]:
        """Those defaults, as far as the function tells them."""
        found: dict[str, Any] = {}
        optional = self.optional_dependencies
        for function in self.functions[-1:]:
            parameters = inspect.signature(function).parameters
            for reading in self.reads:
                parameter = parameters.get(reading.parameter)
                if reading.name in optional and parameter is not None and parameter.default is not parameter.empty:
                    found[reading.name] = parameter.default
        return found

    def as_dict(self) -> dict[str, Any]:
        """All that is known of it as plain data, for JSON."""
        from anabranch.lineage.document import variable_document

        return variable_document(self)


def variable_of(graph: Graph, name: str) -> Variable:
    """The variable of that name."""
    if name in graph.nodes:
        node = graph.nodes[name]
        readings = tuple(_reading(edge) for edge in graph.edges[name])
        axes = graph.value_axes(name)
        said = (name, node.annotation, False, False, axes, node.expands, node.doc, node.tags, node.origin)
        return Variable(*said, readings, node.originating, node.function, whole_of(node))
    entry = graph.inputs[name]
    return Variable(name, entry.readers[0][1].annotation, True, entry.required, (), False, "", {}, "")


def _reading(edge: Any) -> Reading:
    parameter = edge.parameter
    how = _WORDS[parameter.role]
    return Reading(edge.source, parameter.name, how, parameter.depth, parameter.required, parameter.annotation)


def whole_of(node: Node) -> str:
    """The name of what the node is a column, field or element of; empty if it is none."""
    from anabranch.derived import Attribute, Column, Element, Field

    if isinstance(node.function, (Attribute, Column, Element, Field)) and len(node.parameters) == 1:
        return node.parameters[0].reads
    return ""


def _source(function: Callable[..., Any]) -> str:
    try:
        return inspect.getsource(inspect.unwrap(function))
    except (OSError, TypeError):
        return ""
