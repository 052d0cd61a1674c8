"""What a user holds: a builder that gathers modules, config and an executor, and a driver that runs requests.

Theory: both are immutable; every builder method returns a new builder, and a driver never changes once it is built, so that
any number of threads may use it at once. What changes belongs to a run. What a driver keeps between runs cannot be seen
from outside: compiled plans, estimates of how long items take, and warm workers.
"""

from __future__ import annotations

import os
import weakref
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from time import perf_counter
from types import ModuleType
from typing import TYPE_CHECKING, Any, Self, Unpack

from anabranch.engine import Engine, Observer
from anabranch.errors import FlowError, InputError, nearest, nearest_or_all
from anabranch.events import Event, RunFinished, RunStarted
from anabranch.executor import Executor
from anabranch.failure import trimmed
from anabranch.graph import Graph, Node
from anabranch.graph.types import SAMPLE, describe, fits
from anabranch.handle import RunHandle, RunResult, Watch
from anabranch.markers import PerItem
from anabranch.plan import FanTask, Plan, Value, check_kept, make_plan
from anabranch.policies import DEFAULT, FaultOptions, Faults
from anabranch.registry import make_executor
from anabranch.report import Report
from anabranch.run import Cell, Chunk, Column, Estimate, Run, Slot
from anabranch.work import Aborted, Recorder

if TYPE_CHECKING:
    import concurrent.futures

    from anabranch.draw import LookOptions, Picture

__all__ = ["Builder", "Driver", "RunResult", "Variable"]


@dataclass(frozen=True)
class Variable:
    """One name of the dataflow: a node or an input.

    `axes` are the fan-outs along which it has values; `origin` is ``file:line``, empty for inputs.
    """

    name: str
    type: Any
    is_input: bool
    required: bool
    axes: tuple[str, ...]
    expands: bool
    doc: str
    tags: Mapping[str, Any]
    origin: str


@dataclass(frozen=True)
class Builder:
    """Gathers what a driver is made of. Immutable: each method returns a new builder.

    Example::

        driver = Builder().with_modules(census).with_executor("processes", workers=8).build()
    """

    modules: tuple[ModuleType, ...] = ()
    config: Mapping[str, Any] = field(default_factory=dict)
    executor: str | Executor | concurrent.futures.Executor = "sequential"
    options: Mapping[str, Any] = field(default_factory=dict)
    adapters: tuple[Observer, ...] = ()
    overriding: bool = False
    faults: Faults = DEFAULT

    def with_modules(self, *modules: ModuleType) -> Builder:
        """Adds modules whose public functions are nodes."""
        for module in modules:
            if not isinstance(module, ModuleType):
                raise FlowError(
                    f"with_modules takes modules, not {type(module).__name__}; for single functions use "
                    f"module_from_functions(f, g, …)"
                )
        return replace(self, modules=(*self.modules, *modules))

    def with_config(self, config: Mapping[str, Any]) -> Builder:
        """Adds config values: they choose between alternatives (`@config.when`) and can be read like inputs."""
        if not isinstance(config, Mapping):
            raise InputError(f"config is given as a dict from names to values, not as {type(config).__name__}")
        return replace(self, config={**self.config, **config})

    def with_executor(self, executor: str | Executor | concurrent.futures.Executor, **options: Any) -> Builder:
        """Chooses where tasks run: ``sequential``, ``threads``, ``processes``, ``ray``, ``dask``, any other that is
        registered, an executor object, or a `concurrent.futures.Executor`. Options go to the executor (`workers=` …).
        """
        return replace(self, executor=executor, options=options)

    def with_adapters(self, *adapters: Observer) -> Builder:
        """Adds observers: functions that are called with every event. One that raises is logged and does no harm."""
        for adapter in adapters:
            if not callable(adapter):
                raise InputError(f"adapters are functions that take an event, not {type(adapter).__name__}")
        return replace(self, adapters=(*self.adapters, *adapters))

    def with_failure_policy(self, **faults: Unpack[FaultOptions]) -> Builder:
        """Says what runs do about failures, unless a function or a run says something else.

        Args:
            on_error: ``raise``, ``finish``, ``skip`` or ``keep``; see `anabranch.policies`.
            max_failures: failed items to put up with: a count (int), or a share of the fan-out (float from 0.0 to 1.0).
            deaths: so many workers an item may kill before it counts as failed.
            timeout: seconds that a run may take.

        Raises:
            InputError: a value makes no sense.
        """
        return replace(self, faults=_updated(self.faults, faults))

    def allow_module_overrides(self) -> Builder:
        """A later module's function replaces an earlier module's of the same name, instead of being an error."""
        return replace(self, overriding=True)

    def copy(self) -> Builder:
        """A builder that is the same; since builders never change, there is seldom need for it."""
        return replace(self)

    def build(self) -> Driver:
        """Builds the graph and the driver.

        Raises:
            FlowError: the functions do not make a dataflow.
            ExecutorError: the executor is unknown or not installed.
        """
        graph = Graph.from_modules(self.modules, self.config, override=self.overriding)
        executor = make_executor(self.executor, dict(self.options))
        return Driver(graph, executor, self.adapters, self.faults, owns=isinstance(self.executor, str))


def _updated(faults: Faults, changes: Mapping[str, Any]) -> Faults:
    for name in changes:
        if name not in FaultOptions.__annotations__:
            raise InputError(f"unknown option '{name}'{nearest_or_all(name, FaultOptions.__annotations__)}")
    return faults.updated({name: value for name, value in changes.items() if value is not None})


@dataclass(frozen=True)
class _Prepared:
    """A plan and what is checked before it runs."""

    plan: Plan
    checks: tuple[tuple[str, tuple[tuple[Any, bool, str], ...]], ...]
    estimates: dict[FanTask, Estimate]
    direct: Callable[..., Any] | None
    arguments: tuple[str, ...]
    results: tuple[str, ...]


@dataclass(frozen=True)
class _Request:
    """What one run is to do."""

    prepared: _Prepared
    inputs: Mapping[str, Any]
    overrides: Mapping[str, Any]
    faults: Faults


class Driver:
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
        self._prepared: dict[Any, _Prepared] = {}
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
            return self._start(_Request(prepared, inputs, overrides or {}, _updated(self.faults, faults))).results
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
        _check(request.prepared, _inputs_of(self.graph, request.inputs, request.overrides))
        return RunHandle(lambda watch: self._start(request, watch))

    def _request(
        self,
        outputs: Sequence[str],
        inputs: Mapping[str, Any] | None,
        overrides: Mapping[str, Any] | None,
        faults: Mapping[str, Any],
    ) -> _Request:
        inputs, overrides = inputs or {}, overrides or {}
        return _Request(self._prepare(outputs, inputs, overrides), inputs, overrides, _updated(self.faults, faults))

    def validate_execution(
        self,
        outputs: Sequence[str],
        inputs: Mapping[str, Any] | None = None,
        overrides: Mapping[str, Any] | None = None,
    ) -> None:
        """Raises what `execute` would raise before its first task; runs nothing."""
        inputs, overrides = inputs or {}, overrides or {}
        prepared = self._prepare(outputs, inputs, overrides)
        _check(prepared, _inputs_of(self.graph, inputs, overrides))
        self.slots_of(prepared.plan, inputs, overrides)

    def plan(self, outputs: Sequence[str], inputs: Iterable[str] = (), overrides: Mapping[str, Any] | None = None) -> Plan:
        """The compiled plan of a request, as it would run on an executor with many slots.

        Raises:
            InputError: a name is unknown, or an input is missing.
        """
        constant, per_item = kinds_of(overrides or {})
        return make_plan(self.graph, _names(outputs), (*self.graph.config, *inputs), constant, per_item)

    def close(self) -> None:
        """Ends the workers that this driver started. A later `execute` starts them anew."""
        if self._finalizer is not None:
            self._executor.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def _prepare(self, outputs: Sequence[str], inputs: Mapping[str, Any], overrides: Mapping[str, Any]) -> _Prepared:
        if type(outputs) is not list or type(inputs) is not dict or overrides:
            _check_request(outputs, inputs, overrides)
        constant, per_item = kinds_of(overrides) if overrides else ((), ())
        try:
            key = (outputs if isinstance(outputs, str) else tuple(outputs), tuple(inputs), constant, per_item)
            prepared = self._prepared.get(key)
        except TypeError:  # a name that cannot be hashed
            key, prepared = None, None
        if prepared is None:
            prepared = self._compile(_names(outputs), inputs, constant, per_item)
            self._prepared[key] = prepared
        return prepared

    def _compile(
        self, outputs: tuple[str, ...], inputs: Mapping[str, Any], constant: tuple[str, ...], per_item: tuple[str, ...]
    ) -> _Prepared:
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
        checks = tuple((name, _readers(graph, name)) for name in needed)
        task = plan.direct if fuse else None
        direct = None
        arguments: tuple[str, ...] = ()
        results: tuple[str, ...] = ()
        if task is not None:
            direct = task.code.load().entry
            arguments = tuple(argument.value.name for argument in task.arguments)
            results = tuple(value.name for value in task.outputs)
        return _Prepared(plan, checks, {}, direct, arguments, results)

    def _execute_here(
        self, prepared: _Prepared, inputs: Mapping[str, Any], overrides: Mapping[str, Any]
    ) -> dict[str, Any]:
        """A flow without fan-outs, on an executor with one slot in this process: one call of compiled code."""
        values = {**self.graph.config, **inputs}
        for name, value in overrides.items():
            values[name] = self._checked_override(name, value)
        _check(prepared, values)
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

    def _start(self, request: _Request, watch: Watch | None = None) -> RunResult:
        prepared, inputs, overrides = request.prepared, request.inputs, request.overrides
        plan = prepared.plan
        _check(prepared, _inputs_of(self.graph, inputs, overrides))
        slots = self.slots_of(plan, inputs, overrides)
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

    def slots_of(self, plan: Plan, inputs: Mapping[str, Any], overrides: Mapping[str, Any]) -> dict[Value, Slot]:
        """The values that come with a request, as the plan's root frame wants them.

        Raises:
            InputError: an override does not fit what it replaces.
        """
        values = {**self.graph.config, **inputs}
        found: dict[Value, Slot] = {}
        checked = {name: self._checked_override(name, value) for name, value in overrides.items()}
        for value in plan.given:
            name = value.name
            if name in checked or name.removesuffix("!") in checked:
                found[value] = _given_slot(checked[name.removesuffix("!")], value.rank)
            else:
                found[value] = Cell(values[name])
        return found

    def _checked_override(self, name: str, value: Any) -> Any:
        if name not in self.graph.nodes:
            return value
        node, axes = self.graph.nodes[name], self.graph.axes[name]
        if isinstance(value, PerItem):
            if not axes:
                advice = "; give its new items as a list" if node.expands else "; give its one value"
                raise InputError(f"override '{name}' is PerItem, but {node.label} runs once, outside of any fan-out{advice}")
            _check_shape(node, value, axes)
            return value
        _check_value(node, value)
        return list(value) if node.expands and hasattr(value, "__next__") and axes else value

    # -- looking ---------------------------------------------------------------------------------------------------

    def list_available_variables(self) -> list[Variable]:
        """All nodes, in topological order, and then the inputs."""
        return [self._variable(name) for name in (*self.graph.nodes, *self.graph.inputs)]

    def what_is_upstream_of(self, *names: str) -> list[Variable]:
        """The named variables and everything that they are computed from, inputs included.

        Raises:
            InputError: a name is unknown.
        """
        self._check_known(names)
        return self._variables(self.graph.upstream(names))

    def what_is_downstream_of(self, *names: str) -> list[Variable]:
        """The named variables and everything that is computed from them.

        Raises:
            InputError: a name is unknown.
        """
        self._check_known(names)
        return self._variables(self.graph.downstream(names))

    def what_is_the_path_between(self, upstream: str, downstream: str) -> list[Variable]:
        """The variables on any way from one to the other, both included; empty if there is none.

        Raises:
            InputError: a name is unknown.
        """
        self._check_known((upstream, downstream))
        return self._variables(self.graph.downstream((upstream,)) & self.graph.upstream((downstream,)))

    # -- pictures --------------------------------------------------------------------------------------------------

    def display_all_functions(self, path: str | os.PathLike[str] | None = None, **look: Unpack[LookOptions]) -> Picture:
        """A picture of the whole dataflow, saved if there is a path; see `anabranch.draw.Look` for the options.

        Raises:
            InputError: an option is unknown, or the picture cannot be saved (``.svg .png .html .mmd .dot``).
        """
        from anabranch.draw.views import picture_of_graph

        return picture_of_graph(self.graph, path, look)

    def visualize_execution(
        self,
        outputs: Sequence[str],
        path: str | os.PathLike[str] | None = None,
        inputs: Mapping[str, Any] | None = None,
        overrides: Mapping[str, Any] | None = None,
        **look: Unpack[LookOptions],
    ) -> Picture:
        """A picture of what `execute` would run for these outputs. Inputs that are not given are drawn too.

        Raises:
            InputError: a name or an option is unknown, or the picture cannot be saved.
        """
        from anabranch.draw.views import picture_of_plan

        plan = self.plan(outputs, dict.fromkeys((*(inputs or ()), *self.graph.inputs)), overrides)
        return picture_of_plan(self.graph, plan, path, look)

    def visualize_path_between(
        self, upstream: str, downstream: str, path: str | os.PathLike[str] | None = None, **look: Unpack[LookOptions]
    ) -> Picture:
        """A picture of every way from one name to the other.

        Raises:
            InputError: a name is unknown, there is no way, or the picture cannot be saved.
        """
        names = [variable.name for variable in self.what_is_the_path_between(upstream, downstream)]
        if not names:
            raise InputError(f"there is no way from '{upstream}' to '{downstream}'")
        return self._picture(names, path, look, f"From {upstream} to {downstream}")

    def display_upstream_of(
        self, *names: str, path: str | os.PathLike[str] | None = None, **look: Unpack[LookOptions]
    ) -> Picture:
        """A picture of the named variables and of everything that they are computed from.

        Raises:
            InputError: a name is unknown, or the picture cannot be saved.
        """
        found = [variable.name for variable in self.what_is_upstream_of(*names)]
        return self._picture(found, path, look, f"Upstream of {', '.join(names)}")

    def display_downstream_of(
        self, *names: str, path: str | os.PathLike[str] | None = None, **look: Unpack[LookOptions]
    ) -> Picture:
        """A picture of the named variables and of everything that is computed from them.

        Raises:
            InputError: a name is unknown, or the picture cannot be saved.
        """
        found = [variable.name for variable in self.what_is_downstream_of(*names)]
        return self._picture(found, path, look, f"Downstream of {', '.join(names)}")

    def _picture(
        self, names: Sequence[str], path: str | os.PathLike[str] | None, look: LookOptions, title: str
    ) -> Picture:
        from anabranch.draw.views import picture_of_graph

        return picture_of_graph(self.graph, path, look, names, title)

    def has_cycles(self, outputs: Sequence[str] = ()) -> bool:
        """Always False: a flow with a cycle cannot be built."""
        return False

    def _variables(self, names: set[str]) -> list[Variable]:
        return [self._variable(name) for name in (*self.graph.nodes, *self.graph.inputs) if name in names]

    def _variable(self, name: str) -> Variable:
        if name in self.graph.nodes:
            node = self.graph.nodes[name]
            axes = self.graph.value_axes(name)
            return Variable(name, node.annotation, False, False, axes, node.expands, node.doc, node.tags, node.origin)
        entry = self.graph.inputs[name]
        return Variable(name, entry.readers[0][1].annotation, True, entry.required, (), False, "", {}, "")

    def _check_known(self, names: Iterable[str]) -> None:
        known = (*self.graph.nodes, *self.graph.inputs)
        for name in names:
            if name not in known:
                raise InputError(f"unknown name '{name}'{nearest_or_all(name, known)}")


def _names(outputs: Sequence[str]) -> tuple[str, ...]:
    names = (outputs,) if isinstance(outputs, str) else tuple(outputs)
    if not names:
        raise InputError("no output is asked for; name at least one")
    for name in names:
        if not isinstance(name, str):
            raise InputError(f"outputs are names, not {type(name).__name__}")
    return names


def kinds_of(overrides: Mapping[str, Any]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The overrides with one value, and those with a value per item."""
    constant = tuple(name for name, value in overrides.items() if not isinstance(value, PerItem))
    return constant, tuple(name for name, value in overrides.items() if isinstance(value, PerItem))


def _readers(graph: Graph, name: str) -> tuple[tuple[Any, bool, str], ...]:
    readers = graph.inputs[name].readers
    return tuple((p.annotation, p.required, node.label) for node, p in readers if p.annotation is not Any)


def _inputs_of(graph: Graph, inputs: Mapping[str, Any], overrides: Mapping[str, Any]) -> dict[str, Any]:
    replaced = {name: value for name, value in overrides.items() if name in graph.inputs}
    return {**graph.config, **inputs, **replaced}


def _check(prepared: _Prepared, values: Mapping[str, Any]) -> None:
    for name, readers in prepared.checks:
        value = values[name]
        for annotation, required, label in readers:
            if type(value) is annotation or fits(value, annotation) or (value is None and not required):
                continue
            raise InputError(f"input '{name}' is {type(value).__name__}, but {label} takes {describe(annotation)}")


def _check_request(outputs: Any, inputs: Any, overrides: Any) -> None:
    if not isinstance(outputs, Iterable):
        raise InputError(f"outputs are a list of names, not {type(outputs).__name__}")
    for word, given in (("inputs", inputs), ("overrides", overrides)):
        if not isinstance(given, Mapping):
            raise InputError(f"{word} are given as a dict from names to values, not as {type(given).__name__}")


def _check_shape(node: Node, value: Sequence[Any], axes: Sequence[str], of: int = 0) -> None:
    """Checks that values per item are nested as deep as there are axes; looks into the first of each innermost list."""
    of = of or len(axes)
    if len(axes) == 1:
        for element in value[:SAMPLE]:
            _check_value(node, element)
        return
    for element in value:
        if not isinstance(element, (list, tuple)):
            kind = type(element).__name__
            raise InputError(f"override '{node.name}' of {node.label} needs lists nested {of} deep; {kind} is no list")
        _check_shape(node, element, axes[1:], of)


def _check_value(node: Node, value: Any) -> None:
    """Checks one value that replaces what a function returns."""
    if not node.expands:
        if not fits(value, node.annotation):
            kind = type(value).__name__
            raise InputError(f"override '{node.name}' is {kind}, but {node.label} returns {describe(node.annotation)}")
        return
    if isinstance(value, (str, bytes, bytearray, dict)) or not hasattr(value, "__iter__"):
        kind = type(value).__name__
        raise InputError(f"override '{node.name}' must be the new items of {node.label}, a list say, not {kind}")
    for element in value[:SAMPLE] if isinstance(value, (list, tuple)) else ():
        if not fits(element, node.annotation):
            kind, gives = type(element).__name__, describe(node.annotation)
            raise InputError(f"override '{node.name}' has an item that is {kind}, but {node.label} gives items of {gives}")


def _given_slot(value: Any, rank: int) -> Slot:
    if not rank:
        return Cell(value)
    items = list(value)
    return Column([Chunk(0, len(items), items)] if items else [])


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


