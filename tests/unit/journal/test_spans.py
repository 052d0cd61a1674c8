"""Ranges against a plain dict of indices."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from anabranch.journal import Spans


@given(st.lists(st.tuples(st.integers(0, 30), st.integers(1, 8)), max_size=12), st.integers(0, 40), st.integers(0, 10))
def test_an_item_is_done_once_and_where_it_was_done_first(added, lo, count):
    spans, first = Spans(), {}
    for number, (start, length) in enumerate(added):
        holes = (start,) if number % 3 == 0 else ()
        spans.add(start, start + length, (str(number),), holes)
        for index in range(start, start + length):
            first.setdefault(index, (str(number), index - start, index in holes))
    assert len(spans) == len(first)
    for index in range(50):
        span = spans.at(index)
        assert (span is None) == (index not in first)
        if span is not None:
            assert (span.values[0], span.offset + index - span.lo, index in span.holes) == first[index]
    missing = [index for start, end in spans.missing(lo, lo + count) for index in range(start, end)]
    assert missing == [index for index in range(lo, lo + count) if index not in first]
    ordered = list(spans)
    assert ordered == sorted(ordered)
    assert all(one.hi <= other.lo for one, other in pairwise(ordered))
