"""Functions that the config chooses, one body for several names, and decorators that the config decides."""

import sys
from functools import partial

from hamilton import driver
from hamilton.function_modifiers import (
    ResolveAt,
    config,
    does,
    hamilton_exclude,
    parameterize,
    parameterize_sources,
    parameterize_values,
    resolve,
    source,
    value,
)


@config.when(region="eu")
def tax__eu(price: float) -> float:
    return price * 0.25


@config.when_not(region="eu")
def tax__elsewhere(price: float) -> float:
    return price * 0.125


@config.when_in(season=["winter", "autumn"])
def heating__cold(price: float) -> float:
    return price / 10


@config.when_not_in(season=["winter", "autumn"])
def heating__warm() -> float:
    return 0.0


def _sum(**parts: float) -> float:
    return sum(parts.values())


@does(_sum)
def total(price: float, tax: float, heating: float) -> float: ...


@parameterize(double={"by": value(2)}, squared={"by": source("price")})
def scaled(price: float, by: float) -> float:
    """The price times {by}."""
    return price * by


@parameterize_sources(gross={"part": "tax"}, warm={"part": "heating"})
def with_part(price: float, part: float) -> float:
    return price + part


@parameterize_values(parameter="share", assigned_output={("half", "One half."): 0.5, ("third", "One third."): 1 / 3})
def of_total(total: float, share: float) -> float:
    return total * share


@resolve(
    when=ResolveAt.CONFIG_AVAILABLE,
    decorate_with=lambda regions: parameterize(**{f"tax_{name}": {"rate": value(rate)} for name, rate in regions.items()}),
)
def regional(price: float, rate: float) -> float:
    return price * rate


@hamilton_exclude
def helper(number: float) -> float:
    return number


def _built(**more: object) -> driver.Driver:
    settings = {"regions": {"fr": 0.5, "de": 0.25}, "hamilton.enable_power_user_mode": True, **more}
    return driver.Builder().with_modules(sys.modules[__name__]).with_config(settings).build()


def _run(folder: str) -> dict:
    asked = ["total", "double", "squared", "gross", "warm", "half", "third", "tax_fr", "tax_de"]
    execute = partial(_built(region="eu", season="winter").execute, asked)
    elsewhere = _built(region="us", season="summer")
    nodes = {node.name: node for node in elsewhere.list_available_variables()}
    return {
        "eu": execute(inputs={"price": 80.0}),
        "us": elsewhere.execute(asked, inputs={"price": 80.0, "unused": 1}),
        "documentation": [nodes[name].documentation for name in ("double", "squared", "half")],
        "helper": "helper" in nodes,
    }
