"""The driver: a dataflow and an executor, ready to run requests.

Theory: a driver never changes once it is built, so that any number of threads may use it at once. What changes belongs to a
run. What it keeps between runs cannot be seen from outside: compiled plans, estimates of how long items take, and warm
workers.
"""

from __future__ import annotations

import os
import weakref
from collections.abc import Mapping, Sequence
from time import perf_counter
from typing import Any, Self, Unpack

from anabranch.driver.lookup import Lookup
from anabranch.driver.request import (
    Prepared,
    Request,
    check,
    check_request,
    checked_override,
    inputs_of,
    kinds_of,
    names_of,
    readers_of,
    slots_of,
    updated,
)
from anabranch.engine import Engine, Observer
from anabranch.errors import InputError, nearest, nearest_or_all
from anabranch.events import Event, RunFinished, RunStarted
from anabranch.executor import Executor
from anabranch.failure import trimmed
from anabranch.graph import Graph
from anabranch.handle import RunHandle, RunResult, Watch
from anabranch.missing import Aborted
from anabranch.plan import Plan, check_kept, make_plan
from anabranch.policies import DEFAULT, FaultOptions, Faults
from anabranch.report import Report
from anabranch.run import Run
from anabranch.work import Recorder

__all__ = ["Driver"]


class Driver(Lookup):
    """Runs requests against one dataflow. Made by `Builder.build`; safe to use from many threads at once.

    Use it as a context manager, or `close` it, to end the workers that it started; the interpreter's exit does so too.
    """

    def __init__(
        self,
        graph: Graph,
        executor: Executor,
        adapters: Sequence[Observer] = (),
        faults: Faults = DEFAULT,
        *,
        owns: bool = True,
    ) -> None:
        self.graph = graph
        self._executor = executor
        self._adapters = tuple(adapters)
        self.faults = faults
        self._prepared: dict[Any, Prepared] = {}
        self._finalizer = weakref.finalize(self, executor.close) if owns else None

    # -- running ---------------------------------------------------------------------------------------------------

    def execute(
        self,
        outputs: Sequence[str],
        inputs: Mapping[str, Any] | None = None,
        overrides: Mapping[str, Any] | None = None,
        **faults: Unpack[FaultOptions],
    ) -> dict[str, Any]:
        """Computes outputs by name.

        Args:
            outputs: names of nodes or inputs. A node inside a fan-out gives the list of its values, in expansion order.
            inputs: values for the names that no function gives.
            overrides: values that replace functions: one value, `PerItem([...])` with one for each item, or, for an
                expander, the new items.
            faults: what to do about failures in this run; see `Builder.with_failure_policy`.

        Raises:
            InputError: a name is unknown, an input is missing or of the wrong type. Nothing has run then.
            ExecutorError, TransferError, WorkerLost: see there.
            ItemsFailed: functions failed, and by the failure policy the run went on as far as it could.
            BaseException: what a function raised, with a note that names function and item.
        """
        inputs = {} if inputs is None else inputs
        try:
            prepared = self._prepare(outputs, inputs, overrides or {})
            if prepared.direct is not None and not self._adapters and not faults and self.faults is DEFAULT:
                return self._execute_here(prepared, inputs, overrides or {})
            return self._start(Request(prepared, inputs, overrides or {}, updated(self.faults, faults))).results
        except Exception as error:  # the way through the engine tells a user nothing
            raise trimmed(error)  # noqa: B904

    def run(
        self,
        outputs: Sequence[str],
        inputs: Mapping[str, Any] | None = None,
        overrides: Mapping[str, Any] | None = None,
        **faults: Unpack[FaultOptions],
    ) -> RunResult:
        """The same as `execute`, with failures and a report of the run beside the results."""
        try:
            return self._start(self._request(outputs, inputs, overrides, faults))
        except Exception as error:
            raise trimmed(error)  # noqa: B904

    def submit(
        self,
        outputs: Sequence[str],
        inputs: Mapping[str, Any] | None = None,
        overrides: Mapping[str, Any] | None = None,
        **faults: Unpack[FaultOptions],
    ) -> RunHandle:
        """Starts the same in a thread of its own, and returns at once with a handle to wait for it, look at it, cancel it.

        Raises:
            InputError: a name is unknown, an input is missing or of the wrong type.
        """
        request = self._request(outputs, inputs, overrides, faults)
        check(request.prepared, inputs_of(self.graph, request.inputs, request.overrides))
        return RunHandle(lambda watch: self._start(request, watch))

    def _request(
        self,
        outputs: Sequence[str],
        inputs: Mapping[str, Any] | None,
        overrides: Mapping[str, Any] | None,
        faults: Mapping[str, Any],
    ) -> Request:
        inputs, overrides = inputs or {}, overrides or {}
        return Request(self._prepare(outputs, inputs, overrides), inputs, overrides, updated(self.faults, faults))

    def validate_execution(
        self,
        outputs: Sequence[str],
        inputs: Mapping[str, Any] | None = None,
        overrides: Mapping[str, Any] | None = None,
    ) -> None:
        """Raises what `execute` would raise before its first task; runs nothing."""
        inputs, overrides = inputs or {}, overrides or {}
        prepared = self._prepare(outputs, inputs, overrides)
        check(prepared, inputs_of(self.graph, inputs, overrides))
        slots_of(self.graph, prepared.plan, inputs, overrides)

    def close(self) -> None:
        """Ends the workers that this driver started. A later `execute` starts them anew."""
        if self._finalizer is not None:
            self._executor.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def _prepare(self, outputs: Sequence[str], inputs: Mapping[str, Any], overrides: Mapping[str, Any]) -> Prepared:
        if type(outputs) is not list or type(inputs) is not dict or overrides:
            check_request(outputs, inputs, overrides)
        constant, per_item = kinds_of(overrides) if overrides else ((), ())
        try:
            key = (outputs if isinstance(outputs, str) else tuple(outputs), tuple(inputs), constant, per_item)
            prepared = self._prepared.get(key)
        except TypeError:  # a name that cannot be hashed
            key, prepared = None, None
        if prepared is None:
            prepared = self._compile(names_of(outputs), inputs, constant, per_item)
            self._prepared[key] = prepared
        return prepared

    def _compile(
        self, outputs: tuple[str, ...], inputs: Mapping[str, Any], constant: tuple[str, ...], per_item: tuple[str, ...]
    ) -> Prepared:
        graph = self.graph
        for name in inputs:
            if name in graph.nodes:
                raise InputError(f"input '{name}' is a function, {graph.nodes[name].label}; give it in overrides={{…}}")
            if not isinstance(name, str):
                raise InputError(f"inputs are given by name, not by {type(name).__name__}")
            if name not in graph.inputs and name not in graph.config:
                near = nearest(name, (*graph.inputs, *graph.nodes))
                raise InputError(f"unknown input '{name}'{near or nearest_or_all(name, graph.inputs)}")
        for name in per_item:
            if name in graph.inputs:
                raise InputError(f"override '{name}' is PerItem, but '{name}' is an input, which is one value; give that")
        traits = self._executor.traits
        fuse = traits.slots == 1 and traits.shares_memory
        supplied = (*graph.config, *inputs)
        plan = make_plan(graph, outputs, supplied, constant, per_item, fuse=fuse)
        needed = [value.name for value in plan.given if not value.name.endswith("!") and value.name in graph.inputs]
        checks = tuple((name, readers_of(graph, name)) for name in needed)
        task = plan.direct if fuse else None
        direct = None
        arguments: tuple[str, ...] = ()
        results: tuple[str, ...] = ()
        if task is not None:
            direct = task.code.load().entry
            arguments = tuple(argument.value.name for argument in task.arguments)
            results = tuple(value.name for value in task.outputs)
        return Prepared(plan, checks, {}, direct, arguments, results)

    def _execute_here(
        self, prepared: Prepared, inputs: Mapping[str, Any], overrides: Mapping[str, Any]
    ) -> dict[str, Any]:
        """A flow without fan-outs, on an executor with one slot in this process: one call of compiled code."""
        values = {**self.graph.config, **inputs}
        for name, value in overrides.items():
            values[name] = checked_override(self.graph, name, value)
        check(prepared, values)
        task = prepared.plan.direct
        assert task is not None and prepared.direct is not None
        recorder = Recorder(task.code.load())
        made: Any = None
        try:
            made = prepared.direct(recorder, (), 0, *[values[name] for name in prepared.arguments])
        except SystemExit as error:
            recorder.failures.append(recorder.block.failure_of(error, ()))
        except Aborted:
            pass  # and raised below, where it does not become the context of the user's exception
        if recorder.failures:
            raise trimmed(recorder.failures[0].error())
        if len(prepared.results) == 1:
            values[prepared.results[0]] = made
        else:
            values.update(zip(prepared.results, made, strict=True))
        return {name: values[name] for name in prepared.plan.outputs}

    def _start(self, request: Request, watch: Watch | None = None) -> RunResult:
        prepared, inputs, overrides = request.prepared, request.inputs, request.overrides
        plan = prepared.plan
        check(prepared, inputs_of(self.graph, inputs, overrides))
        slots = slots_of(self.graph, plan, inputs, overrides)
        if request.faults.on_error == "keep" or plan.keeps:
            check_kept(plan.selection, request.faults.on_error)
        run_id = os.urandom(16).hex() if watch is None else watch.run_id
        report = Report()
        observe = _observing((report.observe, *([watch.observe] if watch else []), *self._adapters))
        started = perf_counter()
        observe(self._run_started(run_id, plan))
        finished, raised = False, None
        try:
            with self._executor.lease() as lease:
                traits = self._executor.traits
                run = Run(
                    plan.root,
                    slots,
                    slots=traits.slots,
                    credit=traits.credit,
                    faults=request.faults,
                    policies=plan.policies,
                    estimates=prepared.estimates,
                )
                engine = Engine(plan, run, lease, observe)
                if watch is not None:
                    watch.began(engine.stop)
                try:
                    results = engine.finish()
                except Exception as error:  # `contextmanager` would set its traceback, which frozen exceptions refuse
                    raised = error
            if raised is not None:
                raise raised
            finished = True
        finally:
            report.seconds = perf_counter() - started
            observe(RunFinished(run_id, not finished))
        return RunResult(run_id, results, tuple(run.failures), report)

    def _run_started(self, run_id: str, plan: Plan) -> RunStarted:
        executor = self._executor
        return RunStarted(run_id, tuple(plan.outputs), type(executor).__name__, executor.traits.slots, self.graph, plan)


def _observing(observers: Sequence[Observer]) -> Observer:
    """One observer that tells all; what one of them raises is logged."""

    def observe(event: Event) -> None:
        for observer in observers:
            try:
                observer(event)
            except Exception:  # an observer must not hurt the run
                import logging

                logging.getLogger("anabranch").exception("an observer failed on %s; the run goes on", type(event).__name__)

    return observe
