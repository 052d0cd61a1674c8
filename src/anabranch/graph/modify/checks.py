"""Checks of what a node gives, as nodes beside it.

Several checks of one node stand side by side on its raw value, also where they come from several decorators.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from anabranch.derived.checks import Checked, Findings, Judged, merged
from anabranch.errors import FlowError
from anabranch.failure import Failed
from anabranch.function_modifiers.checks import (
    DATA_VALIDATOR_ORIGINAL_OUTPUT_TAG,
    IS_DATA_VALIDATOR_TAG,
    CheckOutput,
    CheckOutputCustom,
)
from anabranch.function_modifiers.dependencies import UpstreamDependency
from anabranch.function_modifiers.modifier import Modifier
from anabranch.graph.modify.draft import Draft
from anabranch.graph.modify.family import Family, Scene, beside, checked, chosen_of, free_name
from anabranch.graph.modify.late import collect_all
from anabranch.graph.node import Parameter, Role
from anabranch.graph.types import describe
from anabranch.validation import (
    DataValidator,
    DefaultValidator,
    ValidationReport,
    ValidationResult,
    model_of,
    schema_of,
    validators_for,
)

__all__ = ["checked_by_keyword", "checked_by_validators"]

Validators = Callable[[Draft], Sequence[DataValidator]]


def checked_by_keyword(family: Family, modifier: CheckOutput, scene: Scene) -> Family:
    """`check_output`: the annotated type and the keywords choose the validators."""

    def validators(draft: Draft) -> Sequence[DataValidator]:
        try:
            return _by_keyword(modifier, draft.node.annotation)
        except FlowError as error:
            raise scene.refusal(modifier, f"for '{draft.name}': {error}") from None

    names = [draft.name for draft in chosen_of(family, modifier.target, modifier, scene)]
    return _with_checks(family, names, validators, modifier, scene)


def _by_keyword(modifier: CheckOutput, annotation: Any) -> list[DataValidator]:
    given = dict(modifier.checks)
    if not given:
        schema, model = schema_of(annotation), model_of(annotation)
        if schema is None and model is None:
            raise FlowError(
                f"say what is to be checked, as in range=(0, 1); {describe(annotation)} names no schema of pandera and is no "
                f"model of pydantic"
            )
        given = {"model": model} if schema is None else {"schema": schema}
    found: list[DataValidator] = []
    for keyword, value in given.items():
        own = next((one for one in modifier.candidates if one.arg() == keyword and one.applies_to(annotation)), None)
        if own is not None:
            found.append(own(value, modifier.importance))
        else:
            found += validators_for(annotation, modifier.importance, **{keyword: value})
    return found


def checked_by_validators(family: Family, modifier: CheckOutputCustom, scene: Scene) -> Family:
    """`check_output_custom`: the validators that are given, if they are for the annotated type."""

    def validators(draft: Draft) -> Sequence[DataValidator]:
        annotation = draft.node.annotation
        for validator in modifier.validators:
            if annotation is not Any and not validator.applies_to(annotation):
                why = f"'{validator.name()}' is not for {describe(annotation)}, which is what '{draft.name}' gives"
                raise scene.refusal(modifier, why)
        found: tuple[DataValidator, ...] = modifier.validators
        return found

    names = [draft.name for draft in chosen_of(family, modifier.target, modifier, scene)]
    return _with_checks(family, names, validators, modifier, scene)


def _with_checks(family: Family, names: Sequence[str], validators: Validators, modifier: Modifier, scene: Scene) -> Family:
    """The family with checks of the nodes that are named."""
    for name in names:
        draft = next(draft for draft in family if draft.name == name)
        chosen = validators(draft)
        if not isinstance(draft.node.function, Judged):
            taken = {one.name for one in family}
            opened = [new for one in family for new in (_opened(draft, taken) if one is draft else (one,))]
            family = checked(opened, modifier, scene)
        for validator in chosen:
            family = checked(_added(family, name, validator), modifier, scene)
    return family


def _opened(draft: Draft, taken: set[str]) -> list[Draft]:
    """The node as its raw value and its judged one, with no check yet; and the reports for one item and for all."""
    name, annotation = draft.name, draft.node.annotation
    raw = draft.changed(name=free_name(f"{name}_raw", taken), tags={})
    reads, types = {"value": UpstreamDependency(raw.name)}, {"value": annotation}
    judged = beside(draft, name, Judged(name, ()), reads, annotation, types=types, tags=draft.node.tags)
    findings = beside(
        draft, f"{name}.findings", Findings(name, ()), {}, ValidationReport, doc=f"What checks found of '{name}'."
    )
    reports, types = {"reports": UpstreamDependency(findings.name)}, {"reports": ValidationReport | Failed}
    report = beside(
        draft,
        f"{name}.report",
        merged,
        reports,
        ValidationReport,
        types=types,
        associative=True,
        late=collect_all,
        doc=f"What checks found of '{name}', for all items.",
    )
    return [raw, replace(judged, inner=draft.inner), replace(findings, aside=True), replace(report, aside=True)]


def _added(family: Family, name: str, validator: DataValidator) -> list[Draft]:
    """The family with one more check of a node that is judged already."""
    known = {draft.name: draft for draft in family}
    judged = known[name]
    word = f"{validator.name()}_validator" if isinstance(validator, DefaultValidator) else validator.name()
    tags = {IS_DATA_VALIDATOR_TAG: True, DATA_VALIDATOR_ORIGINAL_OUTPUT_TAG: name}
    check = beside(
        judged,
        free_name(f"{name}_{word}", known),
        Checked(validator),
        {"value": judged.bindings["value"]},
        ValidationResult,
        types={"value": judged.node.annotation},
        tags=tags,
        doc=validator.description(),
    )
    changed = {one: _reading(known[one], check, validator) for one in (name, f"{name}.findings")}
    return [*(changed.get(draft.name, draft) for draft in family), check]


def _reading(draft: Draft, check: Draft, validator: DataValidator) -> Draft:
    """A node of results that reads one more."""
    function, parameters = draft.node.function, draft.node.parameters
    assert isinstance(function, (Judged, Findings))
    result = Parameter(f"result_{len(function.validators)}", Role.PLAIN, 0, ValidationResult)
    more = replace(function, validators=(*function.validators, validator))
    bindings = {**draft.bindings, result.name: UpstreamDependency(check.name)}
    return replace(draft.changed(function=more, parameters=(*parameters, result)), bindings=bindings)
