"""What an adapter can be: classes to subclass, each with the methods that are called at one point of a run's life.

Theory: an adapter is told, asked, or puts itself in between, and only the last two can change what happens.

=====================  ===================================================================  ========  =======================
class                  when                                                                 where     what it raises
=====================  ===================================================================  ========  =======================
GraphConstructionHook  the dataflow has been built                                          driver    is logged
StaticValidator        after that, to say whether it may be                                 driver    is an error
EdgeConnectionHook     a value's type does not fit where it goes, to say that it may        driver    is an error
WorkerReport           what was reported where functions run has come back                  driver    is logged
GraphExecutionHook     before and after a run                                               driver    is logged
TaskGroupingHook       a run has been planned; a fan-out's items are known                  driver    is logged
TaskSubmissionHook     before a task is handed over                                         driver    is logged
TaskReturnHook         after it came back                                                   driver    is logged
TaskExecutionHook      before and after a task runs                                         worker    is logged
NodeExecutionHook      before and after a function is called                                worker    is logged
NodeExecutionMethod    instead of calling a function                                        worker    fails the function
NodeFailureMethod      a function has failed for good, to give a value in its place         worker    is the failure
ResultBuilder          the outputs are there, to make one result of them                    driver    is an error
=====================  ===================================================================  ========  =======================

Adapters for workers travel there by value, once to each worker process: what they note down there stays there, unless they
report it (`WorkerReport`). In the driver's own process they are the objects that were given. All methods are called with
keywords, and a method need not take those it has no use for. Where functions run on threads, methods are called on several
threads at once.

Subclass as many of these as are wanted at once. The methods may be coroutines for an `AsyncDriver`.

This module never calls anything.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from enum import Enum
from typing import TYPE_CHECKING, Any

from anabranch.results.base import ResultBuilder

if TYPE_CHECKING:
    from anabranch.failure import Failure
    from anabranch.lineage import Lineage, Variable

__all__ = [
    "EdgeConnectionHook",
    "GraphAdapter",
    "GraphConstructionHook",
    "GraphExecutionHook",
    "LifecycleAdapter",
    "NodeExecutionHook",
    "NodeExecutionMethod",
    "NodeFailureMethod",
    "NodeGroupPurpose",
    "ResultBuilder",
    "StaticValidator",
    "TaskExecutionHook",
    "TaskGroupingHook",
    "TaskReturnHook",
    "TaskSubmissionHook",
    "WorkerReport",
]


class NodeGroupPurpose(Enum):
    """What a task is for."""

    EXECUTE_SINGLE = "functions outside any loop of their own"
    EXECUTE_BLOCK = "items of a fan-out"
    EXPAND_UNORDERED = "opening a fan-out"
    GATHER = "reading a stream, or merging what was collected in parts"


class LifecycleAdapter:
    """The root of all adapters but result builders."""


class NodeExecutionHook(LifecycleAdapter):
    """Told before and after each call of a function, wherever it runs: outside of fan-outs once, inside once per item."""

    def run_before_node_execution(
        self,
        *,
        node_name: str,
        node_tags: Mapping[str, Any],
        node_kwargs: dict[str, Any],
        node_return_type: Any,
        task_id: str | None,
        run_id: str,
        node_input_types: Mapping[str, Any],
        **future_kwargs: Any,
    ) -> None:
        """The function is about to be called.

        Args:
            node_name: the node.
            node_tags: its tags.
            node_kwargs: the arguments, by the function's parameters.
            node_return_type: what it says that it returns; of an expander, the type of an item.
            task_id: which item it is, as in ``file[3]``; None outside of fan-outs.
            run_id: identifies the run.
            node_input_types: the parameters' types.
            future_kwargs: more: ``item`` (the indices, outermost first) and their ``axes``, ``is_expand``, ``is_collect``.
        """

    def run_after_node_execution(
        self,
        *,
        node_name: str,
        node_tags: Mapping[str, Any],
        node_kwargs: dict[str, Any],
        node_return_type: Any,
        result: Any,
        error: Exception | None,
        success: bool,
        task_id: str | None,
        run_id: str,
        **future_kwargs: Any,
    ) -> None:
        """The function returned or raised. An expander that gives its items one by one has ended when the last was taken.

        Args:
            result: what it returned; None if it raised, and for items that were given one by one.
            error: what it raised. A function that raised `Skip` did not succeed, and `error` is the `Skip`.
            success: whether it returned.
            node_name, node_tags, node_kwargs, node_return_type, task_id, run_id, future_kwargs: as before it.
        """


class NodeExecutionMethod(LifecycleAdapter):
    """Calls functions in its own way. Several go around each other, the one that was given first outermost."""

    def run_to_execute_node(
        self,
        *,
        node_name: str,
        node_tags: Mapping[str, Any],
        node_callable: Any,
        node_kwargs: dict[str, Any],
        task_id: str | None,
        is_expand: bool,
        is_collect: bool,
        **future_kwargs: Any,
    ) -> Any:
        """Returns what the node's value is to be; what it raises is the node's failure.

        Args:
            node_callable: the function, or the next method; takes the arguments by their names.
            is_expand: whether the function opens a fan-out: it returns the items.
            is_collect: whether it collects.
            node_name, node_tags, node_kwargs, task_id: as for `NodeExecutionHook`.
            future_kwargs: more: ``run_id``, ``item``, ``node_return_type``, ``node_input_types``.
        """
        raise NotImplementedError


class NodeFailureMethod(LifecycleAdapter):
    """Gives a value in the place of one that could not be made. Asked when no retry is left; the first to have one wins."""

    def run_to_replace_failure(
        self, *, node_name: str, failure: Failure, task_id: str | None, is_expand: bool, **future_kwargs: Any
    ) -> Any:
        """Returns the value to go on with (of an expander, the items), or raises.

        Args:
            node_name: the node.
            failure: what was raised, where, after how many attempts.
            task_id: which item it is.
            is_expand: whether the function opens a fan-out.
            future_kwargs: more: ``item``, ``node_tags``, ``run_id`` where it is known.
        """
        raise failure.exception


class WorkerReport(LifecycleAdapter):
    """Brings plain data from where functions run to the driver: with what the task gives, in order, without a network."""

    def report(self, facts: Any) -> None:
        """To be called in methods that are called where functions run: hands plain data to the driver.

        It arrives when the task has come back, and not at all if its worker dies.
        """
        from anabranch.lifecycle.crew import deliver

        deliver(self, facts)

    def run_after_report(self, *, facts: Any, run_id: str, **future_kwargs: Any) -> None:
        """In the driver: something was reported.

        Args:
            facts: as they were reported.
            run_id: identifies the run; empty if the driver itself was pulling an expander.
            future_kwargs: nothing yet.
        """


class GraphExecutionHook(LifecycleAdapter):
    """Told before and after each run."""

    def run_before_graph_execution(
        self,
        *,
        graph: Lineage,
        final_vars: list[str],
        inputs: Mapping[str, Any],
        overrides: Mapping[str, Any],
        execution_path: Collection[str],
        run_id: str,
        **future_kwargs: Any,
    ) -> None:
        """A run begins.

        Args:
            graph: the dataflow.
            final_vars: the outputs that are asked for.
            inputs: what was given.
            overrides: what was given in the place of functions.
            execution_path: the nodes that will run.
            run_id: identifies the run.
            future_kwargs: nothing yet.
        """

    def run_after_graph_execution(
        self,
        *,
        graph: Lineage,
        success: bool,
        error: Exception | None,
        results: dict[str, Any] | None,
        run_id: str,
        **future_kwargs: Any,
    ) -> None:
        """A run is over.

        Args:
            graph: the dataflow.
            success: whether it has results.
            error: what ended it otherwise.
            results: the outputs by name; None if there are none.
            run_id: identifies the run.
            future_kwargs: more: ``failures``, the items that failed without ending the run.
        """


class GraphConstructionHook(LifecycleAdapter):
    """Told of each dataflow that was built."""

    def run_after_graph_construction(self, *, graph: Lineage, config: Mapping[str, Any], **future_kwargs: Any) -> None:
        """A dataflow has been built, with this config."""


class EdgeConnectionHook(LifecycleAdapter):
    """Asked where types do not fit, and may let them pass."""

    def check_edge_types_match(self, type_from: Any, type_to: Any, **kwargs: Any) -> bool:
        """Whether a value of the one type may go where the other is wanted, though by itself it would not do."""
        return False

    def validate_input(self, node_type: Any, input_value: Any, **kwargs: Any) -> bool:
        """Whether this may be the value of an input of that type, though by itself it would not do."""
        return False


class StaticValidator(LifecycleAdapter):
    """Asked whether a dataflow is as it should be, when it has been built."""

    def run_to_validate_node(self, *, node: Variable, **future_kwargs: Any) -> tuple[bool, str | None]:
        """Whether the node may be as it is, and if not, why. Not asked of inputs."""
        return True, None

    def run_to_validate_graph(self, graph: Lineage, **future_kwargs: Any) -> tuple[bool, str | None]:
        """Whether the dataflow may be as it is, and if not, why."""
        return True, None


class TaskSubmissionHook(LifecycleAdapter):
    """Told of each task that is handed to the executor, or that the driver runs itself."""

    def run_before_task_submission(
        self,
        *,
        run_id: str,
        task_id: str,
        nodes: list[Variable],
        inputs: Mapping[str, Any],
        overrides: Mapping[str, Any],
        spawning_task_id: str | None,
        purpose: NodeGroupPurpose,
        **future_kwargs: Any,
    ) -> None:
        """A task is about to be handed over.

        Args:
            run_id: identifies the run.
            task_id: which task, and which items: ``tree[0:8]`` are the first eight, ``file[2]/tree[0:8]`` those of a file.
            nodes: what it computes.
            inputs: what it is given, by name: for items, lists. Values that lie elsewhere are brought when they are looked at.
            overrides: empty: what is overridden is given like everything else.
            spawning_task_id: the task that opened the fan-out; None outside.
            purpose: what it is for.
            future_kwargs: nothing yet.
        """


class TaskReturnHook(LifecycleAdapter):
    """Told of each task that came back."""

    def run_after_task_return(
        self,
        *,
        run_id: str,
        task_id: str,
        nodes: list[Variable],
        result: Any,
        success: bool,
        error: Exception | None,
        spawning_task_id: str | None,
        purpose: NodeGroupPurpose,
        **future_kwargs: Any,
    ) -> None:
        """A task came back.

        Args:
            result: what it gave, by name: for items, lists, in which what failed is missing. Values that lie elsewhere are
                brought when they are looked at. None if nothing came back.
            error: its first failure, or what befell its worker.
            success: whether nothing failed.
            run_id, task_id, nodes, spawning_task_id, purpose, future_kwargs: as when it was handed over.
        """


class TaskExecutionHook(LifecycleAdapter):
    """Told of each task where it runs."""

    def run_before_task_execution(
        self,
        *,
        task_id: str,
        run_id: str,
        nodes: list[Variable],
        inputs: Mapping[str, Any],
        overrides: Mapping[str, Any],
        spawning_task_id: str | None,
        purpose: NodeGroupPurpose,
        **future_kwargs: Any,
    ) -> None:
        """A task begins; the arguments are those of `TaskSubmissionHook`."""

    def run_after_task_execution(
        self,
        *,
        task_id: str,
        run_id: str,
        nodes: list[Variable],
        results: dict[str, Any] | None,
        success: bool,
        error: Exception | None,
        spawning_task_id: str | None,
        purpose: NodeGroupPurpose,
        **future_kwargs: Any,
    ) -> None:
        """A task ended; the arguments are those of `TaskReturnHook`."""


class TaskGroupingHook(LifecycleAdapter):
    """Told how a run was cut into tasks, and how wide its fan-outs turned out to be."""

    def run_after_task_grouping(self, *, run_id: str, task_ids: list[str], **future_kwargs: Any) -> None:
        """A run was planned; `task_ids` are its tasks outside of fan-outs, and for each fan-out one that ends in ``[:]``."""

    def run_after_task_expansion(
        self, *, run_id: str, task_id: str, parameters: Mapping[str, int], **future_kwargs: Any
    ) -> None:
        """It is known how many items a fan-out has; `parameters` has one entry for each: its name, and its index."""


class GraphAdapter(EdgeConnectionHook, NodeExecutionMethod, ResultBuilder):
    """Checks of types, calls of functions and the making of a result in one class, in an older form of Hamilton's."""

    @staticmethod
    def check_input_type(node_type: Any, input_value: Any) -> bool:  # noqa: ARG004  for subclasses
        """Whether this may be the value of an input of that type."""
        return False

    @staticmethod
    def check_node_type_equivalence(node_type: Any, input_type: Any) -> bool:  # noqa: ARG004  for subclasses
        """Whether a value of the one type may go where the other is wanted."""
        return False

    def execute_node(self, node: Any, kwargs: dict[str, Any]) -> Any:
        """Calls a function: `node` has its ``name``, ``tags``, ``type`` and ``callable``."""
        return node.callable(**kwargs)

    def build_result(self, **outputs: Any) -> Any:
        """The outputs by name, as they are."""
        return outputs

    def check_edge_types_match(self, type_from: Any, type_to: Any, **kwargs: Any) -> bool:
        """What `check_node_type_equivalence` says."""
        return self.check_node_type_equivalence(type_to, type_from)

    def validate_input(self, node_type: Any, input_value: Any, **kwargs: Any) -> bool:
        """What `check_input_type` says."""
        return self.check_input_type(node_type, input_value)

    def run_to_execute_node(self, *, node_callable: Any, node_kwargs: dict[str, Any], **future_kwargs: Any) -> Any:
        """Leaves it to `execute_node`."""
        from types import SimpleNamespace

        said = {"name": "node_name", "tags": "node_tags", "type": "node_return_type"}
        about = {mine: future_kwargs.get(theirs) for mine, theirs in said.items()}
        return self.execute_node(SimpleNamespace(callable=node_callable, **about), node_kwargs)
