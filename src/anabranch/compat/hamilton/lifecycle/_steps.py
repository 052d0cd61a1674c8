"""Classes of adapters and the step that each is: hooks, methods and validators, told by attributes of the class."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping
from typing import Any, TypeVar

from anabranch.errors import FlowError

C = TypeVar("C", bound=type)

HOOK, METHOD, VALIDATOR = "hook", "method", "validator"
STEPS = "__hamilton_step__"
"""The attribute of a class that says which step it is: its kind, its name, and whether it is a coroutine."""


SYNC_HOOK, ASYNC_HOOK = "__hamilton_hook__", "__hamilton_async_hook__"
SYNC_METHOD, ASYNC_METHOD = "__hamilton_method__", "__hamilton_async_method__"
SYNC_VALIDATOR = "__hamilton_validator__"
"""Attributes of a class that tell the name of its step."""

REGISTERED_SYNC_HOOKS: set[str] = set()
REGISTERED_ASYNC_HOOKS: set[str] = set()
REGISTERED_SYNC_METHODS: set[str] = set()
REGISTERED_ASYNC_METHODS: set[str] = set()
REGISTERED_SYNC_VALIDATORS: set[str] = set()
"""The names of all steps that classes have been declared to be."""

_TOLD: Mapping[tuple[str, bool], tuple[str, set[str]]] = {
    (HOOK, False): (SYNC_HOOK, REGISTERED_SYNC_HOOKS),
    (HOOK, True): (ASYNC_HOOK, REGISTERED_ASYNC_HOOKS),
    (METHOD, False): (SYNC_METHOD, REGISTERED_SYNC_METHODS),
    (METHOD, True): (ASYNC_METHOD, REGISTERED_ASYNC_METHODS),
    (VALIDATOR, False): (SYNC_VALIDATOR, REGISTERED_SYNC_VALIDATORS),
}


class InvalidLifecycleAdapter(FlowError):
    """A class that says it is a step, but has no such method."""


class lifecycle:  # noqa: N801  Hamilton's name
    """Decorators of classes: what step a class is."""

    @classmethod
    def base_hook(cls, fn_name: str) -> Callable[[C], C]:
        """It is told something; what it returns does not count."""
        return _step(HOOK, fn_name)

    @classmethod
    def base_method(cls, fn_name: str) -> Callable[[C], C]:
        """It does something in the place of the driver."""
        return _step(METHOD, fn_name)

    @classmethod
    def base_validator(cls, fn_name: str) -> Callable[[C], C]:
        """It says whether something is as it should be."""
        return _step(VALIDATOR, fn_name)


def _step(kind: str, name: str) -> Callable[[C], C]:
    def declare(cls: C) -> C:
        method = getattr(cls, name, None)
        if method is None:
            raise InvalidLifecycleAdapter(f"{cls.__name__} has no method '{name}'; define it")
        step = kind, name, inspect.iscoroutinefunction(method)
        setattr(cls, STEPS, step)
        if (kind, step[2]) in _TOLD:
            attribute, names = _TOLD[kind, step[2]]
            setattr(cls, attribute, name)
            names.add(name)
        return cls

    return declare


def validate_lifecycle_adapter_function(fn: Callable[..., Any], returns_value: bool, return_type: Any = None) -> None:
    """Whether a method can be a step: it takes its arguments by keyword, and says what it returns, if it must.

    Raises:
        ValueError: it cannot.
    """
    signature = inspect.signature(fn)
    for name, one in signature.parameters.items():
        if name != "self" and one.kind is not one.KEYWORD_ONLY:
            raise InvalidLifecycleAdapter(f"{fn.__name__} takes '{name}' by position; put '*' before it")
    said = signature.return_annotation
    if returns_value is (said is signature.empty):
        raise InvalidLifecycleAdapter(f"{fn.__name__} must {'say what it returns' if returns_value else 'return nothing'}")
    if return_type is not None and said != return_type:
        raise InvalidLifecycleAdapter(f"{fn.__name__} must return {return_type}, not {said}")


def steps_of(cls: type) -> Iterator[tuple[str, str, bool]]:
    """The steps that a class is, by its own declaration or that of a parent: kind, name, and whether it is a coroutine."""
    for parent in cls.__mro__:
        if STEPS in vars(parent):
            yield vars(parent)[STEPS]
