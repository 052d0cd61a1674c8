"""One run of the driver inside of one step of Dagster: what was selected becomes events, in the order of the assets.

Theory: a step that fails still tells what it has. Unless the driver's own policy says otherwise, a failure lets all that does
not depend on it run (`finish`); assets that came through are materialized, checks that were made are told, and then the step
fails, with the failures as metadata. Dagster's retry policy then decides about another attempt; what cannot become better by
itself (a wrong input, data that does not pass a check) asks for none.

This module never decides what is to be materialized.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from hashlib import blake2b
from time import perf_counter
from typing import Any

import dagster

from anabranch.driver import Driver
from anabranch.driver.request import RunOptions
from anabranch.errors import FlowError, InputError
from anabranch.events import Event, RunFinished, RunStarted
from anabranch.failure import Failure, ItemsFailed, summary
from anabranch.graph.graph import reach
from anabranch.integrations.dagster import facts
from anabranch.integrations.dagster.inputs import Sources
from anabranch.integrations.dagster.outline import Check, Outline, Part, is_saver
from anabranch.markers import PerItem
from anabranch.report import Report
from anabranch.see.screens import line_of
from anabranch.see.tally import Tally as Progress
from anabranch.validation import DataValidationError, DataValidationLevel, ValidationReport
from anabranch.validation.report import Tally
from anabranch.versions import Unversionable, Versions

__all__ = ["Step"]


@dataclass(frozen=True)
class Made:
    """What came of a run."""

    run_id: str
    results: Mapping[str, Any]
    failures: tuple[Failure, ...]
    report: Report
    error: BaseException | None = None


EVERY = 10.0
"""Seconds between two lines in the log that say how far a run is."""


class Watch:
    """What there is to know of a run that may fail; how far it is goes to the log, now and then and at the end.

    Args:
        log: takes a line; called in the thread that drives the run, which is the step's.
    """

    def __init__(self, log: Callable[[str], None]) -> None:
        self.run_id = ""
        self.report = Report()
        self._log = log
        self._said = perf_counter()
        self._progress: Progress | None = None

    def __call__(self, event: Event) -> None:
        """Takes one event."""
        now = perf_counter()
        self.report.observe(event)
        if isinstance(event, RunStarted):
            self.run_id = event.run_id
            self._progress = Progress(event, now)
        if self._progress is None:
            return
        self._progress.observe(event, now)
        if isinstance(event, RunFinished) or now - self._said >= EVERY:
            self._said = now
            self._log(line_of(self._progress.snapshot(now)))


@dataclass(frozen=True)
class Step:
    """All that a step needs; `keys` are the assets' keys by output."""

    driver: Driver
    outline: Outline
    sources: Sources
    keys: Mapping[str, dagster.AssetKey]
    keep_values: bool
    resume: bool

    def events(self, context: dagster.AssetExecutionContext) -> Iterator[Any]:
        """Runs the driver for what is selected and tells what came of it.

        Raises:
            dagster.Failure: something failed; what did not has been told before.
        """
        parts = [part for part in self.outline.parts if self.keys[part.name] in context.selected_asset_keys]
        wanted = {(key.asset_key, key.name) for key in context.selected_asset_check_keys}
        checks = [check for check in self.outline.checks if (self.keys[check.asset], check.name) in wanted]
        savers = [saver for part in parts for saver in part.savers]
        names = list(dict.fromkeys((*(part.name for part in parts), *savers, *(check.report for check in checks))))
        try:
            stored = self.outline.lacking({part.name for part in parts}) if self.keep_values else ()
            inputs, overrides = self.sources.of(context, self._needed(names, stored))
            overrides |= self._stored(context, stored)
            made = self._run(context, names, inputs, overrides)
        except (InputError, FlowError) as error:
            raise dagster.Failure(str(error), allow_retries=False) from error
        keys = self.sources.keys(context)
        for part in parts:
            if part.name in made.results:
                yield from self._materialized(part, made, keys)
        for check in checks:
            if check.report in made.results:
                yield self._checked(check, made.results[check.report])
        if made.error is not None:
            raise _failure(made) from made.error

    # -- running ---------------------------------------------------------------------------------------------------

    def _run(
        self,
        context: dagster.AssetExecutionContext,
        names: list[str],
        inputs: dict[str, Any],
        overrides: dict[str, Any],
    ) -> Made:
        options: RunOptions = {"on_error": "finish"} if self.driver.faults.on_error == "raise" else {}
        if self.resume:
            options |= {"run_id": self._run_id(context, names, inputs, overrides), "resume": True}
        watch = Watch(context.log.info)
        try:
            made = self.driver.observed_by(watch).run(names, inputs, overrides, **options)
        except (InputError, FlowError):
            raise
        except ItemsFailed as error:
            return Made(watch.run_id, error.results, error.failures, watch.report, error)
        except Exception as error:
            return Made(watch.run_id, {}, (), watch.report, error)
        return Made(made.run_id, made.results, made.failures, made.report)

    def _run_id(
        self, context: dagster.AssetExecutionContext, names: list[str], inputs: dict[str, Any], overrides: dict[str, Any]
    ) -> str:
        """The same for all attempts at the same thing: of one run of Dagster and its re-executions, the same outputs, code and
        inputs. Of anything else what was computed is of no use.
        """
        first = context.run.root_run_id or context.run.run_id
        said = [names, self.driver.lineage.upstream(*names).version]
        for values in (inputs, overrides):
            for name, value in sorted(values.items()):
                version = _version(value)
                said.append([name, version.value if version is not None else ""])
        return f"{first}.{blake2b(repr(said).encode(), digest_size=6).hexdigest()}"

    def _needed(self, names: list[str], stored: Collection[str]) -> set[str]:
        """What these are made of, as far as that is not stored."""
        edges = self.driver.graph.edges
        return reach(names, lambda name: () if name in stored else (edge.source for edge in edges.get(name, ())))

    def _stored(self, context: dagster.AssetExecutionContext, names: Collection[str]) -> dict[str, Any]:
        """Values of assets that are needed and not selected, from where Dagster keeps them."""
        found: dict[str, Any] = {}
        for name in names:
            key = self.keys[name]
            try:
                value = context.load_asset_value(key)
            except Exception as error:
                text = f"asset '{key.to_user_string()}' is not selected, and its value cannot be loaded; materialize it first"
                raise dagster.Failure(f"{text} ({type(error).__name__}: {error})", allow_retries=False) from error
            found[name] = PerItem(value) if self.driver.graph.axes[name] else value
        return found

    # -- telling ---------------------------------------------------------------------------------------------------

    def _materialized(self, part: Part, made: Made, keys: tuple[str, ...]) -> Iterator[dagster.MaterializeResult[Any]]:
        try:
            value = self.sources.by_key(part, made.results[part.name], keys)
        except LookupError:
            return  # its item was skipped
        above = self.driver.graph.upstream([part.name])
        saves = is_saver(self.driver.graph.nodes[part.name])
        about: dict[str, Any] = facts.of_saved("saved", value) if saves else facts.of_value(value)
        for saver in part.savers:
            about |= facts.of_saved(saver, made.results.get(saver))
        about |= facts.of_run(made.run_id, made.report, sorted(above), [one for one in made.failures if one.node in above])
        said: dict[str, Any] = {"value": value} if self.keep_values else {}
        yield dagster.MaterializeResult(asset_key=self.keys[part.name], metadata=about, data_version=_version(value), **said)

    def _checked(self, check: Check, report: ValidationReport) -> dagster.AssetCheckResult:
        importance = check.validator.importance
        tally = report.tallies.get((check.node, check.validator.name(), importance), Tally())
        first = tally.first[0].result.message if tally.first else ""
        is_error = importance is DataValidationLevel.FAIL
        return dagster.AssetCheckResult(
            passed=not tally.failed,
            asset_key=self.keys[check.asset],
            check_name=check.name,
            severity=dagster.AssetCheckSeverity.ERROR if is_error else dagster.AssetCheckSeverity.WARN,
            metadata=facts.of_tally(tally),
            description=first or None,
        )


def _version(value: Any) -> dagster.DataVersion | None:
    """The version of the data; None if it has none, and Dagster goes by code and inputs."""
    try:
        return dagster.DataVersion(Versions().of_data(value).hex())
    except Unversionable:
        return None


def _failure(made: Made) -> dagster.Failure:
    """What ended the run, as Dagster shows it."""
    error = made.error
    text = summary(made.failures) if made.failures else f"{type(error).__name__}: {error}"
    causes = [one.trace.exception for one in made.failures]
    is_final = bool(causes) and all(isinstance(cause, DataValidationError) for cause in causes)
    about = {"anabranch/run_id": made.run_id, **facts.of_failures(made.failures)}
    return dagster.Failure(text, about, allow_retries=False if is_final else None)
