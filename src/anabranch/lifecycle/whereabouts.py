"""For which item of which function this thread is at work: read off the stack, so that nobody has to write it down beforehand.

Theory: a user's function is called by generated code (`anabranch.plan.source`), whose frame has the indices, and whose line is
that of a step. So whoever wants to know pays, and nobody else.
"""

from __future__ import annotations

import sys
from types import FrameType
from typing import Any, NamedTuple

from anabranch.code import Code, named
from anabranch.failure import GENERATED
from anabranch.recorder import Recorder

__all__ = ["Whereabouts", "whereabouts"]

DEEPEST = 500
"""So many frames are looked at."""


class Whereabouts(NamedTuple):
    """A function, and the indices of an item."""

    node: str
    item: tuple[int, ...]

    def __str__(self) -> str:
        return f"{self.node}[{','.join(map(str, self.item))}]" if self.item else self.node


def whereabouts() -> Whereabouts | None:
    """Where this thread is; None where it is in no function of a flow."""
    frame: FrameType | None = sys._getframe(1)  # noqa: SLF001  the only way
    for _ in range(DEEPEST):
        if frame is None:
            return None
        if frame.f_code.co_filename.startswith(GENERATED):
            return _place(frame)
        frame = frame.f_back
    return None


def _place(frame: FrameType) -> Whereabouts | None:
    found = frame.f_locals
    recorder = found.get("r")
    if not isinstance(recorder, Recorder):
        return None
    code, where = recorder.block.code, found.get("where", ())
    inner = "at" in found
    numbered = "i" in found or "i" in frame.f_code.co_varnames
    if inner and not numbered:  # else the loop has done so itself
        where = (*where, found["at"])
    node, rank = _step(frame, code)
    if not node:
        return Whereabouts(named(frame.f_code.co_varnames[3]) if inner else code.name, where)
    index = found["i"] if "i" in found else found.get("start", 0) + len(found.get("out_0", ()))
    return Whereabouts(node, (*where, index)[:rank])


def _step(frame: FrameType, code: Code) -> tuple[str, int]:
    """Whose line it is, and how many indices an item of it has; no name where it is the loop itself that asks for an item."""
    caller: Any = frame.f_back.f_locals.get("step") if frame.f_back is not None else None
    alone = frame.f_code.co_name == "<module>" and caller is not None  # a step run by itself is known to who runs it
    for table in code.tables:
        for step in table.steps:
            if step is caller if alone else step.line == frame.f_lineno:
                return step.node, len(table.axes)
    return "", 0
