"""Adapters that remember what functions gave for the same arguments: `CacheAdapter`, and that of diskcache.

Theory: a value is found again by the text of its function and by the arguments. That is less than `Builder.with_cache` looks at
(helpers, the kinds of values), and it is what Hamilton's users know these two for; new code should use the other.
"""

from __future__ import annotations

import functools
import inspect
import shelve
from collections.abc import Callable, Iterable, Mapping, MutableMapping
from hashlib import sha256
from typing import Any

from anabranch.compat.hamilton.graph_types import hash_source_code
from anabranch.lifecycle import GraphExecutionHook, NodeExecutionHook, NodeExecutionMethod
from anabranch.versions import Versions

__all__ = ["CacheAdapter", "Remembering"]


class Remembering(NodeExecutionHook, NodeExecutionMethod, GraphExecutionHook):
    """What both have in common.

    Args:
        cache_vars: the functions whose values are kept; all, if it is empty.
        cache_path: where they are kept.
    """

    nodes_history_key = "_nodes_history"

    def __init__(self, cache_vars: Iterable[str] | None = None, cache_path: str = ".") -> None:
        self.cache_vars = list(cache_vars or ())
        self.cache_path = cache_path
        self.nodes_history: dict[str, list[str]] = {}
        self.used_nodes_hash: dict[str, str] = {}
        self.cache: MutableMapping[Any, Any] = {}

    def opened(self) -> MutableMapping[Any, Any]:
        """Where values are kept, ready to be used."""
        raise NotImplementedError

    @staticmethod
    def create_key(node_hash: str, node_inputs: Mapping[str, Any]) -> Any:
        """By what a value is found again."""
        raise NotImplementedError

    def run_before_graph_execution(self, *, graph: Any, **future_kwargs: Any) -> None:
        """Opens what is kept."""
        self.cache = self.opened()
        self.nodes_history = self.cache.get(self.nodes_history_key, {})
        if not self.cache_vars:
            self.cache_vars = [node.name for node in graph.nodes]

    def run_to_execute_node(
        self, *, node_name: str, node_callable: Any, node_kwargs: dict[str, Any], **future_kwargs: Any
    ) -> Any:
        """The value that is kept, or else what the function gives."""
        if node_name not in self.cache_vars:
            return node_callable(**node_kwargs)
        if node_name not in self.used_nodes_hash:
            self.used_nodes_hash[node_name] = _hash_of(node_callable)
        version = self.used_nodes_hash[node_name]
        history = self.nodes_history.setdefault(node_name, [])
        if version not in history:
            history.append(version)
        found = self.cache.get(self.create_key(version, node_kwargs), None)
        return node_callable(**node_kwargs) if found is None else found

    def run_before_node_execution(self, **future_kwargs: Any) -> None:
        """Nothing."""

    def run_after_node_execution(
        self, *, node_name: str, node_kwargs: dict[str, Any], result: Any, **future_kwargs: Any
    ) -> None:
        """Keeps the value."""
        if node_name in self.cache_vars and result is not None and node_name in self.used_nodes_hash:
            self.cache[self.create_key(self.used_nodes_hash[node_name], node_kwargs)] = result

    def run_after_graph_execution(self, **future_kwargs: Any) -> None:
        """Closes what is kept."""
        self.cache[self.nodes_history_key] = self.nodes_history
        close = getattr(self.cache, "close", None)
        if callable(close):
            close()

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "cache": {}}


class CacheAdapter(Remembering):
    """Keeps values in a file, with the standard library's `shelve`."""

    def __init__(self, cache_vars: Iterable[str] | None = None, cache_path: str = "./hamilton-cache.db") -> None:
        super().__init__(cache_vars, cache_path)

    def opened(self) -> MutableMapping[Any, Any]:
        """The file."""
        return shelve.open(self.cache_path)  # noqa: S301  the user's own file

    @staticmethod
    def create_key(node_hash: str, node_inputs: Mapping[str, Any]) -> str:
        """A digest of the function's and of the arguments."""
        arguments = [Versions().of_data(one) for one in sorted(node_inputs.items())]
        return sha256(node_hash.encode() + b"".join(arguments)).hexdigest()


def _hash_of(function: Callable[..., Any]) -> str:
    """The digest of a function's text, that of the function in a partial or in hooks around it."""
    while isinstance(function, functools.partial) or hasattr(function, "__wrapped__"):
        function = function.func if isinstance(function, functools.partial) else inspect.unwrap(function)
    try:
        return hash_source_code(function, strip=True)
    except (OSError, TypeError):
        return sha256(repr(function).encode()).hexdigest()
