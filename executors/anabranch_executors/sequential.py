"""Runs every call at once, in the thread that submits it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from anabranch.deadline import perform_in_time
from anabranch.executor import Call, Reply, Shared, Traits

__all__ = ["SequentialExecutor"]


class SequentialExecutor:
    """The default: no worker, no thread, no pickling.

    Args:
        resources: what functions may need that the machine does not show, by name.
    """

    def __init__(self, resources: Mapping[str, float] | None = None) -> None:
        self.traits = Traits(slots=1, credit=1, shares_memory=True, is_local=True, resources=resources)

    @contextmanager
    def lease(self) -> Iterator[SequentialExecutor]:
        """There is nothing to start."""
        yield self

    def submit(self, call: Call, reply: Reply) -> None:
        """Runs the call before it returns."""
        reply(perform_in_time(call.code, call.layout, local(call), "driver"))

    def forget(self, keys: list[int]) -> None:
        """Nothing is kept."""

    def close(self) -> None:
        """There is nothing to end."""


def local(call: Call) -> tuple[object, ...]:
    """The call's values as the objects they are in this process."""
    return tuple(value.value if isinstance(value, Shared) else value for value in call.values)
