"""A plan made of a shape is the plan that the shape was taken of, as far as scheduling goes."""

from __future__ import annotations

import json

import pytest

from anabranch import Builder, Collect, InputError, Parallelizable, PerItem, Stream, associative, cross, module_from_functions
from anabranch.events import FanFinished, SpanFinished
from anabranch.plan import FanTask
from anabranch.see.shape import plan_of_shape, shape_of


def x(n: int) -> Parallelizable[int]:
    yield from range(n)


def w(x: int) -> Parallelizable[int]:
    yield from range(x)


def leaf(w: int, x: int) -> int:
    return w * x


def per(leaf: Collect[int]) -> int:
    return sum(leaf)


def mean(per: Collect[int]) -> float:
    return sum(per) / max(len(per), 1)


def above(per: int, mean: float) -> bool:
    return per > mean


def large(above: Collect[bool]) -> int:
    return sum(above)


@associative
def greatest(per: Collect[int]) -> int:
    return max(per, default=0)


def streamed(per: Stream[int]) -> int:
    return sum(per)


def y(m: int) -> Parallelizable[int]:
    yield from range(m)


@cross
def pair(x: int, y: int) -> int:
    return x * y


def pairs(pair: Collect[Collect[int]]) -> int:
    return len(pair)


FLOW = module_from_functions(x, w, leaf, per, mean, above, large, greatest, streamed, y, pair, pairs)


def tasks(frame):
    """All that scheduling goes by, as text."""
    found = []
    for task, needs in zip(frame.tasks, frame.needs, strict=True):
        said = [type(task).__name__, task.name, str(needs), str(getattr(task, "outputs", getattr(task, "columns", "")))]
        if isinstance(task, FanTask):
            said += [str(task.captured), str(task.awaited), str(task.merge_sources), str(task.items)]
            said += tasks(task.inner) if task.nested else []
        found += said
    return found


@pytest.mark.parametrize("outputs", [["large"], ["greatest", "mean"], ["streamed", "per"], ["pairs"], ["leaf", "x"], ["n"]])
@pytest.mark.parametrize("overrides", [{}, {"per": PerItem([1, 2])}, {"x": [1, 2]}])
def test_the_plan_comes_back(outputs, overrides):
    if "per" in overrides and outputs == ["pairs"]:
        overrides = {}
    with Builder().with_modules(FLOW).build() as driver:
        plan = driver.plan(outputs, ["n", "m"], overrides)
    again = plan_of_shape(json.loads(json.dumps(shape_of(plan))))
    assert tasks(again.root) == tasks(plan.root)
    assert list(again.outputs) == outputs
    assert shape_of(again) == shape_of(plan)


@pytest.mark.parametrize("shape", [{}, {"outputs": ["x"]}, {"outputs": ["x"], "vertices": [["x", "NONE", [], "x", False, []]]}, []])
def test_what_is_no_shape_says_so(shape):
    with pytest.raises(InputError, match="no shape of a run"):
        plan_of_shape(shape)


def test_no_plan_has_no_shape():
    assert shape_of(None) == {}


@pytest.mark.parametrize("executor", ["sequential", "threads"])
def test_events_say_how_many_inner_items_there_were(executor):
    seen = []
    with Builder().with_modules(FLOW).with_executor(executor).with_adapters(seen.append).build() as driver:
        assert driver.execute(["greatest"], inputs={"n": 40}) == {"greatest": sum(w * 39 for w in range(39))}
    looped = sum(items for event in seen if isinstance(event, SpanFinished) for axis, items in event.inner if axis == "w")
    opened = [event for event in seen if isinstance(event, FanFinished) and event.axis == "w"]
    assert looped + sum(event.length for event in opened) == sum(range(40))
