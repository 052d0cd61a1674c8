"""Notebooks that are really executed: pictures, progress, and flows in cells."""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterator
from typing import Any

import pytest

nbformat = pytest.importorskip("nbformat", reason="there are no notebooks here: pip install nbclient ipykernel")
nbclient = pytest.importorskip("nbclient", reason="there are no notebooks here: pip install nbclient ipykernel")
pytest.importorskip("ipykernel", reason="there are no notebooks here: pip install nbclient ipykernel")

CELL = """\
%%anabranch -m flow -x {executor} total
from anabranch import Collect, Parallelizable

def number(limit: int) -> Parallelizable[int]:
    yield from range(limit)

def square(number: int) -> int:
    return Number(number).value ** power

def total(square: Collect[int]) -> int:
    return sum(square)

class Number:
    def __init__(self, value):
        self.value = value
"""


class Notebook:
    """A kernel, and cells to run in it."""

    def __init__(self, client: Any) -> None:
        self.client = client

    def run(self, source: str) -> Any:
        """Runs a cell; gives it with its outputs."""
        cell = nbformat.v4.new_code_cell(source)
        self.client.nb.cells.append(cell)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of third parties
            return self.client.execute_cell(cell, len(self.client.nb.cells) - 1)

    def shown(self, source: str) -> str:
        """The text of what the cell gives."""
        results = [output for output in self.run(source).outputs if output.output_type == "execute_result"]
        return results[-1]["data"]["text/plain"] if results else ""

    def refused(self, source: str) -> Any:
        """The error that the cell ends with."""
        with pytest.raises(nbclient.exceptions.CellExecutionError):
            self.run(source)
        (error,) = [output for output in self.client.nb.cells[-1].outputs if output.output_type == "error"]
        return error


@pytest.fixture(scope="module")
def notebook(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Notebook]:
    folder = tmp_path_factory.mktemp("notebook")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of third parties
        client = nbclient.NotebookClient(
            nbformat.v4.new_notebook(), timeout=100, kernel_name="python3", resources={"metadata": {"path": str(folder)}}
        )
        with client.setup_kernel():
            made = Notebook(client)
            made.run("%load_ext anabranch\nlimit = 5\npower = 2")
            yield made
            made.run("%unload_ext anabranch")


@pytest.mark.parametrize("executor", ["sequential", "threads", "processes"])
def test_a_cell_is_a_flow(notebook, executor):
    cell = notebook.run(CELL.format(executor=executor))
    kinds = [sorted(output["data"]) for output in cell.outputs if "data" in output]
    assert ["image/svg+xml", "text/html", "text/plain"] in kinds
    assert cell.outputs[-1]["data"]["text/plain"] == "30"
    progress = [output["data"]["text/html"] for output in cell.outputs if "<table" in output.get("data", {}).get("text/html", "")]
    assert len(progress) == 1
    assert "5/5" in progress[0]
    assert "done" in progress[0]


def test_a_cell_that_is_run_again_is_made_anew(notebook):
    notebook.run(CELL.format(executor="threads"))
    assert notebook.shown("sorted(name for name in ('number', 'square', 'total') if hasattr(flow, name))") == "['number', 'square', 'total']"
    notebook.run("%%anabranch -m flow\ndef number(limit: int) -> int:\n    return limit + 1")
    assert notebook.shown("hasattr(flow, 'total')") == "False"
    assert notebook.shown("%anabranch number -i limit=power*50") == "101"


def test_cells_can_add_up(notebook):
    notebook.run(CELL.format(executor="threads"))
    added = "%%anabranch -m flow --add -x processes -w 2 --no-picture --no-progress {} total\n{}"
    twice = "def twice(total: int) -> int:\n    return 2 * total"
    assert notebook.shown(added.format("twice", twice)) == "{'twice': 60, 'total': 30}"
    again = "def square(number: int) -> int:\n    return 1"
    assert notebook.shown(added.format("twice", again)) == "{'twice': 10, 'total': 5}"
    assert len(notebook.client.nb.cells[-1].outputs) == 1


def test_a_module_of_a_cell_can_be_imported_and_built(notebook):
    notebook.run(CELL.format(executor="threads"))
    built = "import flow\nfrom anabranch import Builder\nBuilder().with_modules(flow).build().execute(['total'], inputs={'limit': 3})"
    assert notebook.shown(built) == "{'total': 5}"


def test_config_chooses_between_alternatives(notebook):
    source = """\
%%anabranch -m chosen -c region='"eu"' price --no-picture
from anabranch.function_modifiers import config

@config.when(region="eu")
def price__eu() -> int:
    return 1

@config.when(region="us")
def price__us() -> int:
    return 2
"""
    assert notebook.shown(source) == "1"


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("-m flow totl", "InputError: unknown name 'totl'; did you mean 'total'?"),
        ("-m os total", "InputError: there is a module 'os' already; give the cell's another name with -m"),
        ("-m csv total", "InputError: there is a module 'csv' already; give the cell's another name with -m"),
        ("-m a.b total", "InputError: 'a.b' is no name for a module"),
        ("-x treads total", "ExecutorError: unknown executor 'treads'; did you mean 'threads'"),
        ("-i limit total", "InputError: an input or config value is given as name=expression, not 'limit'"),
        ("-i limit=nothing total", "InputError: 'nothing', given for 'limit', cannot be evaluated: NameError"),
        ("-z total", "InputError: the line cannot be read: unrecognized arguments: -z"),
        ("-w many total", "InputError: the line cannot be read: argument -w/--workers: invalid int value: 'many'"),
        ("'total", "InputError: the line cannot be read: No closing quotation"),
    ],
)
def test_what_is_wrong_is_said_in_a_line(notebook, line, says):
    error = notebook.refused("%%anabranch --no-picture " + line + "\n" + CELL.partition("\n")[2])
    assert len(error["traceback"]) == 1
    assert error["traceback"][0].startswith(says)


def test_the_line_magic_needs_a_cell_first(notebook):
    assert "no cell has made a module 'other'; begin one with %%anabranch -m other" in notebook.refused("%anabranch -m other x")["evalue"]
    notebook.run("%%anabranch -m asked\ndef one() -> int:\n    return 1")
    assert "no output is asked for" in notebook.refused("%anabranch -m asked")["evalue"]


def test_a_function_that_raises_is_shown_with_its_line(notebook):
    notebook.run("%%anabranch -m broken --no-picture\ndef one() -> int:\n    raise ValueError('no one')")
    error = notebook.refused("%anabranch -m broken one")
    assert (error["ename"], error["evalue"]) == ("ValueError", "no one")
    text = re.sub(r"\x1b\[[\d;]*m", "", "\n".join(error["traceback"]))
    assert "raise ValueError" in text
    assert "engine.py" not in text


def test_a_cell_that_cannot_be_run_leaves_the_module_as_it_was(notebook):
    notebook.run("%%anabranch -m steady\ndef one() -> int:\n    return 1")
    notebook.refused("%%anabranch -m steady\ndef one() -> int:\n    return 2\nraise RuntimeError")
    assert notebook.shown("%anabranch -m steady --no-picture --no-progress one") == "1"


def test_pictures_show_themselves(notebook):
    notebook.run("%%anabranch -m steady\ndef one() -> int:\n    return 1")
    cell = notebook.run("from anabranch import Builder\nimport steady\nBuilder().with_modules(steady).build().display_all_functions()")
    assert cell.outputs[-1]["data"]["image/svg+xml"].startswith("<svg")
