"""The report of many results: how many passed, by function and check, and the first that did not.

Theory: a report is a sum. Counts add up, and of the failures the first `KEPT` by item are kept; the first of a union are among
the first of its parts, so `+` is associative and commutative, an empty report is its zero, and reports can be merged in any
grouping, on workers or here. Its size depends on the number of checks and not on the number of items.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from anabranch.validation.base import DataValidationError, DataValidationLevel, DataValidator, ValidationResult

__all__ = ["Finding", "Tally", "ValidationReport"]

KEPT = 10
"""How many failures of one check of one function are kept whole."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One result: of which check, on what which function returned, for which item (empty outside a fan-out)."""

    node: str
    validator: str
    importance: DataValidationLevel
    result: ValidationResult
    item: tuple[int, ...] = ()

    @classmethod
    def of(cls, node: str, validator: DataValidator, result: ValidationResult, item: tuple[int, ...] = ()) -> Finding:
        """What a validator found."""
        return cls(node, validator.name(), validator.importance, result, item)


@dataclass(frozen=True, slots=True)
class Tally:
    """The results of one check of one function: how many passed, how many did not, and the first of those, by item."""

    passed: int = 0
    failed: int = 0
    first: tuple[Finding, ...] = ()

    def __add__(self, other: Tally) -> Tally:
        first = sorted((*self.first, *other.first), key=lambda one: (one.item, one.result.message))[:KEPT]
        return Tally(self.passed + other.passed, self.failed + other.failed, tuple(first))


Key = tuple[str, str, DataValidationLevel]


@dataclass(frozen=True, slots=True)
class ValidationReport:
    """How many results passed, by function, check and importance. `a + b` is the report of both."""

    tallies: Mapping[Key, Tally] = field(default_factory=dict)

    @classmethod
    def of(cls, findings: Iterable[Finding]) -> ValidationReport:
        """The report of some results."""
        return cls.merged(
            cls({(one.node, one.validator, one.importance): Tally(1) if one.result.passes else Tally(0, 1, (one,))})
            for one in findings
        )

    @classmethod
    def merged(cls, reports: Iterable[ValidationReport]) -> ValidationReport:
        """The report of all that the reports are of: what an `@associative` collector of reports returns."""
        tallies: dict[Key, Tally] = {}
        for report in reports:
            for key, tally in report.tallies.items():
                tallies[key] = tallies[key] + tally if key in tallies else tally
        return cls(tallies)

    def __add__(self, other: ValidationReport) -> ValidationReport:
        return self.merged((self, other))

    @property
    def passed(self) -> int:
        """How many results passed."""
        return sum(tally.passed for tally in self.tallies.values())

    @property
    def failed(self) -> int:
        """How many results did not pass, warnings included."""
        return sum(tally.failed for tally in self.tallies.values())

    @property
    def passes(self) -> bool:
        """Whether nothing failed that matters; warnings do not."""
        return not any(tally.failed for key, tally in self.tallies.items() if key[2] is DataValidationLevel.FAIL)

    def raise_if_failed(self) -> None:
        """Raises where something failed that matters.

        Raises:
            DataValidationError: with the text of the report.
        """
        if not self.passes:
            failures = {key[1]: tally.first[0].result for key, tally in self.tallies.items() if tally.failed}
            raise DataValidationError(str(self), failures)

    def as_dict(self) -> dict[str, Any]:
        """The report as plain data, for JSON, in the order of names."""
        return {
            "passes": self.passes,
            "passed": self.passed,
            "failed": self.failed,
            "checks": [
                {
                    "node": node,
                    "validator": validator,
                    "importance": importance.value,
                    "passed": tally.passed,
                    "failed": tally.failed,
                    "first_failures": [
                        {"item": list(one.item), "message": one.result.message, "diagnostics": dict(one.result.diagnostics)}
                        for one in tally.first
                    ],
                }
                for (node, validator, importance), tally in self._ordered()
            ],
        }

    def __str__(self) -> str:
        """A line for each check, and one for each failure that is kept."""
        lines = [f"{self.passed} of {self.passed + self.failed} checks passed"]
        for (node, validator, importance), tally in self._ordered():
            total = tally.passed + tally.failed
            lines.append(f"  {node} {validator} ({importance.value}): {tally.passed} of {total} passed")
            for one in tally.first:
                where = f"item {', '.join(map(str, one.item))}: " if one.item else ""
                lines.append(f"    {where}{one.result.message}")
            if tally.failed > len(tally.first):
                lines.append(f"    and {tally.failed - len(tally.first)} more")
        return "\n".join(lines)

    def _ordered(self) -> list[tuple[Key, Tally]]:
        return sorted(self.tallies.items(), key=lambda entry: (entry[0][0], entry[0][1], entry[0][2].value))
