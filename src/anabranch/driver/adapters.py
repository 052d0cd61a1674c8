"""What `Builder.with_adapters` was given, sorted by what each thing does.

Theory: one list takes everything that goes along with runs, as users of the field know it. What each does is told by its
kind: a function that takes an event observes, what has `build_result` makes the result, and what is of a class of
`anabranch.lifecycle` is called at that class's moments. One thing may be several of these.

This module never calls an adapter.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from anabranch.engine import Observer
from anabranch.errors import InputError
from anabranch.libraries import loaded

if TYPE_CHECKING:  # a driver without adapters does without them
    from anabranch.driver.hooks import Hooks
    from anabranch.lifecycle import LifecycleAdapter
    from anabranch.results import ResultBuilder

    Adapter = Observer | ResultBuilder | LifecycleAdapter
else:
    Adapter = Any

__all__ = ["Adapter", "Adapters"]


@dataclass(frozen=True)
class Adapters:
    """Adapters by kind, each in the order in which they were given.

    Attributes:
        observers: functions that are called with every event.
        result: what makes the result of `execute`; without one it is a dict.
        hooks: what is called at certain moments.
    """

    observers: tuple[Observer, ...] = ()
    result: ResultBuilder | None = None
    hooks: Hooks | None = None

    def __bool__(self) -> bool:
        """Whether there is anything that the engine is needed for."""
        return bool(self.observers) or self.hooks is not None

    @classmethod
    def of(cls, given: Iterable[Any]) -> Adapters:
        """Sorts them.

        Raises:
            InputError: one is of no kind, or there are two result builders.
        """
        observers: list[Observer] = []
        results: list[ResultBuilder] = []
        hooks: list[Any] = []
        lifecycle = loaded("anabranch.lifecycle.base.LifecycleAdapter") or ()
        for one in given:
            if isinstance(one, type):
                raise InputError(f"adapters are objects, not classes: write {one.__name__}(…)")
            is_result, is_hook = callable(getattr(one, "build_result", None)), isinstance(one, lifecycle)
            if not (is_result or is_hook or callable(one)):
                kind = type(one).__name__
                raise InputError(
                    f"adapters are functions that take an event, or result builders, or of a class of anabranch.lifecycle, "
                    f"not {kind}"
                )
            results += [one] if is_result else []
            hooks += [one] if is_hook else []
            observers += [one] if callable(one) else []
        if any(getattr(one, "carries_context", False) for one in observers):
            from anabranch.lifecycle.carrying import ContextCarrier

            hooks.append(ContextCarrier())
        if len(results) > 1:
            names = " and ".join(type(one).__name__ for one in results)
            raise InputError(f"there can be one result builder, not {len(results)}: {names}")
        return cls(tuple(observers), results[0] if results else None, _sorted(hooks) if hooks else None)


def _sorted(adapters: list[Any]) -> Hooks:
    from anabranch.driver.hooks import Hooks

    return Hooks.of(adapters)
