"""How a command ends: what went wrong, on standard error, and the exit code.

Theory: the exit code follows who must act (see `anabranch.errors`). Where the fault is in the caller's request or in the
flow's shape, a message says all; where a user's function raised, its traceback does, without a line of anabranch's.
"""

from __future__ import annotations

import importlib
import sys
import traceback
from collections.abc import Iterator
from pathlib import Path

from rich.console import Console
from rich.text import Text

from anabranch.cli import signals
from anabranch.cli.flow import BrokenModule
from anabranch.errors import AnabranchError, ExecutorError, FlowError, ForeignError, InputError, InternalError, StoreError
from anabranch.failure import Frame, ItemsFailed

__all__ = ["say", "tell", "told"]

_MACHINERY = ("<frozen ", str(Path(importlib.__file__).parent))


def tell(error: BaseException) -> int:
    """Says on standard error what went wrong, and returns the exit code."""
    code = signals.exit_code(error)
    if code is not None:
        say("interrupted" if code == 130 else "terminated", "")
        return code
    if isinstance(error, BrokenModule) and error.__cause__ is not None:
        say("error", f"{error}:")
        say("", told(error.__cause__))
        return 2
    if isinstance(error, AnabranchError) and not isinstance(error, (InternalError, ForeignError)):
        notes = [f"\n  {note}" for note in getattr(error, "__notes__", ())]
        say("error", "".join([str(error), *notes]))
        return 2 if isinstance(error, (FlowError, InputError, ExecutorError, StoreError)) else 1
    if isinstance(error, ItemsFailed):
        say("error", error.message)
        for one in error.exceptions:
            say("", f"\n{told(one)}")
        return 1
    say("", told(error))
    return 1


def told(error: BaseException) -> str:
    """The traceback of the user's frames, then the exception and its notes; all frames if none is the user's."""
    whole = traceback.TracebackException.from_exception(error)
    if isinstance(error, InternalError) or not (_theirs(whole) or isinstance(error, SyntaxError) or _noted(error)):
        return "".join(whole.format()).rstrip()
    for one in _linked(whole):
        one.stack = traceback.StackSummary.from_list([line for line in one.stack if not _is_ours(line)])
    lines = whole.format()
    return "".join(line for line in lines if line != "Traceback (most recent call last):\n" or _theirs(whole)).rstrip()


def _noted(error: BaseException) -> bool:
    """Whether a run has said which function raised it."""
    return bool(getattr(error, "__notes__", ()))


def _theirs(story: traceback.TracebackException) -> bool:
    return any(not _is_ours(line) for one in _linked(story) for line in one.stack)


def _is_ours(line: traceback.FrameSummary) -> bool:
    return line.filename.startswith(_MACHINERY) or Frame(line.filename, 0, line.name).is_internal


def _linked(story: traceback.TracebackException) -> Iterator[traceback.TracebackException]:
    """The exception, its causes and contexts, and the members of groups."""
    waiting, seen = [story], set()
    while waiting:
        one = waiting.pop()
        if id(one) not in seen:
            seen.add(id(one))
            yield one
            waiting += [other for other in (one.__cause__, one.__context__, *(one.exceptions or ())) if other is not None]


def say(word: str, message: str) -> None:
    """Writes one message on standard error."""
    if sys.stderr is None:
        return
    console = Console(stderr=True, highlight=False, markup=False, emoji=False)
    head = (word, "bold red" if word == "error" else "bold")
    console.print(Text.assemble(head, ": " if word and message else "", message), soft_wrap=True)
