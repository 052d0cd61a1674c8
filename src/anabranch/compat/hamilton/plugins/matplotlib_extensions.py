"""Figures of matplotlib in files, by Hamilton's names."""

from anabranch.io.formats.plots import (
    MatplotlibSaver as MatplotlibWriter,
)

__all__ = [
    "MatplotlibWriter",
]
