"""From Python functions to nodes: which functions of a module are nodes, and what their signatures say.

Theory: parse, don't validate. After this module an annotation is a type and a role, and nobody looks at `inspect` again.
"""

from __future__ import annotations

import functools
import inspect
import linecache
import re
import typing
from collections.abc import Awaitable, Callable, Coroutine, Generator, Iterable, Iterator, Mapping, Sequence
from types import FunctionType, ModuleType
from typing import Annotated, Any

from anabranch.awaiting import Awaited
from anabranch.errors import FlowError
from anabranch.graph.hints import resolve_hints
from anabranch.graph.node import Node, Parameter, Role
from anabranch.graph.signatures import (
    EMPTY,
    KEYWORD,
    Written,
    callable_by_name,
    is_async,
    is_bare,
    is_generator,
    is_plain,
    is_simple,
    written_parameters,
)
from anabranch.graph.types import assignable, describe
from anabranch.libraries import loaded
from anabranch.markers import MARKS, Collect, Parallelizable, Stream, marks_of, origin_of
from anabranch.placement import needs_of, place_of
from anabranch.policies import Policy, policy_of

__all__ = ["chosen", "functions_of", "module_from_functions", "node_of", "nodes_of", "origin_of", "read_result"]

_TOP_LEVEL = re.compile(r"^(?:async\s+)?def\s+(\w+)", re.MULTILINE)
_ROLES = {Collect: Role.COLLECT, Stream: Role.STREAM}
_AWAITABLES = (Awaitable, Coroutine)
_MARKERS: tuple[Any, ...] = (Parallelizable, Collect, Stream)


def module_from_functions(*functions: Callable[..., Any], name: str = "flow") -> ModuleType:
    """Makes a module out of functions, wherever they were defined: in `__main__`, a notebook, another function.

    Raises:
        FlowError: two of them have the same name, or one has none (a lambda) or is no function (a class, a bound method).
    """
    module = ModuleType(name, "A temporary module of functions.")
    setattr(module, MARKS, {"temporary": True})
    for function in functions:
        if not _is_function(function):
            what = f"'{function.__name__}', a" if hasattr(function, "__name__") else "a"
            raise FlowError(
                f"module_from_functions takes functions, not {what} {type(function).__name__}; define one with def that uses it"
            )
        key = getattr(function, "__name__", "<lambda>")
        if not key.isidentifier():
            raise FlowError(f"the function '{key}' ({origin_of(function)}) has no name to make a node of; define it with def")
        if hasattr(module, key) and key not in ("__name__", "__doc__"):
            first = origin_of(getattr(module, key))
            raise FlowError(f"two functions are called '{key}': {first} and {origin_of(function)}; rename one")
        setattr(module, key, function)
    return module


def functions_of(module: ModuleType, config: Mapping[str, Any]) -> Iterator[tuple[str, Callable[..., Any]]]:
    """Yields ``(node name, function)`` for the public functions that the module defines and the config lets in.

    Raises:
        FlowError: the module's text defines one name twice.
    """
    temporary = getattr(module, MARKS, {}).get("temporary", False)
    if not temporary:
        _check_redefined(module)
    home = module.__name__
    for name, value in list(vars(module).items()):
        if name.startswith("_") or not (type(value) is FunctionType or _is_function(value)):
            continue
        if not temporary and value.__module__ != home:
            continue
        if is_bare(value):
            yield name, value
        elif chosen(value, config):
            yield marks_of(value).get("name", name), value


def chosen(function: Callable[..., Any], config: Mapping[str, Any]) -> bool:
    """Whether the function is part of a flow with this config: not excluded, and let in by its conditions."""
    marks = marks_of(function)
    return not marks.get("excluded") and all(condition.holds(config) for condition in marks.get("conditions", ()))


def nodes_of(name: str, function: Callable[..., Any], config: Mapping[str, Any]) -> Sequence[Node]:
    """The nodes that the function stands for: one of that name, or what its modifiers make of it.

    Raises:
        FlowError: its signature, or a modifier, makes no sense.
    """
    marks = {} if is_bare(function) else marks_of(function)
    if "modifiers" not in marks and "mutations" not in marks:
        return (node_of(name, function),)
    from anabranch.graph.modify import modified  # flows without modifiers are built without it

    return modified(name, function, config)


def node_of(name: str, function: Callable[..., Any]) -> Node:
    """Reads the signature of `function` as a node.

    Raises:
        FlowError: an annotation makes no sense.
    """
    origin = origin_of(function)
    label = f"'{name}' ({origin})"
    plain = function if is_plain(function) else inspect.unwrap(function)
    hints = resolve_hints(function)
    annotation, expands = _result(label, plain, hints)
    doc = (inspect.getdoc(function) or "") if function.__doc__ else ""
    asynchronous = is_async(plain) or (plain is not function and is_async(function))
    if asynchronous and inspect.isasyncgenfunction(plain) and not expands:
        raise FlowError(f"{label} is 'async def' and yields; write '-> Parallelizable[T]' to fan out over what it yields")
    if is_simple(function) and not asynchronous:
        names = function.__code__.co_varnames[: function.__code__.co_argcount]
        parameters = tuple([_simple_parameter(label, name, hints.get(name, Any)) for name in names])
        return Node(name, function, parameters, annotation, expands, doc=doc, origin=origin, originating=(function,))
    written = written_parameters(function)
    parameters = tuple([_parameter(label, one, hints) for one in written])
    called = callable_by_name(_awaited(function, parameters) if asynchronous else function, written)
    marks = marks_of(function)
    if marks.get("associative") and sum(parameter.role is Role.COLLECT for parameter in parameters) != 1:
        raise FlowError(f"{label} is @associative and must have exactly one Collect parameter")
    return Node(
        name,
        called,
        parameters,
        annotation,
        expands=expands,
        join=marks.get("join"),
        associative=bool(marks.get("associative")),
        doc=doc,
        origin=origin,
        originating=(function,),
        policy=_policy(label, function, parameters, expands=expands),
        place=_place(label, function, parameters, expands=expands),
        resources=needs_of(function),
        per_worker=bool(marks.get("per_worker")),
    )


def _awaited(function: Callable[..., Any], parameters: Sequence[Parameter]) -> Awaited:
    streams = [(place, one.name) for place, one in enumerate(parameters) if one.role is Role.STREAM]
    return Awaited(function, frozenset(key for keys in streams for key in keys))


def _simple_parameter(label: str, name: str, annotation: Any) -> Parameter:
    if type(annotation) is type and annotation not in _MARKERS:
        return _shared_parameter(name, annotation)
    return Parameter(name, *_role(label, name, annotation))


@functools.lru_cache(1024)
def _shared_parameter(name: str, annotation: type) -> Parameter:
    """The parameter of that name and class: one for all functions that have it, which in large modules saves time and room."""
    return Parameter(name, Role.PLAIN, 0, annotation)


def _own(label: str, function: Callable[..., Any], annotation: Any) -> Any:
    """The type of what each worker makes for itself: of a generator what it yields."""
    if (typing.get_origin(annotation) or annotation) is Parallelizable:
        raise FlowError(f"{label} is @per_worker and Parallelizable: each worker makes one thing; return or yield that")
    if inspect.isgeneratorfunction(function):
        return (*typing.get_args(annotation), Any)[0]
    return annotation


def _policy(label: str, function: Callable[..., Any], parameters: Iterable[Parameter], *, expands: bool) -> Policy | None:
    policy = policy_of(function)
    if policy is not None and policy.retries is not None and any(p.role is Role.STREAM for p in parameters):
        raise FlowError(f"{label} reads a Stream, which cannot be read again: @retry has no place there; collect a list")
    if policy is not None and policy.timeout is not None and any(p.role is Role.STREAM for p in parameters):
        raise FlowError(f"{label} reads a Stream, so how long it takes depends on others: limit those, or the run, not it")
    if policy is not None and policy.timeout is not None and expands:
        raise FlowError(f"{label} is Parallelizable; @timeout limits functions that return a value, not the pace of a source")
    if policy is not None and policy.limits and marks_of(function).get("associative"):
        raise FlowError(f"{label} is @associative, so it is called as often as it suits the run; @limit has no place there")
    if policy is not None and policy.limits and (expands or any(p.role is Role.STREAM for p in parameters)):
        why = "is Parallelizable: it is pulled" if expands else "reads a Stream, and waits for it"
        raise FlowError(f"{label} {why}, and is called once; @limit limits functions that are called for each item")
    return policy


def _place(label: str, function: Callable[..., Any], parameters: Iterable[Parameter], *, expands: bool) -> str:
    place, needs = place_of(function), needs_of(function)
    if needs is not None and needs.decide is not None:
        taken = [one for one in inspect.signature(needs.decide).parameters.values() if one.kind is not one.VAR_KEYWORD]
        known = [parameter.name for parameter in parameters]
        unknown = [one.name for one in taken if one.default is one.empty and one.name not in known]
        if unknown:
            raise FlowError(f"{label}: the function in @resources takes '{unknown[0]}', which '{function.__name__}' does not")
    if (place or needs is not None) and (expands or any(p.role is Role.STREAM for p in parameters)):
        word = "@run_on" if place else "@resources"
        why = "is Parallelizable: the driver pulls it" if expands else "reads a Stream, which the driver feeds"
        raise FlowError(f"{label} {why}, so {word} has no place there; put it on the functions that do the work")
    return place


def _is_function(value: Any) -> bool:
    return isinstance(value, FunctionType) or (
        callable(value) and not isinstance(value, type) and isinstance(getattr(value, "__wrapped__", None), FunctionType)
    )


def _result(label: str, function: Callable[..., Any], hints: Mapping[str, Any]) -> tuple[Any, bool]:
    annotation = hints.get("return", Any)
    if not is_bare(function) and marks_of(function).get("per_worker"):
        return _own(label, function, annotation), False
    if is_generator(function):
        annotation = _plain(annotation)
        if (typing.get_origin(annotation) or annotation) not in _MARKERS:
            _check_generator(label, annotation, said="return" in hints)
    elif type(annotation) is not type and (typing.get_origin(annotation) or annotation) in _AWAITABLES:
        kind = describe(annotation)
        raise FlowError(f"{label} returns {kind}, which nobody would await; make it 'async def' and await it there")
    return read_result(label, annotation)


def read_result(label: str, annotation: Any) -> tuple[Any, bool]:
    """The type of what a function gives, or of one item if it opens a fan-out, and whether it does.

    Raises:
        FlowError: a marker stands where it makes no sense.
    """
    if type(annotation) is type and annotation not in _MARKERS:
        return annotation, False  # as most are
    annotation = _plain(annotation)
    origin = typing.get_origin(annotation) or annotation
    _check_buried(label, "the return annotation", annotation)
    if origin in (Collect, Stream):
        raise FlowError(f"{label} returns {origin.__name__}, which belongs on a parameter; return a list")
    if origin is not Parallelizable:
        return annotation, False
    item = _item(label, "return", annotation)
    if (typing.get_origin(item) or item) in _MARKERS:
        raise FlowError(f"{label}: Parallelizable opens one axis; for two, let a second function expand each item")
    return item, True


def _check_generator(label: str, annotation: Any, *, said: bool) -> None:
    advice = "write '-> Parallelizable[T]' to fan out over what it yields"
    if not said:
        raise FlowError(f"{label} yields but does not say what it returns; {advice}")
    if not assignable(Generator[Any, Any, Any], annotation):
        raise FlowError(f"{label} yields but says that it returns {describe(annotation)}; {advice}")


def _check_buried(label: str, where: str, annotation: Any) -> None:
    """A marker says something only as the outermost part of an annotation: inside a union, say, it would be ignored."""
    outermost = (typing.get_origin(annotation) or annotation) in _MARKERS
    waiting = [] if outermost else list(typing.get_args(annotation))
    while waiting:
        part = waiting.pop()
        kind = typing.get_origin(part) or part
        if any(kind is marker for marker in _MARKERS):
            name = kind.__name__
            raise FlowError(f"{label}: {where} has {name} inside of {describe(annotation)}; {name}[…] must be the outermost")
        waiting.extend(part if isinstance(part, list) else typing.get_args(part))


def _parameter(label: str, written: Written, hints: Mapping[str, Any]) -> Parameter:
    name, kind, default = written
    role, depth, annotation = _role(label, name, hints.get(name, Any))
    return Parameter(name, role, depth, annotation, default is EMPTY, kind is KEYWORD)


def _role(label: str, name: str, annotation: Any) -> tuple[Role, int, Any]:
    if type(annotation) is type and annotation not in _MARKERS:
        return Role.PLAIN, 0, annotation
    role, depth = Role.PLAIN, 0
    annotation = _plain(annotation)
    origin = typing.get_origin(annotation) or annotation
    while origin in _ROLES or origin is Parallelizable:
        if origin is Parallelizable:
            raise FlowError(f"{label}: parameter '{name}' is Parallelizable, which belongs on a return; name the item's type")
        if depth and origin is Stream:
            raise FlowError(f"{label}: parameter '{name}' nests Stream inside {role.name.title()}; Stream must be outermost")
        role, depth = (role if depth else _ROLES[origin]), depth + 1
        annotation = _plain(_item(label, f"parameter '{name}'", annotation))
        origin = typing.get_origin(annotation) or annotation
    _check_buried(label, f"the annotation of parameter '{name}'", annotation)
    return role, depth, annotation


def _item(label: str, where: str, annotation: Any) -> Any:
    arguments = typing.get_args(annotation)
    if not arguments:
        kind = annotation.__name__
        raise FlowError(f"{label}: {where} is a bare {kind}; say the type of an item: {kind}[int], or {kind}[Any]")
    return arguments[0]


def _plain(annotation: Any) -> Any:
    if annotation is None:
        return type(None)
    while typing.get_origin(annotation) is Annotated:
        annotation = typing.get_args(annotation)[0]
    return annotation


def _is_decorator(value: object) -> bool:
    """Whether it is what a decorator of anabranch gives before it is told what to decorate."""
    if type(value) is FunctionType:
        return value.__name__ == "decorate" and value.__module__.startswith("anabranch.")
    modifier = loaded("anabranch.function_modifiers.modifier.Modifier")
    return modifier is not None and isinstance(value, modifier)


def _check_redefined(module: ModuleType) -> None:
    file = getattr(module, "__file__", None)
    text = "".join(linecache.getlines(file)) if file else ""
    names = _TOP_LEVEL.findall(text)
    for name in names:
        if _is_decorator(vars(module).get(name)):
            raise FlowError(
                f"'{name}' ({file}) is no function any more: a decorator above it lacks its parentheses and what it is to be "
                f"told in them, as in @retry(attempts=3) or @check_output(range=(0, 1))"
            )
    if len(names) == len(set(names)):
        return
    import ast

    lines: dict[str, int] = {}
    for statement in ast.parse(text).body:
        if not isinstance(statement, (ast.FunctionDef, ast.AsyncFunctionDef)) or statement.name.startswith("_"):
            continue
        if any("overload" in ast.dump(decorator) for decorator in statement.decorator_list):
            continue
        if statement.name in lines:
            raise FlowError(
                f"two functions are called '{statement.name}': {file}:{lines[statement.name]} and {file}:{statement.lineno}; "
                f"rename one (alternatives are '{statement.name}__a', '{statement.name}__b' with @config.when)"
            )
        lines[statement.name] = statement.lineno
