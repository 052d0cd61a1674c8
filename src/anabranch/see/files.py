"""Files that observers write while runs go on: named when the observer is made, opened when a run starts.

Theory: a wrong name is said before anything runs. What is written goes on its way at once or at the end, as the format can
bear it; a run that is killed leaves all but its last moments.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TextIO

from anabranch.errors import InputError

__all__ = ["RunFile"]

PLACE = "{run_id}"
"""Stands in a name for the run's identity, so that each run has a file of its own."""


class RunFile:
    """The name of a file that each run writes; the last run's stays, unless ``{run_id}`` in the name tells them apart.

    Raises:
        InputError: there is no such folder, or the name is a folder's.
    """

    def __init__(self, path: str | os.PathLike[str], what: str) -> None:
        self.path = Path(path)
        self.what = what
        if self.path.is_dir():
            raise InputError(f"{what} cannot be written to '{self.path}': it is a folder")
        if not self.path.parent.is_dir():
            raise InputError(f"{what} cannot be written to '{self.path}': there is no folder '{self.path.parent}'")

    def of(self, run_id: str) -> Path:
        """The file of one run."""
        return Path(str(self.path).replace(PLACE, run_id))

    def open(self, run_id: str, *, by_line: bool = False, append: bool = False) -> TextIO:
        """Opens it for one run, anew or to write on.

        Raises:
            InputError: it cannot be written.
        """
        path = self.of(run_id)
        try:
            return path.open("a" if append else "w", encoding="utf-8", newline="\n", buffering=1 if by_line else 2**16)
        except OSError as error:
            raise InputError(f"{self.what} cannot be written to '{path}': {error.strerror}") from error
