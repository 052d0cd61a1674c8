"""What Hamilton's users ask of a decorator itself: is it right for this function, and which nodes does it make of these?

Theory: our decorators are declarations, and what they mean is said by `anabranch.graph.modify`. So every such question has one
answer: the declaration alone is applied to a family of drafts that is made of the nodes in question, and the family that comes
out is told in Hamilton's words. No driver ever asks; a dataflow is built of functions, with all their declarations in the order
of the stages.

Importing this module teaches the declarations to answer, so only people who install the shim see it.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from types import FunctionType
from typing import Any

from anabranch.compat.hamilton._words import is_extra
from anabranch.compat.hamilton.function_modifiers.base import NodeTransformer
from anabranch.compat.hamilton.graph import described, node_of
from anabranch.compat.hamilton.node import Node
from anabranch.errors import FlowError
from anabranch.function_modifiers.conditions import config
from anabranch.function_modifiers.delayed import Resolve
from anabranch.function_modifiers.labels import Tag, check_tags, tag
from anabranch.function_modifiers.modifier import Modifier, parameters_of
from anabranch.function_modifiers.replacing import DynamicTransform
from anabranch.function_modifiers.steps import Applicable, PipeInput, PipeOutput
from anabranch.graph.functions import node_of as node_of_function
from anabranch.graph.hints import resolve_hints
from anabranch.graph.modify.draft import Draft, finish
from anabranch.graph.modify.family import Family, Scene
from anabranch.graph.modify.stages import applied, decided, family_of
from anabranch.graph.node import Node as GraphNode

__all__: list[str] = []

_Config = Mapping[str, Any]


def made_of(modifier: Modifier, nodes: Iterable[Node], config: _Config, function: Callable[..., Any]) -> list[Node]:
    """The nodes that a declaration makes of these.

    Raises:
        ValueError: it makes no sense for them.
    """
    scene = Scene(function.__name__, function, config, family_of)
    given = tuple(nodes)
    family: Family = tuple(_draft(node, function, alone=len(given) == 1) for node in given)
    made = applied(family, [decided(modifier, scene)], scene)
    told = [draft for draft in made if not is_extra(draft.node)]
    return [node_of(one, _defaults(draft)) for draft in told for one in _settled(finish(draft))]


def _settled(node: GraphNode) -> Sequence[GraphNode]:
    """The node, or what it is where there is no fan-out."""
    return node.late(node, {parameter.name: () for parameter in node.parameters}) if node.late else (node,)


def _draft(node: Node, function: Callable[..., Any], *, alone: bool) -> Draft:
    made = node_of_function(node.name, function) if node.callable is function else described(node)
    made = made._replace(doc=node.documentation, tags=dict(node.tags))
    return Draft(made, main=alone or node.name == function.__name__)


def _defaults(draft: Draft) -> dict[str, Any]:
    """The values of parameters that may be left out, by what they read."""
    function = draft.node.originating[0] if draft.node.originating else None
    if function is None or draft.node.function is not function:
        return {}
    return {
        name: parameter.default
        for name, parameter in parameters_of(function).items()
        if parameter.default is not parameter.empty
    }


def _validate(self: Modifier, fn: Callable[..., Any]) -> None:
    """Whether it is right for the function.

    Raises:
        ValueError: it is not.
    """
    self.check(fn)
    if not isinstance(self, (Resolve, DynamicTransform)):  # of which the config decides
        made_of(self, [Node.from_fn(fn)], {}, fn)


def _expand_node(self: Modifier, node_: Node, config: _Config, fn: Callable[..., Any]) -> list[Node]:
    """The nodes that it makes of this one."""
    return made_of(self, [node_], config, fn)


def _transform_dag(self: Modifier, nodes: Collection[Node], config: _Config, fn: Callable[..., Any]) -> list[Node]:
    """The nodes that it makes of these."""
    return made_of(self, nodes, config, fn)


def _generate_nodes(self: Modifier, fn: Callable[..., Any], config: _Config) -> list[Node]:
    """The nodes that it makes of the function."""
    return made_of(self, [Node.from_fn(fn)], config, fn)


def _decorate_node(self: Modifier, node_: Node) -> Node:
    """The node with what it adds."""
    assert node_.callable is not None
    (made,) = made_of(self, [node_], {}, node_.callable)
    return made


def _required_config(self: Modifier) -> list[str]:
    """The keys that the config must have."""
    return [name for name, one in _config_of(self).items() if one.default is one.empty]


def _optional_config(self: Modifier) -> dict[str, Any]:
    """The keys that the config may have, and what counts else."""
    return {name: one.default for name, one in _config_of(self).items() if one.default is not one.empty}


def _config_of(modifier: Modifier) -> dict[str, Any]:
    return dict(parameters_of(modifier.decorate_with)) if isinstance(modifier, Resolve) else {}


def _resolve(self: Resolve, config: _Config, fn: Callable[..., Any]) -> Modifier:
    """The decorator that it stands for.

    Raises:
        ValueError: the config lacks a value.
    """
    return decided(self, Scene(fn.__name__, fn, config, family_of))


def _holds(self: config, fn: FunctionType, configuration: _Config) -> Callable[..., Any] | None:
    """The function under its node's name, or None if the config keeps it out."""
    if not self.holds(configuration):
        return None
    found = FunctionType(fn.__code__, fn.__globals__, self.name_of(fn), fn.__defaults__, fn.__closure__)
    found.__dict__.update(fn.__dict__, __original_name__=fn.__name__)
    found.__kwdefaults__, found.__annotations__, found.__doc__ = fn.__kwdefaults__, fn.__annotations__, fn.__doc__
    found.__module__, found.__qualname__ = fn.__module__, fn.__qualname__
    return found


def _is_named(self: config, fn: Callable[..., Any]) -> None:  # noqa: ARG001  a method
    """Whether the function's name tells the node's.

    Raises:
        ValueError: it ends with two underscores.
    """
    if fn.__name__.endswith("__"):
        raise FlowError(f"@config on '{fn.__name__}': what follows the two underscores names the alternative; add it")


def _takes_steps(
    self: Applicable,
    chain_first_param: bool,
    allow_custom_namespace: bool,
) -> None:
    """Whether a step is right, whose first parameter is, or is not, what the step before gives.

    Raises:
        ValueError: it is not.
    """
    known = inspect.signature(self.function).parameters
    hints = resolve_hints(self.function)
    where = f"the step {self.function.__name__}"
    if isinstance(self.namespace, str) and not allow_custom_namespace:
        raise FlowError(f"{where} has a namespace of its own in a pipe without one")
    untyped = [name for name in (*known, "return") if name not in hints]
    if untyped:
        raise FlowError(f"{where} has no annotation for {', '.join(untyped)}; add it")
    first = next(iter(known.values()), None)
    if first is None or first.kind is first.POSITIONAL_ONLY:
        raise FlowError(f"{where} has no first parameter that can be given by name")
    try:
        inspect.signature(self.function).bind(*([None] if chain_first_param else []), *self.args, **self.kwargs)
    except TypeError as error:
        raise FlowError(f"{where}: {error}") from None


def _namespace_of(self: Applicable, default_namespace: str) -> tuple[str, ...]:
    """What stands before the name of a step's node."""
    own = default_namespace if self.namespace is ... else self.namespace
    return (own,) if own else ()


def _is_key(self: Tag, key: str) -> bool:  # noqa: ARG001  a method
    """Whether a tag may have this key."""
    try:
        check_tags({key: ""}, "@tag", reserved=True)
    except FlowError:
        return False
    return True


def _is_value(value: Any) -> bool:
    """Whether Hamilton would take this for a tag's value; ours may have any."""
    if isinstance(value, list):
        return bool(value) and all(isinstance(one, str) for one in value) and len(set(value)) == len(value)
    return isinstance(value, str)


_ANSWERS: Mapping[type, Mapping[str, Any]] = {
    Modifier: {
        "validate": _validate,
        "expand_node": _expand_node,
        "transform_node": _expand_node,
        "transform_dag": _transform_dag,
        "generate_nodes": _generate_nodes,
        "decorate_node": _decorate_node,
        "required_config": _required_config,
        "optional_config": _optional_config,
    },
    Resolve: {"resolve": _resolve},
    PipeInput: {"select_nodes": staticmethod(NodeTransformer.select_nodes)},
    PipeOutput: {
        "select_nodes": staticmethod(NodeTransformer.select_nodes),
        "target": property(lambda self: self.on_output),
    },
    Applicable: {"validate": _takes_steps, "resolve_namespace": _namespace_of},
    Tag: {"_key_allowed": _is_key},
    config: {"resolve": _holds, "validate": _is_named},
}

for _kind, _methods in _ANSWERS.items():
    for _name, _method in _methods.items():
        setattr(_kind, _name, _method)
vars(tag)["_value_allowed"] = _is_value
