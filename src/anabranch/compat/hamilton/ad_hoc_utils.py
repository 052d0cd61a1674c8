"""Modules of functions, or of text, that are in no file.

A module that is made here is known to the import system under its name, as a flow's functions expect of their module.
"""

from __future__ import annotations

import linecache
import sys
import types
import uuid
from collections.abc import Callable
from types import ModuleType
from typing import Any

from anabranch.errors import FlowError
from anabranch.graph.sources import module_from_source as _module_from_source
from anabranch.markers import MARKS

__all__ = ["create_module", "create_temporary_module", "module_from_source"]


def create_temporary_module(*functions: Callable[..., Any], module_name: str | None = None) -> ModuleType:
    """A module of copies of these functions.

    Raises:
        ValueError: the name is taken, two functions have one name, or one's begins with an underscore and could be no node.
    """
    name = module_name or _generate_unique_temp_module_name()
    if name in sys.modules:
        raise FlowError(f"there is a module '{name}' already; choose another name")
    module = ModuleType(name)
    for function in functions:
        key = function.__name__
        if key.startswith("_"):
            raise FlowError(f"'{key}' begins with an underscore, so it would be no node; rename it or leave it out")
        if hasattr(module, key):
            raise FlowError(f"the name '{key}' is taken; rename one of the functions")
        copied = _copy_func(function)
        copied.__module__ = name
        setattr(module, key, copied)
    sys.modules[name] = module
    return module


def module_from_source(source: str, module_name: str | None = None) -> ModuleType:
    """A module of Python text.

    Raises:
        ValueError: the text is no Python.
    """
    name = module_name or _generate_unique_temp_module_name()
    module = _module_from_source(source, name)
    sys.modules[name] = module
    file = str(module.__file__)
    linecache.cache[name] = linecache.cache[file]
    return module


def create_module(source: str, module_name: str | None = None, verbosity: int = 0) -> ModuleType:  # noqa: ARG001
    """A module of Python text; what it was made of is kept in memory, so there is no file to tell of."""
    return module_from_source(source, module_name)


def _generate_unique_temp_module_name() -> str:
    return f"temporary_module_{uuid.uuid4().hex}"


def _copy_func(function: Any) -> Any:
    twin = types.FunctionType(
        function.__code__, function.__globals__, function.__name__, function.__defaults__, function.__closure__
    )
    twin.__kwdefaults__ = function.__kwdefaults__
    twin.__annotations__ = function.__annotations__
    twin.__doc__ = function.__doc__
    twin.__qualname__ = function.__qualname__
    twin.__dict__.update(function.__dict__)
    if MARKS in twin.__dict__:
        twin.__dict__[MARKS] = dict(twin.__dict__[MARKS])
    return twin
