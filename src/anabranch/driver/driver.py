"""The driver: a dataflow and an executor, ready to run requests.

Theory: a driver never changes once it is built, so that any number of threads may use it at once. What changes belongs to a
run. What it keeps between runs cannot be seen from outside: compiled plans, estimates of how long items take, and warm
workers.
"""

from __future__ import annotations

import os
import weakref
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from types import ModuleType
from typing import TYPE_CHECKING, Any, Self, Unpack

from anabranch.driver import session
from anabranch.driver.adapters import Adapter
from anabranch.driver.lookup import Lookup
from anabranch.driver.parts import Parts
from anabranch.driver.plans import Plans
from anabranch.driver.request import (
    Output,
    Request,
    RunOptions,
    check,
    check_options,
    inputs_of,
    names_of,
    slots_of,
    split,
    updated,
)
from anabranch.engine import Observer
from anabranch.failure import trimmed
from anabranch.handle import RunHandle, RunResult, Watch
from anabranch.policies import DEFAULT, Faults

if TYPE_CHECKING:
    from anabranch.draw import LookOptions, Picture
    from anabranch.driver.keeping import Asked, Keeping
    from anabranch.driver.recording import Lasting
    from anabranch.io.declarations import Declaration

__all__ = ["Driver"]


class Driver(Lookup):
    """Runs requests against one dataflow. Made by `Builder.build`, or at once; safe to use from many threads at once.

    Use it as a context manager, or `close` it, to end the workers that it started; the interpreter's exit does so too.

    Args:
        config: values that choose between alternatives and can be read like inputs.
        modules: where the functions are.
        adapter: one of what `Builder.with_adapters` takes, or several.
        allow_module_overrides: a later module's function replaces an earlier one's of the same name.

    Raises:
        FlowError: the functions do not make a dataflow.
    """

    def __init__(
        self,
        config: Mapping[str, Any] | None = None,
        *modules: ModuleType,
        adapter: Adapter | Sequence[Adapter] = (),
        allow_module_overrides: bool = False,
    ) -> None:
        from anabranch.driver.builder import Builder

        adapters = tuple(adapter) if isinstance(adapter, (list, tuple)) else (adapter,)
        builder = Builder(overriding=allow_module_overrides).with_modules(*modules).with_config(config or {})
        self._hold(builder.with_adapters(*adapters).parts())

    @cached_property
    def _keeping(self) -> Keeping:
        """What looks results up and stores them."""
        from anabranch.driver.keeping import Keeping

        return Keeping(self._parts)

    @classmethod
    def over(cls, parts: Parts) -> Self:
        """A driver of parts that are there already."""
        made = cls.__new__(cls)
        made._hold(parts)  # noqa: SLF001  the other half of the constructor
        return made

    def _hold(self, parts: Parts) -> None:
        self.graph = parts.graph
        self.faults = parts.faults
        self._parts = parts
        self._plain = parts.faults is DEFAULT and not parts.adapters and parts.caching is None
        self._plans = Plans(parts)
        self._finalizer = weakref.finalize(self, parts.close) if parts.owns or parts.own else None

    # -- running ---------------------------------------------------------------------------------------------------

    def execute(
        self,
        outputs: Sequence[Output],
        inputs: Mapping[str, Any] | None = None,
        overrides: Mapping[str, Any] | None = None,
        **options: Unpack[RunOptions],
    ) -> Any:
        """Computes outputs by name.

        Args:
            outputs: names of nodes or inputs, or the functions or variables themselves. A node inside a fan-out gives the
                list of its values, in expansion order.
            inputs: values for the names that no function gives.
            overrides: values that replace functions: one value, `PerItem([...])` with one for each item, or, for an
                expander, the new items.
            options: what to do about failures in this run, see `Builder.with_failure_policy`; and whether it lasts, see
                `anabranch.driver.request.RunOptions`.

        Returns:
            The outputs as a dict by name, in the order in which they were asked for; or what the result builder among the
            adapters makes of them.

        Raises:
            InputError: a name is unknown, an input is missing or of the wrong type. Nothing has run then.
            ExecutorError, TransferError, WorkerLost: see there.
            ItemsFailed: functions failed, and by the failure policy the run went on as far as it could.
            BaseException: what a function raised, with a note that names function and item.
        """
        inputs = {} if inputs is None else inputs
        outputs = _kept(outputs)
        try:
            if options:
                check_options(self.graph, options)
            prepared = self._plans.prepared(outputs, inputs, overrides or {})
            if prepared.direct is not None and self._plain and not options:
                results = session.call(self.graph, prepared, inputs, overrides or {})
            else:
                results = self.carried_out((prepared.outputs, inputs, overrides or {}), options).results
        except Exception as error:  # the way through the engine tells a user nothing
            raise trimmed(error)  # noqa: B904
        return self.result_of(results)

    def run(
        self,
        outputs: Sequence[Output],
        inputs: Mapping[str, Any] | None = None,
        overrides: Mapping[str, Any] | None = None,
        **options: Unpack[RunOptions],
    ) -> RunResult:
        """The same as `execute`, with failures and a report of the run beside the results; these are always a dict."""
        try:
            return self.carried_out((_kept(outputs), inputs or {}, overrides or {}), options)
        except Exception as error:
            raise trimmed(error)  # noqa: B904

    def submit(
        self,
        outputs: Sequence[Output],
        inputs: Mapping[str, Any] | None = None,
        overrides: Mapping[str, Any] | None = None,
        **options: Unpack[RunOptions],
    ) -> RunHandle:
        """Starts the same in a thread of its own, and returns at once with a handle to wait for it, look at it, cancel it.

        Raises:
            InputError: a name is unknown, an input is missing or of the wrong type.
        """
        check_options(self.graph, options)
        asked = _kept(outputs), inputs or {}, overrides or {}
        prepared = self._plans.prepared(*asked)
        faults, lasting = split(options, self._parts.runs)
        policy = updated(self.faults, faults)
        check(prepared, inputs_of(self.graph, *asked[1:]))
        run_id = lasting.run_id if lasting is not None else ""
        return RunHandle(lambda watch: self._done(asked, policy, lasting, watch), run_id)

    def carried_out(self, asked: Asked, options: Mapping[str, Any], watch: Watch | None = None) -> RunResult:
        """Does a request: outputs, inputs, overrides. Who watches it may cancel it."""
        check_options(self.graph, options)
        faults, lasting = split(options, self._parts.runs)
        return self._done(asked, updated(self.faults, faults), lasting, watch)

    def _done(self, asked: Asked, faults: Faults, lasting: Lasting | None, watch: Watch | None = None) -> RunResult:
        if lasting is None and self._parts.caching is None:
            return session.run(self._parts, Request(self._plans.prepared(*asked), *asked[1:], faults), watch)
        return self._keeping.run(asked, faults, lasting, watch)

    def result_of(self, results: dict[str, Any]) -> Any:
        """What `execute` makes of outputs."""
        builder = self._parts.adapters.result
        return results if builder is None else builder.build_result(**results)

    def replay(self, run_id: str, node: str, item: tuple[int, ...] = (), *, debug: bool = False) -> Any:
        """Calls a function again for one item of a run that lasts, in this process, with what it was called with then.

        Args:
            run_id: the run.
            node: the function.
            item: the indices of the item.
            debug: opens the debugger where it raises.

        Returns:
            What the function returns, if it does this time. The run does not get it: resume it for that.

        Raises:
            InputError: there is no such run, node or item.
            StoreError: the journal cannot be read.
            BaseException: what the function raises.
        """
        from anabranch.driver.replaying import replay

        return replay(self._parts, run_id, node, item, debug=debug)

    def validate_execution(
        self,
        outputs: Sequence[Output],
        inputs: Mapping[str, Any] | None = None,
        overrides: Mapping[str, Any] | None = None,
    ) -> None:
        """Raises what `execute` would raise before its first task; runs nothing."""
        inputs, overrides = inputs or {}, overrides or {}
        prepared = self._plans.prepared(outputs, inputs, overrides)
        check(prepared, inputs_of(self.graph, inputs, overrides))
        slots_of(self.graph, prepared.plan, inputs, overrides)

    def observed_by(self, *observers: Observer) -> Driver:
        """A driver whose runs tell these observers as well, and that shares all else with this one, its workers included.

        What is to know of one run only, a bar or a report, needs not be there when a driver is built.

        Args:
            observers: functions that are called with every event; see `Builder.with_adapters`.
        """
        adapters = replace(self._parts.adapters, observers=(*self._parts.adapters.observers, *observers))
        return Driver.over(replace(self._parts, adapters=adapters, owns=()))

    # -- data in and out -------------------------------------------------------------------------------------------

    def materialize(
        self,
        *materializers: Declaration,
        additional_vars: Sequence[Output] = (),
        inputs: Mapping[str, Any] | None = None,
        overrides: Mapping[str, Any] | None = None,
        **options: Unpack[RunOptions],
    ) -> tuple[dict[str, Any], Any]:
        """Loads and saves what is declared with ``from_.…`` and ``to.…`` (`anabranch.io`), for this run only.

        Args:
            materializers: what is to be loaded and saved.
            additional_vars: outputs that are wanted besides.
            inputs: as for `execute`.
            overrides: as for `execute`.
            options: as for `execute`.

        Returns:
            What is known of each thing that was saved, by id, and the additional outputs as `execute` would give them.

        Raises:
            FlowError: a declaration does not fit the dataflow.
            BaseException: what `execute` raises.
        """
        return self.materialized(materializers, (additional_vars, inputs or {}, overrides or {}), options)

    def materialized(
        self, materializers: Sequence[Declaration], asked: Asked, options: Mapping[str, Any], watch: Watch | None = None
    ) -> tuple[dict[str, Any], Any]:
        """Does what `materialize` is asked for. Who watches it may cancel it."""
        ids, additional = _ids(materializers), _names(asked[0])
        driver, outputs = self._with(materializers), list(dict.fromkeys((*ids, *additional)))
        try:
            results = driver.carried_out((outputs, *asked[1:]), options, watch).results
        except Exception as error:
            raise trimmed(error)  # noqa: B904
        return {name: results[name] for name in ids}, self.result_of({name: results[name] for name in additional})

    def validate_materialization(
        self,
        *materializers: Declaration,
        additional_vars: Sequence[Output] = (),
        inputs: Mapping[str, Any] | None = None,
        overrides: Mapping[str, Any] | None = None,
    ) -> None:
        """Raises what `materialize` would raise before its first task; runs nothing."""
        wanted = (*_ids(materializers), *_names(additional_vars))
        self._with(materializers).validate_execution(wanted, inputs, overrides)

    def visualize_materialization(
        self,
        *materializers: Declaration,
        path: str | os.PathLike[str] | None = None,
        additional_vars: Sequence[Output] = (),
        inputs: Mapping[str, Any] | None = None,
        overrides: Mapping[str, Any] | None = None,
        **look: Unpack[LookOptions],
    ) -> Picture:
        """A picture of what `materialize` would run, saved if there is a path.

        Raises:
            FlowError: a declaration does not fit the dataflow.
            InputError: a name or an option is unknown, or the picture cannot be saved.
        """
        wanted = (*_ids(materializers), *_names(additional_vars))
        return self._with(materializers).visualize_execution(wanted, path, inputs, overrides, **look)

    def _with(self, materializers: Sequence[Declaration]) -> Driver:
        """A driver that loads and saves besides, and shares all else with this one."""
        from anabranch.materialization import with_materials

        graph, hooks = with_materials(self.graph, materializers), self._parts.adapters.hooks
        if hooks is not None:
            hooks.check(graph)
        return Driver.over(replace(self._parts, graph=graph, owns=()))

    # -- the end ---------------------------------------------------------------------------------------------------

    def close(self) -> None:
        """Ends the workers that this driver started. A later `execute` starts them anew."""
        if self._finalizer is not None:
            self._parts.close()

    def __reduce__(self) -> tuple[Any, ...]:
        """A driver can be used in a function that runs elsewhere, if its executor can travel."""
        return type(self).over, (replace(self._parts),)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()


def _kept(outputs: Any) -> Any:
    """What can be gone through once only, as what can be gone through often."""
    return tuple(outputs) if isinstance(outputs, Iterator) else outputs


def _ids(materializers: Sequence[Declaration]) -> tuple[str, ...]:
    from anabranch.io.declarations import Saving

    return tuple(one.id for one in materializers if isinstance(one, Saving))


def _names(outputs: Sequence[Output]) -> tuple[str, ...]:
    return names_of(outputs) if outputs else ()
