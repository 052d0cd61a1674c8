"""What there is: a module's nodes and inputs, and the executors."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from rich.cells import cell_len, set_cell_size
from rich.text import Text

from anabranch.cli.display import show_grid
from anabranch.cli.document import Unwritable, document
from anabranch.cli.grid import Column, Grid
from anabranch.cli.results import Results
from anabranch.driver import Driver
from anabranch.graph import Graph, Role
from anabranch.graph.node import Node, Parameter
from anabranch.graph.types import describe
from anabranch.registry import known_executors

__all__ = ["executors", "flow", "show_executors", "show_flow"]

GAP = 2
"""Between two columns."""

READABLE = 20
"""A narrower column says too little to be worth its place."""


def flow(driver: Driver) -> dict[str, Any]:
    """The nodes and inputs as a document."""
    graph = driver.graph
    nodes = [
        {
            "name": node.name,
            "type": describe(node.annotation),
            "axes": list(graph.value_axes(node.name)),
            "expands": node.expands,
            "reads": {parameter.reads: _taken(parameter) for parameter in node.parameters},
            "doc": node.doc,
            "tags": {name: _tag(value) for name, value in node.tags.items()},
            "origin": node.origin,
        }
        for node in graph.nodes.values()
    ]
    inputs = [
        {
            "name": name,
            "type": describe(entry.readers[0][1].annotation),
            "required": entry.required and name not in graph.config,
            "readers": [node.name for node, _ in entry.readers],
        }
        for name, entry in graph.inputs.items()
    ]
    return {"nodes": nodes, "inputs": inputs}


def show_flow(results: Results, driver: Driver) -> None:
    """Prints nodes and inputs as two tables."""
    graph = driver.graph
    nodes = list(graph.nodes.values())
    columns = (
        _column("node", [node.name for node in nodes], "bold cyan"),
        _column("type", [_type(node) for node in nodes]),
        _column("for each", [" × ".join(graph.axes[node.name]) for node in nodes], "green"),
        _column("reads", [", ".join(_reading(parameter) for parameter in node.parameters) for node in nodes]),
    )
    docs = _column("doc", [node.doc.partition("\n")[0] for node in nodes], "dim")
    show_grid(results, _without_empty((*columns, _cut(docs, columns, results.console.width))))
    if graph.inputs:
        results.print("")
        show_grid(results, _inputs(graph))


def _inputs(graph: Graph) -> Grid:
    entries = list(graph.inputs.values())
    needs = []
    for entry in entries:
        needs.append("from -c" if entry.name in graph.config else "required" if entry.required else "optional")
    return Grid(
        (
            _column("input", [entry.name for entry in entries], "bold cyan"),
            _column("type", [describe(entry.readers[0][1].annotation) for entry in entries]),
            _column("", needs),
            _column("read by", [", ".join(node.name for node, _ in entry.readers) for entry in entries]),
        )
    )


def executors() -> list[dict[str, Any]]:
    """The registered executors as a document."""
    return [
        {
            "name": known.name,
            "installed": not known.missing,
            "install": f"pip install 'anabranch[{known.missing}]'" if known.missing else None,
            "target": known.target,
        }
        for known in known_executors()
    ]


def show_executors(results: Results) -> None:
    """Prints the executors as a table."""
    found = executors()
    grid = Grid(
        (
            _column("executor", [one["name"] for one in found], "bold cyan"),
            _column("", ["installed" if one["installed"] else f"missing: {one['install']}" for one in found]),
            _column("is", [one["target"] for one in found], "dim"),
        )
    )
    show_grid(results, grid)
    if results.terminal:
        results.console.print(Text("\nchoose one with -x; without it, 'sequential'", style="dim"))


def _column(title: str, cells: list[str], style: str = "") -> Column:
    return Column(title, tuple(cells), style=style)


def _cut(last: Column, others: Sequence[Column], width: int) -> Column:
    """The last column as wide as the others leave it; empty where they leave nothing worth reading."""
    left = width - sum(max(map(cell_len, (column.title, *column.cells))) + GAP for column in others)
    cells = (cell if cell_len(cell) <= left else set_cell_size(cell, left - 1) + "…" for cell in last.cells)
    return replace(last, cells=tuple(cells) if left >= READABLE else ("",) * len(last.cells))


def _without_empty(columns: Sequence[Column]) -> Grid:
    return Grid(tuple(column for column in columns if any(column.cells) or not column.cells))


def _type(node: Node) -> str:
    return f"items of {describe(node.annotation)}" if node.expands else describe(node.annotation)


def _taken(parameter: Parameter) -> str:
    text = describe(parameter.annotation)
    for _ in range(parameter.depth):
        text = f"{'Stream' if parameter.role is Role.STREAM else 'Collect'}[{text}]"
    return text


def _reading(parameter: Parameter) -> str:
    return {Role.PLAIN: "", Role.COLLECT: "collects ", Role.STREAM: "streams "}[parameter.role] + parameter.reads


def _tag(value: Any) -> Any:
    try:
        return document(value)
    except Unwritable:
        return str(value)
