"""Adapters that tell other systems of runs, each against the real library or a stand-in for the network."""

from __future__ import annotations

import io
import json
import logging
import subprocess
import sys
import textwrap
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread

import pytest

from anabranch import Builder, Driver, InputError
from anabranch.io import from_, to
from anabranch.lifecycle import (
    LoggingAdapter,
    MLFlowTracker,
    NarwhalsAdapter,
    OpenLineageAdapter,
    OpenTelemetryTracer,
    ProgressBar,
    RichProgressBar,
    SchemaValidator,
    SlackNotifier,
    get_logger,
)
from anabranch.validation import DataValidationError

pytestmark = [
    pytest.mark.timeout(300),
    pytest.mark.filterwarnings("ignore::ResourceWarning:ray"),
    pytest.mark.filterwarnings("ignore:.*accelerator visible devices.*:FutureWarning"),
]

FLOW = """
from anabranch.lifecycle import get_logger

def number(n: int) -> Parallelizable[int]:
    yield from range(n)

def inverse(number: int) -> float:
    get_logger("flow").warning("number %s", number)
    return 6 / (number - 1)

def total(inverse: Collect[float]) -> float:
    return sum(inverse)

def both(total: float) -> dict:
    return {"total": total, "text": "x"}
"""


# -- bars ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("executor", ["sequential", "threads", "processes"])
def test_a_bar_of_tqdm_counts_items(flow, executor):
    pytest.importorskip("tqdm")
    out = io.StringIO()
    builder = Builder().with_modules(flow(FLOW)).with_adapters(ProgressBar("work", file=out, mininterval=0))
    with builder.with_executor(executor, **({"workers": 2} if executor != "sequential" else {})).build() as driver:
        assert driver.execute(["total"], {"n": 30}, on_error="skip")["total"]
    last = out.getvalue().replace("\r", "\n").strip().splitlines()[-1]
    assert last.startswith("work: 100%") and "30/30" in last and "1 failed" in last


def test_a_bar_for_each_run(flow):
    pytest.importorskip("tqdm")
    out = io.StringIO()
    driver = Driver({}, flow("def a(n: int) -> int:\n    return n"), adapter=ProgressBar(file=out))
    for n in range(2):
        assert driver.execute(["a"], {"n": n}) == {"a": n}
    assert out.getvalue().count("1/1") >= 2 and "Graph execution" in out.getvalue()


def test_bars_of_rich(flow):
    from rich.console import Console

    out = io.StringIO()
    bars = RichProgressBar("work", "each", console=Console(file=out, force_terminal=True, width=100))
    assert Driver({}, flow(FLOW), adapter=bars).execute(["total"], {"n": 1}) == {"total": -6.0}
    text = out.getvalue()
    assert "work" in text and "each number" in text and "100%" in text


def test_a_library_that_is_missing_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "tqdm", None)
    with pytest.raises(InputError, match="ProgressBar needs tqdm.*pip install 'tqdm'"):
        ProgressBar()


# -- logging -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("executor", ["sequential", "threads"])
def test_runs_tasks_and_functions_are_logged(flow, executor, caplog):
    builder = Builder().with_modules(flow(FLOW)).with_adapters(LoggingAdapter("mine"))
    with caplog.at_level(logging.DEBUG), builder.with_executor(executor).build() as driver:
        driver.execute(["total"], {"n": 3}, on_error="skip")
        with pytest.raises(ZeroDivisionError):
            driver.execute(["total"], {"n": 3})
    ours = [record for record in caplog.records if record.name == "mine"]
    run = ours[0].anabranch_run
    lines = [record.message.replace(run[:8], "RUN") for record in ours if record.anabranch_run == run]
    assert lines[0] == "[RUN] run of total began, inputs n" and lines[-1] == "[RUN] run ended, 1 items failed"
    assert "[RUN inverse number[0]] called" in lines and "[RUN inverse number[0]] gave float" in lines
    assert "[RUN inverse number[1]] raised ZeroDivisionError: division by zero" in lines
    assert "[RUN] number has 3 items" in lines and "[RUN] task total returned" in lines
    assert any(record.levelname == "ERROR" and "run failed: ZeroDivisionError" in record.message for record in ours)
    said = [record.message.replace(run[:8], "RUN") for record in caplog.records if record.name == "flow"]
    assert "[RUN inverse number[2]] number 2" in said


def test_a_logger_outside_of_runs_is_a_plain_one(caplog):
    with caplog.at_level(logging.INFO):
        get_logger("plain").info("hello %s", "there", extra={"mine": 1})
    (record,) = caplog.records
    assert record.message == "hello there" and record.mine == 1


def test_it_travels(flow, capfd):
    module = flow(FLOW)
    with Builder().with_modules(module).with_adapters(LoggingAdapter()).with_executor("processes", workers=1).build() as driver:
        assert driver.execute(["inverse"], {"n": 1}) == {"inverse": [-6.0]}
    assert "inverse number[0]] number 0" in capfd.readouterr().err  # the worker's own logging, warnings and above


# -- OpenTelemetry, Datadog ----------------------------------------------------------------------------------------


def test_spans_of_a_given_tracer(flow):
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import SimpleSpanProcessor
    from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

    exporter, provider = InMemorySpanExporter(), TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    adapter = OpenTelemetryTracer(tracer=provider.get_tracer("mine"))
    Driver({}, flow(FLOW), adapter=adapter).execute(["total"], {"n": 1})
    spans = exporter.get_finished_spans()
    assert {span.name for span in spans} >= {"anabranch run", "number", "total"}
    assert {span.instrumentation_scope.name for span in spans} == {"mine"}
    provider.shutdown()
    assert Driver({}, flow(FLOW), adapter=OpenTelemetryTracer("mine")).execute(["total"], {"n": 1}) == {"total": -6.0}


def test_spans_for_datadog(tmp_path):
    pytest.importorskip("ddtrace")
    script = textwrap.dedent("""
        import json
        from ddtrace.trace import TraceFilter, tracer
        seen = []

        class Keep(TraceFilter):
            def process_trace(self, trace):
                seen.extend(trace)
                return None  # nothing is sent

        tracer.configure(trace_processors=[Keep()])
        from anabranch import Builder, Collect, Parallelizable, module_from_functions
        from anabranch.lifecycle import DDOGTracer

        def number(n: int) -> Parallelizable[int]: yield from range(n)
        def inverse(number: int) -> float: return 6 / (number - 1)
        def total(inverse: Collect[float]) -> float: return sum(inverse)

        with tracer.trace("caller") as caller:
            builder = Builder().with_modules(module_from_functions(number, inverse, total)).with_executor("threads", workers=2)
            adapter = DDOGTracer("flow", include_causal_links=True, service="tests")
            with builder.with_adapters(adapter).build() as driver:
                driver.execute(["total"], {"n": 3}, on_error="skip")
        assert caller.parent_id in (None, 0)
        root = next(span for span in seen if span.name == "flow")
        print(json.dumps({
            "root": root.parent_id == caller.span_id,
            "names": sorted({span.name for span in seen if span.parent_id == root.span_id}),
            "service": {span.service for span in seen if span is not caller} == {"tests"},
            "inside": all(root.start_ns <= span.start_ns <= span.start_ns + span.duration_ns <= root.start_ns + root.duration_ns
                          for span in seen if span.parent_id == root.span_id),
            "error": [span.get_tag("error.type") for span in seen if span.error],
            "items": sum(int(span.get_metric("anabranch.hi") - span.get_metric("anabranch.lo")) for span in seen if span.name == "number"),
            "done": root.duration_ns > 0 and not root.error,
            "links": len([span for span in seen if span.name == "total"][0]._get_links()),
        }))
    """)
    environment = {**__import__("os").environ, "DD_INSTRUMENTATION_TELEMETRY_ENABLED": "false", "DD_REMOTE_CONFIGURATION_ENABLED": "false"}
    (tmp_path / "traced.py").write_text(script)
    done = subprocess.run([sys.executable, str(tmp_path / "traced.py")], capture_output=True, text=True, check=False, env=environment, timeout=120)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout.splitlines()[-1])
    assert found.pop("links") >= 1
    assert found == {
        "root": True, "names": ["inverse", "number", "total"], "service": True, "inside": True,
        "error": ["builtins.ZeroDivisionError"], "items": 3, "done": True,
    }


# -- Slack ---------------------------------------------------------------------------------------------------------


@pytest.fixture
def slack():
    """A stand-in for Slack's API: gives its address and what it was told."""
    told: list[tuple[str, str, dict]] = []
    answer = {"ok": True}

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            told.append((self.path, self.headers["Authorization"], body))
            text = json.dumps(answer).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

        def log_message(self, *args):
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/api", told, answer
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.mark.parametrize("executor", ["sequential", "threads", "processes"])
def test_slack_is_told_of_failures(flow, slack, executor):
    url, told, _ = slack
    builder = Builder().with_modules(flow("""
        def number(n: int) -> Parallelizable[int]:
            yield from range(n)

        def odd(number: int) -> int:
            if number % 2:
                raise ValueError(f"{number} is odd")
            return number

        def total(odd: Collect[int]) -> int:
            return sum(odd)
    """)).with_adapters(SlackNotifier("xoxb-1", "#runs", base_url=url))
    with builder.with_executor(executor).build() as driver:
        driver.execute(["total"], {"n": 1})
        assert not told
        driver.execute(["total"], {"n": 9}, on_error="skip")
        with pytest.raises(ValueError, match="is odd"):
            driver.execute(["total"], {"n": 2})
    assert {(path, key, body["channel"]) for path, key, body in told} == {("/api/chat.postMessage", "Bearer xoxb-1", "#runs")}
    first, summary, again, failed = [body["text"] for *_, body in told]
    assert first.startswith("`odd` failed for `number[") and "is odd" in first and "in the run of total: ValueError" in first
    assert summary.startswith("The run of total is done, but 4 items failed: 4 in `odd`.")
    assert "number[1]" in again and failed.startswith("The run of total failed. (run ")


def test_slack_is_told_of_successes_if_wanted(flow, slack):
    url, told, _ = slack
    Driver({}, flow(FLOW), adapter=SlackNotifier("k", "c", base_url=url, on_success=True)).execute(["total"], {"n": 1})
    assert [body["text"].partition(" (run")[0] for *_, body in told] == ["The run of total is done."]


def test_when_slack_refuses_or_is_away(flow, slack, caplog):
    url, _, answer = slack
    caplog.set_level(logging.WARNING, "anabranch")
    answer.update(ok=False, error="channel_not_found")
    for address in (url, "http://127.0.0.1:1/api"):
        with pytest.raises(ZeroDivisionError):
            Driver({}, flow(FLOW), adapter=SlackNotifier("k", "c", base_url=address)).execute(["total"], {"n": 2})
    first, second = [record.message for record in caplog.records if record.name == "anabranch"]
    assert "channel_not_found" in first and "the run goes on" in second
    assert "k" not in repr(SlackNotifier("secret-k", "c")).replace("Slack", "")
    with pytest.raises(InputError, match="is no address of http"):
        SlackNotifier("k", "c", base_url="file:///etc")


# -- MLflow --------------------------------------------------------------------------------------------------------


@pytest.fixture
def experiments(tmp_path):
    pytest.importorskip("mlflow")
    return f"sqlite:///{tmp_path}/runs.db", (tmp_path / "artifacts").as_uri()


@pytest.mark.filterwarnings("ignore")
def test_runs_of_mlflow(flow, experiments, tmp_path):
    uri, artifacts = experiments
    tracker = MLFlowTracker(
        uri, artifact_location=artifacts, experiment_name="flows", run_name="mine", run_tags={"team": "a"}, run_description="A run."
    )
    builder = Builder().with_modules(flow(FLOW)).with_config({"region": "eu", "odd": object()}).with_adapters(tracker)
    saving = to.json(id="saved", dependencies=["both"], path=tmp_path / "both.json")
    driver = builder.with_materializers(saving).build()
    driver.execute(["total", "both", "saved"], {"n": 1})
    with pytest.raises(ZeroDivisionError):
        driver.execute(["total"], {"n": 2})
    client = tracker.client
    experiment = client.get_experiment_by_name("flows")
    failed, good = client.search_runs([experiment.experiment_id], order_by=["start_time DESC"])
    assert good.data.params == {"region": "eu", "n": "1"}
    assert good.data.metrics["total"] == -6.0 and good.data.metrics["both.total"] == -6.0
    assert good.data.metrics["anabranch.failed_items"] == 0 and good.data.metrics["anabranch.seconds"] > 0
    assert (good.info.status, failed.info.status) == ("FINISHED", "FAILED")
    assert good.info.run_name == "mine" and good.data.tags["team"] == "a" and good.data.tags["anabranch.version"]
    assert "ZeroDivisionError" in failed.data.tags["anabranch.error"]
    paths = {entry.path for entry in client.list_artifacts(good.info.run_id)}
    assert paths == {"dataflow.json", "saved"}
    assert [entry.path for entry in client.list_artifacts(good.info.run_id, "saved")] == ["saved/both.json"]


@pytest.mark.filterwarnings("ignore")
def test_a_run_of_mlflow_that_is_there(flow, experiments):
    uri, artifacts = experiments
    client = MLFlowTracker(uri).client
    run = client.create_run(client.create_experiment("mine", artifacts))
    Driver({}, flow(FLOW), adapter=MLFlowTracker(uri, run_id=run.info.run_id)).execute(["total"], {"n": 1})
    found = client.get_run(run.info.run_id)
    assert found.data.metrics["total"] == -6.0 and found.info.status == "RUNNING"


# -- OpenLineage ---------------------------------------------------------------------------------------------------


def emitted(path):
    return [json.loads(line) for line in path.read_text().splitlines() if line.strip()]


@pytest.mark.parametrize("executor", ["sequential", "processes"])
def test_lineage_is_emitted(flow, tmp_path, executor):
    pytest.importorskip("openlineage.client")
    pd = pytest.importorskip("pandas")
    from openlineage.client import OpenLineageClient
    from openlineage.client.transport.file import FileConfig, FileTransport

    log = tmp_path / "events.json"
    client = OpenLineageClient(transport=FileTransport(FileConfig(log_file_path=str(log), append=True)))
    pd.DataFrame({"a": [1, 2]}).to_csv(tmp_path / "in.csv", index=False)
    builder = Builder().with_modules(flow("""
        import pandas as pd

        def part(table: pd.DataFrame) -> Parallelizable[int]:
            yield from table["a"].tolist()

        def row(part: int) -> dict:
            return {"part": part}

        def broken(table: pd.DataFrame) -> int:
            raise ValueError("no")
    """)).with_adapters(OpenLineageAdapter(client, "tests", "parts")).with_materializers(
        from_.csv(target="table", path=tmp_path / "in.csv"), to.json(id="saved", dependencies=["row"], path=f"{tmp_path}/{{item}}.json")
    )
    with builder.with_executor(executor).build() as driver:
        driver.execute(["saved"])
        events = emitted(log)
        with pytest.raises(ValueError, match="no"):
            driver.execute(["broken"])
    assert {(event["job"]["namespace"], event["job"]["name"]) for event in events} == {("tests", "parts")}
    assert len({event["run"]["runId"] for event in events}) == 1
    states = [event["eventType"] for event in events]
    assert states[0] == "START" and states[-1] == "COMPLETE" and states.count("RUNNING") == 3
    assert "def row(part: int)" in events[0]["job"]["facets"]["sourceCode"]["sourceCode"]
    (read,) = [one for event in events for one in event["inputs"]]
    assert read["name"] == str(tmp_path / "in.csv") and read["namespace"] == "file"
    assert read["inputFacets"]["inputStatistics"]["rowCount"] == 2
    assert [field["name"] for field in read["facets"]["schema"]["fields"]] == ["a"]
    written = {one["name"] for event in events for one in event["outputs"]}
    assert written == {str(tmp_path / f"{n}.json") for n in range(2)}
    failed = emitted(log)[-1]
    assert failed["eventType"] == "FAIL" and failed["run"]["facets"]["errorMessage"]["message"] == "no"


def test_the_client_of_the_environment(flow, tmp_path, monkeypatch):
    pytest.importorskip("openlineage.client")
    monkeypatch.setenv("OPENLINEAGE_DISABLED", "true")
    assert Driver({}, flow(FLOW), adapter=OpenLineageAdapter()).execute(["total"], {"n": 1}) == {"total": -6.0}


# -- narwhals ------------------------------------------------------------------------------------------------------


def test_functions_for_narwhals(flow, make):
    nw = pytest.importorskip("narwhals")
    pd, pl = pytest.importorskip("pandas"), pytest.importorskip("polars")
    module = flow("""
        import narwhals as nw

        def part(frame: Any) -> Parallelizable[Any]:
            yield frame
            yield frame

        @tag(nw_kwargs="eager_only")
        def doubled(part: Any) -> Any:
            assert isinstance(part, nw.DataFrame)
            return part.with_columns(b=nw.col("a") * 2)

        def rows(doubled: Collect[Any], scale: int = 3) -> int:
            assert all(isinstance(one, nw.DataFrame) for one in doubled)
            return sum(map(len, doubled)) * scale

        def series(frame: Any) -> Any:
            return frame["a"]
    """)
    driver = make(module, NarwhalsAdapter())
    for library in (pd, pl):
        found = driver.execute(["rows", "doubled", "series"], {"frame": library.DataFrame({"a": [1, 2]})})
        assert found["rows"] == 12
        assert type(found["doubled"][0]) is library.DataFrame and type(found["series"]) is library.Series
        assert list(found["doubled"][0]["b"]) == [2, 4]
    assert nw


# -- schemas -------------------------------------------------------------------------------------------------------

FRAMES = """
import pandas as pd

def part(n: int) -> Parallelizable[int]:
    return range(n)

def frame(part: int, kind: str = "int") -> pd.DataFrame:
    if kind == "wide":
        return pd.DataFrame({"a": [part], "b": [1.5], "c": [0]})
    return pd.DataFrame({"b": [1.5], "a": [part]} if kind == "turned" else {"a": [str(part) if kind == "str" else part], "b": [1.5]})

def rows(frame: Collect[pd.DataFrame]) -> int:
    return len(frame)
"""


def test_schemas_are_written_and_checked(flow, make, tmp_path):
    pytest.importorskip("pandas")
    module = flow(FRAMES)
    assert make(module, SchemaValidator(tmp_path, check=False)).execute(["rows"], {"n": 3}) == {"rows": 3}
    assert [path.name for path in tmp_path.iterdir()] == ["frame.schema.json"]
    assert json.loads((tmp_path / "frame.schema.json").read_text()) == {"node": "frame", "columns": {"a": "int64", "b": "float64"}}
    driver = make(module, SchemaValidator(tmp_path, importance="fail"))
    assert driver.execute(["rows"], {"n": 2}) == {"rows": 2}
    with pytest.raises(DataValidationError, match="the columns of 'frame' have changed: 'a' is (object|str) and was int64") as caught:
        driver.execute(["rows"], {"n": 2, "kind": "str"})
    assert "item part[" in caught.value.__notes__[0]
    with pytest.raises(DataValidationError, match=r"'c' is new \(int64\)"):
        driver.execute(["rows"], {"n": 2, "kind": "wide"})
    with pytest.raises(DataValidationError, match="the order is b, a and was a, b"):
        driver.execute(["rows"], {"n": 2, "kind": "turned"})


def test_schemas_that_have_changed_are_logged_once(flow, tmp_path, caplog):
    pytest.importorskip("pandas")
    module = flow(FRAMES)
    Driver({}, module, adapter=SchemaValidator(tmp_path, check=False)).execute(["rows"], {"n": 1, "kind": "wide"})
    assert Driver({}, module, adapter=SchemaValidator(tmp_path)).execute(["rows"], {"n": 5}) == {"rows": 5}
    assert [record.message for record in caplog.records if record.name == "anabranch"] == ["the columns of 'frame' have changed: 'c' is gone"]


def test_schemas_that_are_not_there(flow, tmp_path):
    pytest.importorskip("pandas")
    module = flow(FRAMES)
    assert Driver({}, module, adapter=SchemaValidator(tmp_path, importance="fail")).execute(["rows"], {"n": 1}) == {"rows": 1}
    with pytest.raises(DataValidationError, match="there is no schema of 'frame' in"):
        Driver({}, module, adapter=SchemaValidator(tmp_path, must_exist=True, importance="fail")).execute(["rows"], {"n": 1})
    (tmp_path / "frame.schema.json").write_text("[]")
    with pytest.raises(InputError, match="is no schema"):
        SchemaValidator(tmp_path)
    with pytest.raises(InputError, match="importance is 'warn' or 'fail', not 'loud'"):
        SchemaValidator(tmp_path, importance="loud")  # type: ignore[arg-type]
