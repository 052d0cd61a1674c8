"""The built-in checks, one class each, chosen by the keyword that gives what they need.

A check says which types it applies to and asks a `Column`; how the values lie in memory is the column's business.
"""

from __future__ import annotations

import datetime as dt
import numbers
from collections.abc import Collection
from decimal import Decimal
from typing import Any, ClassVar

from anabranch.errors import FlowError
from anabranch.kinds import Kind, kinds_of, may_take, name_of
from anabranch.validation.base import DataValidationLevel, DataValidator, ValidationResult
from anabranch.validation.columns import COLUMNS, Broken, Column, column_of, shown

__all__ = [
    "AllowNaNs",
    "AllowNone",
    "Contains",
    "DataType",
    "DefaultValidator",
    "DoesNotContain",
    "MaxFractionNaNs",
    "MaxStandardDev",
    "MeanInRange",
    "Range",
    "ValuesIn",
]

Importance = str | DataValidationLevel
SERIES: tuple[Kind, ...] = tuple(COLUMNS)
ORDERED: tuple[Kind, ...] = (numbers.Real, Decimal, dt.date, dt.time, dt.timedelta, *SERIES)
TEXT: tuple[Kind, ...] = (str, *SERIES)


class DefaultValidator(DataValidator):
    """A validator that is chosen by a keyword. `kinds` are the types that it applies to; empty for any.

    A subclass that is registered (`register_validator`) can be chosen like the built-in ones: it is called with the keyword's
    value and ``importance``.
    """

    kinds: ClassVar[tuple[Kind, ...]] = ()
    other_names: ClassVar[tuple[str, ...]] = ()

    @classmethod
    def arg(cls) -> str:
        """The keyword that chooses it."""
        return cls.name()

    @classmethod
    def applies_to(cls, datatype: Any) -> bool:
        """Whether values that are annotated so can be looked at; what is unknown can."""
        return not cls.kinds or not kinds_of(datatype) or may_take(cls.kinds, datatype)

    def _column(self, dataset: Any) -> Column | ValidationResult:
        """The value as a column, or the result that says that it is of no type to be looked at."""
        if dataset is None or self.applies_to(type(dataset)):
            return column_of(dataset)
        return ValidationResult(
            False, f"{self.arg()} cannot be asked of {name_of(type(dataset))}", {"type": name_of(type(dataset))}
        )


def _counted(column: Column, broken: Broken, rule: str) -> ValidationResult:
    there = column.size - (0 if column.single else column.missing)
    figures = {"size": column.size, "missing": column.missing, "broken": broken.number, "examples": broken.examples}
    if not broken.number:
        return ValidationResult(True, "the value passes" if column.single else f"all of {there} values {rule}", figures)
    if column.single:
        return ValidationResult(False, f"{shown(broken.examples)} does not {rule}", figures)
    message = f"{broken.number} of {there} values do not {rule}, such as {shown(broken.examples)}"
    return ValidationResult(False, message, figures)


class Range(DefaultValidator):
    """Every value lies between two bounds, both included; None is no bound. A series' missing values are no concern of it."""

    kinds = ORDERED

    def __init__(self, range: tuple[Any, Any], importance: Importance = "warn") -> None:  # noqa: A002  the keyword's name
        super().__init__(importance)
        self.low, self.high = _bounds(self.arg(), range)

    def description(self) -> str:
        """What is asked."""
        return f"values {self._rule()}"

    def _rule(self) -> str:
        return f"lie between {_bound(self.low)} and {_bound(self.high)}"

    def validate(self, dataset: Any) -> ValidationResult:
        """Looks at a value."""
        column = self._column(dataset)
        return _counted(column, column.outside(self.low, self.high), self._rule()) if isinstance(column, Column) else column


class ValuesIn(DefaultValidator):
    """Every value is one of those that are listed. A series' missing values are no concern of it."""

    def __init__(self, values_in: Collection[Any], importance: Importance = "warn") -> None:
        super().__init__(importance)
        if isinstance(values_in, (str, bytes)) or not hasattr(values_in, "__iter__"):
            raise FlowError(f"values_in takes a list of values, not {type(values_in).__name__}")
        self.known = list(values_in)

    def description(self) -> str:
        """What is asked."""
        return f"values {self._rule()}"

    def _rule(self) -> str:
        more = f" and {len(self.known) - 5} more" if len(self.known) > 5 else ""
        return f"belong to {shown(self.known[:5])}{more}"

    def validate(self, dataset: Any) -> ValidationResult:
        """Looks at a value."""
        column = column_of(dataset)
        return _counted(column, column.strangers(self.known), self._rule())


class MaxFractionNaNs(DefaultValidator):
    """Not more than a part of the values is missing: NaN, NaT, None or null."""

    kinds = SERIES

    def __init__(self, max_fraction_nans: float, importance: Importance = "warn") -> None:
        super().__init__(importance)
        if isinstance(max_fraction_nans, bool) or not 0 <= max_fraction_nans <= 1:
            raise FlowError(f"max_fraction_nans is a number between 0 and 1, not {max_fraction_nans!r}")
        self.most = float(max_fraction_nans)

    @classmethod
    def name(cls) -> str:
        """Its name."""
        return "max_fraction_nans"

    def description(self) -> str:
        """What is asked."""
        return f"at most {self.most:.2%} of the values are missing"

    def validate(self, dataset: Any) -> ValidationResult:
        """Looks at a value."""
        column = self._column(dataset)
        if not isinstance(column, Column):
            return column
        fraction = column.missing / column.size if column.size else 0.0
        figures = {"size": column.size, "missing": column.missing, "fraction": fraction, "max_fraction": self.most}
        message = f"{column.missing} of {column.size} values are missing ({fraction:.2%}); {self.most:.2%} are allowed"
        return ValidationResult(fraction <= self.most, message, figures)


class AllowNaNs(MaxFractionNaNs):
    """Whether values may be missing."""

    kinds = (float, *SERIES)

    def __init__(self, allow_nans: bool, importance: Importance = "warn") -> None:
        super().__init__(float(bool(allow_nans)), importance)

    @classmethod
    def name(cls) -> str:
        """Its name."""
        return "allow_nans"


class DataType(DefaultValidator):
    """Values are of a type: a class for single values, a dtype (or a class that stands for a family of them) for series."""

    def __init__(self, data_type: Any, importance: Importance = "warn") -> None:
        super().__init__(importance)
        self.data_type = data_type

    def description(self) -> str:
        """What is asked."""
        return f"values are of type {self._wanted()}"

    def _wanted(self) -> str:
        return name_of(self.data_type) if isinstance(self.data_type, type) else str(self.data_type)

    def validate(self, dataset: Any) -> ValidationResult:
        """Looks at a value."""
        passes, actual = column_of(dataset).is_of(self.data_type)
        message = f"the type is {actual}" + ("" if passes else f", not {self._wanted()}")
        return ValidationResult(passes, message, {"data_type": self._wanted(), "actual": actual})


class MaxStandardDev(DefaultValidator):
    """The sample standard deviation of the values is at most this; that of fewer than two values is none."""

    kinds = SERIES

    def __init__(self, max_standard_dev: float, importance: Importance = "warn") -> None:
        super().__init__(importance)
        self.most = float(max_standard_dev)

    def description(self) -> str:
        """What is asked."""
        return f"the standard deviation is at most {self.most:g}"

    def validate(self, dataset: Any) -> ValidationResult:
        """Looks at a value."""
        column = self._column(dataset)
        if not isinstance(column, Column):
            return column
        deviation = column.deviation()
        figures = {"standard_dev": deviation, "max_standard_dev": self.most, "size": column.size, "missing": column.missing}
        if deviation is None:
            return ValidationResult(True, "there are fewer than two values, so nothing deviates", figures)
        message = f"the standard deviation is {deviation:g}; {self.most:g} is allowed"
        return ValidationResult(deviation <= self.most, message, figures)


class MeanInRange(DefaultValidator):
    """The mean of the values lies between two bounds, both included; None is no bound. No values have no mean, and fail."""

    kinds = SERIES

    def __init__(self, mean_in_range: tuple[float | None, float | None], importance: Importance = "warn") -> None:
        super().__init__(importance)
        self.low, self.high = _bounds(self.arg(), mean_in_range)

    def description(self) -> str:
        """What is asked."""
        return f"the mean lies between {_bound(self.low)} and {_bound(self.high)}"

    def validate(self, dataset: Any) -> ValidationResult:
        """Looks at a value."""
        column = self._column(dataset)
        if not isinstance(column, Column):
            return column
        mean = column.mean()
        figures = {"mean": mean, "low": self.low, "high": self.high, "size": column.size, "missing": column.missing}
        if mean is None:
            return ValidationResult(False, "there are no values, so there is no mean", figures)
        passes = (self.low is None or self.low <= mean) and (self.high is None or mean <= self.high)
        word = "" if passes else "not "
        return ValidationResult(
            passes, f"the mean is {mean:g}, {word}between {_bound(self.low)} and {_bound(self.high)}", figures
        )


class AllowNone(DefaultValidator):
    """Whether the value may be `None`."""

    def __init__(self, allow_none: bool, importance: Importance = "warn") -> None:
        super().__init__(importance)
        self.allowed = bool(allow_none)

    def description(self) -> str:
        """What is asked."""
        return "the value may be None" if self.allowed else "the value is not None"

    def validate(self, dataset: Any) -> ValidationResult:
        """Looks at a value."""
        there = "None" if dataset is None else "not None"
        return ValidationResult(self.allowed or dataset is not None, f"the value is {there}", {"allow_none": self.allowed})


class Contains(DefaultValidator):
    """A text, or every text of a series, contains these parts: one, or all of a list."""

    kinds = TEXT
    other_names = ("str_contains",)
    wanted: ClassVar[bool] = True
    verb: ClassVar[str] = "contain"

    def __init__(self, contains: str | list[str], importance: Importance = "warn") -> None:
        super().__init__(importance)
        self.parts = [contains] if isinstance(contains, str) else list(contains)
        if not all(isinstance(part, str) for part in self.parts):
            raise FlowError(f"{self.arg()} takes a text or a list of texts")

    def description(self) -> str:
        """What is asked."""
        return f"texts {self.verb} {shown(self.parts)}"

    def validate(self, dataset: Any) -> ValidationResult:
        """Looks at a value."""
        column = self._column(dataset)
        if not isinstance(column, Column):
            return column
        for part in self.parts:
            result = _counted(column, column.with_text(part, wanted=self.wanted), f"{self.verb} {shown([part])}")
            if not result.passes:
                return result
        return ValidationResult(
            True, f"all texts {self.verb} {shown(self.parts)}", {"size": column.size, "missing": column.missing}
        )


class DoesNotContain(Contains):
    """A text, or every text of a series, contains none of these parts."""

    other_names = ("str_does_not_contain",)
    wanted = False
    verb = "lack"

    def __init__(self, does_not_contain: str | list[str], importance: Importance = "warn") -> None:
        super().__init__(does_not_contain, importance)


def _bounds(keyword: str, given: Any) -> tuple[Any, Any]:
    if isinstance(given, (str, bytes)) or not hasattr(given, "__len__") or len(given) != 2:
        raise FlowError(f"{keyword} takes a pair of bounds, (low, high), either of which may be None")
    low, high = given
    if low is not None and high is not None and low > high:
        raise FlowError(f"{keyword} takes the lower bound first; {low} is more than {high}")
    return low, high


def _bound(value: Any) -> str:
    return "anything" if value is None else str(value)
