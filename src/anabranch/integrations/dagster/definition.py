"""Assets and checks as Dagster wants them declared: keys, lineage, versions of code, descriptions, tags, places in the source.

Everything that is declared here is known without running anything.
"""

import inspect
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import dagster

from anabranch.driver import Driver
from anabranch.driver.request import Output, names_of
from anabranch.integrations.dagster.inputs import Given, Partition, config_fields, sources_of
from anabranch.integrations.dagster.outline import Outline, Part, outline_of, plain_name
from anabranch.integrations.dagster.step import Step
from anabranch.lineage import Lineage
from anabranch.validation import DataValidationLevel

__all__ = ["driver_assets"]

# No `from __future__ import annotations` here: Dagster looks at the annotation of the step's context.

NOTHING: Mapping[str, Any] = {}


def driver_assets(
    driver: Driver,
    outputs: Sequence[Output],
    *,
    name: str,
    inputs: Given = NOTHING,
    upstream: Mapping[str, Any] = NOTHING,
    partition: Partition | None = None,
    keep_values: bool = True,
    resume: bool = False,
    key_prefix: str | Sequence[str] = (),
    **definition: Any,
) -> dagster.AssetsDefinition:
    """Software-defined assets of a driver's outputs; any subset of them can be materialized, as one run of the driver.

    Args:
        driver: the dataflow, with its executor, its failure policy and its materializers.
        outputs: which outputs are assets: names, functions or variables. What lies between them is computed and not kept.
        name: of the step, and of the group of assets, unless `group_name` is given.
        inputs: values for inputs, or a function of Dagster's context that gives them. If it is not a function, inputs that
            nothing else gives are fields of the run's config.
        upstream: inputs that are assets of others, by input: the asset's key.
        partition: how partitions meet the dataflow.
        keep_values: values are handed to Dagster's IO manager, and what is not selected is loaded from there. Else nothing is
            handed over, which is what one wants where materializers save everything; what is not selected is computed again.
        resume: what was computed is kept (`Builder.with_runs` says where): another attempt by Dagster's retry policy, and the
            re-execution of a run that failed, go on with it, item by item.
        key_prefix: of the assets' keys.
        definition: whatever else `dagster.multi_asset` takes: `retry_policy`, `op_tags`, `pool`, `backfill_policy` …

    Raises:
        InputError: an output or input is unknown, or an input is given twice.
    """
    graph = driver.graph
    outline = outline_of(graph, names_of(outputs), partition.inputs if partition is not None else ())
    keys = {part.name: _key(part.name, key_prefix) for part in outline.parts}
    others = {one: dagster.AssetKey.from_coercible(key) for one, key in upstream.items()}
    sources = sources_of(graph, outline, inputs, others, partition)
    step = Step(driver, outline, sources, keys, keep_values, resume)
    definition.setdefault("group_name", plain_name(name))

    @dagster.multi_asset(
        name=plain_name(name),
        outs={_out(part.name): _asset(driver, part, keys[part.name], keep_values) for part in outline.parts},
        internal_asset_deps={_out(part.name): _made_of(part, keys, others) for part in outline.parts},
        deps=list(others.values()),
        check_specs=list(_checks(outline, keys)),
        config_schema=config_fields(sources),
        partitions_def=partition.definition if partition is not None else None,
        can_subset=True,
        **definition,
    )
    def run_driver(context: dagster.AssetExecutionContext) -> Iterator[Any]:
        yield from step.events(context)

    return run_driver


def _key(name: str, prefix: str | Sequence[str]) -> dagster.AssetKey:
    before = [prefix] if isinstance(prefix, str) else list(prefix)
    return dagster.AssetKey([*before, *name.split(".")])


def _out(name: str) -> str:
    return plain_name(name)


def _made_of(part: Part, keys: Mapping[str, dagster.AssetKey], others: Mapping[str, dagster.AssetKey]) -> set[dagster.AssetKey]:
    return {*(keys[one] for one in part.upstream), *(others[one] for one in part.inputs if one in others)}


def _asset(driver: Driver, part: Part, key: dagster.AssetKey, keep_values: bool) -> dagster.AssetOut:
    lineage = Lineage(driver.graph, part.own)
    variable = lineage[part.name]
    spec = dagster.AssetSpec(
        key,
        description=variable.doc or None,
        code_version=lineage.version,
        metadata={"anabranch/functions": list(part.own), "anabranch/type": variable.type_name, **_source(variable.functions)},
        tags=_tags(variable.tags),
        owners=list(_owners(variable.tags)) or None,
        kinds={"python", *_library(variable.type)},
    )
    return dagster.AssetOut.from_spec(spec, dagster_type=dagster.Any if keep_values else dagster.Nothing, is_required=False)


def _source(functions: Sequence[Any]) -> dict[str, Any]:
    """Where the first of the functions stands."""
    for function in functions:
        code = getattr(inspect.unwrap(function), "__code__", None)
        if code is not None:
            return {"anabranch/source": f"{code.co_filename}:{code.co_firstlineno}"}
    return {}


def _tags(tags: Mapping[str, Any]) -> dict[str, str]:
    """The tags that Dagster's rules for tags allow."""
    word = re.compile(r"[A-Za-z0-9_.-]{1,63}")
    return {key: str(value) for key, value in tags.items() if word.fullmatch(key) and word.fullmatch(str(value))}


def _owners(tags: Mapping[str, Any]) -> Iterator[str]:
    """The tags `owner` and `team` as owners: an address of mail, or a team."""
    for key in ("owner", "team"):
        value = tags.get(key)
        if isinstance(value, str) and re.fullmatch(r"[\w.+-]+@[\w-]+(\.[\w-]+)+", value):
            yield value
        elif isinstance(value, str) and re.fullmatch(r"[A-Za-z0-9_.-]+", value):
            yield f"team:{value}"


def _library(annotation: Any) -> set[str]:
    """The library that the type is of, if Dagster knows it by its picture."""
    root = (getattr(annotation, "__module__", None) or "").partition(".")[0]
    return {root} & {"pandas", "polars", "numpy", "matplotlib", "plotly", "xgboost", "lightgbm"}


def _checks(outline: Outline, keys: Mapping[str, dagster.AssetKey]) -> Iterator[dagster.AssetCheckSpec]:
    for check in outline.checks:
        yield dagster.AssetCheckSpec(
            check.name,
            asset=keys[check.asset],
            description=f"{check.node}: {check.validator.description()}",
            blocking=check.validator.importance is DataValidationLevel.FAIL,
            metadata={"anabranch/function": check.node, "anabranch/importance": check.validator.importance.value},
        )
