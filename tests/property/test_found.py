"""What the random flows have found, at its smallest."""

from __future__ import annotations

import pytest

from anabranch import (
    Builder,
    Collect,
    InputError,
    Parallelizable,
    PerItem,
    Skip,
    Stream,
    associative,
    module_from_functions,
    zipped,
)
from anabranch.testing import interpret


@pytest.fixture(params=["sequential", "threads"])
def check(request):
    """Runs functions and the oracle; `gives` is what both must give."""

    def check(functions, gives, overrides=None, **inputs):
        with Builder().with_modules(module_from_functions(*functions)).with_executor(request.param).build() as driver:
            assert interpret(driver.graph, list(gives), inputs, overrides) == gives
            assert driver.execute(list(gives), inputs, overrides) == gives

    return check


def a() -> Parallelizable[int]:
    return [1, 2]


def b(a: int) -> Parallelizable[int]:
    if a == 2:
        raise Skip
    return [a, 10 * a]


def c(a: int) -> Parallelizable[int]:
    return [a, 100 * a]


def test_none_is_a_value_like_others(check):
    def nothing() -> None:
        return None

    @associative
    def first(a: Collect[int]) -> int:
        return next(iter(a), None)

    check([nothing], {"nothing": None})
    check([a, first], {"first": None}, {"a": []})


def test_an_override_gives_an_optional_input(check):
    def shown(x: int, y: int = 3) -> str:
        return f"{x} {y}"

    check([shown], {"shown": "1 5"}, {"y": 5}, x=1)


def test_a_generator_may_skip_when_it_is_pulled(check):
    def d(a: int) -> Parallelizable[int]:
        if a == 2:
            raise Skip
        yield a

    check([a, d], {"d": [[1]]})


def test_a_generator_may_read_a_stream(check):
    def again(c: Stream[int]) -> Parallelizable[int]:
        yield from c

    check([a, c, again], {"again": [[1, 100], [2, 200]]})


@pytest.mark.parametrize("each", [[[1]], [[], [1], [1]]])
def test_an_override_per_item_has_as_many_values_as_there_are_items(each):
    def shown(c: Collect[Collect[int]], a: int) -> str:
        return f"{c} {a}"

    driver = Builder().with_modules(module_from_functions(a, c, shown)).build()
    with pytest.raises(InputError):
        driver.execute(["shown"], overrides={"c": PerItem(each)})


@pytest.mark.parametrize("one", ["sequential"])
def test_a_zipped_partner_may_be_skipped(one):
    @zipped
    def pair(c: int, b: int) -> str:
        return f"{c}/{b}"

    driver = Builder().with_modules(module_from_functions(a, b, c, pair)).with_executor(one).build()
    assert driver.execute(["pair"]) == {"pair": [["1/1", "100/10"], []]}


def test_a_reader_is_not_told_that_a_skipped_fan_out_is_empty():
    read = []

    def total(b: Stream[int]) -> int:
        read.append(list(b))
        return sum(read[-1])

    with Builder().with_modules(module_from_functions(a, b, total)).with_executor("threads").build() as driver:
        assert driver.execute(["total"]) == {"total": [11]}
    assert read == [[1, 10]]


def test_an_associative_collector_may_lack_another_argument(check):
    def none(a: int) -> Parallelizable[int]:
        return []

    def left_out(a: int) -> int:
        raise Skip

    @associative
    def total(none: Collect[int], left_out: int) -> int:
        return sum(none) + left_out

    check([a, none, left_out, total], {"total": []})
