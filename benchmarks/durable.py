"""The cache, in a flow and as a library.

In a flow, what it costs to compute and store the results of no-ops, or to find them all, beside pipefunc's run folder and
Hamilton's cache. As a library, what it costs to look results up, to compute and to store them, by spans of items; beside it
stands what a person would write: a table in SQLite with a row for each pickled result, looked up and written in groups, which
seals nothing, takes any equal argument for the same, and knows nothing of code. And `joblib.Memory`, which stores one result
at a time.
"""

from __future__ import annotations

import hashlib
import pickle
import sqlite3
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

from anabranch import Builder
from anabranch.store import Recipe, Settings, Store, open_store
from anabranch.versions import Versions, keys_of
from benchmarks.flows import fans
from benchmarks.measure import OURS, Bench, Target, Workload

__all__ = ["WORKLOADS"]

SPAN = 2_000


def step(x: int) -> int:
    return x + 1


def cold(bench: Bench) -> None:
    count = bench.size(100_000, 4_000)
    bench.add(OURS, count, lambda: in_new(lambda folder: ours(folder, count)))
    bench.add("by hand", count, lambda: in_new(lambda folder: by_hand(folder, count)), "rows in SQLite")
    if bench.has("joblib"):
        few = count // 100
        bench.add("joblib", few, lambda: in_new(lambda folder: with_joblib(folder, few)), "Memory")


def warm(bench: Bench) -> None:
    count = bench.size(100_000, 4_000)
    folder = bench.stack.enter_context(tempfile.TemporaryDirectory())
    ours(folder, count)
    by_hand(folder, count)
    bench.add(OURS, count, lambda: ours(folder, count))
    bench.add("by hand", count, lambda: by_hand(folder, count), "rows in SQLite")
    if bench.has("joblib"):
        few = count // 100
        with_joblib(folder, few)
        bench.add("joblib", few, lambda: with_joblib(folder, few), "Memory")


def in_new(run: Callable[[str], None]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        run(folder)


def ours(folder: str, count: int) -> None:
    with closing(open_store(Settings(f"{folder}/ours", key=b"k" * 32))) as store:
        versions = Versions()
        recipe = Recipe("step", versions.of_code(step).digest)
        total = 0
        for span in spans(count):
            total += sum(results(store, versions, recipe, span))
        assert total == count * (count + 1) // 2


def results(store: Store, versions: Versions, recipe: Recipe, span: range) -> list[int]:
    """What a rebuilder does with a span: keys, one look, what is missing, one write."""
    arguments = versions.of_all(span)
    keys = keys_of(recipe.code, ["x"], ((version,) for version in arguments))
    entries = store.get_many(recipe, keys)
    missing = [n for n, entry in enumerate(entries) if entry is None]
    if not missing:
        return [store.load(entry) for entry in entries]
    with store.claim([keys[n] for n in missing]) as claim:
        made = [step(span[n]) for n in missing]
        store.put_many(recipe, [keys[n] for n in missing], versions.of_all(made), made, claim=claim)
    return made


def by_hand(folder: str, count: int) -> None:
    with closing(sqlite3.connect(f"{folder}/hand.db", isolation_level=None)) as index:
        index.executescript("PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL")
        index.execute("CREATE TABLE IF NOT EXISTS found (key BLOB PRIMARY KEY, value BLOB)")
        total = 0
        for span in spans(count):
            keys = [hashlib.sha256(b"step" + pickle.dumps(x)).digest() for x in span]
            found = {}
            for key in keys:
                row = index.execute("SELECT value FROM found WHERE key = ?", (key,)).fetchone()
                if row is not None:
                    found[key] = pickle.loads(row[0])
            made = [(key, step(x)) for key, x in zip(keys, span, strict=True) if key not in found]
            if made:
                index.execute("BEGIN IMMEDIATE")
                index.executemany("INSERT INTO found VALUES (?, ?)", [(key, pickle.dumps(value)) for key, value in made])
                index.execute("COMMIT")
            total += sum(found.values()) + sum(value for _, value in made)
        assert total == count * (count + 1) // 2


def with_joblib(folder: str, count: int) -> None:
    from joblib import Memory

    cached = Memory(Path(folder, "joblib"), verbose=0).cache(step)
    assert sum(cached(x) for x in range(count)) == count * (count + 1) // 2


def spans(count: int) -> Iterator[range]:
    for start in range(0, count, SPAN):
        yield range(start, min(start + SPAN, count))


def flow_cold(bench: Bench) -> None:
    for name, count, run in kept(bench):
        bench.add(name, count, lambda run=run: in_new(lambda folder: run(folder, False)), NOTES.get(name, ""))


def flow_warm(bench: Bench) -> None:
    for name, count, run in kept(bench):
        folder = bench.stack.enter_context(tempfile.TemporaryDirectory())
        try:
            run(folder, False)
        except Exception as error:  # reported again, and counted, when it is measured
            print(f"{name}: {type(error).__name__}: {error}", file=sys.stderr)
        bench.add(name, count, lambda run=run, folder=folder: run(folder, True), NOTES.get(name, ""))


NOTES = {"pipefunc": "run folder", "hamilton": "cache"}


def kept(bench: Bench) -> Iterator[tuple[str, int, Callable[[str, bool], object]]]:
    """Each contender, how many items it gets, and how it runs a flow whose results are kept in a folder."""
    count = bench.size(20_000, 500)
    yield OURS, count, lambda folder, again: flow_of_ours(folder, count)
    if bench.has("pipefunc"):
        yield "pipefunc", count // 20, lambda folder, again: flow_of_pipefunc(folder, count // 20, again=again)
    if bench.has("hamilton"):
        yield "hamilton", count // 100, lambda folder, again: flow_of_hamilton(folder, count // 100)


def flow_of_ours(folder: str, count: int) -> None:
    with Builder().with_modules(fans).with_cache(folder).build() as driver:
        assert driver.execute(["total"], {"count": count}) == {"total": count}


def flow_of_pipefunc(folder: str, count: int, *, again: bool) -> None:
    from pipefunc import PipeFunc, Pipeline

    mapped = PipeFunc(fans.step, "found", mapspec="item[i] -> found[i]")
    options = {"storage": "file_array", "parallel": False, "show_progress": False, "resume": again}
    found = Pipeline([mapped]).map({"item": list(range(count))}, run_folder=f"{folder}/run", **options)
    assert len(found["found"].output) == count


def flow_of_hamilton(folder: str, count: int) -> None:
    from hamilton.driver import Builder as HamiltonBuilder
    from hamilton.execution.executors import SynchronousLocalTaskExecutor

    from benchmarks.flows import kept_by_hamilton

    builder = HamiltonBuilder().enable_dynamic_execution(allow_experimental_mode=True).with_modules(kept_by_hamilton)
    driver = builder.with_remote_executor(SynchronousLocalTaskExecutor()).with_cache(path=folder).build()
    assert driver.execute(["total"], inputs={"count": count}) == {"total": count}


WORKLOADS = (
    Workload(
        "flow-cold",
        "a flow whose results are kept, no-ops, all computed and stored, 20,000 items",
        flow_cold,
        (Target(1, "pipefunc"), Target(1, "hamilton")),
        rounds=3,
    ),
    Workload("flow-warm", "the same, all found", flow_warm, (Target(1, "pipefunc"), Target(1, "hamilton")), rounds=3),
    Workload("cache-cold", "cache, no-ops, all computed and stored, 10⁵ items", cold, (Target(1, "by hand"),)),
    Workload("cache-warm", "the same, all found and loaded", warm, (Target(1, "by hand"),)),
)
