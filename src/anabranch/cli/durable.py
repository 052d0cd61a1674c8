"""The commands about runs that last: to go on with one, to list and show them, to watch one, to repeat one item."""

from __future__ import annotations

import re
import time
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from anabranch.cli.app import (
    Events,
    Inputs,
    InputsFile,
    Json,
    Logs,
    Progress,
    Report,
    RunsFolder,
    Save,
    Trace,
    Workers,
    app,
    builder_of,
    computed,
)
from anabranch.cli.command import as_json as json_of
from anabranch.cli.command import finish
from anabranch.cli.display import show, show_grid
from anabranch.cli.grid import Column, Grid
from anabranch.cli.inputs import inputs_of, policy_of
from anabranch.cli.results import Results
from anabranch.cli.store import stores_of
from anabranch.cli.watching import observers_of
from anabranch.errors import InputError
from anabranch.words import moment

if TYPE_CHECKING:
    from anabranch.driver import Builder
    from anabranch.journal import Began, Follower, Peek, Runs, Story

__all__ = ["place_of", "resume"]

Run = Annotated[str, typer.Argument(metavar="RUN", help="The run's name; 'anabranch runs' lists them.", show_default=False)]
Another = Annotated[
    str | None, typer.Option("--executor", "-x", metavar="NAME", help="Where tasks run now; as before if not said.")
]

CODES: Final = {"finished": 0, "running": 0, "failed": 1, "stopped": 3, "lost": 4}
"""How a command ends that was asked how a run stands."""

GLANCE: Final = 0.5
"""So many seconds lie between two looks at a run."""


@app.command()
def resume(
    run: Run,
    *,
    folder: RunsFolder = None,
    inputs: Inputs = None,
    inputs_file: InputsFile = None,
    executor: Another = None,
    workers: Workers = None,
    force: Annotated[bool, typer.Option("--force", help="Goes on although code or inputs have changed.")] = False,
    failed_only: Annotated[bool, typer.Option("--failed-only", help="Only what failed; what was never run stays out.")] = False,
    save: Save = None,
    as_json: Json = False,
    progress: Progress = "auto",
    trace: Trace = None,
    events: Events = None,
    report: Report = None,
    logs: Logs = "warning",
) -> None:
    """Goes on with a run that was interrupted or had failures: computes what it does not have, and prints its outputs."""

    def work(results: Results) -> None:
        began = _began(folder, run)
        asked = _asked(began, run)
        stores = stores_of(save or asked.get("save") or ())
        chosen, count = executor or asked["executor"], workers or (None if executor else asked.get("workers"))
        builder = _builder(began, run, folder).with_executor(chosen, **({"workers": count} if count else {}))
        builder = builder.with_failure_policy(**policy_of(*asked["policy"]))
        with builder.with_adapters(*observers_of(progress, trace, events, report, logs)).build() as driver:
            given = inputs_of(driver.graph, inputs or (), inputs_file)
            values = {**_values(folder, run, began, leave=given), **given}
            made = driver.run(asked["outputs"], values, resume=run, force=force, failed_only=failed_only)
        computed(results, made, stores, as_json=as_json)

    finish(work)


@app.command()
def runs(*, folder: RunsFolder = None, as_json: Json = False) -> None:
    """Lists the runs that last, the latest first."""

    def work(results: Results) -> None:
        known = _runs(folder)
        found = [known.peek(name) for name in known.names()]
        if as_json:
            results.write(lambda: results.print(json_of(results, [_line(one) for one in found])))
        elif found:
            results.write(lambda: show_grid(results, _grid(found)))
        else:
            results.write(lambda: results.print(f"no runs in {known.root}; 'anabranch run … --run-id NAME' keeps one"))

    finish(work)


@app.command(name="show")
def show_(run: Run, *, folder: RunsFolder = None, as_json: Json = False) -> None:
    """Shows how a run stands; the exit code is 0 if it is finished or running, 1 failed, 3 stopped, 4 lost."""

    def work(results: Results) -> int:
        follower = _follower(folder, run)
        about = _about(follower, run)
        if as_json:
            results.write(lambda: results.print(json_of(results, about)))
        else:
            results.write(lambda: results.print(_in_words(about)))
        return CODES[about["state"]]

    finish(work)


@app.command()
def watch(run: Run, *, folder: RunsFolder = None) -> None:
    """Shows how far a run is, from any terminal, until it ends; the exit code is that of 'show'."""

    def work(results: Results) -> int:
        from rich.console import Console
        from rich.live import Live
        from rich.text import Text

        follower = _follower(folder, run)
        screen = Live(Text(_in_words(_about(follower, run))), console=Console(stderr=True), refresh_per_second=4)
        with screen:
            while (about := _about(follower, run))["state"] == "running":
                screen.update(Text(_in_words(about)))
                time.sleep(GLANCE)
            screen.update(Text(""))
        results.write(lambda: results.print(_in_words(about)))
        return CODES[about["state"]]

    finish(work)


@app.command()
def replay(
    run: Run,
    item: Annotated[str, typer.Argument(metavar="NODE[ITEM]", help="Which call: 'tree[3]', 'word[3,0]', 'total'.")],
    *,
    folder: RunsFolder = None,
    debug: Annotated[bool, typer.Option("--debug", help="Opens the debugger where it raises.")] = False,
) -> None:
    """Calls a function again for one item, in this process, with what it was called with; shows what comes of it."""

    def work(results: Results) -> None:
        node, indices = place_of(item)
        began = _began(folder, run)
        with _builder(began, run, folder).build() as driver:
            value = driver.replay(run, node, indices, debug=debug)
        results.write(lambda: show(results, {item: value}))

    finish(work)


# -- what a run was asked for --------------------------------------------------------------------------------------


def _runs(folder: Path | None) -> Runs:
    from anabranch.journal import Runs

    return Runs(folder)


def _follower(folder: Path | None, run: str) -> Follower:
    from anabranch.journal import Follower
    from anabranch.store.seal import Seal, own_key

    return Follower(_runs(folder).find(run), Seal(own_key()))


def _began(folder: Path | None, run: str) -> Began:
    from anabranch.driver.replaying import began_of

    return began_of(_runs(folder), run)


def _asked(began: Began, run: str) -> Mapping[str, Any]:
    """What the command line was told that began a run.

    Raises:
        InputError: it was begun by a program.
    """
    asked = began.about.get("command")
    if asked is None:
        raise InputError(f"run '{run}' was begun by a program, not by 'anabranch run': have that resume it (resume='{run}')")
    found: Mapping[str, Any] = asked
    return found


def _builder(began: Began, run: str, folder: Path | None) -> Builder:
    asked = _asked(began, run)
    return builder_of(asked["module"], asked["config"], hamilton=bool(asked.get("hamilton"))).with_runs(folder)


def _values(folder: Path | None, run: str, began: Began, *, leave: Mapping[str, Any]) -> dict[str, Any]:
    """The inputs of a run, but for those that are given anew."""
    from anabranch.driver.recording import values_in

    wanted = {name: given for name, given in began.inputs.items() if name not in leave}
    return values_in(wanted, _runs(folder).find(run), "input")


def place_of(text: str) -> tuple[str, tuple[int, ...]]:
    """A node, and the indices of an item.

    Raises:
        InputError: it is written otherwise.
    """
    match = re.fullmatch(r"\s*([^\[\]]+?)\s*((?:\[[\d,\s]*\])*)\s*", text)
    if match is None:
        raise InputError(f"'{text}' names no call; write the function and the indices of the item: 'tree[3]', 'word[3,0]'")
    return match[1], tuple(int(number) for number in re.findall(r"\d+", match[2]))


# -- how it stands -------------------------------------------------------------------------------------------------


def _line(one: Peek) -> dict[str, Any]:
    began, ended = one.began, one.ended
    return {
        "run": one.run_id,
        "state": one.state.value,
        "outputs": list(began.outputs) if began is not None else [],
        "executor": _executor(began),
        "began": began.at if began is not None else None,
        "ended": ended.at if ended is not None else None,
    }


def _grid(found: list[Peek]) -> Grid:
    lines = [_line(one) for one in found]
    return Grid(
        (
            Column("run", tuple(line["run"] for line in lines), style="bold cyan"),
            Column("state", tuple(line["state"] for line in lines)),
            Column("outputs", tuple(", ".join(line["outputs"]) for line in lines)),
            Column("executor", tuple(line["executor"] for line in lines)),
            Column("began", tuple(moment(line["began"]) for line in lines), style="dim"),
            Column("ended", tuple(moment(line["ended"]) for line in lines), style="dim"),
        )
    )


def _about(follower: Follower, run: str) -> dict[str, Any]:
    """How a run stands, as plain data."""
    follower.more()
    state, story = follower.state.value, follower.story
    began, ended = story.began, story.ended
    assert began is not None
    return {
        "run": run,
        "state": state,
        "outputs": list(began.outputs),
        "executor": story.resumed[-1].executor if story.resumed else began.executor,
        "host": story.resumed[-1].host if story.resumed else began.host,
        "began": began.at,
        "resumed": [one.at for one in story.resumed],
        "ended": ended.at if ended is not None else None,
        "why": ended.text if ended is not None else "",
        "tasks": _tasks(story),
        "failures": _failures(story),
        "workers_died": story.notes.get("worker died", 0),
        "damage": follower.damage,
    }


def _tasks(story: Story) -> list[dict[str, Any]]:
    """For each task how many items are done, and of how many where that is known."""
    known: dict[str, int] = {}
    for (axis, _), listing in story.listings.items():
        known[axis] = known.get(axis, 0) + (listing.length or len(listing.items))
    done: dict[str, int] = {}
    for (task, _), spans in story.done.items():
        done[task] = done.get(task, 0) + len(spans)
    return [{"task": task, "done": count, "known": known.get(task)} for task, count in done.items()]


def _failures(story: Story) -> list[dict[str, Any]]:
    """Failures by function and kind, with the first item of each."""
    counts = Counter((failed.node, failed.error) for failed in story.failures.values())
    first = {(failed.node, failed.error): failed for failed in reversed(list(story.failures.values()))}
    return [
        {"node": node, "error": error, "count": count, "item": list(first[node, error].where), "text": first[node, error].text}
        for (node, error), count in counts.most_common()
    ]


def _in_words(about: Mapping[str, Any]) -> str:
    run = about["run"]
    lines = [f"{run}: {about['state']}{f' ({why})' if (why := about['why']) else ''}"]
    lines.append(f"  computes {', '.join(about['outputs'])} on {about['executor']}, host {about['host']}")
    resumed = f", resumed {', '.join(map(moment, about['resumed']))}" if about["resumed"] else ""
    ended = f", ended {moment(about['ended'])}" if about["ended"] else ""
    lines.append(f"  began {moment(about['began'])}{resumed}{ended}")
    for task in about["tasks"]:
        known = f" of {task['known']:,}" if task["known"] is not None else ""
        lines.append(f"  {task['task']}: {task['done']:,}{known} done")
    for failure in about["failures"]:
        place = f"{failure['node']}{failure['item']}" if failure["item"] else failure["node"]
        lines.append(f"  {failure['error']} × {failure['count']:,} in '{failure['node']}', first: {place}: {failure['text']}")
    if about["workers_died"]:
        lines.append(f"  workers that died: {about['workers_died']}")
    if about["damage"]:
        lines.append(f"  {about['damage']}")
    if about["state"] in {"failed", "stopped", "lost"}:
        lines.append(f"  go on with: anabranch resume {run}")
    return "\n".join(lines)


def _executor(began: Began | None) -> str:
    return began.executor if began is not None else ""
