"""What was given as adapters, sorted into what anabranch takes: hooks, one result builder, an executor.

Theory: Hamilton's adapters say three things in one object: what goes along with a run, what its result becomes, and where
it runs.
anabranch has a place for each. What an adapter of Hamilton's does that anabranch does anyway (calling a function as it is,
checking types) is left out, so that a driver pays only for what is there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from anabranch.lifecycle import EdgeConnectionHook, GraphAdapter, LifecycleAdapter, NodeExecutionMethod
from anabranch.results import ResultBuilder

__all__ = ["Choice", "choice_of", "flat", "made"]


@dataclass(frozen=True, slots=True)
class Choice:
    """What adapters come to.

    Attributes:
        along: what goes along with runs.
        result: what makes the result; None for a dict.
        executor: a name and options, or None.
        cache: a `HamiltonCacheAdapter`, or None.
        prepare: what makes values of inputs that only stand for some; None if there are none such.
    """

    along: tuple[Any, ...] = ()
    result: Any = None
    executor: tuple[Any, dict[str, Any]] | None = None
    cache: Any = None
    prepare: Callable[[dict[str, Any]], dict[str, Any]] | None = None

    def prepared(self, values: dict[str, Any]) -> dict[str, Any]:
        """Inputs, config or overrides, as values."""
        return values if self.prepare is None else self.prepare(values)


def flat(adapter: Any) -> list[Any]:
    """One adapter, several, or none, as a list."""
    if adapter is None:
        return []
    if isinstance(adapter, (list, tuple)):
        return [one for each in adapter for one in flat(each)]
    return list(adapter.adapters) if hasattr(adapter, "adapters") and hasattr(adapter, "does_hook") else [adapter]


def choice_of(adapters: Iterable[Any]) -> Choice:
    """What these adapters come to; of several executors or result builders, the last."""
    along: list[Any] = []
    result: Any = None
    executor: tuple[Any, dict[str, Any]] | None = None
    cache: Any = None
    prepare: Callable[[dict[str, Any]], dict[str, Any]] | None = None
    for one in adapters:
        if getattr(one, "is_cache", False):
            cache = one
            continue
        runs = getattr(one, "anabranch", None)
        if runs is not None:
            executor, prepare = runs, getattr(one, "prepared", None)
        builds = getattr(one, "build_result", None) or getattr(one, "do_build_result", None)
        if callable(builds) and not getattr(one, "keeps_result", False):
            result = one
        if runs is None:
            along += _along(one)
    return Choice(tuple(along), result, executor, cache, prepare)


def made(result: Any, outputs: dict[str, Any]) -> Any:
    """What a result builder makes of the outputs; without one, these."""
    if result is None:
        return outputs
    build = getattr(result, "build_result", None)
    return build(**outputs) if callable(build) else result.do_build_result(outputs=outputs)


def _along(one: Any) -> list[Any]:
    """What of an adapter goes along with runs."""
    if isinstance(one, GraphAdapter):
        if type(one).execute_node is not GraphAdapter.execute_node:
            return [_Calls(one)]
        own = [getattr(type(one), name) is not getattr(GraphAdapter, name) for name in _CHECKS]
        return [_Types(one)] if any(own) else []
    if isinstance(one, ResultBuilder) and not isinstance(one, LifecycleAdapter):
        return []
    if isinstance(one, LifecycleAdapter) or (callable(one) and not isinstance(one, type)):
        return [one]
    return []


_CHECKS = ("check_input_type", "check_node_type_equivalence", "check_edge_types_match", "validate_input")


class _Types(EdgeConnectionHook):
    """The part of an adapter that checks types."""

    def __init__(self, adapter: GraphAdapter) -> None:
        self.adapter = adapter

    def check_edge_types_match(self, type_from: Any, type_to: Any, **kwargs: Any) -> bool:
        """What the adapter says."""
        return self.adapter.check_edge_types_match(type_from, type_to)

    def validate_input(self, node_type: Any, input_value: Any, **kwargs: Any) -> bool:
        """What the adapter says."""
        return self.adapter.validate_input(node_type, input_value)


class _Calls(_Types, NodeExecutionMethod):
    """The part of an adapter that checks types and calls functions."""

    def run_to_execute_node(self, **about: Any) -> Any:
        """What the adapter does."""
        return self.adapter.run_to_execute_node(**about)
