"""What adapters are told of tasks, in the driver and where they run.

Theory: a task is code, and a call of it is code with a layout and values; all that is told of it follows from these three. The
values may lie elsewhere, and there may be many, so they are brought and put together only when somebody looks at them.

This module never knows how a task came to be.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from anabranch.code import Surrounding
from anabranch.executor import fetched
from anabranch.failure import Failure
from anabranch.lifecycle.base import NodeGroupPurpose
from anabranch.lifecycle.crew import Crew, collected
from anabranch.lifecycle.hooked import item_name
from anabranch.lineage import Variable
from anabranch.missing import MISSING
from anabranch.work import Code, Form, Layout, Outcome, arguments_of

__all__ = ["Around", "Instead", "Items", "TaskFacts", "ended", "told"]


@dataclass(frozen=True, slots=True)
class TaskFacts:
    """A task, as hooks know it."""

    name: str
    nodes: tuple[Variable, ...]
    purpose: NodeGroupPurpose

    def id(self, code: Code, layout: Layout, width: int | None) -> str:
        """Which task and which items: ``tree[0:8]``."""
        outer = item_name(_axes(code), layout.where)
        prefix = f"{outer}/" if outer else ""
        if not code.loops:
            return f"{prefix}{self.name}"
        return f"{prefix}{self.name}[{layout.start}:{'' if width is None else layout.start + width}]"


def told(facts: TaskFacts, code: Code, layout: Layout, values: tuple[Any, ...], width: int | None = None) -> dict[str, Any]:
    """What hooks are told before a task, and after it again; `width` is the number of items, if it is known already."""
    axes = _axes(code)
    inner = len(layout.where) + (1 if code.loops else 0)
    opener = "/".join(part for part in (item_name(axes, layout.where[: inner - 1]), axes[inner - 1]) if part) if inner else None
    return {
        "run_id": layout.run,
        "task_id": facts.id(code, layout, _width(layout, values) if width is None else width),
        "nodes": list(facts.nodes),
        "inputs": _Inputs(code, layout, values),
        "overrides": {},
        "spawning_task_id": opener,
        "purpose": facts.purpose,
    }


def ended(facts: TaskFacts, code: Code, came: Outcome | BaseException | None, word: str) -> dict[str, Any]:
    """What hooks are told besides after a task; `word` is what they call its results.

    An expander has none yet: its items have not been taken.
    """
    error = came if isinstance(came, BaseException) else None
    results = None
    if isinstance(came, Outcome):
        error = came.failures[0].exception if came.failures else None
        if came.outputs and facts.purpose is not NodeGroupPurpose.EXPAND_UNORDERED:
            results = _Outputs(code, came)
    return {word: results, "success": error is None, "error": error}


def _axes(code: Code) -> tuple[str, ...]:
    return code.tables[0].axes if code.tables else ()


@dataclass(frozen=True, slots=True)
class Around:
    """Tells a driver's adapters of each call of one task, where it runs; `within` goes on around the call itself."""

    crew: Crew
    facts: TaskFacts
    within: Surrounding | None = None

    def __call__(self, code: Code, layout: Layout, values: tuple[Any, ...], work: Callable[[], Outcome]) -> Outcome:
        """Does the work."""
        about = told(self.facts, code, layout, values)
        for hook in self.crew.before_task:
            hook.tell(about)
        with collected() as reports:
            try:
                outcome = work() if self.within is None else self.within(code, layout, values, work)
            except BaseException as error:
                self._ended(about, ended(self.facts, code, error, "results"))
                raise
            self._ended(about, ended(self.facts, code, outcome, "results"))
        return replace(outcome, notes=self.crew.notes_of(reports)) if reports else outcome

    def _ended(self, about: dict[str, Any], more: dict[str, Any]) -> None:
        about = {name: value for name, value in about.items() if name not in {"inputs", "overrides"}}
        for hook in self.crew.after_task:
            hook.tell({**about, **more})


@dataclass(frozen=True, slots=True)
class Instead:
    """Asks a driver's adapters for a value where a function has failed for good; `nodes` are the task's, by name."""

    crew: Crew
    nodes: Mapping[str, Variable]

    def __call__(self, failure: Failure) -> Any:
        """The value to go on with.

        Raises:
            Exception: there is none; the failure's, or another that is to be the failure.
        """
        node = self.nodes.get(failure.node)
        about = {
            "node_name": failure.node,
            "node_tags": node.tags if node is not None else {},
            "failure": failure,
            "task_id": item_name(failure.axes, failure.item),
            "item": failure.item,
            "is_expand": node is not None and node.expands,
        }
        error: Exception | None = None
        for method in self.crew.failing:
            try:
                value = method(about)
            except Exception as raised:
                error = raised
            else:
                return iter(value) if about["is_expand"] else value
        raise error if error is not None else failure.exception


class _Lazy(Mapping[str, Any]):
    """Values by name that are put together when one is looked at."""

    __slots__ = ("_made", "_names")

    def __init__(self, names: tuple[str, ...]) -> None:
        self._names = names
        self._made: dict[str, Any] | None = None

    def __iter__(self) -> Iterator[str]:
        return iter(dict.fromkeys(self._names))

    def __len__(self) -> int:
        return len(set(self._names))

    def __getitem__(self, name: str) -> Any:
        if self._made is None:
            self._made = self._make()
        return self._made[name]

    def __repr__(self) -> str:
        return f"<values of {', '.join(self._names)}>"

    def _make(self) -> dict[str, Any]:
        raise NotImplementedError


class _Inputs(_Lazy):
    __slots__ = ("_layout", "_values")

    def __init__(self, code: Code, layout: Layout, values: tuple[Any, ...]) -> None:
        super().__init__(code.takes[: len(layout.arguments)])
        self._layout = layout
        self._values = values

    def _make(self) -> dict[str, Any]:
        arguments = arguments_of(self._layout, tuple(fetched(value) for value in self._values))
        return {name: _there(value) for name, value in zip(self._names, arguments, strict=False)}


class _Outputs(_Lazy):
    __slots__ = ("_outcome",)

    def __init__(self, code: Code, outcome: Outcome) -> None:
        super().__init__(code.gives or (code.name,))
        self._outcome = outcome

    def _make(self) -> dict[str, Any]:
        return {name: _there(fetched(value)) for name, value in zip(self._names, self._outcome.outputs, strict=False)}


def _there(value: Any) -> Any:
    """The value without what is missing in it; None if it is missing itself."""
    if type(value) in MISSING:
        return None
    if type(value) is list and any(type(element) in MISSING or type(element) is list for element in value):
        return [_there(element) for element in value if type(element) not in MISSING]
    return value


def _width(layout: Layout, values: tuple[Any, ...]) -> int | None:
    """How many items a span has; None if that cannot be told from here."""
    for argument in layout.arguments:
        if argument.form is not Form.JOINED:
            continue
        width = 0
        for position, start, stop in argument.parts:
            if stop is not None:
                width += 1 if stop < 0 else stop - start
            elif isinstance(values[position], list):
                width += len(values[position])
            else:
                return None
        return width
    return None


class Items(Mapping[str, int]):
    """The items of a fan-out: their names, and their indices."""

    __slots__ = ("_prefix", "_width")

    def __init__(self, prefix: str, width: int) -> None:
        self._prefix = prefix
        self._width = width

    def __len__(self) -> int:
        return self._width

    def __iter__(self) -> Iterator[str]:
        return (f"{self._prefix}[{index}]" for index in range(self._width))

    def __getitem__(self, name: str) -> int:
        head, _, index = name.removesuffix("]").rpartition("[")
        if head != self._prefix or not index.isdecimal() or int(index) >= self._width:
            raise KeyError(name)
        return int(index)
