"""One function, many nodes; and parts of what a function gives. Among them the three older decorators of Hamilton."""

from __future__ import annotations

from typing import Any

from anabranch.function_modifiers import (
    ParameterizedExtract,
    extract_columns,
    extract_fields,
    inject,
    parameterize,
    parameterize_extract_columns,
    parameterize_sources,
    parameterize_values,
    source,
    unpack_fields,
)

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

parametrized = parameterize_values
parameterized_inputs = parameterize_sources


def parametrized_input(parameter: str, variable_inputs: dict[str, tuple[str, str]]) -> Any:
    """A node for each source that one parameter is to read: by source, the node's name and documentation."""
    nodes = {name: ({parameter: source(read)}, doc) for read, (name, doc) in variable_inputs.items()}
    return parameterize(**nodes)
