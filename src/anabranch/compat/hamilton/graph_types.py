"""What hooks and drivers tell of a dataflow: its nodes, as plain descriptions."""

from __future__ import annotations

import ast
import functools
import hashlib
import inspect
import textwrap
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from anabranch.compat.hamilton import htypes
from anabranch.compat.hamilton.node import DependencyType, Node

if TYPE_CHECKING:
    from anabranch.compat.hamilton.graph import FunctionGraph

__all__ = ["HamiltonGraph", "HamiltonNode", "hash_source_code"]


@dataclass
class HamiltonNode:
    """One name of a dataflow: a function's, or an input."""

    name: str
    type: Any
    tags: dict[str, Any]
    is_external_input: bool
    originating_functions: tuple[Callable[..., Any], ...] | None
    documentation: str | None
    required_dependencies: set[str]
    optional_dependencies: set[str]
    optional_dependencies_default_values: dict[str, Any]

    @staticmethod
    def from_node(n: Node) -> HamiltonNode:
        """The description of a node."""
        kinds: dict[DependencyType, set[str]] = {kind: set() for kind in DependencyType}
        for key, (_, kind) in n.input_types.items():
            kinds[kind].add(key)
        return HamiltonNode(
            n.name,
            n.type,
            n.tags,
            n.user_defined,
            n.originating_functions,
            n.documentation,
            kinds[DependencyType.REQUIRED],
            kinds[DependencyType.OPTIONAL],
            n.default_parameter_values,
        )

    @functools.cached_property
    def version(self) -> str | None:
        """Changes with the text of its function, but not with comments and documentation; of an input, its name."""
        if not self.originating_functions:
            return self.name if self.is_external_input else None
        try:
            return hash_source_code(self.originating_functions[0], strip=True)
        except OSError:
            return None

    def as_dict(self, include_optional_dependencies_default_values: bool = False) -> dict[str, Any]:
        """All of it as plain data."""
        found = {
            "name": self.name,
            "tags": self.tags,
            "output_type": htypes.get_type_as_string(self.type) or "",
            "required_dependencies": sorted(self.required_dependencies),
            "optional_dependencies": sorted(self.optional_dependencies),
            "source": inspect.getsource(self.originating_functions[0]) if self.originating_functions else None,
            "documentation": self.documentation,
            "version": self.version,
        }
        if include_optional_dependencies_default_values:
            found["optional_dependencies_default_values"] = self.optional_dependencies_default_values
        return found

    def __repr__(self) -> str:
        return f'Node("{self.name}": {htypes.get_type_as_string(self.type)})'


@dataclass
class HamiltonGraph:
    """All nodes and inputs of a dataflow."""

    nodes: list[HamiltonNode]

    @staticmethod
    def from_graph(fn_graph: FunctionGraph) -> HamiltonGraph:
        """The description of a driver's graph."""
        return HamiltonGraph([HamiltonNode.from_node(node) for node in fn_graph.nodes.values()])

    @functools.cached_property
    def version(self) -> str:
        """Changes with that of any node."""
        versions = sorted(node.version for node in self.nodes if node.version is not None)
        return hashlib.sha256(str(versions).encode()).hexdigest()

    @functools.cached_property
    def _by_name(self) -> dict[str, HamiltonNode]:
        return {node.name: node for node in self.nodes}

    def __getitem__(self, key: str) -> HamiltonNode:
        return self._by_name[key]

    def filter_nodes(self, filter: Callable[[HamiltonNode], bool]) -> list[HamiltonNode]:  # noqa: A002  Hamilton's name
        """The nodes for which the function says so."""
        return [node for node in self.nodes if filter(node)]


def hash_source_code(source: str | Callable[..., Any], strip: bool = False) -> str:
    """A digest of a function's text; with `strip`, comments and documentation do not count."""
    text = source if isinstance(source, str) else inspect.getsource(source)
    text = text.strip()
    if strip:
        with suppress(SyntaxError):
            text = _remove_docs_and_comments(text)
    return hashlib.sha256(text.encode()).hexdigest()


def _remove_docs_and_comments(source: str) -> str:
    """The text of a function without what is only for readers."""
    tree = ast.parse(textwrap.dedent(source))
    for part in ast.walk(tree):
        if isinstance(part, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)) and ast.get_docstring(part) is not None:
            part.body = part.body[1:] or [ast.Pass()]
    return ast.unparse(tree)
