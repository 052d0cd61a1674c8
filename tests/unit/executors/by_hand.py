"""Calls made by hand, as a plan would make them, and a mailbox for their replies."""

from __future__ import annotations

import os
import sys
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import suppress
from itertools import count
from queue import SimpleQueue
from typing import Any

from anabranch.executor import Call, Lease, Message
from anabranch.policies import OnError
from anabranch.work import Argument, Code, Form, Layout, Part, Step, Table

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


def open_files() -> Counter[str]:
    """What this process has open, by kind. Sockets of a Ray or Dask session, which another test may have left, come and go
    as these like, and are not counted.
    """
    found: Counter[str] = Counter()
    for name in os.listdir("/proc/self/fd"):
        with suppress(OSError):
            found[os.readlink(f"/proc/self/fd/{name}").partition(":")[0]] += 1
    if {"ray", "distributed"} & set(sys.modules):
        for kind in ("socket", "anon_inode", "pipe"):
            del found[kind]
    return found


def looping(function: Callable[[Any], Any], name: str = "step") -> Code:
    """A task that calls `function` with each element of its one argument."""
    table = Table(("xs",), (Step(name, 5, "y = f_step(x)", ("x",), ("y",)),), ("y",))
    return Code(f"k{next(_keys)}", name, LOOP, {"f_step": function}, (table,), {name: "by hand"}, 1, True)


def straight(function: Callable[..., Any], arguments: int = 1, outputs: int = 1, name: str = "once") -> Code:
    """A task that calls `function` once, with all its arguments; nothing is rescued."""
    names = "".join(f", a{n}" for n in range(arguments))
    source = f"def task(r, where, start{names}):\n    return f_{name}({names[2:]})\n"
    return Code(f"k{next(_keys)}", name, source, {f"f_{name}": function}, (), {name: "by hand"}, outputs, False)


def call(code: Code, number: int, *values: Any, on_error: OnError = "raise") -> Call:
    """Each value is one argument, as it is."""
    arguments = tuple(Argument(Form.WHOLE, (Part(n),)) for n in range(len(values)))
    return Call(code, Layout(number, (), 0, arguments, on_error), values)


def run_all(lease: Lease, calls: Sequence[Call], seconds: float = 60) -> dict[int, Message]:
    """Submits all, waits for as many replies, and checks that each call got one."""
    inbox: SimpleQueue[Message] = SimpleQueue()
    for one in calls:
        lease.submit(one, inbox.put)
    replies = [inbox.get(timeout=seconds) for _ in calls]
    found = {reply.call: reply for reply in replies}
    assert sorted(found) == sorted(one.id for one in calls)
    assert inbox.empty()
    return found


def run_one(lease: Lease, one: Call, seconds: float = 60) -> Message:
    """The reply to a single call."""
    return run_all(lease, [one], seconds)[one.id]
