"""One function, many nodes; and parts of what a function gives. Among them the three older decorators of Hamilton."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from anabranch.function_modifiers import (
    InvalidDecoratorException,
    ParameterizedExtract,
    extract_columns,
    extract_fields,
    inject,
    parameterize,
    parameterize_extract_columns,
    parameterize_values,
    source,
    unpack_fields,
)
from anabranch.function_modifiers import parameterize_sources as any_parameterize_sources

__all__ = [
    "ParameterizedExtract",
    "extract_columns",
    "extract_fields",
    "inject",
    "parameterize",
    "parameterize_extract_columns",
    "parameterize_sources",
    "parameterize_values",
    "parameterized_inputs",
    "parametrized",
    "parametrized_input",
    "unpack_fields",
]


def parameterize_sources(parameterization: Mapping[str, Mapping[str, str]] | None = None, **more: Mapping[str, str]) -> Any:
    """anabranch's; the parameterizations may also be given as one dict."""
    return any_parameterize_sources(**(parameterization or {}), **more)


parametrized = parameterize_values
parameterized_inputs = parameterize_sources


def parametrized_input(parameter: str, variable_inputs: dict[str, tuple[str, str]]) -> Any:
    """A node for each source that one parameter is to read: by source, the node's name and documentation."""
    nodes = {name: ({parameter: source(read)}, doc) for read, (name, doc) in variable_inputs.items()}
    return parameterize(**nodes)


def _validate_extract_fields(fields: Mapping[str, Any]) -> None:
    """Whether fields can be named like this.

    Raises:
        ValueError: they cannot.
    """
    if not isinstance(fields, dict) or not fields:
        raise InvalidDecoratorException("name the fields with their types: {'field': int}")
    extract_fields(fields)
