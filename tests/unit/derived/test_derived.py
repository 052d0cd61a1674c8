"""What derived nodes call: what it gives, and how it travels."""

from __future__ import annotations

import pickle
import pickletools
from functools import partial

import pytest

from anabranch import FlowError
from anabranch.derived import (
    Attribute,
    Column,
    Element,
    Field,
    Fixed,
    Grouped,
    Ingredient,
    Keyed,
    Leaf,
    Listed,
    Named,
    Placed,
    Widened,
    same,
)
from anabranch.derived.checks import Checked, Findings, Judged, merged
from anabranch.markers import marks_of
from anabranch.validation import ValidationReport, validators_for

ALL = [
    Field("a", "f"),
    Field("a", "f", 3),
    Attribute("a", "f"),
    Element(1, "f", 2),
    Column("a", "f"),
    Ingredient("a", "f"),
    Named(len, ("a",), "f"),
    Widened(("a",)),
    Placed(pow, ((1, 2),)),
    Grouped(max, ("a", "b"), frozenset("ab"), ("x",), (("x", Listed((Leaf("a"), Fixed(2), Keyed((("k", Leaf("b")),))))),)),
    Checked(validators_for(int, range=(0, 1))[0]),
    Judged("f", ()),
    Findings("f", ()),
    same,
    merged,
    partial(same, value=3),
]


@pytest.mark.parametrize("function", ALL, ids=repr)
def test_they_are_pickled_by_reference_to_what_workers_can_import(function):
    data = pickle.dumps(function)
    strings = {argument for opcode, argument, _ in pickletools.genops(data) if isinstance(argument, str)}
    modules = {word for word in strings if word.startswith("anabranch.")}
    assert all(word.startswith(("anabranch.derived", "anabranch.validation")) for word in modules)
    assert type(pickle.loads(data)) is type(function)


def test_bound_literals_in_their_places():
    def shown(a, b, c, /, d=4):
        return (a, b, c, d)

    assert Placed(shown, ((0, "A"),))("b", "c") == ("A", "b", "c", 4)
    assert Placed(shown, ((0, "A"), (2, "C")))("b", d=1) == ("A", "b", "C", 1)
    assert Placed(shown, ((1, "B"),))("a", "c") == ("a", "B", "c", 4)


def test_arguments_that_are_put_together():
    def shown(a, /, b, *, c=0):
        return (a, b, c)

    recipe = Listed((Leaf("p"), Fixed(2), Keyed((("k", Leaf("q")),))))
    grouped = Grouped(shown, ("a", "p", "q"), frozenset({"p", "q"}), ("a",), (("b", recipe),))
    assert grouped(1, 5, 6) == (1, [5, 2, {"k": 6}], 0)
    assert grouped(1, q=6, p=5, c=7) == (1, [5, 2, {"k": 6}], 7)
    first = grouped(1, 5, 6)[1]
    assert grouped(1, 5, 6)[1] is not first


def test_parts_say_what_is_not_there():
    with pytest.raises(FlowError, match="what 'f' returned has no field 'b'; there are 'a'"):
        Field("b", "f")({"a": 1})
    with pytest.raises(FlowError, match="what 'f' returned has no field 'b'"):
        Attribute("b", "f")(object())
    with pytest.raises(FlowError, match="'f' returned 1 elements, but 3 are unpacked"):
        Element(2, "f", 3)((1,))
    with pytest.raises(FlowError, match="what 'f' returned has no column 'b'; there are 'a'"):
        Column("b", "f")({"a": 1})
    assert Field("b", "f", 0)({"a": 1}) == 0
    assert Attribute("b", "f", 0)(object()) == 0


def test_what_else_goes_wrong_is_not_hidden():
    class Broken(dict):
        def __getitem__(self, key):
            raise ValueError("broken")

    with pytest.raises(ValueError, match="broken"):
        Field("a", "f")(Broken())
    with pytest.raises(ValueError, match="broken"):
        Column("a", "f")(Broken(a=1))


def test_a_partial_has_the_marks_of_its_function_and_findings_ask_for_their_item():
    from anabranch import associative

    @associative
    def f(x, y): ...

    assert marks_of(partial(partial(f, x=1), y=2)) == {"associative": True}
    assert marks_of(Findings("f", ())) == {"item": "item"}


def test_reports_are_merged_however_deep():
    check = validators_for(int, values_in=[1])[0]
    reports = [Findings("f", (check,))(Checked(check)(n), item=(n,)) for n in (1, 2, 3)]
    whole = merged([reports[:1], [reports[1:]]])
    assert (whole.passed, whole.failed) == (1, 2)
    assert merged(whole) is whole
    assert merged([]) == ValidationReport()
