"""One simulated run, from end to end, and what came of it."""

from __future__ import annotations

import tracemalloc
from collections.abc import Mapping
from dataclasses import dataclass
from time import perf_counter

from anabranch.plan import Plan
from anabranch.simulation.cluster import Cluster
from anabranch.simulation.model import Axis, Model, Seconds, Width
from anabranch.simulation.simulator import Simulator

__all__ = ["Simulation", "simulate"]


@dataclass(frozen=True, slots=True)
class Simulation:
    """What came of it. Seconds are virtual, but for `real_seconds`, which the scheduler took, and the simulator with it.

    Attributes:
        makespan: from start to end.
        ideal: what no schedule can beat: all work spread evenly, or the longest item by itself.
        work: seconds that workers spent on items.
        calls: calls that crossed to a worker.
        items: items that travelled in them, of the outer axis where loops are nested.
        driver: seconds that the driver was busy handing over and pulling sources.
        longest: the longest item by itself.
        most_held: items that were out, or back and not yet begun on by the slowest stream reader, at the worst moment.
        peak_bytes: memory at the worst moment, if it was asked for.
    """

    workers: int
    makespan: float
    ideal: float
    work: float
    calls: int
    items: int
    driver: float
    longest: float
    most_held: int
    real_seconds: float
    peak_bytes: int | None = None

    @property
    def stretch(self) -> float:
        """How many times as long as ideal."""
        return self.makespan / self.ideal if self.ideal else 1.0

    @property
    def utilisation(self) -> float:
        """The share of the workers' time that was spent on items."""
        return self.work / (self.workers * self.makespan) if self.makespan else 1.0

    @property
    def mean_span(self) -> float:
        """Items per call."""
        return self.items / self.calls if self.calls else 0.0

    @property
    def items_per_second(self) -> float:
        """Items per real second."""
        return self.items / self.real_seconds


def simulate(
    plan: Plan,
    axes: Mapping[str, Width | Axis],
    seconds: Mapping[str, Seconds],
    cluster: Cluster,
    *,
    seed: int = 0,
    trace_memory: bool = False,
) -> Simulation:
    """Runs a plan on workers that do not exist.

    Example::

        plan = driver.plan(["total"], inputs=["n"])
        simulate(plan, {"x": 10**8}, {"y": 1.0}, Cluster(workers=10_000)).stretch

    Args:
        plan: what to run; its inputs need no values.
        axes: how wide each fan-out is.
        seconds: how long one item of each node takes; nodes that are not named take none. For a stream reader it is the
            time for one element.
        cluster: what to run it on.
        seed: decides the durations that are drawn.
        trace_memory: measures the memory that the run takes; several times slower.

    Raises:
        InputError: an axis has no width.
    """
    model = Model(plan, axes, seconds, seed)
    if trace_memory:
        tracemalloc.start()
    try:
        started = perf_counter()
        simulator = Simulator(plan, model, cluster)
        simulator.finish()
        real = perf_counter() - started
        peak = tracemalloc.get_traced_memory()[1] if trace_memory else None
    finally:
        if trace_memory:
            tracemalloc.stop()
    ideal = max(simulator.work / cluster.workers, model.longest)
    done, longest = simulator, model.longest
    figures = (done.work, done.calls, done.items, done.driver, longest, done.most_held)
    return Simulation(cluster.workers, done.now, ideal, *figures, real, peak)
