"""What the command line gives to a flow: ``-i`` and ``-c``, and the file of ``--inputs``."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, cast

from anabranch.cli.value import Misfit, convert, parse
from anabranch.errors import InputError, nearest
from anabranch.graph import Graph
from anabranch.graph.types import describe, fits
from anabranch.policies import FaultOptions, OnError, check_on_error

__all__ = ["config_of", "inputs_of", "pairs_of", "policy_of", "value_of"]


def pairs_of(option: str, texts: Sequence[str]) -> dict[str, str]:
    """The options of one kind, ``name=text`` each, by name.

    Raises:
        InputError: one is written otherwise, or a name comes twice.
    """
    found: dict[str, str] = {}
    for text in texts:
        name, equals, value = text.partition("=")
        if not equals or not name.strip():
            raise InputError(f"{option} takes name=value, not '{text}'")
        name = name.strip()
        if name in found:
            raise InputError(f"{option} gives '{name}' twice: '{found[name]}' and '{value}'")
        found[name] = value
    return found


def config_of(texts: Sequence[str]) -> dict[str, Any]:
    """The config: each value as JSON if it is JSON, else as text."""
    return {name: parse(text, Any) for name, text in pairs_of("-c", texts).items()}


def inputs_of(graph: Graph, texts: Sequence[str], file: Path | None = None) -> dict[str, Any]:
    """The inputs, each of the type that the functions which read it say.

    Raises:
        InputError: a name is unknown or comes twice, or a value does not fit.
    """
    typed = pairs_of("-i", texts)
    filed = _read(file) if file is not None else {}
    for name in typed:
        if name in filed:
            raise InputError(f"input '{name}' is given twice: with -i and in '{file}'; leave one out")
    values = {name: value_of(graph, name, text, parse) for name, text in typed.items()}
    values.update({name: value_of(graph, name, value, convert) for name, value in filed.items()})
    return values


def value_of(graph: Graph, name: str, given: Any, way: Callable[[Any, Any], Any]) -> Any:
    """The first reading of `given` by some reader's annotation that fits all of them; `way` is `parse` or `convert`.

    Raises:
        InputError: the name is unknown, or the value does not fit.
    """
    if name in graph.nodes:
        raise InputError(f"input '{name}' is a function, {graph.nodes[name].label}; only what no function gives is an input")
    if name not in graph.inputs and name not in graph.config:
        raise InputError(f"unknown input '{name}'{nearest(name, (*graph.inputs, *graph.nodes))}")
    readers = graph.inputs[name].readers if name in graph.inputs else ()
    if not readers:
        return way(given, Any)
    annotations = [parameter.annotation for _, parameter in readers]
    typed = [annotation for annotation in annotations if annotation is not Any]
    for annotation in typed or [Any]:
        try:
            value = way(given, annotation)
        except Misfit:
            continue
        if all(fits(value, other) for other in annotations):
            return value
    raise InputError(_misfit(readers, name, given, way))


def _misfit(readers: Sequence[tuple[Any, Any]], name: str, given: Any, way: Callable[[Any, Any], Any]) -> str:
    shown = f"'{given}'" if isinstance(given, str) else f"{json.dumps(given, default=str)}"
    said = []
    for node, parameter in readers:
        try:
            way(given, parameter.annotation)
        except Misfit as misfit:
            detail = f" ({misfit})" if str(misfit) else ""
            return f"input '{name}': {shown} is not {describe(parameter.annotation)}{detail}, which {node.label} takes"
        said.append(f"{node.label} takes {describe(parameter.annotation)}")
    return f"input '{name}': {shown} cannot fit all that read it: {'; '.join(said)}"


def _read(file: Path) -> Mapping[str, Any]:
    readers = {".json": _json, ".yaml": _yaml, ".yml": _yaml, ".toml": _toml}
    reader = readers.get(file.suffix.lower())
    if reader is None:
        raise InputError(f"--inputs takes a .json, .yaml or .toml file, not '{file}'")
    try:
        values = reader(file.read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise InputError(f"--inputs: '{file}' cannot be read: {error.strerror}") from None
    except ValueError as error:
        raise InputError(f"--inputs: '{file}' is no {file.suffix[1:].upper()}: {error}") from None
    if values is None:  # an empty YAML file
        return {}
    if not isinstance(values, dict) or not all(isinstance(name, str) for name in values):
        raise InputError(f"--inputs: '{file}' must hold one object, input names to values")
    return values


def _json(text: str) -> Any:
    return json.loads(text)


def _toml(text: str) -> Any:
    import tomllib

    return tomllib.loads(text)


def _yaml(text: str) -> Any:
    try:
        import yaml
    except ImportError:
        raise InputError("--inputs needs pyyaml to read YAML: pip install 'anabranch[cli]'") from None
    try:
        return yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise ValueError(error) from None


def policy_of(on_error: str, max_failures: str | None, timeout: float | None) -> FaultOptions:
    """The failure policy that the options say.

    Raises:
        InputError: one of them makes no sense.
    """
    check_on_error("--on-error", on_error)
    return {"on_error": cast("OnError", on_error), "max_failures": _budget(max_failures), "timeout": timeout}


def _budget(text: str | None) -> float | None:
    if text is None:
        return None
    try:
        return float(text.removesuffix("%")) / 100 if text.endswith("%") else int(text)
    except ValueError:
        raise InputError(f"--max-failures is a count or a share, 20 or 5% say, not '{text}'") from None
