"""How each other library maps a function over items, at its best: warm, and with as few options as its users need.

Every `open` is a context manager that gives a `Map`: ``mapping(function, items, shared=(), chunk=1)`` returns the list of
``function(item, *shared)``. `kind` is ``sequential``, ``threads`` or ``processes``; a library that has no such kind is not
asked for it.
"""

from __future__ import annotations

import importlib.util
import logging
import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any

__all__ = ["PEERS", "WORKERS", "Map", "installed"]

WORKERS = 2

Map = Callable[..., list]


@contextmanager
def futures_map(kind: str, workers: int) -> Iterator[Map]:
    with (ThreadPoolExecutor if kind == "threads" else ProcessPoolExecutor)(workers) as pool:
        yield lambda function, items, shared=(), chunk=1: list(pool.map(_bound(function, shared), items, chunksize=chunk))


@contextmanager
def joblib_map(kind: str, workers: int) -> Iterator[Map]:
    from joblib import Parallel, delayed
    from joblib.externals.loky import get_reusable_executor

    jobs = 1 if kind == "sequential" else workers
    with Parallel(n_jobs=jobs, backend="threading" if kind == "threads" else "loky") as parallel:
        yield lambda function, items, shared=(), **_: parallel(delayed(function)(item, *shared) for item in items)
    if kind == "processes":
        get_reusable_executor().shutdown(wait=True)


@contextmanager
def mpire_map(kind: str, workers: int) -> Iterator[Map]:
    from mpire import WorkerPool

    with WorkerPool(workers, keep_alive=True, start_method="threading" if kind == "threads" else "fork") as pool:

        def mapping(function: Callable, items: Sequence, shared: tuple = (), chunk: int | None = None) -> list:
            options = {"iterable_len": len(items), "chunk_size": chunk, "concatenate_numpy_output": False}
            return pool.map(_bound(function, shared), items, **options)

        yield mapping


@contextmanager
def pipefunc_map(kind: str, workers: int) -> Iterator[Map]:
    from pipefunc import PipeFunc, Pipeline

    def mapping(function: Callable, items: Sequence, shared: tuple = (), chunk: int = 1) -> list:
        mapped = PipeFunc(_bound(function, shared), "found", mapspec="item[i] -> found[i]", renames={_name(function): "item"})
        results = Pipeline([mapped]).map(
            {"item": list(items)}, storage="dict", parallel=kind != "sequential", executor=pool, show_progress=False
        )
        return list(results["found"].output)

    if kind == "sequential":
        pool = None
        yield mapping
    else:
        with (ThreadPoolExecutor if kind == "threads" else ProcessPoolExecutor)(workers) as pool:
            yield mapping


@contextmanager
def hamilton_map(kind: str, workers: int) -> Iterator[Map]:
    from hamilton import driver
    from hamilton.execution import executors

    from benchmarks.flows import for_hamilton

    kinds = {
        "sequential": executors.SynchronousLocalTaskExecutor,
        "threads": partial(executors.MultiThreadingExecutor, workers),
        "processes": partial(executors.MultiProcessingExecutor, workers),
    }
    builder = driver.Builder().enable_dynamic_execution(allow_experimental_mode=True).with_modules(for_hamilton)
    builder = builder.with_local_executor(kinds["sequential"]()).with_remote_executor(kinds[kind]())

    def mapping(function: Callable, items: Sequence, shared: tuple = (), chunk: int = 1) -> list:
        inputs = {"items": items, "function": _bound(function, shared)}
        return builder.build().execute(["found"], inputs=inputs)["found"]

    yield mapping


@contextmanager
def ray_map(kind: str, workers: int) -> Iterator[Map]:
    import ray

    ours = not ray.is_initialized()
    if ours:
        ray.init(address="local", num_cpus=workers, include_dashboard=False, configure_logging=False, log_to_driver=False)
    tasks: dict[Callable, Any] = {}

    def mapping(function: Callable, items: Sequence, shared: tuple = (), chunk: int = 1) -> list:
        known = [ray.put(value) for value in shared]
        worker = function if chunk == 1 else _batch
        task = tasks[worker] = tasks.get(worker) or ray.remote(worker)
        if chunk == 1:
            return ray.get([task.remote(item, *known) for item in items])
        return _flat(ray.get([task.remote(function, part, *known) for part in _parts(items, chunk)]))

    try:
        yield mapping
    finally:
        if ours:
            ray.shutdown()


@contextmanager
def dask_map(kind: str, workers: int) -> Iterator[Map]:
    from distributed import Client

    client = Client(n_workers=workers, threads_per_worker=1, dashboard_address=None, silence_logs=logging.CRITICAL)

    def mapping(function: Callable, items: Sequence, shared: tuple = (), chunk: int = 1) -> list:
        known = [client.scatter(value, broadcast=True, hash=False) for value in shared]
        if chunk == 1:
            rest = {_name(function, number + 1): value for number, value in enumerate(known)}
            return client.gather(client.map(function, items, pure=False, **rest))
        return _flat(client.gather(client.map(partial(_batch, function), _parts(items, chunk), pure=False)))

    with client:
        yield mapping


@contextmanager
def dagster_map(kind: str, workers: int) -> Iterator[Map]:
    import dagster

    def mapping(function: Callable, items: Sequence, shared: tuple = (), chunk: int = 1) -> list:
        @dagster.op(out=dagster.DynamicOut())
        def fan():
            for item in items:
                yield dagster.DynamicOutput(item, mapping_key=str(item))

        @dagster.op
        def step(item):
            return function(item)

        @dagster.op
        def found(items):
            return items

        @dagster.job
        def job() -> None:
            found(fan().map(step).collect())

        quiet = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}
        return job.execute_in_process(run_config=quiet).output_for_node("found")

    yield mapping


@dataclass(frozen=True)
class Peer:
    """Another library: the module that must be there, how it is opened, and whether a smoke test can afford it."""

    module: str
    open: Callable[[str, int], AbstractContextManager[Map]]
    light: bool = True


PEERS = {
    "concurrent.futures": Peer("concurrent.futures", futures_map),
    "joblib": Peer("joblib", joblib_map),
    "mpire": Peer("mpire", mpire_map),
    "pipefunc": Peer("pipefunc", pipefunc_map),
    "hamilton": Peer("hamilton", hamilton_map, light=False),
    "ray": Peer("ray", ray_map, light=False),
    "dask": Peer("distributed", dask_map, light=False),
    "dagster": Peer("dagster", dagster_map, light=False),
}


def installed(*, light: bool = False) -> frozenset[str]:
    """The peers that can be imported here; with `light`, those that start in no time."""
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    os.environ.setdefault("HAMILTON_TELEMETRY_ENABLED", "false")
    os.environ.setdefault("DAGSTER_DISABLE_TELEMETRY", "true")
    chosen = {name: peer for name, peer in PEERS.items() if peer.light or not light}
    return frozenset(name for name, peer in chosen.items() if importlib.util.find_spec(peer.module))


def _bound(function: Callable, shared: tuple) -> Callable:
    return partial(_call, function, shared) if shared else function


def _call(function: Callable, shared: tuple, item: Any) -> Any:
    return function(item, *shared)


def _batch(function: Callable, items: list, *shared: Any) -> list:
    return [function(item, *shared) for item in items]


def _parts(items: Sequence, chunk: int) -> list[list]:
    return [list(items[start : start + chunk]) for start in range(0, len(items), chunk)]


def _flat(parts: list[list]) -> list:
    return [value for part in parts for value in part]


def _name(function: Callable, number: int = 0) -> str:
    """The name of one of the function's parameters."""
    return function.__code__.co_varnames[number]
