"""Sources: what is taken is what the iterator gives, whatever was brought near before."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anabranch.sources import Source


@given(
    st.integers(0, 30),
    st.booleans(),
    st.lists(st.tuples(st.sampled_from(["take", "look"]), st.integers(1, 12)), max_size=20),
)
def test_nothing_is_lost_doubled_or_reordered(length, fails, steps):
    def items():
        yield from range(length)
        if fails:
            raise LookupError("the end")

    source, taken = Source(iter(items())), []
    for word, count in [*steps, *[("take", 5)] * 12]:
        if word == "look":
            source.look(count)
            if source.left is not None:
                assert source.left == length - len(taken)
            continue
        try:
            found, is_over = source.take(count)
        except LookupError:
            assert fails
            break
        taken += found
        assert len(found) <= count
        if is_over:
            assert not fails
            assert len(taken) == length
            break
        assert found
    if not fails:
        assert taken == list(range(length))
    else:
        assert taken == list(range(len(taken)))


def test_what_is_raised_while_looking_is_raised_when_its_turn_comes():
    def items():
        yield 1
        yield 2
        raise LookupError("the end")

    source = Source(items())
    source.look(10)
    assert (source.near, source.left) == (2, None)
    assert source.take(1) == ([1], False)
    assert source.take(5) == ([2], False)
    with pytest.raises(LookupError):
        source.take(5)


def test_closing_ends_the_generator():
    ended = []

    def items():
        try:
            yield from range(10)
        finally:
            ended.append(True)

    source = Source(items())
    source.look(3)
    source.close()
    assert ended == [True]
