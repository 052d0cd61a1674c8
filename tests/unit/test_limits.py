"""How often functions are called, and how many calls there are at once."""

import threading
import time
from itertools import pairwise

import pytest

from anabranch import (
    Builder,
    Collect,
    FlowError,
    Parallelizable,
    Stream,
    associative,
    limit,
    module_from_functions,
    on_error,
    retry,
    run_on,
)
from anabranch.limits import Limit, limit_of, merged
from anabranch.policies import policy_of


def number(count: int) -> Parallelizable[int]:
    yield from range(count)


def driver_of(*functions, **executors):
    return Builder().with_modules(module_from_functions(*functions)).with_executors(**executors).build()


class Diary:
    """When something was called, and how many were inside at once."""

    def __init__(self):
        self.lock = threading.Lock()
        self.times = []
        self.began = time.perf_counter()
        self.inside = 0
        self.most = 0

    def call(self, seconds=0.0):
        with self.lock:
            self.times.append(time.perf_counter())
            self.inside += 1
            self.most = max(self.most, self.inside)
        threading.Event().wait(seconds)
        with self.lock:
            self.inside -= 1

    @property
    def rate(self):
        """Calls a second: each but the first has waited for its turn."""
        return (len(self.times) - 1) / (max(self.times) - self.began + 0.03)  # a turn may be late without the next being so


@pytest.mark.parametrize("executor", ["sequential", ("threads", {"workers": 8})])
@pytest.mark.parametrize("rate", [100, 800])
def test_a_rate_is_never_exceeded_and_nearly_reached(executor, rate):
    diary = Diary()

    @limit(per_second=rate)
    def fetched(number: int) -> int:
        diary.call(0.0 if executor == "sequential" else 0.005)
        return number

    with driver_of(number, fetched, default=executor) as driver:
        assert driver.execute(["fetched"], inputs={"count": rate // 2}) == {"fetched": list(range(rate // 2))}
    assert diary.rate <= rate
    assert diary.rate >= rate * 0.1, "but for what a busy machine takes"


def test_calls_that_take_long_go_on_side_by_side():
    diary = Diary()

    @limit(per_second=50)
    def fetched(number: int) -> int:
        diary.call(0.2)
        return number

    with driver_of(number, fetched, default=("threads", {"workers": 30})) as driver:
        driver.execute(["fetched"], inputs={"count": 40})
    assert diary.most >= 3
    assert 10 <= diary.rate <= 50


def test_no_more_calls_at_once_than_that():
    diary = Diary()

    @limit(concurrency=3)
    def fetched(number: int) -> int:
        diary.call(0.002)
        return number

    def parsed(number: int) -> int:
        return number

    with driver_of(number, fetched, parsed, default=("threads", {"workers": 8})) as driver:
        driver.execute(["fetched", "parsed"], inputs={"count": 100})
    assert diary.most == 3


def test_functions_that_share_a_key_share_the_limit_on_all_executors():
    diary = Diary()

    @run_on("one")
    @limit(concurrency=2, key="service")
    def left(number: int) -> int:
        diary.call(0.002)
        return number

    @run_on("two")
    @limit(concurrency=5, key="service")
    def right(start: int) -> int:
        diary.call(0.002)
        return start

    def start(count: int) -> Parallelizable[int]:
        yield from range(count)

    def both(left: Collect[int], right: Collect[int]) -> int:
        return sum(left) + sum(right)

    executor = ("threads", {"workers": 4})
    with driver_of(number, start, left, right, both, one=executor, two=executor) as driver:
        assert driver.execute(["both"], inputs={"count": 30}) == {"both": 870}
    assert diary.most == 2


@pytest.mark.parametrize("workers", [1, 4])
def test_what_is_limited_inside_of_a_loop_goes_out_by_itself(workers):
    diary = Diary()

    def page(number: int) -> Parallelizable[int]:
        yield from range(5)

    @limit(per_second=200)
    def fetched(page: int, number: int) -> int:
        diary.call()
        return page * number

    def total(fetched: Collect[Collect[int]]) -> int:
        return sum(map(sum, fetched))

    executor = "sequential" if workers == 1 else ("threads", {"workers": workers})
    with driver_of(number, page, fetched, total, default=executor) as driver:
        assert driver.execute(["total"], inputs={"count": 12}) == {"total": 660}
    assert len(diary.times) == 60
    assert diary.rate <= 200


def test_a_call_outside_of_any_fan_out_is_limited_too():
    diary = Diary()

    @limit(per_second=20, key="service")
    def first(count: int) -> int:
        diary.call()
        return count

    @limit(per_second=20, key="service")
    def second(count: int) -> int:
        diary.call()
        return count

    with driver_of(first, second) as driver:
        assert driver.execute(["first", "second"], inputs={"count": 1}) == {"first": 1, "second": 1}


def test_attempts_count_as_calls():
    diary = Diary()
    failed = set()

    @retry(2, on=ValueError)
    @limit(per_second=100)
    def fetched(number: int) -> int:
        diary.call()
        if number not in failed:
            failed.add(number)
            raise ValueError
        return number

    with driver_of(number, fetched) as driver:
        driver.execute(["fetched"], inputs={"count": 25})
    assert len(diary.times) == 50
    assert diary.rate <= 100


class TooManyError(Exception):
    retry_after = 0.05


@pytest.mark.parametrize("executor", ["sequential", "threads", ("processes", {"workers": 2})])
def test_what_is_too_much_is_tried_again_and_everybody_slows_down(executor, tmp_path):
    @limit(per_second=500, back_off=TooManyError)
    def fetched(number: int, folder: str) -> int:
        from pathlib import Path

        mark = Path(folder) / str(number)
        if number % 10 == 3 and not mark.exists():
            mark.touch()
            raise TooManyError
        return number

    with driver_of(number, fetched, default=executor) as driver:
        run = driver.run(["fetched"], inputs={"count": 40, "folder": str(tmp_path)})
        assert run.results == {"fetched": list(range(40))}
        assert run.failures == ()


def test_a_back_off_pauses_all_calls():
    diary = Diary()
    said = []

    @limit(per_second=1000, back_off=TooManyError)
    def fetched(number: int) -> int:
        diary.call()
        if number == 20 and not said:
            said.append(time.perf_counter())
            error = TooManyError()
            error.retry_after = 0.3
            raise error
        return number

    with driver_of(number, fetched, default="sequential") as driver:
        driver.execute(["fetched"], inputs={"count": 40})
    after = [later for earlier, later in pairwise(sorted(diary.times)) if earlier <= said[0] < later]
    assert after[0] - said[0] >= 0.299


@pytest.mark.parametrize("policy", ["raise", "skip"])
def test_who_is_never_satisfied_fails_the_call_in_the_end(policy):
    calls = []

    @on_error(policy)
    @limit(concurrency=2, back_off=TooManyError)
    def fetched(number: int) -> int:
        if number == 1:
            calls.append(number)
            error = TooManyError("still too much")
            error.retry_after = 0.001
            raise error
        return number

    with driver_of(number, fetched, default=("threads", {"workers": 3})) as driver:
        if policy == "raise":
            with pytest.raises(TooManyError, match="still too much"):
                driver.execute(["fetched"], inputs={"count": 3})
        else:
            assert driver.execute(["fetched"], inputs={"count": 3}) == {"fetched": [0, 2]}
    assert len(calls) == 10


def test_results_that_were_there_already_need_no_turn(tmp_path):
    @limit(per_second=10)
    def fetched(number: int) -> int:
        return number

    builder = Builder().with_modules(module_from_functions(number, fetched)).with_cache(tmp_path)
    with builder.build() as driver:
        seconds = []
        for _ in range(2):
            began = time.perf_counter()
            assert driver.execute(["fetched"], inputs={"count": 15}) == {"fetched": list(range(15))}
            seconds.append(time.perf_counter() - began)
    assert seconds[0] >= 1.3
    assert seconds[1] < seconds[0] / 2


def test_limits_are_read_and_checked():
    assert policy_of(limit(per_second=4, per_minute=60, key="k")(lambda: 0)).limits == (Limit("k", None, 1.0),)
    assert merged(Limit("k", 3, 0.5), Limit("k", None, 2.0)) == Limit("k", 3, 2.0)
    for wrong in ({"per_second": 0}, {"per_minute": "many"}, {"concurrency": 1.5}, {"key": "k"}, {"concurrency": 1, "key": 3}):
        with pytest.raises(FlowError, match="@limit"):
            limit(**wrong)
    with pytest.raises(FlowError, match="back_off takes exception classes"):
        limit(concurrency=1, back_off=KeyboardInterrupt)
    assert limit_of(None, 2, (None, None), ()).key == ""


def test_what_is_called_once_or_as_it_suits_has_no_limit():
    def items(count: int) -> Parallelizable[int]:
        yield from range(count)

    def number(count: int) -> Parallelizable[int]:
        yield from range(count)

    def read(number: Stream[int]) -> int:
        return sum(number)

    def total(number: Collect[int]) -> int:
        return sum(number)

    for function, why in ((items, "is Parallelizable"), (read, "reads a Stream"), (associative(total), "is @associative")):
        with pytest.raises(FlowError, match=why):
            driver_of(*{number, limit(concurrency=1)(function)})


def test_a_simulated_run_is_limited_too():
    from anabranch.plan import make_plan
    from anabranch.simulation import Axis, Cluster, simulate

    @limit(per_second=100)
    def fetched(number: int) -> int:
        return number

    plan = make_plan(driver_of(number, fetched).graph, ["fetched"], ["count"])
    found = simulate(plan, {"number": Axis(500)}, {"fetched": 0.001}, Cluster(workers=8))
    assert 4.9 <= found.makespan <= 5.2
