"""Checks that are chosen by keyword, by Hamilton's names. anabranch has one class for series and single values alike."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from anabranch.errors import FlowError
from anabranch.validation import DataValidator
from anabranch.validation.checks import (
    AllowNaNs,
    AllowNone,
    Contains,
    DataType,
    DoesNotContain,
    MaxFractionNaNs,
    MaxStandardDev,
    MeanInRange,
    Range,
    ValuesIn,
)

__all__ = [
    "AVAILABLE_DEFAULT_VALIDATORS",
    "AllowNaNsValidatorPandasSeries",
    "AllowNoneValidator",
    "DataInRangeValidatorPandasSeries",
    "DataInRangeValidatorPrimitives",
    "DataInValuesValidatorPandasSeries",
    "DataInValuesValidatorPrimitives",
    "DataTypeValidatorPandasSeries",
    "DataTypeValidatorPrimitives",
    "MaxFractionNansValidatorPandasSeries",
    "MaxStandardDevValidatorPandasSeries",
    "MeanInRangeValidatorPandasSeries",
    "StrContainsValidator",
    "StrDoesNotContainValidator",
    "resolve_default_validators",
]

DataInRangeValidatorPandasSeries = DataInRangeValidatorPrimitives = Range
DataInValuesValidatorPandasSeries = DataInValuesValidatorPrimitives = ValuesIn
MaxFractionNansValidatorPandasSeries = MaxFractionNaNs
AllowNaNsValidatorPandasSeries = AllowNaNs
DataTypeValidatorPandasSeries = DataTypeValidatorPrimitives = DataType
MaxStandardDevValidatorPandasSeries = MaxStandardDev
MeanInRangeValidatorPandasSeries = MeanInRange
AllowNoneValidator = AllowNone
StrContainsValidator = Contains
StrDoesNotContainValidator = DoesNotContain

AVAILABLE_DEFAULT_VALIDATORS: list[Any] = [
    AllowNaNs,
    AllowNone,
    Contains,
    DataType,
    DoesNotContain,
    MaxFractionNaNs,
    MaxStandardDev,
    MeanInRange,
    Range,
    ValuesIn,
]


def resolve_default_validators(
    output_type: Any, importance: str, available_validators: Iterable[Any] | None = None, **default_validator_kwargs: Any
) -> list[DataValidator]:
    """The checks that the keywords choose for values of a type, among these classes or all.

    Raises:
        ValueError: a keyword chooses none.
    """
    candidates = list(AVAILABLE_DEFAULT_VALIDATORS if available_validators is None else available_validators)
    found = []
    for keyword, value in default_validator_kwargs.items():
        fitting = [one for one in candidates if one.arg() == keyword and one.applies_to(output_type)]
        if not fitting:
            known = ", ".join(sorted(one.arg() for one in candidates if one.applies_to(output_type)))
            raise FlowError(f"there is no check '{keyword}' for {output_type}; there are {known}")
        found.append(fitting[0](**{keyword: value}, importance=importance))
    return found
