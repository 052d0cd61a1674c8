"""The observers that a command asks for with its options."""

from __future__ import annotations

from typing import Any, cast

from anabranch.engine import Observer
from anabranch.see import Progress

__all__ = ["observers_of"]


def observers_of(progress: str) -> tuple[Observer, ...]:
    """What watches the run.

    Raises:
        InputError: an option has a value that it cannot have.
    """
    return (Progress(cast("Any", progress)),)
