"""The commands about runs as a whole: which executor to take, what more workers would bring, what runs there were."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from anabranch.cli.app import Config, History, Inputs, InputsFile, Json, Module, Outputs, RunsFolder, app, builder_of, named
from anabranch.cli.command import finish
from anabranch.cli.inputs import inputs_of
from anabranch.cli.results import Results
from anabranch.errors import InputError

if TYPE_CHECKING:
    from anabranch.predict import Recording

__all__ = ["bench", "simulate", "ui"]

Executors = Annotated[
    list[str] | None,
    typer.Option(
        "--executor", "-x", metavar="NAME", help="What to try; may be said again. If not said: sequential, threads, processes."
    ),
]
Counts = Annotated[
    str | None,
    typer.Option(
        "--workers", "-w", metavar="N,N…", help="Numbers of workers; powers of two up to the processors if not said."
    ),
]
Rounds = Annotated[int, typer.Option("--rounds", metavar="N", min=1, help="How often each setting is timed.")]
Page = Annotated[Path | None, typer.Option("--html", metavar="FILE", help="Writes a page with plots.", show_default=False)]

Recorded = Annotated[
    str, typer.Argument(metavar="RUN", help="An event file, a run that lasts, or a tracked run's id.", show_default=False)
]
Cluster = Annotated[str, typer.Option("--workers", "-w", metavar="N,N…", help="Numbers of workers.")]
Price = Annotated[
    float | None, typer.Option("--price", metavar="AMOUNT", min=0, help="What a worker costs an hour.", show_default=False)
]
CallCost = Annotated[
    float | None,
    typer.Option("--call-cost", metavar="SECONDS", min=0, help="What a call costs, if you know better.", show_default=False),
]

Port = Annotated[int, typer.Option("--port", min=0, max=65535, help="Where it is served; 0 takes a port that is free.")]
Open = Annotated[bool, typer.Option("--open/--no-open", help="Opens it in the browser.")]


@app.command()
def bench(
    module: Module,
    outputs: Outputs = None,
    *,
    inputs: Inputs = None,
    inputs_file: InputsFile = None,
    config: Config = None,
    executors: Executors = None,
    workers: Counts = None,
    rounds: Rounds = 3,
    html: Page = None,
    as_json: Json = False,
) -> None:
    """Runs the flow on several executors by turns, and says which one to take and why."""

    def work(results: Results) -> None:
        from anabranch.cli.bench import compare
        from anabranch.compare.settings import settings_of

        settings = settings_of(executors or (), counts_of(workers))
        names, builder = named(module, outputs or ()), builder_of(module, config)
        with builder.build() as driver:
            given = inputs_of(driver.graph, inputs or (), inputs_file)
            driver.validate_execution(names, given)
        compare(results, (builder, names, given), settings, rounds, (as_json, html))

    finish(work)


@app.command()
def simulate(
    run: Recorded,
    *,
    workers: Cluster = "10,100,1000",
    price: Price = None,
    call_cost: CallCost = None,
    history: History = None,
    folder: RunsFolder = None,
    as_json: Json = False,
) -> None:
    """Predicts what a recorded run would take on more workers, and what would bind."""

    def work(results: Results) -> None:
        from anabranch.cli.simulate import show_forecast
        from anabranch.predict import costs_of, predict

        recording = recording_named(run, history, folder)
        costs = costs_of(recording)
        costs = costs if call_cost is None else costs.of_call(call_cost)
        forecast = predict(recording, counts_of(workers), costs)
        show_forecast(results, forecast, price, as_json=as_json)

    finish(work)


@app.command()
def ui(
    *,
    history: History = None,
    port: Port = 0,
    open_browser: Open = True,
) -> None:
    """Shows the history of runs as a page, on this machine only."""

    def work(results: Results) -> None:
        from anabranch.cli.ui import show_page

        show_page(results, history, port, open_browser=open_browser)

    finish(work)


def recording_named(run: str, history: str | None, folder: Path | None) -> Recording:
    """The recording that a file's name, the name of a run that lasts, or the id of a tracked run stands for.

    Raises:
        InputError: there is none of them, or it cannot be replayed.
        StoreError: the history cannot be read.
    """
    from anabranch.driver.recording import EVENTS
    from anabranch.journal import Runs
    from anabranch.predict import read_recording, recording_of

    if os.sep in run or run.endswith(".jsonl") or Path(run).exists():
        return read_recording(run)
    if run in Runs(folder).names():
        return read_recording(Runs(folder).find(run) / EVENTS)
    if re.fullmatch(r"[0-9a-f]{4,64}", run) is None:
        what = "no event file, no run that lasts ('anabranch runs' lists them), and no id of a tracked run"
        raise InputError(f"'{run}' is {what}")
    from anabranch.history import open_store

    store = open_store(history)
    try:
        if left_out := store.run(run)["left_out"]:
            raise InputError(f"run {run} cannot be replayed: {left_out:,} of its events were too many to be kept; use --events")
        return recording_of(store.lines(run), f"run {run}")
    finally:
        store.close()


def counts_of(text: str | None) -> tuple[int, ...]:
    """Numbers of workers, as they are written: ``2,4,8``.

    Raises:
        InputError: one of them is no number of workers.
    """
    found = []
    for part in (text or "").split(",") if text is not None else ():
        try:
            number = int(part.strip().replace("_", ""))
        except ValueError:
            number = 0
        if number < 1:
            raise InputError(f"--workers takes numbers of workers, 2,4,8 say, not '{text}'")
        found.append(number)
    return tuple(dict.fromkeys(found))
