"""Families of nodes in the tests' own words."""

from __future__ import annotations

import pytest

from anabranch import Builder, module_from_functions
from anabranch.graph.functions import nodes_of
from anabranch.graph.types import describe


@pytest.fixture
def family():
    """The nodes of a function: what each reads and the type of what it gives."""

    def family(function, **config):
        found = {}
        for node in nodes_of(function.__name__, function, config):
            reads = [parameter.reads for parameter in node.parameters]
            found[node.name] = (reads, describe(node.annotation))
        return found

    return family


def plain(value):
    """A value that can be compared."""
    if hasattr(value, "collect_schema") and hasattr(value, "collect"):
        value = value.collect()
    for method in ("to_pydict", "to_dict", "to_pylist"):
        if hasattr(value, method):
            made = getattr(value, method)()
            return {key: list(column) if method == "to_dict" and hasattr(column, "to_list") else column for key, column in made.items()} if isinstance(made, dict) else made
    return list(value) if hasattr(value, "to_list") else [plain(one) for one in value] if isinstance(value, list) else value


@pytest.fixture
def run():
    """Runs functions on `sequential`, after asking the oracle."""
    from anabranch.testing import interpret

    def run(*functions, outputs, config=None, overrides=None, **inputs):
        driver = Builder().with_modules(module_from_functions(*functions)).with_config(config or {}).build()
        found = driver.execute(outputs, inputs, overrides or {})
        expected = interpret(driver.graph, outputs, inputs, overrides or {})
        assert {name: plain(value) for name, value in found.items()} == {name: plain(value) for name, value in expected.items()}
        return found if len(outputs) > 1 else found[outputs[0]]

    return run
