"""Hamilton's magics in a notebook."""

from __future__ import annotations

import sys

import pytest

pytestmark = [pytest.mark.usefixtures("hamilton"), pytest.mark.filterwarnings("ignore::DeprecationWarning")]


@pytest.fixture
def shell(tmp_path, monkeypatch):
    interactive = pytest.importorskip("IPython.core.interactiveshell")
    from traitlets.config import Config

    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "ipython"))
    config = Config()
    config.HistoryManager.enabled = False
    made = interactive.InteractiveShell(config=config)
    made.run_cell("%load_ext hamilton.plugins.jupyter_magic").raise_error()
    yield made
    for name in ("flow_in_a_cell", "grown_in_cells"):
        sys.modules.pop(name, None)


CELL = """%%cell_to_module flow_in_a_cell {options}
from hamilton.function_modifiers import config

def doubled(given: int) -> int:
    return 2 * given

@config.when(kind="big")
def total__big(doubled: int) -> int:
    return doubled + 100

@config.when_not(kind="big")
def total__small(doubled: int) -> int:
    return doubled
"""


def run(shell, cell):
    shell.run_cell(cell).raise_error()


def test_a_cell_is_a_module(shell, capsys, tmp_path):
    run(shell, "%%set_dict given\ngiven = 3")
    run(shell, "settings = {'kind': 'big'}\nwanted = ['total']")
    run(shell, CELL.format(options="-x wanted -i given -c settings -d -w flow.py"))
    assert shell.user_ns["total"] == 106
    assert shell.user_ns["flow_in_a_cell"].doubled(1) == 2
    assert "def doubled" in (tmp_path / "flow.py").read_text()
    assert "106" in capsys.readouterr().out
    run(shell, "%%set_dict given\ngiven = 1")
    run(shell, CELL.format(options="-x -i given"))
    assert (shell.user_ns["total"], shell.user_ns["doubled"]) == (2, 2)


def test_a_module_of_several_cells(shell):
    run(shell, "wanted = ['two']")
    run(shell, "%%incr_cell_to_module grown_in_cells 1\ndef one() -> int:\n    return 1")
    run(shell, "%%incr_cell_to_module grown_in_cells 2 -x wanted\ndef two(one: int) -> int:\n    return one + 1")
    assert shell.user_ns["two"] == 2
    run(shell, "%%incr_cell_to_module grown_in_cells 1 -x wanted\ndef one() -> int:\n    return 10")
    assert shell.user_ns["two"] == 11


def test_what_is_wrong_is_said(shell):
    for cell in ("%%cell_to_module\nx = 1", "%%cell_to_module name --nothing\nx = 1", "%%set_dict 1\nx = 1"):
        with pytest.raises(ValueError):
            run(shell, cell)
