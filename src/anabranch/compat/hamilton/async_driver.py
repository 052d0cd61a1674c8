"""Hamilton's driver for programs that run in an event loop; see `anabranch.async_driver`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import ModuleType
from typing import Any, Self

from anabranch.compat.hamilton import _adapters, driver
from anabranch.compat.hamilton.lifecycle.base import settled
from anabranch.driver.asynchronous import AsyncDriver as AnabranchDriver
from anabranch.driver.parts import Parts
from anabranch.errors import FlowError

__all__ = ["AsyncDriver", "Builder", "await_dict_of_tasks", "process_value"]


class _Looped(driver.GraphExecutor):
    """Coroutines run on the event loop, everything else in threads."""

    def chosen(self) -> tuple[Any, dict[str, Any]]:
        """What `anabranch.Builder.with_executor` takes."""
        return "asyncio", {}


class AsyncDriver(driver.Driver):
    """Runs requests against one dataflow, each of them awaited.

    Args:
        config: values that choose between alternatives and can be read like inputs.
        modules: where the functions are.
        result_builder: what makes the result; without one, it is a dict.
        adapters: what goes along with runs; methods may be coroutines.
        allow_module_overrides: a later module's function replaces an earlier one's of the same name.

    Raises:
        ValueError: the functions do not make a dataflow.
    """

    def __init__(
        self,
        config: Mapping[str, Any] | None = None,
        *modules: ModuleType,
        result_builder: Any = None,
        adapters: Any = None,
        allow_module_overrides: bool = False,
    ) -> None:
        given = [*_adapters.flat(adapters), *([] if result_builder is None else [result_builder])]
        super().__init__(
            config,
            *modules,
            adapter=given,
            allow_module_overrides=allow_module_overrides,
            _graph_executor=_Looped(),
            _use_legacy_adapter=False,
        )
        self.initialized = False

    def _hold(self, parts: Parts) -> None:
        super()._hold(parts)
        self._awaited = AnabranchDriver.over(parts)

    async def ainit(self) -> Self:
        """The driver itself: it needs nothing to be awaited, but adapters may."""
        for one in self.adapter.adapters:
            start = getattr(one, "ainit", None)
            if callable(start):
                await settled(start())
        self.initialized = True
        return self

    async def execute(
        self,
        final_vars: Sequence[Any],
        overrides: Mapping[str, Any] | None = None,
        display_graph: bool = False,
        inputs: Mapping[str, Any] | None = None,
    ) -> Any:
        """Computes outputs, and makes of them what the result builder makes; see `Driver.execute`."""
        found = await self.raw_execute(final_vars, overrides, display_graph, inputs)
        return await settled(_adapters.made(self._choice.result, found))

    async def raw_execute(  # type: ignore[override]
        self,
        final_vars: Sequence[Any],
        overrides: Mapping[str, Any] | None = None,
        display_graph: bool = False,
        inputs: Mapping[str, Any] | None = None,
        _fn_graph: Any = None,
    ) -> dict[str, Any]:
        """The outputs by name."""
        names, extra = self._asked(final_vars, inputs)
        if display_graph:
            self._show(names, inputs, overrides)
        found: dict[str, Any] = {}
        if names:
            found = (await self._awaited.run(names, self._inputs(inputs), self._overrides(overrides))).results
        return {name: extra[name] if name in extra else found[name] for name in self._create_final_vars(final_vars)}

    async def materialize(  # type: ignore[override]
        self,
        *materializers: Any,
        additional_vars: Sequence[Any] | None = None,
        overrides: Mapping[str, Any] | None = None,
        inputs: Mapping[str, Any] | None = None,
    ) -> tuple[dict[str, Any], dict[str, Any]]:
        """Loads and saves what is declared, for this run."""
        names, extra = self._asked(additional_vars or (), inputs)
        given: dict[str, Any] = {"inputs": self._inputs(inputs, materializers), "overrides": self._overrides(overrides)}
        saved, found = await self._awaited.materialize(*materializers, additional_vars=names, **given)
        return saved, {**found, **extra}


class Builder(driver.Builder):
    """Gathers what an `AsyncDriver` is made of."""

    def enable_dynamic_execution(self, *, allow_experimental_mode: bool = False) -> Self:
        """Raises: an event loop is the executor here.

        Raises:
            ValueError: always.
        """
        raise FlowError("an AsyncDriver runs fan-outs without it; leave enable_dynamic_execution out")

    def build_without_init(self) -> AsyncDriver:
        """Builds the driver, without waiting for its adapters to start.

        Raises:
            ValueError: the functions do not make a dataflow.
        """
        overrides = self._allow_module_overrides
        return AsyncDriver(self.config, *self.modules, adapters=self.adapters, allow_module_overrides=overrides)

    async def build(self) -> AsyncDriver:  # type: ignore[override]
        """Builds the driver.

        Raises:
            ValueError: the functions do not make a dataflow.
        """
        return await self.build_without_init().ainit()


async def await_dict_of_tasks(task_dict: Mapping[str, Any]) -> dict[str, Any]:
    """What is awaited of each of these."""
    return {name: await task for name, task in task_dict.items()}


async def process_value(val: Any) -> Any:
    """A value, awaited if it can be."""
    return await settled(val)
