"""The connection between a driver and somebody else's cluster breaks in the middle of a run, and comes again or does not."""

from __future__ import annotations

import threading
from contextlib import contextmanager

import pytest
from clusters_by_hand import Proxy, dask_cluster

from anabranch import Builder, Collect, ExecutorError, Parallelizable, limit, module_from_functions
from anabranch.events import SpanFinished

pytestmark = [pytest.mark.slow, pytest.mark.timeout(180)]


def number(limit: int) -> Parallelizable[int]:
    yield from range(limit)


@limit(concurrency=4, key="bulk")
def bulk(number: int, notes: str) -> bytes:
    import os
    import time

    with open(os.path.join(notes, str(number)), "a") as file:
        file.write("x")
    time.sleep(0.02)
    return bytes([number % 256]) * 200_000


def checked(bulk: Collect[bytes]) -> int:
    return len(bulk)


@limit(concurrency=4, key="again")
def again(bulk: bytes, checked: int) -> int:
    return len(bulk) + checked


def total(again: Collect[int]) -> int:
    return sum(again)


FLOW = module_from_functions(number, bulk, checked, again, total)


@pytest.fixture(scope="module")
def scheduler(tmp_path_factory):
    pytest.importorskip("distributed")
    from anabranch_executors.dask.cluster import address_in

    with dask_cluster(tmp_path_factory.mktemp("dask"), 2) as (file, _):
        host, _, port = address_in(file).rpartition("://")[2].rpartition(":")
        yield host, int(port)


@contextmanager
def through_a_proxy(scheduler):
    proxy = Proxy(scheduler)
    try:
        yield proxy, f"tcp://127.0.0.1:{proxy.port}"
    finally:
        proxy.close()


@pytest.mark.parametrize("after", [3, 30, 60])
def test_a_connection_that_comes_again_costs_nothing(scheduler, tmp_path, after):
    cuts = []

    def cut(event):
        if isinstance(event, SpanFinished):
            cuts.append(event)
            if len(cuts) == after:
                proxy.cut()
                threading.Timer(1.0, proxy.mend).start()

    with through_a_proxy(scheduler) as (proxy, address):
        builder = Builder().with_modules(FLOW).with_executor("dask", address=address).with_adapters(cut)
        with builder.build() as driver:
            answer = driver.execute(["total"], {"limit": 100, "notes": str(tmp_path)})
    assert answer == {"total": 100 * 200_100}
    assert len(cuts) >= after
    calls = sum(len(path.read_text()) for path in tmp_path.iterdir())
    assert 100 <= calls <= 110, "what the scheduler had was not computed again, but what was on its way"


def test_a_connection_that_stays_away_is_one_clear_error(scheduler, tmp_path):
    def cut(event):
        if isinstance(event, SpanFinished):
            proxy.cut()

    with through_a_proxy(scheduler) as (proxy, address):
        builder = Builder().with_modules(FLOW).with_executor("dask", address=address, grace=1).with_adapters(cut)
        with builder.build() as driver, pytest.raises(ExecutorError, match="connection to the Dask scheduler was lost"):
            driver.execute(["total"], {"limit": 100, "notes": str(tmp_path)})


def test_what_a_lost_driver_wanted_is_forgotten_after_the_grace(scheduler, tmp_path):
    from distributed import Client

    with through_a_proxy(scheduler) as (proxy, address):
        lost = Builder().with_modules(FLOW).with_executor("dask", address=address, grace=1).build()
        bulks = lost.execute(["checked"], {"limit": 3, "notes": str(tmp_path)})
        proxy.cut()
        assert bulks == {"checked": 3}
        lost.close()

    def wanted(dask_scheduler):
        return [name for name, one in dask_scheduler.clients.items() if one.wants_what]

    with Client("tcp://{}:{}".format(*scheduler), set_as_default=False) as client:
        left = client.run_on_scheduler(wanted)
        while any("away" in name for name in left):
            left = client.run_on_scheduler(wanted)


@pytest.mark.parametrize("grace", [-1, "long", float("inf"), True])
def test_a_grace_that_is_none(grace):
    pytest.importorskip("distributed")
    with pytest.raises(ExecutorError, match="grace is a number of seconds, 0 or more"):
        Builder().with_modules(FLOW).with_executor("dask", grace=grace).build()
