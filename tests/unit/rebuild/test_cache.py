"""A driver with a cache: what runs again and what does not, and what happens when the cache is damaged, full or shared."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from time import process_time

import pytest

from anabranch import Builder, Collect, Parallelizable, Skip, Stream, associative, module_from_functions, retry
from anabranch.errors import FlowError, InputError, StoreError
from anabranch.function_modifiers import cache
from anabranch.rebuild import span
from anabranch.rebuild.asked import noted
from anabranch.store import Settings, open_store


class Calls(list):
    """What was called. It has no version, as a tool has none; a list, which is a value, would count in the versions of code."""

    def __reduce_ex__(self, protocol):
        raise TypeError("a tool does not travel")


calls = Calls()


@pytest.fixture(autouse=True)
def no_calls():
    calls.clear()
    return calls


def called() -> list[object]:
    """What was called since the last look."""
    found = list(calls)
    calls.clear()
    return found


def item(items: list[object]) -> Parallelizable[object]:
    return items


def kind(item: object) -> str:
    calls.append(item)
    return type(item).__name__


def kinds(kind: Collect[str]) -> list[str]:
    calls.append("kinds")
    return kind


def driver(folder, *functions, **options):
    return Builder().with_modules(module_from_functions(*functions)).with_cache(folder, **options).build()


def test_what_was_computed_is_found(tmp_path):
    first = driver(tmp_path, item, kind, kinds)
    assert first.execute(["kinds"], {"items": [1, 2.0]}) == {"kinds": ["int", "float"]}
    assert called() == [1, 2.0, "kinds"]
    assert first.execute(["kinds"], {"items": [1, 2.0]}) == {"kinds": ["int", "float"]}
    assert driver(tmp_path, item, kind, kinds).execute(["kind"], {"items": [2.0]}) == {"kind": ["float"]}
    assert called() == []


def test_equal_values_of_different_types_are_different(tmp_path):
    given = {"items": [1, "1", 1.0, True]}
    made = driver(tmp_path, item, kind)
    for _ in range(2):
        assert made.execute(["kind"], given) == {"kind": ["int", "str", "float", "bool"]}
    assert called() == [1, "1", 1.0, True]
    with open_store(Settings(str(tmp_path))) as store:
        assert {one.name: one.entries for one in store.summaries()}["kind"] == 4


def test_a_new_order_is_the_order_and_runs_nothing_but_what_collects(tmp_path):
    made = driver(tmp_path, item, kind, kinds)
    made.execute(["kinds"], {"items": [1, "a", 2.0]})
    called()
    assert made.execute(["kinds"], {"items": [2.0, 1, "a"]}) == {"kinds": ["float", "int", "str"]}
    assert called() == ["kinds"]


def test_an_item_twice_in_a_span_runs_once(tmp_path):
    made = driver(tmp_path, item, kind)
    assert made.execute(["kind"], {"items": ["x"] * 50}) == {"kind": ["str"] * 50}
    assert called() == ["x"]


def test_what_changed_in_between_and_comes_out_the_same_is_not_gone_on_with(tmp_path):
    """Early cutoff: a function that ran again and gave the same leaves all after it as it was."""

    def length(item: str) -> int:
        calls.append(item)
        return len(item)

    def doubled(length: int) -> int:
        calls.append(length)
        return 2 * length

    made = driver(tmp_path, item, length, doubled)
    made.execute(["doubled"], {"items": ["abc"]})
    assert called() == ["abc", 3]
    assert made.execute(["doubled"], {"items": ["xyz"]}) == {"doubled": [6]}
    assert called() == ["xyz"]


FLOW = """
    RATE = 2

    def inner(x): return x * RATE
    def helper(x): return inner(x) + 1

    def item(n: int) -> Parallelizable[int]: return range(n)
    def scaled(item: int) -> int:
        LOG.append("scaled")
        return helper(item)
    def apart(item: int) -> int:
        LOG.append("apart")
        return -item
    def total(scaled: Collect[int], apart: Collect[int]) -> int:
        LOG.append("total")
        return sum(scaled) + sum(apart)

    class Log(list):
        def __reduce_ex__(self, protocol):
            raise TypeError

    LOG = Log()
"""


def test_an_edited_helper_recomputes_its_dependants_and_no_more(flow, tmp_path):
    folder = tmp_path / "cache"

    def ran(source, **options):
        module = flow(source, "edited_flow")
        Builder().with_modules(module).with_cache(folder, **options).build().execute(["total"], {"n": 2})
        found = sorted(module.LOG)
        sys.modules.pop("edited_flow")
        return found

    assert ran(FLOW) == ["apart", "apart", "scaled", "scaled", "total"]
    assert ran(FLOW) == []
    assert ran(FLOW.replace("x * RATE", "x * RATE + 0.5")) == ["scaled", "scaled", "total"]
    assert ran(FLOW.replace("RATE = 2", "RATE = 3")) == ["scaled", "scaled", "total"]
    tidied = FLOW.replace("return x * RATE", "\n        # a comment\n        return (x *\n                RATE)")
    assert ran(tidied) == []


def test_a_global_that_changes_between_two_runs_of_one_driver(flow, tmp_path):
    module = flow(FLOW, "patched_flow")
    made = Builder().with_modules(module).with_cache(tmp_path / "cache").build()
    assert made.execute(["total"], {"n": 3}) == {"total": 6}
    module.RATE = 5
    assert made.execute(["total"], {"n": 3}) == {"total": 15}
    module.RATE = 2
    module.LOG.clear()
    assert made.execute(["total"], {"n": 3}) == {"total": 6}
    assert module.LOG == []


# -- what a node is told ---------------------------------------------------------------------------------------------


def test_behaviours(tmp_path):
    def one(x: int) -> int:
        calls.append("one")
        return x

    def two(one: int) -> int:
        calls.append("two")
        return one + 1

    def ran(**options):
        driver(tmp_path, one, two, **options).execute(["two"], {"x": 1})
        return called()

    assert ran() == ["one", "two"]
    assert ran() == []
    assert ran(recompute=["one"]) == ["one"]
    assert ran(disable=["one"]) == ["one", "two"]
    assert ran(default_behavior="disable") == ["one", "two"]
    assert ran(recompute=True) == ["one", "two"]
    assert ran() == []


def test_what_is_ignored_does_not_count(tmp_path):
    def one(x: int, log: str) -> int:
        calls.append(log)
        return x

    @cache(behavior="ignore")
    def stamp() -> int:
        calls.append("stamp")
        return len(calls)

    @cache(ignore=["verbose"])
    def two(one: int, stamp: int, verbose: bool) -> int:
        calls.append("two")
        return one + 1

    made = driver(tmp_path, one, stamp, two, ignore=["log"])
    assert made.execute(["two"], {"x": 1, "log": "a", "verbose": True}) == {"two": 2}
    assert called() == ["a", "stamp", "two"]
    assert made.execute(["two"], {"x": 1, "log": "b", "verbose": False}) == {"two": 2}
    assert called() == ["stamp"]


def test_a_pinned_version(flow, tmp_path):
    source = """
        class Log(list):
            def __reduce_ex__(self, protocol):
                raise TypeError

        LOG = Log()
        @cache(version="3")
        def one(x: int) -> int:
            LOG.append("one")
            return x + 1
    """
    for text in (source, source.replace("x + 1", "1 + x")):
        module = flow(text, "pinned_flow")
        made = Builder().with_modules(module).with_cache(tmp_path / "cache").build()
        assert made.execute(["one"], {"x": 1}) == {"one": 2}
        assert module.LOG == (["one"] if text is source else [])
        sys.modules.pop("pinned_flow")


def test_an_expander_lists_anew_unless_it_is_told_to_be_kept(tmp_path):
    def plain(n: int) -> Parallelizable[int]:
        calls.append("plain")
        yield from range(n)

    @cache()
    def kept(n: int) -> Parallelizable[int]:
        calls.append("kept")
        yield from range(n)

    def total(plain: Collect[int], kept: Collect[int]) -> int:
        return sum(plain) + sum(kept)

    made = driver(tmp_path, plain, kept, total)
    assert made.execute(["total"], {"n": 3000}) == {"total": 8997000}
    assert sorted(called()) == ["kept", "plain"]
    assert made.execute(["total"], {"n": 3000}) == {"total": 8997000}
    assert called() == ["plain"]


def test_a_listing_that_was_not_read_to_its_end_does_not_count(tmp_path):
    @cache()
    def number() -> Parallelizable[int]:
        n = 0
        while True:
            calls.append(n)
            yield n
            n += 1

    def first(number: Stream[int], count: int) -> list[int]:
        return [next(number) for _ in range(count)]

    made = driver(tmp_path, number, first)
    for count in (3, 5):
        assert made.execute(["first"], {"count": count}) == {"first": list(range(count))}
        assert called()[:1] == [0]


def test_streams_and_associative_collectors_read_what_was_found(tmp_path):
    def square(item: int) -> int:
        calls.append(item)
        return item * item

    def streamed(square: Stream[int]) -> int:
        return sum(square)

    @associative
    def summed(square: Collect[int]) -> int:
        return sum(square)

    made = driver(tmp_path, item, square, streamed, summed)
    for _ in range(2):
        assert made.execute(["streamed", "summed"], {"items": list(range(30))}) == {"streamed": 8555, "summed": 8555}
    assert sorted(called()) == list(range(30))


def test_formats(tmp_path):
    pandas = pytest.importorskip("pandas")

    @cache(format="parquet")
    def frame(n: int) -> pandas.DataFrame:
        calls.append("frame")
        return pandas.DataFrame({"a": range(n)})

    @cache(format="json")
    def told(frame: pandas.DataFrame) -> dict[str, int]:
        calls.append("told")
        return {"rows": len(frame)}

    made = driver(tmp_path, frame, told)
    for _ in range(2):
        found = made.execute(["frame", "told"], {"n": 2000})
        assert found["told"] == {"rows": 2000}
        assert found["frame"]["a"].sum() == 1999000
    assert called() == ["frame", "told"]


def test_a_format_that_is_none_is_said_before_anything_runs(tmp_path):
    @cache(format="fether")
    def table(x: int) -> dict[str, int]:
        calls.append(x)
        return {"x": x}

    with pytest.raises(FlowError, match=r"@cache of 'table' .*unknown format 'fether'; did you mean 'feather'"):
        driver(tmp_path, table)
    assert not called()


def test_values_without_versions_are_computed(tmp_path):
    def lock(x: int) -> object:
        calls.append("lock")
        return threading.Lock()

    def used(lock: object) -> bool:
        calls.append("used")
        return lock.acquire(blocking=False)

    made = driver(tmp_path, lock, used)
    for _ in range(2):
        assert made.execute(["used"], {"x": 1}) == {"used": True}
        assert called() == ["lock", "used"]


def test_failures_and_what_is_left_out_are_not_kept(tmp_path):
    def half(item: int) -> int:
        calls.append(item)
        if item == 1:
            raise Skip
        if item == 2:
            raise ValueError("two")
        return item

    made = driver(tmp_path, item, half)
    for again in (False, True):
        assert made.execute(["half"], {"items": [1, 2, 3]}, on_error="skip") == {"half": [3]}
        assert called() == ([1, 2] if again else [1, 2, 3])


def test_only_the_attempt_that_succeeds_is_kept(tmp_path):
    @retry(attempts=3, delay=0.0)
    def flaky(x: int) -> int:
        calls.append(x)
        if len(calls) < 3:
            raise ValueError
        return x

    made = driver(tmp_path, flaky)
    assert made.execute(["flaky"], {"x": 1}) == {"flaky": 1}
    assert called() == [1, 1, 1]
    assert made.execute(["flaky"], {"x": 1}) == {"flaky": 1}
    assert called() == []


def test_names_that_are_none(tmp_path):
    with pytest.raises(InputError, match="with_cache names 'kidn', which is not there; did you mean 'kind'"):
        driver(tmp_path, item, kind, recompute=["kidn"])
    with pytest.raises(InputError, match="'kind' is named for two behaviours"):
        driver(tmp_path, item, kind, recompute=["kind"], disable=["kind"])
    with pytest.raises(InputError, match="a cache has no behavior 'sometimes'"):
        driver(tmp_path, item, kind, default_behavior="sometimes")


# -- trouble -------------------------------------------------------------------------------------------------------


def large(x: int) -> bytes:
    calls.append("large")
    return bytes(100_000) + bytes([x])


def small(large: bytes) -> int:
    calls.append("small")
    return large[-1]


def blobs(folder: Path) -> list[Path]:
    return [path for path in (folder / "blobs").rglob("*") if path.is_file()]


@pytest.mark.parametrize("harm", ["flipped", "torn", "gone"])
def test_a_damaged_value_is_computed_anew(tmp_path, harm, caplog):
    made = driver(tmp_path, large, small)
    made.execute(["large", "small"], {"x": 7})
    called()
    for path in blobs(tmp_path):
        if harm == "gone":
            path.unlink()
        else:
            data = bytearray(path.read_bytes())
            data[len(data) // 2] ^= 1
            path.write_bytes(data if harm == "flipped" else data[:-10])
    found = driver(tmp_path, large, small).execute(["large", "small"], {"x": 7})
    assert found == {"large": bytes(100_000) + b"\x07", "small": 7}
    assert called() == ["large"], "what was made of it is still good"
    assert "gone or damaged" in caplog.text
    assert driver(tmp_path, large).execute(["large"], {"x": 7}) == {"large": bytes(100_000) + b"\x07"}
    assert called() == []


def test_any_byte_of_a_value_may_be_flipped(tmp_path):
    def text(x: int) -> str:
        calls.append("text")
        return "abc" * 2000

    made = driver(tmp_path, text)
    made.execute(["text"], {"x": 1})
    (path,) = blobs(tmp_path)
    good = path.read_bytes()
    for place in range(0, len(good), 101):
        called()
        path.write_bytes(good[:place] + bytes([good[place] ^ 0x40]) + good[place + 1 :])
        assert made.execute(["text"], {"x": 1}) == {"text": "abc" * 2000}
        assert called() == ["text"]


def test_a_value_that_others_count_on_may_be_gone_on_every_executor(tmp_path):
    for executor, options in (("threads", {"workers": 2}), ("processes", {"workers": 2})):
        folder = tmp_path / executor
        builder = Builder().with_modules(module_from_functions(item, sized, summed)).with_cache(folder)
        with builder.with_executor(executor, **options).build() as made:
            made.execute(["summed"], {"items": list(range(20))})
            for path in blobs(folder):
                path.unlink()
            with open_store(Settings(str(folder))) as store:
                store.rm(("summed",))
            assert made.execute(["summed"], {"items": list(range(20))}) == {"summed": 190}


def sized(item: int) -> bytes:
    return bytes(10_000) + bytes([item])


def summed(sized: Collect[bytes]) -> int:
    return sum(one[-1] for one in sized)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_read_only_cache_is_read_by_whoever_may_not_write(tmp_path):
    driver(tmp_path, item, kind).execute(["kind"], {"items": [1]})
    called()
    tmp_path.chmod(0o500)
    try:
        assert driver(tmp_path, item, kind).execute(["kind"], {"items": [1, 2]}) == {"kind": ["int", "int"]}
        assert called() == [2]
    finally:
        tmp_path.chmod(0o700)


def test_a_folder_that_cannot_be_one_is_said_before_anything_runs(tmp_path):
    (tmp_path / "file").write_text("no folder")
    with pytest.raises(StoreError, match="file"):
        driver(tmp_path / "file", item, kind)


FULL = """
    import resource, sys
    from anabranch import Builder, Parallelizable, module_from_functions

    def item(n: int) -> Parallelizable[int]: return range(n)
    def wide(item: int) -> bytes: return bytes([item % 256]) * 200_000

    driver = Builder().with_modules(module_from_functions(item, wide)).with_cache(sys.argv[1]).build()
    driver.execute(["wide"], {"n": 2})
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, resource.RLIM_INFINITY))
    found = driver.execute(["wide"], {"n": 9})["wide"]
    print(len(found), {len(one) for one in found})
"""


def test_a_full_disk_costs_the_storing_and_not_the_run(tmp_path):
    script = tmp_path / "full.py"
    script.write_text(textwrap.dedent(FULL))
    done = subprocess.run([sys.executable, script, tmp_path / "cache"], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["9", "{200000}"]
    assert done.stderr.count("the run goes on without its cache") == 1
    assert "ulimit" in done.stderr


# -- many at once --------------------------------------------------------------------------------------------------

begun, release = threading.Event(), threading.Event()


@cache(version="1")
def slow(x: int) -> int:
    calls.append(x)
    begun.set()
    release.wait(30)
    return x + 1


def test_equal_work_of_two_drivers_at_once_is_done_once(tmp_path):
    found = []
    made = [driver(tmp_path, slow) for _ in range(2)]
    first, second = (threading.Thread(target=lambda one=one: found.append(one.execute(["slow"], {"x": 1}))) for one in made)
    first.start()
    begun.wait(30)
    second.start()
    release.set()
    first.join(30)
    second.join(30)
    assert found == [{"slow": 2}] * 2
    assert called() == [1]


def long(item: int) -> int:
    calls.append(item)
    until = process_time() + 0.005
    while process_time() < until:
        pass
    return item


def longs(long: Collect[int]) -> list[int]:
    return long


@pytest.mark.parametrize("count", [2, 3, 5])
def test_whoever_waited_for_others_claims_what_they_left(tmp_path, monkeypatch, count):
    """Not all wait for the same: who comes back finds others at work on what was its own before."""
    monkeypatch.setattr(span, "OLD", 0.02)  # what is stored on the way is no reason to give up a claim
    lists = [list(range(60)), list(range(59, -1, -1)), [*range(30, 60), *range(30)], list(range(0, 60, 2)), list(range(40))]
    made = [driver(tmp_path, item, long, longs) for _ in range(count)]
    with ThreadPoolExecutor(count) as pool:
        found = list(pool.map(lambda one, items: one.execute(["longs"], {"items": items})["longs"], made, lists))
    assert found == lists[:count]
    assert sorted(called()) == list(range(60))


def test_a_flow_inside_of_a_flow_with_the_same_cache(tmp_path):
    """The inner one asks for what the outer one has claimed; neither waits for the other."""

    def value(item: int) -> int:
        if item == 0:
            inner = driver(tmp_path, item_, value_)
            return inner.execute(["value_"], {"items": [1, 2]})["value_"][0]
        return item

    def item_(items: list[int]) -> Parallelizable[int]:
        return items

    def value_(item_: int) -> int:
        return item_ * 10

    assert driver(tmp_path, item, value).execute(["value"], {"items": [0, 1, 2]}) == {"value": [10, 1, 2]}


def test_why(tmp_path):
    def one(x: int) -> int:
        return x

    def two(one: int, y: int) -> int:
        return one + y

    def other(z: int) -> int:
        return z

    made = driver(tmp_path, one, two, other)
    made.execute(["two", "other"], {"x": 1, "y": 2, "z": 3})
    made.execute(["two", "other"], {"x": 1, "y": 3, "z": 3})
    with open_store(Settings(str(tmp_path))) as store:
        last, before = noted(store, "two")
        assert last is not None
        assert before is not None
        assert last.differences(before) == ["input 'y' changed"]
        assert last.touched(before) == ["two"]
        assert noted(store, "other")[1] is None
        assert noted(store, "three") == (None, None)


def basket() -> dict:
    calls.append("basket")
    return {"apples": 1}


def fuller(basket: dict) -> dict:
    """Changes what it is given, and returns it."""
    basket["pears"] = 2
    return basket


def emptied(fuller: dict) -> int:
    found = len(fuller)
    fuller.clear()
    return found


def all_emptied(fuller: Collect[dict]) -> int:
    found = sum(map(len, fuller))
    fuller[0].clear()
    return found


@pytest.mark.parametrize("options", [{}, {"disable": ["fuller"]}, {"disable": ["emptied"]}])
def test_what_a_reader_changes_is_stored_as_it_was_made(tmp_path, options):
    first = driver(tmp_path, basket, fuller, emptied, **options)
    assert first.execute(["emptied"]) == {"emptied": 2}
    assert called() == ["basket"]
    assert driver(tmp_path, basket, fuller, emptied).execute(["basket"]) == {"basket": {"apples": 1}}
    assert driver(tmp_path, basket, fuller, emptied).execute(["fuller"]) == {"fuller": {"apples": 1, "pears": 2}}
    assert called() == []


def test_an_argument_that_a_function_changes_and_returns_has_two_versions(tmp_path):
    with driver(tmp_path, basket, fuller, emptied) as first:
        first.execute(["fuller", "emptied"])

    def emptied_of(fuller: dict) -> int:
        calls.append(dict(fuller))
        return len(fuller)

    def of_the_first(basket: dict) -> int:
        calls.append(dict(basket))
        return len(basket)

    second = driver(tmp_path, basket, fuller, emptied_of, of_the_first)
    assert second.execute(["of_the_first", "emptied_of"]) == {"of_the_first": 1, "emptied_of": 2}
    assert sorted(map(len, called()[-2:])) == [1, 2]


def test_what_a_collecting_reader_changes_is_stored_as_it_was_made(tmp_path):
    def basket(item: int) -> dict:
        return {"apples": item}

    first = driver(tmp_path, item, basket, fuller, all_emptied)
    given = {"items": [1, 2, 3]}
    assert first.execute(["all_emptied"], given) == {"all_emptied": 6}
    found = driver(tmp_path, item, basket, fuller, all_emptied).execute(["basket", "fuller"], given)
    assert found["basket"] == [{"apples": 1}, {"apples": 2}, {"apples": 3}]
    assert [len(one) for one in found["fuller"]] == [2, 2, 2]


def test_what_cannot_be_written_and_is_changed_is_not_stored_wrong(tmp_path):
    def tool() -> list:
        return [threading.Lock()]

    def used(tool: list) -> int:
        tool.clear()
        return 1

    assert driver(tmp_path, tool, used).execute(["used"]) == {"used": 1}
    assert len(driver(tmp_path, tool, used).execute(["tool"])["tool"]) == 1
