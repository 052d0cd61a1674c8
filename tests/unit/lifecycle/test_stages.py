"""The stages of one call, in the one order that they have everywhere."""

from __future__ import annotations

import pytest
from noting import Around, Book, Calls

from anabranch.lifecycle import NodeFailureMethod

pytestmark = [
    pytest.mark.timeout(300),
    pytest.mark.filterwarnings("ignore::ResourceWarning:ray"),
    pytest.mark.filterwarnings("ignore:.*accelerator visible devices.*:FutureWarning"),
]

FLOW = """
from noting import Book

def number(n: int) -> Parallelizable[int]:
    return range(n)

@retry(attempts=3)
@timeout(30)
@check_output(range=(0, 50), importance="fail")
def checked(number: int, book: str) -> int:
    written = Book(book)
    written.note("called", node="checked", number=number)
    if number == 0 and sum(line["number"] == 0 for line in written.lines("called")) < 3:
        raise ConnectionError("not yet")
    return number

def total(checked: Collect[int]) -> int:
    return sum(checked)
"""


class Replacing(NodeFailureMethod):
    def __init__(self, book: Book, value: int | None) -> None:
        self.book = book
        self.value = value

    def run_to_replace_failure(self, *, node_name, failure, task_id, **more):
        self.book.note("failed", node=node_name, task=task_id, attempts=failure.attempts)
        if self.value is None:
            raise failure.exception
        return self.value


def story(book, node):
    """The moments of one function, in order."""
    return [line["moment"] + (f" {line['who']}" if "who" in line else "") for line in book.lines() if line["node"] == node]


def test_the_stages_of_one_call(flow, make, book):
    """retry ▸ timeout ▸ before ▸ methods ▸ function ▸ after; then, as calls of their own, validation and what reads it."""
    driver = make(flow(FLOW), Calls(book), Around(book, "outer"), Around(book, "inner"), Replacing(book, 0))
    assert driver.execute(["total"], {"n": 1, "book": book.path}) == {"total": 0}
    attempt = ["before", "in outer", "in inner", "called", "out inner", "out outer", "after"]
    raw = next(line["node"] for line in book.lines("before") if line["node"].startswith("checked") and line["node"] != "checked")
    found = [moment for line_node in (raw, "checked") for moment in story(book, line_node)]
    assert found.count("called") == 3 and "failed" not in found
    whole = [(line["moment"], line["node"]) for line in book.lines() if line["node"].startswith("checked")]
    attempts = whole[: 3 * len(attempt)]
    for number in range(3):
        part = attempts[number * len(attempt) : (number + 1) * len(attempt)]
        assert [moment for moment, _ in part] == [word.split()[0] for word in attempt]
    assert [line["success"] for line in book.lines("after")][1:4] == [False, False, True]
    names = list(dict.fromkeys(node for moment, node in whole if moment == "before"))
    assert names[0] == raw and names[-1] == "checked" and len(names) >= 3  # the function, its checks, the value


def test_a_limit_of_time_surrounds_the_hooks(flow, make, book):
    module = flow("""
        import threading
        _over = threading.Event()

        def number(n: int) -> Parallelizable[int]:
            return range(n)

        @on_error("skip")
        @timeout(0.5)
        def slow(number: int) -> int:
            if number == 1:
                _over.wait(60)
            return number

        def total(slow: Collect[int]) -> int:
            return sum(slow)
    """)
    assert make(module, Calls(book)).execute(["total"], {"n": 3}) == {"total": 2}
    ended = {line["task"]: line for line in book.lines("after") if line["node"] == "slow" and line["success"]}
    module._over.set()  # a thread that was left behind ends now, and tells its hooks
    assert set(ended) == {"number[0]", "number[2]"}


@pytest.mark.parametrize("value", [7, None])
def test_what_failed_for_good_can_be_replaced(flow, make, book, value):
    module = flow("""
        def number(n: int) -> Parallelizable[int]:
            return range(n)

        @retry(attempts=2)
        def half(number: int) -> int:
            if number % 2:
                raise ValueError(number)
            return number // 2

        def total(half: Collect[int]) -> int:
            return sum(half)
    """)
    driver = make(module, Calls(book), Replacing(book, value))
    if value is None:
        with pytest.raises(ValueError, match=r"^[13]\b"):
            driver.execute(["total"], {"n": 4})
    else:
        assert driver.execute(["total"], {"n": 4}) == {"total": 0 + 7 + 1 + 7}
        asked = {line["task"]: line["attempts"] for line in book.lines("failed")}
        assert asked == {"number[1]": 2, "number[3]": 2}
        assert len([line for line in book.lines("before") if line["task"] == "number[3]"]) == 2


def test_the_first_that_has_a_value_is_taken(flow, make, book):
    module = flow("""
        def number(n: int) -> Parallelizable[int]:
            raise LookupError("none")

        def total(number: Collect[int]) -> int:
            return sum(number)
    """)

    class Items(NodeFailureMethod):
        def run_to_replace_failure(self, *, is_expand, **more):
            assert is_expand
            return [1, 2, 3]

    driver = make(module, Replacing(book, None), Items(), Replacing(book, None))
    assert driver.execute(["total"], {"n": 4}) == {"total": 6}
    assert len(book.lines("failed")) == 1
