"""Pictures for the command line: of the whole flow, or of what some outputs need."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from anabranch.draw import Chart, Look, Picture, chart_of, chart_of_all
from anabranch.driver import Driver

__all__ = ["picture_of"]


def picture_of(
    driver: Driver, outputs: Sequence[str], look: Mapping[str, str], file: Path | None, *, title: str
) -> Picture:
    """The picture, saved if there is a file.

    Raises:
        InputError: an output or an option is unknown, or the picture cannot be saved.
    """
    picture = Picture(_chart(driver, outputs, title), Look.of(look))
    if file is not None:
        picture.save(file)
    return picture


def _chart(driver: Driver, outputs: Sequence[str], title: str) -> Chart:
    graph = driver.graph
    if not outputs:
        return chart_of_all(graph, title=title)
    plan = driver.plan(list(dict.fromkeys(outputs)), graph.inputs)
    return chart_of(graph, plan.selection, plan.body, f"{title}: {', '.join(plan.outputs)}")
