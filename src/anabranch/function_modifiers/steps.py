"""Steps on the way into a function or out of it: `pipe_input`, `pipe_output`, and `mutate` from the step's side.

Theory: a step is a function whose first parameter takes what the step before it gave; its other parameters are bound like
those of `inject`, or read the node of their name. Every step is a node of its own, so a pipe is seen in lineage, pictures and
failures, and each of its values can be asked for. What a step takes of a fan-out is said by its own annotations: a plain
parameter runs per item, a `Collect` gets the list.

`mutate` says the same as `pipe_output` on the other functions, so its mark is left on them. Decorating again under the same
name replaces that mark: a cell of a notebook may be run twice.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from types import EllipsisType
from typing import Any, Self, TypeVar, cast

from anabranch.errors import FlowError, nearest_or_all
from anabranch.function_modifiers.conditions import Condition
from anabranch.function_modifiers.dependencies import Dependency, as_dependency
from anabranch.function_modifiers.modifier import Modifier, Target, label_of, parameters_of
from anabranch.markers import mark, marks_of

__all__ = [
    "Applicable",
    "Application",
    "Mutate",
    "Mutation",
    "PipeInput",
    "PipeOutput",
    "Step",
    "apply_to",
    "mutate",
    "mutations_of",
    "pipe",
    "pipe_input",
    "pipe_output",
    "step",
]

F = TypeVar("F", bound=Callable[..., Any])
Namespace = str | EllipsisType | None


@dataclass(frozen=True, slots=True)
class Applicable:
    """What `step` and `apply_to` have in common: arguments, and when, where and under which name it is applied.

    Attributes:
        function: a step's own, or the one whose output `mutate` works on.
        args: what the parameters after the first are bound to, in order.
        kwargs: what other parameters are bound to.
        conditions: all must hold for the config, or the step is left out.
        name: the node's name; without it ``with_`` and the function's.
        namespace: what stands before it; `...` leaves it to the pipe.
        target: which of a function's nodes it is applied to.
    """

    function: Callable[..., Any]
    args: tuple[Dependency, ...] = ()
    kwargs: Mapping[str, Dependency] = field(default_factory=dict)
    conditions: tuple[Condition, ...] = ()
    name: str | None = None
    namespace: Namespace = ...
    target: Target = None

    def when(self, **wanted: Any) -> Self:
        """Applied only if every given config value is the one given here."""
        return self._on_condition("when", wanted)

    def when_not(self, **wanted: Any) -> Self:
        """Applied only if no given config value is the one given here."""
        return self._on_condition("when_not", wanted)

    def when_in(self, **wanted: Any) -> Self:
        """Applied only if every config value is among those given here."""
        return self._on_condition("when_in", wanted)

    def when_not_in(self, **wanted: Any) -> Self:
        """Applied only if no config value is among those given here."""
        return self._on_condition("when_not_in", wanted)

    def named(self, name: str, namespace: Namespace = ...) -> Self:
        """The name of the step's node, and of its namespace: None for none, `...` for that of the pipe."""
        if not isinstance(name, str) or not name:
            raise FlowError(f"a step on {label_of(self.function)} is named with a text, as in .named('cleaned')")
        return replace(self, name=name, namespace=namespace)

    def on_output(self, target: str | tuple[str, ...] | list[str]) -> Self:
        """Applied only to these of the nodes that the decorated function makes."""
        return replace(self, target=target if isinstance(target, str) else tuple(target))

    def _on_condition(self, check: str, wanted: dict[str, Any]) -> Self:
        if not wanted:
            raise FlowError(f".{check} of a step needs at least one config key, as in .{check}(region='eu')")
        return replace(self, conditions=(*self.conditions, Condition(check, tuple(wanted.items()))))


@dataclass(frozen=True, slots=True)
class Step(Applicable):
    """One function of a pipe."""

    @property
    def own_name(self) -> str:
        """``with_`` and the function's name; empty if it has none that can be one."""
        name = getattr(self.function, "__name__", "")
        return (f"with{name}" if name.startswith("_") else f"with_{name}") if name.isidentifier() else ""

    @property
    def bindings(self) -> dict[str, Dependency]:
        """Parameters that are bound, by name."""
        names = list(parameters_of(self.function))[1 : 1 + len(self.args)]
        return {**dict(zip(names, self.args, strict=True)), **self.kwargs}


@dataclass(frozen=True, slots=True)
class Application(Applicable):
    """One function whose output `mutate` works on, and how."""


@dataclass(frozen=True, slots=True)
class PipeInput(Modifier):
    """Steps between what parameters read and the function."""

    steps: tuple[Step, ...]
    namespace: Namespace = ...
    on_input: tuple[str, ...] = ()

    def check(self, function: Callable[..., Any]) -> None:
        """Checks that there is a parameter for the pipe."""
        self.check_parameters(function, self.on_input)
        if not parameters_of(function):
            raise self.refuse(function, "the function has no parameter; pipe_output works on what it gives")
        if any(step.target is not None for step in self.steps):
            raise self.refuse(function, "on_output is for pipe_output; choose the parameter with pipe_input(…, on_input='…')")


@dataclass(frozen=True, slots=True)
class PipeOutput(Modifier):
    """Steps between what the function gives and those who read it."""

    steps: tuple[Step, ...]
    namespace: Namespace = ...
    on_output: Target = None

    def check(self, function: Callable[..., Any]) -> None:
        """Checks that nodes are chosen in one place."""
        if self.on_output is not None and any(step.target is not None for step in self.steps):
            raise self.refuse(function, "on_output is given for the pipe and for a step; give it in one place")


@dataclass(frozen=True, slots=True)
class Mutation(PipeOutput):
    """A step on a function's output that stands on another function."""

    @property
    def word(self) -> str:
        """What it is called in messages."""
        return "mutate"


@dataclass(frozen=True, slots=True)
class Mutate(Modifier):
    """The decorated function is a step on the output of others."""

    applications: tuple[Application, ...]

    def __call__(self, function: F, /) -> F:
        """Leaves the step with the functions that it works on, and keeps the decorated function out of the flow.

        Raises:
            FlowError: one of them is in another module, or the step cannot be made.
        """
        found: dict[Callable[..., Any], list[Step]] = {}
        for given in self.applications:
            one = replace(given, function=self._found(function, given.function)) if isinstance(given.function, str) else given
            if one.function.__module__ != function.__module__:
                raise self.refuse(function, f"{label_of(one.function)} is in another module; mutate it there")
            step = _checked(Step(function, one.args, one.kwargs, one.conditions, one.name, one.namespace, one.target))
            found.setdefault(one.function, []).append(step)
        for target, steps in found.items():
            known = dict(marks_of(target).get("mutations", {}))
            known[_identity(function)] = tuple(steps)
            mark(target, mutations=known)
        return mark(function, excluded=True)

    def _found(self, function: Callable[..., Any], name: str) -> Callable[..., Any]:
        """The function of that name in the decorated function's module."""
        found = getattr(function, "__globals__", {}).get(name)
        if found is None or isinstance(found, type) or not callable(found):
            raise self.refuse(function, f"its module has no function '{name}' above it")
        return cast("Callable[..., Any]", found)


def step(fn: Callable[..., Any], *args: Any, **kwargs: Any) -> Step:
    """A function of a pipe. Its first parameter takes the value that comes along the pipe.

    Args:
        fn: the function.
        args: for the parameters after the first: `source(…)`, `value(…)` or literals.
        kwargs: the same by name.

    Raises:
        FlowError: the function has no such parameters.
    """
    if not callable(fn):
        raise FlowError(f"step takes a function, not a value of type {type(fn).__name__}")
    given = {name: as_dependency(one) for name, one in kwargs.items()}
    return _checked(Step(fn, tuple(as_dependency(one) for one in args), given))


def pipe_input(*transforms: Step, namespace: Namespace = ..., on_input: str | list[str] | None = None) -> PipeInput:
    """Works on an input of the function, step by step.

    Args:
        transforms: `step`s, in order.
        namespace: what stands before the names of the steps: by default the function's node; None for nothing.
        on_input: the parameters whose values are worked on; by default the first.

    Raises:
        FlowError: what is given are no steps.
    """
    chosen = (on_input,) if isinstance(on_input, str) else tuple(on_input or ())
    return PipeInput(_steps("pipe_input", transforms), namespace, chosen)


pipe = pipe_input


def pipe_output(*transforms: Step, namespace: Namespace = ..., on_output: Target = None) -> PipeOutput:
    """Works on what the function gives, step by step: node `x` becomes ``x.raw``, the steps, and `x`.

    Args:
        transforms: `step`s, in order.
        namespace: what stands before the names of the steps: by default the node; None for nothing.
        on_output: which of the function's nodes are worked on; by default the last ones.

    Raises:
        FlowError: what is given are no steps.
    """
    return PipeOutput(_steps("pipe_output", transforms), namespace, on_output)


def apply_to(fn_: Callable[..., Any] | str, **mutating_fn_kwargs: Any) -> Application:
    """A function that `mutate` shall work on, with its own arguments for that, conditions, name or nodes.

    A name stands for the function that the module has by it when `mutate` decorates.

    Raises:
        FlowError: it is no function.
    """
    if isinstance(fn_, type) or not (callable(fn_) or isinstance(fn_, str)):
        raise FlowError(f"apply_to takes a function, not a value of type {type(fn_).__name__}")
    given = {name: as_dependency(one) for name, one in mutating_fn_kwargs.items()}
    return Application(cast("Callable[..., Any]", fn_), (), given)


def mutate(*target_functions: Callable[..., Any] | str | Application, **mutating_function_kwargs: Any) -> Mutate:
    """The decorated function is a step on the output of other functions of the same module, as `pipe_output` on each.

    ``@mutate(prices, apply_to(rates, by=value(2)), by=source("factor")) def _scaled(given: float, by: float) -> float``.
    Several mutators of a function follow each other in the order in which they are written.

    Args:
        target_functions: functions or their names, or these with `apply_to`.
        mutating_function_kwargs: what parameters after the first are bound to, where `apply_to` says nothing.

    Raises:
        FlowError: none is given, or what is given is no function.
    """
    if not target_functions:
        raise FlowError("@mutate needs at least one function to work on, as in @mutate(prices)")
    given = {name: as_dependency(one) for name, one in mutating_function_kwargs.items()}
    found = (one if isinstance(one, Application) else apply_to(one) for one in target_functions)
    return Mutate(tuple(one if one.kwargs else replace(one, kwargs=given) for one in found))


def mutations_of(function: Callable[..., Any]) -> tuple[Step, ...]:
    """The steps that `mutate` left with a function, in order."""
    found: Mapping[object, tuple[Step, ...]] = marks_of(function).get("mutations", {})
    return tuple(step for steps in found.values() for step in steps)


def _steps(word: str, transforms: tuple[Any, ...]) -> tuple[Step, ...]:
    for one in transforms:
        if not isinstance(one, Step):
            raise FlowError(f"@{word} takes step(function, …), not a value of type {type(one).__name__}")
    return transforms


def _checked(step: Step) -> Step:
    """The step, if its function has the parameters that are bound.

    Raises:
        FlowError: it has not.
    """
    where = f"step {label_of(step.function)}"
    known = parameters_of(step.function)
    if not known:
        raise FlowError(f"{where}: the function has no parameter to take the value that comes along the pipe")
    first, *others = known
    if len(step.args) > len(others):
        raise FlowError(
            f"{where}: {len(step.args)} arguments are given, but after '{first}' there are {len(others)} parameters"
        )
    open_ended = any(p.kind is p.VAR_KEYWORD for p in inspect.signature(step.function).parameters.values())
    for name in step.kwargs:
        if name == first:
            raise FlowError(f"{where}: '{name}' is its first parameter, which takes the value that comes along the pipe")
        if name in others[: len(step.args)]:
            raise FlowError(f"{where}: parameter '{name}' is bound twice; bind it once")
        if name not in others and not open_ended:
            raise FlowError(f"{where}: there is no parameter '{name}'{nearest_or_all(name, others)}")
    return step


def _identity(function: Callable[..., Any]) -> object:
    """What a function is known by: its place among a module's names, or, within another function, itself."""
    name = getattr(function, "__qualname__", "<locals>")
    return function if "<locals>" in name else (function.__module__, name)
