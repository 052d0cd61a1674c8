"""Checks of what a function gives: `check_output` by keyword, `check_output_custom` with validators of one's own.

Theory: a check is a node of its own, so its result can be asked for, stored and seen. Node `x` becomes ``x_raw``; each check
is a node that reads it, called ``x_range_validator`` and so on; and `x` gives the value on, after what the results mean has
been done: a warning is logged, a failure raised. ``x.report`` adds the results of all items up, if it is asked for.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from anabranch.errors import FlowError
from anabranch.function_modifiers.modifier import Modifier, Target

__all__ = [
    "DATA_VALIDATOR_ORIGINAL_OUTPUT_TAG",
    "IS_DATA_VALIDATOR_TAG",
    "CheckOutput",
    "CheckOutputCustom",
    "check_output",
    "check_output_custom",
]

IS_DATA_VALIDATOR_TAG = "hamilton.data_quality.contains_dq_results"
"""The tag of nodes that are results of checks."""

DATA_VALIDATOR_ORIGINAL_OUTPUT_TAG = "hamilton.data_quality.source_node"
"""The tag of such a node that names the node that is checked."""


@dataclass(frozen=True, slots=True)
class CheckOutput(Modifier):
    """Checks that are chosen by keyword and by the annotated type; none at all mean the schema that the type names."""

    checks: Mapping[str, Any]
    importance: Any = "warn"
    candidates: tuple[type[Any], ...] = ()
    target: Target = None


@dataclass(frozen=True, slots=True)
class CheckOutputCustom(Modifier):
    """Checks by these validators."""

    validators: tuple[Any, ...]
    target: Target = None


def check_output(
    importance: str = "warn",
    default_validator_candidates: Sequence[type[Any]] | None = None,
    target_: Target = None,
    **default_validator_kwargs: Any,
) -> CheckOutput:
    """Checks what the function gives: ``@check_output(range=(0, 1), allow_nans=False, importance="fail")``.

    Which keywords there are depends on the annotated type; see `anabranch.validation`. Without keywords, the schema of pandera
    or the model of pydantic that the annotation names is the check. In a fan-out each item is checked.

    Args:
        importance: ``"warn"`` logs what does not pass, ``"fail"`` raises `anabranch.validation.DataValidationError`.
        default_validator_candidates: classes of validators that are tried before those that are registered.
        target_: which of the function's nodes are checked; by default the last ones.
        default_validator_kwargs: each check with what it needs.
    """
    return CheckOutput(default_validator_kwargs, importance, tuple(default_validator_candidates or ()), target_)


def check_output_custom(*validators: Any, target_: Target = None) -> CheckOutputCustom:
    """Checks what the function gives with `anabranch.validation.DataValidator`s.

    Args:
        validators: the validators.
        target_: which of the function's nodes are checked; by default the last ones.

    Raises:
        FlowError: there is none, or one of them is something else.
    """
    from anabranch.validation import DataValidator

    for validator in validators:
        if not isinstance(validator, DataValidator):
            kind = f"the class {validator.__name__}" if isinstance(validator, type) else f"a {type(validator).__name__}"
            raise FlowError(f"@check_output_custom takes objects of subclasses of DataValidator, not {kind}")
    if not validators:
        raise FlowError("@check_output_custom needs at least one validator")
    return CheckOutputCustom(validators, target_)
