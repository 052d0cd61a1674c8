"""What annotations say about an edge: may this value go there, and how is its type called in a message.

Theory: an annotation is a claim, often a loose one. A flow that would have run must never be stopped by a guess, so
every question here has two answers, "surely wrong" (False) and "not surely wrong" (True), and whatever is unknown,
exotic, unresolved or too costly to look at is the second. What a strict checker would refuse for soundness alone
(`list[int]` for `list[float]`, `str` for `Literal["a"]`, `tuple[int, ...]` for `tuple[int, int]`) is accepted; what can
hardly be meant (`int | None` for `int`, `Sequence` for `list`, a class for an unrelated class) is refused.

Invariants. `assignable(A, A)`, `assignable(A, Any)` and `assignable(A, A | None)` hold for every annotation, and
`assignable` and `fits` never raise. A question costs at most `LIMIT` steps, however recursive the aliases, however deep
and long the values. A user's value is never asked for its `repr`, its truth or its equality; iterators are never read.

This module must never know what a graph, an axis or a role is. The markers are plain generic classes here, compared
with each other by their arguments; a marker against anything else is the graph's question, and the answer is True. Nor
does it know numpy or pandas: their classes are recognised by what they registered themselves as.
"""

from __future__ import annotations

import abc
import collections
import collections.abc as cabc
import enum
import inspect
import itertools
import numbers
import operator
import types
import typing
from typing import Annotated, Any, Literal, NewType, TypeVar, Union, get_args, get_origin

from anabranch.markers import Collect, Parallelizable, Stream

__all__ = ["assignable", "describe", "fits"]

LIMIT = 2_000
"""How many comparisons one question may cost; beyond it the answer is "not surely wrong"."""

SAMPLE = 100
"""How many elements of a container are looked at."""

MARKERS: tuple[Any, ...] = (Collect, Parallelizable, Stream)
EMPTY = inspect.Parameter.empty
UNIONS: tuple[Any, ...] = (Union, types.UnionType)
QUALIFIERS = ("Required", "NotRequired", "ReadOnly", "Final", "ClassVar")
SCALARS = (int, bool, str, bytes)
CONTAINERS = (list, tuple, set, frozenset, dict)
ELEMENT = {str: str, bytes: int, bytearray: int, memoryview: int, range: int}
TOWER = (numbers.Integral, numbers.Real, numbers.Complex, numbers.Number)
NOMINAL = (type.__instancecheck__, abc.ABCMeta.__instancecheck__, type(typing.Protocol).__instancecheck__)


class _Unsure(Exception):
    """The comparison got longer than it is worth."""


class _Effort:
    """Counts the steps of one question."""

    __slots__ = ("left",)

    def __init__(self) -> None:
        self.left = LIMIT

    def spend(self) -> None:
        self.left -= 1
        if self.left < 0:
            raise _Unsure


def assignable(source: Any, target: Any) -> bool:
    """Whether a value annotated `source` may go where `target` is asked for; False only if that is surely wrong."""
    if source is target or target is Any or target is EMPTY or source is Any or source is EMPTY:
        return True
    try:
        return _relates(source, target, _Effort())
    except Exception:
        return True


def fits(value: Any, annotation: Any) -> bool:
    """Whether this very value may go where `annotation` is asked for; False only if that is surely wrong."""
    if type(value) is annotation or annotation is Any or annotation is EMPTY:
        return True
    try:
        return _fits(value, annotation, _Effort())
    except Exception:
        return True


def _bare(annotation: Any) -> Any:
    """The annotation without its wrapping: `Annotated`, qualifiers, type aliases; a `TypedDict` is a dict."""
    for _ in range(20):  # `type X = X` is legal
        origin = get_origin(annotation)
        if annotation is None:
            return types.NoneType
        if origin is Annotated or (origin is not None and getattr(origin, "_name", None) in QUALIFIERS):
            annotation = annotation.__origin__ if origin is Annotated else get_args(annotation)[0]
        elif type(annotation).__name__ == "TypeAliasType":
            annotation = annotation.__value__
        elif typing.is_typeddict(origin or annotation):
            return dict
        else:
            return str if annotation is typing.LiteralString else annotation
    return Any


def _is_opaque(kind: Any) -> bool:
    """Whether being an instance of this says nothing: no class at all, a marker, or a notation for other classes."""
    if not isinstance(kind, type) or kind is Any or kind is object or kind is EMPTY or kind in MARKERS:
        return True
    return kind.__module__.startswith("pandera.")  # its frames are plain pandas frames at run time


def _relates(source: Any, target: Any, effort: _Effort) -> bool:
    effort.spend()
    source, target = _bare(source), _bare(target)
    if source is target:
        return True
    source_origin, target_origin = get_origin(source), get_origin(target)
    if source_origin in UNIONS:
        return all(_relates(member, target, effort) for member in get_args(source))
    if isinstance(source, TypeVar):  # what it stands for is decided by the caller: enough if it could be right
        return any(_relates(one, target, effort) or _relates(target, one, effort) for one in _choices(source))
    if source_origin is Literal and len(get_args(source)) > 1:
        return all(_relates(operator.getitem(Literal, value), target, effort) for value in get_args(source))
    if target_origin in UNIONS:
        return any(_relates(source, member, effort) for member in get_args(target))
    if isinstance(target, TypeVar):
        return any(_relates(source, one, effort) for one in _choices(target))
    if isinstance(source, NewType) or isinstance(target, NewType):
        return _new_types_relate(source, target, effort)
    if Literal in (source_origin, target_origin):
        return _literals_relate(source, target, effort)
    return _generics_relate(source, target, effort)


def _choices(variable: TypeVar) -> tuple[Any, ...]:
    return variable.__constraints__ or (variable.__bound__ or Any,)


def _literals_relate(source: Any, target: Any, effort: _Effort) -> bool:
    """At least one of them is a `Literal`; the source has one value at most."""
    if get_origin(target) is not Literal:
        return _relates(type(get_args(source)[0]), target, effort)
    if get_origin(source) is not Literal:
        return any(_relates(source, type(value), effort) for value in get_args(target))
    return any(_same(get_args(source)[0], value) for value in get_args(target))


def _new_types_relate(source: Any, target: Any, effort: _Effort) -> bool:
    """A `NewType` is its supertype, and its supertype may become it; two of them are kept apart."""
    up, down = [source], [target]
    for chain in (up, down):
        while isinstance(chain[-1], NewType):
            chain.append(chain[-1].__supertype__)
    if isinstance(source, NewType) and isinstance(target, NewType):
        return target in up or source in down
    return _relates(up[-1], down[-1], effort)


def _same(one: Any, other: Any) -> bool:
    """Equality of literal values; never that of an enum or a user's class."""
    return one is other or (type(one) is type(other) and type(one) in SCALARS and bool(one == other))


def _generics_relate(source: Any, target: Any, effort: _Effort) -> bool:
    """Both are classes by now, with arguments or without, or something that we do not know."""
    source_args, target_args = _arguments(source), _arguments(target)
    source_kind, target_kind = get_origin(source) or source, get_origin(target) or target
    if source_kind is target_kind and target_kind in MARKERS:
        return _arguments_relate(source_kind, source_args, target_kind, target_args, effort)
    if _is_opaque(source_kind) or _is_opaque(target_kind):
        return True
    if source_kind is type and target_kind is not type and source_args:
        described = get_origin(source_args[0]) or source_args[0]
        return not isinstance(described, type) or described is Any or _is_kind_of(type(described), target_kind)
    if not _is_kind_of(source_kind, target_kind):
        return False
    return _arguments_relate(source_kind, source_args, target_kind, target_args, effort)


def _arguments(annotation: Any) -> tuple[Any, ...] | None:
    """None for a bare class, which is not the same as `tuple[()]`."""
    is_bare = get_origin(annotation) is None or getattr(annotation, "__args__", None) is None
    return None if is_bare else get_args(annotation)


def _is_kind_of(source: Any, target: Any) -> bool:
    """Whether instances of the one class pass for the other's: by subclass, hook, promotion or protocol."""
    if getattr(target, "_is_protocol", False) or getattr(source, "_is_protocol", False) or Any in source.__mro__:
        return True
    try:
        if issubclass(source, target) or _is_promoted(source, target):
            return True
    except Exception:
        return True
    # A metaclass that decides on instances for itself (jaxtyping, say) makes subclassing mean nothing.
    return not (type(source).__instancecheck__ in NOMINAL and type(target).__instancecheck__ in NOMINAL)


def _is_promoted(source: Any, target: Any) -> bool:
    """PEP 484's promotions, and numpy's scalars for the builtin ones and back, up the numeric tower."""
    if target is bytes:
        return issubclass(source, (bytearray, memoryview))
    if target.__module__ not in ("builtins", "numpy"):
        return False
    return -1 < _rank(source) <= _rank(target)


def _rank(kind: Any) -> int:
    if kind is bool or (kind.__module__ == "numpy" and kind.__name__ in ("bool", "bool_")):
        return 0
    return next((rank for rank, level in enumerate(TOWER, 1) if issubclass(kind, level)), -1)


def _arguments_relate(
    source: Any, source_args: tuple[Any, ...] | None, target: Any, target_args: tuple[Any, ...] | None, effort: _Effort
) -> bool:
    """Compares `list[int]` with `Sequence[float]` once `list` is known to be a `Sequence`."""
    if target_args is None:
        return True
    seen = _seen_as(source, source_args, target)
    if seen is None:
        return True
    if target is tuple:
        return _tuples_relate(seen, target_args, effort)
    if target is cabc.Callable:
        return _callables_relate(seen, target_args, effort)
    if len(seen) != len(target_args):
        return True
    if target in (cabc.Generator, cabc.AsyncGenerator):
        return _relates(seen[0], target_args[0], effort)
    parameters = getattr(target, "__parameters__", ())
    for one, other, parameter in itertools.zip_longest(seen, target_args, parameters[: len(seen)]):
        back = getattr(parameter, "__contravariant__", False) or getattr(parameter, "__infer_variance__", False)
        forth = not getattr(parameter, "__contravariant__", False)
        if not ((forth and _relates(one, other, effort)) or (back and _relates(other, one, effort))):
            return False
    return True


def _seen_as(source: Any, args: tuple[Any, ...] | None, target: Any) -> tuple[Any, ...] | None:
    """The arguments of `source`, translated into those of its ancestor `target`; None if they are unknown."""
    if source is target:
        return args
    if source in ELEMENT:
        return (ELEMENT[source],)
    if "__orig_bases__" in vars(source) or args is None:
        return _inherited(source, args, target)
    if source is tuple:
        if not args or any(map(_is_unpacked, args)):
            return None
        return (operator.getitem(Union, tuple(arg for arg in args if arg is not ...)),)
    if issubclass(source, cabc.Mapping):
        args = (*args, int) if source is collections.Counter else args
        return args if issubclass(target, cabc.Mapping) else args[:1]
    if source in (cabc.Generator, cabc.AsyncGenerator):
        return args[:1]
    if source is cabc.Coroutine:
        return args[-1:]
    return args if len(args) == 1 and source.__module__ in ("builtins", "collections", "collections.abc") else None


def _inherited(source: Any, args: tuple[Any, ...] | None, target: Any) -> tuple[Any, ...] | None:
    """Follows `class Rows(Generic[T], Sequence[T])` to the base that is a `target`, with `T` filled in."""
    bases = vars(source).get("__orig_bases__", source.__bases__)
    inside = dict.fromkeys(one for base in bases if get_origin(base) for one in getattr(base, "__parameters__", ()))
    filled = dict(zip(getattr(source, "__parameters__", inside), args or (), strict=False))
    for base in bases:
        kind = get_origin(base) or base
        if not isinstance(kind, type) or kind in (typing.Generic, typing.Protocol, object):
            continue
        if issubclass(kind, target):
            loose = getattr(base, "__parameters__", ()) if kind is not base else ()
            if loose:
                return _seen_as(kind, _arguments(base[tuple(filled.get(one, Any) for one in loose)]), target)
            return _seen_as(kind, _arguments(base), target)
    return None


def _tuples_relate(source: tuple[Any, ...], target: tuple[Any, ...], effort: _Effort) -> bool:
    if any(map(_is_unpacked, (*source, *target))):
        return True
    if ... in source or ... in target:  # of unknown length: enough that every element would do
        ones, others = ([arg for arg in args if arg is not ...] for args in (source, target))
        return all(_relates(one, other, effort) for one in ones for other in others)
    return len(source) == len(target) and all(map(_relates, source, target, itertools.repeat(effort)))


def _is_unpacked(arg: Any) -> bool:
    is_starred = get_origin(arg) is typing.Unpack or isinstance(arg, typing.TypeVarTuple)
    return is_starred or getattr(arg, "__unpacked__", False) is True


def _callables_relate(source: tuple[Any, ...], target: tuple[Any, ...], effort: _Effort) -> bool:
    if len(source) != 2 or len(target) != 2:
        return True
    (takes, gives), (given, wanted) = source, target
    if _bare(wanted) is not types.NoneType and not _relates(gives, wanted, effort):
        return False
    if not isinstance(takes, list) or not isinstance(given, list):
        return True
    return len(takes) == len(given) and all(map(_relates, given, takes, itertools.repeat(effort)))


def _fits(value: Any, annotation: Any, effort: _Effort) -> bool:
    effort.spend()
    annotation = _bare(annotation)
    while isinstance(annotation, NewType):
        annotation = _bare(annotation.__supertype__)
    origin = get_origin(annotation)
    if origin in UNIONS:
        return any(_fits(value, member, effort) for member in get_args(annotation))
    if isinstance(annotation, TypeVar):
        return any(_fits(value, one, effort) for one in _choices(annotation))
    if origin is Literal:
        return any(_is_literal(value, option) for option in get_args(annotation))
    kind = origin or annotation
    if _is_opaque(kind):
        return True
    if kind is cabc.Callable:
        return callable(value)
    if kind is type:
        args = get_args(annotation)
        return get_origin(value) is not None or (
            isinstance(value, type) and (not args or _relates(value, args[0], effort))
        )
    try:
        if not isinstance(value, kind) and not _is_promoted(type(value), kind) and Any not in type(value).__mro__:
            return False
    except Exception:
        return True
    return _elements_fit(value, kind, _arguments(annotation), effort)


def _is_literal(value: Any, option: Any) -> bool:
    if isinstance(option, enum.Enum) or option is None or type(value) in SCALARS or isinstance(value, enum.Enum):
        plain = value.value if isinstance(value, enum.Enum) and isinstance(value, SCALARS) else value
        return value is option or _same(plain, option)
    return isinstance(value, type(option)) or _is_promoted(type(value), type(option))


def _elements_fit(value: Any, kind: Any, args: tuple[Any, ...] | None, effort: _Effort) -> bool:
    """Looks into the builtin containers; of anything else only the class is asked."""
    if args is None:
        return True
    if type(value) not in CONTAINERS:
        return _arguments_relate(type(value), None, kind, args, effort)
    if kind is tuple:
        if any(map(_is_unpacked, args)):
            return True
        if ... not in args:
            return len(value) == len(args) and all(map(_fits, value, args, itertools.repeat(effort)))
        args = args[:1]
    if len(args) == 1:
        return all(_fits(element, args[0], effort) for element in itertools.islice(value, SAMPLE))
    if type(value) is dict and len(args) == 2:
        pairs = itertools.islice(value.items(), SAMPLE)
        return all(_fits(key, args[0], effort) and _fits(element, args[1], effort) for key, element in pairs)
    return True


def describe(annotation: Any) -> str:
    """The annotation as a person would write it, in short: `int | None`, `Collect[int]`, `DataFrame`."""
    try:
        return _described(annotation, 0)
    except Exception:
        return type(annotation).__name__


def _described(annotation: Any, depth: int) -> str:
    if depth > 6:
        return "…"
    if isinstance(annotation, (list, tuple)):
        return "[" + ", ".join(_described(one, depth + 1) for one in annotation) + "]"
    origin, args = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return _described(annotation.__origin__, depth)
    if origin in UNIONS:
        members = sorted(args, key=lambda member: member is types.NoneType)
        return " | ".join(_described(member, depth + 1) for member in members)
    if origin is Literal:
        shown = (f"{type(arg).__name__}.{arg.name}" if isinstance(arg, enum.Enum) else repr(arg) for arg in args)
        return f"Literal[{', '.join(shown)}]"
    if origin is typing.Unpack:
        return "*" + _described(args[0], depth + 1)
    name = _name(origin or annotation)
    if _arguments(annotation) is None:
        return name
    return f"{name}[{', '.join(_described(arg, depth + 1) for arg in args) or '()'}]"


def _name(annotation: Any) -> str:
    if annotation is EMPTY:
        return "no annotation"
    if annotation is None or annotation is types.NoneType:
        return "None"
    if annotation is ...:
        return "..."
    for attribute in ("__forward_arg__", "__name__", "_name"):
        name = annotation if isinstance(annotation, str) else getattr(annotation, attribute, None)
        if isinstance(name, str):
            return name
    return repr(annotation)[:80]
