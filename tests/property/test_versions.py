"""A hunt for collisions: two values have one version exactly if an independent description of them is one."""

import dataclasses
import datetime
import decimal
import struct

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from anabranch.versions import Versions


@dataclasses.dataclass(frozen=True)
class Leaf:
    value: object


@dataclasses.dataclass(frozen=True)
class Twig:
    value: object


def said(value):
    """The value as nested tuples of texts: slow, plain, and written without a look at how versions are made."""
    kind = type(value).__name__
    if isinstance(value, float):
        return (kind, struct.pack(">d", value).hex())
    if isinstance(value, complex):
        return (kind, said(value.real), said(value.imag))
    if isinstance(value, (list, tuple)):
        return (kind, tuple(said(part) for part in value))
    if isinstance(value, (set, frozenset)):
        return (kind, tuple(sorted(map(repr, map(said, value)))))
    if isinstance(value, dict):
        return (kind, tuple((said(key), said(part)) for key, part in value.items()))
    if isinstance(value, (Leaf, Twig)):
        return (kind, said(value.value))
    if isinstance(value, np.ndarray):
        return (kind, value.dtype.str, value.shape, tuple(part.tobytes().hex() for part in value.reshape(-1)))
    return (kind, repr(value))


SMALL = st.sampled_from([None, True, False, 0, 1, -1, 2**64, "", "1", "0", "N", "s1:", b"", b"1", 0.0, -0.0, 1.0, 1j, "\x00"])
SCALARS = st.one_of(
    SMALL,
    st.integers(-3, 3),
    st.integers(),
    st.text(max_size=3),
    st.text(st.characters(exclude_categories=()), max_size=2),
    st.binary(max_size=2),
    st.floats(allow_nan=False),
    st.sampled_from([datetime.date(2020, 1, 1), datetime.timedelta(1), decimal.Decimal("1.0"), decimal.Decimal("1.00")]),
)
ARRAYS = st.builds(
    lambda values, kind, shape: np.array(values, dtype=kind).reshape(shape),
    st.lists(st.integers(0, 2), min_size=4, max_size=4),
    st.sampled_from(["i1", "u1", ">i2", "<i2", "i8", "f8", "?", "S2", "U1", "M8[s]"]),
    st.sampled_from([(4,), (2, 2), (1, 4), (4, 1), (2, 1, 2)]),
)
KEYS = st.recursive(
    SCALARS, lambda inner: st.tuples(inner) | st.frozensets(inner, max_size=2) | st.builds(Leaf, inner), max_leaves=3
)


def nested(inner):
    lists = st.lists(inner, max_size=3)
    return st.one_of(
        lists,
        lists.map(tuple),
        st.sets(KEYS, max_size=3),
        st.frozensets(KEYS, max_size=3),
        st.dictionaries(KEYS, inner, max_size=3),
        st.builds(Leaf, inner),
        st.builds(Twig, inner),
    )


VALUES = st.recursive(SCALARS | ARRAYS, nested, max_leaves=8)


@settings(max_examples=60)
@given(st.lists(VALUES, min_size=30, max_size=60))
def test_versions_tell_values_apart_and_only_values(values):
    versions, by_version, by_text = Versions(), {}, {}
    for value in values:
        version, text = versions.of_data(value), said(value)
        assert by_version.setdefault(version, text) == text, "a collision"
        assert by_text.setdefault(text, version) == version, "one value, two versions"


@settings(max_examples=150)
@given(VALUES, VALUES)
def test_moving_a_bracket_shows(one, other):
    versions = Versions()
    around = [
        [one, other],
        [[one], other],
        [one, [other]],
        [[one, other]],
        (one, other),
        [one, other, None],
        {0: one, 1: other},
        [(0, one), (1, other)],
        Leaf([one, other]),
        Twig([one, other]),
    ]
    assert len({versions.of_data(value) for value in around}) == len(around)


@pytest.mark.parametrize("seed", range(5))
def test_flipping_any_bit_of_an_array_shows(seed):
    draw = np.random.default_rng(seed)
    values = draw.integers(0, 255, size=draw.integers(1, 200), dtype="u1")
    versions = Versions()
    found = {versions.of_data(values)}
    for bit in range(values.size * 8):
        flipped = values.copy()
        flipped[bit // 8] ^= 1 << bit % 8
        found.add(versions.of_data(flipped))
    assert len(found) == values.size * 8 + 1
