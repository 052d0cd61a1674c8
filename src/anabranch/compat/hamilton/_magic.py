"""Hamilton's magics in notebooks: a cell is a module, to be drawn and run; a cell is a dict.

``%%cell_to_module name -d -x total -i inputs`` makes a module of the cell, draws it, and runs what is asked for; what it
found is
shown and left in variables of that name. ``%%incr_cell_to_module name 1`` does so with all cells of that name, by their
numbers.
``%%set_dict name`` runs a cell and keeps what it assigns as a dict. Where an option takes the name of a variable, that is the
notebook's.
"""

from __future__ import annotations

import argparse
import shlex
import sys
from pathlib import Path
from types import ModuleType
from typing import Any, NoReturn

from anabranch.compat.hamilton.ad_hoc_utils import module_from_source
from anabranch.compat.hamilton.driver import Builder, Driver
from anabranch.errors import InputError

__all__ = ["HamiltonMagic", "register"]


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        """Raises what the notebook shows."""
        raise InputError(f"{message}; {' '.join(self.format_usage().split())}")


def _parser(name: str, *, numbered: bool) -> argparse.ArgumentParser:
    parser = _Parser(name, add_help=False)
    parser.add_argument("name", nargs="?")
    if numbered:
        parser.add_argument("identifier", type=int)
    parser.add_argument("-m", "--module_name")
    for short, long in (("-d", "--display"), ("-x", "--execute"), ("-w", "--write_to_file"), ("-r", "--rebuild-drivers")):
        parser.add_argument(short, long, nargs="?", const=True)
    for short, long in (("-b", "--builder"), ("-c", "--config"), ("-i", "--inputs"), ("-o", "--overrides")):
        parser.add_argument(short, long)
    parser.add_argument("--show_results", action="store_true")
    parser.add_argument("--display_cache", action="store_true")
    return parser


class HamiltonMagic:
    """The magics of one notebook."""

    def __init__(self, shell: Any) -> None:
        self.shell = shell
        self.cells: dict[str, dict[int, str]] = {}

    def cell_to_module(self, line: str, cell: str) -> None:
        """``%%cell_to_module``."""
        options = _parser("%%cell_to_module", numbered=False).parse_args(shlex.split(line))
        self._define(options, cell)

    def incr_cell_to_module(self, line: str, cell: str) -> None:
        """``%%incr_cell_to_module``."""
        options = _parser("%%incr_cell_to_module", numbered=True).parse_args(shlex.split(line))
        cells = self.cells.setdefault(_name(options), {})
        cells[options.identifier] = cell
        self._define(options, "\n\n".join(cells[number] for number in sorted(cells)))

    def set_dict(self, line: str, cell: str) -> None:
        """``%%set_dict``."""
        name = line.strip()
        if not name.isidentifier():
            raise InputError(f"%%set_dict takes the name of the dict, not '{line}'")
        space = dict(self.shell.user_ns)
        before = dict(space)
        exec(compile(cell, f"<cell {name}>", "exec"), space)  # noqa: S102  the notebook's own cell
        assigned = {key: value for key, value in space.items() if key not in before or before[key] is not value}
        self.shell.user_ns[name] = {key: value for key, value in assigned.items() if not key.startswith("__")}

    def _define(self, options: argparse.Namespace, text: str) -> None:
        name = _name(options)
        module = self._module(name, text)
        if options.write_to_file:
            Path(f"{name}.py" if options.write_to_file is True else options.write_to_file).write_text(text, encoding="utf-8")
        driver = self._driver(options, module)
        names = self._outputs(options, driver, module) if options.execute else []
        if options.display or not names:
            self._show(driver.visualize_execution(names) if names else driver.display_all_functions())
        if names:
            found = driver.raw_execute(names, self._value(options.overrides, {}), inputs=self._value(options.inputs, {}))
            self.shell.user_ns.update({key: value for key, value in found.items() if key.isidentifier()})
            self._show(found)

    def _module(self, name: str, text: str) -> ModuleType:
        sys.modules.pop(name, None)
        module = module_from_source(text, name)
        self.shell.user_ns[name] = module
        return module

    def _driver(self, options: argparse.Namespace, module: ModuleType) -> Driver:
        builder = self._value(options.builder, None)
        builder = Builder() if builder is None else builder.copy()
        driver: Driver = builder.with_modules(module).with_config(self._value(options.config, {})).build()
        return driver

    def _outputs(self, options: argparse.Namespace, driver: Driver, module: ModuleType) -> list[str]:
        if options.execute is not True:
            return list(self._value(options.execute, []))
        return [node.name for node in driver.list_available_variables() if not node.is_external_input]

    def _value(self, expression: str | None, otherwise: Any) -> Any:
        return otherwise if expression is None else self.shell.ev(expression)

    @staticmethod
    def _show(value: Any) -> None:
        from importlib import import_module

        display: Any = import_module("IPython.display")
        display.display(value)


def _name(options: argparse.Namespace) -> str:
    name = options.module_name or options.name
    if not name or not name.isidentifier():
        raise InputError(f"say the module's name first, as in %%cell_to_module my_module, not {name!r}")
    return str(name)


def register(shell: Any) -> None:
    """Makes the magics known to a notebook."""
    magic = HamiltonMagic(shell)
    for name in ("cell_to_module", "incr_cell_to_module", "set_dict"):
        shell.register_magic_function(getattr(magic, name), "cell", name)
