"""Goes on after failures: what could not be made is stood for by a value, and what depends on it goes without.

Theory: a function that failed, after all its retries, gives a `Caught`, which is a value like others: it is an output, stands
in lists, and travels. A function that is given one is not called, and gives it on; a collector, if there is one in its list. So
all that does not depend on the failure is computed, and nothing is ever computed from less than what was asked for.

A function can say that it takes such values, by its annotation (``int | Caught``) or with `accept_error_sentinels`.

Where a sentinel is asked for instead, it is what Hamilton's is: any value of one's choice stands for failures, and collectors
get lists with it in them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final, TypeVar, get_args

from anabranch.errors import ForeignError, InputError
from anabranch.failure import Failure, capture
from anabranch.lifecycle.base import NodeExecutionMethod, NodeFailureMethod
from anabranch.markers import Skip, mark

__all__ = ["Caught", "GracefulErrorAdapter", "accept_error_sentinels"]

Place = tuple[str, tuple[str, ...], tuple[int, ...]]
"""A node, its axes, and the item."""

F = TypeVar("F", bound=Callable[..., Any])


@dataclass(frozen=True, slots=True)
class Caught:
    """Stands for a value that could not be made, because a function failed."""

    failure: Failure

    @property
    def node(self) -> str:
        """The function that failed."""
        return self.failure.node

    @property
    def item(self) -> tuple[int, ...]:
        """The indices of the item for which it failed; empty outside of fan-outs."""
        return self.failure.item

    @property
    def exception(self) -> BaseException:
        """What it raised."""
        return self.failure.exception

    def __bool__(self) -> bool:
        return False

    def __repr__(self) -> str:
        return f"<Caught {self.failure!r}>"


_TYPED: Final = object()


def accept_error_sentinels(function: F) -> F:
    """Decorator: the function is called even where arguments could not be made, with what stands for them."""
    return mark(function, accepts_failures=True)


class GracefulErrorAdapter(NodeExecutionMethod, NodeFailureMethod):
    """Has runs go on after failures; see the module.

    Args:
        error_to_catch: of which errors, and their subclasses; others fail the run as ever.
        sentinel_value: a value that stands for failures, instead of `Caught`.
        try_all_parallel: an expander that fails keeps the items it gave before, and what stands for the failure is the last;
            otherwise that is its only one.
        allow_injection: whether functions that accept such values are given them.

    Raises:
        InputError: `error_to_catch` is no class of exceptions.
    """

    def __init__(
        self,
        error_to_catch: type[Exception] = Exception,
        sentinel_value: Any = _TYPED,
        try_all_parallel: bool = True,
        allow_injection: bool = True,
    ) -> None:
        if not (isinstance(error_to_catch, type) and issubclass(error_to_catch, Exception)):
            raise InputError(f"GracefulErrorAdapter catches a class of exceptions, not {error_to_catch!r}")
        self.error_to_catch = error_to_catch
        self.is_typed = sentinel_value is _TYPED
        self.sentinel_value = None if self.is_typed else sentinel_value
        self.try_all_parallel = try_all_parallel
        self.allow_injection = allow_injection

    def run_to_execute_node(
        self,
        *,
        node_name: str,
        node_callable: Any,
        node_kwargs: dict[str, Any],
        is_expand: bool = False,
        is_collect: bool = False,
        accepts_failures: bool = False,
        node_input_types: Mapping[str, Any] | None = None,
        **future_kwargs: Any,
    ) -> Any:
        """Calls the function, unless an argument stands for a failure."""
        given = dict(node_kwargs)
        for name, value in node_kwargs.items():
            kind = (node_input_types or {}).get(name)
            if self.allow_injection and (accepts_failures or Caught in _parts(kind)):
                continue
            found = self._found(value)
            if found is not None:
                return [found[0]] if is_expand else found[0]
            if self.is_typed and is_collect and hasattr(value, "__next__"):
                given[name] = _stopping(value)
        result = node_callable(**given)
        if is_expand and hasattr(result, "__next__"):
            return self._items(result, (node_name, future_kwargs["axes"], future_kwargs["item"]))
        return result

    def run_to_replace_failure(self, *, failure: Failure, is_expand: bool, **future_kwargs: Any) -> Any:
        """What stands for the failure.

        Raises:
            Exception: it is not to be caught.
        """
        error = failure.trace.exception
        if isinstance(error, _Stopped):
            return error.caught
        if not isinstance(error, self.error_to_catch) or isinstance(error, Skip):
            raise error
        stands = self._stands(failure)
        return [stands] if is_expand else stands

    def _found(self, value: Any) -> tuple[Any] | None:
        """What stands for a failure, if the argument is such a value, or, unless there is a sentinel, a list with one in it."""
        if self.is_typed:
            caught = _first(value)
            return None if caught is None else (caught,)
        if value is self.sentinel_value or (type(value) is type(self.sentinel_value) and value == self.sentinel_value):
            return (value,)
        return None

    def _stands(self, failure: Failure) -> Any:
        return Caught(_portable(failure)) if self.is_typed else self.sentinel_value

    def _items(self, items: Iterator[Any], place: Place) -> Any:
        if self.try_all_parallel:
            return self._and_last(items, place)
        try:
            return list(items)
        except self.error_to_catch as error:
            return [self._last(error, place)]

    def _and_last(self, items: Iterator[Any], place: Place) -> Iterator[Any]:
        try:
            yield from items
        except self.error_to_catch as error:
            yield self._last(error, place)

    def _last(self, error: Exception, place: Place) -> Any:
        """What stands for an expander's failure."""
        if isinstance(error, Skip):
            raise error
        return self._stands(Failure(*place, capture(error)))


class _Stopped(Exception):
    """A function came to a failure in a stream that it reads."""

    def __init__(self, caught: Caught) -> None:
        super().__init__(f"a value that it reads could not be made: {caught!r}")
        self.caught = caught


def _stopping(elements: Iterator[Any]) -> Iterator[Any]:
    for element in elements:
        caught = _first(element)
        if caught is not None:
            raise _Stopped(caught)
        yield element


def _first(value: Any) -> Caught | None:
    """The value, or what is in the list, or in the lists in it, if it stands for a failure."""
    if type(value) is Caught:
        return value
    if type(value) is list:
        for element in value:
            if type(element) is Caught or type(element) is list:
                found = _first(element)
                if found is not None:
                    return found
    return None


def _parts(kind: Any) -> tuple[Any, ...]:
    """The members of a union, of lists' elements too."""
    found: list[Any] = []
    waiting = [kind]
    while waiting:
        one = waiting.pop()
        found.append(one)
        waiting.extend(part for part in get_args(one) if not isinstance(part, list))
    return tuple(found)


def _portable(failure: Failure) -> Failure:
    """The failure, fit to travel: an exception that is not is replaced by its text."""
    from anabranch.transport import dumps, loads

    try:
        loads(dumps(failure.trace))
    except Exception:
        error = failure.trace.exception
        return replace(failure, trace=replace(failure.trace, exception=ForeignError(f"{type(error).__name__}: {error}")))
    return failure
