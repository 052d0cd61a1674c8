"""The parameters of a function as they are written: of plain functions read off their code, without the cost of `inspect`.

Theory: most functions of a flow are as ``def`` made them, and a code object says all about these in a fraction of the time.
What is decorated, wrapped or callable in any other way is left to `inspect`.

This module never looks at annotations.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from types import FunctionType
from typing import Any, NamedTuple, TypeGuard

from anabranch.derived import Positional

__all__ = [
    "EMPTY",
    "KEYWORD",
    "Written",
    "callable_by_name",
    "is_async",
    "is_bare",
    "is_generator",
    "is_plain",
    "is_simple",
    "written_parameters",
]

EMPTY = inspect.Parameter.empty
_POSITIONAL, _EITHER, KEYWORD = (
    inspect.Parameter.POSITIONAL_ONLY,
    inspect.Parameter.POSITIONAL_OR_KEYWORD,
    inspect.Parameter.KEYWORD_ONLY,
)
_REST = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
_ASYNC = inspect.CO_COROUTINE | inspect.CO_ASYNC_GENERATOR


def is_plain(function: Any) -> TypeGuard[FunctionType]:
    """Whether it is a function as ``def`` makes it, that no decorator has wrapped."""
    return type(function) is FunctionType and "__wrapped__" not in function.__dict__


def is_bare(function: Any) -> TypeGuard[FunctionType]:
    """Whether it is a function as ``def`` makes it, on which nothing has left anything: most are, and of these all is known
    from their code alone.
    """
    return type(function) is FunctionType and not function.__dict__


def is_async(function: Callable[..., Any]) -> bool:
    """Whether calling it gives something to await."""
    if is_bare(function):
        return bool(function.__code__.co_flags & _ASYNC)
    return inspect.iscoroutinefunction(function) or inspect.isasyncgenfunction(function)


def is_generator(function: Callable[..., Any]) -> bool:
    """Whether calling it gives a generator."""
    if is_bare(function):
        return bool(function.__code__.co_flags & inspect.CO_GENERATOR)
    return inspect.isgeneratorfunction(function)


class Written(NamedTuple):
    """One parameter of a signature."""

    name: str
    kind: Any
    default: Any = EMPTY


def written_parameters(function: Callable[..., Any]) -> Sequence[Written]:
    """The parameters of a function, but for ``*args`` and ``**kwargs``; of plain functions without the cost of `inspect`."""
    if not is_plain(function) or "__signature__" in function.__dict__:
        found = inspect.signature(function).parameters.values()
        return [Written(p.name, p.kind, p.default) for p in found if p.kind not in _REST]
    code = function.__code__
    defaults, keywords = function.__defaults__ or (), function.__kwdefaults__ or {}
    count, first = code.co_argcount, code.co_argcount - len(defaults)
    only = code.co_posonlyargcount
    names = code.co_varnames
    return [
        *(
            Written(names[n], _POSITIONAL if n < only else _EITHER, defaults[n - first] if n >= first else EMPTY)
            for n in range(count)
        ),
        *(Written(name, KEYWORD, keywords.get(name, EMPTY)) for name in names[count : count + code.co_kwonlyargcount]),
    ]


def is_simple(function: Any) -> TypeGuard[FunctionType]:
    """Whether it is a bare function all of whose parameters are plain ones that must be given."""
    if not is_bare(function) or function.__defaults__:
        return False
    code = function.__code__
    return not (code.co_posonlyargcount or code.co_kwonlyargcount)


def callable_by_name(function: Callable[..., Any], written: Sequence[Written]) -> Callable[..., Any]:
    """The function; if it has positional-only parameters with defaults, so that those after one left out can be given."""
    given = [parameter for parameter in written if parameter.kind is _POSITIONAL]
    if not given or all(parameter.default is EMPTY for parameter in given):
        return function
    return Positional(function, {parameter.name: parameter.default for parameter in given})
