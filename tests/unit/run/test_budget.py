"""How many failures a run puts up with."""

from __future__ import annotations

import pytest

from anabranch import Builder, Collect, ItemsFailed, Parallelizable, module_from_functions, on_error
from anabranch.failure import Failure, capture
from anabranch.policies import Faults, Policy
from anabranch.run.budget import FEW, Budget


def failure(node="f", axes=("x",), item=(0,)):
    return Failure(node, axes, item, capture(KeyError()))


def spent(budget, times, **how):
    """What is said after each of so many failures."""
    return [budget.spend(failure(**how)) for _ in range(times)]


# -- counts --------------------------------------------------------------------------------------------------------


def test_without_a_limit_nothing_is_exceeded():
    budget = Budget(Faults(), {})
    assert not any(spent(budget, 100))
    assert budget.settle() == ""


@pytest.mark.parametrize("limit", [0, 1, 3])
def test_a_count_is_what_may_fail(limit):
    *before, last = spent(Budget(Faults(max_failures=limit), {}), limit + 1)
    assert not any(before)
    assert last == f"; more than max_failures={limit} allows, so the run was stopped"


def test_a_count_of_the_run_is_for_all_functions_and_fan_outs():
    budget = Budget(Faults(max_failures=2), {})
    assert not budget.spend(failure("f"))
    assert not budget.spend(failure("g", ("x", "y"), (0, 0)))
    assert budget.spend(failure("h", (), ()))


def test_a_function_has_a_budget_of_its_own():
    budget = Budget(Faults(max_failures=10), {"f": Policy(max_failures=1), "g": Policy()})
    assert not any(spent(budget, 5, node="g"))
    assert not any(spent(budget, 1))
    assert "max_failures=1 of 'f' allows" in budget.spend(failure())


# -- shares --------------------------------------------------------------------------------------------------------


def test_a_share_is_taken_of_few_items_at_least_until_the_run_is_over():
    budget = Budget(Faults(max_failures=0.1), {})
    budget.widen("x", 20)
    assert not any(spent(budget, int(FEW * 0.1)))
    assert budget.spend(failure())
    assert budget.settle()


@pytest.mark.parametrize(("times", "is_exceeded"), [(2, False), (3, True)])
def test_in_the_end_a_share_is_taken_of_what_there_were(times, is_exceeded):
    budget = Budget(Faults(max_failures=0.1), {})
    budget.widen("x", 12)
    budget.widen("x", 8)
    assert not any(spent(budget, times))
    assert bool(budget.settle()) is is_exceeded


def test_a_share_is_of_each_fan_out_by_itself():
    budget = Budget(Faults(max_failures=0.5), {})
    budget.widen("x", 10_000)
    budget.widen("y", 4)
    spent(budget, 3, axes=("x", "y"), item=(0, 0))
    assert budget.settle()


def test_a_share_of_a_function():
    budget = Budget(Faults(), {"f": Policy(max_failures=0.25)})
    budget.widen("x", 8)
    spent(budget, 2)
    spent(budget, 7, node="g")
    assert not budget.settle()
    budget.spend(failure())
    assert "of 'f'" in budget.settle()


def test_what_fails_outside_of_any_fan_out_is_no_share_of_one():
    budget = Budget(Faults(max_failures=0.0), {})
    assert not budget.spend(failure(axes=(), item=()))
    assert not budget.settle()


# -- in a run ------------------------------------------------------------------------------------------------------


def outer(n: int) -> Parallelizable[int]:
    return list(range(n))


def inner(outer: int) -> Parallelizable[int]:
    yield from range(20)


def leaf(inner: int, outer: int) -> int:
    if inner == 3 and outer % 2:
        raise LookupError(outer)
    return inner


def rows(leaf: Collect[Collect[int]]) -> int:
    return sum(map(len, leaf))


def again(outer: int, rows: int) -> int:
    if outer < 6:
        raise LookupError(outer)
    return outer


def end(again: Collect[int]) -> int:
    return len(again)


@pytest.fixture(params=["sequential", "threads", "processes"])
def driver(request):
    with Builder().with_modules(module_from_functions(outer, inner, leaf, rows, again, end)).with_executor(request.param).build() as driver:
        yield driver


@pytest.mark.parametrize("n", [3, 40])
def test_inner_items_are_counted_where_they_are_opened_and_where_they_are_looped_over(driver, n):
    failed = n // 2
    share = failed / (n * 20)
    assert driver.execute(["rows"], {"n": n}, on_error="skip", max_failures=share) == {"rows": n * 20 - failed}
    with pytest.raises(ItemsFailed, match=f"{failed} items failed|an item failed.*more than max_failures"):
        driver.execute(["rows"], {"n": n}, on_error="skip", max_failures=share * 0.9)


def test_a_second_pass_has_no_more_items_than_the_first(driver):
    assert driver.execute(["end"], {"n": 40}, on_error="skip", max_failures=0.15) == {"end": 34}
    with pytest.raises(ItemsFailed, match="max_failures=0.14"):
        driver.execute(["end"], {"n": 40}, on_error="skip", max_failures=0.14)


def test_a_count_that_is_exceeded_stops_the_run_at_once():
    called = []

    @on_error("skip", max_failures=2)
    def bad(outer: int) -> int:
        called.append(outer)
        raise LookupError(outer)

    def last(bad: Collect[int]) -> int:
        return len(bad)

    with Builder().with_modules(module_from_functions(outer, bad, last)).build() as driver:
        with pytest.raises(ItemsFailed, match="max_failures=2 of 'bad'") as caught:
            driver.execute(["last"], {"n": 10_000})
    assert len(called) < 100
    assert len(caught.value.failures) >= 3
