"""Calls made by hand, as a plan would make them, and what they come back as: for tests of the seam alone."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import count
from queue import SimpleQueue
from typing import Any

from anabranch.executor import Call, Lease, Message, Reference, Shared
from anabranch.policies import OnError
from anabranch.work import Argument, Code, Form, Layout, Outcome, Part, Step, Table

__all__ = ["PATIENCE", "call", "looping", "run_all", "run_one", "shared", "straight", "value_of"]

PATIENCE = 30.0
"""Seconds after which what should have happened has not."""

LOOP = """\
def task(r, where, start, xs):
    out = []
    for i, x in enumerate(xs, start):
        try:
            y = f_step(x)
        except Exception as e:
            y = r.rescue(0, e, (*where, i), {"x": x})
        out.append(y)
    return out
"""
_keys = count()
_shared_keys = count(1 << 40)  # far from those that runs take


def looping(function: Callable[[Any], Any]) -> Code:
    """A task that calls `function` with each element of its one argument."""
    table = Table(("xs",), (Step("step", 5, "y = f_step(x)", ("x",), ("y",)),), ("y",))
    return Code(f"by hand {next(_keys)}", "step", LOOP, {"f_step": function}, (table,), {"step": "by hand"}, 1, loops=True)


def straight(function: Callable[..., Any], arguments: int = 1, outputs: int = 1) -> Code:
    """A task that calls `function` once, with all its arguments."""
    names = "".join(f", a{n}" for n in range(arguments))
    source = f"def task(r, where, start{names}):\n    return f_once({names[2:]})\n"
    key = f"by hand {next(_keys)}"
    return Code(key, "once", source, {"f_once": function}, (), {"once": "by hand"}, outputs, loops=False)


def call(code: Code, number: int, *values: Any, on_error: OnError = "raise") -> Call:
    """Each value is one argument, as it is."""
    arguments = tuple(Argument(Form.WHOLE, (Part(n),)) for n in range(len(values)))
    return Call(code, Layout(number, (), 0, arguments, on_error), values)


def shared(value: Any) -> Shared:
    """A value that many calls get."""
    return Shared(next(_shared_keys), value)


def run_all(lease: Lease, calls: Sequence[Call]) -> dict[int, Message]:
    """Submits all and waits; checks that each call got one reply."""
    inbox: SimpleQueue[Message] = SimpleQueue()
    for one in calls:
        lease.submit(one, inbox.put)
    replies = [inbox.get(timeout=PATIENCE) for _ in calls]
    found = {reply.call: reply for reply in replies}
    assert sorted(found) == sorted(one.id for one in calls), "each call gets one reply, with the call's own number"
    assert inbox.empty(), "and no second one"
    return found


def run_one(lease: Lease, one: Call) -> Message:
    """The reply to a single call."""
    return run_all(lease, [one])[one.id]


def value_of(message: Message) -> Any:
    """The one output of a call that must have succeeded, brought here."""
    assert isinstance(message, Outcome), message
    assert not message.failures, message.failures
    (output,) = message.outputs
    return output.fetch() if isinstance(output, Reference) else output
