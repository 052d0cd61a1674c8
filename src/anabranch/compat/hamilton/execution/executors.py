"""Executors by Hamilton's names: each says which of anabranch's stands for it.

Theory: Hamilton runs tasks inside fan-outs on one executor and the rest on another. anabranch has one scheduler, so there
is one executor for a run: the remote one. What the driver can do at once itself, it does itself.
"""

from __future__ import annotations

from typing import Any

from anabranch.errors import FlowError
from anabranch.lifecycle import NodeGroupPurpose

__all__ = [
    "DefaultExecutionManager",
    "ExecutionManager",
    "MultiProcessingExecutor",
    "MultiThreadingExecutor",
    "PoolExecutor",
    "SynchronousLocalTaskExecutor",
    "TaskExecutor",
]


class TaskExecutor:
    """A place for tasks. `anabranch` is its name and its options there."""

    anabranch: tuple[Any, dict[str, Any]] | None = None

    def chosen(self) -> tuple[Any, dict[str, Any]]:
        """What `anabranch.Builder.with_executor` takes.

        Raises:
            ValueError: it is a class of the user's own, which hands tasks out by itself.
        """
        if self.anabranch is None:
            raise FlowError(
                f"{type(self).__name__} hands out tasks by itself, which anabranch does not do; give a pool of "
                f"concurrent.futures, or an executor of anabranch, to anabranch.Builder.with_executor"
            )
        return self.anabranch

    def init(self) -> None:
        """Nothing to do: workers start when they are needed."""

    def finalize(self) -> None:
        """Nothing to do: workers end with the driver."""


class SynchronousLocalTaskExecutor(TaskExecutor):
    """The calling thread."""

    def __init__(self) -> None:
        self.anabranch = ("sequential", {})


class PoolExecutor(TaskExecutor):
    """A number of workers.

    Args:
        max_tasks: how many.
    """

    name = "threads"

    def __init__(self, max_tasks: int) -> None:
        self.max_tasks = max_tasks
        self.anabranch = (self.name, {"workers": max_tasks})


class MultiThreadingExecutor(PoolExecutor):
    """Threads."""

    def __init__(self, max_tasks: int = 10) -> None:
        super().__init__(max_tasks)


class MultiProcessingExecutor(PoolExecutor):
    """Processes."""

    name = "processes"


class ExecutionManager:
    """Which executor a task runs on."""

    def __init__(self, executors: list[TaskExecutor]) -> None:
        self.executors = executors

    def init(self) -> None:
        """Nothing to do."""

    def finalize(self) -> None:
        """Nothing to do."""

    def chosen(self) -> tuple[Any, dict[str, Any]]:
        """The executor of a run: the last one that has workers, or else the last."""
        found = [one.chosen() for one in self.executors]
        return next((one for one in reversed(found) if one[0] != "sequential"), found[-1])


class DefaultExecutionManager(ExecutionManager):
    """One executor inside of fan-outs, another one outside."""

    def __init__(self, local_executor: TaskExecutor | None = None, remote_executor: TaskExecutor | None = None) -> None:
        self.local_executor = local_executor or SynchronousLocalTaskExecutor()
        self.remote_executor = remote_executor or MultiThreadingExecutor(max_tasks=10)
        super().__init__([self.local_executor, self.remote_executor])

    def chosen(self) -> tuple[Any, dict[str, Any]]:
        """The remote one."""
        return self.remote_executor.chosen()

    def get_executor_for_task(self, task: Any) -> TaskExecutor:
        """Where Hamilton would run a task: the remote one for what is inside of a fan-out."""
        is_inside = task.purpose is NodeGroupPurpose.EXECUTE_BLOCK
        return self.remote_executor if is_inside else self.local_executor
