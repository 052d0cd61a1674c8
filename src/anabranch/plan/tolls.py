"""What a call has to pass on its way: the limits of the functions in it, by key, and how often it calls them.

Theory: functions that stand in a fan's own body are called once for each of its items. Those in loops further inside are called
as often as these loops turn, which is known when they have turned. So where it can be, such a fan is opened item by item, and
then what it has inside passes by itself.

This module never knows who has to wait.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from anabranch.limits import Limit, merged
from anabranch.plan.body import Body, Fan
from anabranch.plan.select import Vertex

__all__ = ["FREE", "Toll", "limits_among", "toll_of"]


@dataclass(frozen=True, slots=True)
class Toll:
    """By key, how many calls there are for each item, and, by axis, for each turn of the loops inside."""

    calls: Mapping[str, int] = field(default_factory=dict)
    inside: Mapping[str, Mapping[str, int]] = field(default_factory=dict)

    def __bool__(self) -> bool:
        """Whether there is anything to pass."""
        return bool(self.calls)


FREE = Toll()


def toll_of(steps: Iterable[Vertex | Fan]) -> Toll:
    """The toll of calls and loops that run together for one item."""
    calls: Counter[str] = Counter()
    inside: dict[str, Counter[str]] = {}
    for step in steps:
        if isinstance(step, Fan):
            _look_inside(step.body, step.axis, inside)
        else:
            calls.update(limit.key for limit in _limits(step))
    if not (calls or inside):
        return FREE
    return Toll({**dict.fromkeys(inside, 0), **calls}, inside)


def limits_among(vertices: Iterable[Vertex]) -> dict[str, Limit]:
    """All limits by key; where functions that share a key differ, the stricter."""
    found: dict[str, Limit] = {}
    for vertex in vertices:
        for limit in _limits(vertex):
            found[limit.key] = merged(found[limit.key], limit) if limit.key in found else limit
    return found


def _look_inside(body: Body, axis: str, inside: dict[str, Counter[str]]) -> None:
    for step in body.steps:
        if isinstance(step, Fan):
            _look_inside(step.body, step.axis, inside)
        else:
            for limit in _limits(step):
                inside.setdefault(limit.key, Counter())[axis] += 1


def _limits(vertex: Vertex) -> tuple[Limit, ...]:
    return vertex.policy.limits if vertex.policy is not None else ()
