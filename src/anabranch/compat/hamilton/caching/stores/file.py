"""A folder for results, by Hamilton's name."""

from __future__ import annotations

import os

from anabranch.compat.hamilton.caching.stores import ResultView
from anabranch.store import Settings

__all__ = ["FileResultStore"]


class FileResultStore(ResultView):
    """Results in a folder."""

    def __init__(self, path: str | os.PathLike[str], create_dir: bool = True) -> None:
        if create_dir:
            os.makedirs(path, exist_ok=True)
        super().__init__(Settings(os.path.abspath(path)))
