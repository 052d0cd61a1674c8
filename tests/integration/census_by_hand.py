"""The two results of `examples/census.py`, computed by hand: one plain loop, no dataflow. A test's oracle.

It shares no code with the example and takes another way at each step: it walks folders with `os.walk`, reads text
where the example reads bytes, visits syntax trees where the example lists their nodes, adds up as it goes, and
sorts everything where the example keeps the first ten.
"""

from __future__ import annotations

import ast
import os
import tokenize

import pandas as pd

__all__ = ["by_hand"]


class Counter(ast.NodeVisitor):
    """Counts definitions, however deeply nested, and notes (name, first line, last line) of each function."""

    def __init__(self) -> None:
        self.classes = 0
        self.asynchronous = 0
        self.spans: list[tuple[str, int, int]] = []

    def visit_ClassDef(self, node: ast.ClassDef) -> None:
        self.classes += 1
        self.generic_visit(node)

    def visit_FunctionDef(self, node: ast.FunctionDef) -> None:
        assert node.end_lineno is not None
        self.spans.append((node.name, node.lineno, node.end_lineno))
        self.generic_visit(node)

    def visit_AsyncFunctionDef(self, node: ast.AsyncFunctionDef) -> None:
        assert node.end_lineno is not None
        self.asynchronous += 1
        self.spans.append((node.name, node.lineno, node.end_lineno))
        self.generic_visit(node)


def python_files(root: str, entry: str) -> list[str]:
    """The files of one top-level folder, relative to `root`, with forward slashes."""
    found = []
    for folder, _, names in os.walk(os.path.join(root, entry)):
        for name in names:
            if name.endswith(".py"):
                found.append(os.path.relpath(os.path.join(folder, name), root).replace(os.sep, "/"))
    return found


def packages(root: str) -> dict[str, list[str]]:
    """Package name to its files."""
    found: dict[str, list[str]] = {"(modules)": []}
    for entry in os.listdir(root):
        path = os.path.join(root, entry)
        if entry.endswith(".py"):
            found["(modules)"].append(entry)
        elif entry in {"site-packages", "__pycache__"} or not entry.isidentifier():
            continue
        elif os.path.isfile(os.path.join(path, "__init__.py")):
            found[entry] = python_files(root, entry)
    return found


def by_hand(root: str) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The pair `(ranking, table)` of the library at `root`."""
    every: list[tuple[int, str, str, str]] = []  # (-lines, file, function, package)
    rows: dict[str, list[object]] = {}
    for package, files in packages(root).items():
        lines = classes = asynchronous = 0
        mine = []
        for file in files:
            path = os.path.join(root, file)
            try:
                with tokenize.open(path) as stream:
                    counter = Counter()
                    counter.visit(ast.parse(stream.read()))
            except (SyntaxError, ValueError):
                continue
            with open(path, encoding="latin-1") as stream:
                for _ in stream:
                    lines += 1
            classes += counter.classes
            asynchronous += counter.asynchronous
            for name, first, last in counter.spans:
                mine.append((first - last - 1, file, name, package))
        every += mine
        share, longest, length = 0.0, "", 0
        if mine:
            share = round(asynchronous / len(mine), 4)
            mine.sort()
            longest, length = mine[0][2], -mine[0][0]
        rows[package] = [lines, classes, len(mine), share, longest, length]

    columns = ["lines", "classes", "functions", "async_share", "longest_function", "longest_lines"]
    names = sorted(rows, key=lambda name: (-rows[name][0], name))  # type: ignore[operator]
    table = pd.DataFrame([rows[name] for name in names], columns=columns, index=pd.Index(names, name="package"))

    first_ten = sorted(every)[:10]
    ranking = pd.DataFrame(
        [[name, -negative, package, file] for negative, file, name, package in first_ten],
        columns=["function", "lines", "package", "file"],
        index=pd.RangeIndex(1, len(first_ten) + 1),
    )
    return ranking, table
