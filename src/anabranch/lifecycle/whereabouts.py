"""For which item of which function this thread is at work: read off the stack, so that nobody has to write it down beforehand.

Theory: a user's function is called by generated code (`anabranch.plan.source`), whose frame has the indices, and whose line is
that of a step. So whoever wants to know pays, and nobody else.
"""

from __future__ import annotations

import sys
from types import FrameType
from typing import Any, NamedTuple

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
    node = _node(frame, recorder)
    where: tuple[int, ...] = found.get("where", ())
    if "i" in found:
        return Whereabouts(node, (*where, found["i"]))
    if "out_0" in found:  # a loop that counts what it has made
        return Whereabouts(node, (*where, found.get("start", 0) + len(found["out_0"])))
    return Whereabouts(node, where)


def _node(frame: FrameType, recorder: Recorder) -> str:
    """Whose line it is; a step that is run by itself is known to who runs it."""
    caller: Any = frame.f_back.f_locals.get("step") if frame.f_back is not None else None
    if frame.f_code.co_name == "<module>" and caller is not None:
        return str(caller.node)
    code = recorder.block.code
    steps = {step.line: step.node for table in code.tables for step in table.steps}
    return steps.get(frame.f_lineno, code.name)
