"""A comparison as one page: a file that asks for nothing from anywhere."""

from __future__ import annotations

from typing import Any

from anabranch.compare import charts
from anabranch.compare.advice import Advice
from anabranch.compare.figures import Comparison, Figures
from anabranch.draw.page import policy, rendered, resource
from anabranch.see.report.surroundings import surroundings
from anabranch.words import amount, bytes_of, duration, share

__all__ = ["page_of_comparison"]

PACKAGE = "anabranch.compare"
REPORT = "anabranch.see.report"


def page_of_comparison(comparison: Comparison, advice: Advice) -> str:
    """The page.

    Raises:
        InputError: jinja2 is not installed.
    """
    script = resource("report.js", REPORT)
    executors = list(dict.fromkeys(one.setting.executor for one in comparison.measured))
    return rendered(
        "bench.html",
        PACKAGE,
        title=f"Executors compared for {', '.join(comparison.outputs)}",
        policy=policy(script),
        sheet=resource("report.css", REPORT) + resource("bench.css", PACKAGE),
        script=script,
        advice=advice,
        comparison=comparison,
        rows=[_row(comparison, one) for one in comparison.measured],
        failed=[one for one in comparison.all if one.failed],
        legend=[(f"t{executors.index(name) % 10}", name) for name in executors],
        parts_legend=charts.PARTS,
        walls=charts.walls(comparison),
        curves=charts.curves(comparison),
        parts=charts.parts(comparison),
        memory=charts.memory(comparison),
        surroundings=surroundings(),
    )


def _row(comparison: Comparison, one: Figures) -> dict[str, Any]:
    low, high = one.spread
    gain, each = comparison.speed_up(one), one.outside / max(one.items, 1)
    return {
        "label": one.setting.label,
        "colour": charts.colour_of(comparison, one),
        "wall": (duration(one.wall), one.wall),
        "spread": f"{duration(low)} to {duration(high)}",
        "gain": (f"{gain:.3g}×", gain),
        "efficiency": (share(comparison.efficiency(one), 1), comparison.efficiency(one)),
        "outside": (share(one.outside, one.worker_seconds), one.outside / one.worker_seconds),
        "each": (duration(each), each),
        "processors": (f"{one.processors_busy:.2g}", one.processors_busy),
        "memory": (bytes_of(one.peak) if one.peak else "–", one.peak or 0),
        "start": (duration(one.start), one.start),
        "calls": (amount(one.samples[-1].calls), one.samples[-1].calls),
    }
