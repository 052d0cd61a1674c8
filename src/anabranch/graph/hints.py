"""From the annotations of a function to types, whatever form they were written in.

Theory: an annotation is an expression, and may be text that is evaluated only now. One unknown name (imported under
`TYPE_CHECKING`, say) costs its own sub-expression, which becomes `Any`, and nothing else; a class that only its stubs can
subscript (`pd.Series[float]`) is bare. What is no expression at all is the author's error.

This module never judges a type; see `anabranch.graph.types`.
"""

from __future__ import annotations

import ast
import builtins
import collections.abc as cabc
import functools
import importlib
import operator
import types
import typing
from collections.abc import Callable
from typing import Annotated, Any, ForwardRef, Literal, Union, get_origin

from anabranch.errors import FlowError
from anabranch.graph.types import describe

__all__ = ["resolve_hints"]


class _Scope(typing.NamedTuple):
    """Where the names of a function's annotations are looked up, and which strings are being evaluated already."""

    globals: dict[str, Any]
    locals: dict[str, Any]
    within: frozenset[str] = frozenset()


def resolve_hints(function: Callable[..., Any]) -> dict[str, Any]:
    """The types of the parameters and of `return`; a name that cannot be resolved becomes `Any` where it stands.

    Decorators that set `__wrapped__`, partials, methods and callable objects are looked through; what an outer
    function says itself wins. Raises `FlowError` for an annotation that is an error in any other way.
    """
    at_once = _at_once(function)
    if at_once is not None:
        return at_once
    written: dict[str, Any] = {}
    hints: dict[str, Any] = {}
    for layer in reversed(_layers(function)):
        scope = None
        for name, annotation in _annotations(layer).items():
            if name in written and written[name] is annotation:  # copied by functools.wraps: it means the inner scope
                continue
            written[name] = annotation
            if type(annotation) is type:
                hints[name] = annotation
                continue
            scope = scope or _scope(layer)
            try:
                hints[name] = _settled(annotation, scope)
            except Exception as error:
                raise _unreadable(layer, name, annotation, error) from error
    return hints


def _at_once(function: Any) -> dict[str, Any] | None:
    """The same for a function that has no layers and whose annotations are plain classes, or names of such: most are, and it
    takes a tenth of the time. None if it is any other.
    """
    if type(function) is not types.FunctionType or function.__dict__ or function.__closure__:
        return None
    if getattr(function, "__type_params__", ()):
        return None
    hints = {}
    for name, written in _annotations(function).items():
        kind = written
        if type(written) is str:
            kind = (function.__globals__ if written in function.__globals__ else vars(builtins)).get(written)
        if type(kind) is not type:
            return None
        hints[name] = kind
    return hints


def _layers(function: Any) -> list[types.FunctionType]:
    """The plain functions that a callable consists of, the outermost first."""
    found: list[types.FunctionType] = []
    for _ in range(100):  # `__wrapped__` may be circular
        if isinstance(function, functools.partial):
            function = function.func
        elif isinstance(function, types.MethodType):
            function = function.__func__
        elif isinstance(function, types.FunctionType):
            found.append(function)
            if "__wrapped__" not in function.__dict__:
                break
            function = function.__dict__["__wrapped__"]
        elif not isinstance(function, type) and hasattr(function, "__wrapped__"):
            function = function.__wrapped__
        elif not isinstance(function, type) and isinstance(type(function).__call__, types.FunctionType):
            function = type(function).__call__
        else:
            break
    return found


def _annotations(function: types.FunctionType) -> dict[str, Any]:
    try:
        return function.__annotations__
    except Exception:
        annotationlib = importlib.import_module("annotationlib")
        texts: dict[str, Any] = annotationlib.get_annotations(function, format=annotationlib.Format.STRING)
        return texts


def _scope(function: types.FunctionType) -> _Scope:
    names: dict[str, Any] = {parameter.__name__: parameter for parameter in getattr(function, "__type_params__", ())}
    for closed in (function, getattr(function, "__annotate__", None)):
        if closed is None or not closed.__closure__:
            continue
        for name, cell in zip(closed.__code__.co_freevars, closed.__closure__, strict=True):
            try:
                names[name] = cell.cell_contents
            except ValueError:  # not assigned yet
                continue
    return _Scope(function.__globals__, names)


def _unreadable(function: types.FunctionType, name: str, annotation: Any, error: Exception) -> FlowError:
    what = "return annotation" if name == "return" else f"annotation of parameter '{name}'"
    code = function.__code__
    return FlowError(
        f"{code.co_filename}:{code.co_firstlineno}: the {what} of {function.__module__}.{function.__qualname__}() "
        f"cannot be read: {describe(annotation)!r} raises {type(error).__name__}: {error}; correct it or leave it out"
    )


def _settled(annotation: Any, scope: _Scope) -> Any:
    """The annotation with every string in it evaluated."""
    if isinstance(annotation, (str, ForwardRef)):
        return _evaluated(annotation if isinstance(annotation, str) else annotation.__forward_arg__, scope)
    if annotation is None:
        return types.NoneType
    args = getattr(annotation, "__args__", None)
    origin = get_origin(annotation)
    if not args or not isinstance(args, tuple) or origin is None or origin is Literal:
        return annotation
    settled = tuple([_settled(arg, scope) for arg in args])
    if all(map(operator.is_, settled, args)):
        return annotation
    if origin is Annotated:
        return operator.getitem(Annotated, (*settled, *annotation.__metadata__))
    if origin in (Union, types.UnionType):
        return operator.getitem(Union, settled)
    if origin is cabc.Callable:
        listed = len(settled) != 2 or not (settled[0] is ... or get_origin(settled[0]) is typing.Concatenate)
        return operator.getitem(Callable, (list(settled[:-1]) if listed else settled[0], settled[-1]))
    return annotation.copy_with(settled) if hasattr(annotation, "copy_with") else origin[settled]


def _evaluated(text: str, scope: _Scope) -> Any:
    if text in scope.within or text.startswith("*"):  # an alias that contains itself; `*args: *Ts`
        return Any
    inner = scope._replace(within=scope.within | {text})
    try:
        found = eval(text, scope.globals, scope.locals)  # noqa: S307  the author's own source, as typing does
    except (NameError, TypeError):
        found = _tolerant(ast.parse(text.strip(), mode="eval").body, inner)
    return _settled(found, inner)


def _tolerant(node: ast.expr, scope: _Scope) -> Any:
    """Evaluates part by part what failed as a whole."""
    match node:
        case ast.Constant(value=str(text)):
            return _evaluated(text, scope)
        case ast.BinOp(left=left, op=ast.BitOr(), right=right):
            return operator.getitem(Union, (_tolerant(left, scope), _tolerant(right, scope)))
        case ast.List(elts=parts):
            return [_tolerant(part, scope) for part in parts]
        case ast.Subscript(value=value, slice=key):
            return _subscripted(_tolerant(value, scope), key, scope)
        case _:
            return _literally(node, scope)


def _literally(node: ast.expr, scope: _Scope) -> Any:
    try:
        return eval(compile(ast.Expression(node), "<annotation>", "eval"), scope.globals, scope.locals)  # noqa: S307
    except NameError:
        return Any


def _subscripted(generic: Any, key: ast.expr, scope: _Scope) -> Any:
    parts = key.elts if isinstance(key, ast.Tuple) else [key]
    if generic is Any:
        return Any
    types_first = {Literal: 0, Annotated: 1}.get(generic, len(parts))  # what follows them are values, not types
    values = [_tolerant(part, scope) for part in parts[:types_first]]
    values += [_literally(part, scope) for part in parts[types_first:]]
    try:
        return generic[tuple(values) if isinstance(key, ast.Tuple) else values[0]]
    except TypeError:
        if isinstance(generic, type):  # generic in its stubs only
            return generic
        raise
