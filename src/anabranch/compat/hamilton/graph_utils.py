"""Which functions of a module are nodes."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from types import ModuleType
from typing import Any

from anabranch.graph.functions import functions_of

__all__ = ["find_functions", "is_submodule"]


def is_submodule(child: ModuleType, parent: ModuleType) -> bool:
    """Whether one module is the other or lies in it."""
    return parent.__name__ in child.__name__


def find_functions(function_module: ModuleType) -> list[tuple[str, Callable[..., Any]]]:
    """The functions that the module itself defines and whose names do not begin with an underscore, by name."""
    own: list[tuple[str, Callable[..., Any]]] = [
        (name, function)
        for name, function in inspect.getmembers(function_module, inspect.isfunction)
        if not name.startswith("_") and inspect.getmodule(function) is function_module
    ]
    return own or sorted(functions_of(function_module, {}))
