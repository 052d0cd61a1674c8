"""What is known of values, files, checks and failures, as Dagster's metadata.

Theory: metadata is shown, searched and plotted, and kept for ever. So it has figures, shapes and names, and never the data
itself; but for single numbers, which are worth plotting, and small pictures that were saved anyway.

This module never runs anything and never changes a value.
"""

from __future__ import annotations

import base64
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import dagster

from anabranch.failure import Failure, in_words
from anabranch.io.metadata import get_dataframe_metadata
from anabranch.report import Report
from anabranch.validation.report import Tally

__all__ = ["of_failures", "of_run", "of_saved", "of_tally", "of_value"]

Facts = dict[str, Any]

PICTURE = 256_000
"""Bytes of a picture that is shown itself."""

SHOWN = 20
"""Failures that are shown one by one."""


def of_value(value: Any) -> Facts:
    """Rows and columns of frames, the length of lists, and plain numbers."""
    if isinstance(value, (bool, int, float)):
        return {"value": value}
    known = get_dataframe_metadata(value)["dataframe_metadata"] if _is_frame(value) else {}
    rows = known.get("rows", len(value) if isinstance(value, (list, tuple)) else None)
    facts: Facts = {"dagster/row_count": int(rows)} if rows is not None else {}
    if known.get("column_names"):
        columns = zip(known["column_names"], known["datatypes"], strict=True)
        facts["dagster/column_schema"] = dagster.TableSchema([dagster.TableColumn(name, type_) for name, type_ in columns])
    return facts


def _is_frame(value: Any) -> bool:
    return any(hasattr(value, name) for name in ("dtypes", "collect_schema", "column_names", "dtype"))


def of_saved(saver: str, found: Any) -> Facts:
    """What a saver tells: where, and how much; of many files how many."""
    if isinstance(found, list):
        every = list(_flat(found))
        size = sum(one.get("file_metadata", {}).get("size") or 0 for one in every if isinstance(one, Mapping))
        return {f"{saver}/files": len(every), f"{saver}/size": size}
    if not isinstance(found, Mapping):
        return {}
    facts: Facts = {}
    file, table = found.get("file_metadata"), found.get("sql_metadata")
    if isinstance(file, Mapping):
        path = str(file.get("path"))
        facts[f"{saver}/path"] = dagster.MetadataValue.path(path) if "://" not in path else dagster.MetadataValue.url(path)
        if file.get("size") is not None:
            facts[f"{saver}/size"] = int(file["size"])
        if path.endswith(".png") and file.get("scheme") in (None, "", "file") and (file.get("size") or PICTURE) < PICTURE:
            facts[f"{saver}/preview"] = _picture(path)
    if isinstance(table, Mapping):
        facts |= {f"{saver}/{key}": table[key] for key in ("table_name", "query", "rows") if table.get(key) is not None}
    if not facts:
        facts = {f"{saver}/{key}": value for key, value in found.items() if isinstance(value, (str, int, float, bool))}
    return facts


def _flat(found: Iterable[Any]) -> Iterable[Any]:
    for one in found:
        if isinstance(one, list):
            yield from _flat(one)
        else:
            yield one


def _picture(path: str) -> Any:
    with open(path, "rb") as file:
        text = base64.b64encode(file.read()).decode()
    return dagster.MetadataValue.md(f"![{path}](data:image/png;base64,{text})")


def of_run(run_id: str, report: Report, axes: Iterable[str], failures: Sequence[Failure]) -> Facts:
    """The run's figures, as far as they are about an asset: `axes` are the fan-outs that it is made of."""
    items = {axis: report.widths[axis] for axis in axes if axis in report.widths}
    workers = {worker for task in report.tasks.values() for worker in task.workers}
    facts: Facts = {
        "anabranch/run_id": run_id,
        "anabranch/seconds": round(report.seconds, 6),
        "anabranch/workers": len(workers),
    }
    if items:
        facts["anabranch/items"] = items
    return facts | of_failures(failures)


def of_failures(failures: Sequence[Failure]) -> Facts:
    """How many items failed, and the first of them."""
    if not failures:
        return {}
    return {"anabranch/failed_items": len(failures), "anabranch/failures": _table([_row(one) for one in failures[:SHOWN]])}


def _row(failure: Failure) -> dict[str, Any]:
    error = failure.trace.exception
    return {
        "function": failure.node,
        "item": in_words(failure.axes, failure.item).removeprefix(", item "),
        "error": type(error).__name__,
        "message": str(error).partition("\n")[0][:200],
        "attempts": failure.attempts,
        "worker": failure.worker,
    }


def of_tally(tally: Tally) -> Facts:
    """How often a check passed, and the first items that did not."""
    facts: Facts = {"passed": tally.passed, "failed": tally.failed}
    if tally.first:
        rows = [{"item": ", ".join(map(str, one.item)), "message": one.result.message} for one in tally.first]
        facts["first_failures"] = _table(rows)
    return facts


def _table(rows: Sequence[Mapping[str, Any]]) -> Any:
    columns = [dagster.TableColumn(name, "int" if isinstance(value, int) else "string") for name, value in rows[0].items()]
    return dagster.MetadataValue.table([dagster.TableRecord(dict(row)) for row in rows], dagster.TableSchema(columns))
