"""Functions that run at the same time on threads, where they do not wait for each other."""

from __future__ import annotations

from typing import Any

from anabranch.compat.hamilton import _adapters
from anabranch.compat.hamilton.base import ResultMixin

__all__ = ["FutureAdapter"]


class FutureAdapter(ResultMixin):
    """Has runs take place on threads.

    Args:
        max_workers: how many; as many as a `ThreadPoolExecutor` would have, if it is not said.
        thread_name_prefix: accepted.
        result_builder: what makes the result; without it, it is a dict.
    """

    def __init__(self, max_workers: int | None = None, thread_name_prefix: str = "", result_builder: Any = None) -> None:
        self.result_builder = result_builder
        self.anabranch = ("threads", {"workers": max_workers} if max_workers else {})

    def build_result(self, **outputs: Any) -> Any:
        """What the result builder makes."""
        return _adapters.made(self.result_builder, outputs)
