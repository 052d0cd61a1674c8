"""A run in hand: stepped, with its executor's answers made in the test."""

from __future__ import annotations

from dataclasses import replace

from anabranch import Builder, module_from_functions
from anabranch.driver import kinds_of, slots_of
from anabranch.engine import perform_here
from anabranch.executor import CallLost
from anabranch.plan import make_plan
from anabranch.policies import Faults
from anabranch.testing.invariants import WatchedRun, check
from anabranch.testing.stepped import Stepped


class Hand(Stepped):
    """The run of these functions, filled; each call is looked at when it goes out, and answered by the test."""

    def __init__(self, *functions, outputs, inputs=None, overrides=None, slots=2, credit=4, places=None, **faults):
        flow = Builder().with_modules(module_from_functions(*functions))
        graph = flow.with_executors(**dict.fromkeys(places or (), "sequential")).build().graph
        inputs, overrides = inputs or {}, overrides or {}
        plan = make_plan(graph, outputs, tuple(inputs), *kinds_of(overrides))
        given = slots_of(graph, plan, inputs, overrides)
        self.events = []
        more = {"places": places or {}, "faults": Faults(**faults), "policies": plan.policies}
        run = WatchedRun(plan.root, given, slots=slots, credit=credit, **more)
        super().__init__(plan, run, self.events.append)
        self.fill()

    def tell(self, news):
        super().tell(news)
        check(self, self.run)

    def spans(self):
        """Where the spans begin and end that are out, by call."""
        errands = {number: self.run.trips[number].errand for number in self.out}
        return {number: (errand.lo, errand.hi) for number, errand in errands.items()}

    def at(self, lo, name=None):
        """The call that is out for the span that begins there."""
        found = [n for n, (start, _) in self.spans().items() if start == lo and name in (None, self.out[n].code.name)]
        return self.out[found[0]]

    def performed(self, call, seconds=1e-6, far=None):
        outcome = replace(perform_here(call), seconds=seconds, started=0.0, worker="w")
        return outcome if far is None else replace(outcome, outputs=tuple(map(far, outcome.outputs)))

    def back(self, call=None, seconds=1e-6, far=None):
        """A call comes back: this one, or the first."""
        self.tell(self.performed(call or next(iter(self.out.values())), seconds, far))

    def lose(self, call=None, reason="drawn", **how):
        """The worker of a call dies."""
        self.tell(CallLost((call or next(iter(self.out.values()))).id, reason, "w", **how))

    def to_the_end(self, far=None):
        """All that is out comes back, until the run is over."""
        while not self.run.stopped:
            if self.out:
                self.back(far=far)
            elif self.delayed:
                self.wake(0)
            else:
                assert self.read_on() or self.out
        return self

    def results(self):
        """What the driver would return, or raise."""
        self._raise_failure()
        return {name: self._result(value) for name, value in self.plan.outputs.items()}
