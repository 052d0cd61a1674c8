"""Data in and out of single functions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from anabranch.function_modifiers import InvalidDecoratorException, dataloader, datasaver, load_from, save_to
from anabranch.kinds import kinds_of

__all__ = ["InvalidDecoratorException", "dataloader", "datasaver", "load_from", "resolve_adapter_class", "save_to"]


def resolve_adapter_class(type_: Any, loader_classes: Sequence[Any]) -> Any:
    """The class among these that is for values of a type, the last one first; None if there is none."""
    if not kinds_of(type_):
        return loader_classes[-1] if loader_classes else None
    return next((one for one in reversed(loader_classes) if one.applies_to(type_)), None)
