"""One run on so many workers: how long, at what cost, and what would bind.

Theory: a schedule cannot be shorter than its work spread evenly, than its longest item, than what must be done one after the
other, or than the driver takes to hand everything out. Which of these comes nearest to the time that is predicted is what
binds, and all that is worth changing. Where none comes near, workers wait: for calls that are on their way, or at the end for
the last spans.

Durations are taken as they were. Where workers stood in each other's way (threads of functions that keep the interpreter lock,
more workers than processors) they hold that, too.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from anabranch.errors import InputError
from anabranch.predict.costs import Costs, costs_of
from anabranch.predict.recording import Recording
from anabranch.predict.replay import Replay, replay_of
from anabranch.see.shape import plan_of_shape
from anabranch.simulation import Cluster, Simulation, simulate
from anabranch.words import amount, duration, share

__all__ = ["Forecast", "Prediction", "predict"]

BUSY = 0.8
"""Workers that are busy for this share of the time are what binds."""

NEAR = 0.5
"""What makes up less than this share of the time does not bind alone."""


@dataclass(frozen=True, slots=True)
class Prediction:
    """A run on so many workers.

    Attributes:
        seconds: wall time.
        utilisation: the share of the workers' time that is spent in functions.
        calls: how many calls the driver would hand over.
        driver: seconds that the driver would be busy.
        binds: what it is that more of the same would not make shorter: ``work``, ``items``, ``longest``, ``serial``,
            ``driver``, ``start`` or ``waiting``.
        reason: the same in words.
    """

    workers: int
    seconds: float
    utilisation: float
    calls: int
    driver: float
    binds: str
    reason: str

    @property
    def worker_hours(self) -> float:
        """Workers × hours."""
        return self.workers * self.seconds / 3600


@dataclass(frozen=True, slots=True)
class Forecast:
    """What was recorded, what the simulation makes of the same workers, and what it predicts for others.

    Attributes:
        recorded: wall seconds as they were.
        again: the same run simulated, to be compared with that.
        longest: the longest item.
        serial: seconds of calls outside of fan-outs.
    """

    recording: Recording
    costs: Costs
    again: Prediction
    predictions: tuple[Prediction, ...]
    work: float
    longest: float
    serial: float

    @property
    def recorded(self) -> float:
        """Wall seconds of the run itself."""
        return self.recording.seconds


def predict(recording: Recording, workers: Sequence[int], costs: Costs | None = None) -> Forecast:
    """What the recorded run would take on these numbers of workers.

    Args:
        recording: a run that came to its end.
        workers: each is predicted by itself.
        costs: what handing over costs, if that is known better than the recording tells.

    Raises:
        InputError: a number is none of workers.
    """
    for number in workers:
        if number < 1:
            raise InputError(f"a run needs one worker or more, not {number}")
    plan = plan_of_shape(recording.shape)
    replay = replay_of(recording, plan)
    costs = costs_of(recording) if costs is None else costs

    def on(number: int) -> tuple[Prediction, Simulation]:
        cluster = Cluster(number, dispatch=costs.driver, latency=costs.way, overhead=costs.worker)
        made = simulate(plan, replay.axes, replay.seconds, cluster)
        return _prediction(made, replay, costs), made

    again, simulated = on(recording.workers)
    predictions = tuple(on(number)[0] for number in workers)
    return Forecast(recording, costs, again, predictions, simulated.work, replay.longest, replay.serial)


def _prediction(made: Simulation, replay: Replay, costs: Costs) -> Prediction:
    seconds = made.makespan + costs.fixed
    utilisation = made.work / (made.workers * seconds) if seconds else 1.0
    binds, reason = _binding(made, replay, costs, seconds)
    return Prediction(made.workers, seconds, utilisation, made.calls, made.driver, binds, reason)


def _binding(made: Simulation, replay: Replay, costs: Costs, seconds: float) -> tuple[str, str]:
    """What binds, and in words."""
    if not seconds:
        return "waiting", "there is nothing to do"
    work, calls, longest = made.work / made.workers, amount(made.calls), replay.longest
    bounds = {
        "work": (work, f"work: workers are busy for {share(work, seconds)} of the time; more of them help"),
        "longest": (longest, f"the longest item takes {duration(longest)}"),
        "serial": (replay.serial, f"what runs once, outside of fan-outs, takes {duration(replay.serial)}"),
        "driver": (made.driver, f"the driver is busy for {duration(made.driver)} with {calls} calls and the sources"),
        "start": (costs.fixed, f"starting and ending take {duration(costs.fixed)}"),
    }
    binds, (bound, words) = max(bounds.items(), key=lambda entry: entry[1][0])
    if work >= BUSY * seconds:
        binds, (bound, words) = "work", bounds["work"]
    if made.items and made.items < made.workers and binds == "longest":
        return "items", f"there are {amount(made.items)} items for {amount(made.workers)} workers, and {words}"
    if bound >= NEAR * seconds:
        return binds, words
    return "waiting", f"waiting, for calls on their way and for the last spans; {words}"
