"""Where the cache stands among the stages of a call: outside of all others."""

from __future__ import annotations

import pytest
from noting import Around, Calls
from test_stages import FLOW, Replacing

from anabranch import Builder

pytestmark = [
    pytest.mark.timeout(300),
    pytest.mark.filterwarnings("ignore::ResourceWarning:ray"),
    pytest.mark.filterwarnings("ignore:.*accelerator visible devices.*:FutureWarning"),
]


@pytest.fixture
def cached(executor, tmp_path):
    """Makes a driver that keeps results, with adapters."""

    def make(module, *adapters):
        builder = Builder().with_modules(module).with_adapters(*adapters).with_executor(executor)
        return builder.with_cache(tmp_path / "cache").build()

    return make


def test_what_is_found_goes_through_no_other_stage(flow, cached, book):
    """cache ▸ retry ▸ timeout ▸ before ▸ methods ▸ function ▸ after ▸ store: of what is found there is nothing but the first."""
    module, given = flow(FLOW), {"n": 2, "book": book.path}
    adapters = Calls(book), Around(book, "method")
    assert cached(module, *adapters).execute(["total"], given) == {"total": 1}
    assert len(book.lines("called")) == 4  # item 0 three times, item 1 once
    first = len(book.lines())
    assert cached(module, *adapters).execute(["total"], given) == {"total": 1}
    again = book.lines()[first:]
    assert {line["node"] for line in again} <= {"number"}  # who opens a fan-out is asked again, whatever is known of its items
    assert not [line for line in again if line["moment"] == "called"]


def test_what_failed_and_was_replaced_is_not_kept(flow, cached, book):
    module = flow("""
        from noting import Book

        def number(n: int) -> Parallelizable[int]:
            return range(n)

        def failing(number: int, book: str) -> int:
            Book(book).note("called", node="failing")
            raise ValueError(number)

        def total(failing: Collect[int]) -> int:
            return sum(failing)
    """)
    given = {"n": 2, "book": book.path}
    for run in (1, 2):
        assert cached(module, Replacing(book, 7)).execute(["total"], given) == {"total": 14}
        assert len(book.lines("called")) == 2 * run
