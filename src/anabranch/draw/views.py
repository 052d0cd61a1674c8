"""The pictures that a driver offers: of all functions, of a request, and of what lies up or down the flow from a name."""

from __future__ import annotations

import os
from collections.abc import Collection

from anabranch.draw.chart import chart_of, chart_of_all
from anabranch.draw.look import Look, LookOptions
from anabranch.draw.picture import Picture
from anabranch.graph import Graph
from anabranch.plan import Plan

__all__ = ["picture_of_graph", "picture_of_plan"]


def picture_of_graph(
    graph: Graph,
    path: str | os.PathLike[str] | None,
    options: LookOptions,
    names: Collection[str] | None = None,
    title: str = "All functions",
) -> Picture:
    """A picture of the whole graph, or of the named nodes and inputs; saved if there is a path.

    Raises:
        InputError: an option is unknown, or the picture cannot be saved.
    """
    picture = Picture(chart_of_all(graph, None if names is None else set(names), title), Look.of(options))
    if path is not None:
        picture.save(path)
    return picture


def picture_of_plan(graph: Graph, plan: Plan, path: str | os.PathLike[str] | None, options: LookOptions) -> Picture:
    """A picture of what a request needs; saved if there is a path.

    Raises:
        InputError: an option is unknown, or the picture cannot be saved.
    """
    picture = Picture(chart_of(graph, plan.selection, plan.body, ", ".join(plan.outputs)), Look.of(options))
    if path is not None:
        picture.save(path)
    return picture
