"""Facts about a run, in the past tense: what observers see. Frozen; nobody can change the run through them.

Durations are in seconds; `started` is when something began, by the clock of where it happened; `worker` names that place;
`where` are the indices of the outer axes, outermost first; `retries` counts attempts beyond the first; `journey` is what a
call's way to its worker and back took; `cached` counts results that were found instead of computed.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from anabranch.failure import Failure
from anabranch.graph import Graph
from anabranch.journey import AT_HOME, Journey
from anabranch.plan import Plan

__all__ = [
    "CallFinished",
    "CallStarted",
    "CopyWon",
    "EngineWaited",
    "Event",
    "ExecutorLeased",
    "FanFinished",
    "FanOpened",
    "ItemFailed",
    "PartsJoined",
    "RunFinished",
    "RunStarted",
    "SourcePulled",
    "SpanDoubled",
    "SpanFinished",
    "SpanSubmitted",
    "StreamRead",
    "WorkerDied",
]


@dataclass(frozen=True, slots=True)
class RunStarted:
    """A run began to look for `outputs`.

    `executor` is the kind of executor and `slots` how many calls it runs at the same time; `graph` and `plan` say what
    the names in later events stand for.
    """

    run_id: str
    outputs: tuple[str, ...]
    executor: str = ""
    slots: int = 0
    graph: Graph | None = field(default=None, repr=False)
    plan: Plan | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class ExecutorLeased:
    """The executor is ready for this run, and is known to run so many calls at the same time."""

    slots: int


@dataclass(frozen=True, slots=True)
class RunFinished:
    """The run is over; `failed` if it has no results."""

    run_id: str
    failed: bool


@dataclass(frozen=True, slots=True)
class CallStarted:
    """A task outside any loop of its own was handed over."""

    task: str
    where: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class CallFinished:
    """It came back."""

    task: str
    where: tuple[int, ...]
    seconds: float
    started: float
    worker: str
    retries: int = 0
    journey: Journey = AT_HOME
    cached: int = 0


@dataclass(frozen=True, slots=True)
class FanOpened:
    """Items along `axis` can now be had; `length` is how many, if known. Calling the expander took `seconds`."""

    task: str
    axis: str
    where: tuple[int, ...]
    length: int | None
    seconds: float = 0.0
    started: float = 0.0


@dataclass(frozen=True, slots=True)
class SourcePulled:
    """The driver took items [lo, hi) from the expander of `axis`; that it ended or raised is told by other events."""

    task: str
    axis: str
    where: tuple[int, ...]
    lo: int
    hi: int
    seconds: float
    started: float


@dataclass(frozen=True, slots=True)
class SpanSubmitted:
    """Items [lo, hi) were handed over."""

    task: str
    axis: str
    where: tuple[int, ...]
    lo: int
    hi: int


@dataclass(frozen=True, slots=True)
class SpanFinished:
    """They came back; `inner` are the fan-outs that were loops within them, each with how many items it had in all."""

    task: str
    axis: str
    where: tuple[int, ...]
    lo: int
    hi: int
    seconds: float
    started: float
    worker: str
    retries: int = 0
    journey: Journey = AT_HOME
    cached: int = 0
    inner: tuple[tuple[str, int], ...] = ()


@dataclass(frozen=True, slots=True)
class SpanDoubled:
    """Items [lo, hi), of pure functions, took far too long while slots idled: a second copy of them was handed over."""

    task: str
    axis: str
    where: tuple[int, ...]
    lo: int
    hi: int


@dataclass(frozen=True, slots=True)
class CopyWon:
    """The second copy came back before the first."""

    task: str
    axis: str
    where: tuple[int, ...]
    lo: int
    hi: int


@dataclass(frozen=True, slots=True)
class FanFinished:
    """All items along `axis` are done; there were `length`."""

    task: str
    axis: str
    where: tuple[int, ...]
    length: int


@dataclass(frozen=True, slots=True)
class PartsJoined:
    """A worker put parts of the value of `task` together: partial values of an associative collector, or lists."""

    task: str
    where: tuple[int, ...]
    seconds: float
    started: float
    worker: str
    retries: int = 0
    journey: Journey = AT_HOME
    cached: int = 0


@dataclass(frozen=True, slots=True)
class StreamRead:
    """A stream reader in the driver's thread worked on what it had been given, until it asked for more or was done."""

    task: str
    where: tuple[int, ...]
    seconds: float
    started: float


@dataclass(frozen=True, slots=True)
class EngineWaited:
    """The driver had nothing to do but wait for an answer."""

    seconds: float
    started: float


@dataclass(frozen=True, slots=True)
class ItemFailed:
    """A function failed for good."""

    failure: Failure


@dataclass(frozen=True, slots=True)
class WorkerDied:
    """A worker died, or had to be killed, while it held items [lo, hi) of a task (both 0 outside of a fan-out)."""

    task: str
    where: tuple[int, ...]
    lo: int
    hi: int
    worker: str
    reason: str


Event = (
    RunStarted
    | ExecutorLeased
    | RunFinished
    | CallStarted
    | CallFinished
    | FanOpened
    | SourcePulled
    | SpanSubmitted
    | SpanFinished
    | SpanDoubled
    | CopyWon
    | FanFinished
    | PartsJoined
    | StreamRead
    | EngineWaited
    | ItemFailed
    | WorkerDied
)
