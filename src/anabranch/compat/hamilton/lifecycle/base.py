"""Adapters in the older form that Hamilton's own are written in: one class for one step, told of nodes as objects.

Theory: each class here is one of `anabranch.lifecycle` and passes on what that is told, under the step's name and with its
arguments. A user's class may be of several of them. `LifecycleAdapterSet` holds adapters and calls their steps by name, for
those who write adapters that run others.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from anabranch import lifecycle as ours
from anabranch.compat.hamilton.lifecycle._steps import (
    ASYNC_HOOK,
    ASYNC_METHOD,
    HOOK,
    METHOD,
    REGISTERED_ASYNC_HOOKS,
    REGISTERED_ASYNC_METHODS,
    REGISTERED_SYNC_HOOKS,
    REGISTERED_SYNC_METHODS,
    REGISTERED_SYNC_VALIDATORS,
    SYNC_HOOK,
    SYNC_METHOD,
    SYNC_VALIDATOR,
    VALIDATOR,
    InvalidLifecycleAdapter,
    lifecycle,
    steps_of,
    validate_lifecycle_adapter_function,
)
from anabranch.compat.hamilton.node import DependencyType, Node, NodeType
from anabranch.errors import FlowError
from anabranch.results import ResultBuilder

__all__ = [
    "ASYNC_HOOK",
    "ASYNC_METHOD",
    "REGISTERED_ASYNC_HOOKS",
    "REGISTERED_ASYNC_METHODS",
    "REGISTERED_SYNC_HOOKS",
    "REGISTERED_SYNC_METHODS",
    "REGISTERED_SYNC_VALIDATORS",
    "SYNC_HOOK",
    "SYNC_METHOD",
    "SYNC_VALIDATOR",
    "BaseDoBuildResult",
    "BaseDoCheckEdgeTypesMatch",
    "BaseDoNodeExecute",
    "BaseDoNodeExecuteAsync",
    "BaseDoRemoteExecute",
    "BaseDoValidateInput",
    "BasePostGraphConstruct",
    "BasePostGraphConstructAsync",
    "BasePostGraphExecute",
    "BasePostGraphExecuteAsync",
    "BasePostNodeExecute",
    "BasePostNodeExecuteAsync",
    "BasePostTaskExecute",
    "BasePostTaskExecuteAsync",
    "BasePostTaskExpand",
    "BasePostTaskGroup",
    "BasePostTaskReturn",
    "BasePreDoAnythingHook",
    "BasePreGraphExecute",
    "BasePreGraphExecuteAsync",
    "BasePreNodeExecute",
    "BasePreNodeExecuteAsync",
    "BasePreTaskExecute",
    "BasePreTaskExecuteAsync",
    "BasePreTaskSubmission",
    "BaseValidateGraph",
    "BaseValidateNode",
    "InvalidLifecycleAdapter",
    "LifecycleAdapter",
    "LifecycleAdapterSet",
    "ValidationException",
    "ValidationResult",
    "lifecycle",
    "validate_lifecycle_adapter_function",
]

LifecycleAdapter = ours.LifecycleAdapter

class ValidationException(FlowError):
    """A validator refuses the dataflow."""


@dataclass(frozen=True, slots=True)
class ValidationResult:
    """Whether something is as it should be; if not, why; and who says so."""

    success: bool
    error: str | None = None
    validator: Any = None


def _node(about: Mapping[str, Any]) -> Node:
    """The node that a hook is told of."""
    role = NodeType.STANDARD
    if about.get("is_expand"):
        role = NodeType.EXPAND
    elif about.get("is_collect"):
        role = NodeType.COLLECT
    types = {name: (kind, DependencyType.REQUIRED) for name, kind in (about.get("node_input_types") or {}).items()}
    call = about.get("node_callable")
    return Node(about["node_name"], about.get("node_return_type", Any), "", call, role, types, about.get("node_tags"))


def _graph(lineage: Any) -> Any:
    from anabranch.compat.hamilton.graph import FunctionGraph

    return FunctionGraph.of(lineage._graph)  # noqa: SLF001  the graph that it was made of


def _of_task(about: Mapping[str, Any]) -> dict[str, Any]:
    names = ("run_id", "task_id", "nodes", "inputs", "overrides", "spawning_task_id", "purpose", "success", "error")
    return {name: about[name] for name in names if name in about}


@lifecycle.base_hook("pre_do_anything")
class BasePreDoAnythingHook(ours.LifecycleAdapter):
    """Told before anything else, by the driver itself."""

    def pre_do_anything(self) -> None:
        """A driver is being made."""


@lifecycle.base_method("do_check_edge_types_match")
class BaseDoCheckEdgeTypesMatch(ours.EdgeConnectionHook):
    """Asked whether types fit that seem not to."""

    def check_edge_types_match(self, type_from: Any, type_to: Any, **kwargs: Any) -> bool:
        """What `do_check_edge_types_match` says."""
        return self.do_check_edge_types_match(type_from=type_from, type_to=type_to)

    def do_check_edge_types_match(self, *, type_from: Any, type_to: Any) -> bool:
        """Whether a value of the one type may go where the other is wanted."""
        return False


@lifecycle.base_method("do_validate_input")
class BaseDoValidateInput(ours.EdgeConnectionHook):
    """Asked whether an input's value fits that seems not to."""

    def validate_input(self, node_type: Any, input_value: Any, **kwargs: Any) -> bool:
        """What `do_validate_input` says."""
        return self.do_validate_input(node_type=node_type, input_value=input_value)

    def do_validate_input(self, *, node_type: Any, input_value: Any) -> bool:
        """Whether this may be the value of an input of that type."""
        return False


class _Validator(ours.StaticValidator):
    """Asks what a class says of all nodes, inputs among them, and of the dataflow; all are asked, whatever is said of one."""

    def run_to_validate_graph(self, graph: Any, **future_kwargs: Any) -> tuple[bool, str | None]:
        """What they say."""
        told, said = _graph(graph), list[tuple[bool, str | None]]()
        if isinstance(self, BaseValidateNode):
            said += [self.validate_node(created_node=node) for node in told.get_nodes()]
        if isinstance(self, BaseValidateGraph):
            said.append(self.validate_graph(graph=told, modules=[], config=dict(told.config)))
        refused = [error or "" for success, error in said if not success]
        return not refused, "; ".join(dict.fromkeys(refused)) or None


@lifecycle.base_validator("validate_node")
class BaseValidateNode(_Validator):
    """Asked of each node whether it is as it should be."""

    def validate_node(self, *, created_node: Node) -> tuple[bool, str | None]:
        """Whether it is, and if not, why."""
        return True, None


@lifecycle.base_validator("validate_graph")
class BaseValidateGraph(_Validator):
    """Asked of the dataflow whether it is as it should be."""

    def validate_graph(self, *, graph: Any, modules: list[Any], config: dict[str, Any]) -> tuple[bool, str | None]:
        """Whether it is, and if not, why."""
        return True, None


@lifecycle.base_hook("post_graph_construct")
class BasePostGraphConstruct(ours.GraphConstructionHook):
    """Told of a dataflow that was built."""

    def run_after_graph_construction(self, *, graph: Any, config: Mapping[str, Any], **future_kwargs: Any) -> None:
        """Passes it on."""
        return self.post_graph_construct(graph=_graph(graph), modules=[], config=dict(config))

    def post_graph_construct(self, *, graph: Any, modules: list[Any], config: dict[str, Any]) -> None:
        """The dataflow has been built."""


@lifecycle.base_hook("pre_graph_execute")
class BasePreGraphExecute(ours.GraphExecutionHook):
    """Told before a run."""

    def run_before_graph_execution(self, *, graph: Any, **about: Any) -> None:
        """Passes it on."""
        said = {name: about[name] for name in ("run_id", "final_vars", "inputs", "overrides")}
        return self.pre_graph_execute(graph=_graph(graph), **said)

    def pre_graph_execute(
        self, *, run_id: str, graph: Any, final_vars: list[str], inputs: dict[str, Any], overrides: dict[str, Any]
    ) -> None:
        """A run begins."""


@lifecycle.base_hook("post_graph_execute")
class BasePostGraphExecute(ours.GraphExecutionHook):
    """Told after a run."""

    def run_after_graph_execution(self, *, graph: Any, **about: Any) -> None:
        """Passes it on."""
        said = {name: about[name] for name in ("run_id", "success", "error", "results")}
        return self.post_graph_execute(graph=_graph(graph), **said)

    def post_graph_execute(
        self, *, run_id: str, graph: Any, success: bool, error: Exception | None, results: dict[str, Any] | None
    ) -> None:
        """A run is over."""


@lifecycle.base_hook("pre_node_execute")
class BasePreNodeExecute(ours.NodeExecutionHook):
    """Told before a function is called."""

    def run_before_node_execution(self, **about: Any) -> None:
        """Passes it on."""
        said = {"run_id": about["run_id"], "node_": _node(about), "kwargs": about["node_kwargs"]}
        return self.pre_node_execute(**said, task_id=about["task_id"])

    def pre_node_execute(self, *, run_id: str, node_: Node, kwargs: dict[str, Any], task_id: str | None = None) -> None:
        """It is about to be."""


@lifecycle.base_hook("post_node_execute")
class BasePostNodeExecute(ours.NodeExecutionHook):
    """Told after a function was called."""

    def run_after_node_execution(self, **about: Any) -> None:
        """Passes it on."""
        said = {name: about[name] for name in ("run_id", "success", "error", "result", "task_id")}
        return self.post_node_execute(node_=_node(about), kwargs=about["node_kwargs"], **said)

    def post_node_execute(
        self,
        *,
        run_id: str,
        node_: Node,
        kwargs: dict[str, Any],
        success: bool,
        error: Exception | None,
        result: Any,
        task_id: str | None = None,
    ) -> None:
        """It has been."""


@lifecycle.base_method("do_node_execute")
class BaseDoNodeExecute(ours.NodeExecutionMethod):
    """Calls functions in its own way."""

    def run_to_execute_node(self, **about: Any) -> Any:
        """What `do_node_execute` does."""
        said = {"run_id": about.get("run_id", ""), "node_": _node(about), "kwargs": about["node_kwargs"]}
        return self.do_node_execute(**said, task_id=about.get("task_id"))

    def do_node_execute(self, *, run_id: str, node_: Node, kwargs: dict[str, Any], task_id: str | None = None) -> Any:
        """Returns what the function is to give."""
        return node_(**kwargs)


@lifecycle.base_method("do_remote_execute")
class BaseDoRemoteExecute(ours.NodeExecutionMethod):
    """Calls functions elsewhere, in its own way; what it returns is what the function gives."""

    def run_to_execute_node(self, **about: Any) -> Any:
        """What `do_remote_execute` does."""
        call = about["node_callable"]
        return self.do_remote_execute(node=_node(about), execute_lifecycle_for_node=call, **about["node_kwargs"])

    def do_remote_execute(self, *, node: Node, execute_lifecycle_for_node: Callable[..., Any], **kwargs: Any) -> Any:
        """Returns what the function is to give."""
        return execute_lifecycle_for_node(**kwargs)


@lifecycle.base_hook("post_task_group")
class BasePostTaskGroup(ours.TaskGroupingHook):
    """Told how a run was cut into tasks."""

    def run_after_task_grouping(self, *, run_id: str, task_ids: list[str], **future_kwargs: Any) -> None:
        """Passes it on."""
        self.post_task_group(run_id=run_id, task_ids=task_ids)

    def post_task_group(self, *, run_id: str, task_ids: list[str]) -> None:
        """It has been."""


@lifecycle.base_hook("post_task_expand")
class BasePostTaskExpand(ours.TaskGroupingHook):
    """Told how wide a fan-out is."""

    def run_after_task_expansion(self, *, run_id: str, task_id: str, parameters: Any, **future_kwargs: Any) -> None:
        """Passes it on."""
        self.post_task_expand(run_id=run_id, task_id=task_id, parameters=parameters)

    def post_task_expand(self, *, run_id: str, task_id: str, parameters: Any) -> None:
        """It is known."""


@lifecycle.base_hook("pre_task_submission")
class BasePreTaskSubmission(ours.TaskSubmissionHook):
    """Told before a task is handed over."""

    def run_before_task_submission(self, **about: Any) -> None:
        """Passes it on."""
        self.pre_task_submission(**_of_task(about))

    def pre_task_submission(self, **about: Any) -> None:
        """It is about to be."""


@lifecycle.base_hook("pre_task_execute")
class BasePreTaskExecute(ours.TaskExecutionHook):
    """Told before a task runs, where it runs."""

    def run_before_task_execution(self, **about: Any) -> None:
        """Passes it on."""
        return self.pre_task_execute(**_of_task(about))

    def pre_task_execute(self, **about: Any) -> None:
        """It is about to."""


@lifecycle.base_hook("post_task_execute")
class BasePostTaskExecute(ours.TaskExecutionHook):
    """Told after a task ran, where it ran."""

    def run_after_task_execution(self, **about: Any) -> None:
        """Passes it on."""
        return self.post_task_execute(**_of_task(about), results=about.get("results"))

    def post_task_execute(self, **about: Any) -> None:
        """It has."""


@lifecycle.base_hook("post_task_return")
class BasePostTaskReturn(ours.TaskReturnHook):
    """Told of a task that came back."""

    def run_after_task_return(self, **about: Any) -> None:
        """Passes it on."""
        self.post_task_return(**_of_task(about), result=about.get("result"))

    def post_task_return(self, **about: Any) -> None:
        """It has."""


@lifecycle.base_method("do_build_result")
class BaseDoBuildResult(ResultBuilder):
    """Makes the result of a run."""

    def build_result(self, **outputs: Any) -> Any:
        """What `do_build_result` makes."""
        return self.do_build_result(outputs=outputs)

    def do_build_result(self, *, outputs: dict[str, Any]) -> Any:
        """Returns the result made of these outputs."""
        return outputs


# The same as coroutines, for drivers that await.


class BasePostGraphConstructAsync(BasePostGraphConstruct):
    """The same; its method is a coroutine."""

    async def run_after_graph_construction(self, **about: Any) -> None:  # type: ignore[override]
        """Passes it on."""
        await settled(super().run_after_graph_construction(**about))


class BasePreGraphExecuteAsync(BasePreGraphExecute):
    """The same; its method is a coroutine."""

    async def run_before_graph_execution(self, **about: Any) -> None:  # type: ignore[override]
        """Passes it on."""
        await settled(super().run_before_graph_execution(**about))


class BasePostGraphExecuteAsync(BasePostGraphExecute):
    """The same; its method is a coroutine."""

    async def run_after_graph_execution(self, **about: Any) -> None:  # type: ignore[override]
        """Passes it on."""
        await settled(super().run_after_graph_execution(**about))


class BasePreNodeExecuteAsync(BasePreNodeExecute):
    """The same; its method is a coroutine."""

    async def run_before_node_execution(self, **about: Any) -> None:  # type: ignore[override]
        """Passes it on."""
        await settled(super().run_before_node_execution(**about))


class BasePostNodeExecuteAsync(BasePostNodeExecute):
    """The same; its method is a coroutine."""

    async def run_after_node_execution(self, **about: Any) -> None:  # type: ignore[override]
        """Passes it on."""
        await settled(super().run_after_node_execution(**about))


class BasePreTaskExecuteAsync(BasePreTaskExecute):
    """The same; its method is a coroutine."""

    async def run_before_task_execution(self, **about: Any) -> None:  # type: ignore[override]
        """Passes it on."""
        await settled(super().run_before_task_execution(**about))


class BasePostTaskExecuteAsync(BasePostTaskExecute):
    """The same; its method is a coroutine."""

    async def run_after_task_execution(self, **about: Any) -> None:  # type: ignore[override]
        """Passes it on."""
        await settled(super().run_after_task_execution(**about))


class BaseDoNodeExecuteAsync(BaseDoNodeExecute):
    """The same; its method is a coroutine."""

    async def run_to_execute_node(self, **about: Any) -> Any:
        """What `do_node_execute` does."""
        return await settled(super().run_to_execute_node(**about))


async def settled(made: Any) -> Any:
    """What was made, awaited if it is a coroutine."""
    return await made if inspect.isawaitable(made) else made


class LifecycleAdapterSet:
    """Adapters, and their steps by name."""

    def __init__(self, *adapters: Any) -> None:
        self._adapters = [
            one for each in adapters for one in (each.adapters if isinstance(each, LifecycleAdapterSet) else [each])
        ]
        self.sync_hooks = self._by_step(HOOK, is_async=False)
        self.async_hooks = self._by_step(HOOK, is_async=True)
        self.sync_methods = self._by_step(METHOD, is_async=False)
        self.async_methods = self._by_step(METHOD, is_async=True)
        self.sync_validators = self._by_step(VALIDATOR, is_async=False)

    @property
    def adapters(self) -> list[Any]:
        """The adapters."""
        return list(self._adapters)

    def does_hook(self, hook_name: str, is_async: bool | None = None) -> bool:
        """Whether some adapter is told of this."""
        return (is_async is not True and hook_name in self.sync_hooks) or (
            is_async is not False and hook_name in self.async_hooks
        )

    def does_method(self, method_name: str, is_async: bool | None = None) -> bool:
        """Whether some adapter does this."""
        return (is_async is not True and method_name in self.sync_methods) or (
            is_async is not False and method_name in self.async_methods
        )

    def does_validation(self, validator_name: str) -> bool:
        """Whether some adapter is asked this."""
        return validator_name in self.sync_validators

    def call_all_lifecycle_hooks_sync(self, hook_name: str, **kwargs: Any) -> None:
        """Tells all that are to be told."""
        for one in self.sync_hooks.get(hook_name, ()):
            getattr(one, hook_name)(**kwargs)

    async def call_all_lifecycle_hooks_async(self, hook_name: str, **kwargs: Any) -> None:
        """Tells all that are coroutines."""
        for one in self.async_hooks.get(hook_name, ()):
            await getattr(one, hook_name)(**kwargs)

    async def call_all_lifecycle_hooks_sync_and_async(self, hook_name: str, **kwargs: Any) -> None:
        """Tells all."""
        self.call_all_lifecycle_hooks_sync(hook_name, **kwargs)
        await self.call_all_lifecycle_hooks_async(hook_name, **kwargs)

    def call_lifecycle_method_sync(self, method_name: str, **kwargs: Any) -> Any:
        """Has the one that does it do it.

        Raises:
            ValueError: several do, or none.
        """
        return getattr(_only(self.sync_methods.get(method_name, ()), method_name), method_name)(**kwargs)

    async def call_lifecycle_method_async(self, method_name: str, **kwargs: Any) -> Any:
        """The same for a coroutine.

        Raises:
            ValueError: several do, or none.
        """
        return await getattr(_only(self.async_methods.get(method_name, ()), method_name), method_name)(**kwargs)

    def call_all_validators_sync(
        self, validator_name: str, output_only_failures: bool = True, **kwargs: Any
    ) -> list[ValidationResult]:
        """What all that are asked say."""
        said = [(one, getattr(one, validator_name)(**kwargs)) for one in self.sync_validators.get(validator_name, ())]
        found = [ValidationResult(success, error, one) for one, (success, error) in said]
        return [one for one in found if not (one.success and output_only_failures)]

    def _by_step(self, kind: str, *, is_async: bool) -> dict[str, list[Any]]:
        found: dict[str, list[Any]] = {}
        for one in self._adapters:
            for step_kind, name, declared_async in steps_of(type(one)):
                own = inspect.iscoroutinefunction(getattr(one, name)) or declared_async
                if step_kind == kind and own is is_async and one not in found.setdefault(name, []):
                    found[name].append(one)
        return {name: ones for name, ones in found.items() if ones}


def _only(found: Any, name: str) -> Any:
    if len(found) != 1:
        raise FlowError(f"{len(found)} adapters do '{name}'; there must be one")
    return found[0]
