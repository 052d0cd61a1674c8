"""Deaths, time limits, retries and failures at once, in nested fan-outs, with associative collectors, a stream and a second pass."""

from __future__ import annotations

import random

import pytest

from anabranch import Builder, Collect, Parallelizable, Stream, associative, module_from_functions, pure, retry, timeout
from anabranch.testing import Chaos
from anabranch_executors.processes import ProcessExecutor
from anabranch_executors.threads import ThreadExecutor

pytestmark = pytest.mark.timeout(300)

N = 12


def outer(n: int) -> Parallelizable[int]:
    yield from range(n)


def inner(outer: int) -> Parallelizable[int]:
    return list(range(outer % 7))


@retry(attempts=3)
@timeout(1.0)
def leaf(inner: int, outer: int) -> int:
    return outer * 100 + inner


@associative
def part(leaf: Collect[int]) -> int:
    return sum(leaf)


@pure
def plain(outer: int, part: int) -> int:
    return part + outer


@associative
def total(plain: Collect[int]) -> int:
    return sum(plain)


def streamed(plain: Stream[int]) -> list[int]:
    return list(plain)


def again(plain: Collect[int]) -> Parallelizable[int]:
    return plain


@timeout(1.0)
def second(again: int, total: int) -> int:
    return again + total


def end(second: Collect[int]) -> list[int]:
    return second


FLOW = module_from_functions(outer, inner, leaf, part, plain, total, streamed, again, second, end)
TASKS = {"inner": "leaf", "outer": "plain", "again": "second"}
"""A death in a task of several functions is told of the task, which has the name of what it starts from."""


@pytest.fixture(scope="module", params=["processes", "threads"])
def executor(request):
    executor = ProcessExecutor(workers=3) if request.param == "processes" else ThreadExecutor(workers=3)
    yield executor
    executor.close()


def drawn(seed, deeds):
    """Faults for a few items: for ever, or for an attempt or two."""
    choose, script = random.Random(seed), {}
    for _ in range(choose.randint(2, 4)):
        node, place = choose.choice(["leaf", "plain", "second"]), (choose.randrange(1, 7),)
        if node == "leaf":
            place = (*place, choose.randrange(place[0]))
        mine = [deed for deed in deeds if node != "plain" or deed not in {"hang", "deaf"}]
        chosen = [choose.choice(mine) for _ in range(choose.randint(1, 2))]
        script[node, place] = chosen[0] if choose.random() < 0.4 else chosen
    return script


def wanted(lost):
    """The answer without what is lost."""
    leaves = {(o, i): o * 100 + i for o in range(N) for i in range(o % 7) if ("leaf", (o, i)) not in lost}
    rows = [o + sum(v for (p, _), v in leaves.items() if p == o) for o in range(N) if ("plain", (o,)) not in lost]
    ends = [row + sum(rows) for number, row in enumerate(rows) if ("second", (number,)) not in lost]
    return {"end": ends, "streamed": rows, "total": sum(rows)}


@pytest.mark.parametrize("seed", range(8))
def test_what_is_lost_is_what_was_struck_and_all_the_rest_is_right(executor, tmp_path, seed):
    deeds = ["raise", "hang", "foreign"]
    if isinstance(executor, ProcessExecutor):
        deeds += ["deaf", "kill", "exit", "oom", "segfault"]
    script = drawn(seed, deeds)
    with Chaos(tmp_path, script) as chaos:
        with chaos.build(Builder().with_modules(FLOW).with_executor(executor)) as driver:
            found = driver.run(["end", "streamed", "total"], {"n": N}, on_error="skip")
        lost = {(TASKS.get(failure.node, failure.node), failure.item) for failure in found.failures}
        assert lost <= set(script), "nothing else failed"
        assert found.results == wanted(lost)
        for place, faults in script.items():
            if isinstance(faults, str):
                assert place in lost
