"""Modules made of text."""

from __future__ import annotations

import inspect
import traceback

import pytest

from anabranch import Builder, Driver, FlowError, module_from_source

TEXT = '''
    """A flow."""
    from __future__ import annotations
    from dataclasses import dataclass
    from math import sqrt
    from anabranch import Collect, Parallelizable

    @dataclass
    class Point:
        x: float
        y: float

    def _hidden() -> int:
        return 1

    def point(n: int) -> Parallelizable[Point]:
        for x in range(n):
            yield Point(x, 2 * x)

    def distance(point: Point) -> float:
        """From the origin."""
        return sqrt(point.x ** 2 + point.y ** 2)

    def furthest(distance: Collect[float]) -> float:
        return max(distance)

    def failing(distance: float) -> float:
        return 1 / distance
'''


@pytest.mark.parametrize("executor", ["sequential", "threads", "processes"])
def test_a_flow_of_text_runs(executor):
    module = module_from_source(TEXT)
    options = {} if executor == "sequential" else {"workers": 2}
    with Builder().with_modules(module).with_executor(executor, **options).build() as driver:
        assert set(driver.graph.nodes) == {"point", "distance", "furthest", "failing"}
        assert driver.execute(["furthest"], {"n": 4})["furthest"] == pytest.approx(45**0.5)
        with pytest.raises(ZeroDivisionError) as caught:
            driver.execute(["failing"], {"n": 4})
    assert "return 1 / distance" in "".join(traceback.format_exception(caught.value))


def test_the_text_can_be_found():
    module = module_from_source(TEXT, "points")
    assert module.__name__ == "points" and module.__doc__ == "A flow."
    assert inspect.getsource(module.distance).startswith("def distance(point: Point) -> float:")
    lineage = Driver({}, module).lineage
    assert "From the origin" in lineage["distance"].source and lineage["distance"].origin.startswith("<points ")
    assert lineage["distance"].version


def test_two_modules_of_one_name_keep_their_text_apart():
    first, second = module_from_source("def a() -> int: return 1"), module_from_source("def a() -> int: return 2")
    assert inspect.getsource(first.a) != inspect.getsource(second.a)
    assert Driver({}, first, second, allow_module_overrides=True).execute(["a"]) == {"a": 2}


def test_functions_are_plain_python():
    module = module_from_source(TEXT)
    assert module.distance(module.Point(3, 4)) == 5


def test_what_is_no_text():
    with pytest.raises(FlowError, match=r"the source of 'flow' is no Python, line 2: "):
        module_from_source("a = 1\ndef a(:\n    pass")
    with pytest.raises(FlowError, match="takes Python as text, not int"):
        module_from_source(3)  # type: ignore[arg-type]
    with pytest.raises(FlowError, match="'a b' is no name for a module"):
        module_from_source("", "a b")
    with pytest.raises(ZeroDivisionError):
        module_from_source("1 / 0")
    with pytest.raises(FlowError, match="two functions are called 'a'"):
        Driver({}, module_from_source("def a() -> int: return 1\ndef a() -> int: return 2"))
