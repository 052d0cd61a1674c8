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


def stores(tmp_path):
    from hamilton.caching.stores.memory import InMemoryMetadataStore
    from hamilton.caching.stores.sqlite import SQLiteMetadataStore

    return [InMemoryMetadataStore(), SQLiteMetadataStore(tmp_path / "known")]


def test_metadata_stores_keep_a_version_for_a_key_and_the_keys_of_runs(tmp_path):
    from hamilton.caching.cache_key import create_cache_key, decode_key

    parts = {"node_name": "shop", "code_version": "c0de", "dependencies_data_versions": {"a": "1", "b": "<ignore>"}}
    key = create_cache_key("shop", "c0de", {"b": "<ignore>", "a": "1"})
    assert decode_key(key) == parts
    for store in stores(tmp_path):
        assert (store.size, store.get_run_ids(), store.get(key)) == (0, [], None)
        with pytest.raises(IndexError, match="nothing has been run"):
            store.get_last_run()
        for run in ("z", "a"):
            store.initialize(run)
        assert store.get_run("z") == []
        for version in ("old", "new"):
            store.set(cache_key=key, data_version=version, run_id="z", node_name="shop")
        assert (store.size, len(store), store.get(key), store.exists(key)) == (1, 1, "new", True)
        assert store.get_run("z") == [{"cache_key": key, "data_version": "new", **parts}]
        assert (store.get_run_ids(), store.last_run_id, store.get_last_run()) == (["z", "a"], "a", [])
        with pytest.raises(IndexError, match="nothing is known of a run 'q'"):
            store.get_run("q")
        store.delete(key)
        assert (store.size, store.get_run("z")) == (0, [])
        store.set(key, "again", "a")
        store.delete_all()
        assert (store.size, store.get_run_ids()) == (0, [])


def test_metadata_in_memory_goes_to_a_file_and_comes_back(tmp_path):
    from hamilton.caching.cache_key import create_cache_key

    memory, file = stores(tmp_path)
    memory.initialize("first")
    memory.set(create_cache_key("shop", "1", {}), "v", "first")
    memory.persist_to(file)
    again = type(memory).load_from(file)
    assert (again.size, again.get_run("first"), again.get_run_ids()) == (1, file.get_run("first"), ["first"])
    with pytest.raises(ValueError, match="the store to copy to"):
        memory.persist_to()


def sizes(tmp_path, *runs):
    """The sizes of the metadata store after runs of `b = -a`, each with what is changed before it."""
    from hamilton import ad_hoc_utils, driver
    from hamilton.caching.adapter import HamiltonCacheAdapter

    cache, found = HamiltonCacheAdapter(path=tmp_path), []
    for number, (body, change, overrides) in enumerate(runs):
        for name, nodes in change.items():
            setattr(cache, name, nodes)
        source = f"def a(n: int = 3) -> int:\n    return {body}\n\ndef b(a: int) -> int:\n    return -a\n"
        module = ad_hoc_utils.module_from_source(source, module_name=f"module_of_sizes_{number}_{id(cache)}")
        try:
            driver.Builder().with_modules(module).with_adapters(cache).build().execute(["b"], overrides=overrides)
        finally:
            del sys.modules[module.__name__]
        noted = cache.metadata_store.get_last_run()
        assert all(cache.result_store.exists(one["data_version"]) for one in noted)
        found.append((cache.metadata_store.size, sorted(one["node_name"] for one in noted)))
    return found


@pytest.mark.parametrize(
    ("changed", "then"),
    [
        (("n", {}, {}), (2, [])),
        (("n + 0", {}, {}), (3, ["a"])),
        (("n + 1", {}, {}), (4, ["a", "b"])),
        (("n", {}, {"a": 3}), (2, [])),
        (("n", {}, {"a": 13}), (3, ["b"])),
        (("n", {"_recompute": ["a"]}, {}), (2, ["a"])),
        (("n", {"_disable": ["a"]}, {}), (3, ["b"])),
        (("n", {"_ignore": ["a"]}, {}), (3, ["b"])),
    ],
)
def test_a_run_notes_the_keys_of_what_it_called(tmp_path, changed, then):
    assert sizes(tmp_path, ("n", {}, {}), changed) == [(2, ["a", "b"]), then]


def test_an_expander_is_noted_without_a_version_of_its_own(make):
    with make() as driver:
        driver.execute(["total"], inputs={"n": 2})
        cache = driver.cache
        assert cache.metadata_store.size == 6  # base, item, total, and a square for each of three items
        noted = cache.metadata_store.get_last_run()
        assert [one["data_version"] for one in noted if one["node_name"] == "item"] == [{}]
        assert cache.get_cache_key(cache.last_run_id, "base") in {one["cache_key"] for one in noted}
        driver.execute(["total"], inputs={"n": 2})
        assert cache.metadata_store.size == 6


def test_versions_of_single_kinds_of_values_tell_order_only_where_it_counts():
    from hamilton.caching import fingerprinting as of

    one, other = {"a": 1, "b": [2]}, {"b": [2], "a": 1}
    assert of.hash_mapping(one) == of.hash_mapping(other) == of.hash_unordered_mapping(one)
    assert of.hash_mapping(one, ignore_order=False) != of.hash_mapping(other, ignore_order=False)
    assert of.hash_mapping(one) != of.hash_mapping({"a": 1, "b": [3]})
    assert of.hash_set([1, 2]) == of.hash_set([2, 1]) != of.hash_set([1, 3])
    assert of.hash_sequence([1, 2]) == of.hash_sequence((1, 2)) != of.hash_sequence([2, 1])
    assert of.hash_primitive(1) == of.hash_value(1) != of.hash_primitive("1")
    assert of.hash_repr(1) == of.hash_value("1")


def test_versions_of_registered_types_count_inside_of_collections():
    from hamilton.caching import fingerprinting as of

    class Point:
        def __init__(self, place: int, note: str) -> None:
            self.place, self.note = place, note

    @of.hash_value.register(Point)
    def hash_point(obj: Point, *args, **kwargs) -> str:
        return of.hash_value(obj.place)

    assert of.hash_value(Point(1, "x")) == of.hash_value(Point(1, "y"))
    for put, many in ((list, of.hash_sequence), (list, of.hash_set), (lambda one: {0: one[0]}, of.hash_mapping)):
        assert many(put([Point(1, "x")])) == many(put([Point(1, "y")])) != many(put([Point(2, "x")]))


def test_which_classes_keep_a_result_in_a_format():
    from hamilton.caching.stores.base import search_data_adapter_registry
    from hamilton.io.default_data_loaders import JSONDataLoader, JSONDataSaver

    assert search_data_adapter_registry("json", dict) == (JSONDataSaver, JSONDataLoader)
    for key, kind in (("nothing", dict), ("json", complex)):
        with pytest.raises(KeyError, match=key):
            search_data_adapter_registry(key, kind)
