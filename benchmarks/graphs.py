"""Small calls, wide graphs, nested fan-outs, and the start."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
import tempfile
from pathlib import Path
from types import ModuleType

from anabranch import Builder
from benchmarks.flows import chain, fans
from benchmarks.measure import OURS, Bench, Target, Workload

__all__ = ["WORKLOADS"]


def three_nodes(bench: Bench) -> None:
    calls = bench.size(5_000, 100)
    driver = bench.driver("chain")
    bench.add(OURS, calls, lambda: [driver.execute(["third"], {"number": n}) for n in range(calls)])
    bench.add("calls", calls, lambda: [chain.third(one, chain.second(one)) for one in map(chain.first, range(calls))])
    if bench.has("hamilton"):
        from hamilton.driver import Builder as HamiltonBuilder

        theirs, few = HamiltonBuilder().with_modules(chain).build(), calls // 10
        bench.add("hamilton", few, lambda: [theirs.execute(["third"], inputs={"number": n}) for n in range(few)])


def wide(bench: Bench) -> None:
    count = bench.size(5_000, 100)
    module = bench.stack.enter_context(_Independent(count))
    names = [f"node_{number}" for number in range(count)]

    def ours() -> None:
        with Builder().with_modules(module).build() as driver:
            driver.execute(names, {"start": 1})

    bench.add(OURS, count, ours)
    bench.add("calls", count, lambda: {name: getattr(module, name)(1) for name in names})
    if bench.has("hamilton"):
        from hamilton.driver import Builder as HamiltonBuilder

        bench.add("hamilton", count, lambda: HamiltonBuilder().with_modules(module).build().execute(names, inputs={"start": 1}))


class _Independent:
    """A module of functions that need nothing of each other, written to a file, since libraries look at sources."""

    def __init__(self, count: int) -> None:
        self._text = "\n\n".join(f"def node_{n}(start: int) -> int:\n    return start + {n}" for n in range(count))
        self._folder = tempfile.TemporaryDirectory()

    def __enter__(self) -> ModuleType:
        path = Path(self._folder.name) / "independent_nodes.py"
        path.write_text(self._text, encoding="utf-8")
        spec = importlib.util.spec_from_file_location(path.stem, path)
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        sys.modules[path.stem] = module
        spec.loader.exec_module(module)
        return module

    def __exit__(self, *exception: object) -> None:
        sys.modules.pop("independent_nodes", None)
        self._folder.cleanup()


def nested(executor: str, rows: int, cells: int) -> Workload:
    """A nested no-op fan-out against a flat one of as many items."""

    def set_up(bench: Bench) -> None:
        wide, narrow = (max(4, n // bench.size(1, 10)) if n > 4 else n for n in (rows, cells))
        count = wide * narrow
        driver = bench.driver("fans", executor)
        bench.add(OURS, count, lambda: driver.execute(["grand_total"], {"rows": wide, "cells": narrow}))
        bench.add("flat", count, lambda: driver.execute(["total"], {"count": count}))
        bench.add("loop", count, lambda: fans.nested_loop(wide, narrow))

    title = f"nested {rows:,} × {cells:,} no-op, `{executor}`"
    return Workload(f"nested-{executor}-{rows}x{cells}", title, set_up, (Target(2, "flat"),), rounds=5)


def starting(bench: Bench) -> None:
    bench.add(OURS, 1, lambda: _python("import anabranch"))
    bench.add("bare start", 1, lambda: _python(""))
    if bench.has("hamilton"):
        bench.add("hamilton", 1, lambda: _python("import hamilton.driver"))


def _python(code: str) -> None:
    subprocess.run([sys.executable, "-c", code], check=True)


WORKLOADS = (
    Workload("three-nodes", "three-node static flow, `execute()`", three_nodes, (Target(1 / 5, "hamilton"),)),
    Workload("wide", "5,000 independent static nodes, build + run", wide, (Target(1 / 3, "hamilton"),), rounds=3),
    nested("sequential", 1_000, 1_000),
    nested("sequential", 4, 250_000),
    nested("sequential", 250_000, 4),
    nested("processes", 1_000, 1_000),
    nested("processes", 4, 250_000),
    nested("processes", 250_000, 4),
    Workload("start", "`import anabranch`, a fresh interpreter", starting, rounds=5),
)
