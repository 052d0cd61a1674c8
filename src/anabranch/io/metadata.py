"""Facts about what was read or written, as plain data: a file, a frame, a query.

Each function returns a dict with one key that says what the facts are about, so that they can be merged. Times are seconds
since 1970. Nothing is computed for the sake of a fact: of a lazy frame the number of rows is None.
"""

from __future__ import annotations

import time
from typing import Any

from anabranch.io.place import Place
from anabranch.kinds import name_of

__all__ = ["get_dataframe_metadata", "get_file_and_dataframe_metadata", "get_file_metadata", "get_sql_metadata"]

LAYOUT = "1.0.0"
"""Stands in the facts as ``__version__``; it changes when a fact is called otherwise or means something else."""


def get_file_metadata(path: Any, storage_options: Any = None) -> dict[str, Any]:
    """Path, scheme, size and time of the last change of a file or URL, and when that was looked up.

    Where it cannot be looked up, because there is no such file or nobody answers, size and time are None, and `notes` says why;
    else they are empty.
    """
    place = path if isinstance(path, Place) else Place.of(path, storage_options)
    try:
        known, notes = place.about(), ""
    except Exception as error:  # each file system has its own
        known = {"size": None, "last_modified": None}
        notes = f"nothing is known of {place.path}: {type(error).__name__}: {error}"
    facts = {"path": place.path, "scheme": place.scheme, **known, "timestamp": time.time(), "notes": notes}
    return {"file_metadata": {**facts, "__version__": LAYOUT}}


def get_dataframe_metadata(df: Any) -> dict[str, Any]:
    """Type, rows, columns and their types, of a frame, series or array of any library that is known by its attributes."""
    return {"dataframe_metadata": {"type": name_of(type(df)), **_shape(df), "__version__": LAYOUT}}


def get_file_and_dataframe_metadata(path: Any, df: Any, storage_options: Any = None) -> dict[str, Any]:
    """Both."""
    return get_file_metadata(path, storage_options) | get_dataframe_metadata(df)


def get_sql_metadata(query_or_table: Any, results: Any) -> dict[str, Any]:
    """The query or the table, and how many rows there were: `results` is the frame, or their number."""
    text = str(query_or_table)
    is_query = len(text.split()) > 1
    rows = results if isinstance(results, int) else _shape(results).get("rows")
    facts = {"query": text if is_query else None, "table_name": None if is_query else text, "rows": rows}
    return {"sql_metadata": {**facts, "timestamp": time.time(), "__version__": LAYOUT}}


def _shape(data: Any) -> dict[str, Any]:
    if hasattr(data, "collect_schema"):  # polars, lazy or not
        schema = data.collect_schema()
        rows = data.height if hasattr(data, "height") else None
        return _facts(rows, list(schema.names()), list(schema.dtypes()))
    if hasattr(data, "column_names") and hasattr(data, "schema"):  # pyarrow
        return _facts(data.num_rows, data.column_names, data.schema.types)
    if hasattr(type(data), "columns") and hasattr(data, "dtypes"):  # pandas, dask
        rows = len(data) if not hasattr(data, "npartitions") else None
        return _facts(rows, list(data.columns), list(data.dtypes))
    if hasattr(data, "dtype") and hasattr(data, "name"):  # a series
        return _facts(len(data), [data.name], [data.dtype])
    if hasattr(data, "dtype") and hasattr(data, "shape"):
        return {"shape": list(data.shape), "rows": data.shape[0] if data.shape else None, "datatypes": [str(data.dtype)]}
    return {"rows": len(data) if hasattr(data, "__len__") else None}


def _facts(rows: int | None, names: list[Any], types: list[Any]) -> dict[str, Any]:
    return {"rows": rows, "columns": len(names), "column_names": [str(n) for n in names], "datatypes": [str(t) for t in types]}
