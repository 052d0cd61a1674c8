"""Tells an OpenLineage collector of runs, and of what they read and write.

Theory: a run is a run of a job, told of when it starts and when it is over. What is loaded and saved is known where that is
done, and reported from there: an event that the run goes on, with one dataset. Collectors add these up.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from anabranch.libraries import library
from anabranch.lifecycle.base import GraphExecutionHook, NodeExecutionHook, WorkerReport

__all__ = ["OpenLineageAdapter"]

PRODUCER = "https://pypi.org/project/anabranch/"


class OpenLineageAdapter(GraphExecutionHook, NodeExecutionHook, WorkerReport):
    """Emits OpenLineage events: of each run, and of each thing that a loader or saver reads or writes.

    Args:
        client: an `openlineage.client.OpenLineageClient`; without one, it is made of the environment. It stays in the driver.
        namespace: of the job.
        job_name: what the job is called.

    Raises:
        InputError: openlineage-python is not installed.
    """

    def __init__(self, client: Any = None, namespace: str = "anabranch", job_name: str = "flow") -> None:
        self.client = client if client is not None else library("openlineage.client", "OpenLineageAdapter").OpenLineageClient()
        self.namespace = namespace
        self.job_name = job_name

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "client": None}

    def run_before_graph_execution(
        self, *, graph: Any, final_vars: list[str], execution_path: Any, run_id: str, **future_kwargs: Any
    ) -> None:
        """The run starts."""
        facet = library("openlineage.client.facet_v2", "OpenLineageAdapter")
        text = "\n".join(source for name in execution_path if (source := graph[name].source))
        code = facet.source_code_job.SourceCodeJobFacet(language="python", sourceCode=text)
        words = facet.documentation_job.DocumentationJobFacet(description=f"Computes {', '.join(final_vars)}.")
        self._emit("START", run_id, job_facets={"sourceCode": code, "documentation": words})

    def run_after_graph_execution(self, *, success: bool, error: Exception | None, run_id: str, **future_kwargs: Any) -> None:
        """The run is over."""
        if success:
            self._emit("COMPLETE", run_id)
            return
        facet = library("openlineage.client.facet_v2", "OpenLineageAdapter")
        message = facet.error_message_run.ErrorMessageRunFacet(message=f"{error}", programmingLanguage="python")
        self._emit("FAIL", run_id, run_facets={"errorMessage": message})

    def run_after_node_execution(
        self, *, node_tags: Mapping[str, Any], result: Any, success: bool, run_id: str, **future_kwargs: Any
    ) -> None:
        """Something may have been read or written."""
        kinds = {key.split(".")[1] for key in node_tags if key.startswith(("anabranch.data_", "hamilton.data_"))}
        facts = _facts(result) if success and kinds else None
        if facts is None:
            return
        for namespace, name, told in _named(facts):
            self.report((run_id, "inputs" if "data_loader" in kinds else "outputs", namespace, name, _plain(told)))

    def run_after_report(self, *, facts: Any, **future_kwargs: Any) -> None:
        """Something was read or written."""
        run_id, way, namespace, name, told = facts
        self._emit("RUNNING", run_id, **{way: [_dataset(namespace, name, told, is_input=way == "inputs")]})

    def _emit(
        self,
        state: str,
        run_id: str,
        *,
        run_facets: Any = None,
        job_facets: Any = None,
        inputs: Any = None,
        outputs: Any = None,
    ) -> None:
        event = library("openlineage.client.event_v2", "OpenLineageAdapter")
        self.client.emit(
            event.RunEvent(
                eventTime=datetime.now(UTC).isoformat(),
                eventType=event.RunState[state],
                run=event.Run(runId=str(UUID(run_id)), facets=run_facets or {}),
                job=event.Job(namespace=self.namespace, name=self.job_name, facets=job_facets or {}),
                inputs=inputs or [],
                outputs=outputs or [],
                producer=PRODUCER,
            )
        )


def _facts(result: Any) -> Mapping[str, Any] | None:
    """What a loader or saver has told: a dict by itself, or beside the value."""
    found = result[1] if isinstance(result, tuple) and len(result) == 2 else result
    return found if isinstance(found, Mapping) else None


def _plain(facts: Mapping[str, Any]) -> dict[str, Any]:
    """What datasets are described by."""
    return {key: dict(facts[key]) for key in ("file_metadata", "sql_metadata", "dataframe_metadata") if key in facts}


def _named(facts: Mapping[str, Any]) -> Iterator[tuple[str, str, Mapping[str, Any]]]:
    """Namespace, name and facts of what was read or written."""
    file, sql = facts.get("file_metadata"), facts.get("sql_metadata")
    if isinstance(file, Mapping) and file.get("path"):
        yield file.get("scheme") or "file", str(file["path"]), facts
    if isinstance(sql, Mapping) and (sql.get("table_name") or sql.get("query")):
        yield "sql", str(sql.get("table_name") or sql.get("query")), facts


def _dataset(namespace: str, name: str, facts: Mapping[str, Any], *, is_input: bool) -> Any:
    event = library("openlineage.client.event_v2", "OpenLineageAdapter")
    facet = library("openlineage.client.facet_v2", "OpenLineageAdapter")
    frame = facts.get("dataframe_metadata") or {}
    rows = frame.get("rows") if frame else (facts.get("sql_metadata") or {}).get("rows")
    size = (facts.get("file_metadata") or {}).get("size")
    facets: dict[str, Any] = {}
    if frame.get("column_names"):
        field: Callable[..., Any] = facet.schema_dataset.SchemaDatasetFacetFields
        pairs = zip(frame["column_names"], frame.get("datatypes", ()), strict=False)
        facets["schema"] = facet.schema_dataset.SchemaDatasetFacet(fields=[field(name=name, type=kind) for name, kind in pairs])
    if is_input:
        known = facet.input_statistics_input_dataset.InputStatisticsInputDatasetFacet(rowCount=rows, size=size)
        return event.InputDataset(namespace=namespace, name=name, facets=facets, inputFacets={"inputStatistics": known})
    told = facet.output_statistics_output_dataset.OutputStatisticsOutputDatasetFacet(rowCount=rows, size=size)
    return event.OutputDataset(namespace=namespace, name=name, facets=facets, outputFacets={"outputStatistics": told})
