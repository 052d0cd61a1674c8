"""Random dataflows for property tests: modules of small functions whose results depend on every argument and its order.

A flow is drawn by hypothesis as text, so that a failing one can be read and run by hand.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from types import ModuleType
from typing import Any

from hypothesis import strategies as st

from anabranch.errors import FlowError
from anabranch.graph.axes import Axes, join
from anabranch.graph.node import Node
from anabranch.markers import MARKS, Skip

__all__ = ["Flow", "flows", "mix"]

MODULUS = 1_000_003


def mix(seed: int, *arguments: Any) -> int:
    """A number that depends on all arguments, their nesting and their order."""
    result = seed
    for argument in arguments:
        if isinstance(argument, (list, tuple)):
            argument = mix(len(argument) + 7, *argument)  # noqa: PLW2901
        elif argument is None:
            argument = 5  # noqa: PLW2901
        elif isinstance(argument, float):
            argument = int(argument)  # noqa: PLW2901
        result = (result * 31 + argument) % MODULUS
    return result


def expand(kind: str, number: int, width: int) -> Any:
    """Items for an expander: a list or a generator, `number` modulo `width` of them."""
    items = [(number + 13 * n) % 97 for n in range(number % width if kind != "fixed" else width)]
    return _generate(items) if kind == "generator" else items


def _generate(items: list[int]) -> Iterator[int]:
    yield from items


def skip_some(number: int) -> int:
    """Drops about one in five."""
    if number % 5 == 0:
        raise Skip
    return number


def take(stream: Iterator[Any], limit: int | None) -> list[Any]:
    """The first elements of a stream, or all of them."""
    found = []
    for element in stream:
        found.append(element)
        if limit is not None and len(found) >= limit:
            break
    return found


@dataclass
class Flow:
    """A drawn dataflow: its source text, its module, what to ask for and with which inputs."""

    source: str
    outputs: list[str]
    inputs: dict[str, Any]
    constant: dict[str, int] = field(default_factory=dict)

    @property
    def module(self) -> ModuleType:
        """The functions, as a temporary module."""
        module = ModuleType("drawn_flow")
        setattr(module, MARKS, {"temporary": True})
        namespace: dict[str, Any] = {"__name__": "drawn_flow"}
        exec(HEADER + self.source, namespace)  # noqa: S102  this is the test data
        for name, value in namespace.items():
            if name.startswith("n") and name[1:].isdigit():
                setattr(module, name, value)
        return module


HEADER = """\
from anabranch import Collect, Parallelizable, Stream, associative, cross, zipped
from anabranch.testing.flows import expand, mix, skip_some, take

"""


@dataclass
class _Drawn:
    name: str
    axes: Axes
    expands: bool

    @property
    def value_axes(self) -> Axes:
        return (*self.axes, self.name) if self.expands else self.axes


@st.composite
def flows(draw: st.DrawFn, *, largest: int = 12, depth: int = 3) -> Flow:
    """Flows of up to `largest` functions, with fan-outs nested up to `depth`, collects, streams, crossings, skips,
    associative collectors, optional parameters, overrides, and requests for nodes inside fan-outs."""
    nodes: list[_Drawn] = []
    lines: list[str] = []
    for number in range(draw(st.integers(2, largest))):
        node, text = draw(_function(number, nodes, depth))
        nodes.append(node)
        lines.append(text)
    names = [node.name for node in nodes]
    outputs = draw(st.lists(st.sampled_from(names), min_size=1, max_size=3, unique=True))
    if names[-1] not in outputs:
        outputs.append(names[-1])
    inputs = {"x": draw(st.integers(0, 20))}
    if draw(st.booleans()):
        inputs["y"] = draw(st.integers(0, 20))
    plain = [node.name for node in nodes if not node.expands]
    replaced = draw(st.lists(st.sampled_from(plain), max_size=1)) if plain and draw(st.integers(0, 3)) == 0 else []
    return Flow("\n".join(lines), outputs, inputs, {name: draw(st.integers(0, 50)) for name in replaced})


@st.composite
def _function(draw: st.DrawFn, number: int, nodes: list[_Drawn], depth: int) -> tuple[_Drawn, str]:
    name = f"n{number}"
    chosen = draw(st.lists(st.sampled_from(nodes), max_size=3, unique_by=lambda n: n.name)) if nodes else []
    chosen = chosen or ([nodes[-1]] if nodes and draw(st.integers(0, 3)) else [])
    parameters, roles = [], []
    for source in chosen:
        closed = draw(st.integers(0, len(source.value_axes)))
        word = draw(st.sampled_from(["Collect", "Collect", "Stream"])) if closed else ""
        annotation = "int"
        for level in range(closed):
            annotation = f"{word if level == closed - 1 else 'Collect'}[{annotation}]"
        parameters.append(f"{source.name}: {annotation}")
        roles.append((source, closed, word))
    decorators, axes, roles, parameters = _joined(draw, name, roles, parameters)
    if draw(st.integers(0, 3)) == 0 or not roles:
        parameters.append("x: int")
        roles.append((_Drawn("x", (), False), 0, ""))
    if draw(st.integers(0, 4)) == 0:
        parameters.append("y: int = 3")
        roles.append((_Drawn("y", (), False), 0, ""))
    limit = draw(st.sampled_from([None, None, 1, 2]))
    arguments = [f"take({s.name}, {limit})" if word == "Stream" else s.name for s, _, word in roles]
    mixed = f"mix({number + 2}, {', '.join(arguments)})"
    expands = len(axes) < depth and draw(st.integers(0, 2)) == 0
    if expands:
        kind = draw(st.sampled_from(["list", "generator", "fixed"]))
        body, returns = f"return expand({kind!r}, {mixed}, {draw(st.integers(1, 5))})", "Parallelizable[int]"
    elif axes and draw(st.integers(0, 3)) == 0:
        body, returns = f"return skip_some({mixed})", "int"
    else:
        body, returns = f"return {mixed}", "int"
    only = [closed for _, closed, word in roles if word == "Collect"]
    if len(only) == 1 and only[0] == 1 and not expands and draw(st.booleans()):
        target = next(s.name for s, _, word in roles if word == "Collect")
        decorators, body = [*decorators, "@associative\n"], f"return sum({target})"
    head = f"def {name}({', '.join(parameters)}) -> {returns}:\n    {body}\n"
    return _Drawn(name, axes, expands), "".join(decorators) + head


def _joined(draw: st.DrawFn, name: str, roles: list[Any], parameters: list[str]) -> tuple[list[str], Axes, list[Any], list[str]]:
    """Finds a decorator under which the parameters' axes meet; leaves parameters out until there is one."""
    while True:
        open_axes = [(s.name, s.value_axes[: len(s.value_axes) - closed]) for s, closed, _ in roles]
        kinds = draw(st.permutations(["cross", "zipped"]))
        for kind in (None, *kinds):
            try:
                axes, _ = join(Node(name, lambda: None, (), int, join=kind), open_axes)
            except FlowError:
                continue
            if len(axes) <= 3:
                return ([f"@{kind}\n"] if kind else []), axes, roles, parameters
        roles, parameters = roles[:-1], parameters[:-1]
