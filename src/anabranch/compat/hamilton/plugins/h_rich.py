"""Bars of rich."""

from anabranch.lifecycle import (
    RichProgressBar,
)

__all__ = [
    "RichProgressBar",
]
