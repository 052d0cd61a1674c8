"""OpenTelemetry: a run as spans and metrics, under whatever span its caller is in.

Theory: a run is a span and the context of everything that happens in the caller's thread; each fan-out and each call is a
span in it, with the times at which it happened. Metrics count items, failures and seconds by task. anabranch only speaks
to OpenTelemetry's API; where all of it goes is the business of the providers that the application has set.
"""

from __future__ import annotations

from importlib.metadata import version
from time import perf_counter, time_ns
from typing import TYPE_CHECKING, Any

from anabranch.errors import InputError
from anabranch.events import (
    CallFinished,
    Event,
    FanFinished,
    FanOpened,
    ItemFailed,
    RunFinished,
    RunStarted,
    SpanFinished,
    SpanSubmitted,
    WorkerDied,
)
from anabranch.see.clocks import Clocks
from anabranch.see.runs import EachRun

if TYPE_CHECKING:
    from opentelemetry.metrics import MeterProvider
    from opentelemetry.trace import TracerProvider

__all__ = ["OpenTelemetry"]


class OpenTelemetry(EachRun):
    """An observer that tells OpenTelemetry of runs.

    Args:
        tracer_provider: where spans go; the application's own unless another is given.
        meter_provider: where metrics go.

    Raises:
        InputError: opentelemetry is not installed.
    """

    carries_context = True
    """Functions in workers are to see the run's span as the current one: a driver sees to it."""

    def __init__(
        self, tracer_provider: TracerProvider | None = None, meter_provider: MeterProvider | None = None
    ) -> None:
        try:
            from opentelemetry import metrics, trace
        except ImportError as error:
            raise InputError("spans and metrics need OpenTelemetry: pip install 'anabranch[otel]'") from error
        tracer = trace.get_tracer("anabranch", version("anabranch"), tracer_provider)
        meter = _Meter(metrics.get_meter("anabranch", version("anabranch"), meter_provider))
        super().__init__(lambda started: _Teller(started, tracer, meter))


class _Meter:
    """The instruments."""

    def __init__(self, meter: Any) -> None:
        self.runs = meter.create_counter("anabranch.runs", "{run}", "Runs that ended.")
        self.items = meter.create_counter("anabranch.items", "{item}", "Items that went through a task.")
        self.failures = meter.create_counter("anabranch.failures", "{item}", "Items that failed, by function.")
        self.retries = meter.create_counter("anabranch.retries", "{attempt}", "Attempts beyond the first, by task.")
        self.cached = meter.create_counter("anabranch.cached", "{result}", "Results found instead of computed, by task.")
        self.moved = meter.create_counter("anabranch.moved", "By", "Bytes of calls and answers, by task.")
        self.deaths = meter.create_counter("anabranch.deaths", "{worker}", "Workers that died or were killed, by task.")
        self.busy = meter.create_counter("anabranch.busy", "s", "Time spent in functions, by task.")
        self.calls = meter.create_histogram("anabranch.call.duration", "s", "How long calls took, by task.")


class _Teller:
    """Tells of one run."""

    def __init__(self, started: RunStarted, tracer: Any, meter: _Meter) -> None:
        from opentelemetry import context, trace

        self.tracer, self.meter = tracer, meter
        self.began, self.epoch = perf_counter(), time_ns()
        self.clocks = Clocks(self.began)
        about = {
            "anabranch.run": started.run_id,
            "anabranch.outputs": list(started.outputs),
            "anabranch.executor": started.executor,
            "anabranch.slots": started.slots,
        }
        self.run = tracer.start_span("anabranch run", attributes=about, start_time=self.epoch)
        self.whole = trace.set_span_in_context(self.run)
        self.token: Any = context.attach(self.whole)
        self.fans: dict[tuple[str, tuple[int, ...]], Any] = {}

    def __call__(self, event: Event) -> None:
        if isinstance(event, SpanFinished):
            items = event.hi - event.lo
            about = {"anabranch.items": items, "anabranch.lo": event.lo, "anabranch.hi": event.hi}
            self._call(event, self._context(event.task, event.where), about, items)
        elif isinstance(event, CallFinished):
            self._call(event, self.whole, {}, 1)
        elif isinstance(event, FanOpened):
            self._open(event.task, event.where)
        elif isinstance(event, SpanSubmitted):
            if (event.task, event.where) not in self.fans:
                self._open(event.task, event.where)
        elif isinstance(event, FanFinished):
            self._close(event)
        elif isinstance(event, ItemFailed):
            failure = event.failure
            where = {"anabranch.item": list(failure.item), "anabranch.worker": failure.worker}
            self.run.record_exception(failure.exception, {"anabranch.node": failure.node, **where})
            self.meter.failures.add(1, {"anabranch.node": failure.node})
        elif isinstance(event, WorkerDied):
            held = {"anabranch.task": event.task, "anabranch.worker": event.worker}
            self.run.add_event("worker died", {**held, "anabranch.reason": event.reason})
            self.meter.deaths.add(1, {"anabranch.task": event.task})
        elif isinstance(event, RunFinished):
            self._end(failed=event.failed)

    def _now(self) -> int:
        return self.epoch + int((perf_counter() - self.began) * 1e9)

    def _call(self, event: SpanFinished | CallFinished, context: Any, more: dict[str, Any], items: int) -> None:
        begin = self.epoch + int(self.clocks.begin(event.worker, event.started, event.seconds, perf_counter()) * 1e9)
        about = {"anabranch.task": event.task, "anabranch.worker": event.worker, "anabranch.where": list(event.where), **more}
        span = self.tracer.start_span(event.task, context=context, attributes=about, start_time=begin)
        span.end(begin + int(event.seconds * 1e9))
        task = {"anabranch.task": event.task}
        self.meter.items.add(items, task)
        self.meter.busy.add(event.seconds, task)
        if event.cached:
            self.meter.cached.add(event.cached, task)
        if event.journey.given or event.journey.brought:
            self.meter.moved.add(event.journey.given + event.journey.brought, task)
        if event.retries:
            self.meter.retries.add(event.retries, task)
        self.meter.calls.record(event.seconds, task)

    def _open(self, task: str, where: tuple[int, ...]) -> None:
        about = {"anabranch.task": task, "anabranch.where": list(where)}
        span = self.tracer.start_span(f"fan-out {task}", context=self.whole, attributes=about, start_time=self._now())
        self.fans[task, where] = span

    def _context(self, task: str, where: tuple[int, ...]) -> Any:
        from opentelemetry import trace

        fan = self.fans.get((task, where))
        return self.whole if fan is None else trace.set_span_in_context(fan)

    def _close(self, event: FanFinished) -> None:
        fan = self.fans.pop((event.task, event.where), None)
        if fan is not None:
            fan.set_attribute("anabranch.items", event.length)
            fan.end(self._now())

    def _end(self, *, failed: bool) -> None:
        from opentelemetry import context, trace

        for fan in self.fans.values():
            fan.end(self._now())
        if failed:
            self.run.set_status(trace.Status(trace.StatusCode.ERROR, "the run failed"))
        self.run.end(self._now())
        self.meter.runs.add(1, {"anabranch.failed": failed})
        context.detach(self.token)
