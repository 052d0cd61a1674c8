"""An experiment: three ways to forecast, a setting or two for each, all judged in the same way, and none computed twice.

    python examples/experiment.py runs            # the second time, everything is found in the cache

A configuration chooses among alternatives of one function (`@config.when`) and gives settings; each is a driver of its own, and
a run of it is a line in the table: what was configured, which version of the code it was, how well it went. The series and its
folds do not depend on the configuration, so they are computed once for all (`with_cache`). Folds are a fan-out.
"""

import argparse
import csv
import math
import random
from collections.abc import Iterator
from pathlib import Path
from statistics import fmean
from typing import Any, NamedTuple

from anabranch import Builder, Collect, Parallelizable
from anabranch.function_modifiers import config, exclude

CONFIGS: list[dict[str, Any]] = [
    {"model": "last"},
    {"model": "mean", "window": 3},
    {"model": "mean", "window": 12},
    {"model": "season", "period": 12},
    {"model": "season", "period": 10},
]


class Fold(NamedTuple):
    past: list[float]
    future: list[float]


def series(months: int = 120) -> list[float]:
    """Sales by month: a season of twelve months, a trend, and chance."""
    chance = random.Random(0)  # noqa: S311
    return [50 + 0.2 * n + 20 * math.sin(math.pi * n / 6) + chance.gauss(0, 3) for n in range(months)]


def fold(series: list[float], folds: int = 6, horizon: int = 6) -> Parallelizable[Fold]:
    """The series cut at several months: what was known then, and what came."""
    for n in range(folds, 0, -1):
        cut = len(series) - n * horizon
        yield Fold(series[:cut], series[cut : cut + horizon])


@config.when(model="last")
def forecast__last(fold: Fold) -> list[float]:
    """As last month."""
    return [fold.past[-1]] * len(fold.future)


@config.when(model="mean")
def forecast__mean(fold: Fold, window: int) -> list[float]:
    """As the mean of some months."""
    return [fmean(fold.past[-window:])] * len(fold.future)


@config.when(model="season")
def forecast__season(fold: Fold, period: int) -> list[float]:
    """As a season ago."""
    return [fold.past[n - period] for n in range(len(fold.future))]


def error(fold: Fold, forecast: list[float]) -> float:
    """The mean absolute error of one fold."""
    return fmean(abs(came - said) for came, said in zip(fold.future, forecast, strict=True))


def score(error: Collect[float]) -> float:
    return round(fmean(error), 3)


def worst_fold(error: Collect[float]) -> int:
    return max(range(len(error)), key=error.__getitem__)


@exclude
def table(configs: list[dict[str, Any]], folder: Path, executor: str = "sequential") -> Iterator[dict[str, Any]]:
    """One row for each configuration."""
    import experiment  # this module, by the name under which workers can import it

    builder = Builder().with_modules(experiment).with_executor(executor).with_cache(folder / "cache", default=True)
    for number, chosen in enumerate(configs):
        with builder.with_config(chosen).build() as driver:
            run = driver.run(["score", "worst_fold"])
            driver.export(folder / f"{number}.json")
            about = {"config": " ".join(f"{name}={value}" for name, value in chosen.items())}
            yield {**about, **run.results, "code": driver.lineage.upstream("score").version[:12], "run_id": run.run_id}


@exclude
def main() -> None:
    parser = argparse.ArgumentParser(description="Compares ways to forecast.")
    parser.add_argument("folder", type=Path)
    parser.add_argument("-x", "--executor", default="sequential")
    given = parser.parse_args()
    given.folder.mkdir(parents=True, exist_ok=True)
    rows = sorted(table(CONFIGS, given.folder, given.executor), key=lambda row: row["score"])
    with open(given.folder / "table.csv", "w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    for row in rows:
        print(f"{row['score']:8.3f}  {row['config']}")


if __name__ == "__main__":
    main()
