from __future__ import annotations

import pickle

import pytest

from anabranch import errors
from anabranch.errors import InternalError, nearest, nearest_or_all


@pytest.mark.parametrize("name", [n for n in errors.__all__ if n[0].isupper()])
def test_every_error_is_an_anabranch_error_and_travels(name):
    kind = getattr(errors, name)
    assert issubclass(kind, errors.AnabranchError)
    assert kind.__doc__
    copy = pickle.loads(pickle.dumps(kind("what went wrong")))
    assert type(copy) is kind
    assert "what went wrong" in str(copy)


def test_an_internal_error_says_that_it_is_our_fault():
    assert str(InternalError("x")) == "x [this is a bug in anabranch, please report it]"


def test_nearest():
    names = ["total", "tally", "totals", "price"]
    assert nearest("totl", names) == "; did you mean 'total' or 'totals'?"
    assert nearest("zzz", names) == ""
    assert nearest("prise", iter(names)) == "; did you mean 'price'?"


def test_nearest_or_all():
    assert nearest_or_all("prise", ["price", "total"]) == "; did you mean 'price'?"
    assert nearest_or_all("zzz", ["price", "total", "price"]) == "; there are 'price', 'total'"
    assert nearest_or_all("zzz", []) == "; there are none"
    assert nearest_or_all("zzz", [f"n{i}" for i in range(13)]).endswith("'n9' and 3 more")


def test_what_the_flow_s_author_or_the_caller_must_act_on_is_a_value_error():
    assert issubclass(errors.FlowError, ValueError)
    assert issubclass(errors.InputError, ValueError)
    assert not issubclass(errors.ExecutorError, ValueError)
