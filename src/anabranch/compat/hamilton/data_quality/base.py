"""Bases of checks, and what they say."""

from __future__ import annotations

import inspect
from typing import Any

from anabranch.validation import (
    DataValidationError,
    DataValidationLevel,
    DataValidator,
    DefaultValidator,
    ValidationResult,
    judge,
)

__all__ = [
    "AsyncBaseDefaultValidator",
    "AsyncDataValidator",
    "BaseDefaultValidator",
    "DataValidationError",
    "DataValidationLevel",
    "DataValidator",
    "ValidationResult",
    "act_fail_bulk",
    "act_warn",
    "is_async_validator",
]

BaseDefaultValidator = DefaultValidator
AsyncDataValidator = DataValidator
AsyncBaseDefaultValidator = DefaultValidator


def is_async_validator(validator: DataValidator) -> bool:
    """Whether its `validate` is a coroutine."""
    return inspect.iscoroutinefunction(validator.validate)


def act_warn(node_name: str, validation_result: ValidationResult, validator: DataValidator) -> None:
    """Logs what does not pass."""
    if not validation_result.passes:
        import logging

        log = logging.getLogger("anabranch")
        log.warning("'%s' does not pass %s: %s", node_name, validator.name(), validation_result.message)


def act_fail_bulk(node_name: str, failures: list[tuple[ValidationResult, DataValidator]]) -> None:
    """Raises for what does not pass.

    Raises:
        DataValidationError: something does not.
    """
    judge(node_name, [(_Failing(validator), result) for result, validator in failures if not result.passes])


class _Failing(DataValidator):
    """A validator that is of importance."""

    def __init__(self, validator: DataValidator) -> None:
        self._validator = validator
        super().__init__("fail")

    def name(self) -> str:  # type: ignore[override]
        return self._validator.name() if hasattr(self, "_validator") else "check"

    def applies_to(self, datatype: Any) -> bool:
        return self._validator.applies_to(datatype)

    def description(self) -> str:
        return self._validator.description()

    def validate(self, dataset: Any) -> ValidationResult:
        return self._validator.validate(dataset)
