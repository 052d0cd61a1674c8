"""Arrays of numpy in files, by Hamilton's names."""

from anabranch.io.formats.numpy import (
    NpyLoader as NumpyNpyReader,
)
from anabranch.io.formats.numpy import (
    NpySaver as NumpyNpyWriter,
)

__all__ = [
    "NumpyNpyReader",
    "NumpyNpyWriter",
]
