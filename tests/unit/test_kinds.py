"""Which classes an annotation speaks of, and what may be chosen by them."""

import subprocess
import sys
from collections.abc import Mapping
from typing import Annotated, Any, Literal, NewType, TypedDict, TypeVar

import pandas as pd
import pytest

from anabranch import InputError
from anabranch.kinds import class_of, imported, kinds_of, may_give, may_take, name_of

T = TypeVar("T")
Name = NewType("Name", str)


class Row(TypedDict):
    x: int


class Frame(pd.DataFrame):
    pass


@pytest.mark.parametrize(
    ("annotation", "kinds"),
    [
        (int, (int,)),
        (int | None, (int,)),
        (int | str, (int, str)),
        (int | Any, ()),
        (dict[str, int], (dict,)),
        (Annotated[list[int], "x"], (list,)),
        (Name, (str,)),
        (Literal["a", 1], (str, int)),
        (Row, (dict,)),
        (Any, ()),
        (object, ()),
        (None, ()),
        (T, ()),
        ("unresolved", ()),
    ],
    ids=str,
)
def test_kinds(annotation: Any, kinds: tuple[type, ...]):
    assert kinds_of(annotation) == kinds


def test_choices():
    assert may_take(["pandas.DataFrame"], Frame)
    assert may_take([Mapping], dict[str, int])
    assert not may_take([dict], Mapping)
    assert not may_take([dict], Any)
    assert may_give([dict], Mapping)
    assert may_give(["pandas.DataFrame"], Frame)
    assert not may_give(["pandas.DataFrame"], str)
    assert not may_take(["no_such_library.Frame"], Frame)


def test_names():
    assert name_of(int) == "int"
    assert name_of("pandas.DataFrame") == "pandas.DataFrame"
    assert name_of(Name) == f"{__name__}.Name"
    assert class_of("pandas.DataFrame") is pd.DataFrame
    assert imported("decimal.Decimal", "x").__name__ == "Decimal"
    with pytest.raises(InputError, match="x needs no_such_library, which cannot be imported"):
        imported("no_such_library.Frame", "x")


def test_a_library_is_not_imported_for_a_question():
    code = "import sys; from anabranch.kinds import may_take; may_take(['decimal.Decimal'], int); assert 'decimal' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)
