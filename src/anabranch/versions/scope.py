"""Which code counts: the user's own with all that it calls, and libraries by name or by the version of their distribution.

Theory: a module is the user's unless it was installed: it is neither of the standard library nor in a folder for installed
packages, nor anabranch. A file says it best, for functions that came to a worker by value have one and no module. Code
without a file (`__main__` of a notebook, `exec`) is the user's.
"""

from __future__ import annotations

import functools
import os
import sys
import sysconfig
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from anabranch.errors import InputError

__all__ = ["Scope", "distribution_of", "is_builtin"]

_STANDARD: Final = tuple(
    {os.path.join(sysconfig.get_path(key), "") for key in ("stdlib", "platstdlib")}
    | {os.path.join(os.path.dirname(os.__file__), "")}
)
_INSTALLED: Final = (f"{os.sep}site-packages{os.sep}", f"{os.sep}dist-packages{os.sep}")
_OWN: Final = frozenset({"anabranch", "anabranch_executors"})


@dataclass(frozen=True, slots=True)
class Scope:
    """What counts in the version of a function, besides its own code.

    Attributes:
        ignore: dotted names (`"log"`, `"helpers.log"`, `"helpers"`) of modules, functions, classes and global variables that
            do not count; a name without a dot means any of that name.
        include: modules and packages whose code counts although they are installed.
        packages: libraries that count by the version of their distribution where they are used; `("*",)` means all.
    """

    ignore: frozenset[str] = frozenset()
    include: frozenset[str] = frozenset()
    packages: frozenset[str] = frozenset()

    @classmethod
    def of(cls, ignore: Iterable[str] = (), include: Iterable[str] = (), packages: Iterable[str] = ()) -> Scope:
        """A scope of names that are given in any form.

        Raises:
            InputError: one of them is one text instead of several.
        """
        for word, given in (("ignore", ignore), ("include", include), ("packages", packages)):
            if isinstance(given, str):
                raise InputError(f"{word} is a list of names, as in {word}=['{given}'], not a text")
        return cls(frozenset(ignore), frozenset(include), frozenset(packages))

    def owns(self, module: str, file: str = "") -> bool:
        """Whether code of this module, read from this file, is the user's."""
        if self.include and any(module == name or module.startswith(f"{name}.") for name in self.include):
            return True
        return _is_own(module, file)

    def ignores(self, module: str, name: str = "") -> bool:
        """Whether this does not count: `name`, dotted, in `module`; or all of the module, if there is no name."""
        if not self.ignore:
            return False
        whole = f"{module}.{name}" if name else module
        return name in self.ignore or any(whole == each or whole.startswith(f"{each}.") for each in self.ignore)

    def distribution(self, module: str) -> str:
        """The version of the library that a module is from, if it counts; empty if not."""
        top = module.partition(".")[0]
        return distribution_of(top) if self.packages and (top in self.packages or "*" in self.packages) else ""


@functools.lru_cache(maxsize=4096)
def _is_own(module: str, file: str) -> bool:
    if module.partition(".")[0] in _OWN or file.startswith("<frozen "):
        return False
    if not file or file.startswith("<"):
        if module == "__main__":
            return True
        if is_builtin(module):
            return False
        file = getattr(sys.modules.get(module), "__file__", None) or ""
    if any(folder in file for folder in _INSTALLED):
        return False
    return not file.startswith(_STANDARD)


def is_builtin(module: str) -> bool:
    """Whether a module comes with Python, by its name; `__main__` does not."""
    return module.partition(".")[0] in sys.stdlib_module_names or module in sys.builtin_module_names


@functools.lru_cache(maxsize=512)
def distribution_of(top: str) -> str:
    """Names and versions of the distributions that bring a top-level module, as one text; empty if there is none."""
    from importlib import metadata

    names = sorted(set(_distributions().get(top, ())))
    return " ".join(f"{name}=={metadata.version(name)}" for name in names)


@functools.cache
def _distributions() -> dict[str, list[str]]:
    from importlib import metadata

    return dict(metadata.packages_distributions())
