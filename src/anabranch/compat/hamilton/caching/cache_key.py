"""Keys under which a cache knows results: the node, the version of its code, and the versions of what it read.

Theory: a key is text that can be taken apart again. Versions and names of nodes may not hold ``-`` before the third part, which
is why that part, the versions of what was read, is packed: as JSON in the order of the names, compressed, in base 64. Two calls
that read the same have the same key, whatever the order in which they are told.
"""

from __future__ import annotations

import base64
import json
import zlib
from collections.abc import Mapping
from typing import Any

__all__ = ["create_cache_key", "decode_key"]


def create_cache_key(node_name: str, code_version: str, dependencies_data_versions: Mapping[str, str]) -> str:
    """The key of a call."""
    text = json.dumps(dict(sorted(dependencies_data_versions.items())), separators=(",", ":"))
    packed = base64.b64encode(zlib.compress(text.encode())).decode("ascii")
    return f"{node_name}-{code_version}-{packed}"


def decode_key(cache_key: str) -> dict[str, Any]:
    """The parts of a key, by the names of `create_cache_key`'s parameters.

    Raises:
        ValueError: it is no such key.
    """
    node_name, code_version, packed = cache_key.split("-", 2)
    versions = json.loads(zlib.decompress(base64.b64decode(packed)))
    return {"node_name": node_name, "code_version": code_version, "dependencies_data_versions": versions}
