"""Decorators that say what becomes of a failure, and what retries do, wherever they run."""

from __future__ import annotations

import random
import threading
from time import perf_counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anabranch import (
    Builder,
    Collect,
    FlowError,
    InputError,
    ItemsFailed,
    Parallelizable,
    Retry,
    Skip,
    Stream,
    TimedOut,
    module_from_functions,
    on_error,
    retry,
    timeout,
)
from anabranch.events import CallFinished, SpanFinished
from anabranch.policies import DEFAULT, POLICIES, Faults, Policy, Retries, policy_of
from anabranch.testing import Chaos


def plain(x: int) -> int:
    return x


# -- what decorators leave -----------------------------------------------------------------------------------------


def test_a_function_without_decorators_has_no_policy():
    assert policy_of(plain) is None


def test_decorators_add_up_in_any_order_and_change_nothing_else():
    def function(x: int) -> int:
        return x + 1

    made = on_error("skip", max_failures=3)(timeout(2)(retry(5)(function)))
    assert made is function
    assert function(1) == 2
    assert policy_of(function) == Policy("skip", 3, Retries(5), 2.0)


def test_a_later_decorator_of_a_kind_wins():
    function = on_error("keep")(on_error("skip", max_failures=3)(lambda x: x))
    assert policy_of(function) == Policy("keep")


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: on_error("ignore"), "@on_error must be one of raise, finish, skip, keep, not 'ignore'"),
        (lambda: on_error(plain), r"takes a policy, as in @on_error\('skip'\)"),
        (lambda: on_error("skip", max_failures=1.5), "max_failures must be a count .* or a share between 0.0 and 1.0, not 1.5"),
        (lambda: on_error("skip", max_failures=-1), "not -1"),
        (lambda: on_error("skip", max_failures=True), "not True"),
        (lambda: on_error("skip", max_failures="5%"), "not '5%'"),
        (lambda: retry(0), "attempts must be a number from 1, not 0"),
        (lambda: retry(attempts="3"), "attempts"),
        (lambda: retry(delay=-1), "delay must be a number from 0"),
        (lambda: retry(backoff=0.5), "backoff must be a number from 1"),
        (lambda: retry(longest=-1), "longest"),
        (lambda: retry(jitter=2), "jitter must be between 0 and 1"),
        (lambda: retry(on="OSError"), "on and give_up take exception classes, not 'OSError'"),
        (lambda: retry(give_up=(OSError, 3)), "exception classes, not 3"),
        (lambda: timeout(0), "@timeout must be a number of seconds above 0, not 0"),
        (lambda: timeout("1s"), "not '1s'"),
        (lambda: timeout(True), "not True"),
        (lambda: timeout(float("nan")), "not nan"),
    ],
)
def test_what_makes_no_sense_is_said_at_once(make, message):
    with pytest.raises(FlowError, match=message):
        make()


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"on_error": "stop"}, "on_error must be one of"),
        ({"max_failures": 2.0}, "max_failures must be"),
        ({"deaths": 0}, "deaths must be a whole number from 1, not 0"),
        ({"deaths": True}, "deaths"),
        ({"timeout": -1}, "timeout must be a number of seconds above 0"),
        ({"on_eror": "skip"}, "unknown option 'on_eror'; did you mean 'on_error'"),
    ],
)
def test_what_a_run_is_told_is_checked(given, message):
    with pytest.raises(InputError, match=message):
        Builder().with_failure_policy(**given)
    driver = Builder().with_modules(module_from_functions(plain)).build()
    with pytest.raises(InputError, match=message):
        driver.execute(["plain"], {"x": 1}, **given)


def test_none_stands_for_what_holds_anyway():
    assert Builder().with_failure_policy(on_error=None, max_failures=None, deaths=None, timeout=None).faults == DEFAULT
    assert Faults("skip").updated({}) == Faults("skip")


@pytest.mark.parametrize("word", ["retry", "timeout"])
def test_what_reads_a_stream_can_be_neither_called_again_nor_limited(word):
    def reader(plain: Stream[int]) -> int:
        return sum(plain)

    {"retry": retry(3), "timeout": timeout(3)}[word](reader)

    def x() -> Parallelizable[int]:
        return [1]

    with pytest.raises(FlowError, match="'reader'.*reads a Stream"):
        Builder().with_modules(module_from_functions(x, plain, reader)).build()


def test_an_expander_cannot_be_limited():
    @timeout(3)
    def x() -> Parallelizable[int]:
        return [1]

    with pytest.raises(FlowError, match="'x'.*is Parallelizable; @timeout limits"):
        Builder().with_modules(module_from_functions(x)).build()


# -- when to try again ---------------------------------------------------------------------------------------------


def waits(retries, exception, cause="exception", most=10):
    """The delays until it gives up."""
    found = []
    while (wait := retries.after(exception, len(found) + 1, cause)) is not None and len(found) < most:
        found.append(wait)
    return found


def test_attempts_count_the_first():
    assert waits(Retries(1), OSError()) == []
    assert waits(Retries(3), OSError()) == [0, 0]


def test_delays_grow_up_to_the_longest():
    assert waits(Retries(6, delay=0.5, backoff=2, longest=3, jitter=0), OSError()) == [0.5, 1, 2, 3, 3]
    assert waits(Retries(4, delay=1, backoff=1, jitter=0), OSError()) == [1, 1, 1]


@given(st.floats(0.001, 100), st.floats(1, 5), st.floats(0, 1), st.integers(1, 20), st.integers(0, 2**32))
def test_delays_vary_by_no_more_than_the_jitter(delay, backoff, jitter, attempt, seed):
    random.seed(seed)
    wanted = min(delay * backoff ** (attempt - 1), 60.0)
    found = Retries(100, delay, backoff, jitter=jitter).after(OSError(), attempt, "exception")
    assert wanted * (1 - jitter) * 0.999 <= found <= wanted * (1 + jitter) * 1.001


def test_delays_differ():
    assert len({Retries(3, delay=1.0).after(OSError(), 1, "exception") for _ in range(20)}) > 1


def test_only_what_is_named_is_tried_again():
    retries = Retries(3, on=(OSError, KeyError), give_up=(FileNotFoundError,))
    assert waits(retries, ConnectionError()) == [0, 0]
    assert waits(retries, KeyError()) == [0, 0]
    assert waits(retries, ValueError()) == waits(retries, FileNotFoundError()) == []


def test_a_function_may_decide():
    asked = []

    def decide(exception, attempt, cause):
        asked.append((type(exception), attempt, cause))
        return Retry(attempt * 0.5) if attempt < 3 else None

    retries = policy_of(retry(decide)(lambda x: x)).retries
    assert waits(retries, KeyError(), "timeout") == [0.5, 1.0]
    assert asked == [(KeyError, 1, "timeout"), (KeyError, 2, "timeout"), (KeyError, 3, "timeout")]


# -- retries in a run ----------------------------------------------------------------------------------------------


def item(n: int) -> Parallelizable[int]:
    yield from range(n)


def before(item: int) -> int:
    return item + 1


@retry(3)
def work(before: int) -> int:
    return before * 10


def rows(work: Collect[int]) -> list[int]:
    return work


FLOW = module_from_functions(item, before, work, rows)
EXECUTORS = ["sequential", "threads", "processes"]


@pytest.mark.parametrize("executor", EXECUTORS)
def test_only_the_function_that_failed_is_called_again(tmp_path, executor):
    faults = {("work", (2,)): ["raise", "raise"], ("work", (4,)): ["raise"]}
    events = []
    with Chaos(tmp_path, faults, watch=["before"]) as chaos:
        builder = Builder().with_modules(FLOW).with_executor(executor).with_adapters(events.append)
        with chaos.build(builder) as driver:
            found = driver.run(["rows"], {"n": 6})
        attempts = chaos.attempts()
    assert found.results == {"rows": [10, 20, 30, 40, 50, 60]}
    assert not found.failures
    assert {attempts["before", (n,)] for n in range(6)} == {1}
    assert [attempts["work", (n,)] for n in range(6)] == [1, 1, 3, 1, 2, 1]
    assert sum(event.retries for event in events if isinstance(event, (SpanFinished, CallFinished))) == 3


@pytest.mark.parametrize("executor", EXECUTORS)
def test_what_fails_too_often_has_failed_and_says_how_often_it_was_tried(tmp_path, executor):
    with Chaos(tmp_path, {("work", (1,)): "raise"}) as chaos:
        with chaos.build(Builder().with_modules(FLOW).with_executor(executor)) as driver:
            found = driver.run(["rows"], {"n": 3}, on_error="skip")
        assert chaos.attempts()["work", (1,)] == 3
    assert found.results == {"rows": [10, 30]}
    assert [(failure.node, failure.item, failure.attempts) for failure in found.failures] == [("work", (1,), 3)]


def test_skip_is_no_failure_to_try_again_after():
    calls = []

    @retry(5)
    def some(item: int) -> int:
        calls.append(item)
        raise Skip

    with Builder().with_modules(module_from_functions(item, some)).build() as driver:
        assert driver.execute(["some"], {"n": 3}) == {"some": []}
    assert calls == [0, 1, 2]


def test_a_function_outside_of_any_fan_out_is_tried_again():
    calls = []

    @retry(attempts=3, on=OSError)
    def once(x: int) -> int:
        calls.append(x)
        if len(calls) < 3:
            raise ConnectionError
        return x

    assert Builder().with_modules(module_from_functions(once)).build().execute(["once"], {"x": 1}) == {"once": 1}
    assert calls == [1, 1, 1]


def test_an_expander_is_tried_again_until_it_gives_its_items():
    calls = []

    @retry(3)
    def source(n: int) -> Parallelizable[int]:
        calls.append(n)
        if len(calls) < 3:
            raise ConnectionError
        return list(range(n))

    def double(source: int) -> int:
        return 2 * source

    driver = Builder().with_modules(module_from_functions(source, double)).build()
    assert driver.execute(["double"], {"n": 3}) == {"double": [0, 2, 4]}
    assert calls == [3, 3, 3]


def test_delays_are_waited_for_and_not_those_after_the_last():
    @retry(3, delay=0.05, jitter=0)
    def bad(x: int) -> int:
        raise ConnectionError

    began = perf_counter()
    with pytest.raises(ConnectionError):
        Builder().with_modules(module_from_functions(bad)).build().execute(["bad"], {"x": 1})
    assert 0.15 <= perf_counter() - began < 0.6


def test_the_exception_of_the_last_attempt_is_raised_and_has_none_of_the_others_as_its_context():
    calls = []

    @retry(3)
    def bad(x: int) -> int:
        calls.append(x)
        raise LookupError(len(calls))

    with pytest.raises(LookupError) as caught:
        Builder().with_modules(module_from_functions(bad)).build().execute(["bad"], {"x": 1})
    assert caught.value.args == (3,)
    assert caught.value.__context__ is None


def test_a_decision_that_raises_is_the_failure():
    def decide(exception, attempt, cause):
        raise ZeroDivisionError

    @retry(decide)
    def bad(x: int) -> int:
        raise LookupError

    with pytest.raises(ZeroDivisionError):
        Builder().with_modules(module_from_functions(bad)).build().execute(["bad"], {"x": 1})


def test_a_time_limit_is_a_cause_to_try_again_after():
    causes = []

    def decide(exception, attempt, cause):
        causes.append((type(exception), attempt, cause))
        return Retry() if attempt < 3 else None

    @retry(decide)
    @timeout(0.02)
    def slow(x: int) -> int:
        threading.Event().wait(0.2 if len(causes) < 2 else 0)
        return x

    assert Builder().with_modules(module_from_functions(slow)).build().execute(["slow"], {"x": 1}) == {"slow": 1}
    assert causes == [(TimedOut, 1, "timeout"), (TimedOut, 2, "timeout")]


@pytest.mark.parametrize("policy", POLICIES)
def test_a_policy_of_the_function_is_stronger_than_the_runs(policy):
    @on_error("skip")
    def bad(item: int) -> int:
        if item == 1:
            raise LookupError
        return item

    driver = Builder().with_modules(module_from_functions(item, bad)).with_failure_policy(on_error=policy).build()
    assert driver.execute(["bad"], {"n": 3}) == {"bad": [0, 2]}


@pytest.mark.parametrize("executor", ["sequential", "threads", "processes"])
def test_what_depends_on_no_failure_comes_with_the_error(executor):
    def x(n: int) -> Parallelizable[int]:
        yield from range(n)

    def inverse(x: int) -> float:
        return 1 / x

    @on_error("skip")
    def lenient(x: int) -> float:
        return 1 / x

    def total(inverse: Collect[float]) -> float:
        return sum(inverse)

    def count(x: Collect[int]) -> int:
        return len(x)

    flow = module_from_functions(x, inverse, lenient, total, count)
    with Builder().with_modules(flow).with_executor(executor).build() as driver:
        with pytest.raises(ItemsFailed) as caught:
            driver.execute(["total", "count", "inverse", "lenient"], {"n": 3}, on_error="finish")
        assert caught.value.results == {"count": 3, "lenient": [1.0, 0.5]}
        group = caught.value.subgroup(ZeroDivisionError)
        assert group is not None and group.results == caught.value.results
        with pytest.raises(ItemsFailed) as caught:
            driver.execute(["count", "lenient"], {"n": 3}, on_error="finish", max_failures=0)
        assert caught.value.results == {}
