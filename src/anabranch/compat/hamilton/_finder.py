"""Makes ``import hamilton…`` give the modules of this package.

Theory: a finder in front of all others answers for ``hamilton`` and what is below it. Its loader does not execute anything: it
imports our module under our name and hands out that object, so that a module runs once and is one object under both names. The
import system puts a spec of its own on what a loader hands out; the loader puts ours back, because pickling, reloading and
``importlib.util.find_spec`` go by it.

Importing a submodule binds it in its package. Where the package has something else by that name (the function
`function_modifiers.configuration`), that would be lost, so submodules that are there already are made known under both names
when their package is.

This module never knows what is in the modules.
"""

from __future__ import annotations

import importlib
import importlib.abc
import importlib.util
import sys
from collections.abc import Sequence
from importlib.machinery import ModuleSpec
from types import CodeType, ModuleType
from typing import Any, Final

from anabranch.compat.hamilton._absent import instead_of, refuse_absent

__all__ = ["Finder", "install", "uninstall"]

THEIRS: Final = "hamilton"
OURS: Final = __package__ or "anabranch.compat.hamilton"


def install() -> None:
    """From now on ``import hamilton`` gives this package, in this process and in workers that anabranch sends code to.

    Doing it twice does nothing.

    Raises:
        ImportError: the real Hamilton has been imported already; install first, then import.
    """
    loaded = sys.modules.get(THEIRS)
    if loaded is not None and loaded is not sys.modules[OURS]:
        place = getattr(loaded, "__file__", None) or "a module without a file"
        raise ImportError(
            f"'hamilton' has been imported already, from {place}; call anabranch.compat.hamilton.install() before the first "
            f"'import hamilton', or run the script with 'python -m anabranch.compat.hamilton'"
        )
    if not any(isinstance(finder, Finder) for finder in sys.meta_path):
        sys.meta_path.insert(0, Finder())
    from anabranch.compat.hamilton import _workers

    _workers.install()


def uninstall() -> None:
    """Undoes `install`: the next ``import hamilton`` finds what is installed. What was imported before stays as it is."""
    sys.meta_path[:] = [finder for finder in sys.meta_path if not isinstance(finder, Finder)]
    for name in [name for name in sys.modules if _is_theirs(name)]:
        del sys.modules[name]
    from anabranch.compat.hamilton import _workers

    _workers.uninstall()


class Finder(importlib.abc.MetaPathFinder):
    """Answers for ``hamilton`` and what is below it."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """The spec of one of our modules under its other name; None for all other modules.

        Raises:
            ModuleNotFoundError: Hamilton may have such a module, but anabranch has not; says what to use instead.
        """
        if not _is_theirs(fullname):
            return None
        ours = OURS + fullname.removeprefix(THEIRS)
        found = _spec_of(ours)
        if found is None or found.loader is None:
            raise ModuleNotFoundError(instead_of(fullname), name=fullname)
        is_package = found.submodule_search_locations is not None
        spec = ModuleSpec(fullname, Alias(ours, found.loader), origin=found.origin, is_package=is_package)
        spec.has_location = found.has_location
        return spec


class Alias(importlib.abc.InspectLoader):
    """Hands out a module that is known by another name."""

    def __init__(self, name: str, loader: Any) -> None:
        self._name = name
        self._loader = loader
        self._own: tuple[Any, Any] | None = None

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        """Our module, imported if need be."""
        module = importlib.import_module(self._name)
        self._own = module.__spec__, module.__loader__
        return module

    def exec_module(self, module: ModuleType) -> None:
        """Executes nothing, since the module has been; gives it back its own spec."""
        assert self._own is not None
        module.__spec__, module.__loader__ = self._own
        refuse_absent(module)
        for name, loaded in list(sys.modules.items()):
            if name.startswith(f"{self._name}."):
                refuse_absent(loaded)
                sys.modules.setdefault(THEIRS + name.removeprefix(OURS), loaded)

    def get_code(self, fullname: str) -> CodeType | None:
        """The module's code, for ``python -m``."""
        code: CodeType | None = self._loader.get_code(self._name)
        return code

    def get_source(self, fullname: str) -> str | None:
        """The module's text."""
        text: str | None = self._loader.get_source(self._name)
        return text

    def get_filename(self, fullname: str) -> str:
        """The module's file."""
        return str(self._loader.get_filename(self._name))

    def is_package(self, fullname: str) -> bool:
        """Whether the module is a package."""
        return bool(self._loader.is_package(self._name))


def _is_theirs(name: str) -> bool:
    return name == THEIRS or name.startswith(f"{THEIRS}.")


def _spec_of(name: str) -> ModuleSpec | None:
    loaded = sys.modules.get(name)
    if loaded is not None:
        return loaded.__spec__
    if any(part.startswith("_") and part != "__main__" for part in name.removeprefix(OURS).split(".")):
        return None
    try:
        return importlib.util.find_spec(name)
    except ModuleNotFoundError:  # its package is none
        return None
