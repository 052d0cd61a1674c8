from __future__ import annotations

import pytest

from anabranch import Builder, FlowError
from anabranch.function_modifiers import Condition, config
from anabranch.markers import marks_of


@pytest.mark.parametrize(
    ("check", "wanted", "given", "holds"),
    [
        ("when", {"a": 1}, {"a": 1}, True),
        ("when", {"a": 1}, {"a": 2}, False),
        ("when", {"a": 1}, {}, False),
        ("when", {"a": None}, {}, True),
        ("when", {"a": 1, "b": 2}, {"a": 1, "b": 3}, False),
        ("when", {"a": 1, "b": 2}, {"a": 1, "b": 2}, True),
        ("when_not", {"a": 1}, {"a": 1}, False),
        ("when_not", {"a": 1}, {"a": 2}, True),
        ("when_not", {"a": 1}, {}, True),
        ("when_in", {"a": [1, 2]}, {"a": 2}, True),
        ("when_in", {"a": [1, 2]}, {"a": 3}, False),
        ("when_in", {"a": [1, 2]}, {}, False),
        ("when_not_in", {"a": [1, 2]}, {"a": 2}, False),
        ("when_not_in", {"a": [1, 2]}, {"a": 3}, True),
    ],
)
def test_conditions(check, wanted, given, holds):
    assert Condition(check, tuple(wanted.items())).holds(given) is holds


@pytest.mark.parametrize("check", ["when", "when_not", "when_in", "when_not_in"])
def test_a_condition_needs_a_key(check):
    with pytest.raises(FlowError, match=rf"@config\.{check} needs at least one config key"):
        getattr(config, check)()


def test_the_node_is_called_what_stands_before_the_double_underscore():
    @config.when(region="eu")
    def price__eu(): ...

    @config.when(region="us", name="cost")
    def price__us(): ...

    @config.when(a=1)
    @config.when(b=2, name="inner")
    def both__ab(): ...

    assert marks_of(price__eu)["name"] == "price"
    assert marks_of(price__us)["name"] == "cost"
    assert marks_of(both__ab)["name"] == "inner"
    assert price__eu.__name__ == "price__eu"


ALTERNATIVES = """
@config.when(region="eu")
def rate__eu() -> int: return 20

@config.when_not_in(region=["eu", "uk"])
def rate__other() -> int: return 10

@config.when(region="uk")
@config.when(year=2024)
def rate__uk() -> int: return 25

def price(rate: int, region: str) -> str:
    return f"{region}: {rate}"
"""


@pytest.mark.parametrize(
    ("given", "price"), [({"region": "eu"}, "eu: 20"), ({"region": "us"}, "us: 10"), ({"region": "uk", "year": 2024}, "uk: 25")]
)
def test_the_config_chooses_and_is_visible_as_input(flow, given, price):
    driver = Builder().with_modules(flow(ALTERNATIVES)).with_config(given).build()
    assert driver.execute(["price"]) == {"price": price}


def test_if_no_alternative_is_let_in_the_name_is_an_input(flow):
    driver = Builder().with_modules(flow(ALTERNATIVES)).with_config({"region": "uk"}).build()
    assert "rate" not in driver.graph.nodes
    assert driver.execute(["price"], {"rate": 7}) == {"price": "uk: 7"}


def test_an_excluded_function_is_no_node_and_still_a_function(flow):
    module = flow(
        """
        @exclude
        def helper(x: int) -> int: return x + 1

        @hamilton_exclude
        def other(x: int) -> int: return x + 1

        def answer(x: int) -> int: return helper(x) * other(x)
        """
    )
    driver = Builder().with_modules(module).build()
    assert sorted(driver.graph.nodes) == ["answer"]
    assert driver.execute(["answer"], {"x": 1}) == {"answer": 4}
    assert module.helper(1) == 2
