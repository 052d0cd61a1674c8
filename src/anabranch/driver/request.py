"""What one run is to do, and what is checked of that before anything runs.

This module never runs anything.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, Protocol

from anabranch.awaiting import awaits
from anabranch.driver.direct import Direct
from anabranch.errors import InputError, nearest_or_all
from anabranch.graph import Graph, Node
from anabranch.graph.types import SAMPLE, describe, fits
from anabranch.markers import PerItem, marks_of
from anabranch.plan import FanTask, Plan, Value, given
from anabranch.policies import FaultOptions, Faults
from anabranch.run import Cell, Chunk, Column, Estimate, Slot

if TYPE_CHECKING:
    from anabranch.driver.recording import Lasting, Recording
    from anabranch.rebuild.shelves import Shelves

__all__ = [
    "Output",
    "Prepared",
    "Request",
    "RunOptions",
    "check",
    "check_options",
    "check_request",
    "checked_override",
    "inputs_of",
    "kinds_of",
    "name_of",
    "names_of",
    "readers_of",
    "slots_of",
    "split",
    "updated",
]


class RunOptions(FaultOptions, total=False):
    """What can be said of one run: what to do about failures, and whether it is to last.

    Attributes:
        run_id: the name of a new run that lasts.
        durable: whether the run lasts; its name is then made up if there is none.
        resume: the name of a run that is to go on; or True for the one that `run_id` names, which begins if there is none: what
            a scheduler asks for that tries again.
        force: it goes on although code or inputs have changed.
        failed_only: of that run, what failed is run again, and what was never run is left out.
    """

    run_id: str | None
    durable: bool | None
    resume: str | bool | None
    force: bool | None
    failed_only: bool | None


class Named(Protocol):
    """What has the name of a node or input: a variable of a driver."""

    @property
    def name(self) -> str:
        """The name."""


LASTING = ("run_id", "durable", "resume", "force", "failed_only")

Output = str | Callable[..., Any] | Named
"""How an output is asked for."""


@dataclass(frozen=True)
class Prepared:
    """A plan and what is checked before it runs.

    Attributes:
        outputs: the names that are asked for.
        checks: for each input who reads it.
        planned: makes the plan, or has it.
        direct: does it all at once, where that can be.
        lets_in: whether an input may be given though it does not fit.
        estimates: what earlier runs have found out.
    """

    outputs: tuple[str, ...]
    checks: tuple[tuple[str, tuple[tuple[Any, bool, str], ...]], ...]
    planned: Callable[[], Plan]
    direct: Direct | None = None
    lets_in: Callable[[Any, Any], bool] | None = None
    estimates: dict[FanTask, Estimate] = field(default_factory=dict)

    @cached_property
    def plan(self) -> Plan:
        """The plan; made when it is first asked for."""
        return self.planned()

    @cached_property
    def awaits(self) -> bool:
        """Whether some function of it is ``async def``."""
        return any(awaits(vertex.function) for vertex in self.plan.selection.vertices.values())


@dataclass(frozen=True)
class Request:
    """What one run is to do; `shelves` say where its results are kept, if they are, and `recording` is its journal if it is to
    last.
    """

    prepared: Prepared
    inputs: Mapping[str, Any]
    overrides: Mapping[str, Any]
    faults: Faults
    shelves: Shelves | None = None
    recording: Recording | None = None
    run_id: str = ""


def split(options: Mapping[str, Any], root: str | None) -> tuple[dict[str, Any], Lasting | None]:
    """What options say of failures, and what they say of a run that lasts.

    Raises:
        InputError: what they say of the run does not go together.
    """
    if options.keys().isdisjoint(LASTING):
        return dict(options), None
    from anabranch.driver.recording import Lasting

    faults = {name: value for name, value in options.items() if name not in LASTING}
    said = {name: options.get(name) for name in LASTING}
    if said["resume"] is True:
        if said["run_id"] is None:
            raise InputError("resume=True goes with run_id=, the name of the run that goes on, or begins")
        return faults, Lasting(said["run_id"], root, _is_there(said["run_id"], root), bool(said["force"]), either=True)
    if said["resume"] is None or said["resume"] is False:
        for word in ("force", "failed_only"):
            if said[word]:
                raise InputError(f"{word} goes with resume=, the name of a run that is to go on")
        if not said["durable"] and said["run_id"] is None:
            return faults, None
        return faults, Lasting(os.urandom(8).hex() if said["run_id"] is None else said["run_id"], root)
    if said["run_id"] not in {None, said["resume"]} or said["durable"] is False:
        raise InputError(f"resume='{said['resume']}' names the run that goes on, which lasts; leave run_id and durable out")
    return faults, Lasting(said["resume"], root, True, bool(said["force"]), bool(said["failed_only"]))


def _is_there(run_id: str, root: str | None) -> bool:
    from anabranch.journal import Runs
    from anabranch.journal.folder import JOURNAL

    return (Runs(root).folder(run_id) / JOURNAL).exists()


def check_options(graph: Graph, options: Mapping[str, Any]) -> None:
    """Checks the names of a run's options.

    Raises:
        InputError: there is no such option.
    """
    for name in options:
        if name in RunOptions.__annotations__:
            continue
        if name in graph.inputs:
            raise InputError(f"'{name}' is an input and no option of a run: give it as inputs={{'{name}': …}}")
        raise InputError(f"unknown option '{name}'{nearest_or_all(name, RunOptions.__annotations__)}")


def updated(faults: Faults, changes: Mapping[str, Any]) -> Faults:
    """The failure policy with what a caller wants otherwise.

    Raises:
        InputError: there is no such option, or its value makes no sense.
    """
    for name in changes:
        if name not in FaultOptions.__annotations__:
            raise InputError(f"unknown option '{name}'{nearest_or_all(name, RunOptions.__annotations__)}")
    return faults.updated({name: value for name, value in changes.items() if value is not None})


def slots_of(graph: Graph, plan: Plan, inputs: Mapping[str, Any], overrides: Mapping[str, Any]) -> dict[Value, Slot]:
    """The values that come with a request, as the plan's root frame wants them.

    Raises:
        InputError: an override does not fit what it replaces.
    """
    values = {**graph.config, **inputs}
    found: dict[Value, Slot] = {}
    checked = {name: checked_override(graph, name, value) for name, value in overrides.items()}
    check_lengths(graph, plan, checked)
    for value in plan.given:
        name = value.name
        if name in checked or name.removesuffix("!") in checked:
            found[value] = given_slot(checked[name.removesuffix("!")], value.rank)
        else:
            found[value] = Cell(values[name])
    return found


def checked_override(graph: Graph, name: str, value: Any) -> Any:
    """The override as it is used.

    Raises:
        InputError: it does not fit what it replaces.
    """
    if name not in graph.nodes:
        return value
    node, axes = graph.nodes[name], graph.axes[name]
    if isinstance(value, PerItem):
        if not axes:
            advice = "; give its new items as a list" if node.expands else "; give its one value"
            raise InputError(f"override '{name}' is PerItem, but {node.label} runs once, outside of any fan-out{advice}")
        check_shape(node, value, axes)
        return value
    check_value(node, value)
    return list(value) if node.expands and hasattr(value, "__next__") and axes else value


def names_of(outputs: Iterable[Output]) -> tuple[str, ...]:
    """The names of the outputs.

    Raises:
        InputError: there are none, or one is neither a name nor something that has one.
    """
    names = (outputs,) if isinstance(outputs, str) else tuple(name_of(output) for output in outputs)
    if not names:
        raise InputError("no output is asked for; name at least one")
    return names


def name_of(output: Output) -> str:
    """The name of a node or input that is given by name, as a function, or as a variable of a driver.

    Raises:
        InputError: it is none of these.
    """
    if isinstance(output, str):
        return output
    named = marks_of(output).get("name") or getattr(output, "__name__", "") if callable(output) else getattr(output, "name", "")
    if not isinstance(named, str) or not named:
        raise InputError(f"outputs are names, functions or variables, not {type(output).__name__}")
    return named


def kinds_of(overrides: Mapping[str, Any]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The overrides with one value, and those with a value per item."""
    constant = tuple(name for name, value in overrides.items() if not isinstance(value, PerItem))
    return constant, tuple(name for name, value in overrides.items() if isinstance(value, PerItem))


def readers_of(graph: Graph, name: str) -> tuple[tuple[Any, bool, str], ...]:
    """Who reads an input, of those who take the same one: the type, whether the reader must have it, and its label."""
    found: dict[tuple[int, bool], tuple[Any, bool, str]] = {}
    for node, parameter in graph.inputs[name].readers:
        key = (id(parameter.annotation), parameter.required)
        if key not in found and parameter.annotation is not Any:
            found[key] = (parameter.annotation, parameter.required, node.label)
    return tuple(found.values())


def inputs_of(graph: Graph, inputs: Mapping[str, Any], overrides: Mapping[str, Any]) -> dict[str, Any]:
    """All values that are given for names that no function gives."""
    replaced = {name: value for name, value in overrides.items() if name in graph.inputs}
    return {**graph.config, **inputs, **replaced}


def check(prepared: Prepared, values: Mapping[str, Any]) -> None:
    """Checks values against what their readers take.

    Raises:
        InputError: one is of the wrong type.
    """
    for name, readers in prepared.checks:
        value = values[name]
        for annotation, required, label in readers:
            if type(value) is annotation or fits(value, annotation) or (value is None and not required):
                continue
            if prepared.lets_in is not None and prepared.lets_in(annotation, value):
                continue
            raise InputError(f"input '{name}' is {type(value).__name__}, but {label} takes {describe(annotation)}")


def check_request(outputs: Any, inputs: Any, overrides: Any) -> None:
    """Checks what kinds of things a caller has given.

    Raises:
        InputError: one is of the wrong kind.
    """
    if not isinstance(outputs, Iterable):
        raise InputError(f"outputs are a list of names, not {type(outputs).__name__}")
    for word, values in (("inputs", inputs), ("overrides", overrides)):
        if not isinstance(values, Mapping):
            raise InputError(f"{word} are given as a dict from names to values, not as {type(values).__name__}")


def check_shape(node: Node, value: Sequence[Any], axes: Sequence[str], of: int = 0) -> None:
    """Checks that values per item are nested as deep as there are axes; looks into the first of each innermost list."""
    of = of or len(axes)
    if len(axes) == 1:
        for element in value[:SAMPLE]:
            check_value(node, element)
        return
    for element in value:
        if not isinstance(element, (list, tuple)):
            kind = type(element).__name__
            raise InputError(f"override '{node.name}' of {node.label} needs lists nested {of} deep; {kind} is no list")
        check_shape(node, element, axes[1:], of)


def check_lengths(graph: Graph, plan: Plan, overrides: Mapping[str, Any]) -> None:
    """Checks that values per item agree on how many items a fan-out has whose expander they cut off; where it runs, the run
    compares.
    """
    vertices = plan.selection.vertices
    told: dict[tuple[str, tuple[int, ...]], set[tuple[str, int]]] = {}

    def compare(name: str, values: Any, axes: Sequence[str], index: Mapping[str, int]) -> None:
        if not axes or not isinstance(values, (list, tuple)):
            return
        axis = axes[0]
        if axis not in vertices:
            found = told.setdefault((axis, tuple(index[outer] for outer in graph.axes[axis])), set())
            for other, count in found:
                if other != name and count != len(values):  # one of pairs may lack some, as results do where items are skipped
                    given_by = f"by override '{other}', but {len(values)} by override '{name}'"
                    raise InputError(f"'{axis}' has {count} items {given_by}")
            found.add((name, len(values)))
        for number, inner in enumerate(values if axes[1:] else ()):
            compare(name, inner, axes[1:], {**index, axis: number})

    for name, value in overrides.items():
        if isinstance(value, PerItem) and given(name) in vertices:
            compare(name, value, graph.axes[name], {})


def check_value(node: Node, value: Any) -> None:
    """Checks one value that replaces what a function returns."""
    if not node.expands:
        if not fits(value, node.annotation):
            kind = type(value).__name__
            raise InputError(f"override '{node.name}' is {kind}, but {node.label} returns {describe(node.annotation)}")
        return
    if isinstance(value, (str, bytes, bytearray, dict)) or not hasattr(value, "__iter__"):
        kind = type(value).__name__
        raise InputError(f"override '{node.name}' must be the new items of {node.label}, a list say, not {kind}")
    for element in value[:SAMPLE] if isinstance(value, (list, tuple)) else ():
        if not fits(element, node.annotation):
            kind, gives = type(element).__name__, describe(node.annotation)
            raise InputError(f"override '{node.name}' has an item that is {kind}, but {node.label} gives items of {gives}")


def given_slot(value: Any, rank: int) -> Slot:
    if not rank:
        return Cell(value)
    items = list(value)
    return Column([Chunk(0, len(items), items)] if items else [])
