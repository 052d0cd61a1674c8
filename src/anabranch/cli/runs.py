"""The commands about runs as a whole: which executor to take."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from anabranch.cli.app import Config, Inputs, InputsFile, Json, Module, Outputs, app, builder_of, named
from anabranch.cli.command import finish
from anabranch.cli.inputs import inputs_of
from anabranch.cli.results import Results
from anabranch.errors import InputError

__all__ = ["bench"]

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
