"""What a driver with a cache tells of its runs, in Hamilton's words."""

from __future__ import annotations

import sys

import pytest

pytestmark = pytest.mark.usefixtures("hamilton")

FLOW = """
from hamilton.function_modifiers import cache
from hamilton.htypes import Collect, Parallelizable

def base(n: int) -> int:
    return n + {add}

def item(base: int) -> Parallelizable[int]:
    yield from range(base)

def square(item: int) -> int:
    return item * item

@cache(format="json")
def total(square: Collect[int]) -> dict:
    return {{"total": sum(square)}}

def failing(base: int) -> int:
    raise ValueError("no")
"""


@pytest.fixture
def make(tmp_path):
    from hamilton import ad_hoc_utils, driver
    from hamilton.execution import executors

    names = []

    def made(add=1, executor=None, **options):
        module = ad_hoc_utils.module_from_source(FLOW.format(add=add))
        names.append(module.__name__)
        builder = driver.Builder().with_modules(module).with_cache(tmp_path, **options)
        if executor is not None:
            builder.enable_dynamic_execution(allow_experimental_mode=True)
            builder.with_remote_executor(getattr(executors, executor)(2))
        return builder.build()

    yield made
    for name in names:
        del sys.modules[name]


def told(driver, kind="execute_node"):
    logs = driver.cache.logs(driver.cache.last_run_id)
    return sorted(str(key) for key, events in logs.items() if any(one.event_type.value == kind for one in events))


@pytest.mark.parametrize("executor", [None, "MultiThreadingExecutor", "MultiProcessingExecutor"])
def test_what_was_called_and_what_was_found(make, executor):
    with make(executor=executor) as driver:
        first = driver.execute(["total"], inputs={"n": 2})
        squares = [f"('square', 'item[{number}]')" for number in range(3)]
        assert told(driver) == sorted(["base", "item", "total", *squares])
        assert driver.execute(["total"], inputs={"n": 2}) == first == {"total": {"total": 5}}
        assert told(driver) == ["item"]
        assert told(driver, "get_result") == ["base", "square", "total"]
        cache = driver.cache
        assert cache.run_ids == cache.metadata_store.get_run_ids() and len(cache.run_ids) == 2
        version = cache.version_data(first["total"])
        assert cache.data_versions[cache.last_run_id]["total"] == version == cache.get_data_version(cache.last_run_id, "total")
        assert cache.result_store.exists(version) and cache.result_store.get(version) == {"total": 5}
        assert cache.result_store.get(cache.version_data("never made")) is None
        assert cache.metadata_store.size >= 5
        assert cache.code_versions[cache.last_run_id]["base"] == cache.version_code("base")
    with make(add=2) as edited:
        assert edited.execute(["total"], inputs={"n": 1}) == first
        assert told(edited) == ["base", "item"]


def test_behaviors(make):
    from hamilton.caching.adapter import CachingBehavior

    with make(recompute=["base"], disable=["square"]) as driver:
        for _ in range(2):
            driver.execute(["base", "total"], inputs={"n": 0})
        assert told(driver) == ["('square', 'item[0]')", "base", "item", "total"]
        found = driver.cache.behaviors[driver.cache.last_run_id]
        assert (found["base"], found["square"]) == (CachingBehavior.RECOMPUTE, CachingBehavior.DISABLE)
    assert CachingBehavior.from_string("ignore") is CachingBehavior.IGNORE
    with pytest.raises(ValueError, match="there is no behavior 'keep'; there are default"):
        CachingBehavior.from_string("keep")


def test_failures_pictures_and_files(make, tmp_path):
    with make(log_to_file=True) as driver:
        with pytest.raises(ValueError):
            driver.execute(["failing"], inputs={"n": 0})
        logs = driver.cache.logs(driver.cache.last_run_id, level="debug")
        assert [event.event_type.value for event in logs["failing"]][-1] == "failed_execution"
        assert logs["nothing"] == []
        driver.execute(["total"], inputs={"n": 0})
        driver.cache.view_run(output_file_path=tmp_path / "run.svg")
        assert (tmp_path / "run.svg").read_text().startswith("<svg")
        assert (tmp_path / "logs.jsonl").read_text().count('"failed_execution"') == 1


def test_a_builder_has_one_cache(tmp_path):
    from hamilton import driver
    from hamilton.caching.adapter import HamiltonCacheAdapter
    from hamilton.caching.stores.file import FileResultStore
    from hamilton.caching.stores.sqlite import SQLiteMetadataStore

    stores = {"result_store": FileResultStore(tmp_path / "r"), "metadata_store": SQLiteMetadataStore(tmp_path / "m")}
    builder = driver.Builder().with_cache(**stores)
    assert builder.cache.path == str(tmp_path / "r")
    with pytest.raises(ValueError, match="has a cache already"):
        builder.with_adapters(HamiltonCacheAdapter(tmp_path))
