"""The checks that can be chosen by keyword, and the choice: by keyword and by the annotated type."""

from __future__ import annotations

from typing import Any, TypeVar

from anabranch.errors import FlowError, nearest
from anabranch.kinds import kinds_of, name_of
from anabranch.validation import checks, schemas
from anabranch.validation.base import DataValidationLevel, DataValidator
from anabranch.validation.checks import DefaultValidator

__all__ = ["checks_for", "register_validator", "validators_for"]

V = TypeVar("V", bound=type[DefaultValidator])

_registered: dict[str, list[type[DefaultValidator]]] = {}


def register_validator(validator: V) -> V:
    """Makes a `DefaultValidator` one that can be chosen by its keyword; a later one of the same keyword is tried first.

    Can be used as a decorator.

    Raises:
        FlowError: it is no subclass of `DefaultValidator`.
    """
    if not (isinstance(validator, type) and issubclass(validator, DefaultValidator)):
        raise FlowError(f"register_validator takes a subclass of DefaultValidator, not {validator!r}")
    for keyword in (validator.arg(), *validator.other_names):
        _registered.setdefault(keyword, []).insert(0, validator)
    return validator


def validators_for(datatype: Any, importance: str | DataValidationLevel = "warn", **given: Any) -> list[DataValidator]:
    """The validators that the keywords choose for values that are annotated so, in the order of the keywords.

    Args:
        datatype: the annotation of what is checked.
        importance: what a failure means, for all of them.
        given: each keyword with what its check needs.

    Raises:
        FlowError: a keyword chooses nothing, or nothing for that type, or what is given with it makes no sense.
    """
    found: list[DataValidator] = []
    for keyword, value in given.items():
        candidates = _registered.get(keyword)
        if candidates is None:
            raise FlowError(f"there is no check '{keyword}'{nearest(keyword, _registered)}; {_told(datatype)}")
        fitting = [one for one in candidates if one.applies_to(datatype)]
        if not fitting:
            kinds = dict.fromkeys(name_of(kind) for one in candidates for kind in one.kinds)
            raise FlowError(f"the check '{keyword}' is for {', '.join(kinds)}, not for {_name(datatype)}; {_told(datatype)}")
        found.append(fitting[0](value, importance))  # type: ignore[call-arg]
    return found


def checks_for(datatype: Any) -> list[str]:
    """The keywords of the checks that there are for values that are annotated so."""
    return sorted(keyword for keyword, known in _registered.items() if any(one.applies_to(datatype) for one in known))


def _name(datatype: Any) -> str:
    return " | ".join(name_of(kind) for kind in kinds_of(datatype)) or "any type"


def _told(datatype: Any) -> str:
    return f"for {_name(datatype)} there are {', '.join(map(repr, checks_for(datatype)))}"


for _validator in (
    checks.Range,
    checks.ValuesIn,
    checks.AllowNaNs,
    checks.MaxFractionNaNs,
    checks.DataType,
    checks.MaxStandardDev,
    checks.MeanInRange,
    checks.AllowNone,
    checks.Contains,
    checks.DoesNotContain,
    schemas.PanderaSchemaValidator,
    schemas.PydanticModelValidator,
):
    register_validator(_validator)
