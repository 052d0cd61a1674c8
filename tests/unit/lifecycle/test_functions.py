"""Adapters around functions: every call of every function, on every executor, inside and outside of fan-outs."""

from __future__ import annotations

import logging
import threading
from collections import Counter

import pytest
from noting import Around, Book, Calls

from anabranch import Builder, Driver, PerItem, TransferError
from anabranch.lifecycle import NodeExecutionHook, NodeExecutionMethod, WorkerReport
from anabranch.lifecycle.telling import _reported

pytestmark = [
    pytest.mark.timeout(300),
    pytest.mark.filterwarnings("ignore::ResourceWarning:ray"),
    pytest.mark.filterwarnings("ignore:.*accelerator visible devices.*:FutureWarning"),
]

NESTED = """
def folder(folders: int) -> Parallelizable[int]:
    yield from range(folders)

def file(folder: int, files: int = 2) -> Parallelizable[int]:
    return [10 * folder + n for n in range(files)]

@tag(kind="leaf")
def size(file: int, folder: int) -> int:
    return file + folder

def per_folder(size: Collect[int]) -> int:
    return sum(size)

def total(per_folder: Collect[int], size: Collect[Collect[int]]) -> int:
    assert sum(map(sum, size)) == sum(per_folder)
    return sum(per_folder)

def share(per_folder: int, total: int) -> float:
    return per_folder / total
"""


def test_every_call_is_told_of_once(flow, make, book):
    driver = make(flow(NESTED), Calls(book))
    assert driver.execute(["share", "total"], {"folders": 3}) == {"share": [1 / 69, 23 / 69, 45 / 69], "total": 69}
    calls = Counter(line["node"] for line in book.lines("before"))
    assert calls == {"folder": 1, "file": 3, "size": 6, "per_folder": 3, "total": 1, "share": 3}
    assert Counter(line["node"] for line in book.lines("after")) == calls
    assert len({line["run"] for line in book.lines("before")}) == 1
    sizes = {line["task"]: line for line in book.lines("before") if line["node"] == "size"}
    assert set(sizes) == {f"folder[{a}]/file[{b}]" for a in range(3) for b in range(2)}
    assert sizes["folder[2]/file[1]"]["kwargs"] == {"file": 21, "folder": 2}
    assert sizes["folder[2]/file[1]"]["item"] == [2, 1]
    ended = {line["task"]: line for line in book.lines("after") if line["node"] == "size"}
    assert ended["folder[2]/file[1]"]["result"] == 23 and ended["folder[2]/file[1]"]["success"]
    assert ended["folder[2]/file[1]"]["tags"] == {"kind": "leaf"}
    (total,) = [line for line in book.lines("before") if line["node"] == "total"]
    assert total["task"] is None and total["item"] == []
    assert total["kwargs"] == {"per_folder": [1, 23, 45], "size": [[0, 1], [11, 12], [22, 23]]}
    assert total["kinds"] == {"per_folder": "list[int]", "size": "list[list[int]]"}


def test_methods_go_around_each_other_in_order(flow, make, book):
    driver = make(flow(NESTED), Around(book, "outer"), Around(book, "inner"))
    assert driver.execute(["total"], {"folders": 2}) == {"total": 24}
    for task in ("folder[0]/file[0]", "folder[1]/file[1]"):
        found = [(line["moment"], line["who"]) for line in book.lines() if line["task"] == task and line["node"] == "size"]
        assert found == [("in", "outer"), ("in", "inner"), ("out", "inner"), ("out", "outer")]
    assert len([line for line in book.lines("in") if line["node"] == "total"]) == 2


def test_what_goes_wrong_is_told_and_fails_as_ever(flow, make, book):
    module = flow("""
        def number(n: int) -> Parallelizable[int]:
            return range(n)

        def checked(number: int) -> int:
            if number == 1:
                raise Skip
            if number == 3:
                raise ValueError("three")
            return number

        def total(checked: Collect[int]) -> int:
            return sum(checked)
    """)
    driver = make(module, Calls(book))
    assert driver.execute(["total"], {"n": 5}, on_error="skip") == {"total": 6}
    ended = {line["task"]: line for line in book.lines("after") if line["node"] == "checked"}
    assert (ended["number[1]"]["success"], ended["number[1]"]["error"]) == (False, "Skip()")
    assert (ended["number[3]"]["success"], ended["number[3]"]["error"]) == (False, "ValueError('three')")
    assert ended["number[4]"]["success"] and ended["number[4]"]["result"] == 4
    with pytest.raises(ValueError, match="three") as caught:
        driver.execute(["total"], {"n": 5})
    assert "item number[3]" in caught.value.__notes__[0]
    assert [entry.name for entry in caught.traceback][-1] == "checked"
    assert not [entry for entry in caught.traceback if entry.path.name == "hooked.py"]  # the user's frames and no others
    with pytest.raises(ValueError, match="three"):
        make(module, Around(book, "one")).execute(["total"], {"n": 5})


class Failing(NodeExecutionHook):
    def run_before_node_execution(self, **more):
        raise RuntimeError("before")

    def run_after_node_execution(self, **more):
        raise RuntimeError("after")


def test_a_hook_that_raises_is_logged_once_and_harms_nobody(flow, make, book, caplog):
    _reported.clear()
    driver = make(flow(NESTED), Failing(), Calls(book))
    with caplog.at_level(logging.ERROR, "anabranch"):
        assert driver.execute(["total"], {"folders": 3}) == {"total": 69}
    assert len(book.lines("before")) == 14
    ours = [record for record in caplog.records if "Failing.run_before_node_execution raised RuntimeError" in record.message]
    assert len(ours) <= 1 and all(record.exc_info for record in ours)  # in workers it is logged there


class Doubling(NodeExecutionMethod):
    def run_to_execute_node(self, *, node_name, node_callable, node_kwargs, is_expand, is_collect):
        result = node_callable(**node_kwargs)
        return result if is_expand or is_collect else 2 * result


class Refusing(NodeExecutionMethod):
    def run_to_execute_node(self, *, node_name, node_callable, node_kwargs, **more):
        if node_name == "size" and node_kwargs["file"] == 11:
            raise PermissionError("not this one")
        return node_callable(**node_kwargs)


def test_methods_decide_what_a_function_gives(flow, make, book):
    module = flow(NESTED)
    assert make(module, Doubling()).execute(["size", "total"], {"folders": 1}) == {"size": [[0, 2]], "total": 2}
    with pytest.raises(PermissionError, match="not this one") as caught:
        make(module, Refusing(), Calls(book)).execute(["total"], {"folders": 2})
    assert "in 'size'" in caught.value.__notes__[0] and "item folder[1] file[1]" in caught.value.__notes__[0]


def test_hooks_in_front_of_every_kind_of_argument(flow, make, book):
    module = flow("""
        def number(n: int) -> Parallelizable[int]:
            yield from range(n)

        def other(n: int) -> Parallelizable[int]:
            yield from range(n)

        def only_by_place(number: int, factor: int = 3, /, *, plus: int = 0) -> int:
            return factor * number + plus

        def later(number: int, left_out: int = 7, plus: int = 1, *, only_by_place: int) -> int:
            return number + left_out + plus + only_by_place

        def running(later: Stream[int]) -> int:
            return sum(later)

        @associative
        def highest(later: Collect[int]) -> int:
            return max(later)

        @cross
        def both(number: int, other: int) -> int:
            return 10 * number + other

        @zipped
        def pair(number: int, other: int) -> tuple[int, int]:
            return number, other

        def end(both: Collect[Collect[int]], pair: Collect[tuple[int, int]], running: int, highest: int) -> list[Any]:
            return [both, pair, running, highest]

        @parameterize(one={"by": value(1)}, two={"by": source("n")})
        def times(running: int, by: int) -> int:
            return running * by
    """)
    plain = Driver({}, module).execute(["end", "one", "two"], {"n": 3, "plus": 5})
    assert make(module, Calls(book), Around(book, "a"), Around(book, "b")).execute(["end", "one", "two"], {"n": 3, "plus": 5}) == plain
    calls = Counter(line["node"] for line in book.lines("before"))
    assert calls["both"] == 9 and calls["pair"] == 3 and calls["running"] == 1 and calls["highest"] >= 1
    (first, *_) = [line for line in book.lines("before") if line["node"] == "later" and line["task"] == "number[0]"]
    assert first["kwargs"] == {"number": 0, "plus": 5, "only_by_place": 5}


def test_what_is_overridden_is_not_called(flow, make, book):
    driver = make(flow(NESTED), Calls(book), Around(book, "a"))
    given = {"size": PerItem([[1, 2], [3, 4]]), "total": 10}
    assert driver.execute(["share"], {"folders": 2}, given) == {"share": [0.3, 0.7]}
    assert {line["node"] for line in book.lines("before")} == {"per_folder", "share"}


def test_expanders_end_with_their_last_item(flow, make, book):
    module = flow("""
        def lazily(n: int) -> Parallelizable[int]:
            for number in range(n):
                if number == 3:
                    raise LookupError("no more")
                yield number

        def at_once(n: int) -> Parallelizable[int]:
            return list(range(n))

        def forever() -> Parallelizable[int]:
            number = 0
            while True:
                yield number
                number += 1

        def first(forever: Stream[int]) -> int:
            return next(forever)

        def count(lazily: Collect[int]) -> int: return len(lazily)
        def count_of_all(at_once: Collect[int]) -> int: return len(at_once)
    """)
    driver = make(module, Calls(book), Around(book, "a"))
    assert driver.execute(["count", "count_of_all", "first"], {"n": 3}) == {"count": 3, "count_of_all": 3, "first": 0}
    ended = {line["node"]: line for line in book.lines("after")}
    assert ended["lazily"]["success"] and ended["lazily"]["result"] is None
    assert ended["at_once"]["result"] == [0, 1, 2]
    assert ended["forever"]["success"]
    assert Counter(line["node"] for line in book.lines("after"))["forever"] == 1
    with pytest.raises(LookupError, match="no more"):
        driver.execute(["count"], {"n": 5})
    failed = [line for line in book.lines("after") if line["node"] == "lazily" and not line["success"]]
    assert [line["error"] for line in failed] == ["LookupError('no more')"]


def test_an_adapter_is_one_object_in_each_process(flow, make, book):
    hook = Calls(book)
    driver = make(flow(NESTED), hook)
    driver.execute(["total"], {"folders": 4})
    here, lines = __import__("os").getpid(), book.lines("before")
    assert hook.seen == sum(line["process"] == here for line in lines)
    by_process = {}
    for line in lines:
        by_process.setdefault(line["process"], []).append(line["seen"])
    for process, seen in by_process.items():
        if process == here:
            assert max(seen) == len(seen)
    assert len(lines) == 1 + 4 + 8 + 4 + 1


class Reporting(NodeExecutionHook, WorkerReport):
    """Finds out in which processes a function ran, and has it brought to the driver."""

    def __init__(self):
        self.arrived = []

    def __getstate__(self):
        return {"arrived": None}

    def run_after_node_execution(self, *, node_name, item, success, **more):
        if success:
            self.report((node_name, item))

    def run_after_report(self, *, facts, run_id):
        self.arrived.append((facts, run_id, threading.current_thread()))


def test_what_is_found_where_functions_run_comes_to_the_driver(flow, make):
    hook = Reporting()
    driver = make(flow(NESTED), hook)
    driver.execute(["share"], {"folders": 3})
    facts = Counter(facts for facts, _, _ in hook.arrived)
    assert facts == Counter(
        [("folder", ()), ("total", ())]
        + [(name, (a,)) for a in range(3) for name in ("file", "per_folder", "share")]
        + [("size", (a, b)) for a in range(3) for b in range(2)]
    )
    assert {thread for *_, thread in hook.arrived} == {threading.current_thread()}
    assert len({run for (name, _), run, _ in hook.arrived if name != "folder"}) == 1


def test_attempts_are_counted_everywhere(flow, make):
    module = flow("""
        _tried = set()

        def number(n: int) -> Parallelizable[int]:
            return range(n)

        @retry(attempts=3)
        def flaky(number: int) -> int:
            if number not in _tried:
                _tried.add(number)
                raise ConnectionError
            return number
    """)
    events = []
    make(module, events.append).execute(["flaky"], {"n": 6})
    assert sum(event.retries for event in events if type(event).__name__ == "SpanFinished") == 6


def test_two_drivers_do_not_share_their_adapters(flow, make, tmp_path):
    module = flow(NESTED)
    one, two = Book(tmp_path / "one"), Book(tmp_path / "two")
    first, second = make(module, Calls(one)), make(module, Calls(two))
    first.execute(["total"], {"folders": 1})
    second.execute(["total"], {"folders": 2})
    assert len(one.lines("before")) == 1 + 1 + 2 + 1 + 1
    assert len(two.lines("before")) == 1 + 2 + 4 + 2 + 1
    assert one.lines("before")[0]["run"] != two.lines("before")[0]["run"]


def test_functions_are_as_they_were(flow, book):
    """The dataflow that a user sees has the functions, and a driver without adapters imports nothing of them."""
    module = flow(NESTED)
    driver = Builder().with_modules(module).with_adapters(Calls(book)).build()
    assert driver.graph.nodes["size"].function is module.size
    assert driver.lineage["size"].function is module.size
    assert module.size(1, 2) == 3 and not book.lines()


class Locked(NodeExecutionHook):
    def __init__(self):
        self.lock = threading.Lock()

    def run_before_node_execution(self, **more):
        with self.lock:
            pass


def test_what_cannot_travel_is_named(flow):
    driver = Builder().with_modules(flow(NESTED)).with_adapters(Locked()).with_executor("processes", workers=2).build()
    with driver, pytest.raises(TransferError, match=r"'size'.*cannot be sent to a worker.*lock"):
        driver.execute(["total"], {"folders": 3})
    with Builder().with_modules(flow(NESTED)).with_adapters(Locked()).with_executor("threads", workers=2).build() as threads:
        assert threads.execute(["total"], {"folders": 3}) == {"total": 69}
