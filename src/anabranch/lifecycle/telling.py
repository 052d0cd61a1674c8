"""How hooks are called: with the keywords that they take, and without a way to do harm.

Theory: a hook is told what happened, and what it raises is its own affair: it is logged, with its traceback the first time and
never again, for a hook that fails for one item mostly fails for all.

This module never knows what it tells.
"""

from __future__ import annotations

import inspect
import logging
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from anabranch.awaiting import awaited

__all__ = ["Hook", "hooks_of", "report"]

_reported: set[tuple[type, str, type]] = set()


class Hook:
    """One method of an adapter, ready to be called; if it is ``async def``, it is awaited."""

    __slots__ = ("adapter", "is_async", "method", "name", "takes")

    def __init__(self, adapter: Any, name: str) -> None:
        self.adapter = adapter
        self.name = name
        self.method: Callable[..., Any] = getattr(adapter, name)
        self.is_async = inspect.iscoroutinefunction(self.method)
        self.takes = _taken(self.method)

    def __call__(self, about: Mapping[str, Any]) -> Any:
        """Calls it; what it raises is raised."""
        return awaited(lambda _: self.begun(about)) if self.is_async else self.begun(about)

    def begun(self, about: Mapping[str, Any]) -> Any:
        """Calls it; if it is ``async def``, what it gives is to be awaited."""
        if self.takes is None:
            return self.method(**about)
        return self.method(**{name: value for name, value in about.items() if name in self.takes})

    def tell(self, about: Mapping[str, Any]) -> None:
        """Calls it; what it raises is logged."""
        try:
            self(about)
        except Exception as error:
            report(self, error)


def hooks_of(adapters: Iterable[Any], kind: type, name: str) -> tuple[Hook, ...]:
    """The methods of that name of the adapters of that kind; not those that are as in the class `kind`, which do nothing."""
    own = [one for one in adapters if isinstance(one, kind) and getattr(type(one), name) is not getattr(kind, name)]
    return tuple(Hook(adapter, name) for adapter in own)


def report(hook: Hook, error: BaseException) -> None:
    """Logs what a hook raised, once for each kind of error."""
    key = (type(hook.adapter), hook.name, type(error))
    if key in _reported:
        return
    _reported.add(key)
    who = f"{type(hook.adapter).__name__}.{hook.name}"
    log = logging.getLogger("anabranch")
    log.error("%s raised %s; the run goes on, and this is not said again", who, type(error).__name__, exc_info=error)


def _taken(method: Callable[..., Any]) -> frozenset[str] | None:
    """The keywords that a method takes; None if it takes any."""
    try:
        parameters = inspect.signature(method).parameters.values()
    except (TypeError, ValueError):
        return None
    if any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters):
        return None
    return frozenset(parameter.name for parameter in parameters)
