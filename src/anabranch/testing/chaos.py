"""Faults on purpose: functions that fail as data says, and workers that are killed at random.

Theory: a fault is data. A plan says what befalls which item of which function, attempt by attempt::

    with Chaos(folder, {("parse", (3,)): ["kill", "ok"], ("parse", (7,)): "raise"}) as chaos:
        driver = chaos.build(Builder().with_modules(census).with_executor("processes"))

so item 3 kills its worker at the first attempt and is well at the second, and item 7 always raises. A word stands for every
attempt, a list for as many as it has, and after them all is well. The functions are not changed: the driver that is built
calls them through a `Faulty`, which is pickled as what it is made of, so that a function that workers import is still
imported there. Attempts are counted across processes by a `Diary`; so one that was killed counts.

=============  ======================================================================================================
`ok`           the function is called.
`raise`        it raises `Struck` instead.
`hang`         it waits until it is interrupted, or until `Chaos.release`; then it goes on.
`deaf`         it waits until `Chaos.release`, whatever is raised in it meanwhile; then it goes on.
`stuck`        it waits for ever and holds the interpreter's lock, like compiled code that never returns.
`kill`         its process is ended by SIGKILL.
`oom`          its process takes 64 MiB of memory and is then ended by SIGKILL, as the kernel does it.
`exit`         its process ends by itself, with exit code 3.
`segfault`     its process reads where there is nothing, and is ended by SIGSEGV.
`unpicklable`  it returns what cannot be pickled.
`unloadable`   it returns what can be pickled but not unpickled.
`foreign`      it raises an exception that can be pickled but not unpickled.
=============  ======================================================================================================

Workers are struck at random by a `Killer`, which is told by `Chaos.workers` in which processes watched functions have been
called::

    with Chaos(folder, watch=["parse"]) as chaos, Killer(chaos.workers, every=0.1, seed=7):
        chaos.build(…).execute(…)

What would end or stop the process that made the plan, and drives the run, raises `Spared` there. It takes a POSIX system,
and workers on this machine.

This module never knows an executor: workers are the processes in which calls were written down.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from types import ModuleType
from typing import Any, Self

from anabranch.driver import Builder, Driver
from anabranch.errors import InputError, nearest_or_all
from anabranch.graph import Graph
from anabranch.markers import MARKS
from anabranch.testing.deeds import FAULTS, Fault, Struck
from anabranch.testing.diary import Diary, Entry, Worker
from anabranch.testing.faulty import Faulty, Item, Plan, Script, Spared
from anabranch.testing.gate import Gate
from anabranch.testing.killer import Killer

__all__ = ["Chaos", "Fault", "Faulty", "Item", "Killer", "Script", "Spared", "Struck"]

class Chaos:
    """A plan of faults, and what has come of it.

    Args:
        folder: where the processes of this machine write down what they do; empty, and for this plan alone.
        faults: by function and item (the indices on its axes, `()` outside a fan-out) what befalls it.
        watch: functions whose calls are written down though nothing befalls them.

    Raises:
        InputError: there is no such fault.
    """

    def __init__(
        self,
        folder: str | os.PathLike[str],
        faults: Mapping[tuple[str, Item], Script] | None = None,
        watch: Iterable[str] = (),
    ) -> None:
        faults = dict(faults or {})
        for script in faults.values():
            for fault in (script,) if isinstance(script, str) else script:
                if fault not in FAULTS:
                    raise InputError(f"there is no fault '{fault}'{nearest_or_all(fault, FAULTS)}")
        self.nodes = frozenset({*watch, *(node for node, _ in faults)})
        self._gate = Gate(os.path.join(os.fspath(folder), "gate"))
        self.plan = Plan(Diary(os.fspath(folder)), self._gate.path, faults, os.getpid())

    # -- applied to a flow -----------------------------------------------------------------------------------------

    def build(self, builder: Builder) -> Driver:
        """The driver that the builder builds, with faults in it.

        Raises:
            InputError: a function of the plan is not part of the flow.
        """
        parts = builder.parts()
        return Driver.over(replace(parts, graph=self.graph(parts.graph)))

    def graph(self, graph: Graph) -> Graph:
        """The same graph with faults in it."""
        self._check(graph.nodes)
        nodes = {
            name: node._replace(function=self._faulty(node.function, name)) if name in self.nodes else node
            for name, node in graph.nodes.items()
        }
        return replace(graph, nodes=nodes)

    def module(self, module: ModuleType) -> ModuleType:
        """A module with the same functions, and faults in them."""
        self._check(vars(module))
        found = ModuleType(module.__name__, module.__doc__)
        setattr(found, MARKS, {"temporary": True})
        for name, value in vars(module).items():
            own = getattr(value, "__module__", None) == module.__name__ or hasattr(module, MARKS)
            if callable(value) and own and not name.startswith("_"):
                setattr(found, name, self._faulty(value, name) if name in self.nodes else value)
        return found

    def _check(self, known: Iterable[str]) -> None:
        for name in self.nodes:
            if name not in known:
                raise InputError(f"no function '{name}' for a fault to befall{nearest_or_all(name, known)}")

    def _faulty(self, function: Callable[..., Any], name: str) -> Faulty:
        return Faulty(function, name, self.plan)

    # -- what has come of it ---------------------------------------------------------------------------------------

    def calls(self) -> list[Entry]:
        """The calls of the functions in the plan, in the order in which they began."""
        return self.plan.diary.calls()

    def attempts(self) -> Counter[tuple[str, Item]]:
        """How often each item of the functions in the plan was begun."""
        return Counter((entry.node, entry.item) for entry in self.calls())

    def workers(self) -> list[Worker]:
        """The processes in which calls have begun, without this one, as far as they are still there."""
        return [worker for worker in self.plan.diary.workers() if worker.pid != os.getpid()]

    def release(self) -> None:
        """Lets go on what hangs, and hangs nothing any more. Leaving a ``with`` block does so too."""
        self._gate.open()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.release()
