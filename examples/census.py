"""A census of Python's standard library: what is in its 1,500 and more source files, package by package.

    anabranch run examples/census.py ranking table -x processes

Two fan-outs lie one inside the other: packages, and the files of each. `table` closes them one at a time, `ranking`
both at once. A file that does not parse (the tests of Python's own parser have some) is skipped.
"""

import ast
import sysconfig
from heapq import nsmallest
from pathlib import Path
from typing import NamedTuple

import pandas as pd

from anabranch import Collect, Parallelizable, Skip

Definition = ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef


class Package(NamedTuple):
    name: str
    folder: Path
    pattern: str


class Function(NamedTuple):
    name: str
    lines: int
    package: str
    file: str
    is_async: bool

    def rank(self) -> tuple[int, str, str]:
        """The sort key: the longest function first; of two that are equally long, by file and name."""
        return -self.lines, self.file, self.name


class FileFacts(NamedTuple):
    lines: int
    classes: int
    functions: list[Function]


class Row(NamedTuple):
    package: str
    lines: int
    classes: int
    functions: int
    async_share: float
    longest_function: str
    longest_lines: int


def library(root: str | None = None) -> Path:
    return Path(root or sysconfig.get_path("stdlib"))


def package(library: Path) -> Parallelizable[Package]:
    """The single-file modules together, then each folder that can be imported (`site-packages` cannot)."""
    yield Package("(modules)", library, "*.py")
    for folder in sorted(init.parent for init in library.glob("*/__init__.py")):
        if folder.name.isidentifier():
            yield Package(folder.name, folder, "**/*.py")


def source_file(package: Package) -> Parallelizable[Path]:
    yield from sorted(package.folder.glob(package.pattern))


def source(source_file: Path) -> bytes:
    return source_file.read_bytes()


def tree(source: bytes) -> ast.Module:
    while True:
        try:
            return ast.parse(source)
        except SystemError:  # CPython before 3.13 may miscount its recursion when two threads parse: ask again
            continue
        except (SyntaxError, ValueError) as error:
            raise Skip from error


def definitions(tree: ast.Module) -> list[Definition]:
    return [node for node in ast.walk(tree) if isinstance(node, Definition)]


def functions(definitions: list[Definition], package: Package, source_file: Path, library: Path) -> list[Function]:
    file = source_file.relative_to(library).as_posix()
    return [
        Function(node.name, (node.end_lineno or 0) - node.lineno + 1, package.name, file, is_async)
        for node in definitions
        if (is_async := isinstance(node, ast.AsyncFunctionDef)) or isinstance(node, ast.FunctionDef)
    ]


def file_facts(source: bytes, definitions: list[Definition], functions: list[Function]) -> FileFacts:
    return FileFacts(len(source.splitlines()), len(definitions) - len(functions), functions)


def package_row(package: Package, file_facts: Collect[FileFacts]) -> Row:
    lines = sum(facts.lines for facts in file_facts)
    classes = sum(facts.classes for facts in file_facts)
    functions = [function for facts in file_facts for function in facts.functions]
    async_share = round(sum(function.is_async for function in functions) / max(len(functions), 1), 4)
    longest = min(functions, key=Function.rank, default=Function("", 0, package.name, "", is_async=False))
    return Row(package.name, lines, classes, len(functions), async_share, longest.name, longest.lines)


def table(package_row: Collect[Row]) -> pd.DataFrame:
    rows = sorted(package_row, key=lambda row: (-row.lines, row.package))
    return pd.DataFrame(rows, columns=Row._fields).set_index("package")


def ranking(file_facts: Collect[Collect[FileFacts]]) -> pd.DataFrame:
    """The ten longest functions of the whole library."""
    every = (function for package in file_facts for facts in package for function in facts.functions)
    rows = [(f.name, f.lines, f.package, f.file) for f in nsmallest(10, every, key=Function.rank)]
    return pd.DataFrame(rows, columns=["function", "lines", "package", "file"], index=range(1, len(rows) + 1))
