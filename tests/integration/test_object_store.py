"""A cache and a run in an object store (S3, by a server on loopback), which workers of every executor read and write themselves."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from time import monotonic
from typing import Any

import pytest

from anabranch import Builder, Collect, Parallelizable, module_from_functions
from anabranch.errors import StoreError

moto = pytest.importorskip("moto.server")
pytest.importorskip("s3fs")

pytestmark = pytest.mark.timeout(180)

EXECUTORS: dict[str, dict[str, Any]] = {
    "sequential": {},
    "threads": {"workers": 2},
    "processes": {"workers": 2},
    "ray": {"workers": 2},
    "dask": {"workers": 2},
}


QUICK = {"config_kwargs": {"retries": {"max_attempts": 0}, "connect_timeout": 2, "read_timeout": 2}}
"""Does not try again what fails, as the client would many times."""


@contextmanager
def serving(bucket: str) -> Iterator[tuple[dict[str, Any], Any]]:
    """A server that has a bucket, and what reaches it."""
    import s3fs

    server = moto.ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    options = {"endpoint_url": f"http://{host}:{port}", "key": "someone", "secret": "something"}
    s3fs.S3FileSystem(**options).makedirs(bucket, exist_ok=True)
    try:
        yield options, server
    finally:
        server.stop()


@pytest.fixture(scope="module")
def bucket() -> Iterator[dict[str, Any]]:
    """What reaches a server that has a bucket `runs`."""
    with serving("runs") as (options, _):
        yield options


def item(count: int) -> Parallelizable[int]:
    yield from range(count)


def squared(item: int, notes: str) -> int:
    with Path(notes).open("a") as file:
        file.write(f"{item} {os.getpid()}\n")
    return item * item


def block(squared: int) -> bytes:
    return squared.to_bytes(4, "big") * 30_000  # a file of its own, and not in a group


def total(squared: Collect[int], block: Collect[bytes]) -> int:
    return sum(squared) + sum(map(len, block))


FLOW = module_from_functions(item, squared, block, total)


@pytest.mark.parametrize("executor", EXECUTORS)
def test_workers_read_and_write_it(bucket: dict[str, Any], tmp_path: Path, executor: str) -> None:
    notes = tmp_path / "notes"
    builder = Builder().with_modules(FLOW).with_cache(f"s3://runs/{executor}", ignore=["notes"], options=bucket)
    expected = {"total": sum(n * n for n in range(30)) + 30 * 120_000}
    with builder.with_executor(executor, **EXECUTORS[executor]).build() as driver:
        assert driver.execute(["total"], {"count": 30, "notes": str(notes)}) == expected
    called = [line.split() for line in notes.read_text().splitlines()]
    assert sorted(int(number) for number, _ in called) == list(range(30))
    assert (str(os.getpid()) in {pid for _, pid in called}) == (executor in ("sequential", "threads"))
    with builder.with_executor(executor, **EXECUTORS[executor]).build() as driver:
        assert driver.execute(["total"], {"count": 30, "notes": str(notes)}) == expected
    assert len(notes.read_text().splitlines()) == 30, "nothing is computed twice"


def test_a_server_that_is_not_there_is_said_before_anything_runs(bucket: dict[str, Any], tmp_path: Path) -> None:
    wrong = {**bucket, "endpoint_url": "http://127.0.0.1:9", **QUICK}
    builder = Builder().with_modules(FLOW).with_cache("s3://runs/none", options=wrong)
    with pytest.raises(StoreError, match=r"(?s)the cache at s3://runs/none cannot be reached.*127\.0\.0\.1:9"):
        builder.build()


@pytest.mark.parametrize("executor", ["sequential", "processes"])
def test_a_server_that_goes_costs_the_cache_and_not_the_run(tmp_path: Path, executor: str) -> None:
    """Not a wait for each item either: what failed is not tried again for a while."""
    with serving("gone") as (options, server):

        def item(count: int) -> Parallelizable[int]:
            yield 0
            server.stop()
            yield from range(1, count)

        def total(squared: Collect[int]) -> int:
            return sum(squared)

        flow = module_from_functions(item, squared, total)
        builder = Builder().with_modules(flow).with_cache("s3://gone", ignore=["notes"], options={**options, **QUICK})
        began = monotonic()
        with builder.with_executor(executor, **EXECUTORS[executor]).build() as driver:
            found = driver.execute(["total"], {"count": 100, "notes": str(tmp_path / "notes")})
        assert found == {"total": sum(n * n for n in range(100))}
        assert monotonic() - began < 30
