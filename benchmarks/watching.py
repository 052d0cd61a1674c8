"""What it costs to have a run looked at: progress, trace, event file and report, all of them at once.

    python -m benchmarks --only seen
"""

from __future__ import annotations

import importlib
import tempfile
from pathlib import Path

from anabranch import Builder, Driver
from anabranch.see import EventFile, Progress, RunReport, Trace
from benchmarks.measure import OURS, Bench, Contender, Target, Workload, seconds
from benchmarks.peers import WORKERS

__all__ = ["WORKLOADS"]

ALLOWED = 0.3e-6
"""Seconds an item that looking on may cost where items cost nothing."""

ROOMY = "unwatched + 0.3 µs"


def noop(bench: Bench) -> None:
    count = bench.size(1_000_000, 20_000)
    watched, unwatched = looked_at(bench, "fans", "sequential"), bench.driver("fans")
    bench.add(OURS, count, lambda: watched.execute(["total"], {"count": count}), "watched")
    bench.add("unwatched", count, lambda: unwatched.execute(["total"], {"count": count}))
    roomy = lambda: seconds(lambda: unwatched.execute(["total"], {"count": count})) + ALLOWED * count
    bench.contenders.append(Contender(ROOMY, count, roomy))


def steady(bench: Bench) -> None:
    count = bench.size(2_000, 20)
    watched, unwatched = looked_at(bench, "steady", "processes"), bench.driver("steady", "processes")
    bench.add(OURS, count, lambda: watched.execute(["total"], {"count": count}), "watched")
    bench.add("unwatched", count, lambda: unwatched.execute(["total"], {"count": count}))


def looked_at(bench: Bench, flow: str, executor: str) -> Driver:
    """A driver whose runs are looked at by everything that there is without a service to tell it to."""
    folder = Path(bench.stack.enter_context(tempfile.TemporaryDirectory()))
    observers = [Progress(lambda shown: None), Trace(folder / "trace.json"), EventFile(folder / "events.jsonl")]
    module = importlib.import_module(f"benchmarks.flows.{flow}")
    options = {} if executor == "sequential" else {"workers": WORKERS}
    builder = Builder().with_modules(module).with_executor(executor, **options)
    return bench.stack.enter_context(builder.with_adapters(*observers, RunReport(folder / "run.html")).build())


WORKLOADS = (
    Workload("seen-noop", "no-op, `sequential`, 10⁶ items, with progress, trace, events, report", noop, (Target(1, ROOMY),)),
    Workload("seen-5ms", "5 ms, `processes`, with progress, trace, events, report", steady, (Target(1.03, "unwatched"),)),
)
