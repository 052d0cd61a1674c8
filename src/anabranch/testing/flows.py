"""Random dataflows for property tests: modules of small functions whose results depend on every argument and its order.

A flow is drawn by hypothesis as text, so that a failing one can be read and run by hand. Features that are rare in a drawn
flow are drawn as the high values of a range, so that shrinking removes them.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from types import ModuleType
from typing import Any

from hypothesis import strategies as st

from anabranch.driver import Builder, Driver
from anabranch.errors import FlowError, InputError
from anabranch.failure import Failure, ItemsFailed
from anabranch.graph import Graph
from anabranch.graph.axes import Axes, join
from anabranch.graph.node import Node
from anabranch.markers import MARKS, PerItem, Skip
from anabranch.policies import POLICIES, OnError
from anabranch.testing.oracle import Oracle, interpret
from anabranch.work import MISSING

__all__ = ["DrawnError", "Flow", "flows", "mix"]

MODULUS = 1_000_003


class DrawnError(Exception):
    """What a drawn function raises."""


def mix(seed: int, *arguments: Any) -> int:
    """A number that depends on all arguments, their nesting and their order."""
    result = seed
    for argument in arguments:
        if isinstance(argument, Failure):
            number = mix(99, *argument.item)
        elif isinstance(argument, (list, tuple)):
            number = mix(len(argument) + 7, *argument)
        else:
            number = 5 if argument is None else int(argument)
        result = (result * 31 + number) % MODULUS
    return result


class Bag:
    """An iterable that has nothing but `__iter__`."""

    def __init__(self, items: list[int]) -> None:
        self.items = items

    def __iter__(self) -> Iterator[int]:
        return iter(self.items)


def generated(items: list[int]) -> Iterator[int]:
    """The items, one by one."""
    yield from items


KINDS: Mapping[str, Callable[[list[int]], Any]] = {
    "list": list,
    "generator": generated,
    "tuple": tuple,
    "range": lambda items: range(len(items)),
    "iterator": iter,
    "map": lambda items: map(int, items),
    "deque": deque,
    "values": lambda items: dict(enumerate(items)).values(),
    "bag": Bag,
}
"""What an expander may return."""


def expand(kind: str, number: int, width: int) -> Any:
    """Items for an expander: at most `width` of them, or exactly that many if it is negative."""
    count = -width if width < 0 else number % (width + 1)
    return KINDS[kind]([(number + 13 * n) % 97 for n in range(count)])


def skip_some(number: int) -> int:
    """Drops about one in five."""
    if number % 5 == 0:
        raise Skip
    return number


def fail_some(number: int) -> int:
    """Fails for about one in seven."""
    if number % 7 == 0:
        raise DrawnError(number)
    return number


def take(stream: Iterator[Any], limit: int | None) -> list[Any]:
    """The first elements of a stream, or all of them."""
    found = []
    for element in stream:
        found.append(element)
        if limit is not None and len(found) >= limit:
            break
    return found


def first(values: list[Any]) -> Any:
    """The first that is not None: associative, and not commutative."""
    return next((value for value in values if value is not None), None)


def last(values: list[Any]) -> Any:
    """The last that is not None."""
    return first(values[::-1])


def numbers(values: list[Any]) -> list[Any]:
    """The values, failures and nothing as numbers."""
    return [mix(99, *value.item) if isinstance(value, Failure) else value or 0 for value in values]


HEADER = """\
from anabranch import Collect, Failed, Parallelizable, Stream, associative, cross, limit, on_error, resources, run_on, zipped
from anabranch.testing.flows import expand, fail_some, first, last, mix, numbers, skip_some, take

"""


@dataclass(frozen=True)
class Flow:
    """A drawn dataflow: its source text, what to ask for, with which inputs, and which nodes are overridden.

    `replaced` holds name, kind (``one value``, ``items``, ``per item`` or ``uneven``) and a number to make values of.
    """

    source: str
    outputs: list[str]
    inputs: dict[str, Any]
    config: dict[str, Any] = field(default_factory=dict)
    replaced: tuple[tuple[str, str, int], ...] = ()
    on_error: OnError = "raise"

    def __repr__(self) -> str:
        given = f"outputs={self.outputs}, inputs={self.inputs}, config={self.config}, overrides={self.overrides}"
        given += f", on_error={self.on_error!r}"
        return f"Flow({given}, replaced={self.replaced}):\n{self.source}"

    @cached_property
    def module(self) -> ModuleType:
        """The functions, as a temporary module."""
        module = ModuleType("drawn_flow")
        setattr(module, MARKS, {"temporary": True})
        namespace: dict[str, Any] = {"__name__": "drawn_flow"}
        exec(HEADER + self.source, namespace)
        for name, value in namespace.items():
            if name.startswith("n") and name[1:].isdigit():
                setattr(module, name, value)
        return module

    @cached_property
    def graph(self) -> Graph:
        """The graph of the functions."""
        return Graph.from_modules([self.module], self.config)

    @cached_property
    def overrides(self) -> dict[str, Any]:
        """The overrides, of the shape that the fan-outs have; one is left out if its shape cannot be computed."""
        found: dict[str, Any] = {}
        for name, kind, number in sorted(self.replaced, key=lambda one: int(one[0][1:] or -1)):
            try:
                found[name] = self._override(name, kind, number, found)
            except (InputError, DrawnError, LookupError):
                continue
        return found

    @property
    def is_lazy(self) -> bool:
        """Whether a stream is read to less than its end: then what nobody reads need not be computed."""
        return any(f", {limit})" in line for line in self.source.splitlines() if "take(" in line for limit in LIMITS)

    def driver(self, executor: Any = "sequential", elsewhere: Mapping[str, Any] | None = None, **options: Any) -> Driver:
        """A driver for this flow; `elsewhere` are executors at the places that it names."""
        return self.builder().with_executor(executor, **options).with_executors(**elsewhere or {}).build()

    def builder(self) -> Builder:
        """A builder for this flow."""
        return Builder().with_config(self.config).with_modules(self.module).with_failure_policy(on_error=self.on_error)

    def expected(self) -> Any:
        """What the oracle says: the results, or the class of the error, or which items failed."""
        return answer(lambda: interpret(self.graph, self.outputs, self.inputs, self.overrides, self.on_error))

    def agrees(self, given: Any) -> bool:
        """Whether an answer is right. Of several errors any one may be met first, and none of those beyond a stream's end."""
        wanted = self.expected()
        if isinstance(wanted, frozenset) and "Stream" in self.source:  # a reader that has to go without closes its source
            return self.is_lazy or (isinstance(given, frozenset) and bool(given) and given <= wanted)
        if not isinstance(wanted, type):
            return bool(given == wanted)
        return isinstance(given, type) or self.is_lazy

    def _override(self, name: str, kind: str, number: int, before: Mapping[str, Any]) -> Any:
        def leaf(index: Mapping[str, int]) -> Any:
            seed = mix(number, *index.values())
            return [seed + 17 * n for n in range(seed % 4)] if expands else seed

        expands = name in self.graph.nodes and self.graph.nodes[name].expands
        axes = self.graph.axes.get(name, ())
        if kind in ("per item", "uneven") and axes:
            shape = _shape(Oracle(self.graph, [name], self.inputs, before), axes, {}, leaf)
            return PerItem(shape + shape[-1:] if kind == "uneven" else shape)
        return leaf({})


def answer(compute: Callable[[], Any]) -> Any:
    """What a computation gives, or the class of what it raises for the flow's or the caller's fault; for items that failed
    while the rest went on, which they are.
    """
    try:
        return plain(compute())
    except ItemsFailed as group:
        return frozenset((failure.node, failure.item) for failure in group.failures)
    except (InputError, DrawnError) as error:
        return type(error)


def plain(value: Any) -> Any:
    """The value with failures in it as function and item."""
    if isinstance(value, Failure):
        return value.node, value.item
    if isinstance(value, dict):
        return {name: plain(one) for name, one in value.items()}
    return [plain(one) for one in value] if isinstance(value, list) else value


def _shape(oracle: Oracle, axes: Axes, index: Mapping[str, int], leaf: Callable[[Mapping[str, int]], Any]) -> Any:
    if not axes:
        return leaf(index)
    items = oracle.items(axes[0], index)
    if type(items) in MISSING:
        raise LookupError(axes[0])  # the expander itself was skipped there: what to give for its items is not defined
    return [_shape(oracle, axes[1:], {**index, axes[0]: n}, leaf) for n in range(len(items))]


@dataclass(frozen=True)
class _Drawn:
    name: str
    axes: Axes = ()
    expands: bool = False

    @property
    def value_axes(self) -> Axes:
        return (*self.axes, self.name) if self.expands else self.axes


@dataclass(frozen=True)
class _Read:
    """One parameter: what it reads, how many axes it closes with which word, and its default, if any."""

    source: _Drawn
    closed: int = 0
    word: str = ""
    default: str = ""

    @property
    def open_axes(self) -> Axes:
        return self.source.value_axes[: len(self.source.value_axes) - self.closed]

    @property
    def text(self) -> str:
        annotation = "int | Failed" if self.closed else "int"
        for level in range(self.closed):
            annotation = f"{self.word if level == self.closed - 1 else 'Collect'}[{annotation}]"
        return f"{self.source.name}: {annotation}{self.default}"


LIMITS = (1, 2)
WISHES = (
    '@resources(custom={"seats": 1})\n',
    '@resources(lambda **given: {"seats": 1 + len(given) % 2})\n',
    '@limit(concurrency=1, key="service")\n',
    "@limit(per_second=100_000)\n",
)
INPUTS = {"x": "", "y": " = 3", "c": "", "d": " = None"}
"""Names that no function gives, and their defaults: x and y come as inputs, c as config, d never."""


@st.composite
def flows(
    draw: st.DrawFn, *, largest: int = 12, depth: int = 3, failures: bool = False, places: Sequence[str] = ()
) -> Flow:
    """Flows of up to `largest` functions.

    They have fan-outs nested up to `depth`, static chains and diamonds, collects and streams of any depth, crossings, skips,
    associative collectors, optional and keyword-only parameters, config, overrides of all kinds, and requests for nodes
    inside fan-outs; with `failures` also functions that raise `DrawnError`, with `places` also some that name one of these, or
    need some of the two ``seats`` that there are, or may be called by few at once.
    """
    nodes: list[_Drawn] = []
    lines: list[str] = []
    for number in range(draw(st.integers(2, largest))):
        node, text = draw(_functions(number, nodes, depth, failures))
        nodes.append(node)
        placeable = not node.expands and "Stream[" not in text
        place = draw(st.sampled_from(["", "default", *places])) if places and placeable else ""
        wishes = draw(st.lists(st.sampled_from(WISHES), max_size=2, unique=True)) if places and placeable else []
        wishes = [wish for wish in wishes if "limit" not in wish or "@associative" not in text]
        lines.append("".join([f"@run_on({place!r})\n" if place else "", *wishes, text]))
    names = [node.name for node in nodes]
    inputs = {name: draw(st.integers(0, 20)) for name in ("x", "y") if any(f"{name}: int" in line for line in lines)}
    outputs = draw(st.lists(st.sampled_from([*names, *inputs]), max_size=4, unique=True))
    if names[-1] not in outputs:
        outputs.append(names[-1])
    replaced = {}
    if draw(st.integers(0, 2)) == 2:
        for name in draw(st.lists(st.sampled_from([*names, *inputs]), min_size=1, max_size=3, unique=True)):
            kind = draw(st.sampled_from(["one value", "per item", "one value", "per item", "per item", "uneven"]))
            replaced[name] = (name, kind, draw(st.integers(0, 50)))
    if "y" in inputs and "y" not in outputs and draw(st.booleans()):
        del inputs["y"]
    config = {"c": draw(st.integers(0, 20))}
    policy = draw(st.sampled_from(POLICIES)) if failures else "raise"
    return Flow("\n".join(lines), outputs, inputs, config, tuple(replaced.values()), policy)


@st.composite
def _functions(draw: st.DrawFn, number: int, nodes: list[_Drawn], depth: int, failures: bool) -> tuple[_Drawn, str]:
    name = f"n{number}"
    reads = draw(_reads(nodes))
    join_as, axes, reads = _joined(draw, name, reads)
    parameters = _signature(draw, reads)
    limit = draw(st.sampled_from([None, None, None, None, *LIMITS]))
    arguments = [f"take({read.source.name}, {limit})" if read.word == "Stream" else read.source.name for read in reads]
    value, own = f"mix({', '.join([str(number + 2), *arguments])})", ""
    if failures and draw(st.integers(0, 4)) == 4:
        value = f"fail_some({value})"
        if draw(st.integers(0, 2)) == 2:
            own = f"@on_error({draw(st.sampled_from(POLICIES))!r})\n"
    if axes and draw(st.integers(0, 3)) == 3:
        value = f"skip_some({value})"
    decorators = [own, *([f"@{join_as}\n"] if join_as else [])]
    if len(axes) < depth and draw(st.integers(0, 4)) >= (3 if axes else 2):
        widths = [3, -2, -3, 4, *([] if axes else [30])]
        call = f"expand({draw(st.sampled_from([*KINDS]))!r}, {value}, {draw(st.sampled_from(widths))})"
        body = draw(st.sampled_from([f"return {call}", f"yield from {call}"]))
        text = f"def {name}({parameters}) -> Parallelizable[int]:\n    {body}\n"
        return _Drawn(name, axes, expands=True), "".join([*decorators, text])
    collected = [read for read in reads if read.word == "Collect"]
    streaming = any(read.word == "Stream" for read in reads)  # which must be read, or what is skipped in it is not seen
    if len(collected) == 1 and collected[0].closed == 1 and not streaming and draw(st.booleans()):
        decorators.append("@associative\n")
        value = f"{draw(st.sampled_from(['sum', 'first', 'last']))}(numbers({collected[0].source.name}))"
    text = f"def {name}({parameters}) -> int:\n    return {value}\n"
    return _Drawn(name, axes), "".join([*decorators, text])


@st.composite
def _reads(draw: st.DrawFn, nodes: list[_Drawn]) -> list[_Read]:
    """What a function reads, in the order of its parameters: the newest node more often than others, and inputs."""
    sources = draw(st.lists(st.sampled_from(nodes), max_size=3, unique=True)) if nodes else []
    if nodes and nodes[-1] not in sources and draw(st.integers(0, 2)) < 2:
        sources.insert(0, nodes[-1])
    reads = []
    for source in sources:
        rank = len(source.value_axes)
        closed = draw(st.sampled_from([0, 0, *range(rank + 1)]))
        word = draw(st.sampled_from(["Collect", "Collect", "Stream"])) if closed else ""
        default = " = 4" if not closed and draw(st.integers(0, 9)) == 9 else ""
        reads.append(_Read(source, closed, word, default))
    bare = bool(sources) and draw(st.booleans())
    for name in draw(st.lists(st.sampled_from([*INPUTS]), max_size=0 if bare else 2, unique=True)):
        reads.insert(draw(st.integers(0, len(reads))), _Read(_Drawn(name), default=INPUTS[name]))
    return reads


def _signature(draw: st.DrawFn, reads: list[_Read]) -> str:
    """The parameters' text; those after the first default go by keyword only, and sometimes others too."""
    texts = [read.text for read in reads]
    forced = next((n for n, read in enumerate(reads) if read.default), len(reads))
    if any(not read.default for read in reads[forced:]) or draw(st.integers(0, 5)) == 5:
        texts.insert(draw(st.integers(0, forced)), "*") if texts else None
    return ", ".join(texts[:-1] if texts and texts[-1] == "*" else texts)


def _joined(draw: st.DrawFn, name: str, reads: list[_Read]) -> tuple[str | None, Axes, list[_Read]]:
    """Finds a decorator under which the parameters' axes meet; leaves parameters out until there is one."""
    while True:
        kinds = draw(st.sampled_from([(None, "cross", "zipped"), (None, "zipped", "cross")]))
        for kind in kinds:
            node = Node(name, lambda: None, (), int, join=kind)
            try:
                axes, _ = join(node, [(read.source.name, read.open_axes) for read in reads])
            except FlowError:
                continue
            if len(axes) <= 3:
                return kind, axes, reads
        reads = reads[:-1]
