"""The scheduler by itself, on workers that do not exist: how near to ideal, how quick, how much memory.

    python -m benchmarks.scheduler 100000000

prints, for so many items of one second on 10,000 workers, the makespan over the ideal one, the microseconds of processor time
that an item costs, and the process's peak memory in MB (from Linux's /proc). One process measures all three.
"""

from __future__ import annotations

import functools
import subprocess
import sys
from time import process_time

from anabranch import Builder
from benchmarks.measure import OURS, Bench, Target, Workload
from benchmarks.memory import status

__all__ = ["WORKLOADS"]

WORKERS = 10_000
FIGURES = ("stretch", "cost", "memory")


@functools.cache
def figures(items: int) -> dict[str, float]:
    """Measured in a fresh interpreter, once."""
    command = [sys.executable, "-m", "benchmarks.scheduler", str(items)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return dict(zip(FIGURES, map(float, done.stdout.split()), strict=True))


def main(items: int) -> tuple[float, float, float]:
    from anabranch.simulation import Cluster, simulate
    from benchmarks.flows import fans

    plan = Builder().with_modules(fans).build().plan(["total"], ["count"])
    started = process_time()
    found = simulate(plan, {"item": items}, {"step": 1.0}, Cluster(WORKERS))
    cost = (process_time() - started) / items * 1e6
    return found.stretch, cost, status("VmHWM")


def simulated(figure: str, what: str, unit: str, at_most: float) -> Workload:
    def set_up(bench: Bench) -> None:
        items = bench.size(10**8, 10**4)
        bench.gauge(OURS, lambda: figures(items)[figure])

    title = f"10⁸ items of 1 s on {WORKERS:,} simulated workers: {what}"
    return Workload(f"simulated-{figure}", title, set_up, (Target(at_most),), unit, rounds=1, needs=("linux",))


WORKLOADS = (
    simulated("stretch", "makespan over the ideal", "×", 1.01),
    simulated("cost", "the scheduler's time per item", "µs", 1),
    simulated("memory", "peak memory of the process", "MB", 300),
)


if __name__ == "__main__":
    print(*main(int(sys.argv[1])))
