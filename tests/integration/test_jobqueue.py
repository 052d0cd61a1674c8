"""A cluster object that asks a queue for workers, as for Slurm; here the queue is the machine's own shell."""

from __future__ import annotations

import pytest

from anabranch import Builder, Collect, Parallelizable, module_from_functions

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(180),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),  # the queue's own shells, which it never waits for
]


def number(limit: int) -> Parallelizable[int]:
    yield from range(limit)


def square(number: int) -> int:
    return number * number


def total(square: Collect[int]) -> int:
    return sum(square)


def test_workers_that_a_queue_starts(tmp_path):
    jobqueue = pytest.importorskip("dask_jobqueue.local")
    options = {"dashboard_address": "127.0.0.1:0", "host": "127.0.0.1", "dashboard": False}
    cluster = jobqueue.LocalCluster(
        cores=1, processes=1, memory="500MB", scheduler_options=options, local_directory=str(tmp_path), log_directory=str(tmp_path)
    )
    with cluster:
        cluster.adapt(minimum=0, maximum=2)
        builder = Builder().with_modules(module_from_functions(number, square, total))
        with builder.with_executor("dask", client=cluster).build() as driver:
            assert driver.execute(["total"], {"limit": 20_000}) == {"total": sum(n * n for n in range(20_000))}
