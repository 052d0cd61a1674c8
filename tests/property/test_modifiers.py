"""Random flows, and the same flows said with function modifiers: both must give what the oracle says of the first.

Each function of a drawn flow may be rewritten in ways that mean the same: parameters of other names, injected; its result
handed on by a step; taken out of a dict or a tuple; made by `parameterize`, by `does`, or in a subdag.
"""

from __future__ import annotations

import ast
import dataclasses
import re
from time import perf_counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from anabranch.registry import make_executor
from anabranch.testing import execute_seeded
from anabranch.testing.flows import answer, flows

pytestmark = pytest.mark.timeout(900)

EXAMPLES = {"seeded": 200, "sequential": 150, "threads": 100, "processes": 30}
OPTIONS = {"sequential": {}, "threads": {"workers": 3}, "processes": {"workers": 2}}

IMPORTS = """
from anabranch.function_modifiers import (
    check_output, does, extract_fields, inject, parameterize, pipe_input, pipe_output, source, step, subdag, unpack_fields, value
)
def _same(value: int) -> int: return value
def _times(value: int, by: int) -> int: return value if value is None else value * by
"""


def injected(function: ast.FunctionDef, number: int) -> str:
    """Every parameter gets another name, and reads what it read."""
    arguments = [*function.args.args, *function.args.kwonlyargs]
    names = {argument.arg: f"p{index}_{argument.arg}" for index, argument in enumerate(arguments)}
    if not names:
        return ast.unparse(function)
    for argument in arguments:
        argument.arg = names[argument.arg]
    for statement in function.body:
        for node in ast.walk(statement):
            if isinstance(node, ast.Name) and node.id in names:
                node.id = names[node.id]
    bindings = ", ".join(f"{new}=source({old!r})" for old, new in names.items())
    return f"@inject({bindings})\n{ast.unparse(function)}"


def stepped(function: ast.FunctionDef, number: int) -> str:
    """The result goes through two steps that leave it as it is."""
    return f"@pipe_output(step(_same), step(_times, by=value(1)))\n{ast.unparse(function)}"


def piped(function: ast.FunctionDef, number: int) -> str:
    """The first plain parameter comes through a step."""
    plain = [argument for argument in function.args.args if ast.unparse(argument.annotation or function).strip() == "int"]
    if not plain:
        return ast.unparse(function)
    return f"@pipe_input(step(_same), on_input={plain[0].arg!r})\n{ast.unparse(function)}"


def part(function: ast.FunctionDef, number: int) -> str:
    """The result is a field of what another function returns."""
    name, function.name = function.name, f"n{1000 + number}"
    function.returns = ast.Name("dict")
    for node in ast.walk(function):
        if isinstance(node, ast.Return):
            node.value = ast.Dict([ast.Constant(name)], [node.value])
    return f"@extract_fields({{{name!r}: int}})\n{ast.unparse(function)}"


def element(function: ast.FunctionDef, number: int) -> str:
    """The result is an element of what another function returns."""
    name, function.name = function.name, f"n{1000 + number}"
    function.returns = ast.parse("tuple[int, int]", mode="eval").body
    for node in ast.walk(function):
        if isinstance(node, ast.Return):
            node.value = ast.Tuple([ast.Constant(0), node.value])
    return f"@unpack_fields('m{number}', {name!r})\n{ast.unparse(function)}"


def parameterized(function: ast.FunctionDef, number: int) -> str:
    """The function makes the node, and another one that nobody reads."""
    name, function.name = function.name, f"n{1000 + number}"
    return f"@parameterize({name}={{}}, m{number}={{}})\n{ast.unparse(function)}"


def checked(function: ast.FunctionDef, number: int) -> str:
    """The result is checked, and passes: it is a number, but for the first of nothing."""
    if re.search(r"\b(first|last)\(", ast.unparse(function)):
        return ast.unparse(function)
    return f"@check_output(range=(-10**9, 10**9), importance='fail')\n{ast.unparse(function)}"


def nested(function: ast.FunctionDef, number: int) -> str:
    """The function stands in a subdag, and the node hands its result on."""
    name, function.name = function.name, f"_inner{number}"
    return f"{ast.unparse(function)}\n\n@subdag(_inner{number})\ndef {name}(_inner{number}: int) -> int:\n    return _inner{number}"


WAYS = [injected, stepped, piped, part, element, parameterized, checked, nested]


def is_mended(flow):
    """See `test_flows`."""
    return not ("skip_some" in flow.source and re.search(r"@associative\ndef n\d+\(.*,.*\)", flow.source))


@st.composite
def said_twice(draw):
    """A flow, and one that means the same."""
    flow = draw(flows().filter(is_mended))
    texts = []
    for number, function in enumerate(ast.parse(flow.source).body):
        text = ast.unparse(function)
        ways = [injected] if "Parallelizable" in text else WAYS
        if "@associative" in text:  # what it returns is collected again
            ways = [way for way in WAYS if way not in (part, element)]
        way = draw(st.sampled_from([None, *ways]))
        texts.append(ast.unparse(function) if way is None else way(function, number))
    return flow, dataclasses.replace(flow, source=IMPORTS + "\n\n".join(texts) + "\n")


def agrees(flow, found):
    assert flow.agrees(found), f"{found} instead of {flow.expected()}"


def test_in_every_order_of_completion(figures):
    started, count = perf_counter(), [0]

    @settings(max_examples=EXAMPLES["seeded"])
    @given(said_twice(), st.integers(0, 2**32), st.sampled_from([1, 2, 3, 7]))
    def check(pair, seed, slots):
        flow, same = pair
        count[0] += 1
        request = (same.driver(), flow.outputs, flow.inputs, flow.overrides)
        agrees(flow, answer(lambda: execute_seeded(*request, seed=seed, slots=slots)))

    check()
    figures["with modifiers, seeded"] = count[0], perf_counter() - started


@pytest.mark.parametrize("name", [*OPTIONS])
def test_on_executors(name, figures):
    started, count = perf_counter(), [0]
    executor = make_executor(name, dict(OPTIONS[name]))

    @settings(max_examples=EXAMPLES[name])
    @given(said_twice())
    def check(pair):
        flow, same = pair
        count[0] += 1
        agrees(flow, answer(lambda: same.driver(executor).execute(flow.outputs, flow.inputs, flow.overrides)))

    try:
        check()
    finally:
        executor.close()
    figures[f"with modifiers, {name}"] = count[0], perf_counter() - started
