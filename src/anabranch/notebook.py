"""A flow in a notebook's cell: ``%load_ext anabranch``, then ``%%anabranch -m flow -x threads total``.

Theory: the cell becomes a module, and its functions the flow's; run again, the cell makes it anew, so that what was deleted is
gone. The module begins with what the notebook has at that moment, as a cell does, but only functions that the cell itself
defines are nodes. It is in `sys.modules` under its name while the notebook runs; as no worker could import it, its code
travels by value. What the flow needs and the options do not give is taken from the notebook's variables of that name.

Executors live as long as the notebook, so that the second run of a cell finds its workers warm.
"""

from __future__ import annotations

import argparse
import atexit
import shlex
import sys
from collections.abc import Callable, Sequence
from importlib import import_module
from importlib.machinery import PathFinder
from types import ModuleType
from typing import Any, NoReturn, cast

from anabranch.driver import Builder, Driver
from anabranch.errors import AnabranchError, ExecutorError, FlowError, InputError
from anabranch.executor import Executor
from anabranch.failure import trimmed
from anabranch.registry import make_executor

__all__ = ["Magic", "load_ipython_extension", "unload_ipython_extension"]

MARK = "__anabranch_cell__"
"""Stands in modules that cells have made."""


def load_ipython_extension(shell: Any) -> None:
    """What ``%load_ext anabranch`` calls."""
    magic = Magic(shell)
    shell.register_magic_function(magic.cell, "cell", "anabranch")
    shell.register_magic_function(magic.line, "line", "anabranch")
    shell.user_ns_hidden[MARK] = shell.user_ns[MARK] = magic


def unload_ipython_extension(shell: Any) -> None:
    """What ``%unload_ext anabranch`` calls."""
    magic = shell.user_ns.pop(MARK, None)
    if magic is not None:
        magic.close()


class _Parser(argparse.ArgumentParser):
    """Says what is wrong instead of ending the process."""

    def error(self, message: str) -> NoReturn:
        """Raises what the notebook shows."""
        raise InputError(f"{message}; {' '.join(self.format_usage().split())}")


def _parser() -> argparse.ArgumentParser:
    parser = _Parser("%%anabranch", description="Defines a flow, shows its picture, and runs it.", add_help=False)
    parser.add_argument("outputs", nargs="*", metavar="OUTPUT", help="what to compute")
    parser.add_argument("-m", "--module", default="flow", metavar="NAME", help="the module's name; flow if it is not said")
    parser.add_argument("-x", "--executor", default="sequential", metavar="NAME", help="where tasks run")
    parser.add_argument("-w", "--workers", type=int, metavar="N", help="how many workers")
    parser.add_argument("-i", "--input", action="append", default=[], metavar="NAME=EXPRESSION", help="an input")
    parser.add_argument("-c", "--config", action="append", default=[], metavar="NAME=EXPRESSION", help="a config value")
    parser.add_argument("--add", action="store_true", help="keeps what other cells have put into the module")
    parser.add_argument("--no-picture", action="store_true", help="draws nothing")
    parser.add_argument("--no-progress", action="store_true", help="shows no progress")
    return parser


class Magic:
    """``%%anabranch`` defines and runs, ``%anabranch`` runs again what a cell has defined."""

    def __init__(self, shell: Any) -> None:
        self.shell = shell
        self.parser = _parser()
        self.executors: dict[tuple[str, int | None], Executor] = {}
        atexit.register(self.close)

    def cell(self, line: str, cell: str) -> Any:
        """``%%anabranch``: makes a module of the cell, shows its picture, and gives what the outputs are."""
        return self._said(lambda: self._cell(self._options(line), cell))

    def line(self, line: str) -> Any:
        """``%anabranch``: asks a module that a cell has made for outputs."""
        return self._said(lambda: self._line(self._options(line)))

    def close(self) -> None:
        """Ends the workers."""
        executors, self.executors = self.executors, {}
        for executor in executors.values():
            executor.close()

    # -- inside ----------------------------------------------------------------------------------------------------

    def _options(self, line: str) -> argparse.Namespace:
        try:
            return self.parser.parse_args(shlex.split(line))
        except ValueError as error:  # an open quote
            raise InputError(f"the line cannot be read: {error}") from None

    def _cell(self, options: argparse.Namespace, cell: str) -> Any:
        module = self._module(options.module, cell, keep=options.add)
        return self._run(module, options)

    def _line(self, options: argparse.Namespace) -> Any:
        module = sys.modules.get(options.module)
        if module is None or not hasattr(module, MARK):
            raise InputError(f"no cell has made a module '{options.module}'; begin one with %%anabranch -m {options.module}")
        if not options.outputs:
            raise InputError("no output is asked for; name at least one")
        return self._run(module, options)

    def _module(self, name: str, cell: str, *, keep: bool) -> ModuleType:
        """Runs the cell as the text of a module.

        Raises:
            InputError: the name is no name, or another module's.
        """
        known = sys.modules.get(name)
        if not name.isidentifier():
            raise InputError(f"'{name}' is no name for a module")
        if (known is not None and not hasattr(known, MARK)) or (known is None and PathFinder.find_spec(name) is not None):
            raise InputError(f"there is a module '{name}' already; give the cell's another name with -m")
        module = ModuleType(name, "Made by a notebook's cell.")
        public = {key: value for key, value in self.shell.user_ns.items() if not key.startswith("_")}
        module.__dict__.update(public)
        if keep and known is not None:
            module.__dict__.update({key: value for key, value in vars(known).items() if not key.startswith("__")})
        setattr(module, MARK, True)
        code = compile(cell, self.shell.compile.cache(cell, self.shell.execution_count), "exec")
        before = sys.modules.get(name)
        sys.modules[name] = module
        try:
            exec(code, module.__dict__)  # noqa: S102  the notebook's own cell
        except BaseException:
            if before is None:
                del sys.modules[name]
            else:
                sys.modules[name] = before
            raise
        self.shell.user_ns[name] = module
        return module

    def _run(self, module: ModuleType, options: argparse.Namespace) -> Any:
        builder = Builder().with_modules(module).with_config(self._values(options.config))
        if options.outputs and not options.no_progress:
            from anabranch.see import Progress

            builder = builder.with_adapters(Progress("notebook"))
        builder = builder.with_executor(self._executor(options.executor, options.workers))
        with builder.build() as driver:
            if not options.no_picture:
                cast("Any", import_module("IPython.display")).display(self._picture(driver, options.outputs))
            if not options.outputs:
                return None
            found = driver.execute(options.outputs, self._inputs(driver, options))
        return found[options.outputs[0]] if len(options.outputs) == 1 else found

    def _picture(self, driver: Driver, outputs: Sequence[str]) -> Any:
        return driver.visualize_execution(outputs) if outputs else driver.display_all_functions()

    def _executor(self, name: str, workers: int | None) -> Executor:
        key = name, workers
        if key not in self.executors:
            self.executors[key] = make_executor(name, {} if workers is None else {"workers": workers})
        return self.executors[key]

    def _inputs(self, driver: Driver, options: argparse.Namespace) -> dict[str, Any]:
        """What is given, and what is left and has the name of one of the notebook's variables."""
        given = self._values(options.input)
        needed = {variable.name for variable in driver.what_is_upstream_of(*options.outputs) if variable.is_input}
        space = self.shell.user_ns
        found = {name: space[name] for name in needed if name in space and name not in driver.graph.config}
        return {**found, **given}

    def _values(self, texts: Sequence[str]) -> dict[str, Any]:
        """``name=expression``, evaluated in the notebook."""
        found = {}
        for text in texts:
            name, equals, expression = text.partition("=")
            if not equals or not name.strip().isidentifier():
                raise InputError(f"an input or config value is given as name=expression, not '{text}'")
            try:
                found[name.strip()] = self.shell.ev(expression)
            except Exception as error:
                said = f"{type(error).__name__}: {error}"
                raise InputError(f"'{expression}', given for '{name.strip()}', cannot be evaluated: {said}") from None
        return found

    def _said(self, work: Callable[[], Any]) -> Any:
        """Does the work; an error that is the request's or the flow's is shown as its message, without the way here."""
        try:
            return work()
        except (FlowError, InputError, ExecutorError) as error:
            brief(error)
            raise
        except Exception as error:  # the way through the magic tells nobody anything
            raise trimmed(error)  # noqa: B904


def brief(error: AnabranchError) -> None:
    """Tells IPython to show the error's message instead of a traceback."""
    text = f"{type(error).__name__}: {error}"
    cast("Any", error)._render_traceback_ = text.splitlines
