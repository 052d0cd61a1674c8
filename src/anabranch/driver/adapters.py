"""What `Builder.with_adapters` was given, sorted by what each thing does.

Theory: one list takes everything that goes along with runs, as users of the field know it. What a thing is told by its kind: a
function that takes an event observes, what has `build_result` makes the result.

This module never calls an adapter.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from anabranch.engine import Observer
from anabranch.errors import InputError
from anabranch.results import ResultBuilder

__all__ = ["Adapter", "Adapters"]

Adapter = Observer | ResultBuilder
"""What goes along with runs."""


@dataclass(frozen=True)
class Adapters:
    """Adapters by kind, each in the order in which they were given.

    Attributes:
        observers: functions that are called with every event.
        result: what makes the result of `execute`; without one it is a dict.
    """

    observers: tuple[Observer, ...] = ()
    result: ResultBuilder | None = None

    def __bool__(self) -> bool:
        """Whether there is anything that the engine is needed for."""
        return bool(self.observers)

    @classmethod
    def of(cls, given: Iterable[Any]) -> Adapters:
        """Sorts them.

        Raises:
            InputError: one is of no kind, or there are two result builders.
        """
        observers: list[Observer] = []
        results: list[ResultBuilder] = []
        for one in given:
            if isinstance(one, type):
                raise InputError(f"adapters are objects, not classes: write {one.__name__}(…)")
            is_result = callable(getattr(one, "build_result", None))
            if not is_result and not callable(one):
                raise InputError(
                    f"adapters are functions that take an event, or result builders, not {type(one).__name__}"
                )
            if is_result:
                results.append(one)
            if callable(one):
                observers.append(one)
        if len(results) > 1:
            names = " and ".join(type(one).__name__ for one in results)
            raise InputError(f"there can be one result builder, not {len(results)}: {names}")
        return cls(tuple(observers), results[0] if results else None)
