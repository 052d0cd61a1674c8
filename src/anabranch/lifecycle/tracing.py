"""Traces for OpenTelemetry and Datadog: a span for each run, and in it one for each call of a task, wherever it ran."""

from __future__ import annotations

from collections.abc import Mapping
from time import perf_counter, time_ns
from typing import TYPE_CHECKING, Any

from anabranch.events import CallFinished, Event, ItemFailed, RunFinished, RunStarted, SpanFinished
from anabranch.explain.outline import outline_of
from anabranch.lifecycle.hooked import item_name
from anabranch.see.clocks import Clocks
from anabranch.see.runs import EachRun
from anabranch.see.telemetry import OpenTelemetry

if TYPE_CHECKING:
    from opentelemetry.trace import Tracer

__all__ = ["DDOGTracer", "OpenTelemetryTracer"]


class OpenTelemetryTracer(OpenTelemetry):
    """`anabranch.see.OpenTelemetry` with a tracer of one's own.

    Args:
        tracer_name: the name of the tracer, of the application's provider.
        tracer: the tracer itself.

    Raises:
        InputError: opentelemetry is not installed.
    """

    def __init__(self, tracer_name: str | None = None, tracer: Tracer | None = None) -> None:
        super().__init__(_Given(tracer_name or "anabranch", tracer))  # type: ignore[arg-type]


class _Given:
    """A provider that has one tracer."""

    def __init__(self, name: str, tracer: Tracer | None) -> None:
        self._name = name
        self._tracer = tracer

    def get_tracer(self, *args: Any, **kwargs: Any) -> Any:
        """That one, or the application's of that name."""
        if self._tracer is not None:
            return self._tracer
        from opentelemetry import trace

        return trace.get_tracer(self._name)


class DDOGTracer(EachRun):
    """An observer that tells Datadog of runs, by the tracer of ddtrace that the application has set up.

    Args:
        root_name: the name of a run's span.
        include_causal_links: whether the span of a call is linked to those that made what it reads.
        service: the spans' service.

    Raises:
        InputError: ddtrace is not installed.
    """

    def __init__(self, root_name: str, include_causal_links: bool = False, service: str | None = None) -> None:
        from anabranch.libraries import library

        tracer = library("ddtrace.trace", "DDOGTracer").tracer
        super().__init__(lambda started: _Datadog(started, tracer, root_name, service, links=include_causal_links))


class _Datadog:
    """One run's spans."""

    def __init__(self, started: RunStarted, tracer: Any, name: str, service: str | None, *, links: bool) -> None:
        self.tracer, self.service = tracer, service
        self.began, self.epoch = perf_counter(), time_ns()
        self.clocks = Clocks(self.began)
        self.root = tracer.start_span(name, child_of=tracer.current_span(), service=service, activate=True)
        self.root.set_tag("anabranch.run", started.run_id)
        self.root.set_tag("anabranch.outputs", ", ".join(started.outputs))
        self.root.set_tag("anabranch.executor", started.executor)
        tasks = outline_of(started.plan) if links else ()
        self.reads: Mapping[str, tuple[str, ...]] = {
            task.name: tuple(name.removesuffix("()") for name in task.reads) for task in tasks
        }
        self.made: dict[str, list[Any]] = {}

    def __call__(self, event: Event) -> None:
        if isinstance(event, (SpanFinished, CallFinished)):
            self._call(event)
        elif isinstance(event, ItemFailed):
            self._failed(event)
        elif isinstance(event, RunFinished):
            self.root.error = int(event.failed)
            self.root.finish()

    def _call(self, event: SpanFinished | CallFinished) -> None:
        begin = self.epoch + int(self.clocks.begin(event.worker, event.started, event.seconds, perf_counter()) * 1e9)
        span = self.tracer.start_span(event.task, child_of=self.root, service=self.service, resource=event.task)
        span.start_ns = begin
        span.set_tag("anabranch.worker", event.worker)
        if isinstance(event, SpanFinished):
            span.set_metric("anabranch.lo", event.lo)
            span.set_metric("anabranch.hi", event.hi)
        for name in self.reads.get(event.task, ()):
            for made in self.made.get(name, ()):
                span.link_span(made.context)
        if self.reads:
            self.made.setdefault(event.task, []).append(span)
        span.finish(finish_time=(begin + int(event.seconds * 1e9)) / 1e9)

    def _failed(self, event: ItemFailed) -> None:
        failure = event.failure
        where = item_name(failure.axes, failure.item)
        span = self.tracer.start_span(failure.node, child_of=self.root, service=self.service, resource=failure.node)
        span.set_tag("anabranch.item", where or "")
        error = failure.exception
        span.set_exc_info(type(error), error, error.__traceback__)
        span.finish()
