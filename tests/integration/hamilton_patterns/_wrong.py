"""What Hamilton 1.90 gets wrong: each function gives a value, or raises, under Hamilton something else than it should."""

import sys
from types import ModuleType
from typing import Any, List

from hamilton import ad_hoc_utils, driver
from hamilton.execution.executors import SynchronousLocalTaskExecutor
from hamilton.function_modifiers import model
from hamilton.htypes import Collect, Parallelizable
from hamilton.models import BaseModel


def _driver(*functions: Any, **config: Any) -> driver.Driver:
    module: ModuleType = ad_hoc_utils.create_temporary_module(*functions)
    builder = driver.Builder().with_modules(module).with_config(config)
    builder = builder.enable_dynamic_execution(allow_experimental_mode=True)
    return builder.with_remote_executor(SynchronousLocalTaskExecutor()).build()


def number(limit: int) -> Parallelizable[int]:
    yield from range(limit)


def square(number: int) -> int:
    return number * number


def total(square: Collect[int]) -> int:
    return sum(square)


def overridden_inside() -> Any:
    """A function inside of a fan-out is overridden: the value holds for every item."""
    return _driver(number, square, total).execute(["total"], overrides={"square": 10}, inputs={"limit": 3})


def straight_into_collect() -> Any:
    """What opens a fan-out is collected at once."""

    def numbers(number: Collect[int]) -> List[int]:
        return list(number)

    return _driver(number, numbers).execute(["numbers"], inputs={"limit": 3})


def collected_twice() -> Any:
    """Two functions collect the same items."""

    def largest(square: Collect[int]) -> int:
        return max(square)

    def both(total: int, largest: int) -> int:
        return total + largest

    return _driver(number, square, total, largest, both).execute(["both"], inputs={"limit": 4})


def nested() -> Any:
    """A fan-out inside of a fan-out."""

    def inner(number: int) -> Parallelizable[int]:
        yield from range(number)

    def inner_sum(inner: Collect[int]) -> int:
        return sum(inner)

    def sums(inner_sum: Collect[int]) -> List[int]:
        return list(inner_sum)

    return _driver(number, inner, inner_sum, sums).execute(["sums"], inputs={"limit": 4})


def asked_inside() -> Any:
    """A function inside of a fan-out is an output."""
    return _driver(number, square, total).execute(["square"], inputs={"limit": 3})


def second_pass() -> Any:
    """An aggregate is fed back to the items that it was made of."""

    def share(square: int, total: int) -> float:
        return square / total

    def shares(share: Collect[float]) -> List[float]:
        return list(share)

    return _driver(number, square, total, share, shares).execute(["shares"], inputs={"limit": 3})


class Weighted(BaseModel):
    def get_dependents(self) -> list:
        return list(self.config_parameters)

    def predict(self, **inputs: float) -> float:
        return sum(inputs[name] * weight for name, weight in self.config_parameters.items())


def of_a_model() -> Any:
    """A node that a class and a config make."""

    @model(Weighted, "weights")
    def score() -> float: ...

    return _driver(score, weights={"a": 2.0, "b": 3.0}).execute(["score"], inputs={"a": 1.0, "b": 10.0})


CASES = (overridden_inside, straight_into_collect, collected_twice, nested, asked_inside, second_pass, of_a_model)


def main() -> None:
    import json

    found = {}
    for case in CASES:
        if len(sys.argv) > 1 and case.__name__ not in sys.argv[1:]:
            continue
        try:
            found[case.__name__] = case()
        except Exception as error:
            found[case.__name__] = type(error).__name__
    print(json.dumps(found, default=str))


if __name__ == "__main__":
    main()
