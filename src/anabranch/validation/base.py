"""What a validator is, what it says, and what is done about it.

A validator of one's own is a subclass of `DataValidator`. Nothing here knows a library or a type of data.
"""

from __future__ import annotations

import abc
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from anabranch.errors import AnabranchError, FlowError

__all__ = ["DataValidationError", "DataValidationLevel", "DataValidator", "ValidationResult", "judge", "validate"]


class DataValidationLevel(Enum):
    """What it means that data does not pass."""

    WARN = "warn"
    FAIL = "fail"


@dataclass(frozen=True, slots=True)
class ValidationResult:
    """What a validator says of one value: whether it passes, a sentence, and figures that can be written as JSON."""

    passes: bool
    message: str
    diagnostics: Mapping[str, Any] = field(default_factory=dict)


class DataValidationError(AnabranchError):
    """Data did not pass a check of importance `fail`. `failures` are the results that did not, by validator."""

    def __init__(self, message: str, failures: Mapping[str, ValidationResult] | None = None) -> None:
        super().__init__(message, dict(failures or {}))

    @property
    def failures(self) -> Mapping[str, ValidationResult]:
        """The results that did not pass, by the name of the validator."""
        found: Mapping[str, ValidationResult] = self.args[1]
        return found

    def __str__(self) -> str:
        return str(self.args[0])


class DataValidator(abc.ABC):
    """Looks at one value and says whether it passes.

    Args:
        importance: ``"warn"``, ``"fail"`` or a `DataValidationLevel`.

    Raises:
        FlowError: it is neither.
    """

    def __init__(self, importance: str | DataValidationLevel = DataValidationLevel.WARN) -> None:
        try:
            self._importance = DataValidationLevel(importance)
        except ValueError:
            raise FlowError(f"{self.name()}: importance is 'warn' or 'fail', not {importance!r}") from None

    @property
    def importance(self) -> DataValidationLevel:
        """What it means that data does not pass."""
        return self._importance

    @classmethod
    def name(cls) -> str:
        """The validator's name, an identifier: in messages, reports and names of nodes."""
        text = cls.__name__
        return "".join(
            f"_{c.lower()}" if c.isupper() and n and not text[n - 1].isupper() else c.lower() for n, c in enumerate(text)
        )

    @abc.abstractmethod
    def applies_to(self, datatype: Any) -> bool:
        """Whether values that are annotated so can be looked at."""

    @abc.abstractmethod
    def description(self) -> str:
        """What is asked of a value, in words."""

    @abc.abstractmethod
    def validate(self, dataset: Any) -> ValidationResult:
        """Looks at a value."""


def validate(validator: DataValidator, value: Any) -> ValidationResult:
    """The result of a validator; where it raises, a result that does not pass and says what was raised.

    Raises:
        FlowError: it returned something that is no `ValidationResult`.
    """
    try:
        result: Any = validator.validate(value)
    except Exception as error:
        kind = type(error).__name__
        return ValidationResult(False, f"the check itself failed: {kind}: {error}", {"error": kind})
    if not isinstance(result, ValidationResult):
        kind = type(result).__name__
        raise FlowError(f"{type(validator).__name__}.validate must return a ValidationResult, not {kind}")
    found: ValidationResult = result
    return found


def judge(node: str, results: Iterable[tuple[DataValidator, ValidationResult]]) -> None:
    """Logs what did not pass and is a warning; raises for what did not pass and matters.

    Raises:
        DataValidationError: a check of importance `fail` did not pass; names all that did not.
    """
    failed: dict[str, ValidationResult] = {}
    for validator, result in results:
        if result.passes:
            continue
        if validator.importance is DataValidationLevel.FAIL:
            failed[validator.name()] = result
        else:
            import logging

            logging.getLogger("anabranch").warning("'%s' does not pass %s: %s", node, validator.name(), result.message)
    if failed:
        told = "; ".join(f"{name}: {result.message}" for name, result in failed.items())
        raise DataValidationError(f"what '{node}' returned does not pass {told}", failed)
