"""Functions whose body is elsewhere."""

from __future__ import annotations

import pytest

from anabranch import Collect, FlowError, Parallelizable
from anabranch.function_modifiers import (
    BaseModel,
    DynamicTransformBase,
    does,
    dynamic_transform,
    inject,
    model,
    parameterize,
    source,
    value,
)
from anabranch.graph.functions import nodes_of


def _total(**parts: int) -> int:
    return sum(parts.values())


def _scaled(amount: int, by: int = 3) -> int:
    return amount * by


def _joined(them: list[int], **rest: int) -> tuple:
    return (them, rest)


def test_another_function_is_called_with_the_same_names(family, run):
    @does(_total)
    def both(a: int, b: int) -> int:
        """Its text."""

    assert family(both) == {"both": (["a", "b"], "int")}
    assert nodes_of("both", both, {})[0].doc == "Its text."
    assert run(both, outputs=["both"], a=1, b=2) == 3


def test_names_are_mapped_and_defaults_are_the_decorated_functions(run):
    @does(_scaled, amount="price")
    def triple(price: int) -> int: ...

    @does(_scaled, amount="price", by="factor")
    def five(price: int, factor: int = 5) -> int: ...

    @does(_joined, them=["a", "b"])
    def joined(a: int, b: int, c: int = 30) -> tuple: ...

    flow = (triple, five, joined)
    assert run(*flow, outputs=["triple", "five", "joined"], price=2, a=1, b=2) == {
        "triple": 6,
        "five": 10,
        "joined": ([1, 2], {"c": 30}),
    }
    assert run(*flow, outputs=["five", "joined"], price=2, factor=1, a=1, b=2, c=3) == {"five": 2, "joined": ([1, 2], {"c": 3})}


def test_it_goes_with_other_sources_for_the_parameters(run):
    @parameterize(x={"b": value(10)}, y={"b": source("x")})
    @does(_total)
    def f(a: int, b: int) -> int: ...

    @inject(amount=value(4))
    @does(_scaled, by="k")
    def g(amount: int, k: int) -> int: ...

    assert run(f, g, outputs=["x", "y", "g"], a=1, k=2) == {"x": 11, "y": 12, "g": 8}


def test_in_a_fan_out(run):
    def item(n: int) -> Parallelizable[int]:
        return range(n)

    def added(numbers: list[int]) -> int:
        return sum(numbers)

    @does(_total)
    def f(item: int, n: int) -> int: ...

    @does(added, numbers="f")
    def total(f: Collect[int]) -> int: ...

    assert run(item, f, total, outputs=["total"], n=3) == 12


def test_what_the_other_function_does_not_take():
    def f(a: int, b: int) -> int: ...

    def positional(a, /, b): ...

    cases = [
        (does(_scaled), r"@does on 'f' \(.*\): '_scaled' \(.*\) takes no parameter 'a' by name; map it: a='…'"),
        (does(_scaled, amount="c"), "there is no parameter 'c'; there are 'a', 'b'"),
        (does(_scaled, amount="a"), "takes no parameter 'b' by name"),
        (does(_joined), "'_joined' .* needs 'them'; map it: them='…'"),
        (does(positional), "takes no parameter 'a' by name"),
        (does(sum), "'sum' .* takes no parameter 'a' by name"),
    ]
    for decorator, message in cases:
        with pytest.raises(FlowError, match=message):
            decorator(f)
    with pytest.raises(FlowError, match="@does takes a function, not a value of type int"):
        does(3)


class Weighted(BaseModel):
    def __init__(self, config_parameters, name, extra=0):
        super().__init__(config_parameters, name)
        self.extra = extra

    def get_dependents(self):
        return list(self.config_parameters)

    def predict(self, **inputs):
        return sum(inputs[name] * weight for name, weight in self.config_parameters.items()) + self.extra


class Named(DynamicTransformBase):
    def get_dependents(self):
        return []

    def compute(self, **inputs):
        return self.name


def test_a_transform_of_the_config(family, run):
    @model(Weighted, "weights", extra=5)
    def prediction() -> int:
        """Its text."""

    @dynamic_transform(Named, "weights")
    def who() -> str: ...

    weights = {"weights": {"a": 2, "b": 3}}
    assert family(prediction, **weights) == {"prediction": (["a", "b"], "int")}
    assert run(prediction, who, outputs=["prediction", "who"], config=weights, a=1, b=10) == {"prediction": 37, "who": "who"}


def test_a_transform_of_each_item(run):
    def a() -> Parallelizable[int]:
        return [1, 2]

    @model(Weighted, "weights")
    def prediction() -> int: ...

    assert run(a, prediction, outputs=["prediction"], config={"weights": {"a": 2}}) == [2, 4]


def test_a_transform_needs_its_config_and_no_parameters(run):
    @model(Weighted, "weights")
    def prediction() -> int: ...

    with pytest.raises(FlowError, match=r"@model on 'prediction' \(.*\): it takes the config's value of 'weights', and there is none"):
        run(prediction, outputs=["prediction"])

    def f(x: int) -> int: ...

    with pytest.raises(FlowError, match="@dynamic_transform on 'f' .*: the function takes parameters"):
        dynamic_transform(Weighted, "weights")(f)
    with pytest.raises(TypeError, match="abstract"):
        DynamicTransformBase(None, "")
