"""What the command line asks of drivers: versions of nodes, and how two dataflows differ."""

from __future__ import annotations

import json
import runpy
import subprocess
import sys
from collections.abc import Mapping
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType
from typing import Any

from anabranch.compat.hamilton.driver import Builder, Driver
from anabranch.errors import InputError

__all__ = [
    "build",
    "diff_versions",
    "get_git_base_directory",
    "hash_dataflow",
    "hash_hamilton_nodes",
    "load_context",
    "map_nodes_to_functions",
]

CONFIG_HEADER = "HAMILTON_CONFIG"
FINAL_VARS_HEADER = "HAMILTON_FINAL_VARS"
INPUTS_HEADER = "HAMILTON_INPUTS"
OVERRIDES_HEADER = "HAMILTON_OVERRIDES"


def build(paths: list[Path], config: Mapping[str, Any] | None = None) -> Driver:
    """A driver of the modules in these files."""
    return Builder().with_modules(*(_module(path) for path in paths)).with_config(config or {}).build()


def _module(path: Path) -> ModuleType:
    path = path.resolve()
    spec = spec_from_file_location(path.stem, path)
    if spec is None or spec.loader is None or not path.is_file():
        raise InputError(f"'{path}' is no file of Python")
    if str(path.parent) not in sys.path:
        sys.path.insert(0, str(path.parent))
    module = module_from_spec(spec)
    sys.modules[path.stem] = module
    spec.loader.exec_module(module)
    return module


def get_git_base_directory() -> str:
    """The root of the Git repository that the process is in.

    Raises:
        ValueError: it is in none.
    """
    done = subprocess.run(["git", "rev-parse", "--show-toplevel"], capture_output=True, text=True, check=False)  # noqa: S607
    if done.returncode:
        raise InputError("the current folder is in no Git repository")
    return done.stdout.strip()


def hash_hamilton_nodes(dr: Driver) -> dict[str, str | None]:
    """The version of each function's text, by node."""
    from anabranch.compat.hamilton.driver import hamilton_graph

    return {node.name: node.version for node in hamilton_graph(dr).nodes if not node.is_external_input}


def hash_dataflow(nodes_version: Mapping[str, str | None]) -> str:
    """One version for all of them."""
    from hashlib import sha256

    return sha256(str(sorted(nodes_version.items())).encode()).hexdigest()


def map_nodes_to_functions(dr: Driver) -> dict[str, str]:
    """The function that each node is there for, by its name; of an input, the first that reads it."""
    found = {}
    for node in dr.list_available_variables():
        if node.originating_functions:
            found[node.name] = node.originating_functions[0].__name__
    return found


def diff_versions(current_map: Mapping[str, Any], reference_map: Mapping[str, Any]) -> dict[str, list[str]]:
    """The names that only one of both has, and those whose versions differ."""
    both = [name for name in current_map if name in reference_map]
    return {
        "current_only": sorted(current_map.keys() - reference_map.keys()),
        "reference_only": sorted(reference_map.keys() - current_map.keys()),
        "edit": sorted(name for name in both if current_map[name] != reference_map[name]),
    }


def load_context(file_path: Path) -> dict[str, Any]:
    """Config, outputs, inputs and overrides as a file of JSON or Python gives them by name; what it leaves out is empty.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: it is neither.
    """
    if not file_path.exists():
        raise FileNotFoundError(f"there is no file '{file_path}' with config and inputs")
    if file_path.suffix == ".json":
        found = json.loads(file_path.read_text(encoding="utf-8"))
    elif file_path.suffix == ".py":
        found = runpy.run_path(str(file_path))
    else:
        raise InputError(f"'{file_path}' ends in neither .json nor .py; config and inputs are read from these")
    empty: dict[str, Any] = {CONFIG_HEADER: {}, FINAL_VARS_HEADER: [], INPUTS_HEADER: {}, OVERRIDES_HEADER: {}}
    return {name: nothing if found.get(name) is None else found[name] for name, nothing in empty.items()}
