"""``python -m benchmarks [--smoke] [--json FILE]``: measures the engine against what it cannot beat.

The table gives µs per item for anabranch and for the limit, and the ratio of the two: its median over the rounds, with the
least and the greatest.
"""

from __future__ import annotations

import argparse
import json
import platform
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict

from anabranch import Builder, Driver
from benchmarks import flows
from benchmarks.measure import Pair, measure

WORKERS = 2


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--smoke", action="store_true", help="small sizes, two rounds: to see that everything runs")
    parser.add_argument("--json", metavar="FILE", help="write the figures there too")
    options = parser.parse_args()
    rounds, large = (2, 20_000) if options.smoke else (7, 1_000_000)
    print(f"Python {platform.python_version()}, {platform.machine()}, {WORKERS} workers, {rounds} rounds\n")
    print("| workload | µs/item | against | µs/item | ratio |\n| --- | --- | --- | --- | --- |")
    pairs = []
    for pair in workloads(large, rounds):
        print(pair.row, flush=True)
        pairs.append(pair)
    if options.json:
        with open(options.json, "w", encoding="utf-8") as file:
            json.dump([asdict(pair) | {"ratios": pair.ratios} for pair in pairs], file, indent=1)


def workloads(large: int, rounds: int) -> Iterator[Pair]:
    """Yields each measurement as it is done."""
    build = Builder().with_modules(flows)
    with build.build() as sequential:
        for count in (large // 100, large):
            yield no_op(sequential, "sequential", count, rounds)
        side = int(large**0.5)
        for rows, cells in ((side, side), (4, large // 4), (large // 4, 4)):
            inputs = {"rows": rows, "cells": cells}
            yield measure(
                f"nested {rows} × {cells}, sequential",
                lambda inputs=inputs: sequential.execute(["grand_total"], inputs),
                "loop",
                lambda rows=rows, cells=cells: flows.nested_loop(rows, cells),
                items=rows * cells,
                rounds=rounds,
            )
        calls = large // 20
        yield measure(
            "three nodes, execute()",
            lambda: [sequential.execute(["third"], {"number": n}) for n in range(calls)],
            "three calls",
            lambda: [flows.chain(n) for n in range(calls)],
            items=calls,
            rounds=rounds,
        )
    for name in ("threads", "processes"):
        with build.with_executor(name, workers=WORKERS).build() as driver:
            yield no_op(driver, name, large, rounds)
    with build.with_executor("processes", workers=WORKERS).build() as driver, ProcessPoolExecutor(WORKERS) as pool:
        yield measure(
            f"no-op × {large}, processes",
            lambda: driver.execute(["total"], {"count": large}),
            "ProcessPoolExecutor.map, chunks of 10,000",
            lambda: flows.total(list(pool.map(flows.step, flows.item(large), chunksize=10_000))),
            items=large,
            rounds=rounds,
        )
    yield measure("import anabranch", lambda: run("import anabranch"), "bare start", lambda: run(""), items=1, rounds=rounds)


def no_op(driver: Driver, name: str, count: int, rounds: int) -> Pair:
    return measure(
        f"no-op × {count}, {name}",
        lambda: driver.execute(["total"], {"count": count}),
        "loop",
        lambda: flows.flat_loop(count),
        items=count,
        rounds=rounds,
    )


def run(code: str) -> None:
    subprocess.run([sys.executable, "-c", code], check=True)


if __name__ == "__main__":
    main()
