"""What becomes of a function that fails: on_error, retry, timeout; and how often it is called: limit. Decorators, and the data
that they leave.

Theory: three questions, each with one answer. *Is the function to be tried again?* (`retry`, asked where it ran, and again
by the driver when a worker died or had to be killed). *How long may it take?* (`timeout`). *What does its failure do to the
rest?* (`on_error`): four policies, ordered by how much they let go.

=========  ==========================================================================================================
`raise`    nothing more is sent, what runs is ended, and the exception is raised.
`finish`   all that does not depend on the failed item still runs; then one exception group is raised.
`skip`     the item leaves every collect, as if it had raised `Skip`; the run succeeds.
`keep`     the item's place in every collect holds the `Failed`; only where the collects say that they take it.
=========  ==========================================================================================================

Outside of any fan-out there is no item to be left out: there `skip` and `keep` are `finish`.

This module never knows who carries the policies out.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, Literal, TypedDict, TypeVar

from anabranch.errors import FlowError, InputError
from anabranch.limits import Limit, limit_of
from anabranch.markers import mark, marks_of

__all__ = [
    "DEFAULT",
    "Cause",
    "FaultOptions",
    "Faults",
    "OnError",
    "Policy",
    "Retries",
    "Retry",
    "limit",
    "on_error",
    "policy_of",
    "pure",
    "retry",
    "timeout",
]

F = TypeVar("F", bound=Callable[..., Any])

OnError = Literal["raise", "finish", "skip", "keep"]
"""What a failure does to the rest of the run."""

POLICIES: Final[tuple[OnError, ...]] = ("raise", "finish", "skip", "keep")

Cause = Literal["exception", "timeout", "lost"]
"""Why an attempt came to nothing: the function raised, it took too long, or the worker died."""


@dataclass(frozen=True, slots=True)
class Retry:
    """Try once more, after `delay` seconds.

    Attributes:
        delay: seconds to wait before.
        memory: what the next attempt may have: bytes, or a text such as ``"4GB"``; None for what it had.
        executor: where the next attempt runs, by the name that it has in `Builder.with_executors`; None for where it was.
    """

    delay: float = 0.0
    memory: int | str | None = None
    executor: str | None = None

    @property
    def moves(self) -> bool:
        """Whether the next attempt is to be had elsewhere than in the place of the last."""
        return self.memory is not None or self.executor is not None


@dataclass(frozen=True, slots=True)
class Retries:
    """When to try again, and after how long; see `retry`."""

    attempts: int = 3
    delay: float = 0.0
    backoff: float = 2.0
    longest: float = 60.0
    jitter: float = 0.5
    on: tuple[type[BaseException], ...] = (Exception,)
    give_up: tuple[type[BaseException], ...] = ()
    decide: Callable[[BaseException, int, Cause], Retry | None] | None = None
    executors: tuple[str, ...] = ()

    def after(self, exception: BaseException, attempt: int, cause: Cause) -> float | None:
        """Seconds to wait before another attempt, after `attempt` of them came to nothing; None to give up."""
        answer = self.decided(exception, attempt, cause)
        return None if answer is None else answer.delay

    def decided(self, exception: BaseException, attempt: int, cause: Cause) -> Retry | None:
        """How to go on after `attempt` attempts came to nothing; None to give up."""
        if self.decide is not None:
            return self.decide(exception, attempt, cause)
        wait = self._wait(exception, attempt)
        return None if wait is None else Retry(wait)

    def _wait(self, exception: BaseException, attempt: int) -> float | None:
        if attempt >= self.attempts or isinstance(exception, self.give_up) or not isinstance(exception, self.on):
            return None
        wait = min(self.delay * self.backoff ** (attempt - 1), self.longest)
        return wait and _jittered(wait, self.jitter)


def check_on_error(word: str, given: object, error: type[Exception] = InputError) -> None:
    """Checks that it is a policy."""
    if given not in POLICIES:
        raise error(f"{word} must be one of {', '.join(POLICIES)}, not {given!r}")


def check_budget(word: str, given: object, error: type[Exception] = InputError) -> None:
    """Checks that it is a count or a share."""
    if given is None or (isinstance(given, int) and not isinstance(given, bool) and given >= 0):
        return
    if not (isinstance(given, float) and 0 <= given <= 1):
        raise error(f"{word} must be a count (an int) or a share between 0.0 and 1.0, not {given!r}")


def check_seconds(word: str, given: object, error: type[Exception] = InputError) -> None:
    """Checks that it is a length of time."""
    if given is not None and (isinstance(given, bool) or not isinstance(given, (int, float)) or not given > 0):
        raise error(f"{word} must be a number of seconds above 0, not {given!r}")


@dataclass(frozen=True, slots=True)
class Policy:
    """What one function says of its failures; None where it leaves that to the run."""

    on_error: OnError | None = None
    max_failures: float | None = None
    retries: Retries | None = None
    timeout: float | None = None
    pure: bool = False
    limits: tuple[Limit, ...] = ()


@dataclass(frozen=True, slots=True)
class Faults:
    """What a run does about failures.

    Attributes:
        on_error: the policy of functions that have none of their own.
        max_failures: failed items that the run puts up with: a number if it is an int, a share of the items of their
            fan-out if it is a float below 1; None for any number.
        deaths: so many workers an item may have killed before it counts as failed.
        timeout: seconds that the run as a whole may take.
    """

    on_error: OnError = "raise"
    max_failures: float | None = None
    deaths: int = 3
    timeout: float | None = None

    def __post_init__(self) -> None:
        check_on_error("on_error", self.on_error)
        check_budget("max_failures", self.max_failures)
        if type(self.deaths) is not int or self.deaths < 1:
            raise InputError(f"deaths must be a whole number from 1, not {self.deaths!r}")
        check_seconds("timeout", self.timeout)

    def updated(self, changes: Mapping[str, Any]) -> Faults:
        """The same with some things changed.

        Raises:
            InputError: a value makes no sense.
        """
        return replace(self, **changes) if changes else self


DEFAULT: Final = Faults()


class FaultOptions(TypedDict, total=False):
    """`Faults`, as keyword options; None stands for what holds anyway."""

    on_error: OnError | None
    max_failures: float | None
    deaths: int | None
    timeout: float | None


def on_error(policy: OnError, *, max_failures: float | None = None) -> Callable[[F], F]:
    """Decorator: what a failure of this function does to the run, whatever the run says: ``@on_error("skip")``.

    Args:
        policy: ``raise``, ``finish``, ``skip`` or ``keep``; see `anabranch.policies`.
        max_failures: so many failed items of this function the run puts up with (a count, or a share below 1).

    Raises:
        FlowError: there is no such policy, or no such budget.
    """
    if callable(policy):
        raise FlowError("@on_error takes a policy, as in @on_error('skip')")
    check_on_error("@on_error", policy, FlowError)
    check_budget("@on_error: max_failures", max_failures, FlowError)
    return _marked(on_error=policy, max_failures=max_failures)


def retry(
    decide: Callable[[BaseException, int, Cause], Retry | None] | int | None = None,
    /,
    *,
    attempts: int = 3,
    delay: float = 0.0,
    backoff: float = 2.0,
    longest: float = 60.0,
    jitter: float = 0.5,
    on: type[BaseException] | tuple[type[BaseException], ...] = (Exception,),
    give_up: type[BaseException] | tuple[type[BaseException], ...] = (),
    executors: Sequence[str] = (),
) -> Callable[[F], F]:
    """Decorator: tries the function again when it fails: ``@retry(attempts=5, delay=0.2, on=ConnectionError)``.

    Only the function itself is called again, with the arguments that it had. What stands before it in its task ran once.
    A worker waits for the delay itself, so a long one costs a slot. After a hard timeout the item is run again from
    the beginning of its task, for its worker is gone.

    Args:
        decide: instead of all the rest, a function ``(exception, attempt, cause) -> Retry | None``: how many attempts have
            come to nothing is `attempt`, and why this one did is `cause`: ``exception``, ``timeout``, or ``lost`` if
            its worker died of it. (How often an item may kill its worker is the run's to say: `deaths`. For ``lost`` the
            answer says only how to go on.) What it gives may ask for more memory or another executor: the item is then run
            again there, alone, from the beginning of its task. A number is taken for `attempts`.
        attempts: calls in all, the first included.
        delay: seconds to wait before the second attempt; each further one waits `backoff` times as long, at most `longest`.
        jitter: by which share the wait varies at random, up or down.
        on: exceptions to try again after.
        give_up: exceptions, of those, after which not to.
        executors: the names of those that `decide` may ask for.

    Raises:
        FlowError: a number makes no sense.
    """
    if isinstance(decide, int):
        attempts, decide = decide, None
    numbers = (("attempts", attempts, 1), ("delay", delay, 0), ("backoff", backoff, 1), ("longest", longest, 0))
    for word, number, least in numbers:
        if not isinstance(number, (int, float)) or number < least:
            raise FlowError(f"@retry: {word} must be a number from {least}, not {number!r}")
    if not 0 <= jitter <= 1:
        raise FlowError(f"@retry: jitter must be between 0 and 1, not {jitter!r}")
    kinds = [kind if isinstance(kind, tuple) else (kind,) for kind in (on, give_up)]
    for kind in (*kinds[0], *kinds[1]):
        if not (isinstance(kind, type) and issubclass(kind, BaseException)):
            raise FlowError(f"@retry: on and give_up take exception classes, not {kind!r}")
    return _marked(retries=Retries(attempts, delay, backoff, longest, jitter, kinds[0], kinds[1], decide, tuple(executors)))


def timeout(seconds: float) -> Callable[[F], F]:
    """Decorator: the function may take so many seconds for one item; then it fails with `TimedOut`.

    The limit counts from when this item's call began. A function that does not react is ended with its worker, where
    the executor can; the other items that the worker had go on elsewhere.

    Raises:
        FlowError: it is no positive number.
    """
    check_seconds("@timeout", seconds, FlowError)
    return _marked(timeout=float(seconds))


def pure(function: F) -> F:
    """Decorator: the function has no effects, so it may be called twice for one item. If an item takes more than three times
    as long as its like while slots idle, a second copy of it is started, and the first answer counts.

    A task is doubled only if all its functions are pure.

    Raises:
        FlowError: it is no function.
    """
    if not callable(function):
        raise FlowError(f"@pure takes no arguments, and is given a function, not {function!r}")
    decorated: F = _marked(pure=True)(function)
    return decorated


def limit(
    *,
    per_second: float | None = None,
    per_minute: float | None = None,
    concurrency: int | None = None,
    key: str | None = None,
    back_off: type[BaseException] | tuple[type[BaseException], ...] = (),
) -> Callable[[F], F]:
    """Decorator: how often the function may be called, over all workers of a run: ``@limit(per_second=50)``.

    Calls are spread evenly; attempts after a failure count as calls.

    Args:
        per_second: calls a second.
        per_minute: calls a minute.
        concurrency: calls at the same time.
        key: what is limited, if several functions share it: the name of a service, say. Where they differ the stricter holds.
        back_off: exceptions that say that it is too much. The call is made again later, up to ten times, and meanwhile all go
            slower: nobody calls for a while (the exception's ``retry_after`` seconds, if it has that), then half as often,
            then more and more often again. Calls of such a function travel one by one.

    Raises:
        FlowError: a number makes no sense.
    """
    made = limit_of(key, concurrency, (per_second, per_minute), back_off)

    def decorate(function: F) -> F:
        policy = policy_of(function) or Policy()
        own = made if made.key else replace(made, key=getattr(function, "__name__", "function"))
        return mark(function, policy=replace(policy, limits=(*policy.limits, own)))

    return decorate


def policy_of(function: Callable[..., Any]) -> Policy | None:
    """What the decorators on a function say; None if there are none."""
    found: Policy | None = marks_of(function).get("policy")
    return found


def _jittered(wait: float, jitter: float) -> float:
    """About as long, so that many who wait do not come back all at once."""
    import random

    return wait * (1 + jitter * random.uniform(-1, 1))  # noqa: S311


def _marked(**changes: Any) -> Callable[[F], F]:
    def decorate(function: F) -> F:
        return mark(function, policy=replace(policy_of(function) or Policy(), **changes))

    return decorate
