"""Words about nodes."""

from __future__ import annotations

import json
from typing import Any

from anabranch.function_modifiers import cache, schema, tag, tag_outputs

__all__ = ["RAY_REMOTE_TAG_NAMESPACE", "cache", "ray_remote_options", "schema", "tag", "tag_outputs"]

RAY_REMOTE_TAG_NAMESPACE = "ray_remote"


def ray_remote_options(**kwargs: Any) -> Any:
    """Notes what Ray is to be asked for, as tags; they are shown, and say what `@resources` would have to."""
    noted: dict[str, Any] = {f"{RAY_REMOTE_TAG_NAMESPACE}.{name}": json.dumps(value) for name, value in kwargs.items()}
    return tag(**noted)
