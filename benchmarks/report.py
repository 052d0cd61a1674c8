"""What was measured, as a table in Markdown and as JSON."""

from __future__ import annotations

import os
import platform
import statistics
from collections.abc import Iterator
from dataclasses import asdict
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version

from benchmarks.measure import Result, Sample, Target
from benchmarks.peers import PEERS, WORKERS

__all__ = ["HEADER", "as_json", "document", "headline", "machine", "rows", "summary"]

HEADER = (
    "| workload | anabranch | against | theirs | ratio: median (min–max) | target | |\n"
    "| --- | ---: | --- | ---: | ---: | ---: | --- |"
)


BEGIN, END = "<!-- figures of `python -m benchmarks`: begin -->", "<!-- end -->"
"""Between these are figures in the project's own page."""


def rows(result: Result) -> Iterator[str]:
    """One line for each contender that anabranch is measured against; times are for one item."""
    ours, *others = result.samples
    if ours.failed:
        yield f"| {result.title} | failed: {ours.failed} | | | | | ✗ |"
        return
    mine = _figure(ours.median, result.unit)
    own = next((target for target in result.targets if not target.against), None)
    if own:
        yield f"| {result.title} | {mine} | | | | ≤ {own.at_most:g} {result.unit} | {_mark(ours.median <= own.at_most)} |"
    elif not others:
        yield f"| {result.title} | {mine} | | | | | |"
    for other in others:
        name = f"{other.name}, {other.note}" if other.note else other.name
        if other.failed:
            yield f"| {result.title} | {mine} | {name} | failed: {other.failed} | | | |"
            continue
        ratios, target = result.ratios(other), result.target_against(other)
        middle = statistics.median(ratios)
        spread = f"{_ratio(middle)} ({_ratio(min(ratios))}–{_ratio(max(ratios))})"
        end = f"≤ {target.at_most:.3g} | {_mark(middle <= target.at_most)}" if target else " | "
        yield f"| {result.title} | {mine} | {name} | {_figure(other.median, result.unit)} | {spread} | {end} |"


def verdicts(result: Result) -> Iterator[tuple[Target, Sample, float]]:
    """Each target of the workload that could be checked, with what it was checked on and what was found."""
    ours, *others = result.samples
    for target in result.targets:
        if not target.against and ours.values:
            yield target, ours, ours.median
    for other in others:
        target = result.target_against(other) if other.values and ours.values else None
        if target:
            yield target, other, statistics.median(result.ratios(other))


def summary(results: list[Result]) -> str:
    """The targets that were missed, and how many were met."""
    met, missed = 0, []
    for result in results:
        for target, sample, found in verdicts(result):
            if found <= target.at_most:
                met += 1
            else:
                against = f" against {sample.name}" if target.against else f" {result.unit}"
                missed.append(f"- {result.title}: {found:.3g}{against}, at most {target.at_most:.3g}")
    return "\n".join([f"Targets met: {met}. Missed: {len(missed)}.", *missed])


def machine() -> dict[str, str]:
    """Date, machine and versions: figures mean nothing without."""
    return {
        "date": datetime.now(UTC).strftime("%Y-%m-%d"),
        "python": platform.python_version(),
        "machine": f"{platform.machine()}, {platform.system()}, {os.cpu_count()} processors",
        "workers": str(WORKERS),
        **{name: _version(peer.module) for name, peer in PEERS.items() if name != "concurrent.futures"},
    }


def document(table: list[str], ending: str, command: str, pictures: list[str]) -> str:
    """The page for the folder: table, verdicts, pictures, and how to make it again."""
    facts = machine()
    versions = ", ".join(f"{name} {facts[name]}" for name in PEERS if name in facts and facts[name] != "not installed")
    shown = "\n\n".join(f"![{name}]({name}.svg)" for name in pictures)
    return f"""# Benchmarks

{facts["date"]}, Python {facts["python"]}, {facts["machine"]}, {facts["workers"]} workers; {versions}; made by `{command}`.

Figures are of one item, or one call. Each ratio is ours over theirs, of runs that took turns: the median of the rounds, and
the least and the greatest.

{HEADER}
{chr(10).join(table)}

{ending}

{shown}
"""


def headline(page: str, document: str) -> str:
    """The project's own page with the figures of that document that have a target, in the place that is marked for them."""
    before, begin, rest = page.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not (begin and end):
        return page
    facts = document.split("\n\n")[1].rstrip(".").replace("; made by", ". Made by", 1)
    lines = [line for line in document.splitlines() if line.startswith("|") and "≤" in line]
    shown = [" | ".join(cell.strip() for cell in line.strip("|").split("|")[:5]) for line in lines]
    table = ["workload | anabranch | against | theirs | ratio: median (min–max)", "--- | ---: | --- | ---: | ---:", *shown]
    return f"{before}{begin}\n{facts}:\n\n" + "\n".join(f"| {line} |" for line in table) + f"\n{end}{after}"


def as_json(results: list[Result], curves: list[dict]) -> dict:
    """All figures, seconds and megabytes, round by round."""
    found = [asdict(result) | {"ratios": _ratios(result)} for result in results]
    return {"machine": machine(), "results": found, "curves": curves}


def _ratios(result: Result) -> dict[str, list[float]]:
    ours, *others = result.samples
    return {other.name: result.ratios(other) for other in others if other.values and ours.values}


def _version(module: str) -> str:
    for name in (module, f"sf-{module}"):
        try:
            return version(name)
        except PackageNotFoundError:
            continue
    return "not installed"


def _figure(value: float, unit: str) -> str:
    if unit != "s":
        return f"{value:.3g} {unit}"
    for factor, name in ((1, "s"), (1e3, "ms"), (1e6, "µs")):
        if value * factor >= 1:
            return f"{value * factor:.3g} {name}"
    return f"{value * 1e9:.3g} ns"


def _ratio(value: float) -> str:
    return f"{value:.2f}" if value >= 0.1 else f"{value:.2g}"


def _mark(met: bool) -> str:
    return "✓" if met else "✗"
