"""What is told of tasks: in the driver of every one, in the workers where they run."""

from __future__ import annotations

import pytest
from noting import Book, Calls, Tasks

from anabranch import Builder, WorkerLost
from anabranch.lifecycle import TaskExecutionHook, TaskReturnHook, TaskSubmissionHook
from anabranch.lifecycle.tasks import Items

pytestmark = [
    pytest.mark.timeout(300),
    pytest.mark.filterwarnings("ignore::ResourceWarning:ray"),
    pytest.mark.filterwarnings("ignore:.*accelerator visible devices.*:FutureWarning"),
]

FLOW = """
def word(text: str) -> Parallelizable[str]:
    yield from text.split()

def length(word: str, plus: int = 0) -> int:
    return len(word) + plus

def total(length: Collect[int]) -> int:
    return sum(length)

def doubled(total: int) -> int:
    return 2 * total
"""
TEXT = "a bb ccc dddd eeeee"


def covered(lines):
    """The items that the spans in these lines are about, in order."""
    found = []
    for line in lines:
        lo, hi = line["task"].partition("[")[2].removesuffix("]").split(":")
        found += range(int(lo), int(hi))
    return found


def test_every_task_is_told_of_at_both_ends(flow, make, book):
    driver = make(flow(FLOW), Tasks(book))
    assert driver.execute(["doubled"], {"text": TEXT, "plus": 1}) == {"doubled": 40}
    for moments in (("submitted", "returned"), ("began", "ended")):
        before, after = (book.lines(moment) for moment in moments)
        assert sorted(line["task"] for line in before) == sorted(line["task"] for line in after)
        spans = [line for line in before if line["purpose"] == "EXECUTE_BLOCK"]
        assert sorted(covered(spans)) == [0, 1, 2, 3, 4]
        assert all(line["spawned"] == "word" and line["nodes"] == ["length"] for line in spans)
        (opening,) = [line for line in before if line["purpose"] == "EXPAND_UNORDERED"]
        assert (opening["task"], opening["nodes"], opening["spawned"]) == ("word", ["word"], None)
        assert opening["inputs"] == {"text": TEXT}
        (last,) = [line for line in before if line["purpose"] == "EXECUTE_SINGLE"]
        assert last["nodes"] == ["total", "doubled"] and last["inputs"] == {"length": [2, 3, 4, 5, 6]}
        assert all(line["success"] and line["error"] is None for line in after)
        given = [item for line in sorted(spans, key=lambda line: covered([line])) for item in line["inputs"]["word"]]
        assert given == TEXT.split() and all(line["inputs"]["plus"] == 1 for line in spans)
        made = [line for line in after if line["purpose"] == "EXECUTE_BLOCK"]
        assert [one for line in sorted(made, key=lambda line: covered([line])) for one in line["result"]["length"]] == [2, 3, 4, 5, 6]
        assert [line["result"] for line in after if line["purpose"] == "EXPAND_UNORDERED"] == [None]
    assert len({line["run"] for line in book.lines("submitted", "began")}) == 1
    (grouped,) = book.lines("grouped")
    assert set(grouped["tasks"]) == {"word", "word[:]", book.lines("submitted")[-1]["task"]}
    (expanded,) = book.lines("expanded")
    assert expanded["task"] == "word" and expanded["items"] == {f"word[{n}]": n for n in range(5)}


def test_what_happens_in_the_driver_is_told_in_its_thread_and_in_order(flow, make, book):
    make(flow(FLOW), Tasks(book)).execute(["doubled"], {"text": TEXT})
    here = __import__("os").getpid()
    lines = book.lines("submitted", "returned", "grouped", "expanded")
    assert {line["process"] for line in lines} == {here}
    order = [(line["moment"], line.get("task")) for line in lines]
    for moment, task in order:
        if moment == "returned":
            assert order.index(("submitted", task)) < order.index((moment, task))


def test_nested_fan_outs(flow, make, book):
    module = flow("""
        def folder(n: int) -> Parallelizable[int]:
            return range(n)

        def file(folder: int) -> Parallelizable[int]:
            yield from range(folder)

        def size(file: int) -> int:
            return file

        def per_folder(size: Collect[int]) -> int:
            return sum(size)
    """)
    assert make(module, Tasks(book), Calls(book)).execute(["per_folder"], {"n": 4}) == {"per_folder": [0, 0, 1, 3]}
    sizes = {line["task"] for line in book.lines("before") if line["node"] == "size"}
    assert sizes == {f"folder[{a}]/file[{b}]" for a in range(4) for b in range(a)}
    submitted = book.lines("submitted")
    assert {line["task"] for line in submitted} == {line["task"] for line in book.lines("returned")}
    inner = [line for line in submitted if line["task"].startswith("folder[") and "/file[" in line["task"]]
    for line in inner:  # those folders that were opened one by one
        assert line["spawned"] == line["task"].partition("/")[0] + "/file"
    expansions = {line["task"]: len(line["items"]) for line in book.lines("expanded")}
    assert expansions["folder"] == 4
    assert all(width == int(task[7]) for task, width in expansions.items() if task != "folder")


def test_failures_are_told_with_what_was_made(flow, make, book):
    module = flow("""
        def number(n: int) -> Parallelizable[int]:
            return range(n)

        def inverse(number: int) -> float:
            return 6 / (number - 1)

        def total(inverse: Collect[float]) -> float:
            return sum(inverse)
    """)
    assert make(module, Tasks(book)).execute(["total"], {"n": 4}, on_error="skip") == {"total": 3.0}
    for moment in ("returned", "ended"):
        spans = [line for line in book.lines(moment) if line["purpose"] == "EXECUTE_BLOCK"]
        (failed,) = [line for line in spans if not line["success"]]
        assert "ZeroDivisionError" in failed["error"]
        assert sum(len(line["result"]["inverse"]) for line in spans) == 3
    with pytest.raises(ZeroDivisionError):
        make(module, Tasks(book)).execute(["total"], {"n": 4})
    assert not [line for line in book.lines("ended") if not line["success"]][-1]["result"]


class Outcomes(TaskReturnHook, TaskSubmissionHook):
    def __init__(self):
        self.errors = []

    def run_after_task_return(self, *, success, error, result, **more):
        if not success:
            self.errors.append((type(error), result))


def test_a_worker_that_dies_is_told_of(flow):
    module = flow("""
        def number(n: int) -> Parallelizable[int]:
            return range(n)

        def fatal(number: int) -> int:
            import os
            os._exit(3) if number == 1 else None
            return number
    """)
    outcomes = Outcomes()
    with Builder().with_modules(module).with_adapters(outcomes).with_executor("processes", workers=1).build() as driver:
        with pytest.raises(WorkerLost):
            driver.execute(["fatal"], {"n": 2}, deaths=1)
    assert outcomes.errors and all(kind is WorkerLost and result is None for kind, result in outcomes.errors)


def test_streams_and_merges_are_tasks_too(flow, make, book):
    module = flow("""
        def number(n: int) -> Parallelizable[int]:
            yield from range(n)

        def square(number: int) -> int:
            return number * number

        def running(square: Stream[int]) -> list[int]:
            return list(square)

        @associative
        def total(square: Collect[int]) -> int:
            return sum(square)
    """)
    assert make(module, Tasks(book)).execute(["running", "total"], {"n": 40}) == {"running": [n * n for n in range(40)], "total": 20540}
    submitted, returned = book.lines("submitted"), book.lines("returned")
    assert sorted(line["task"] for line in submitted) == sorted(line["task"] for line in returned)
    assert "GATHER" in {line["purpose"] for line in submitted}
    assert ["running"] in [line["nodes"] for line in submitted if line["purpose"] == "GATHER"]


class Careless(TaskExecutionHook, TaskSubmissionHook, TaskReturnHook):
    def run_before_task_execution(self, **more):
        raise RuntimeError("began")

    def run_after_task_execution(self, **more):
        raise RuntimeError("ended")

    def run_before_task_submission(self, **more):
        raise RuntimeError("submitted")

    def run_after_task_return(self, **more):
        raise RuntimeError("returned")


def test_hooks_of_tasks_do_no_harm(flow, make, book):
    assert make(flow(FLOW), Careless(), Tasks(book)).execute(["doubled"], {"text": TEXT}) == {"doubled": 30}
    assert book.lines("submitted") and book.lines("ended")


def test_values_are_looked_at_only_when_asked_for(flow):
    """What a hook doesn't look at is not put together."""
    seen = []

    class Names(TaskSubmissionHook, TaskReturnHook):
        def run_before_task_submission(self, *, inputs, **more):
            seen.append((list(inputs), repr(inputs), inputs._made))

        def run_after_task_return(self, *, result, **more):
            if result is not None:
                seen.append((list(result), len(result), result._made))

    Builder().with_modules(flow(FLOW)).with_adapters(Names()).build().execute(["total"], {"text": "a b"})
    assert all(made is None for *_, made in seen)
    assert (["word", "plus"], "<values of word, plus>", None) in seen or (["word"], "<values of word>", None) in seen


def test_the_items_of_a_fan_out_by_name():
    items = Items("a", 3)
    assert dict(items) == {"a[0]": 0, "a[1]": 1, "a[2]": 2} and len(items) == 3
    assert "a[3]" not in items and "b[0]" not in items and "a" not in items and "a[-1]" not in items


def test_nothing_is_told_of_what_another_driver_does(flow, tmp_path):
    module = flow(FLOW)
    book = Book(tmp_path / "book")
    with_hooks = Builder().with_modules(module).with_adapters(Tasks(book)).build()
    without = Builder().with_modules(module).build()
    without.execute(["total"], {"text": TEXT})
    assert not book.lines()
    with_hooks.execute(["total"], {"text": TEXT})
    assert book.lines()
