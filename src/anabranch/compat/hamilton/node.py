"""Hamilton's `Node`: one vertex, told in Hamilton's words. Nothing runs by it; a dataflow is built of functions.

Theory: a `Node` describes. Those of a driver are made of anabranch's (`of_graph`); those that user code makes of a function, or
by hand, stand for themselves and can be asked the same questions.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Iterable, Mapping, Sequence
from enum import Enum
from typing import Any, Self, get_origin

from anabranch.compat.hamilton import htypes
from anabranch.errors import FlowError
from anabranch.graph.hints import resolve_hints
from anabranch.lineage.tags import matches

__all__ = ["DependencyType", "Node", "NodeType", "matches_query"]


class NodeType(Enum):
    """What a node does with items."""

    STANDARD = "standard"
    EXTERNAL = "external"
    EXPAND = "expand"
    COLLECT = "collect"


class DependencyType(Enum):
    """Whether a parameter must have a value."""

    REQUIRED = 1
    OPTIONAL = 2

    @staticmethod
    def from_parameter(param: inspect.Parameter) -> DependencyType:
        """By whether it has a default."""
        return DependencyType.REQUIRED if param.default is inspect.Parameter.empty else DependencyType.OPTIONAL


class Node:
    """A name with a type, a function, and what that depends on.

    Raises:
        ValueError: a parameter or the result has no annotation.
    """

    def __init__(  # noqa: PLR0917  Hamilton's signature
        self,
        name: str,
        typ: Any,
        doc_string: str = "",
        callabl: Callable[..., Any] | None = None,
        node_source: NodeType = NodeType.STANDARD,
        input_types: Mapping[str, Any] | None = None,
        tags: Mapping[str, Any] | None = None,
        namespace: tuple[str, ...] = (),
        originating_functions: tuple[Callable[..., Any], ...] | None = None,
        optional_values: Mapping[str, Any] | None = None,
    ) -> None:
        if typ is None or typ is inspect.Parameter.empty:
            raise FlowError(f"'{name}' has no type: annotate what the function returns")
        self.name = ".".join((*namespace, name)) if namespace else name
        self.type = typ
        self.documentation = doc_string
        self._callable = callabl
        self.node_role = node_source
        self.tags: dict[str, Any] = dict(tags or {})
        self.namespace = namespace
        self.originating_functions = originating_functions
        self.input_types: dict[str, tuple[Any, DependencyType]] = {}
        self.dependencies: list[Node] = []
        self.depended_on_by: list[Node] = []
        self._defaults = dict(optional_values or {})
        if input_types is not None:
            self.input_types = {
                key: kind if isinstance(kind, tuple) else (kind, DependencyType.REQUIRED) for key, kind in input_types.items()
            }
        elif callabl is not None and node_source is not NodeType.EXTERNAL:
            self._read(callabl)

    def _read(self, function: Callable[..., Any]) -> None:
        """Takes what it depends on from the function's signature."""
        hints = resolve_hints(function)
        for key, parameter in inspect.signature(function).parameters.items():
            if parameter.kind in {parameter.VAR_KEYWORD, parameter.VAR_POSITIONAL}:
                continue
            if key not in hints:
                raise FlowError(f"'{self.name}': parameter '{key}' has no annotation; give it a type")
            self.input_types[key] = (hints[key], DependencyType.from_parameter(parameter))
            if parameter.default is not parameter.empty:
                self._defaults.setdefault(key, parameter.default)

    @classmethod
    def from_fn(cls, fn: Callable[..., Any], name: str | None = None) -> Self:
        """The node of a function.

        Raises:
            ValueError: a parameter or the result has no annotation.
        """
        hints = resolve_hints(fn)
        if "return" not in hints:
            raise FlowError(f"'{fn.__name__}' does not say what it returns; annotate it")
        kind = hints["return"]
        role = NodeType.STANDARD
        if htypes.is_parallelizable_type(kind):
            role = NodeType.EXPAND
        elif any(get_origin(hint) is htypes.Collect for key, hint in hints.items() if key != "return"):
            role = NodeType.COLLECT
        tags = {"module": getattr(inspect.getmodule(fn), "__name__", None) or fn.__module__}
        return cls(name or fn.__name__, kind, inspect.getdoc(fn) or "", fn, role, tags=tags, originating_functions=(fn,))

    @property
    def callable(self) -> Callable[..., Any] | None:
        """What is called."""
        return self._callable

    @property
    def user_defined(self) -> bool:
        """Whether it is an input."""
        return self.node_role is NodeType.EXTERNAL

    @property
    def default_parameter_values(self) -> dict[str, Any]:
        """Defaults of its parameters."""
        return dict(self._defaults)

    @property
    def collect_dependency(self) -> Node:
        """What a collector collects.

        Raises:
            ValueError: it collects nothing.
        """
        for key, (kind, _) in self.input_types.items():
            if get_origin(kind) is htypes.Collect:
                return next(one for one in self.dependencies if one.name == key)
        raise FlowError(f"'{self.name}' collects nothing")

    def requires(self, dependency: str) -> bool:
        """Whether it cannot do without this."""
        return dependency in self.input_types and self.input_types[dependency][1] is DependencyType.REQUIRED

    def set_type(self, typ: Any) -> None:
        """Changes its type."""
        self.type = typ

    def add_tag(self, tag_name: str, tag_value: Any) -> None:
        """Adds a tag."""
        self.tags[tag_name] = tag_value

    def add_originating_function(self, fn: Callable[..., Any]) -> None:
        """Adds a function that it is there for."""
        self.originating_functions = (*(self.originating_functions or ()), fn)

    def copy_with(self, include_refs: bool = True, **overrides: Any) -> Node:
        """The same with some of the constructor's arguments otherwise."""
        given = {
            "name": self.name,
            "typ": self.type,
            "doc_string": self.documentation,
            "callabl": self.callable,
            "node_source": self.node_role,
            "input_types": dict(self.input_types),
            "tags": dict(self.tags),
            "originating_functions": self.originating_functions,
            "optional_values": self._defaults,
        }
        made = Node(**{**given, **overrides})
        if include_refs:
            made.dependencies, made.depended_on_by = list(self.dependencies), list(self.depended_on_by)
        return made

    def copy(self, include_refs: bool = True) -> Node:
        """The same once more."""
        return self.copy_with(include_refs)

    def reassign_inputs(
        self, input_names: Mapping[str, str] | None = None, input_values: Mapping[str, Any] | None = None
    ) -> Node:
        """The same, with parameters under other names or with fixed values."""
        names, values = dict(input_names or {}), dict(input_values or {})
        inner = self.callable
        assert inner is not None
        own = {names.get(key, key): key for key in self.input_types if key not in values}

        def arguments(given: Mapping[str, Any]) -> tuple[list[Any], dict[str, Any]]:
            return [], {**values, **{own.get(key, key): value for key, value in given.items()}}

        renamed = functools.wraps(inner)(called_with(inner, arguments))
        types = {names.get(key, key): kind for key, kind in self.input_types.items() if key not in values}
        return self.copy_with(callabl=renamed, input_types=types)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Calls its function."""
        assert self.callable is not None
        return self.callable(*args, **kwargs)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Node) and (self.name, self.type, self.tags, self.node_role, self.input_types) == (
            other.name,
            other.type,
            other.tags,
            other.node_role,
            other.input_types,
        )

    def __hash__(self) -> int:
        return hash(self.name)

    def __repr__(self) -> str:
        return f"<{self.name}: {htypes.get_type_as_string(self.type)}>"


def called_with(
    function: Callable[..., Any], arguments: Callable[[Mapping[str, Any]], tuple[Sequence[Any], Mapping[str, Any]]]
) -> Callable[..., Any]:
    """What calls a function with other arguments than it is given itself; a coroutine function if the function is one.

    Args:
        function: what is called.
        arguments: of what is given by name, what the function gets, by place and by name.
    """
    if inspect.iscoroutinefunction(function):

        async def awaited(**given: Any) -> Any:
            args, kwargs = arguments(given)
            return await function(*args, **kwargs)

        return awaited

    def renamed(**given: Any) -> Any:
        args, kwargs = arguments(given)
        return function(*args, **kwargs)

    return renamed


def matches_query(tags: Mapping[str, Any], query_dict: Mapping[str, Any]) -> bool:
    """Whether the tags have what the query asks for: a value, one of several, or, with None, any.

    Raises:
        ValueError: a value of the query is neither text, a list of some, nor None.
    """
    checked_query(query_dict)
    return matches(tags, query_dict)


def checked_query(query: Mapping[str, Any]) -> Mapping[str, Any]:
    """The query.

    Raises:
        ValueError: a value of it makes no sense.
    """
    for key, value in query.items():
        several = isinstance(value, (list, tuple)) and value and all(isinstance(one, str) for one in value)
        if not (value is None or isinstance(value, str) or several):
            raise FlowError(f"tag '{key}' is asked for with {value!r}; give text, a list of texts, or None for any value")
    return query


def linked(nodes: Iterable[Node], edges: Mapping[str, Iterable[str]]) -> dict[str, Node]:
    """The nodes by name, each with what it depends on and what depends on it; `edges` tell what each reads."""
    known = {node.name: node for node in nodes}
    for name, sources in edges.items():
        for source in dict.fromkeys(sources):
            known[name].dependencies.append(known[source])
            known[source].depended_on_by.append(known[name])
    return known
