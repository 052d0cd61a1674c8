"""Spans and metrics, taken by the SDK's own exporters in memory."""

import builtins

import pytest
from opentelemetry import baggage, context, trace
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from anabranch import Builder, Collect, InputError, Parallelizable, module_from_functions
from anabranch.see import OpenTelemetry


@pytest.fixture
def telemetry():
    exporter, reader = InMemorySpanExporter(), InMemoryMetricReader()
    tracers, meters = TracerProvider(shutdown_on_exit=False), MeterProvider([reader], shutdown_on_exit=False)
    tracers.add_span_processor(SimpleSpanProcessor(exporter))

    def metrics():
        found = {}
        for resource in reader.get_metrics_data().resource_metrics:
            for scope in resource.scope_metrics:
                for metric in scope.metrics:
                    found[metric.name] = {tuple(p.attributes.values()): p for p in metric.data.data_points}
        return found

    yield OpenTelemetry(tracers, meters), exporter.get_finished_spans, metrics, tracers
    tracers.shutdown()
    meters.shutdown()


@pytest.mark.parametrize("executor", ["sequential", "threads", "processes"])
def test_a_run_is_a_tree_of_spans(telemetry, watched, executor):
    observer, spans, _, tracers = telemetry
    with tracers.get_tracer("test").start_as_current_span("caller") as caller:
        watched(observer, executor=executor)
    by_id = {span.context.span_id: span for span in spans()}
    (run,) = [span for span in spans() if span.name == "anabranch run"]
    assert run.parent.span_id == caller.get_span_context().span_id
    for span in spans():
        if span.name not in ("caller", "anabranch run"):
            parent = by_id[span.parent.span_id]
            assert parent is run or parent.name.startswith("fan-out ")
            assert run.start_time <= span.start_time <= span.end_time <= run.end_time
    assert run.attributes["anabranch.outputs"] == ("spread",)
    fans = [span for span in spans() if span.name == "fan-out folder"]
    assert [span.attributes["anabranch.items"] for span in fans] == [5]


def test_the_run_s_span_is_current_in_the_driver(telemetry):
    observer, spans, _, _ = telemetry
    seen = []

    def look() -> int:
        seen.append(trace.get_current_span().get_span_context().span_id)
        return 1

    with Builder().with_modules(module_from_functions(look)).with_adapters(observer).build() as driver:
        driver.execute(["look"])
    (run,) = [span for span in spans() if span.name == "anabranch run"]
    assert seen == [run.context.span_id]
    assert not trace.get_current_span().get_span_context().is_valid


def test_metrics(telemetry, watched):
    observer, _, metrics, _ = telemetry
    watched(observer)
    watched(observer, fails=3)
    found = metrics()
    assert found["anabranch.runs"][(False,)].value == 1
    assert found["anabranch.runs"][(True,)].value == 1
    assert found["anabranch.items"][("folder, pass 2",)].value == 5
    assert found["anabranch.failures"][("size",)].value == 1
    assert found["anabranch.busy"][("folder",)].value > 0
    assert found["anabranch.call.duration"][("mean",)].count == 1


def test_a_failed_run(telemetry, watched):
    observer, spans, _, _ = telemetry
    watched(observer, fails=3)
    (run,) = [span for span in spans() if span.name == "anabranch run"]
    assert run.status.status_code is trace.StatusCode.ERROR
    (event,) = run.events
    assert event.name == "exception"
    assert event.attributes["anabranch.node"] == "size"
    assert event.attributes["exception.type"].endswith("ValueError")
    assert all(span.end_time for span in spans())


def test_opentelemetry_that_is_missing(monkeypatch):
    real = builtins.__import__

    def without(name, *rest, **more):
        if name == "opentelemetry":
            raise ImportError(name)
        return real(name, *rest, **more)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(InputError, match=r"pip install 'anabranch\[otel\]'"):
        OpenTelemetry()


def who(number: int) -> tuple[str, str]:
    """The trace and the parent that a span of this function would have, and the caller's baggage."""
    found = trace.get_current_span().get_span_context()
    return f"{found.trace_id:x} {found.span_id:x}", str(baggage.get_baggage("team"))


def number(limit: int) -> Parallelizable[int]:
    yield from range(limit)


def everyone(who: Collect[tuple[str, str]]) -> list[tuple[str, str]]:
    return sorted(set(who))


CARRIED = module_from_functions(number, who, everyone)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(
    ("executor", "options"), [("threads", {}), ("processes", {"workers": 2}), ("ray", {"workers": 1}), ("dask", {"workers": 1})]
)
def test_functions_run_in_the_context_of_the_run_wherever_they_run(telemetry, executor, options):
    observer, spans, _, tracers = telemetry
    with Builder().with_modules(CARRIED).with_executor(executor, **options).with_adapters(observer).build() as driver:
        for team in ("one", "two"):  # the second run's context is not the first's
            token = context.attach(baggage.set_baggage("team", team))
            try:
                with tracers.get_tracer("test").start_as_current_span("caller"):
                    found = driver.execute(["everyone"], inputs={"limit": 20})["everyone"]
            finally:
                context.detach(token)
            run = [span for span in spans() if span.name == "anabranch run"][-1]
            assert found == [(f"{run.context.trace_id:x} {run.context.span_id:x}", team)]
    assert not trace.get_current_span().get_span_context().is_valid


def test_bytes_and_cached_results_are_counted(telemetry, tmp_path):
    observer, _, metrics, _ = telemetry
    builder = Builder().with_modules(CARRIED).with_executor("processes", workers=1).with_cache(tmp_path / "cache")
    for _ in range(2):
        with builder.with_adapters(observer).build() as driver:
            driver.execute(["everyone"], inputs={"limit": 20})
    found = metrics()
    assert found["anabranch.moved"][("number",)].value > 1000
    assert found["anabranch.cached"][("number",)].value >= 20
