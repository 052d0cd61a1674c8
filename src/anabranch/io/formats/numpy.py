"""Arrays of numpy, in its own format."""

from __future__ import annotations

import io
from typing import Any

from anabranch.io.file import FileLoader, FileSaver, FrameFacts
from anabranch.io.formats.plain import contents
from anabranch.io.place import Place
from anabranch.libraries import library

__all__ = ["ADAPTERS"]


class NpyLoader(FrameFacts, FileLoader):
    """Reads an array. Options are those of `numpy.load`; arrays of objects are pickles, and need ``allow_pickle=True``."""

    keys = ("npy",)
    kinds = ("numpy.ndarray",)
    takes = ("numpy.load",)

    def read(self, source: Any, place: Place, type_: Any) -> Any:
        numpy = library("numpy", "'npy'")
        return numpy.load(source if isinstance(source, str) else io.BytesIO(contents(source)), **self.options)


class NpySaver(FrameFacts, FileSaver):
    """Writes an array. Options are those of `numpy.save`; arrays of objects need ``allow_pickle=True``."""

    keys = ("npy",)
    kinds = ("numpy.ndarray",)
    takes = ("numpy.save",)
    refuses = {"arr": "it is the array that is saved"}

    def write(self, data: Any, draft: str) -> None:
        numpy = library("numpy", "'npy'")
        with open(draft, "wb") as file:  # by name, numpy would add a suffix
            numpy.save(file, data, **{"allow_pickle": False, **self.options})


ADAPTERS = (NpyLoader, NpySaver)
