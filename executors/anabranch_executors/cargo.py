"""What goes to a cluster's workers ahead of a task's code: which versions the driver has, and whole packages that they lack.

    driver: Cargo.around(code) ──▶ bundle ──▶ worker: versions compared, packages put where imports find them, code loaded

Theory: code that means something else over there gives wrong answers, or fails far from the cause. So what both sides must have
in common travels with the code and is compared before it is loaded: Python, anabranch, cloudpickle, and the text of the
modules that the task's functions are imported from. What a worker cannot import and what it would import in another version
can be shipped: the source of a package goes along, is kept in memory there, and is found before what is installed.

This module never knows which engine there is.
"""

from __future__ import annotations

import hashlib
import importlib
import importlib.util
import os
import pickle
import socket
import sys
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from importlib.abc import ExecutionLoader, MetaPathFinder
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType
from typing import Any

from anabranch.errors import ExecutorError
from anabranch.transport import Reach
from anabranch.work import Code

__all__ = ["Cargo"]

Files = dict[str, bytes]


class Cargo:
    """What goes along with the code of one executor's calls.

    Args:
        reach: what the workers can import.
        ship: names of packages or modules that go along.

    Raises:
        ExecutorError: one cannot be imported here, or is not written in Python.
    """

    def __init__(self, reach: Reach, ship: Sequence[str] = ()) -> None:
        self.shipped = frozenset(ship)
        self._checks = reach is Reach.INSTALLED
        self._packages = {name: _files_of(name) for name in ship}
        self._digests = {name: _digest(files) for name, files in self._packages.items()}

    def around(self, code: Code, data: bytes) -> bytes:
        """The code's pickle, with what goes ahead of it."""
        if not (self._checks or self._packages):
            return data
        versions = _versions() if self._checks else {}
        modules = _modules_of(code, self.shipped) if self._checks else {}
        return pickle.dumps(Bundle(versions, modules, self._packages, self._digests, data), protocol=5)


class Bundle:
    """Is what it holds once it is unpickled, where that may be."""

    def __init__(self, *parts: Any) -> None:
        self.parts = parts

    def __reduce__(self) -> Any:
        return _unbundled, self.parts


def _unbundled(
    versions: Mapping[str, str],
    modules: Mapping[str, str],
    packages: Mapping[str, Files],
    digests: Mapping[str, str],
    data: bytes,
) -> Any:
    """In a worker: the code, if it means here what it meant there.

    Raises:
        ExecutorError: something differs.
    """
    here = _versions()
    differing = [f"{what} {here[what]} instead of {wanted}" for what, wanted in versions.items() if here[what] != wanted]
    for name, files in packages.items():
        _install(name, files, digests[name])
    if not differing:
        differing = [_difference(name) for name, wanted in modules.items() if _text_of(name) not in {wanted, ""}]
    if differing:
        raise ExecutorError(
            f"a worker on {socket.gethostname()} (process {os.getpid()}) is not as the driver is: {'; '.join(differing)}. "
            f"Install the same on both sides, or send packages of your own along: ship=[…]"
        )
    return pickle.loads(data)  # noqa: S301  from our own driver


def _versions() -> dict[str, str]:
    """What both sides must have in common."""
    import cloudpickle

    return {
        "Python": f"{sys.implementation.name} {sys.version_info[0]}.{sys.version_info[1]}",
        "anabranch": sys.modules["anabranch"].__version__,
        "cloudpickle": ".".join(cloudpickle.__version__.split(".")[:2]),
    }


def _difference(name: str) -> str:
    module = sys.modules.get(name)
    return f"module '{name}' has another text ({getattr(module, '__file__', None) or 'file unknown'} here)"


# -- the user's modules ------------------------------------------------------------------------------------------------


def _modules_of(code: Code, shipped: Iterable[str]) -> dict[str, str]:
    """The modules that the functions of a task are imported from, each with a digest of its text."""
    found = {}
    for function in code.functions.values():
        for one in (function, getattr(function, "__wrapped__", None), getattr(function, "func", None)):
            name = getattr(one, "__module__", None)
            if not isinstance(name, str) or name.partition(".")[0] in {"anabranch", "anabranch_executors", *shipped}:
                continue
            module = sys.modules.get(name)
            if module is not None and "-packages" in (getattr(module, "__file__", None) or ""):
                found[name] = _text_of(name)
    return {name: text for name, text in found.items() if text}


@lru_cache(maxsize=1000)
def _text_of(name: str) -> str:
    """A digest of a module's text; empty if that cannot be had: then there is nothing to compare."""
    try:
        spec = importlib.util.find_spec(name)
        if spec is None or spec.origin is None or not spec.origin.endswith(".py"):
            return ""
        return hashlib.sha256(Path(spec.origin).read_bytes()).hexdigest()
    except (ImportError, OSError, ValueError):
        return ""


# -- packages that are shipped -----------------------------------------------------------------------------------------


def _files_of(name: str) -> Files:
    """The Python files of a package or module, by their paths from where it is imported."""
    try:
        module = importlib.import_module(name)
    except ImportError as error:
        raise ExecutorError(f"ship={name!r}: it cannot be imported here ({error})") from error
    file = getattr(module, "__file__", None)
    folders = [Path(folder) for folder in getattr(module, "__path__", ())]
    if folders:
        top = name.replace(".", "/")
        paths = [(folder, path) for folder in folders for path in sorted(folder.rglob("*")) if path.is_file()]
        kept = [(folder, path) for folder, path in paths if "__pycache__" not in path.parts]
        found = {f"{top}/{path.relative_to(folder).as_posix()}": path.read_bytes() for folder, path in kept}
    else:
        found = {f"{name.replace('.', '/')}.py": Path(file).read_bytes()} if file and file.endswith(".py") else {}
    compiled = [path for path in found if path.endswith((".so", ".pyd", ".dylib"))]
    if compiled or not any(path.endswith(".py") for path in found):
        what = f"it has compiled parts ({compiled[0]})" if compiled else "it has no Python files"
        raise ExecutorError(f"ship={name!r}: {what}; install it on the workers instead")
    return found


def _digest(files: Files) -> str:
    digest = hashlib.sha256()
    for path, data in sorted(files.items()):
        digest.update(f"{path} {len(data)} ".encode() + data)
    return digest.hexdigest()


class Shipped(MetaPathFinder, ExecutionLoader):
    """Finds and loads the modules of one package that was sent here."""

    def __init__(self, name: str, files: Files, digest: str) -> None:
        self.name = name
        self.files = files
        self.digest = digest

    def find_spec(self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None) -> ModuleSpec | None:
        """The module, if it is of this package."""
        file = self._file(fullname)
        if file is None:
            return None
        spec = ModuleSpec(fullname, self, origin=f"<shipped>/{file}", is_package=file.endswith("/__init__.py"))
        spec.has_location = True
        return spec

    def get_filename(self, fullname: str) -> str:
        """Where it would be, for tracebacks."""
        return f"<shipped>/{self._file(fullname)}"

    def get_source(self, fullname: str) -> str:
        """Its text."""
        return importlib.util.decode_source(self.files[self._file(fullname) or ""])

    def is_package(self, fullname: str) -> bool:
        """Whether it has modules inside."""
        return (self._file(fullname) or "").endswith("/__init__.py")

    def get_data(self, path: str) -> bytes:
        """A file of the package, for `pkgutil.get_data`."""
        return self.files[path.removeprefix("<shipped>/")]

    def _file(self, fullname: str) -> str | None:
        base = fullname.replace(".", "/")
        return next((file for file in (f"{base}/__init__.py", f"{base}.py") if file in self.files), None)


def _install(name: str, files: Files, digest: str) -> None:
    """Has imports of this package find these files; another one of the name is forgotten."""
    known = next((one for one in sys.meta_path if isinstance(one, Shipped) and one.name == name), None)
    if known is not None and known.digest == digest:
        return
    if known is not None:
        sys.meta_path.remove(known)
    for module in [one for one in sys.modules if one == name or one.startswith(f"{name}.")]:
        del sys.modules[module]
    sys.meta_path.insert(0, Shipped(name, files, digest))
