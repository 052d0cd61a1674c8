"""Steps before and after functions, named and conditional, and functions that work on others."""

import sys

from hamilton import driver
from hamilton.function_modifiers import apply_to, mutate, pipe_input, pipe_output, source, step, value


def _add(number: float, by: float = 1.0) -> float:
    return number + by


def _scale(number: float, factor: float) -> float:
    return number * factor


def _clip(number: float, most: float) -> float:
    return min(number, most)


@pipe_input(
    step(_add),
    step(_scale, factor=source("rate")).named("converted").when(currency="usd"),
    step(_clip, most=value(50.0)).when_not(currency="usd"),
)
def price(raw: float) -> float:
    return raw


@pipe_output(step(_add, by=10.0), step(_scale, factor=2.0).named("doubled"))
def cost(price: float) -> float:
    return price


def orders(raw: float) -> float:
    return raw


def returns(raw: float) -> float:
    return -raw


@mutate(orders, apply_to(returns, by=value(5.0)).named("moved"), by=3.0)
def _moved(number: float, by: float) -> float:
    return number + by


def _run(folder: str) -> dict:
    found = {}
    for currency in ("usd", "eur"):
        dr = driver.Builder().with_modules(sys.modules[__name__]).with_config({"currency": currency}).build()
        names = sorted(node.name for node in dr.list_available_variables() if not node.is_external_input)
        results = dr.execute(["price", "cost", "orders", "returns", "cost.raw"], inputs={"raw": 70.0, "rate": 2.0})
        found[currency] = {"names": names, "results": results}
    return found
