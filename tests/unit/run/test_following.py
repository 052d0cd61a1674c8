"""Loops that follow others: what one place has made of some items goes on at another while the rest is still being made."""

from __future__ import annotations

import random
from itertools import pairwise

import pytest
from hand import Hand

from anabranch import Builder, Collect, InputError, Parallelizable, PerItem, module_from_functions, run_on
from anabranch.plan import make_plan
from anabranch.run.fan import Phase
from anabranch.run.rooms import Capacity
from anabranch.run.values import Chunk, Trail

GPU = {"gpu": Capacity(1, 2)}


def x(n: int) -> Parallelizable[int]:
    yield from range(n)


def y(x: int) -> int:
    return x * x


@run_on("gpu")
def z(y: int, x: int) -> int:
    return y + x


def v(z: int) -> int:
    return -z


def total(v: Collect[int]) -> int:
    return sum(v)


def hand(*functions, outputs=("total",), n=12, **more):
    return Hand(*functions, outputs=list(outputs), inputs={"n": n}, places=GPU, **more)


def names(one):
    return sorted((call.code.name, *one.spans()[number]) for number, call in one.out.items())


def fan(one, name):
    return next(fan for fan in one.run.root.fans.values() if fan.task.name == name)


def follows(*functions, outputs):
    """The lists that loops read while they are being made, by loop."""
    flow = Builder().with_modules(module_from_functions(*functions))
    graph = flow.with_executors(gpu="sequential").build().graph
    root = make_plan(graph, list(outputs), ("n",)).root
    return {task.name: {value.name for value in values} for task, values in zip(root.tasks, root.follows, strict=True) if values}


# -- the plan ------------------------------------------------------------------------------------------------------


def test_a_loop_at_another_place_follows():
    assert follows(x, y, z, v, total, outputs=["total"]) == {"x, pass 2": {"x", "y"}, "x, pass 3": {"z"}}


def test_what_waits_for_a_whole_list_does_not_follow_what_that_is_made_of():
    def sum_of(y: Collect[int]) -> int:
        return sum(y)

    def share(y: int, sum_of: int) -> float:
        return y / sum_of

    @run_on("gpu")
    def more(share: float, y: int) -> float:
        return share + y

    assert follows(x, y, sum_of, share, outputs=["share"]) == {}
    assert follows(x, y, sum_of, share, more, outputs=["more"]) == {"x, pass 3": {"share", "y"}}

    @run_on("gpu")
    def both(y: int, sum_of: int, z: int) -> int:
        return y + sum_of + z

    def apart(sum_of: int) -> int:
        return sum_of

    @run_on("gpu")
    def other(y: int, n: int) -> int:
        return y + n

    assert "y" not in follows(x, y, z, sum_of, both, outputs=["both"]).get("x, pass 2", ())
    assert follows(x, y, sum_of, other, apart, outputs=["other", "apart"]) == {"x, pass 2": {"y"}}


# -- the run -------------------------------------------------------------------------------------------------------


def test_it_begins_with_the_first_span_of_the_other():
    one = hand(x, y, z, v, total)
    assert {name for name, *_ in names(one)} == {"x"}
    one.back(one.at(0, "x"))
    assert ("x, pass 2", 0, 1) in names(one)
    assert fan(one, "x").phase is Phase.OPEN
    assert one.to_the_end().results() == {"total": -sum(n * n + n for n in range(12))}


def test_only_what_is_there_without_a_gap_goes_on():
    one = hand(x, y, z, v, total)
    one.back(one.at(1, "x"))
    assert all(name == "x" for name, *_ in names(one))
    one.back(one.at(0, "x"))
    assert {("x, pass 2", 0, 1), ("x, pass 2", 1, 2)} < set(names(one))


def test_what_has_gone_through_is_dropped():
    one = hand(x, y, z, v, total, n=200)
    trail = fan(one, "x, pass 2").trails[next(value for value in fan(one, "x, pass 2").trails if value.name == "y")]
    most = 0
    while not one.run.stopped:
        passing = [call for call in one.out.values() if call.code.name != "x"]
        one.back(passing[0] if passing else None)
        most = max(most, sum(chunk.hi - chunk.lo for chunk in trail.chunks))
    assert one.results() == {"total": -sum(n * n + n for n in range(200))}
    assert trail.start == 200
    assert most < 100


def test_what_is_an_output_is_kept():
    one = hand(x, y, z, v, total, outputs=("total", "y", "x", "z"))
    expected = {"total": -sum(n * n + n for n in range(12)), "y": [n * n for n in range(12)], "x": list(range(12))}
    assert one.to_the_end().results() == {**expected, "z": [n * n + n for n in range(12)]}


def test_spans_of_it_that_are_lost_find_their_items_again():
    one = hand(x, y, z, v, total)
    for lo in range(2):
        one.back(one.at(lo, "x"))
    one.lose(one.at(0, "x, pass 2"))
    assert one.to_the_end().results() == {"total": -sum(n * n + n for n in range(12))}


def test_a_generator_that_fails_on_its_way_ends_both():
    def breaking(n: int) -> Parallelizable[int]:
        yield 0
        yield 1
        raise ValueError("broken")

    def first(breaking: int) -> int:
        return breaking

    @run_on("gpu")
    def second(first: int) -> int:
        return first

    def whole(second: Collect[int]) -> list[int]:
        return second

    one = hand(breaking, first, second, whole, outputs=("whole",), on_error="finish")
    one.to_the_end()
    assert [(failure.node, failure.item) for failure in one.run.failures] == [("breaking", ())]


def test_an_item_that_fails_at_one_place_is_missing_at_the_other():
    def half(x: int) -> int:
        if x % 2:
            raise ValueError(x)
        return x

    @run_on("gpu")
    def again(half: int) -> int:
        return half + 1

    def whole(again: Collect[int]) -> list[int]:
        return again

    one = hand(x, half, again, whole, outputs=("whole",), on_error="skip")
    assert one.to_the_end().results() == {"whole": [n + 1 for n in range(0, 12, 2)]}


def test_no_items():
    assert hand(x, y, z, v, total, n=0).to_the_end().results() == {"total": 0}


def test_a_list_given_by_position_is_too_short_or_too_long():
    """What is read by position may be an override; the list that is being made is as long as its source."""

    @run_on("gpu")
    def read(y: int, given: int) -> int:
        return y + given

    def given(x: int) -> int:
        return x

    def whole(read: Collect[int]) -> list[int]:
        return read

    for length in (3, 20):
        one = hand(x, y, given, read, whole, outputs=("whole",), overrides={"given": PerItem(list(range(length)))})
        with pytest.raises(InputError, match="equally many"):
            one.to_the_end().results()


def test_items_that_are_opened_follow_too():
    def w(y: int) -> Parallelizable[int]:
        return range(y)

    @run_on("gpu")
    def leaf(w: int, x: int) -> int:
        return w + x

    @run_on("gpu")
    def per(leaf: Collect[int]) -> int:
        return sum(leaf)

    def grand(per: Collect[int]) -> int:
        return sum(per)

    one = hand(x, y, w, leaf, per, grand, outputs=("grand",), n=6)
    assert one.to_the_end().results() == {"grand": sum(sum(w + x for w in range(x * x)) for x in range(6))}


@pytest.mark.parametrize("seed", range(60))
def test_in_any_order_with_any_losses(seed):
    draw = random.Random(seed)
    functions = [x, y, z, v, total]
    wanted = draw.sample(["total", "y", "x", "z", "v"], draw.randint(1, 4))
    n = draw.randint(0, 60)
    one = hand(*functions, outputs=wanted, n=n, slots=draw.randint(1, 4), credit=draw.randint(4, 8))
    while not one.run.stopped:
        if not one.out:
            one.wake(0)
            continue
        call = draw.choice(list(one.out.values()))
        if draw.random() < 0.1:
            one.lose(call, charged=False)
        else:
            one.back(call, seconds=draw.choice([1e-6, 1e-3, 0.1]))
    ys = [k * k for k in range(n)]
    zs = [k * k + k for k in range(n)]
    expected = {"total": -sum(zs), "y": ys, "x": list(range(n)), "z": zs, "v": [-k for k in zs]}
    assert one.results() == {name: expected[name] for name in wanted}


# -- the list ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(20))
def test_a_trail_is_the_list_in_any_order_of_its_parts(seed):
    draw = random.Random(seed)
    bounds = sorted({0, 100, *draw.choices(range(1, 100), k=20)})
    parts = [Chunk(lo, hi, list(range(lo, hi))) for lo, hi in pairwise(bounds)]
    draw.shuffle(parts)
    trail, there = Trail(keeps=draw.random() < 0.5), set()
    trail.read_by(1)
    for part in parts:
        trail.add(part)
        there.update(range(part.lo, part.hi))
        assert trail.length == next((n for n in range(100) if n not in there), 100)
    lo, hi = sorted(draw.choices(range(101), k=2))
    assert [value for chunk in trail.between(lo, hi) for value in chunk.handle] == list(range(lo, hi))
    trail.passed(1, 50, 100)
    assert trail.start == 0
    trail.passed(1, 0, 50)
    assert trail.start == (0 if trail.keeps else 100)
    assert bool(trail.chunks) is trail.keeps
