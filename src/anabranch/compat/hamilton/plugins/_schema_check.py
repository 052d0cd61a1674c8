"""`check_output` without keywords: the return annotation names the schema."""

from __future__ import annotations

from typing import Any

from anabranch import function_modifiers

__all__ = ["check_output"]


def check_output(importance: str = "warn", target: Any = None) -> Any:
    """Checks what a function gives against the schema that its return annotation names."""
    return function_modifiers.check_output(importance=importance, target_=target)
