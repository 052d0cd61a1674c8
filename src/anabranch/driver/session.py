"""A request being carried out: on the engine or, where that is enough, as one call of compiled code.

Theory: whatever a driver is asked comes down to `run`. Only a flow without fan-outs, on an executor that has one slot and this
process's memory, with nobody who looks on, is `called` at once: the engine would do nothing else.

This module never plans, and keeps nothing from one run to the next.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from time import perf_counter
from typing import TYPE_CHECKING, Any

from anabranch.awaiting import at
from anabranch.driver.parts import Parts
from anabranch.driver.request import Prepared, Request, check, checked_override, inputs_of, slots_of
from anabranch.driver.supply import check_plan, limits_of, tokens_of
from anabranch.engine import Engine, Observer
from anabranch.events import Event, ExecutorLeased, RunFinished, RunStarted
from anabranch.executor import Lease
from anabranch.explain import Chronicle
from anabranch.graph import Graph
from anabranch.handle import RunResult, Watch
from anabranch.places import leased
from anabranch.plan import Plan, check_kept
from anabranch.report import Report
from anabranch.run import Capacity, Run

if TYPE_CHECKING:
    from anabranch.driver.recording import Recording
    from anabranch.rebuild.shelves import Shelves

__all__ = ["call", "run"]


def call(graph: Graph, prepared: Prepared, inputs: Mapping[str, Any], overrides: Mapping[str, Any]) -> dict[str, Any]:
    """Does all of a request here and now (`anabranch.driver.direct`).

    Raises:
        InputError: a value does not fit.
        BaseException: what a function raised.
    """
    values = {**graph.config, **inputs}
    for name, value in overrides.items():
        values[name] = checked_override(graph, name, value)
    check(prepared, values)
    assert prepared.direct is not None
    prepared.direct.make(values)
    return {name: values[name] for name in prepared.outputs}


def run(parts: Parts, request: Request, watch: Watch | None = None) -> RunResult:
    """Does a request on the engine.

    Raises:
        InputError: a value does not fit; nothing has run then.
        BaseException: see `Driver.execute`.
    """
    prepared, inputs, overrides = request.prepared, request.inputs, request.overrides
    plan = prepared.plan
    check(prepared, inputs_of(parts.graph, inputs, overrides))
    slots = slots_of(parts.graph, plan, inputs, overrides)
    if request.faults.on_error == "keep" or plan.keeps:
        check_kept(plan.selection, request.faults.on_error)
    run_id = request.run_id or (os.urandom(16).hex() if watch is None else watch.run_id)
    report, hooks = Report(), parts.adapters.hooks
    chronicle = Chronicle() if watch is None else watch.chronicle
    started = perf_counter()
    remember = lambda event: chronicle.observe(event, perf_counter() - started)
    observe = _observing([report.observe, remember, *_onlookers(parts, request, watch, run_id)])
    observe(_run_started(parts, run_id, plan))
    if hooks is not None:
        hooks.began(parts.lineage, plan, (inputs, overrides), run_id)
    results: dict[str, Any] | None = None
    raised: BaseException | None = None
    state: Run | None = None
    try:
        is_async = prepared.awaits or (hooks is not None and hooks.awaits)
        with at() if is_async else nullcontext(), leased(parts.at(plan.places)) as lease:
            traits = parts.executor.traits
            observe(ExecutorLeased(traits.slots))
            state = Run(
                plan.root,
                slots,
                slots=traits.slots,
                credit=traits.credit,
                places=_capacities(parts, plan),
                tokens=tokens_of(parts, plan),
                faults=request.faults,
                policies=plan.policies,
                estimates=prepared.estimates,
                run_id=run_id,
                limits=plan.limits,
            )
            engine = _engine(parts, plan, state, (lease, observe), run_id)
            _record(engine, request.recording)
            if watch is not None:
                watch.began(engine.stop)
            try:
                results = engine.finish()
                if request.shelves is not None:
                    results = _loaded(request.shelves, run_id, plan, results)
            except Exception as error:  # `contextmanager` would set its traceback, which frozen exceptions refuse
                raised = error
        if raised is not None:
            raise raised
    except BaseException as error:
        raised = error
        raise
    finally:
        report.seconds = perf_counter() - started
        failures = tuple(state.failures) if state is not None else ()
        if hooks is not None:
            hooks.ended(parts.lineage, run_id, raised or results or {}, failures)
        observe(RunFinished(run_id, raised is not None))
    return RunResult(run_id, results or {}, failures, report, chronicle)


def _onlookers(parts: Parts, request: Request, watch: Watch | None, run_id: str) -> list[Observer]:
    """Who else sees the events of a run."""
    observers = [*([watch.observe] if watch else []), *parts.adapters.observers]
    hooks = parts.adapters.hooks
    if hooks is not None and hooks.expanded:
        observers.append(hooks.expansions(request.prepared.plan, run_id))
    if request.recording is not None:
        from anabranch.see.log import EventFile

        observers.append(EventFile(request.recording.events, append=True))
    return observers


def _record(engine: Engine, recording: Recording | None) -> None:
    """Has the engine tell a journal of events before it tells anybody else; what the journal raises ends the run."""
    if recording is None:
        return
    observe = engine.observe

    def note(event: Event) -> None:
        recording.observe(event)
        if observe is not None:
            observe(event)

    engine.observe, engine.idle = note, recording.flush


def _loaded(shelves: Shelves, run_id: str, plan: Plan, results: dict[str, Any]) -> dict[str, Any]:
    """The results, with what stands for stored values loaded."""
    from anabranch.rebuild.span import Span

    with Span(shelves, run_id) as span:
        return {name: span.loaded(value, plan.outputs[name].rank) for name, value in results.items()}


def _capacities(parts: Parts, plan: Plan) -> dict[str, Capacity]:
    """What the places of a plan take.

    Raises:
        ExecutorError: a function needs more than there is at its place.
    """
    found = {}
    for place, executor in parts.at(plan.places).items():
        traits = executor.traits
        found[place] = Capacity(traits.slots, traits.credit, traits.is_local, limits_of(traits) if plan.has_needs else None)
    if plan.has_needs:
        check_plan(plan, {place: capacity.limits for place, capacity in found.items()})
    return found


def _engine(parts: Parts, plan: Plan, state: Run, ends: tuple[Lease, Observer], run_id: str) -> Engine:
    hooks = parts.adapters.hooks
    if hooks is None or not hooks.on_tasks:
        return Engine(plan, state, *ends)
    from anabranch.driver.watched import WatchedEngine

    return WatchedEngine(plan, state, *ends).watch(hooks, parts.lineage, run_id)


def _run_started(parts: Parts, run_id: str, plan: Plan) -> RunStarted:
    executors = parts.at(plan.places).values()
    names = ", ".join(dict.fromkeys(type(executor).__name__ for executor in executors))
    return RunStarted(run_id, tuple(plan.outputs), names, sum(one.traits.slots for one in executors), parts.graph, plan)


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
