"""The built-in checks: the same answer for a single value, numpy, pandas and polars, and which of them can be chosen."""

import datetime
import json
import pickle
from decimal import Decimal
from enum import Enum
from typing import Annotated, Any, Literal, NewType

import cloudpickle
import numpy as np
import pandas as pd
import polars as pl
import pytest

from anabranch import FlowError
from anabranch.validation import (
    DataValidationLevel,
    DataValidator,
    DefaultValidator,
    ValidationResult,
    checks_for,
    register_validator,
    validate,
    validators_for,
)

MAKERS = {"numpy": np.array, "pandas": pd.Series, "polars": lambda values: pl.Series(values, strict=False)}
NAN = float("nan")
TODAY = datetime.date(2026, 11, 23)


def check(value: Any, **given: Any) -> ValidationResult:
    (validator,) = validators_for(type(value), **given)
    assert pickle.loads(cloudpickle.dumps(validator)).name() == validator.name()
    assert validator.description()
    result = validate(validator, value)
    assert "check itself failed" not in result.message
    json.dumps(result.diagnostics, default=str)
    return result


@pytest.mark.parametrize(
    ("value", "given", "passes", "message"),
    [
        (0.5, {"range": (0, 1)}, True, "the value passes"),
        (2, {"range": (0, 1)}, False, "2 does not lie between 0 and 1"),
        (2, {"range": (None, 1)}, False, "2 does not lie between anything and 1"),
        (2, {"range": (1, None)}, True, "passes"),
        (NAN, {"range": (0, 1)}, False, "nan does not lie"),
        (Decimal("0.5"), {"range": (0, 1)}, True, "passes"),
        (TODAY, {"range": (datetime.date(2026, 1, 1), None)}, True, "passes"),
        ("a", {"values_in": ["a", "b"]}, True, "passes"),
        ("c", {"values_in": ["a", "b"]}, False, "'c' does not belong to 'a', 'b'"),
        (3, {"values_in": range(10)}, True, "passes"),
        (NAN, {"allow_nans": False}, False, "1 of 1 values are missing"),
        (NAN, {"allow_nans": True}, True, "missing"),
        (1.0, {"allow_nans": False}, True, "0 of 1"),
        (1, {"data_type": int}, True, "the type is int"),
        (1, {"data_type": str}, False, "the type is int, not str"),
        (None, {"allow_none": False}, False, "the value is None"),
        (None, {"allow_none": True}, True, "None"),
        ("word", {"contains": "or"}, True, "contain 'or'"),
        ("word", {"contains": ["or", "x"]}, False, "'word' does not contain 'x'"),
        ("word", {"str_contains": "x"}, False, "does not contain"),
        ("word", {"does_not_contain": ["x", "y"]}, True, "lack 'x', 'y'"),
        ("word", {"str_does_not_contain": ["x", "r"]}, False, "'word' does not lack 'r'"),
        (None, {"contains": "x"}, False, "None does not contain"),
    ],
)
def test_single_values(value: Any, given: Any, passes: bool, message: str):
    result = check(value, **given) if value is not None else validate(validators_for(str | None, **given)[0], None)
    assert result.passes is passes
    assert message in result.message


@pytest.mark.parametrize("library", MAKERS)
@pytest.mark.parametrize(
    ("values", "given", "passes", "message"),
    [
        ([1.0, 2.0, NAN], {"range": (0, 2)}, True, "all of 2 values lie between 0 and 2"),
        ([1.0, 5.0, NAN], {"range": (0, 2)}, False, "1 of 2 values do not lie between 0 and 2, such as 5.0"),
        ([1, 5], {"range": (2, None)}, False, "1 of 2 values do not lie between 2 and anything, such as 1"),
        ([7], {"range": (2, 3)}, False, "1 of 1 values do not lie between 2 and 3, such as 7"),
        ([], {"range": (0, 2)}, True, "all of 0 values"),
        ([1, 2], {"values_in": [1, 2, 3]}, True, "all of 2"),
        ([1, 9, 8], {"values_in": [1]}, False, "2 of 3 values do not belong to 1, such as 9, 8"),
        (["a", "z"], {"values_in": ["a", "b"]}, False, "1 of 2 values do not belong to 'a', 'b', such as 'z'"),
        ([1.0, NAN], {"allow_nans": False}, False, "1 of 2 values are missing (50.00%); 0.00% are allowed"),
        ([1.0, NAN], {"allow_nans": True}, True, "1 of 2"),
        ([1.0, NAN], {"max_fraction_nans": 0.5}, True, "50.00% are allowed"),
        ([1.0, NAN, NAN], {"max_fraction_nans": 0.5}, False, "66.67%"),
        ([], {"max_fraction_nans": 0}, True, "0 of 0"),
        ([1.0, 2.0], {"data_type": float}, True, "64"),
        ([1, 2], {"data_type": float}, False, "64, not float"),
        ([1, 2], {"data_type": int}, True, "64"),
        ([True], {"data_type": bool}, True, "ool"),
        (["a"], {"data_type": str}, True, ""),
        ([1.0, 3.0, NAN], {"max_standard_dev": 1.42}, True, "1.41421"),
        ([1.0, 3.0], {"max_standard_dev": 1.4}, False, "the standard deviation is 1.41421; 1.4 is allowed"),
        ([1.0], {"max_standard_dev": 0}, True, "fewer than two"),
        ([1.0, 3.0, NAN], {"mean_in_range": (2, 2)}, True, "the mean is 2, between 2 and 2"),
        ([1, 3], {"mean_in_range": (None, 1)}, False, "the mean is 2, not between anything and 1"),
        ([], {"mean_in_range": (0, 1)}, False, "no mean"),
        (["ab", "ac"], {"contains": "a"}, True, "all texts contain 'a'"),
        (["ab", "ac"], {"contains": ["a", "b"]}, False, "1 of 2 values do not contain 'b', such as 'ac'"),
        (["ab", "ac"], {"does_not_contain": "c"}, False, "1 of 2 values do not lack 'c', such as 'ac'"),
        (["a.", "b"], {"contains": "."}, False, "1 of 2"),
        ([1, 2], {"contains": "1"}, False, "2 of 2 values do not contain '1', such as 1, 2"),
    ],
)
def test_arrays_and_series(library: str, values: list[Any], given: Any, passes: bool, message: str):
    if not values:
        made = {"numpy": np.array([], float), "pandas": pd.Series([], dtype=float), "polars": pl.Series([], dtype=pl.Float64)}[library]
    else:
        made = MAKERS[library](values)
    result = check(made, **given)
    assert result.passes is passes, result
    assert message in result.message


@pytest.mark.parametrize(
    "value",
    [
        np.array(["2026-01-01", "NaT"], "datetime64[D]"),
        np.array([1, None, NAN], object),
        pd.Series([1, None], dtype="Int64"),
        pd.Series(["a", None]),
        pd.Series([pd.Timestamp("2026"), pd.NaT]),
        pl.Series([1.0, NAN, None]),
        pl.Series(["a", None]),
    ],
    ids=lambda value: f"{type(value).__module__.partition('.')[0]} {value.dtype}",
)
def test_missing_is_one_thing(value: Any):
    result = check(value, allow_nans=False)
    assert not result.passes
    assert result.diagnostics["missing"] == len(value) - 1


@pytest.mark.parametrize(
    ("value", "data_type", "passes"),
    [
        (np.zeros(2, "int8"), np.integer, True),
        (np.zeros(2, "int8"), "int8", True),
        (np.zeros(2, "int8"), np.int64, False),
        (np.zeros(2), "no such type", False),
        (pd.Series([1.0]), np.float64, True),
        (pd.Series([1.0]), "float32", False),
        (pd.Series(["a"], dtype="category"), pd.CategoricalDtype, True),
        (pd.Series(["a"], dtype="category"), "category", True),
        (pd.Series(pd.to_datetime(["2026"])), datetime.datetime, True),
        (pd.Series([1]), "no such type", False),
        (pl.Series([1]), pl.Int64, True),
        (pl.Series([1]), "Int64", True),
        (pl.Series([1]), pl.Int8, False),
        (pl.Series([TODAY]), datetime.date, True),
        (pl.Series([TODAY]), pl.Datetime, False),
    ],
    ids=str,
)
def test_dtypes(value: Any, data_type: Any, passes: bool):
    assert check(value, data_type=data_type).passes is passes


def test_dates_in_series():
    last_year, this_year = (pd.Timestamp(day).to_pydatetime() for day in ("2025-01-01", "2026-01-01"))
    for value in (pd.Series(pd.to_datetime(["2026-01-01"])), pl.Series([this_year])):
        assert check(value, range=(last_year, this_year)).passes
    assert not check(np.array(["2026-01-01"], "datetime64[D]"), range=(None, np.datetime64("2025-01-01"))).passes


def test_many_dimensions():
    assert not check(np.array([[1, 2], [3, 9]]), range=(0, 5)).passes


def test_polars_values_of_another_type():
    assert not check(pl.Series([1, 2]), values_in=["a"]).passes


Metres = NewType("Metres", float)


class Colour(Enum):
    RED = 1


class TestChoice:
    @pytest.mark.parametrize(
        ("datatype", "given"),
        [
            (int | None, {"range": (0, 1)}),
            (Annotated[float, "m"], {"range": (0, 1)}),
            (Metres, {"range": (0, 1)}),
            (Literal[1, 2], {"range": (0, 1)}),
            (Any, {"range": (0, 1), "contains": "x"}),
            (pd.Series, {"range": (0, 1), "contains": "x", "mean_in_range": (0, 1)}),
            (np.typing.NDArray[np.float64], {"range": (0, 1)}),
            (Colour, {"values_in": list(Colour), "data_type": Colour}),
            (dict[str, int], {"allow_none": False}),
        ],
        ids=str,
    )
    def test_by_type(self, datatype: Any, given: dict[str, Any]):
        found = validators_for(datatype, "fail", **given)
        assert [validator.arg() for validator in found] == list(given)
        assert {validator.importance for validator in found} == {DataValidationLevel.FAIL}
        assert all(validator.applies_to(datatype) for validator in found)

    @pytest.mark.parametrize(
        ("datatype", "given", "message"),
        [
            (float, {"rnge": (0, 1)}, "there is no check 'rnge'; did you mean 'range'"),
            (float, {"xyz": 1}, "for float there are 'allow_nans', 'allow_none', 'data_type'"),
            (str, {"range": (0, 1)}, r"the check 'range' is for numbers.Real, .* not for str; for str there are 'allow_none', 'contains'"),
            (float, {"mean_in_range": (0, 1)}, "the check 'mean_in_range' is for numpy.ndarray, pandas.Series, polars.Series, not for float"),
            (float, {"range": (1, 0)}, "range takes the lower bound first; 1 is more than 0"),
            (float, {"range": 1}, "range takes a pair of bounds"),
            (pd.Series, {"max_fraction_nans": 2}, "max_fraction_nans is a number between 0 and 1, not 2"),
            (str, {"values_in": "abc"}, "values_in takes a list of values, not str"),
            (str, {"contains": [1]}, "contains takes a text or a list of texts"),
        ],
    )
    def test_what_cannot_be_chosen(self, datatype: Any, given: dict[str, Any], message: str):
        with pytest.raises(FlowError, match=message):
            validators_for(datatype, **given)

    def test_importance(self):
        with pytest.raises(FlowError, match="range: importance is 'warn' or 'fail', not 'error'"):
            validators_for(float, "error", range=(0, 1))

    def test_a_value_of_another_type_than_was_said(self):
        (validator,) = validators_for(Any, range=(0, 1))
        assert "range cannot be asked of str" in validator.validate("x").message

    def test_ones_own(self):
        @register_validator
        class IsEven(DefaultValidator):
            kinds = (int,)

            def __init__(self, is_even: bool, importance: str = "warn") -> None:
                super().__init__(importance)
                self.wanted = is_even

            def description(self) -> str:
                return "the value is even"

            def validate(self, dataset: Any) -> ValidationResult:
                return ValidationResult((dataset % 2 == 0) is self.wanted, f"{dataset} is looked at")

        assert "is_even" in checks_for(int)
        assert "is_even" not in checks_for(str)
        assert check(4, is_even=True).passes
        with pytest.raises(FlowError, match="register_validator takes a subclass of DefaultValidator"):
            register_validator(DataValidator)  # type: ignore[type-var]
