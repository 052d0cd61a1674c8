"""MODULE of the command line: a file or a dotted name, imported so that workers can import it as well.

Theory: a file is treated as ``python file.py`` treats it: its folder goes first on `sys.path`, and worker processes on
this machine get that path, so they import the module by its name. A file whose name another module has (``json.py``) is
loaded under a name of its own and its folder goes last, so that it hides nobody; no worker can import it then, and its
functions travel by value.

This module never looks at what is in a module.
"""

from __future__ import annotations

import importlib
import os
import pkgutil
import sys
from contextlib import suppress
from importlib.machinery import PathFinder, SourceFileLoader
from importlib.util import module_from_spec, spec_from_loader
from pathlib import Path
from types import ModuleType

from anabranch.cli.signals import Terminated
from anabranch.errors import InputError, nearest

__all__ = ["BrokenModule", "load"]


class BrokenModule(InputError):
    """The module raised while it was imported: `__cause__`."""


def load(target: str) -> ModuleType:
    """Imports the module that `target` names.

    Raises:
        InputError: there is none; names the nearest.
        BrokenModule: it failed to import.
    """
    if target.endswith(".py") or "/" in target or os.sep in target or Path(target).is_file():
        return _from_file(Path(target))
    return _by_name(target)


def _from_file(path: Path) -> ModuleType:
    if not path.is_file():
        raise InputError(_no_file(path))
    try:
        path = path.resolve()
    except OSError:
        raise InputError(f"'{path}' cannot be found, for the current folder has been deleted; give the whole path") from None
    folder = str(path.parent)
    _forget_own_folder()
    name = path.stem.replace(".", "_")
    if _is_taken(name, path):
        name = _free_name(name)
        sys.path.append(folder)
    else:
        sys.path.insert(0, folder)
    loader = SourceFileLoader(name, str(path))
    spec = spec_from_loader(name, loader)
    assert spec is not None  # a loader from a file gives one
    module = module_from_spec(spec)
    sys.modules[name] = module
    try:
        loader.exec_module(module)
    except (KeyboardInterrupt, Terminated):
        raise
    except BaseException as error:
        raise BrokenModule(f"module '{path}' failed to import{_in_package(path, error)}") from error
    return module


def _in_package(path: Path, error: BaseException) -> str:
    """What to do about a file of a package, which imports its neighbours relative to that."""
    if not isinstance(error, ImportError) or "relative import" not in str(error):
        return ""
    parts, folder = [path.stem], path.parent
    while (folder / "__init__.py").is_file():
        parts, folder = [folder.name, *parts], folder.parent
    return f", for it belongs to a package: give it by name, {'.'.join(parts)}, in the folder {folder}" if parts[1:] else ""


def _forget_own_folder() -> None:
    """Takes off the path what Python put there for the `anabranch` command itself: its folder, or with ``-m`` this one."""
    own = {"", _here()}
    with suppress(OSError):
        own.add(str(Path(sys.argv[0]).absolute().parent))
    if sys.path and not sys.flags.safe_path and sys.path[0] in own:
        del sys.path[0]


def _here() -> str:
    """The current folder; empty if it has been deleted."""
    try:
        return os.getcwd()
    except OSError:
        return ""


def _is_taken(name: str, path: Path) -> bool:
    """Whether another module goes by this name."""
    if name in sys.modules or name in sys.stdlib_module_names:
        return True
    spec = PathFinder.find_spec(name)
    return spec is not None and spec.origin is not None and Path(spec.origin).resolve() != path


def _free_name(name: str) -> str:
    free = f"{name}_flow"
    while free in sys.modules or PathFinder.find_spec(free) is not None:
        free += "_"
    return free


def _no_file(path: Path) -> str:
    if path.is_dir():
        return f"'{path}' is a folder; give a file, or the dotted name of a module"
    if not path.parent.is_dir():
        return f"there is no file '{path}': no folder '{path.parent}'"
    names = [found.name for found in path.parent.iterdir() if found.suffix == ".py"]
    return f"there is no file '{path}'{nearest(path.name, names)}"


def _by_name(name: str) -> ModuleType:
    here = _here()
    if here and sys.path[:1] not in ([""], [here]):
        sys.path.insert(0, here)
    try:
        return importlib.import_module(name)
    except (KeyboardInterrupt, Terminated):
        raise
    except BaseException as error:
        if _is_absent(name, error):
            raise InputError(f"there is no module '{name}'{nearest(name, _neighbours(name))}") from None
        raise BrokenModule(f"module '{name}' failed to import") from error


def _is_absent(name: str, error: BaseException) -> bool:
    """Whether it was this module, or a package around it, that was not found."""
    if isinstance(error, ModuleNotFoundError) and error.name is not None:
        return f"{name}.".startswith(f"{error.name}.")
    return isinstance(error, (ValueError, TypeError)) and not all(part.isidentifier() for part in name.split("."))


def _neighbours(name: str) -> list[str]:
    """The modules beside the one that is not there."""
    package, _, _ = name.rpartition(".")
    if not package:
        found = [entry.name for entry in pkgutil.iter_modules([_here()] if _here() else [])]
        return [*found, *(f"{entry}.py" for entry in found)]
    parent = sys.modules.get(package)
    return [f"{package}.{entry.name}" for entry in pkgutil.iter_modules(getattr(parent, "__path__", []))]
