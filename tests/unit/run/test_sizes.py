from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anabranch.run import Estimate
from anabranch.run.sizes import HEAVIEST, KNOWN_GROWTH, LARGEST, PATIENCE, TARGET, SpanSizer


def grown(seconds_per_item, spans=40, slots=1, left=None, estimate=None):
    """The sizes of spans that all take as long per item."""
    sizer = SpanSizer(estimate or Estimate(), slots)
    sizes = []
    for _ in range(spans):
        sizes.append(sizer.next(left))
        sizer.finished(sizes[-1], sizes[-1] * seconds_per_item)
    return sizes


def test_the_first_span_is_one_item_and_then_they_double():
    assert grown(1e-7, spans=6) == [1, 2, 4, 8, 16, 32]


def test_they_grow_to_what_takes_the_target():
    assert grown(1e-3)[-1] == pytest.approx(TARGET / 1e-3, abs=1)
    assert grown(1e-4)[-1] == pytest.approx(TARGET / 1e-4, rel=0.01)


def test_slow_items_travel_alone_and_quick_ones_never_in_more_than_the_largest_span():
    assert set(grown(1.0)) == {1}
    assert max(grown(0.0)) == LARGEST


def test_one_quick_item_does_not_send_thousands_of_slow_ones_on_their_way():
    sizer = SpanSizer(Estimate(), 4)
    sizer.finished(1, 1e-9)
    assert sizer.next(None) == 2
    sizer.finished(2, 2.0)
    assert sizer.next(None) == 1


def test_what_an_earlier_run_found_makes_them_grow_faster_once_it_is_confirmed():
    estimate = Estimate()
    slow = grown(1e-5, spans=8, estimate=estimate)
    quick = grown(1e-5, spans=8, estimate=estimate)
    assert quick[0] == int(TARGET / KNOWN_GROWTH / 1e-5)
    assert quick[1] == quick[0] * KNOWN_GROWTH
    assert sum(quick) > 4 * sum(slow)
    assert SpanSizer(estimate, 2).next(8) == 2, "but no more than its share"
    estimate.weight = HEAVIEST // 3
    assert SpanSizer(estimate, 1).next(None) == 3, "nor too heavy"
    estimate.seconds = TARGET
    assert SpanSizer(estimate, 1).next(None) == 1, "nor anything but one item if they are slow"
    sizer = SpanSizer(estimate, 1)
    sizer.finished(1, 1.0)
    assert sizer.next(None) <= 2


def test_no_span_takes_more_than_its_share_of_what_is_left():
    sizer = SpanSizer(Estimate(), 4)
    sizer.finished(1000, 1e-3)
    assert sizer.next(80) == 10
    assert sizer.next(7) == 1
    assert SpanSizer(Estimate(), 1).next(1) == 1
    alone = SpanSizer(Estimate(), 1)
    alone.finished(1000, 1e-3)
    assert alone.next(80) > 10


def test_a_slow_source_is_not_waited_for():
    sizer = SpanSizer(Estimate(), 2)
    sizer.finished(1000, 1e-3)
    sizer.pulled(10, 10 * PATIENCE / 2, 1)
    assert sizer.next(None) == 2
    sizer.pulled(1, 1.0, 1)
    assert sizer.next(None) == 1
    sizer.pulled(0, 9.0, 1)
    assert sizer.next(None) == 1


def test_heavy_items_travel_in_small_spans():
    sizer = SpanSizer(Estimate(), 2)
    sizer.finished(10_000, 1e-3)
    sizer.pulled(1, 0.0, HEAVIEST // 3)
    assert sizer.next(None) == 3
    sizer.pulled(1, 0.0, 2 * HEAVIEST)
    assert sizer.next(None) == 1


def test_heavy_results_come_back_in_small_spans():
    sizer = SpanSizer(Estimate(), 2)
    sizer.finished(10_000, 1e-3, 10_000 * (HEAVIEST // 5))
    assert sizer.next(None) == 5
    sizer.finished(1, 1e-3, 2 * HEAVIEST)
    assert sizer.next(None) == 1


durations = st.lists(st.floats(0, 10), min_size=1, max_size=50)


@given(durations, st.integers(1, 64), st.none() | st.integers(1, 10**9))
def test_a_span_is_never_empty_nor_larger_than_what_came_back_allows(seconds, slots, left):
    sizer = SpanSizer(Estimate(), slots)
    largest = 0
    for duration in seconds:
        size = sizer.next(left)
        assert 1 <= size <= max(1, min(LARGEST, 2 * largest))
        largest = max(largest, size)
        sizer.finished(size, duration)


def test_an_estimate_follows_what_it_sees():
    estimate = Estimate()
    assert estimate.seconds is None
    estimate.learn(10, 1.0)
    assert estimate.seconds == pytest.approx(0.1)
    for _ in range(20):
        estimate.learn(10, 2.0)
    assert estimate.seconds == pytest.approx(0.2, rel=1e-3)
