"""An adapter that remembers values with the library diskcache."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from anabranch.compat.hamilton._memo import Remembering, _hash_of
from anabranch.libraries import library

__all__ = ["DiskCacheAdapter", "evict_all_except", "evict_all_except_driver"]


class DiskCacheAdapter(Remembering):
    """Keeps values in a folder.

    Args:
        cache_vars: the functions whose values are kept; all, if it is empty.
        cache_path: the folder.
        kwargs: arguments of `diskcache.Cache`.
    """

    def __init__(self, cache_vars: Iterable[str] | None = None, cache_path: str = ".", **kwargs: Any) -> None:
        super().__init__(cache_vars, cache_path)
        self.options = kwargs
        self.cache = self.opened()

    def opened(self) -> Any:
        """The folder."""
        return library("diskcache", type(self).__name__).Cache(directory=self.cache_path, **self.options)

    @staticmethod
    def create_key(node_hash: str, node_inputs: Mapping[str, Any]) -> Any:
        """The digest of the function and the arguments."""
        return (node_hash, *node_inputs.values())


def evict_all_except(nodes_to_keep: Mapping[str, Any], cache: Any) -> int:
    """Drops what was kept for other functions, or for other versions of these; returns how much that was."""
    keep = set(nodes_to_keep.values())
    old = [key for key in cache if isinstance(key, tuple) and key and key[0] not in keep]
    for key in old:
        del cache[key]
    return len(old)


def evict_all_except_driver(dr: Any) -> dict[str, int]:
    """Drops what was kept for functions that are not in this driver, or not as they are there."""
    versions = {node.name: _hash_of(node.originating_functions[0]) for node in dr.graph.get_nodes() if not node.user_defined}
    caches = [one.cache for one in dr.adapter.adapters if isinstance(one, DiskCacheAdapter)]
    return {"eviction_counter": sum(evict_all_except(versions, cache) for cache in caches)}
