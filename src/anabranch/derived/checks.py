"""Checks as functions of nodes: one looks at a value, one adds results up, one says what they mean."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from anabranch.validation import DataValidator, Finding, ValidationReport, ValidationResult, judge, validate

__all__ = ["Checked", "Findings", "Judged", "merged"]


@dataclass(frozen=True, slots=True)
class Checked:
    """A validator as a function of the value."""

    validator: DataValidator

    def __call__(self, value: Any) -> ValidationResult:
        """What it says of this value."""
        return validate(self.validator, value)


@dataclass(frozen=True, slots=True)
class Judged:
    """Gives a value on if the results of the validators let it; `node` is named where they do not."""

    node: str
    validators: tuple[DataValidator, ...]

    def __call__(self, value: Any, *results: ValidationResult) -> Any:
        """The value; logs what is a warning.

        Raises:
            DataValidationError: a check of importance `fail` did not pass.
        """
        judge(self.node, zip(self.validators, results, strict=True))
        return value


@dataclass(frozen=True, slots=True)
class Findings:
    """The report of the results for one item."""

    node: str
    validators: tuple[DataValidator, ...]

    @property
    def __anabranch__(self) -> dict[str, Any]:
        """The marks of a function: it asks for the indices of its item."""
        return {"item": "item"}

    def __call__(self, *results: ValidationResult, item: tuple[int, ...] = ()) -> ValidationReport:
        """What was found."""
        pairs = zip(self.validators, results, strict=True)
        return ValidationReport.of([Finding.of(self.node, validator, result, item) for validator, result in pairs])


def merged(reports: Any) -> ValidationReport:
    """The report of all items: of one report, of a list, or of lists in lists. Of an item that failed there is none."""
    if isinstance(reports, ValidationReport):
        return reports
    return ValidationReport.merged([merged(one) for one in reports if isinstance(one, (ValidationReport, list))])
