"""Words about nodes."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, TypeVar

from anabranch.function_modifiers import cache, schema, tag, tag_outputs
from anabranch.placement import resources

__all__ = ["RAY_REMOTE_TAG_NAMESPACE", "cache", "ray_remote_options", "schema", "tag", "tag_outputs"]

F = TypeVar("F", bound=Callable[..., Any])

RAY_REMOTE_TAG_NAMESPACE = "ray_remote"


def ray_remote_options(**kwargs: Any) -> Callable[[F], F]:
    """What Ray is asked for, and nobody else; noted as tags."""
    noted: dict[str, Any] = {f"{RAY_REMOTE_TAG_NAMESPACE}.{name}": json.dumps(value) for name, value in kwargs.items()}
    says, asks = tag(**noted), resources(ray=kwargs)

    def decorate(function: F) -> F:
        return says(asks(function))

    return decorate
