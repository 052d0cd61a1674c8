"""Standard output: results, and nothing else.

Theory: what the user's functions print, what libraries print, and what worker processes print would end up among the
results, and a program that reads them would stumble. So the descriptor of standard output is taken away at the start
and put in place again behind a stream of our own; descriptor 1 leads to standard error from then on, in this process
and in all that it starts.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TextIO

from rich.console import Console

from anabranch.errors import AnabranchError

__all__ = ["OutputLost", "Results", "claim"]

WIDE = 100_000
"""The width of what is no terminal: nothing is folded or cut."""


class OutputLost(AnabranchError):
    """Standard output is full or broken."""


class Results:
    """Where results are written.

    Attributes:
        console: rich's, for terminals.
        terminal: whether a person reads it: colours, tables as wide as the window, long values cut.
    """

    def __init__(self, stream: TextIO) -> None:
        self.stream = stream
        console = Console(file=stream)
        self.terminal = console.is_terminal
        width = None if self.terminal else WIDE
        self.console = Console(file=stream, width=width, highlight=False, markup=False, emoji=False)

    @property
    def ascii_only(self) -> bool:
        """Whether the stream can hold no other characters for certain."""
        return not self.stream.encoding.lower().startswith("utf")

    def write(self, write: Callable[[], None]) -> None:
        """Calls `write`, which prints; a reader that has gone (``| head``) is no error.

        Raises:
            OutputLost: the results cannot be written.
        """
        try:
            write()
            self.stream.flush()
        except OSError as error:
            _lead_nowhere(self.stream.fileno())  # what is still buffered goes there when the stream is closed
            if not isinstance(error, BrokenPipeError):
                raise OutputLost(f"the results cannot be written to standard output: {error.strerror}") from None

    def print(self, text: str) -> None:
        """Writes a line of plain text as it is."""
        self.stream.write(text + "\n")


def claim() -> Results:
    """Takes standard output for results; from now on everything else that is printed goes to standard error."""
    encoding = getattr(sys.stdout, "encoding", None) or "utf-8"
    with suppress(OSError, AttributeError, ValueError):
        sys.stdout.flush()
    try:
        descriptor = os.dup(1)
    except OSError:  # it is closed
        return Results(Path(os.devnull).open("w", encoding="utf-8"))
    try:
        os.dup2(2, 1)
    except OSError:  # standard error is closed: prints go nowhere
        _lead_nowhere(1)
    sys.stdout = sys.stderr
    return Results(os.fdopen(descriptor, "w", encoding=encoding, errors="backslashreplace"))


def _lead_nowhere(descriptor: int) -> None:
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, descriptor)
    os.close(nowhere)
