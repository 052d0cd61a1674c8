"""What can go wrong, one class per kind of culprit.

Theory: an error is worth a class of its own when somebody would catch it apart from the others. So the classes follow
*who must act*, not where the error was noticed: the author of the flow (`FlowError`), the caller (`InputError`), the
operator (`ExecutorError`, `WorkerLost`, `TimedOut`, `StoreError`), the author of a value (`TransferError`), or us
(`InternalError`). The first two are a `ValueError` too, for that is what Python calls them. An exception that a user's
function raised is none of these: it propagates as itself, with a note that names function and item.

Every message says what, where and what to do now. This module knows nothing else of anabranch.
"""

from __future__ import annotations

from collections.abc import Iterable

__all__ = [
    "AnabranchError",
    "ExecutorError",
    "FlowError",
    "ForeignError",
    "InputError",
    "InternalError",
    "RunCancelled",
    "StoreError",
    "TimedOut",
    "TransferError",
    "WorkerLost",
    "nearest",
    "nearest_or_all",
]


class AnabranchError(Exception):
    """The root of all errors that anabranch raises itself."""


class FlowError(AnabranchError, ValueError):
    """The functions do not make a dataflow: a cycle, an unknown name, types or axes that do not fit."""


class InputError(AnabranchError, ValueError):
    """The caller asked for what is not there, or gave a value that does not fit: outputs, inputs, overrides, config."""


class ExecutorError(AnabranchError):
    """An executor is unknown, not installed, unreachable or dead."""


class TransferError(AnabranchError):
    """A function, item, input or result cannot travel to or from a worker.

    `whole` if it is not about one item but the same for all: a function, or a value that every item gets.
    """

    def __init__(self, message: str = "", *, whole: bool = False) -> None:
        super().__init__(message)
        self.whole = whole


class StoreError(AnabranchError):
    """A cache or a journal cannot be read or written: a full disk, a read-only folder, an index that is locked or damaged."""


class WorkerLost(AnabranchError):
    """The worker that held a call died before it answered."""


class TimedOut(AnabranchError, TimeoutError):
    """A function, or a run, took longer than it may."""


class RunCancelled(AnabranchError):
    """The run was stopped by who started it."""


class ForeignError(AnabranchError):
    """Stands for an exception that could not be brought back from the worker as itself; its text says what it was."""


class InternalError(AnabranchError):
    """A defect of anabranch, not of the flow: please report it with its text."""

    def __init__(self, message: str) -> None:
        super().__init__(f"{message} [this is a bug in anabranch, please report it]")


def nearest(name: str, names: Iterable[str]) -> str:
    """Returns ``"; did you mean 'a' or 'b'?"`` for the names closest to `name`, or an empty string."""
    import difflib  # seldom needed, and it takes a while to import

    close = difflib.get_close_matches(name, list(names), n=3, cutoff=0.6)
    if not close:
        return ""
    quoted = [f"'{candidate}'" for candidate in close]
    return "; did you mean " + " or ".join(quoted) + "?"


def nearest_or_all(name: str, names: Iterable[str]) -> str:
    """Returns what `nearest` does, or, where none is close, the names that there are: the first ten of them."""
    names = list(dict.fromkeys(names))
    shown = ", ".join(f"'{known}'" for known in names[:10])
    more = f" and {len(names) - 10} more" if len(names) > 10 else ""
    return nearest(name, names) or (f"; there are {shown}{more}" if names else "; there are none")
