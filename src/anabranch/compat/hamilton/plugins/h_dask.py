"""Dask: runs on a cluster, and results that are Dask's frames."""

from __future__ import annotations

from typing import Any

from anabranch import results
from anabranch.compat.hamilton import _adapters
from anabranch.compat.hamilton.base import ResultMixin
from anabranch.compat.hamilton.execution.executors import TaskExecutor
from anabranch.libraries import library

__all__ = ["DaskDataFrameResult", "DaskExecutor", "DaskGraphAdapter"]


class DaskExecutor(TaskExecutor):
    """Runs on the cluster of a client, which stays open."""

    def __init__(self, *, client: Any) -> None:
        self.client = client
        self.anabranch = ("dask", {"client": client})


class DaskGraphAdapter(ResultMixin):
    """Has runs take place on Dask.

    Args:
        dask_client: of the cluster; it stays open.
        result_builder: what makes the result; a frame of pandas by default, as in Hamilton.
        visualize_kwargs, use_delayed, compute_at_end: accepted; anabranch uses futures, and results are values.
    """

    def __init__(
        self,
        dask_client: Any,
        result_builder: Any = None,
        visualize_kwargs: dict[str, Any] | None = None,
        use_delayed: bool = True,
        compute_at_end: bool = True,
    ) -> None:
        self.client = dask_client
        self.result_builder = results.PandasDataFrameResult() if result_builder is None else result_builder
        self.anabranch = ("dask", {"client": dask_client})

    def prepared(self, values: dict[str, Any]) -> dict[str, Any]:
        """Inputs that are delayed computations of Dask, computed on the cluster, all at once."""
        delayed = [name for name, value in values.items() if hasattr(value, "__dask_graph__") and hasattr(value, "key")]
        if not delayed:
            return values
        distributed: Any = library("distributed", type(self).__name__)
        client = distributed.default_client() if self.client is None else self.client
        computed = client.gather(client.compute([values[name] for name in delayed]))
        return {**values, **dict(zip(delayed, computed, strict=True))}

    def build_result(self, **outputs: Any) -> Any:
        """What the result builder makes."""
        return _adapters.made(self.result_builder, outputs)


class DaskDataFrameResult(ResultMixin):
    """A frame of Dask with a column for each output."""

    @staticmethod
    def build_result(**outputs: Any) -> Any:
        """The frame."""
        return results.DaskDataFrameResult().build_result(**outputs)
