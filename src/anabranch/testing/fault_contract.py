"""The contract about faults: what one bad item, a dead worker or a call that hangs must not do to a run, on this executor.

Theory: the faults are real and are data (`anabranch.testing.chaos`), so an executor is asked to survive what it will meet.
What is bounded is how often something is tried, and what has come through; how long it took is told (pytest's
`record_property`) and bounded loosely, for the machine that runs the tests may be busy.

Where memory is shared there is no process that could die, and where nothing can be killed a call that hangs is waited for or
left behind; such tests are skipped, by trait.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, ClassVar

import pytest

from anabranch.driver import Builder
from anabranch.errors import ExecutorError, ForeignError, RunCancelled, TimedOut, TransferError, WorkerLost
from anabranch.executor import Executor
from anabranch.failure import Failure
from anabranch.graph import module_from_functions
from anabranch.handle import RunResult
from anabranch.testing.base_contract import BaseContract
from anabranch.testing.calls import PATIENCE
from anabranch.testing.chaos import Chaos, Item, Script
from anabranch.testing.deeds import Fault, Struck
from anabranch.testing.fault_flow import FUNCTIONS, LIMIT
from anabranch.testing.killer import Killer

__all__ = ["FaultContract"]

Record = Callable[[str, Any], None]
"""Pytest's `record_property`."""

FLOW = module_from_functions(*FUNCTIONS)

ITEMS = 20
CULPRIT = 7

WORDS: dict[Fault, str] = {"kill": "SIGKILL", "oom": "SIGKILL", "exit": "exit code 3", "segfault": "SIGSEGV"}
"""What is said of a worker that ended so."""


def squares(n: int = ITEMS, without: tuple[int, ...] = ()) -> list[int]:
    """What `rows` is."""
    return [x * x for x in range(n) if x not in without]


class FaultContract(BaseContract):
    """What docs/faults.md promises, on this executor. A subclass overrides `make_executor`, as for `ExecutorContract`."""

    tells_ends: ClassVar[bool] = True
    """Whether it says by which signal or with which exit code a worker ended."""
    ends_what_is_stuck: ClassVar[bool] = True
    """Whether a time limit also ends what holds the interpreter's lock, where it ends anything by force."""
    storm: ClassVar[tuple[int, float, float]] = (2000, 0.001, 1.0)
    """So many items, each of so many seconds' work, are run while a random worker is killed each so many seconds."""

    @property
    def leaves_behind(self) -> bool:
        """Whether a function that does not listen can be left behind: not in the caller's own thread."""
        return self.traits.slots > 1 or not self.traits.shares_memory

    def make_broken_executor(self) -> Executor | None:
        """An executor whose workers cannot start; None if that cannot be had."""
        return None

    def run(
        self,
        chaos: Chaos,
        output: str = "rows",
        n: int = ITEMS,
        executor: Executor | None = None,
        inputs: Mapping[str, Any] = MappingProxyType({}),
        **faults: Any,
    ) -> RunResult:
        """Runs the flow with faults in it."""
        builder = Builder().with_modules(FLOW).with_executor(executor or self.executor)
        with chaos.build(builder) as driver:
            return driver.run([output], {"n": n, **inputs}, **faults)

    def one(self, found: RunResult, node: str, place: Item, kind: type[Exception]) -> Failure:
        """The only failure of a run, which must be this."""
        (failure,) = found.failures
        assert (failure.node, failure.item) == (node, place)
        assert isinstance(failure.exception, kind), repr(failure.exception)
        return failure

    # -- workers that die ------------------------------------------------------------------------------------------

    @pytest.mark.parametrize("fault", list(WORDS))
    def test_an_item_that_ends_its_process_is_named_and_all_others_come_through(self, tmp_path: Path, fault: Fault) -> None:
        self.needs("shares_memory", to_be=False)
        with Chaos(tmp_path, {("work", (CULPRIT,)): fault}) as chaos:
            found = self.run(chaos, on_error="skip", deaths=1)
        assert found.results == {"rows": squares(without=(CULPRIT,))}
        failure = self.one(found, "work", (CULPRIT,), WorkerLost)
        assert "'work'" in str(failure.exception)
        if self.tells_ends:
            assert WORDS[fault] in str(failure.exception)

    def test_an_item_is_tried_until_it_has_killed_three_workers_and_no_more(self, tmp_path: Path) -> None:
        self.needs("shares_memory", to_be=False)
        with Chaos(tmp_path, {("work", (CULPRIT,)): "kill"}, watch=["work"]) as chaos:
            found = self.run(chaos, on_error="skip")
        assert found.results == {"rows": squares(without=(CULPRIT,))}
        failure = self.one(found, "work", (CULPRIT,), WorkerLost)
        assert failure.attempts == 3
        tried = chaos.attempts()
        assert 3 <= tried["work", (CULPRIT,)] <= 3 + ITEMS.bit_length(), "alone three times, and in spans that were cut up"
        assert max(tried.values()) == tried["work", (CULPRIT,)], "no other is suspected for longer"

    def test_a_death_is_made_up_for(self, tmp_path: Path) -> None:
        self.needs("shares_memory", to_be=False)
        with Chaos(tmp_path, {("work", (3,)): ["kill"], ("work", (CULPRIT,)): ["exit"]}) as chaos:
            found = self.run(chaos)
        assert (found.results, found.failures) == ({"rows": squares()}, ())

    def test_an_item_of_an_inner_fan_out_is_found_too(self, tmp_path: Path) -> None:
        self.needs("shares_memory", to_be=False)
        place = (5, 2)
        with Chaos(tmp_path, {("deep", place): "kill"}) as chaos:
            found = self.run(chaos, "deep_rows", 8, on_error="skip", deaths=2)
        wanted = [[(i, k) for k in range(i) if (i, k) != place] for i in range(8)]
        assert found.results == {"deep_rows": wanted}
        self.one(found, "deep", place, WorkerLost)

    @pytest.mark.timeout(600)
    def test_workers_killed_at_random_cost_nothing_but_time(self, tmp_path: Path, record_property: Record) -> None:
        self.needs("shares_memory", to_be=False)
        n, pace, every = self.storm
        began = time.monotonic()
        with self.another() as executor, Chaos(tmp_path, watch=["busy"]) as chaos:
            with Killer(chaos.workers, every=every, seed=n) as killer:
                found = self.run(chaos, "busy_rows", n, executor, {"pace": pace}, deaths=20)
            tried = chaos.attempts()
        assert found.results == {"busy_rows": squares(n)}
        assert found.failures == ()
        assert sum(tried.values()) >= n
        assert max(tried.values()) <= 1 + len(killer.struck), "nothing is run again without a death"
        record_property("killed", len(killer.struck))
        record_property("calls an item", round(sum(tried.values()) / n, 2))
        record_property("seconds", round(time.monotonic() - began, 1))

    def test_workers_that_cannot_start_are_one_error(self) -> None:
        executor = self.make_broken_executor()
        if executor is None:
            pytest.skip("it cannot be broken")
        try:
            with pytest.raises(ExecutorError), Builder().with_modules(FLOW).with_executor(executor).build() as driver:
                driver.execute(["rows"], {"n": ITEMS})
        finally:
            executor.close()

    # -- values and exceptions that do not travel --------------------------------------------------------------------

    @pytest.mark.parametrize("fault", ["unpicklable", "unloadable", "foreign"])
    def test_what_does_not_travel_fails_alone(self, tmp_path: Path, fault: Fault) -> None:
        self.needs("shares_memory", to_be=False)
        with Chaos(tmp_path, {("work", (CULPRIT,)): fault}) as chaos:
            found = self.run(chaos, on_error="skip")
        assert found.results == {"rows": squares(without=(CULPRIT,))}
        self.one(found, "work", (CULPRIT,), ForeignError if fault == "foreign" else TransferError)

    # -- time --------------------------------------------------------------------------------------------------------

    @pytest.mark.parametrize("fault", ["hang", "deaf", "stuck"])
    def test_a_time_limit_ends_one_item_and_no_other(self, tmp_path: Path, record_property: Record, fault: Fault) -> None:
        if fault == "stuck" or (fault == "deaf" and not self.leaves_behind):
            self.needs("can_kill")
        if fault == "stuck" and not self.ends_what_is_stuck:
            pytest.skip("calls run beside the main thread, where no timer ends what holds the interpreter's lock")
        with Chaos(tmp_path, {("limited", (CULPRIT,)): fault}, watch=["limited"]) as chaos:
            self.run(chaos, "limited_rows", 2)  # its workers have begun
            began = time.monotonic()
            found = self.run(chaos, "limited_rows", on_error="skip")
            seconds = time.monotonic() - began
        assert found.results == {"limited_rows": squares(without=(CULPRIT,))}
        failure = self.one(found, "limited", (CULPRIT,), TimedOut)
        assert "took longer than its timeout" in str(failure.exception)
        assert LIMIT <= seconds < PATIENCE
        record_property(f"seconds of a run with a limit of {LIMIT} s", round(seconds, 2))

    def test_what_was_too_slow_is_tried_again(self, tmp_path: Path) -> None:
        deaf: Fault = "deaf" if self.traits.can_kill or self.leaves_behind else "hang"
        script: dict[tuple[str, Item], Script] = {("tried", (3,)): ["hang"], ("tried", (CULPRIT,)): ["raise", deaf]}
        with Chaos(tmp_path, script) as chaos:
            found = self.run(chaos, "summed")
        assert (found.results, found.failures) == ({"summed": sum(squares())}, ())
        assert chaos.attempts()["tried", (3,)] == 2
        assert chaos.attempts()["tried", (CULPRIT,)] == 3

    def test_deaths_time_limits_and_exceptions_together(self, tmp_path: Path) -> None:
        self.needs("shares_memory", to_be=False)
        script: dict[tuple[str, Item], Script] = {
            ("tried", (2,)): ["raise", "kill", "hang"],
            ("tried", (5,)): ["exit", "raise"],
            ("tried", (6,)): "raise",
            ("tried", (11,)): ["hang", "segfault"],
        }
        with Chaos(tmp_path, script) as chaos:
            found = self.run(chaos, "summed", on_error="skip")
        assert found.results == {"summed": sum(squares(without=(6,)))}
        self.one(found, "tried", (6,), Struck)

    # -- the end -----------------------------------------------------------------------------------------------------

    def test_a_failure_does_not_wait_for_others(self, record_property: Record) -> None:
        self.needs("can_kill")
        with Builder().with_modules(FLOW).with_executor(self.executor).build() as driver:
            assert driver.execute(["rows"], {"n": 4}) == {"rows": squares(4)}
            with pytest.raises(Struck) as caught:
                driver.execute(["late"], {"n": 4})
        seconds = time.time() - float(str(caught.value))
        assert seconds < 4, "it did not wait for those that take 5 s"
        record_property("seconds from a failure to its being raised", round(seconds, 2))

    def test_cancelling_does_not_wait_for_what_runs(self, tmp_path: Path, record_property: Record) -> None:
        self.needs("can_kill")
        builder = Builder().with_modules(FLOW).with_executor(self.executor)
        with Chaos(tmp_path, {("work", (2,)): "deaf"}) as chaos, chaos.build(builder) as driver:
            handle = driver.submit(["rows"], {"n": 4})
            with pytest.raises(TimeoutError):
                handle.result(LIMIT)
            began = time.monotonic()
            handle.cancel()
            with pytest.raises(RunCancelled):
                handle.result(PATIENCE)
        record_property("seconds from cancel to the end", round(time.monotonic() - began, 2))

    def test_a_run_that_failed_leaves_an_executor_that_works(self, tmp_path: Path) -> None:
        with Chaos(tmp_path, {("work", (CULPRIT,)): "raise"}) as chaos:
            for _ in range(3):
                with pytest.raises(Struck):
                    self.run(chaos)
            assert self.run(chaos, n=5).results == {"rows": squares(5)}
