"""Flows on clusters of several machines, as far as one machine can be several: right answers, code that only the driver has,
versions that differ, what a machine takes with it when it goes.
"""

from __future__ import annotations

import importlib
import logging
import os
import sys
import threading
import time
from pathlib import Path

import pytest
from clusters_by_hand import dask_cluster, expected_sizes, package, ray_cluster

from anabranch import Builder, Collect, ExecutorError, Parallelizable, module_from_functions, per_worker, resources, run_on
from anabranch.events import SpanFinished

pytestmark = [
    pytest.mark.timeout(400),
    pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore:.*accelerator visible devices.*:FutureWarning"),
]


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    """A folder on the driver's import path, and on nobody else's."""
    folder = tmp_path_factory.mktemp("driver")
    sys.path.insert(0, str(folder))
    yield folder
    sys.path.remove(str(folder))


@pytest.fixture(scope="module")
def flow(home):
    package(home, "users_flow")
    importlib.invalidate_caches()
    return importlib.import_module("users_flow.flow")


@pytest.fixture(scope="module")
def dask_file(tmp_path_factory):
    pytest.importorskip("distributed")
    with dask_cluster(tmp_path_factory.mktemp("dask")) as (file, _):
        yield file


@pytest.fixture(scope="module")
def ray_nodes():
    pytest.importorskip("ray")
    with ray_cluster() as (cluster, others):
        yield cluster, others


def check_answers(driver, flow, limit):
    asked = ["total", "sum_of_squares", "sizes"]
    inputs = {"folder": "x", "files": 40, "limit": limit, "pages": 60}
    found = driver.execute(asked, inputs)
    texts = [flow.text(f"x/{n}") for n in range(40)]
    assert found["total"] == sum(map(flow.count, texts))
    assert found["sum_of_squares"] == sum(n * n for n in range(limit))
    assert found["sizes"] == expected_sizes(60)


def test_dask_runs_code_that_only_the_driver_has(dask_file, flow):
    with Builder().with_modules(flow).with_executor("dask", scheduler_file=dask_file).build() as driver:
        check_answers(driver, flow, 2_000)


def test_a_package_is_shipped_and_again_when_it_has_changed(dask_file, home):
    package(home, "shipped_flow")
    importlib.invalidate_caches()
    module = importlib.import_module("shipped_flow.flow")
    for words in (1, 2):
        with Builder().with_modules(module).with_executor("dask", scheduler_file=dask_file, ship=["shipped_flow"]).build() as driver:
            found = driver.execute(["total"], {"folder": "x", "files": 10})["total"]
        assert found == words * sum(sum(letter.isalpha() for letter in module.text(f"x/{n}")) for n in range(10))
        counting = home / "shipped_flow/counting.py"
        counting.write_text(counting.read_text().replace("return sum(", "return 2 * sum("))


def test_a_worker_of_another_version_is_refused(dask_file, flow, monkeypatch):
    monkeypatch.setattr("anabranch.__version__", "0.0.1")
    with Builder().with_modules(flow).with_executor("dask", scheduler_file=dask_file).build() as driver:
        with pytest.raises(ExecutorError, match=r"is not as the driver is: anabranch .* instead of 0\.0\.1\. Install the same"):
            driver.execute(["total"], {"folder": "x", "files": 10})


def test_what_no_machine_of_the_cluster_has_is_refused(dask_file):
    @resources(gpus=1)
    def trained(limit: int) -> int:
        return limit

    module = module_from_functions(trained)
    with Builder().with_modules(module).with_executor("dask", scheduler_file=dask_file).build() as driver:
        with pytest.raises(ExecutorError, match=r"'trained' .* needs gpus 1, and a call on 'default' can have none; there is: cpus 1"):
            driver.execute(["trained"], {"limit": 1})


def test_a_file_without_an_address_is_one_clear_error(tmp_path):
    pytest.importorskip("distributed")
    module = module_from_functions(number)
    with Builder().with_modules(module).with_executor("dask", scheduler_file=tmp_path / "none.json").build() as driver:
        with pytest.raises(ExecutorError, match=r"none\.json has no scheduler's address .* dask scheduler --scheduler-file"):
            driver.execute(["number"], {"limit": 1})


def number(limit: int) -> Parallelizable[int]:
    yield from range(limit)


@per_worker
def session(limit: int):
    yield {"used": 0}


@per_worker
def client(folder: str):
    file = Path(folder) / f"{os.getpid()}-{threading.get_ident()}"
    assert not file.exists(), "made once in each worker"
    file.write_text("made")
    try:
        yield file
    finally:
        file.write_text("closed")


def noted(number: int, notes: str) -> int:
    with open(notes, "a") as file:
        file.write(f"{number}\n")
    return number + 1


def test_what_was_stored_here_is_found_by_workers_with_another_key(dask_file, tmp_path, monkeypatch):
    """The driver's key goes with the calls: workers have accounts of their own, or none."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    builder = Builder().with_modules(module_from_functions(number, noted)).with_cache(tmp_path / "cache")
    for executor, options in (("sequential", {}), ("dask", {"scheduler_file": dask_file})):
        for limit in (20, 40):
            with builder.with_executor(executor, **options).build() as driver:
                found = driver.execute(["noted"], {"limit": limit, "notes": str(tmp_path / "notes")})
            assert found == {"noted": list(range(1, limit + 1))}
    assert sorted(map(int, (tmp_path / "notes").read_text().split())) == list(range(40))


def fetched(number: int, client: Path) -> int:
    if number == 400:
        raise LookupError("one of many")
    return number


def test_what_each_worker_has_for_itself_is_closed_on_dask(dask_file, tmp_path):
    check_closed(tmp_path, "dask", scheduler_file=dask_file)


@pytest.mark.slow
def test_what_each_worker_has_for_itself_is_closed_on_ray(ray_nodes, tmp_path):
    check_closed(tmp_path, "ray")


def check_closed(tmp_path, executor, **options):
    module = module_from_functions(number, client, fetched)
    with Builder().with_modules(module).with_executor(executor, **options).build() as driver:
        for _ in range(2):
            found = driver.execute(["fetched"], {"limit": 300, "folder": str(tmp_path)})
            assert found == {"fetched": list(range(300))}
        with pytest.raises(LookupError):
            driver.execute(["fetched"], {"limit": 500, "folder": str(tmp_path)})
        made = list(tmp_path.iterdir())
        assert 1 <= len(made) <= 4
        assert {path.read_text() for path in made} == {"made"}
    assert {path.read_text() for path in made} == {"closed"}


@pytest.mark.slow
def test_a_cluster_that_adapts_grows_with_the_work(flow):
    distributed = pytest.importorskip("distributed")
    quiet = {
        "dashboard_address": None,
        "silence_logs": logging.CRITICAL,
        "scheduler_kwargs": {"dashboard": False, "dashboard_address": "127.0.0.1:0"},
    }
    with distributed.LocalCluster(n_workers=0, threads_per_worker=1, **quiet) as cluster:
        cluster.adapt(minimum=0, maximum=3, interval="200ms", target_duration="100ms")
        seen = set()

        def note(event):
            if isinstance(event, SpanFinished):
                seen.add(event.worker)

        def waited(number: int) -> int:
            time.sleep(0.1)
            return number

        module = module_from_functions(number, waited)
        with Builder().with_modules(module).with_executor("dask", client=cluster).with_adapters(note).build() as driver:
            assert driver.execute(["waited"], {"limit": 300}) == {"waited": list(range(300))}
        assert len(seen) > 1


@pytest.mark.slow
def test_one_flow_on_threads_processes_and_dask_together(dask_file):
    check_places_together("dask", {"scheduler_file": dask_file})


@pytest.mark.slow
@pytest.mark.usefixtures("ray_nodes")
def test_one_flow_on_threads_processes_and_ray_together():
    check_places_together("ray", {})


def check_places_together(cluster, options):
    def loaded(number: int) -> list[int]:
        return [number] * 3

    @run_on("cpu")
    def worked(loaded: list[int]) -> int:
        return sum(loaded)

    @run_on("far")
    def judged(worked: int, session: dict) -> bool:
        session["used"] += 1
        return worked % 2 == 0

    def even(judged: Collect[bool]) -> int:
        return sum(judged)

    module = module_from_functions(number, session, loaded, worked, judged, even)
    places = {"default": "threads", "cpu": ("processes", {"workers": 2}), "far": (cluster, options)}
    with Builder().with_modules(module).with_executors(**places).build() as driver:
        assert driver.execute(["even"], {"limit": 301}) == {"even": 151}


@pytest.mark.slow
def test_dask_with_many_items_and_a_worker_that_dies(tmp_path, flow):
    with dask_cluster(tmp_path) as (file, workers):
        died = threading.Event()

        def kill_one(event):
            if isinstance(event, SpanFinished) and event.hi > 20_000 and not died.is_set():
                workers[0].kill()
                died.set()

        builder = Builder().with_modules(flow).with_executor("dask", scheduler_file=file)
        with builder.with_adapters(kill_one).build() as driver:
            check_answers(driver, flow, 200_000)
        assert died.is_set()


@pytest.mark.slow
def test_ray_runs_code_that_only_the_driver_has_on_three_nodes(ray_nodes, flow):
    with Builder().with_modules(flow).with_executor("ray").build() as driver:
        check_answers(driver, flow, 200_000)


@pytest.mark.slow
def test_ray_finds_the_machine_that_has_what_is_needed(ray_nodes):
    @resources(custom={"site1": 1})
    def where(number: int) -> str:
        import ray

        return ray.get_runtime_context().get_node_id()

    @resources(custom={"site9": 1})
    def nowhere(number: int) -> int:
        return number

    with Builder().with_modules(module_from_functions(number, where, nowhere)).with_executor("ray").build() as driver:
        assert len(set(driver.execute(["where"], {"limit": 6})["where"])) == 1
        with pytest.raises(ExecutorError, match="needs site9 1, and a call on 'default' can have none; there is: cpus 1"):
            driver.execute(["nowhere"], {"limit": 6})


@pytest.mark.slow
def test_results_that_stay_on_ray_do_not_pass_through_the_driver(ray_nodes, flow):
    seen = []
    with Builder().with_modules(flow).with_executor("ray").with_adapters(seen.append).build() as driver:
        assert driver.execute(["largest"], {"blocks": 60}) == {"largest": 300_000}
    moved = sum(event.journey.given + event.journey.brought for event in seen if isinstance(event, SpanFinished))
    assert 0 < moved <= 0.01 * 60 * 300_000


@pytest.mark.slow
def test_ray_loses_a_node_in_the_middle_and_the_answer_is_right(ray_nodes, flow):
    cluster, _ = ray_nodes
    doomed = cluster.add_node(num_cpus=1)
    cluster.wait_for_nodes()
    killers = []

    def kill_one(event):
        if isinstance(event, SpanFinished) and event.hi > 5_000 and not killers:
            killers.append(threading.Thread(target=cluster.remove_node, args=(doomed,), kwargs={"allow_graceful": False}))
            killers[0].start()

    with Builder().with_modules(flow).with_executor("ray").with_adapters(kill_one).build() as driver:
        check_answers(driver, flow, 200_000)
    for killer in killers:
        killer.join()
    assert killers


@pytest.mark.slow
def test_a_ray_cluster_that_grows_in_the_middle_is_used():
    pytest.importorskip("ray")
    seen = set()
    with ray_cluster(1) as (cluster, _):

        def note(event):
            if isinstance(event, SpanFinished):
                if not seen:
                    cluster.add_node(num_cpus=2)
                seen.add(event.worker)

        def waited(number: int) -> int:
            time.sleep(0.1)
            return number

        builder = Builder().with_modules(module_from_functions(number, waited)).with_executor("ray", workers=3)
        with builder.with_adapters(note).build() as driver:
            assert driver.execute(["waited"], {"limit": 150}) == {"waited": list(range(150))}
    assert len(seen) == 3
