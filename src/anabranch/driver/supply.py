"""What there is for the functions of a flow that say what they need, place by place.

This module never knows who has how much of it now; the run does.
"""

from __future__ import annotations

from collections.abc import Mapping

from anabranch.driver.parts import Parts
from anabranch.executor import Traits
from anabranch.machine import machine
from anabranch.placement import check_needs
from anabranch.plan import Plan
from anabranch.plan.select import Kind

__all__ = ["check_plan", "limits_of", "tokens_of"]


def limits_of(traits: Traits) -> Mapping[str, float] | None:
    """How much one call may need at most; None if nobody knows."""
    if not traits.is_local:
        return traits.resources
    return {**machine(), **(traits.resources or {})}


def tokens_of(parts: Parts, plan: Plan) -> dict[str, float] | None:
    """What the run divides among its calls: of this machine, once, however many executors use it; None if no function says that
    it needs any.
    """
    if not plan.has_needs:
        return None
    tokens: dict[str, float] = {}
    for executor in parts.at(plan.places).values():
        if executor.traits.is_local:
            for name, amount in (limits_of(executor.traits) or {}).items():
                tokens[name] = max(amount, tokens.get(name, 0))
    return tokens


def check_plan(plan: Plan, limits: Mapping[str, Mapping[str, float] | None]) -> None:
    """Checks that every function can run where it is to run.

    Raises:
        ExecutorError: one needs more than there is.
    """
    for vertex in plan.selection.vertices.values():
        if vertex.kind is Kind.CALL and vertex.resources is not None and vertex.site.place in limits:
            check_needs(vertex.resources, limits[vertex.site.place], f"'{vertex.node}' ({vertex.origin})", vertex.site.place)
