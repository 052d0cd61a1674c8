"""Data quality: checks of what functions return, their results, and reports of many results.

Theory. A *validator* looks at one value and says whether it passes, in words and in figures; it never changes the value and
never raises for what the data is like. Its *importance* says what a failure means: `WARN` is told, `FAIL` stops. That is
decided where results come together (`judge`), not in the validator. In a fan-out there is a result for each item; a
*report* adds them up, and reports can be merged in any grouping, so they can be built on the workers.

Built-in checks are chosen by keyword (`range=(0, 1)`) and by the type that is annotated; they know single values, numpy arrays,
and series of pandas and polars. A schema of pandera or a model of pydantic is a check as well.

This package never knows what a graph is. It imports no library but for a value that came from it.
"""

from __future__ import annotations

from anabranch.validation.base import (
    DataValidationError,
    DataValidationLevel,
    DataValidator,
    ValidationResult,
    judge,
    validate,
)
from anabranch.validation.catalog import checks_for, register_validator, validators_for
from anabranch.validation.checks import DefaultValidator
from anabranch.validation.report import Finding, ValidationReport
from anabranch.validation.schemas import PanderaSchemaValidator, PydanticModelValidator, model_of, schema_of

__all__ = [
    "DataValidationError",
    "DataValidationLevel",
    "DataValidator",
    "DefaultValidator",
    "Finding",
    "PanderaSchemaValidator",
    "PydanticModelValidator",
    "ValidationReport",
    "ValidationResult",
    "checks_for",
    "judge",
    "model_of",
    "register_validator",
    "schema_of",
    "validate",
    "validators_for",
]
