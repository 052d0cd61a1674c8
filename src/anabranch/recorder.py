"""What generated code turns to when a step raised or something is missing.

Theory: as long as nothing is raised nothing is paid for but a `try`. When a step raises, the line number tells which one;
`Recorder.rescue` tries it again if its policy says so, notes the failure, and runs what remains of that item, statement by
statement, from the very same source text, leaving out what needs a value that is not there (`anabranch.missing`).

Invariants: of a step that succeeded none is run again; `holes` is set before anything missing is; `ABSENT` never reaches a
user's function.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from itertools import repeat
from time import perf_counter, sleep
from typing import Any, Protocol

from anabranch.awaiting import until
from anabranch.code import Block, Step
from anabranch.errors import FlowError, StoreError, TimedOut
from anabranch.exceptions import annotate
from anabranch.failure import Failure, capture, in_words
from anabranch.limits import pause_of
from anabranch.markers import Skip
from anabranch.missing import (
    ABSENT,
    MISSING,
    PASSING,
    Aborted,
    Lacking,
    Missing,
    Move,
    Moving,
    PushedBack,
    Uneven,
    Withheld,
    compact,
    withheld,
    worst,
)
from anabranch.policies import Cause, OnError, Policy, Retry
from anabranch.runtime import misplaced_skip

__all__ = ["Recorder", "Timer", "policy_at"]


class Timer(Protocol):
    """Enforces time limits; see `anabranch.deadline`."""

    def limit(self, seconds: float, node: str, where: tuple[int, ...]) -> AbstractContextManager[None]:
        """Stops the block after so many seconds, if it can, with `TimedOut`."""


@contextmanager
def _overdue(seconds: float, node: str) -> Iterator[None]:
    began, message = perf_counter(), f"'{node}' took longer than its timeout of {seconds:g} s"
    with until(seconds, message):
        yield
    if perf_counter() - began > seconds:
        raise TimedOut(message)


class Recorder:
    """What generated code turns to when something is not there: `r` in its text.

    Args:
        block: the code.
        on_error: the policy of functions that have none of their own.
        holes: whether something may be missing in what the code is given.
        worker: where it runs.
        timer: enforces time limits; without one they are only noticed afterwards.
        run: identifies the run.

    Attributes:
        patient: whether what is too much for what a function calls is left to be tried again later.
        movable: whether what is to be tried again elsewhere is left for that; else it is tried again here.
        attempt: which attempt the call is at what failed before.
        counts: how many items each of the code's inner loops has had: a share of them may be how many may fail.
    """

    __slots__ = (
        "attempt",
        "block",
        "counts",
        "failures",
        "holes",
        "movable",
        "on_error",
        "patient",
        "retries",
        "run",
        "timer",
        "worker",
    )

    def __init__(
        self,
        block: Block,
        on_error: OnError = "raise",
        *,
        holes: bool = False,
        worker: str = "",
        timer: Timer | None = None,
        run: str = "",
    ) -> None:
        self.block = block
        self.run = run
        self.patient = self.movable = False
        self.attempt = 1
        self.timer = timer
        self.on_error = on_error
        self.holes = holes
        self.worker = worker
        self.retries = 0
        self.failures: list[Failure] = []
        self.counts = [0] * len(block.code.inner)

    def rescue(self, number: int, error: BaseException, where: tuple[int, ...], env: dict[str, Any]) -> Any:
        """Takes over after a step of table `number` raised: tries it again if its policy says so, runs the item's remaining
        steps, and returns its outputs.
        """
        traceback = error.__traceback__
        failed = self.block.lines[number].get(traceback.tb_lineno if traceback else 0)
        if failed is None:
            raise error
        if isinstance(error, PASSING):
            table = self.block.code.tables[number]
            raise self._placed(error, table.steps[failed].node, table.axes, where)
        self._settle(number, failed, where, env, error)
        return self._go_on(number, failed + 1, where, env)

    def resume(self, number: int, where: tuple[int, ...], env: dict[str, Any]) -> Any:
        """Runs all the steps of an item for which something is missing, and returns its outputs."""
        return self._go_on(number, 0, where, env)

    def limit(self, seconds: float, node: str, where: tuple[int, ...]) -> AbstractContextManager[None]:
        """Surrounds a function that has a time limit."""
        return _overdue(seconds, node) if self.timer is None else self.timer.limit(seconds, node, where)

    def lacks(self, *values: Any) -> bool:
        """Whether one of the values is missing."""
        return any(type(value) in MISSING for value in values)

    def aligned(self, values: Any) -> Any:
        """`values`, or what is missing without end where the whole list is: what it is read beside rules the length."""
        if type(values) not in MISSING:
            return values
        self.holes = True
        return repeat(values)

    def gathered(self, values: list[Any], *others: Any) -> tuple[list[Any], Missing | None]:
        """What an associative collector is given of a span, and what is missing for it to be called, if anything is."""
        try:
            kept = compact(values, 1) if self.holes else values[:]
        except Withheld as reason:
            return [], reason.missing
        if not kept:
            return kept, ABSENT
        return kept, worst(others) if self.lacks(*others) else None

    def streamed(self, value: Any, depth: int) -> tuple[Any, ...]:
        """What a stream gives for one item: the item's value, closed to `depth` inside, or nothing."""
        try:
            return tuple(compact([value], depth + 1))
        except Withheld as reason:
            raise Lacking(reason.missing) from None

    def stop(self, node: str, axes: tuple[str, ...], where: tuple[int, ...], error: BaseException) -> None:
        """An expander failed while a stream was reading it: noted as the expander's, and the reader goes without."""
        missing = ABSENT if isinstance(error, Skip) and where else self.note(node, axes, where, error)
        self.holes = True
        raise Lacking(missing)

    def note(
        self, node: str, axes: tuple[str, ...], where: tuple[int, ...], error: BaseException, attempts: int = 1
    ) -> Failure:
        """Records that a function failed; leaves the call if by its policy that ends the run."""
        self.holes = True
        if isinstance(error, Skip):
            error = misplaced_skip(node)
        policy = "raise" if _is_wrong(error) else policy_at(self.block.code.policies.get(node), self.on_error, where)
        failure = self._failure(node, (axes, where), error, attempts, policy)
        self.failures.append(failure)
        if policy == "raise":
            raise Aborted
        return failure

    def _failure(
        self, node: str, place: tuple[tuple[str, ...], tuple[int, ...]], error: BaseException, attempts: int, policy: OnError
    ) -> Failure:
        axes, where = place
        origin = self.block.code.origins.get(node, "")
        return Failure(node, axes[: len(where)], where, capture(error), origin, self.worker, attempts, policy)

    def _placed(self, error: BaseException, node: str, axes: tuple[str, ...], where: tuple[int, ...]) -> BaseException:
        """The interruption with a note of where it came; what is not the user's goes as it is."""
        if isinstance(error, KeyboardInterrupt):
            origin = self.block.code.origins.get(node, "")
            annotate(error, f"in '{node}'{f' ({origin})' if origin else ''}{in_words(axes[: len(where)], where)}")
        return error

    def _settle(self, number: int, n: int, where: tuple[int, ...], env: dict[str, Any], error: BaseException) -> None:
        """A step raised: it is tried again as long as its policy says so, or else what it makes is missing."""
        axes, step = self.block.code.tables[number].axes, self.block.code.tables[number].steps[n]
        policy = self.block.code.policies.get(step.node)
        first, attempt = error, self.attempt
        missing = _reason(error, where)
        while missing is None:
            self._heed(policy, error)
            if (how := _decided(policy, error, attempt)) is None:
                if self.block.code.instead is not None:
                    left = self._replaced(step, self._failure(step.node, (axes, where), error, attempt, self.on_error), env)
                    if left is None:
                        return
                    error = left
                missing = self.note(step.node, axes, where, error, attempt)
            else:
                self._leave(Move(step.node, where, attempt, how, f"{type(error).__name__}: {error}"))
                attempt += 1
                self.retries += 1
                if how.delay:
                    sleep(how.delay)
                try:
                    exec(self.block.statement(number, n), self.block.namespace, env)  # noqa: S102
                except PASSING:
                    raise
                except BaseException as again:
                    error = _apart(again, first)
                    missing = _reason(error, where)
                else:
                    return
        self.holes = True
        for name in step.writes:
            env[name] = missing

    def _leave(self, move: Move) -> None:
        """Leaves the call if the next attempt is to be had elsewhere."""
        if move.retry.moves and self.movable:
            raise Moving(move)

    def _heed(self, policy: Policy | None, error: BaseException) -> None:
        """Leaves the call if the other side says that it is too much."""
        if self.patient and policy is not None:
            if any(isinstance(error, limit.back_off) for limit in policy.limits):
                raise PushedBack(pause_of(error)) from error

    def _replaced(self, step: Step, failure: Failure, env: dict[str, Any]) -> BaseException | None:
        """Goes on with another value, if the code has one for this failure; else the error that it is."""
        error, instead = failure.trace.exception, self.block.code.instead
        if instead is None or not isinstance(error, Exception) or _is_wrong(error):
            return error
        try:
            made = instead(failure)
        except Exception as other:
            return other
        env.update(dict.fromkeys(step.writes, made))
        return None

    def _go_on(self, number: int, first: int, where: tuple[int, ...], env: dict[str, Any]) -> Any:
        table = self.block.code.tables[number]
        raised = env.get("error")
        for n in range(first, len(table.steps)):
            step = table.steps[n]
            needed = [env.get(name, ABSENT) for name in step.reads]
            if self.lacks(*needed):
                missing = worst([*needed, *(withheld(env.get(name, ABSENT), depth) for name, depth in step.collects)])
                for name in step.writes:
                    env[name] = missing
                continue
            try:
                exec(self.block.statement(number, n), self.block.namespace, env)  # noqa: S102
            except PASSING:
                raise
            except BaseException as error:
                self._settle(number, n, where, env, _apart(error, raised))
        outputs = tuple(env.get(name, ABSENT) for name in table.outputs)
        return outputs if len(outputs) != 1 else outputs[0]


def _reason(error: BaseException, where: tuple[int, ...]) -> Missing | None:
    """What is missing by an error that is no failure of a function; None if it is one."""
    if isinstance(error, (Lacking, Withheld)):
        return error.missing
    return ABSENT if isinstance(error, Skip) and where else None


def _is_wrong(error: BaseException) -> bool:
    """Whether the flow, the request or a cache is wrong, which is not an item's fault."""
    return isinstance(error, (FlowError, StoreError, Uneven))


def _decided(policy: Policy | None, error: BaseException, attempt: int) -> Retry | None:
    """How a step is tried again; None if it isn't."""
    if policy is None or policy.retries is None or not isinstance(error, Exception) or isinstance(error, (Skip, StoreError)):
        return None
    cause: Cause = "timeout" if isinstance(error, TimedOut) else "exception"
    return policy.retries.decided(error, attempt, cause)


def _apart(error: BaseException, earlier: BaseException | None) -> BaseException:
    """The error without another step's or attempt's as its context, which it only has because we still hold that one."""
    if earlier is not None and error.__context__ is earlier:
        error.__context__ = None
    return error


def policy_at(own: Policy | None, of_run: OnError, where: tuple[int, ...]) -> OnError:
    """What a failure of a function there does; outside of any fan-out there is no item that could be left out."""
    policy = (own.on_error if own is not None else None) or of_run
    return policy if where or policy == "raise" else "finish"
