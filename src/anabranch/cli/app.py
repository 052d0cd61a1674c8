"""The commands and their options."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

import anabranch
from anabranch.cli import catalog, outline, signals
from anabranch.cli.cache import cache
from anabranch.cli.command import as_json as json_of
from anabranch.cli.command import finish
from anabranch.cli.display import show
from anabranch.cli.document import Unwritable, document
from anabranch.cli.ending import say
from anabranch.cli.flow import load
from anabranch.cli.inputs import config_of, inputs_of, policy_of
from anabranch.cli.lineage import Question, answer, show_answer, wanted
from anabranch.cli.pictures import picture_of
from anabranch.cli.results import Results
from anabranch.cli.store import Store, stores_of
from anabranch.cli.watching import observers_of
from anabranch.driver import Builder, Driver
from anabranch.errors import InputError
from anabranch.failure import summary
from anabranch.handle import RunResult

__all__ = ["app", "builder_of", "named", "start"]

app = typer.Typer(
    name="anabranch",
    help="Runs dataflows written as plain Python functions, on one core, all cores, Ray or Dask.",
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich" if sys.stderr is not None and sys.stderr.isatty() else None,
)
app.add_typer(cache)

Module = Annotated[str, typer.Argument(metavar="MODULE", help="A Python file, or a module's dotted name.", show_default=False)]
Outputs = Annotated[list[str] | None, typer.Argument(metavar="OUTPUT", help="What to compute, by name.", show_default=False)]
Inputs = Annotated[
    list[str] | None,
    typer.Option("--input", "-i", metavar="NAME=VALUE", help="An input, of the type that its reader says.", show_default=False),
]
InputsFile = Annotated[
    Path | None,
    typer.Option("--inputs", metavar="FILE", help="Inputs from a .json, .yaml or .toml file.", show_default=False),
]
Config = Annotated[
    list[str] | None,
    typer.Option("--config", "-c", metavar="NAME=VALUE", help="A config value: JSON, else text.", show_default=False),
]
Executor = Annotated[str, typer.Option("--executor", "-x", metavar="NAME", help="Where tasks run; see 'anabranch executors'.")]
Workers = Annotated[
    int | None, typer.Option("--workers", "-w", metavar="N", min=1, help="How many workers.", show_default=False)
]
Save = Annotated[
    list[str] | None,
    typer.Option(
        metavar="OUTPUT=PATH",
        help="Saves an output instead of printing it: .json .csv .parquet .pkl .txt .npy.",
        show_default=False,
    ),
]
Picture = Annotated[
    Path | None,
    typer.Option(
        "--output", "-o", metavar="FILE", help="Where to: .svg .png .html .mmd .dot; without it, Mermaid text is printed."
    ),
]
Direction = Annotated[str, typer.Option(metavar="down|right", help="Where values flow.")]
Theme = Annotated[str, typer.Option(metavar="auto|light|dark", help="The picture's colours.")]
Progress = Annotated[
    str, typer.Option("--progress", metavar="FORM", help="How far it is: auto, bars, lines (one in ten seconds), json, none.")
]
Trace = Annotated[
    Path | None,
    typer.Option(metavar="FILE", help="Writes a trace for ui.perfetto.dev and chrome://tracing.", show_default=False),
]
Events = Annotated[
    Path | None, typer.Option(metavar="FILE", help="Writes what happens as lines of JSON.", show_default=False)
]
OnError = Annotated[
    str,
    typer.Option(
        metavar="raise|finish|skip|keep",
        help="What a failed item does to the run: end it; end it when the rest is done; be left out; be kept in its place.",
    ),
]
MaxFailures = Annotated[
    str | None,
    typer.Option(metavar="N|N%", help="So many failed items the run puts up with: a count or a share.", show_default=False),
]
Timeout = Annotated[float | None, typer.Option(metavar="SECONDS", help="How long the run may take.", show_default=False)]
Report = Annotated[
    Path | None,
    typer.Option(metavar="FILE", help="Writes a page about the run: where the time went, what failed.", show_default=False),
]
Logs = Annotated[
    str,
    typer.Option(
        metavar="LEVEL",
        help="What functions print and log, from this level on, is shown with function and item: debug, info, warning, off.",
    ),
]
RunsFolder = Annotated[
    Path | None,
    typer.Option("--runs", metavar="FOLDER", help="Where runs are kept that last.", show_default="the user's state folder"),
]
RunId = Annotated[
    str | None,
    typer.Option(metavar="NAME", help="Keeps what the run does under this name: it can be resumed.", show_default=False),
]
Durable = Annotated[bool, typer.Option("--durable", help="The same under a name that is made up and told.")]
Cached = Annotated[bool, typer.Option("--cache", help="Looks results up before functions are called, and stores them after.")]
CachePath = Annotated[
    str | None,
    typer.Option(metavar="PATH", help="The same, in this folder or at this URL.", show_default=False),
]
Track = Annotated[bool, typer.Option("--track", help="Keeps the run in the history; 'anabranch ui' shows it.")]
History = Annotated[
    str | None,
    typer.Option("--history", metavar="FILE|URL", help="Where the history is, if not in your folder.", show_default=False),
]
Sources = Annotated[
    list[str] | None,
    typer.Option("--from", metavar="NAME", help="What is computed from this; may be said again.", show_default=False),
]
Targets = Annotated[
    list[str] | None,
    typer.Option("--to", metavar="NAME", help="What this is computed from; with --from, the way.", show_default=False),
]
Tags = Annotated[
    list[str] | None,
    typer.Option("--tag", metavar="KEY[=VALUE]", help="Only what has this tag; several must all be there.", show_default=False),
]
Exposed = Annotated[
    list[str] | None,
    typer.Option(
        "--exposed", metavar="KEY[=VALUE]", help="Instead, the outputs that are made of what has this tag.", show_default=False
    ),
]
Json = Annotated[bool, typer.Option("--json", help="Prints one JSON document, for machines.")]
Hamilton = Annotated[bool, typer.Option("--hamilton", help="The module is written for Hamilton; see docs/from-hamilton.md.")]
Source = Annotated[bool, typer.Option("--source", help="Prints the generated code as well.")]


def start() -> int:
    """Runs the command line; returns the exit code."""
    try:
        code = app(prog_name="anabranch", standalone_mode=True)
    except SystemExit as leaving:  # usage errors, --help
        code = leaving.code
    return (signals.exit_code() or code) if isinstance(code, int) and code else 0


@app.callback(invoke_without_command=True)
def about(
    *,
    version: Annotated[bool, typer.Option("--version", help="Prints the version.", is_eager=True)] = False,
) -> None:
    """Runs dataflows written as plain Python functions, on one core, all cores, Ray or Dask."""
    if version:
        typer.echo(f"anabranch {anabranch.__version__}")
        raise typer.Exit


@app.command()
def run(
    module: Module,
    outputs: Outputs = None,
    *,
    inputs: Inputs = None,
    inputs_file: InputsFile = None,
    config: Config = None,
    executor: Executor = "sequential",
    workers: Workers = None,
    save: Save = None,
    as_json: Json = False,
    on_error: OnError = "raise",
    max_failures: MaxFailures = None,
    timeout: Timeout = None,
    progress: Progress = "auto",
    trace: Trace = None,
    events: Events = None,
    report: Report = None,
    logs: Logs = "warning",
    run_id: RunId = None,
    durable: Durable = False,
    runs: RunsFolder = None,
    cache: Cached = False,
    cache_path: CachePath = None,
    track: Track = False,
    history: History = None,
    hamilton: Hamilton = False,
) -> None:
    """Computes outputs and prints them."""

    def work(results: Results) -> None:
        stores = stores_of(save or ())
        names = named(module, [*(outputs or ()), *(store.output for store in stores)])
        if workers and executor == "sequential":
            raise InputError("-w goes with an executor that has workers: add -x processes, threads, ray or dask")
        builder = builder_of(module, config, hamilton=hamilton)
        builder = builder.with_executor(executor, **({"workers": workers} if workers else {}))
        builder = builder.with_failure_policy(**policy_of(on_error, max_failures, timeout))
        name = run_id or (os.urandom(4).hex() if durable else None)
        if name is not None:
            place = str(Path(module).resolve()) if Path(module).is_file() else module
            policy = (on_error, max_failures, timeout)
            told = {"module": place, "outputs": names, "config": config or [], "executor": executor, "workers": workers}
            about = {**told, "policy": policy, "save": save, "hamilton": hamilton}
            builder = builder.with_runs(runs, about={"command": about})
        if cache or cache_path:
            builder = builder.with_cache(cache_path)
        builder = builder.with_tracking(history) if track or history is not None else builder
        with builder.with_adapters(*observers_of(progress, trace, events, report, logs)).build() as driver:
            _check_stores(driver, stores)
            if name is not None:
                say("note", f"this is run '{name}'; if it does not come to its end: anabranch resume {name}")
            made = driver.run(names, inputs_of(driver.graph, inputs or (), inputs_file), run_id=name)
        computed(results, made, stores, as_json=as_json)

    finish(work)


def computed(results: Results, made: RunResult, stores: Sequence[Store], *, as_json: bool) -> None:
    """Saves and prints what a run computed, and says what failed in it."""
    deliver(results, made.results, stores, as_json=as_json)
    if made.failures:
        left_out = all(failure.policy == "skip" for failure in made.failures)
        say("note", f"{summary(made.failures)}; {'left out' if left_out else 'the run went on without them'}")


@app.command()
def plan(
    module: Module,
    outputs: Outputs = None,
    *,
    inputs: Inputs = None,
    config: Config = None,
    source: Source = False,
    hamilton: Hamilton = False,
) -> None:
    """Shows the tasks that outputs would be computed with, without computing anything."""

    def work(results: Results) -> None:
        names = named(module, outputs or ())
        with builder_of(module, config, hamilton=hamilton).build() as driver:
            given = inputs_of(driver.graph, inputs or ())
            needed = [name for name, entry in driver.graph.inputs.items() if entry.required and name not in given]
            made = driver.plan(names, [*given, *needed])

            def write() -> None:
                outline.show_plan(results, driver.graph, made)
                if source:
                    results.print("")
                    outline.show_source(results, made)

            results.write(write)

    finish(work)


@app.command()
def graph(
    module: Module,
    outputs: Outputs = None,
    *,
    file: Picture = None,
    config: Config = None,
    direction: Direction = "down",
    theme: Theme = "auto",
    hamilton: Hamilton = False,
) -> None:
    """Draws the dataflow, or what the given outputs need of it."""

    def work(results: Results) -> None:
        with builder_of(module, config, hamilton=hamilton).build() as driver:
            look = {"direction": direction, "theme": theme}
            picture = picture_of(driver, outputs or (), look, file, title=Path(module).name)
        if file is None:
            results.write(lambda: results.print(picture.mermaid.rstrip()))

    finish(work)


@app.command(name="list")
def list_(module: Module, *, config: Config = None, as_json: Json = False, hamilton: Hamilton = False) -> None:
    """Lists a module's nodes and inputs."""

    def work(results: Results) -> None:
        with builder_of(module, config, hamilton=hamilton).build() as driver:
            if as_json:
                results.write(lambda: results.print(json_of(results, catalog.flow(driver))))
            else:
                results.write(lambda: catalog.show_flow(results, driver))

    finish(work)


@app.command()
def lineage(
    module: Module,
    *,
    sources: Sources = None,
    targets: Targets = None,
    tags: Tags = None,
    exposed: Exposed = None,
    config: Config = None,
    as_json: Json = False,
    hamilton: Hamilton = False,
) -> None:
    """Tells what flows into what, and which outputs are made of what has a tag."""

    def work(results: Results) -> None:
        with builder_of(module, config, hamilton=hamilton).build() as driver:
            asked = Question(tuple(sources or ()), tuple(targets or ()), wanted("--tag", tags), wanted("--exposed", exposed))
            if as_json:
                results.write(lambda: results.print(json_of(results, answer(driver.lineage, asked))))
            else:
                results.write(lambda: show_answer(results, driver.lineage, asked))

    finish(work)


@app.command()
def executors(*, as_json: Json = False) -> None:
    """Lists the executors, and how to install those that are missing."""

    def work(results: Results) -> None:
        if as_json:
            results.write(lambda: results.print(json_of(results, catalog.executors())))
        else:
            results.write(lambda: catalog.show_executors(results))

    finish(work)


def deliver(results: Results, values: Mapping[str, Any], stores: Sequence[Store], *, as_json: bool) -> None:
    """Saves and prints; what cannot be saved or printed keeps nothing else from it.

    Raises:
        InputError: some value could not be.
    """
    faults: list[str] = []
    for store in stores:
        try:
            store.save(values[store.output])
        except InputError as error:
            faults.append(str(error))
    saved = {store.output for store in stores}
    printed = {name: value for name, value in values.items() if name not in saved}
    if as_json:
        documents = {}
        for name, value in printed.items():
            try:
                documents[name] = document(value)
            except Unwritable as error:
                faults.append(f"output '{name}' cannot be printed as JSON: {error}; save it with --save {name}=FILE.pkl")
        if not faults:
            results.write(lambda: results.print(json_of(results, documents)))
    else:
        results.write(lambda: show(results, printed))
    if faults:
        raise InputError("\n  ".join(faults))


def builder_of(module: str, config: Sequence[str] | None, *, hamilton: bool = False) -> Builder:
    """A builder of a module and its config; of one that is written for Hamilton, with Hamilton's names on top of ours."""
    values = config_of(config or ())
    if hamilton:
        from anabranch.compat.hamilton import install

        install()
    return Builder().with_modules(load(module)).with_config(values)


def named(module: str, names: Sequence[str]) -> list[str]:
    """The outputs that are asked for, each once.

    Raises:
        InputError: there are none.
    """
    if not names:
        raise InputError(f"no output is asked for; name at least one ('anabranch list {module}' shows them)")
    return list(dict.fromkeys(names))


def _check_stores(driver: Driver, stores: Sequence[Store]) -> None:
    for store in stores:
        node = driver.graph.nodes.get(store.output)
        if node is not None and not driver.graph.value_axes(store.output):
            store.check(node.annotation)
