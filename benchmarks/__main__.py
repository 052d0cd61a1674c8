"""``python -m benchmarks``: measures anabranch against other libraries and against the loop that a person would write.

The table gives, for one item, anabranch's time, another's, and the ratio of the two: its median over the rounds, with the
least and the greatest. All of a workload's contenders take turns in every round.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import shlex
import sys
from collections.abc import Iterable
from pathlib import Path
from time import perf_counter

from benchmarks import compute, curves, data, durable, graphs, memory, noop, scheduler, watching
from benchmarks.measure import Result, Workload, measured
from benchmarks.peers import PEERS, installed
from benchmarks.report import HEADER, as_json, document, headline, machine, rows, summary

WORKLOADS: tuple[Workload, ...] = (
    *noop.WORKLOADS,
    *compute.WORKLOADS,
    *data.WORKLOADS,
    *memory.WORKLOADS,
    *graphs.WORKLOADS,
    *scheduler.WORKLOADS,
    *durable.WORKLOADS,
    *watching.WORKLOADS,
)


def main() -> None:
    options = parsed()
    _let_workers_import_this()
    started = perf_counter()
    peers = installed(light=options.smoke)
    print(f"{', '.join(f'{word} {value}' for word, value in machine().items())}\n\n{HEADER}", flush=True)
    results: list[Result] = []
    table: list[str] = []
    for workload in chosen(options.only):
        found = attempted(workload, options.rounds or (1 if options.smoke else 5), peers, smoke=options.smoke)
        lines = [found] if isinstance(found, str) else list(rows(found))
        results += [] if isinstance(found, str) else [found]
        table += lines
        print("\n".join(lines), flush=True)
    endings = ["A smoke test: sizes are much smaller than the titles say." if options.smoke else summary(results)]
    if absent := [name for name in PEERS if name not in peers]:
        why = " or too slow to start for --smoke" if options.smoke else ""
        endings.append(f"Not installed{why}: {', '.join(absent)}.")
    ending = "\n\n".join(endings)
    print(f"\n{ending}", flush=True)
    if options.out:
        made = write(Path(options.out), results, (table, ending), curves.measured(peers, smoke=options.smoke))
        page = Path("README.md")
        if page.exists() and not (options.smoke or options.only):
            page.write_text(headline(page.read_text(encoding="utf-8"), made), encoding="utf-8")
    print(f"{perf_counter() - started:.0f} s in all.")


def attempted(workload: Workload, rounds: int, peers: frozenset[str], *, smoke: bool) -> Result | str:
    """What was measured, or the line that says why nothing was."""
    if lacking := [need for need in workload.needs if not available(need, peers)]:
        return f"| {workload.title} | not measured: needs {', '.join(lacking)} | | | | | |"
    started = perf_counter()
    try:
        return measured(workload, rounds, smoke=smoke, peers=peers)
    except Exception as error:  # a workload that cannot be set up must not sink the others
        return f"| {workload.title} | failed: {type(error).__name__}: {error} | | | | | ✗ |"
    finally:
        print(f"{workload.name}: {perf_counter() - started:.0f} s", file=sys.stderr, flush=True)


def write(folder: Path, results: list[Result], text: tuple[list[str], str], drawn: list[dict]) -> str:
    """Figures, table and pictures; returns the page."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "figures.json").write_text(json.dumps(as_json(results, drawn), indent=1), encoding="utf-8")
    pictures = []
    if importlib.util.find_spec("matplotlib"):
        from benchmarks.plots import draw

        draw(drawn, folder)
        pictures = [chart["name"] for chart in drawn]
    command = shlex.join(["python", "-m", "benchmarks", *sys.argv[1:]])
    made = document(*text, command, pictures)
    (folder / "README.md").write_text(made, encoding="utf-8")
    return made


def parsed() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--smoke", action="store_true", help="small sizes and light peers: to see that everything runs")
    parser.add_argument(
        "--only", nargs="+", metavar="NAME", help="workloads whose name starts so: " + names(WORKLOADS) + "; or none"
    )
    parser.add_argument("--rounds", type=int, metavar="N", help="rounds at most (5)")
    parser.add_argument(
        "--out", metavar="DIR", help="measure curves too; write table, figures and, with matplotlib, pictures there"
    )
    return parser.parse_args()


def chosen(starts: list[str] | None) -> list[Workload]:
    """The workloads whose name starts so, or all.

    Raises:
        SystemExit: there are none.
    """
    if starts is None:
        return list(WORKLOADS)
    found = [workload for workload in WORKLOADS if workload.name.startswith(tuple(starts))]
    if not found and starts != ["none"]:
        sys.exit(f"no workload is called {', '.join(starts)}; there are {names(WORKLOADS)}, and none")
    return found


def available(need: str, peers: Iterable[str]) -> bool:
    """Whether a peer takes part, a module can be imported, or this is the platform."""
    if need in PEERS:
        return need in peers
    return sys.platform == need or importlib.util.find_spec(need) is not None


def names(workloads: Iterable[Workload]) -> str:
    return ", ".join(workload.name for workload in workloads)


def _let_workers_import_this() -> None:
    """Workers of every library must find `benchmarks`, wherever they are started."""
    root = str(Path(__file__).parents[1])
    os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, (root, os.environ.get("PYTHONPATH"))))


if __name__ == "__main__":
    main()
