from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anabranch.executor import Reference
from anabranch.run import Cell, Chunk, Column
from anabranch.run.values import gather
from anabranch.work import ABSENT, Form, Layout, arguments_of


class Far(Reference):
    def __init__(self, value):
        self.value = value

    def fetch(self):
        return self.value


def made(slot, form, depth=1, bounds=None):
    """The value that a worker gets, its references fetched."""
    values = []
    argument = gather(slot, form, depth, values, bounds)
    fetched = tuple(value.fetch() if isinstance(value, Far) else value for value in values)
    return arguments_of(Layout(0, (), 0, (argument,)), fetched)[0]


def column(*chunks):
    found = Column()
    for chunk in chunks:
        found.add(chunk)
    found.finish(max((chunk.hi for chunk in chunks), default=0))
    return found


def test_parts_may_come_in_any_order():
    found = column(Chunk(3, 5, [3, 4]), Chunk(0, 2, [0, 1]), Chunk(2, 3, 2, single=True))
    assert found.joined() == [0, 1, 2, 3, 4]
    assert found.length == 5
    assert [found.element(n) for n in range(5)] == [0, 1, 2, 3, 4]
    assert made(found, Form.JOINED) == [0, 1, 2, 3, 4]


def test_a_column_of_one_part_is_that_part():
    items = [1, 2]
    assert column(Chunk(0, 2, items)).joined() is items


def test_holes_and_places():
    assert not column(Chunk(0, 1, [1])).holes
    assert column(Chunk(0, 1, [1]), Chunk(1, 2, [ABSENT], holes=True)).holes
    assert column(Chunk(0, 1, [1])).is_local
    assert not column(Chunk(0, 1, Far([1]))).is_local
    assert Cell(3).is_local
    assert not Cell(Far(3)).is_local


def test_an_empty_column():
    assert column().joined() == []
    assert made(column(), Form.COLLECTED) == []


def test_collected_leaves_out_what_is_absent():
    found = column(Chunk(0, 2, [1, ABSENT], holes=True), Chunk(2, 3, Far([3])))
    assert made(found, Form.COLLECTED) == [1, 3]
    assert made(found, Form.JOINED) == [1, ABSENT, 3]


def test_a_cell_is_taken_as_it_is_whatever_the_form():
    assert made(Cell(7), Form.WHOLE) == 7
    assert made(Cell(ABSENT), Form.COLLECTED) is ABSENT


@given(st.lists(st.tuples(st.integers(1, 4), st.sampled_from(["local", "far", "single"])), max_size=6), st.data())
def test_any_range_of_any_parts_is_what_a_list_would_give(pieces, data):
    whole, chunks = [], []
    for size, kind in pieces:
        size = 1 if kind == "single" else size
        items = list(range(len(whole), len(whole) + size))
        handle = items[0] if kind == "single" else Far(items) if kind == "far" else items
        chunks.append(Chunk(len(whole), len(whole) + size, handle, single=kind == "single"))
        whole += items
    lo = data.draw(st.integers(0, len(whole)))
    hi = data.draw(st.integers(lo, len(whole)))
    found = column(*data.draw(st.permutations(chunks)))
    assert made(found, Form.JOINED) == whole
    if lo < hi:
        assert made(found, Form.JOINED, bounds=(lo, hi)) == whole[lo:hi]


def test_a_local_part_is_cut_before_it_is_sent():
    values = []
    gather(column(Chunk(0, 4, [0, 1, 2, 3])), Form.JOINED, 0, values, (1, 3))
    assert values == [[1, 2]]


def test_a_reference_is_sent_whole_and_cut_over_there():
    values = []
    argument = gather(column(Chunk(0, 4, far := Far([0, 1, 2, 3]))), Form.JOINED, 0, values, (1, 3))
    assert values == [far]
    assert [tuple(part) for part in argument.parts] == [(0, 1, 3)]


@pytest.mark.parametrize("form", list(Form))
def test_user_values_are_never_compared_or_shown(form):
    class Touchy:
        def __eq__(self, other):
            raise AssertionError

        __hash__ = None
        __repr__ = __bool__ = __len__ = __eq__

    one = Touchy()
    chunk = Chunk(0, 1, one, single=True)
    found = made(column(chunk), form)
    assert (found if form is Form.WHOLE else found[0]) is one
