"""``python -m benchmarks``: measures anabranch against other libraries and against the loop that a person would write.

The table gives, for one item, anabranch's time, another's, and the ratio of the two: its median over the rounds, with the
least and the greatest. All of a workload's contenders take turns in every round.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import sys
from collections.abc import Iterable
from pathlib import Path
from time import perf_counter

from benchmarks import compute, curves, data, durable, graphs, memory, noop
from benchmarks.measure import Result, Workload, measured
from benchmarks.peers import PEERS, installed
from benchmarks.report import HEADER, as_json, machine, rows, summary

WORKLOADS: tuple[Workload, ...] = (
    *noop.WORKLOADS,
    *compute.WORKLOADS,
    *data.WORKLOADS,
    *memory.WORKLOADS,
    *graphs.WORKLOADS,
    *durable.WORKLOADS,
)


def main() -> None:
    options = parsed()
    _let_workers_import_this()
    started = perf_counter()
    peers = installed(light=options.smoke)
    rounds = options.rounds or (2 if options.smoke else 5)
    print(f"{', '.join(f'{word} {value}' for word, value in machine().items())}\n\n{HEADER}", flush=True)
    results: list[Result] = []
    for workload in chosen(options.only):
        if lacking := [need for need in workload.needs if not available(need, peers)]:
            print(f"| {workload.title} | not measured: needs {', '.join(lacking)} | | | | | |", flush=True)
            continue
        try:
            results.append(measured(workload, rounds, smoke=options.smoke, peers=peers))
            print("\n".join(rows(results[-1])), flush=True)
        except Exception as error:  # a workload that cannot be set up must not sink the others
            print(f"| {workload.title} | failed: {type(error).__name__}: {error} | | | | | ✗ |", flush=True)
    print("\nA smoke test: sizes are much smaller than the titles say." if options.smoke else f"\n{summary(results)}")
    if absent := [name for name in PEERS if name not in peers]:
        print(f"Not installed{' or too slow to start for --smoke' if options.smoke else ''}: {', '.join(absent)}.")
    drawn = curves.measured(peers, smoke=options.smoke) if options.plots else []
    if options.plots:
        from benchmarks.plots import draw

        draw(drawn, Path(options.plots))
    if options.json:
        Path(options.json).write_text(json.dumps(as_json(results, drawn), indent=1), encoding="utf-8")
    print(f"{perf_counter() - started:.0f} s in all.")


def parsed() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--smoke", action="store_true", help="small sizes and light peers: to see that everything runs")
    parser.add_argument(
        "--only", nargs="+", metavar="NAME", help="workloads whose name starts so: " + names(WORKLOADS) + "; or none"
    )
    parser.add_argument("--rounds", type=int, metavar="N", help="rounds at most (5)")
    parser.add_argument("--json", metavar="FILE", help="write all figures there")
    parser.add_argument("--plots", metavar="DIR", help="measure curves too, and draw them there (needs matplotlib)")
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
