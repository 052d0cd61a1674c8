"""The cache keys of one run.

Theory: a call's key holds the versions of what it read. Of what was computed in the run, these have been reported; of what
was given, they are made here; of what was found in the cache, they were noted under its own key when it was computed. What has
no version stands in a key by what makes it: an expander's item by its label, a value that spans a fan-out by its own
key, a node that is never cached by the run. So equal runs have equal keys, and a node that reads what is not cached has a new
one each time.

This module never decides what is computed: anabranch's own cache does (`anabranch.rebuild`), by its own keys.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from anabranch.compat.hamilton.caching.cache_key import create_cache_key
from anabranch.graph import Graph
from anabranch.store import Behaviour
from anabranch.versions import Unversionable, Versions

__all__ = ["RunKeys"]

IGNORED = "<ignore>"


@dataclass(frozen=True, slots=True)
class RunKeys:
    """Keys of calls of one run.

    Args:
        codes: versions of code, by node. ways: what is done with results, by name.
        given: values of inputs, overrides, config and parameters that nobody gave.
        known: versions of what was computed, by node; in a fan-out by item.
        stored: gives the version that is noted under a key, or None.
    """

    run_id: str
    graph: Graph
    codes: Mapping[str, str]
    ways: Mapping[str, Behaviour]
    given: Mapping[str, Any]
    known: Mapping[str, Any]
    stored: Callable[[str], str | None]
    _keys: dict[tuple[str, str | None], str] = field(default_factory=dict)
    _versions: dict[str, str] = field(default_factory=dict)

    def of(self, node: str, item: str | None = None) -> str:
        """The key of a node's call, or of its call for one item."""
        found = self._keys.get((node, item))
        if found is None:
            names = dict.fromkeys(edge.source for edge in self.graph.edges.get(node, ()))
            read = {name: self._version(name, item) for name in names if name in self.graph.nodes or name in self.given}
            found = self._keys[node, item] = create_cache_key(node, self.codes.get(node, ""), read)
        return found

    def _version(self, name: str, item: str | None) -> str:
        way = self.ways.get(name)
        if way is Behaviour.IGNORE:
            return IGNORED
        if way is Behaviour.DISABLE:
            return self.run_id
        if name in self.given:
            return self._version_of_value(name)
        axes = self.graph.value_axes(name)
        if axes:
            found = self.known.get(name) if item is not None else None
            per_item = found.get(item) if isinstance(found, Mapping) else None
            return per_item or (item if self.graph.nodes[name].expands and item is not None else self.of(name))
        found = self.known.get(name)
        return found if isinstance(found, str) else self.stored(self.of(name)) or self.of(name)

    def _version_of_value(self, name: str) -> str:
        found = self._versions.get(name)
        if found is None:
            try:
                found = Versions().of_data(self.given[name]).hex()
            except Unversionable:
                found = self.run_id
            self._versions[name] = found
        return found
