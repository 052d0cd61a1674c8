"""The seam between the engine and whatever runs calls: what an executor must be, and what it must do.

Theory: an executor is a set of slots with one verb. `lease()` is entered for the time of one run and gives a `Lease`,
whose `submit(call, reply)` hands over one call and returns at once; later, from any thread, `reply` is called with
exactly one message for that call. `reply` only puts into a queue, so an executor may call it wherever it likes. What an
executor can do beyond that is declared in `Traits`, as data, and the engine goes by the traits alone.

    engine ──submit(call, reply)──▶ lease ──▶ worker: perform(code, layout, values) ──▶ reply(Outcome)

Invariants an executor must keep (`anabranch.testing.ExecutorContract` checks them):

* one reply for every call submitted: `Outcome`, `CallFailed` or `CallLost`; none after the lease was left;
* leaving the lease ends what is still running of this run (kills it where `can_kill`, else waits) and keeps the workers
  warm; `close()` ends the workers, and so does the interpreter's exit;
* an executor may be leased by many runs at once, from many threads;
* values are opaque: a `Reference` that came out of an executor is given back to it as it is.

This module never knows a concrete executor, a graph or a run.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, Protocol, TypeAlias

from anabranch.missing import Move
from anabranch.placement import DEFAULT_PLACE, NOTHING, Resources
from anabranch.policies import Cause
from anabranch.work import Code, Layout, Outcome, perform

__all__ = [
    "Call",
    "CallFailed",
    "CallLost",
    "Executor",
    "Lease",
    "Message",
    "Reference",
    "Replay",
    "Reply",
    "Shared",
    "Traits",
    "fetched",
    "recall",
]


@dataclass(frozen=True, slots=True)
class Traits:
    """What an executor can do.

    Attributes:
        slots: how many calls run at the same time.
        credit: how many calls the engine may have handed over at once; what exceeds `slots` waits at the executor, so
            that a worker need not wait for the engine.
        shares_memory: calls see the driver's own objects; nothing is pickled.
        holds_references: outputs may come back as `Reference`s and be given to later calls as they are.
        can_kill: leaving the lease ends running calls at once instead of waiting for them.
        is_local: calls run on this machine, and nobody but the run sees to it that they do not need more than it has.
        resources: how much a call may need at most, by name; for a local executor what there is beside, or instead of, what
            the machine shows (`anabranch.machine`). None if nobody knows.
    """

    slots: int
    credit: int
    shares_memory: bool = False
    holds_references: bool = False
    can_kill: bool = False
    is_local: bool = False
    resources: Mapping[str, float] | None = None


class Reference(ABC):
    """An opaque handle to a value that lives elsewhere; dropping the last handle frees the value.

    A base class and no protocol: a user's value may happen to have a method of that name.
    """

    __slots__ = ()

    @abstractmethod
    def fetch(self) -> Any:
        """Brings the value here."""


@dataclass(frozen=True, slots=True, eq=False)
class Shared:
    """A local value that many calls of a run get: to be sent to each worker once.

    `key` is unique among all live runs of this process and never used again for another value.
    """

    key: int
    value: Any


@dataclass(frozen=True, slots=True, eq=False)
class Call:
    """Task × span: what crosses to an executor.

    `values` are what `layout.arguments` refers to by position: plain objects, `Shared`, or this executor's `Reference`s.
    `place` is the executor's name in the run, and no matter to the executor itself; `needs` is what the call needs there.
    """

    code: Code
    layout: Layout
    values: tuple[Any, ...]
    place: str = DEFAULT_PLACE
    needs: Resources = NOTHING

    @property
    def id(self) -> int:
        """Identifies the call within its run."""
        return self.layout.call


@dataclass(frozen=True, slots=True)
class Replay:
    """A task and its values, to be run again here and now; what fails is raised."""

    code: Code
    layout: Layout
    values: tuple[Any, ...]

    def __call__(self) -> Any:
        """Runs it, and returns what it gives."""
        outcome = perform(self.code, self.layout, tuple(fetched(value) for value in self.values), "driver")
        if outcome.failures:
            raise outcome.failures[0].error()
        made = tuple(value[0] for value in outcome.outputs) if self.code.loops else outcome.outputs
        return made[0] if len(made) == 1 else made


def recall(lease: Lease, call: Call) -> None:
    """Has a lease end a call that nobody waits for any more, if it can: if it has a method `recall`, which takes the call. The
    call is answered all the same, as lost if it was ended.
    """
    end = getattr(lease, "recall", None)
    if end is not None:
        end(call)


def fetched(value: Any) -> Any:
    """The object that a call's value stands for."""
    if isinstance(value, Reference):
        return value.fetch()
    return fetched(value.value) if isinstance(value, Shared) else value


@dataclass(frozen=True, slots=True)
class CallFailed:
    """The call could not be run or its answer not be brought back: it does not pickle, say. The worker is well."""

    call: int
    error: Exception


@dataclass(frozen=True, slots=True)
class CallLost:
    """The worker died, or had to be killed, while it held the call.

    Attributes:
        reason: signal, exit code or limit, in words.
        worker: which one.
        cause: ``lost``, or ``timeout`` if a function took longer than it may; or ``exception`` if nothing was lost, but an
            item of it is to be tried again elsewhere.
        node: the function that was running, if that is known.
        where: the indices of its item, outermost first, if they are known.
        finished: what came of the items of the span before it, if that has been saved.
        charged: False if nobody is to blame: the call had not begun, or the worker was told to go.
        move: how that item is to be tried again, if it is to be elsewhere.
    """

    call: int
    reason: str
    worker: str = ""
    cause: Cause = "lost"
    node: str = ""
    where: tuple[int, ...] | None = None
    finished: Outcome | None = None
    charged: bool = True
    move: Move | None = None


Message: TypeAlias = Outcome | CallFailed | CallLost
Reply: TypeAlias = Callable[[Message], None]


class Lease(Protocol):
    """An executor in use by one run."""

    def submit(self, call: Call, reply: Reply) -> None:
        """Hands over one call; returns without waiting for it, unless the executor runs calls in this thread."""

    def forget(self, keys: list[int]) -> None:
        """The `Shared` values of these keys won't be needed again by this run."""


class Executor(Protocol):
    """A place where calls run. Built with the options that the user gave, cheaply: workers start at the first lease."""

    @property
    def traits(self) -> Traits:
        """What this executor can do. How many slots there are need be right only inside a lease, when the workers are known
        (but for one slot that shares memory).
        """

    def lease(self) -> AbstractContextManager[Lease]:
        """Starts what is not yet started and opens the executor to one run.

        Raises:
            ExecutorError: the workers cannot be started or reached; its text says what to do.
        """

    def close(self) -> None:
        """Ends all workers that this executor started. May be called twice; a later lease starts anew."""
