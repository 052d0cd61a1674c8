"""Workloads and contenders. Contenders take turns, round by round, and the ratio of each round is what counts.

Each round has an order of its own, drawn by its number: who comes after a cluster that still tidies up is slower for it.
"""

from __future__ import annotations

import gc
import importlib
import random
import statistics
import sys
from collections.abc import Callable, Iterable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from time import perf_counter

from anabranch import Builder, Driver
from benchmarks.patience import limited
from benchmarks.peers import PEERS, WORKERS, Map

__all__ = ["BEST", "OURS", "Bench", "Contender", "Result", "Sample", "Target", "Workload", "measured"]

OURS = "anabranch"
BEST = "the best peer"
LIMITS = ("loop", "calls", "bare start")
PATIENCE = 120
"""Seconds that one run of one contender may take."""


@dataclass(frozen=True)
class Contender:
    """One that takes part in a workload. `measure` gives the seconds of one run, or megabytes."""

    name: str
    items: int
    measure: Callable[[], float]
    note: str = ""


@dataclass(frozen=True)
class Target:
    """The ratio to another contender that must not be exceeded; without one, a figure of our own (MB)."""

    at_most: float
    against: str = ""


@dataclass(frozen=True)
class Sample:
    """What was measured of one contender, one figure a round: of the whole run, or, by `each`, of an item."""

    name: str
    items: int
    values: tuple[float, ...]
    note: str = ""
    failed: str = ""

    @property
    def each(self) -> tuple[float, ...]:
        return tuple(value / self.items for value in self.values)

    @property
    def median(self) -> float:
        return statistics.median(self.each)


@dataclass(frozen=True)
class Result:
    """A workload's samples; the first is anabranch's."""

    name: str
    title: str
    unit: str
    targets: tuple[Target, ...]
    samples: tuple[Sample, ...]
    missing: tuple[str, ...] = ()

    def ratios(self, other: Sample) -> list[float]:
        """Ours over theirs, round by round."""
        return [ours / theirs for ours, theirs in zip(self.samples[0].each, other.each, strict=True)]

    def target_against(self, other: Sample) -> Target | None:
        """The target that this contender sets, by its name or as the best of the peers."""
        peers = [s for s in self.samples[1:] if s.values and s.name not in LIMITS]
        best = min(peers, key=lambda sample: sample.median, default=None)
        for target in self.targets:
            if target.against == other.name or (target.against == BEST and other is best):
                return target
        return None


@dataclass
class Bench:
    """What a workload sets its contenders up with. Everything that is opened here is closed after the last round."""

    smoke: bool
    peers: frozenset[str]
    contenders: list[Contender] = field(default_factory=list)
    failed: dict[str, str] = field(default_factory=dict)
    missing: list[str] = field(default_factory=list)
    stack: ExitStack = field(default_factory=ExitStack)

    def size(self, full: int, smoke: int) -> int:
        return smoke if self.smoke else full

    def driver(self, flow: str, executor: str = "sequential", workers: int = WORKERS) -> Driver:
        """A driver for one of the modules in `benchmarks.flows`."""
        module = importlib.import_module(f"benchmarks.flows.{flow}")
        options = {} if executor == "sequential" else {"workers": workers}
        return self.stack.enter_context(Builder().with_modules(module).with_executor(executor, **options).build())

    def add(self, name: str, items: int, run: Callable[[], object], note: str = "") -> None:
        """Adds a contender that is timed."""
        self.contenders.append(Contender(name, items, lambda: seconds(run), note))

    def gauge(self, name: str, measure: Callable[[], float], note: str = "") -> None:
        """Adds a contender that measures itself."""
        self.contenders.append(Contender(name, 1, measure, note))

    def has(self, name: str) -> bool:
        """Whether the peer is installed and takes part; if not, it is noted as missing."""
        if name not in self.peers:
            self.missing.append(name)
        return name in self.peers

    def peer(
        self, name: str, kind: str, items: int, run: Callable[[Map], object], *, workers: int = WORKERS, note: str = ""
    ) -> None:
        """Adds another library, which maps functions in its own way; without `chunk`, a task an item where it can."""
        if self.has(name):
            try:
                mapping = self.open(name, kind, workers)
            except Exception as error:  # the others are measured all the same
                self.failed[name] = _reason(name, error)
                self.contenders.append(Contender(name, items, float, note))
                return
            self.add(name, items, lambda: run(mapping), note)

    def open(self, name: str, kind: str, workers: int = WORKERS) -> Map:
        """The mapping of a peer that is known to be there."""
        with limited(PATIENCE):
            return self.stack.enter_context(PEERS[name].open(kind, workers))

    def close(self) -> None:
        """Closes what was opened; a library that does not end is left to itself."""
        try:
            with limited(PATIENCE):
                self.stack.close()
        except Exception as error:
            print(f"closing: {type(error).__name__}: {error}", file=sys.stderr)


@dataclass(frozen=True)
class Workload:
    """Something to measure. `rounds` caps the number of rounds of what takes long or hardly varies. With `anew` all contenders
    are started anew for each round: how quick a process is at Python also depends on where its memory happens to lie, by up
    to a tenth, and a worker that is kept would have that luck in every round.
    """

    name: str
    title: str
    set_up: Callable[[Bench], None]
    targets: tuple[Target, ...] = ()
    unit: str = "s"
    rounds: int = 100
    needs: tuple[str, ...] = ()
    anew: bool = False


def measured(workload: Workload, rounds: int, *, smoke: bool, peers: frozenset[str]) -> Result:
    """Sets the workload up, runs every contender once to warm up, and then all in turn."""
    values: dict[str, list[float]] = {}
    failed: dict[str, str] = {}
    rounds = min(rounds, workload.rounds)
    starts, each = (rounds, 1) if workload.anew else (1, rounds)
    for start in range(starts):
        bench = Bench(smoke, peers, failed=failed)
        try:
            workload.set_up(bench)
            _take_turns(bench, each, start, values, warm=workload.unit == "s")
        finally:
            bench.close()
    samples = tuple(
        Sample(c.name, c.items, () if c.name in failed else tuple(values[c.name]), c.note, failed.get(c.name, ""))
        for c in bench.contenders
    )
    targets = () if smoke else workload.targets  # small sizes prove nothing
    return Result(workload.name, workload.title, workload.unit, targets, samples, tuple(bench.missing))


def _take_turns(bench: Bench, rounds: int, start: int, values: dict[str, list[float]], *, warm: bool) -> None:
    for number in range(rounds + warm):
        for contender in random.Random(start + number).sample(bench.contenders, len(bench.contenders)):
            if contender.name not in bench.failed:
                found = _attempt(contender, bench.failed)
                if number or not warm:
                    values.setdefault(contender.name, []).append(found)


def best_chunk(mapping: Map, function: Callable, items: Sequence, chunks: Iterable[int]) -> int:
    """The chunk size with which the peer is quickest, of those given; the better of two runs counts."""

    def time_of(chunk: int) -> float:
        return min(seconds(lambda: mapping(function, items, chunk=chunk)) for _ in range(2))

    return min(chunks, key=time_of)


def seconds(run: Callable[[], object]) -> float:
    """How long one run takes, garbage of earlier ones collected first."""
    gc.collect()
    started = perf_counter()
    run()
    return perf_counter() - started


def _attempt(contender: Contender, failed: dict[str, str]) -> float:
    try:
        with limited(PATIENCE):
            return contender.measure()
    except Exception as error:  # one that fails must not sink the others
        failed[contender.name] = _reason(contender.name, error)
        return float("nan")


def _reason(name: str, error: Exception) -> str:
    text = " ".join(str(error).split())[:120].replace("|", "/")
    reason = f"{type(error).__name__}: {text}"
    print(f"{name} failed: {reason}", file=sys.stderr)
    return reason
