"""Bars of tqdm."""

from anabranch.lifecycle import (
    ProgressBar,
)

__all__ = [
    "ProgressBar",
]
