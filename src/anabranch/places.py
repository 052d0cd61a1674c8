"""Several executors as one lease: calls go to the place that they name, and values from one place to another.

Theory: an engine knows one lease and one queue of messages. Here one is made of several: each call is handed to the lease of
its place, and whatever comes back comes back by the same way. Of a value that an executor holds the run has a `Held`, which
says where it is. A call at the same place is given the executor's own reference back, and nothing moves. For a call elsewhere
the driver fetches the value, once: it is kept as long as it is likely to be wanted again, which for what does not vary along a
fan is until the run forgets it, and for parts of lists as long as their neighbours are in use.

    run ──Submit(call at "gpu", values: Held(ref, "cpu"), …)──▶ Crossing ──fetches what is held elsewhere──▶ lease "gpu"
    run ◀──Outcome(Held(ref, "gpu"), …)──────────────────────── Crossing ◀──Outcome(ref, …)───────────────── lease "gpu"

This module never decides where anything runs.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from anabranch.errors import AnabranchError
from anabranch.executor import Call, CallFailed, CallLost, Executor, Lease, Message, Reference, Reply, Shared, recall
from anabranch.work import Outcome

__all__ = ["Crossing", "Held", "leased"]

NEIGHBOURS = 2
"""So many fetched parts are kept for each call that may be out: a part is often cut into several spans, one after the other."""


@dataclass(frozen=True, slots=True, eq=False)
class Held(Reference):
    """A value that the executor of a place holds."""

    reference: Reference
    place: str

    def fetch(self) -> Any:
        """Brings the value here."""
        return self.reference.fetch()


@contextmanager
def leased(executors: Mapping[str, Executor]) -> Iterator[Lease]:
    """Leases all of them, by place; as they are if there is but one.

    Raises:
        ExecutorError: one cannot be started or reached.
    """
    with ExitStack() as stack:
        leases = {place: stack.enter_context(executor.lease()) for place, executor in executors.items()}
        if len(leases) == 1:
            yield next(iter(leases.values()))
        else:
            credit = sum(executor.traits.credit for executor in executors.values())
            yield Crossing(leases, NEIGHBOURS * credit)


class Crossing:
    """The executors of a run, in use.

    Args:
        leases: of each place.
        kept: how many values are kept that were fetched.
    """

    def __init__(self, leases: Mapping[str, Lease], kept: int) -> None:
        self._leases = leases
        self._kept = kept
        self._fetched: OrderedDict[int, tuple[Held, Any]] = OrderedDict()
        self._shared: dict[int, Any] = {}

    def submit(self, call: Call, reply: Reply) -> None:
        """Hands the call to the lease of its place, with all it needs there."""
        try:
            values = tuple([self._at(call.place, value) for value in call.values])
        except AnabranchError as error:  # the value is gone
            reply(CallFailed(call.id, error))
            return
        self._leases[call.place].submit(replace(call, values=values), partial(_answered, call.place, reply))

    def recall(self, call: Call) -> None:
        """Tells the lease of its place."""
        recall(self._leases[call.place], call)

    def forget(self, keys: list[int]) -> None:
        """Tells all of them."""
        for key in keys:
            self._shared.pop(key, None)
        for lease in self._leases.values():
            lease.forget(keys)

    def _at(self, place: str, value: Any) -> Any:
        """The value as a call at that place gets it."""
        if type(value) is Held:
            return value.reference if value.place == place else self._here(value)
        if type(value) is Shared and type(value.value) is Held:
            held = value.value
            if held.place == place:
                return held.reference
            if value.key not in self._shared:
                self._shared[value.key] = held.fetch()
            return Shared(value.key, self._shared[value.key])
        return value

    def _here(self, held: Held) -> Any:
        key = id(held)  # whose owner is kept beside it, so that no other can have the same
        if key not in self._fetched:
            self._fetched[key] = held, held.fetch()
            if len(self._fetched) > self._kept:
                self._fetched.popitem(last=False)
        self._fetched.move_to_end(key)
        return self._fetched[key][1]


def _answered(place: str, reply: Reply, message: Message) -> None:
    """Passes a message on, with what it holds marked as held there."""
    if isinstance(message, Outcome):
        message = _marked(message, place)
    elif isinstance(message, CallLost) and message.finished is not None:
        message = replace(message, finished=_marked(message.finished, place))
    reply(message)


def _marked(outcome: Outcome, place: str) -> Outcome:
    if not any(isinstance(value, Reference) for value in outcome.outputs):
        return outcome
    outputs = tuple(Held(value, place) if isinstance(value, Reference) else value for value in outcome.outputs)
    return replace(outcome, outputs=outputs)
