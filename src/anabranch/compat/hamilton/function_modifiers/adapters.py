"""Data in and out of single functions."""

from anabranch.function_modifiers import (
    dataloader,
    datasaver,
    load_from,
    save_to,
)

__all__ = [
    "dataloader",
    "datasaver",
    "load_from",
    "save_to",
]
