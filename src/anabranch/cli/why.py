"""`anabranch explain`: why an item of a run ran, waited, was tried again, came from a cache, or has not run."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from anabranch.cli.app import Json, RunsFolder, app
from anabranch.cli.command import as_json as json_of
from anabranch.cli.command import finish
from anabranch.cli.durable import place_of
from anabranch.cli.results import Results
from anabranch.errors import InputError
from anabranch.explain import Chronicle, chronicle_of, explained

__all__ = ["explain"]

Story = Annotated[
    str, typer.Argument(metavar="RUN", help="An event file (of --events), or the name of a run that lasts.", show_default=False)
]
Item = Annotated[
    str, typer.Argument(metavar="NODE[ITEM]", help="Which: 'tree[3]', 'word[3,0]'; 'tree' is all of it.", show_default=False)
]


@app.command()
def explain(run: Story, item: Item, *, folder: RunsFolder = None, as_json: Json = False) -> None:
    """Tells why an item ran, waited, was tried again, came from a cache, or has not run."""

    def work(results: Results) -> None:
        node, indices = place_of(item)
        found = explained(_chronicle(run, folder), node, indices or None)
        if as_json:
            about = {"node": found.node, "item": found.item, "fate": found.fate.value, "reasons": list(found.reasons)}
            results.write(lambda: results.print(json_of(results, about)))
        else:
            results.write(lambda: results.print(str(found)))

    finish(work)


def _chronicle(run: str, folder: Path | None) -> Chronicle:
    """What happened in a run: from a file, or from the folder of a run that lasts.

    Raises:
        InputError: there is neither.
    """
    if os.sep in run or Path(run).exists():
        return chronicle_of(run)
    from anabranch.driver.recording import EVENTS
    from anabranch.journal import Runs

    events = Runs(folder).find(run) / EVENTS
    if not events.exists():
        raise InputError(f"run '{run}' has no events: it was begun by an earlier version")
    return chronicle_of(events)
