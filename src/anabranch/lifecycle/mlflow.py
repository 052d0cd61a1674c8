"""Runs as runs of an MLflow experiment: inputs and config as parameters, numbers as metrics, what was saved as artifacts."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from numbers import Real
from threading import Lock
from time import perf_counter
from typing import Any

from anabranch.libraries import library
from anabranch.lifecycle.base import GraphConstructionHook, GraphExecutionHook

__all__ = ["MLFlowTracker"]

LENGTH = 500
"""So many letters of a parameter are kept; MLflow refuses more."""


class MLFlowTracker(GraphExecutionHook, GraphConstructionHook):
    """Makes a run of MLflow of each run.

    Its parameters are inputs and config values that are numbers, texts or booleans, its metrics the outputs that are numbers,
    and dicts of these. What savers have written to files of this machine becomes an artifact, and so does the lineage of the
    dataflow (``dataflow.json``).

    Args:
        tracking_uri: where MLflow keeps runs; its own setting, unless it is said.
        registry_uri: where it keeps models.
        artifact_location: where it keeps a new experiment's artifacts.
        experiment_name: made if it is not there.
        experiment_tags: of a new experiment.
        experiment_description: of a new experiment.
        run_id: goes on with a run of MLflow that is there, instead of making one.
        run_name: what runs are called; by their outputs, unless it is said.
        run_tags: of runs.
        run_description: of runs.

    Raises:
        InputError: mlflow is not installed.
    """

    def __init__(
        self,
        tracking_uri: str | None = None,
        *,
        registry_uri: str | None = None,
        artifact_location: str | None = None,
        experiment_name: str = "anabranch",
        experiment_tags: Mapping[str, str] | None = None,
        experiment_description: str | None = None,
        run_id: str | None = None,
        run_name: str | None = None,
        run_tags: Mapping[str, str] | None = None,
        run_description: str | None = None,
    ) -> None:
        self.client = library("mlflow.tracking", "MLFlowTracker").MlflowClient(tracking_uri, registry_uri)
        self.artifact_location = artifact_location
        self.experiment_name = experiment_name
        self.experiment_tags = _described(experiment_tags, experiment_description)
        self.run_id = run_id
        self.run_name = run_name
        self.run_tags = _described(run_tags, run_description)
        self._config: Mapping[str, Any] = {}
        self._runs: dict[str, tuple[str, float]] = {}
        self._lock = Lock()

    def run_after_graph_construction(self, *, config: Mapping[str, Any], **future_kwargs: Any) -> None:
        """Remembers the config."""
        self._config = config

    def run_before_graph_execution(
        self,
        *,
        graph: Any,
        final_vars: list[str],
        inputs: Mapping[str, Any],
        overrides: Mapping[str, Any],
        run_id: str,
        **future_kwargs: Any,
    ) -> None:
        """Makes the run, and notes what it was given."""
        theirs = self.run_id
        if theirs is None:
            tags = {**self.run_tags, "anabranch.run": run_id, "anabranch.version": graph.version}
            name = self.run_name or ", ".join(final_vars)
            theirs = self.client.create_run(self._experiment(), tags=tags, run_name=name).info.run_id
        self._runs[run_id] = (theirs, perf_counter())
        for key, value in {**self._config, **inputs, **overrides}.items():
            if isinstance(value, (str, bool, Real, os.PathLike)):
                self.client.log_param(theirs, key, str(value)[:LENGTH])
        self.client.log_dict(theirs, graph.as_dict(), "dataflow.json")

    def run_after_graph_execution(
        self,
        *,
        graph: Any,
        success: bool,
        error: Exception | None,
        results: dict[str, Any] | None,
        run_id: str,
        failures: tuple[Any, ...] = (),
        **future_kwargs: Any,
    ) -> None:
        """Notes what came of it."""
        theirs, began = self._runs.pop(run_id)
        self.client.log_metric(theirs, "anabranch.seconds", perf_counter() - began)
        self.client.log_metric(theirs, "anabranch.failed_items", len(failures))
        for name, value in (results or {}).items():
            tags = graph[name].tags if name in graph else {}
            if any(key.endswith("data_saver") for key in tags):
                for path in _files(value):
                    self.client.log_artifact(theirs, path, name)
                continue
            for key, number in _numbers(name, value):
                self.client.log_metric(theirs, key, number)
        if error is not None:
            self.client.set_tag(theirs, "anabranch.error", f"{type(error).__name__}: {error}"[:LENGTH])
        if self.run_id is None:
            self.client.set_terminated(theirs, "FINISHED" if success else "FAILED")

    def _experiment(self) -> str:
        with self._lock:
            found = self.client.get_experiment_by_name(self.experiment_name)
            if found is not None:
                return str(found.experiment_id)
            tags = dict(self.experiment_tags)
            return str(self.client.create_experiment(self.experiment_name, self.artifact_location, tags))


def _described(tags: Mapping[str, str] | None, description: str | None) -> dict[str, str]:
    return {**(tags or {}), **({"mlflow.note.content": description} if description else {})}


def _numbers(name: str, value: Any) -> Iterator[tuple[str, float]]:
    """The numbers in an output: itself, or the values of a dict."""
    if isinstance(value, Real):
        yield name, float(value)
    elif isinstance(value, Mapping):
        for key, one in value.items():
            if isinstance(one, Real):
                yield f"{name}.{key}", float(one)


def _files(facts: Any) -> Iterator[str]:
    """The files of this machine that a saver has written."""
    for one in facts if isinstance(facts, list) else [facts]:
        if isinstance(one, list):
            yield from _files(one)
        elif isinstance(one, Mapping):
            file = one.get("file_metadata") or {}
            if file.get("path") and not file.get("scheme") and os.path.exists(file["path"]):
                yield str(file["path"])
