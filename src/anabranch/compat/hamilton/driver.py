"""Hamilton's driver and builder.

Theory: a `Builder` here is Hamilton's: it changes, and each method returns it. A `Driver` holds one of anabranch's and
passes on
what it is asked, with Hamilton's order of arguments. It never makes the result of `execute` there: result builders are applied
here, for `materialize` and `raw_execute` are to give what they would be given.
"""

from __future__ import annotations

import copy
import json
import os
from collections.abc import Iterable, Mapping, Sequence
from graphlib import CycleError
from types import ModuleType
from typing import Any, Self

from anabranch.compat.hamilton import _adapters, base, common
from anabranch.compat.hamilton._pictures import Pictures
from anabranch.compat.hamilton._words import in_their_words, is_extra
from anabranch.compat.hamilton.execution.executors import (
    DefaultExecutionManager,
    ExecutionManager,
    SynchronousLocalTaskExecutor,
    TaskExecutor,
)
from anabranch.compat.hamilton.execution.grouping import GroupByRepeatableBlocks, GroupingStrategy
from anabranch.compat.hamilton.graph import FunctionGraph
from anabranch.compat.hamilton.graph_types import HamiltonGraph, HamiltonNode
from anabranch.compat.hamilton.lifecycle.base import LifecycleAdapterSet, ValidationException
from anabranch.compat.hamilton.node import Node, NodeType, checked_query, matches_query
from anabranch.driver import Driver as AnabranchDriver
from anabranch.driver.adapters import Adapters
from anabranch.driver.parts import Parts
from anabranch.errors import AnabranchError, FlowError, InputError
from anabranch.graph import Graph
from anabranch.graph.graph import nodes_from
from anabranch.registry import make_executor

__all__ = [
    "Builder",
    "DefaultGraphExecutor",
    "Driver",
    "GraphExecutor",
    "InvalidExecutorException",
    "TaskBasedGraphExecutor",
    "Variable",
]

Variable = HamiltonNode


class InvalidExecutorException(AnabranchError):
    """An executor that cannot run such nodes."""


class GraphExecutor:
    """Where a driver's runs take place."""

    def chosen(self) -> tuple[Any, dict[str, Any]]:
        """What `anabranch.Builder.with_executor` takes."""
        return "sequential", {}

    def validate(self, nodes_to_execute: Iterable[Node]) -> None:
        """Raises if these nodes cannot be run; anabranch can run all."""


class DefaultGraphExecutor(GraphExecutor):
    """The calling thread."""

    def __init__(self, adapter: Any = None) -> None:
        self.adapter = adapter

    def validate(self, nodes_to_execute: Iterable[Node]) -> None:
        """Raises for nodes of fan-outs, as Hamilton's users expect it. `execute` runs them all the same.

        Raises:
            InvalidExecutorException: there is one.
        """
        for node in nodes_to_execute:
            if node.node_role in {NodeType.EXPAND, NodeType.COLLECT}:
                raise InvalidExecutorException(
                    f"'{node.name}' is part of a fan-out; the builder's enable_dynamic_execution(allow_experimental_mode=True) "
                    f"chooses an executor for it"
                )


class TaskBasedGraphExecutor(GraphExecutor):
    """Executors of the user's choice."""

    def __init__(
        self,
        execution_manager: ExecutionManager | None = None,
        grouping_strategy: GroupingStrategy | None = None,
        adapter: Any = None,
    ) -> None:
        self.execution_manager = execution_manager or DefaultExecutionManager()
        self.grouping_strategy = grouping_strategy or GroupByRepeatableBlocks()
        self.adapter = adapter

    def chosen(self) -> tuple[Any, dict[str, Any]]:
        """That of the execution manager."""
        choose = getattr(self.execution_manager, "chosen", None)
        found: tuple[Any, dict[str, Any]] = choose() if callable(choose) else ("threads", {})
        return found


class Driver(Pictures):
    """Runs requests against one dataflow.

    Args:
        config: values that choose between alternatives and can be read like inputs; one with the name of a function
        replaces it. modules: where the functions are.
        adapter: one adapter, or several; without one, results are frames of pandas.
        allow_module_overrides: a later module's function replaces an earlier one's of the same name.

    Functions that depend on each other in a circle make a driver that can say so (`has_cycles`), and nothing else: asked for
    anything, it raises `RecursionError`, as Hamilton does when it runs.

    Raises:
        ValueError: the functions do not make a dataflow.
    """

    _circle: FlowError | None = None

    def __init__(
        self,
        config: Mapping[str, Any] | None = None,
        *modules: ModuleType,
        adapter: Any = None,
        allow_module_overrides: bool = False,
        _materializers: Sequence[Any] = (),
        _graph_executor: GraphExecutor | None = None,
        _use_legacy_adapter: bool = True,
    ) -> None:
        adapters = self.normalize_adapter_input(adapter, _use_legacy_adapter)
        self._choice = _adapters.choice_of(adapters)
        self.adapter = LifecycleAdapterSet(*adapters)
        self.adapter.call_all_lifecycle_hooks_sync("pre_do_anything")
        self.config = self._choice.prepared(dict(config or {}))
        self.graph_modules = tuple(module for module in modules if module is not None)
        self.graph_executor = _graph_executor or DefaultGraphExecutor(self.adapter)
        name, options = self._choice.executor or self.graph_executor.chosen()
        cache = self._choice.cache
        sorted_out = Adapters.of((*self._choice.along, *(cache.along if cache is not None else ())))
        hooks = sorted_out.hooks
        lets_pass = hooks.lets_pass if hooks is not None and hooks.edges else None
        nodes = nodes_from(self.graph_modules, self.config, override=allow_module_overrides)
        kept = [node for node in nodes.values() if node.name not in self.config and not is_extra(node)]
        try:
            graph = Graph.from_nodes(kept, self.config, lets_pass)
        except FlowError as error:
            if not isinstance(error.__context__, CycleError):
                raise
            self._circle = error
            return
        if _materializers:
            from anabranch.materialization import with_materials

            graph = with_materials(graph, _materializers)
        graph = in_their_words(graph)
        if hooks is not None:
            try:
                graph = hooks.built(graph)
            except FlowError as error:
                raise ValidationException(str(error)) from None
        executor = make_executor(name, dict(options))
        caching = cache.caching if cache is not None else None
        if caching is not None:
            caching.check(graph)
            cache.bind(self)
        owned = (executor,) if isinstance(name, str) else ()
        self.graph = FunctionGraph.of(graph)
        self._hold(Parts(graph, executor, sorted_out, owns=owned, caching=caching))

    def _hold(self, parts: Parts) -> None:
        """Makes the driver that does the work."""
        self._driver = AnabranchDriver.over(parts)

    def __getattr__(self, name: str) -> Any:
        """Says that there is a circle, where what a driver has is not there because of it.

        Raises:
            RecursionError: there is one.
            AttributeError: there is no such attribute.
        """
        if self._circle is not None and not name.startswith("__"):
            raise RecursionError(str(self._circle)) from self._circle
        raise AttributeError(f"a driver has no '{name}'")

    @staticmethod
    def normalize_adapter_input(adapter: Any, use_legacy_adapter: bool = True) -> list[Any]:
        """The adapters as a list; with `use_legacy_adapter`, one that makes frames if none makes results."""
        adapters = _adapters.flat(adapter)
        if use_legacy_adapter and _adapters.choice_of(adapters).result is None:
            adapters.append(base.PandasDataFrameResult())
        return adapters

    # -- running ---------------------------------------------------------------------------------------------------

    def execute(
        self,
        final_vars: Sequence[Any],
        overrides: Mapping[str, Any] | None = None,
        display_graph: bool = False,
        inputs: Mapping[str, Any] | None = None,
    ) -> Any:
        """Computes outputs, and makes of them what the result builder among the adapters makes.

        Args:
            final_vars: names, functions, or variables.
            overrides: values that replace functions.
            display_graph: whether the result has a picture made of what is run; it is shown in notebooks.
            inputs: values for names that no function gives; others are not looked at.

        Raises:
            ValueError: a name is unknown, an input is missing or of the wrong type. Nothing has run then.
            BaseException: what a function raised.
        """
        return _adapters.made(self._choice.result, self.raw_execute(final_vars, overrides, display_graph, inputs))

    def raw_execute(
        self,
        final_vars: Sequence[Any],
        overrides: Mapping[str, Any] | None = None,
        display_graph: bool = False,
        inputs: Mapping[str, Any] | None = None,
        _fn_graph: Any = None,
    ) -> dict[str, Any]:
        """The outputs by name, whatever the result builder."""
        names, extra = self._asked(final_vars, inputs)
        names, unset = self._unset(names, inputs, overrides)
        extra.update(unset)
        if display_graph:
            self._show(names, inputs, overrides)
        found = self._driver.execute(names, self._inputs(inputs), self._overrides(overrides)) if names else {}
        return {name: extra[name] if name in extra else found[name] for name in self._create_final_vars(final_vars)}

    def materialize(
        self,
        *materializers: Any,
        additional_vars: Sequence[Any] | None = None,
        overrides: Mapping[str, Any] | None = None,
        inputs: Mapping[str, Any] | None = None,
    ) -> tuple[dict[str, Any], dict[str, Any]]:
        """Loads and saves what is declared, for this run; gives the facts of what was saved, and further outputs."""
        names, extra = self._asked(additional_vars or (), inputs)
        given: dict[str, Any] = {"inputs": self._inputs(inputs, materializers), "overrides": self._overrides(overrides)}
        saved, found = self._driver.materialize(*materializers, additional_vars=names, **given)
        return saved, {**found, **extra}

    def validate_execution(
        self,
        final_vars: Sequence[Any],
        overrides: Mapping[str, Any] | None = None,
        inputs: Mapping[str, Any] | None = None,
    ) -> None:
        """Raises what `execute` would raise before its first function is called."""
        names, _ = self._asked(final_vars, inputs)
        names, _ = self._unset(names, inputs, overrides)
        if names:
            self._driver.validate_execution(names, self._inputs(inputs), self._overrides(overrides))

    def validate_materialization(
        self,
        *materializers: Any,
        additional_vars: Sequence[Any] | None = None,
        overrides: Mapping[str, Any] | None = None,
        inputs: Mapping[str, Any] | None = None,
    ) -> None:
        """Raises what `materialize` would raise before its first function is called."""
        names, _ = self._asked(additional_vars or (), inputs)
        given: dict[str, Any] = {"inputs": self._inputs(inputs, materializers), "overrides": self._overrides(overrides)}
        self._driver.validate_materialization(*materializers, additional_vars=names, **given)

    def _asked(self, outputs: Sequence[Any], inputs: Mapping[str, Any] | None) -> tuple[list[str], dict[str, Any]]:
        """The outputs that are to be computed, and those that are given and that the dataflow knows nothing of."""
        names = self._create_final_vars(outputs)
        extra = {name: inputs[name] for name in names if inputs and name in inputs and not self._knows(name)}
        return [name for name in names if name not in extra], extra

    def _unset(
        self, names: list[str], inputs: Mapping[str, Any] | None, overrides: Mapping[str, Any] | None
    ) -> tuple[list[str], dict[str, Any]]:
        """These without the inputs that nobody gives nor must give, and None for each of those."""
        graph = self._driver.graph
        given = {*graph.config, *(inputs or {}), *(overrides or {})}
        unset = {name for name in names if name in graph.inputs and not graph.inputs[name].required} - given
        return [name for name in names if name not in unset], dict.fromkeys(unset)

    def _create_final_vars(self, final_vars: Sequence[Any]) -> list[str]:
        modules = {module.__name__ for module in self.graph_modules}
        names = common.convert_output_values([final_vars] if isinstance(final_vars, str) else final_vars, modules)
        return names or []

    def _inputs(self, inputs: Mapping[str, Any] | None, materializers: Sequence[Any] = ()) -> dict[str, Any]:
        """The inputs that the dataflow has, or a declaration reads; Hamilton's users may give more."""
        read: set[str] = set()
        if materializers and inputs:
            from anabranch.materialization import with_materials

            read = set(with_materials(self._driver.graph, materializers).inputs)
        known = {name: value for name, value in (inputs or {}).items() if self._knows(name) or name in read}
        return self._choice.prepared(known)

    def _knows(self, name: str) -> bool:
        graph = self._driver.graph
        return name in graph.inputs or name in graph.config or name in graph.nodes

    def _overrides(self, overrides: Mapping[str, Any] | None) -> dict[str, Any]:
        return self._choice.prepared({name: value for name, value in (overrides or {}).items() if self._knows(name)})

    # -- asking ----------------------------------------------------------------------------------------------------

    def list_available_variables(self, *, tag_filter: Mapping[str, Any] | None = None) -> list[HamiltonNode]:
        """All functions and inputs, or those with these tags.

        Raises:
            ValueError: the filter makes no sense.
        """
        query = checked_query(tag_filter or {})
        return [HamiltonNode.from_node(node) for node in self.graph.get_nodes() if matches_query(node.tags, query)]

    def what_is_upstream_of(self, *node_names: str) -> list[HamiltonNode]:
        """The named ones and all that they are made of."""
        return self._variables(self._driver.lineage.upstream(*node_names).names)

    def what_is_downstream_of(self, *node_names: str) -> list[HamiltonNode]:
        """The named ones and all that is made of them."""
        return self._variables(self._driver.lineage.downstream(*node_names).names)

    def what_is_the_path_between(self, upstream_node_name: str, downstream_node_name: str) -> list[HamiltonNode]:
        """What lies on a way from one to the other."""
        return self._variables(self._driver.lineage.between(upstream_node_name, downstream_node_name).names)

    def _variables(self, names: Iterable[str]) -> list[HamiltonNode]:
        return [HamiltonNode.from_node(self.graph.nodes[name]) for name in names if name in self.graph.nodes]

    def has_cycles(self, final_vars: Sequence[Any] = (), _fn_graph: Any = None) -> bool:
        """Whether some functions depend on each other in a circle."""
        return self._circle is not None

    def export_execution(
        self,
        final_vars: Sequence[str],
        inputs: Mapping[str, Any] | None = None,
        overrides: Mapping[str, Any] | None = None,
    ) -> str:
        """What would be run for these outputs, as JSON."""
        upstream = self._driver.lineage.upstream(*self._create_final_vars(final_vars)).names
        nodes = [HamiltonNode.from_node(self.graph.nodes[name]) for name in sorted(upstream)]
        return json.dumps({"nodes": [node.as_dict() for node in nodes]})

    @property
    def cache(self) -> Any:
        """What is known of runs with a cache.

        Raises:
            ValueError: the driver has none.
        """
        if self._choice.cache is None:
            raise InputError("this driver has no cache; build it with Builder.with_cache()")
        return self._choice.cache

    # -- the end ---------------------------------------------------------------------------------------------------

    def close(self) -> None:
        """Ends the workers that this driver started; the interpreter's exit does so too."""
        if self._circle is None:
            self._driver.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()


class Builder:
    """Gathers what a driver is made of. Each method changes the builder and returns it."""

    def __init__(self) -> None:
        self.v2_executor = False
        self.config: dict[str, Any] = {}
        self.modules: list[ModuleType] = []
        self.adapters: list[Any] = []
        self.legacy_graph_adapter: Any = None
        self.materializers: list[Any] = []
        self.execution_manager: ExecutionManager | None = None
        self.local_executor: TaskExecutor | None = None
        self.remote_executor: TaskExecutor | None = None
        self.grouping_strategy: GroupingStrategy | None = None
        self._allow_module_overrides = False

    def enable_dynamic_execution(self, *, allow_experimental_mode: bool = False) -> Self:
        """Lets executors be chosen.

        Raises:
            ValueError: `allow_experimental_mode` is not said, as Hamilton wants it.
        """
        if not allow_experimental_mode:
            raise FlowError("enable_dynamic_execution is called with allow_experimental_mode=True")
        self.v2_executor = True
        return self

    def with_config(self, config: Mapping[str, Any]) -> Self:
        """Adds config values."""
        self.config.update(config)
        return self

    def with_modules(self, *modules: ModuleType) -> Self:
        """Adds modules."""
        self.modules.extend(modules)
        return self

    def with_adapter(self, adapter: Any) -> Self:
        """Adds an adapter."""
        return self.with_adapters(adapter)

    def with_adapters(self, *adapters: Any) -> Self:
        """Adds adapters.

        Raises:
            ValueError: there would be two caches.
        """
        given = _adapters.flat(adapters)
        if sum(getattr(one, "is_cache", False) for one in (*self.adapters, *given)) > 1:
            raise FlowError("the builder has a cache already; set it once, with with_cache()")
        self.adapters.extend(given)
        return self

    def with_materializers(self, *materializers: Any) -> Self:
        """Adds what is loaded and saved.

        Raises:
            ValueError: one is no declaration but a list of some, say.
        """
        for one in materializers:
            if isinstance(one, (list, tuple)):
                raise FlowError("with_materializers takes declarations one by one: write with_materializers(*materializers)")
        self.materializers.extend(materializers)
        return self

    def with_cache(self, path: str | os.PathLike[str] = ".hamilton_cache", *args: Any, **options: Any) -> Self:
        """Keeps results from run to run; the arguments are those of `HamiltonCacheAdapter`.

        Raises:
            ValueError: there is a cache already.
        """
        from anabranch.compat.hamilton.caching.adapter import HamiltonCacheAdapter

        return self.with_adapters(HamiltonCacheAdapter(path, *args, **options))

    @property
    def cache(self) -> Any:
        """The cache that was chosen; None if there is none."""
        return next((one for one in self.adapters if getattr(one, "is_cache", False)), None)

    def with_execution_manager(self, execution_manager: ExecutionManager) -> Self:
        """Chooses executors.

        Raises:
            ValueError: they cannot be chosen, or have been.
        """
        self._require_v2("an execution manager")
        if self.local_executor is not None or self.remote_executor is not None:
            raise FlowError("the executors have been chosen already; give either an execution manager or these")
        self.execution_manager = execution_manager
        return self

    def with_remote_executor(self, remote_executor: TaskExecutor) -> Self:
        """Chooses where a run takes place.

        Raises:
            ValueError: that cannot be chosen, or has been.
        """
        self._require_v2("a remote executor")
        self._require_no_manager()
        self.remote_executor = remote_executor
        return self

    def with_local_executor(self, local_executor: TaskExecutor) -> Self:
        """Chooses where what is in no fan-out would run; anabranch has one executor for a run, the remote one.

        Raises:
            ValueError: that cannot be chosen, or has been.
        """
        self._require_v2("a local executor")
        self._require_no_manager()
        self.local_executor = local_executor
        return self

    def with_grouping_strategy(self, grouping_strategy: GroupingStrategy) -> Self:
        """Accepted, and without effect: anabranch cuts runs into tasks by what it measures.

        Raises:
            ValueError: that cannot be chosen.
        """
        self._require_v2("a grouping strategy")
        self.grouping_strategy = grouping_strategy
        return self

    def allow_module_overrides(self) -> Self:
        """A later module's function replaces an earlier module's of the same name."""
        self._allow_module_overrides = True
        return self

    def build(self) -> Driver:
        """Builds the driver.

        Raises:
            ValueError: the functions do not make a dataflow.
        """
        executor: GraphExecutor = DefaultGraphExecutor()
        if self.v2_executor:
            manager = self.execution_manager or DefaultExecutionManager(
                self.local_executor or SynchronousLocalTaskExecutor(), self.remote_executor
            )
            executor = TaskBasedGraphExecutor(manager, self.grouping_strategy)
        return Driver(
            self.config,
            *self.modules,
            adapter=self.adapters,
            allow_module_overrides=self._allow_module_overrides,
            _materializers=self.materializers,
            _graph_executor=executor,
            _use_legacy_adapter=False,
        )

    def copy(self) -> Self:
        """Another one with the same in it."""
        twin = copy.copy(self)
        for name in ("config", "modules", "adapters", "materializers"):
            setattr(twin, name, copy.copy(getattr(self, name)))
        return twin

    def _require_v2(self, what: str) -> None:
        if not self.v2_executor:
            raise FlowError(
                f"{what} can be chosen once enable_dynamic_execution(allow_experimental_mode=True) was called on the builder"
            )

    def _require_no_manager(self) -> None:
        if self.execution_manager is not None:
            raise FlowError("an execution manager has been chosen already; give either that or executors")


def hamilton_graph(driver: Driver) -> HamiltonGraph:
    """The description of a driver's dataflow."""
    return HamiltonGraph.from_graph(driver.graph)
