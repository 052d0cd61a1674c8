"""An adapter that keeps what tagged functions give in files that are named after them: ``@tag(cache="json")``.

Theory: a file stands for its function's value as long as nothing that the function is made of was computed in the same run.
What arguments were, is not looked at; that is what Hamilton's users know it for, and new code should use `Builder.with_cache`.
It works where functions run in the driver's own process.
"""

from __future__ import annotations

import functools
import json
import os
from collections.abc import Callable, Collection, Mapping
from typing import Any

from anabranch.compat.hamilton.base import SimplePythonGraphAdapter
from anabranch.errors import FlowError
from anabranch.io import loader_for, saver_for
from anabranch.libraries import library

__all__ = [
    "CachingGraphAdapter",
    "read_feather",
    "read_json",
    "read_parquet",
    "read_pickle",
    "write_feather",
    "write_json",
    "write_parquet",
    "write_pickle",
]

Writer = Callable[[Any, str, str], None]
Reader = Callable[[Any, str], Any]


def _frame(data: Any, name: str) -> Any:
    """A frame of what is to be written; a series becomes its only column."""
    return data.to_frame(name=name) if hasattr(data, "to_frame") and not hasattr(data, "columns") else data


def _as_before(wanted: Any, frame: Any) -> Any:
    """The frame, or its only column where a series is wanted."""
    is_series = hasattr(wanted, "to_frame") and not hasattr(wanted, "columns")
    return frame.iloc[:, 0] if is_series else frame


def _save(key: str, data: Any, filepath: Any, name: str) -> None:
    frame = _frame(data, name)
    saver_for(key, type(frame)).made({"path": os.fspath(filepath)}).save_data(frame)


def _load(key: str, wanted: Any, filepath: Any) -> Any:
    pandas = library("pandas", f"cached {key}")
    kind = pandas.DataFrame if hasattr(wanted, "iloc") else type(wanted)
    found, _ = loader_for(key, kind).made({"path": os.fspath(filepath)}).load_data(kind)
    return _as_before(wanted, found)


@functools.singledispatch
def write_json(data: Any, filepath: str, name: str) -> None:
    """Writes JSON."""
    if hasattr(data, "iloc"):
        _save("json", data, filepath, name)
    else:
        with open(filepath, "w", encoding="utf-8") as file:
            json.dump(data, file)


@functools.singledispatch
def read_json(data: Any, filepath: str) -> Any:
    """Reads JSON, as a value of the kind of `data`."""
    return _load("json", data, filepath)


@functools.singledispatch
def write_feather(data: Any, filepath: str, name: str) -> None:
    """Writes Feather."""
    _save("feather", data, filepath, name)


@functools.singledispatch
def read_feather(data: Any, filepath: str) -> Any:
    """Reads Feather."""
    return _load("feather", data, filepath)


@functools.singledispatch
def write_parquet(data: Any, filepath: str, name: str) -> None:
    """Writes Parquet."""
    _save("parquet", data, filepath, name)


@functools.singledispatch
def read_parquet(data: Any, filepath: str) -> Any:
    """Reads Parquet."""
    return _load("parquet", data, filepath)


@functools.singledispatch
def write_pickle(data: Any, filepath: str, name: str) -> None:  # noqa: ARG001  all writers have it
    """Writes a pickle."""
    saver_for("pickle").made({"path": os.fspath(filepath)}).save_data(data)


@functools.singledispatch
def read_pickle(data: Any, filepath: str) -> Any:  # noqa: ARG001  all readers have it
    """Reads a pickle, which runs what its author wrote."""
    return loader_for("pickle").made({"path": os.fspath(filepath)}).load_data(object)[0]


_WRITERS: Mapping[str, Writer] = {
    "json": write_json,
    "feather": write_feather,
    "parquet": write_parquet,
    "pickle": write_pickle,
}
_READERS: Mapping[str, Reader] = {
    "json": read_json,
    "feather": read_feather,
    "parquet": read_parquet,
    "pickle": read_pickle,
}


class CachingGraphAdapter(SimplePythonGraphAdapter):
    """Keeps values of functions with a tag ``cache``, whose value is the format.

    Args:
        cache_path: the folder.
        result_builder: what makes the result.
        force_compute: functions that are computed in any case.
        writers, readers: further formats, by name.
    """

    def __init__(
        self,
        cache_path: str,
        result_builder: Any = None,
        *,
        force_compute: Collection[str] | None = None,
        writers: Mapping[str, Writer] | None = None,
        readers: Mapping[str, Reader] | None = None,
    ) -> None:
        super().__init__(result_builder)
        self.cache_path = cache_path
        self.force_compute = set(force_compute or ())
        self.computed_nodes: set[str] = set()
        self.writers = {**_WRITERS, **(writers or {})}
        self.readers = {**_READERS, **(readers or {})}
        os.makedirs(cache_path, exist_ok=True)

    def execute_node(self, node: Any, kwargs: dict[str, Any]) -> Any:
        """What is in the function's file, or what it gives, which is written there."""
        form = (node.tags or {}).get("cache")
        is_new = any(name in self.computed_nodes for name in kwargs)
        if form is None:
            if is_new:
                self.computed_nodes.add(node.name)
            return node.callable(**kwargs)
        path = os.path.join(self.cache_path, f"{node.name}.{form}")
        if not is_new and node.name not in self.force_compute and os.path.exists(path):
            return self._read_cache(form, _empty(node.type), path)
        result = node.callable(**kwargs)
        self._write_cache(form, result, path, node.name)
        self.computed_nodes.add(node.name)
        return result

    def build_result(self, **outputs: Any) -> Any:
        """What the result builder makes; the run is over."""
        self.computed_nodes.clear()
        return super().build_result(**outputs)

    def _write_cache(self, fmt: str, data: Any, filepath: Any, node_name: str) -> None:
        if fmt not in self.writers:
            raise FlowError(f"invalid cache format: {fmt}")
        self.writers[fmt](data, filepath, node_name)

    def _read_cache(self, fmt: str, expected_type: Any, filepath: Any) -> Any:
        if fmt not in self.readers:
            raise FlowError(f"invalid cache format: {fmt}")
        return self.readers[fmt](expected_type, filepath)


def _empty(kind: Any) -> Any:
    """An empty value of a type; what cannot be made empty is None."""
    try:
        return kind()
    except Exception:
        return None
