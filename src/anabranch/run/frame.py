"""One frame: a body that is being run step by step, the root or one item of a fan that was opened.

It knows which values are there, which tasks wait for how many, and who may still read what.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from anabranch.executor import Shared
from anabranch.plan import FramePlan, Value
from anabranch.run.fan import FanState
from anabranch.run.values import Cell, Slot

__all__ = ["Frame"]


class Frame:
    """The state of a frame plan for one item of its axes.

    `where` are the indices of the outer axes; `parent` is the fan whose item `where[-1]` this is, None for the root.
    """

    __slots__ = (
        "counted",
        "fans",
        "held",
        "left",
        "lengths",
        "parent",
        "pending",
        "plan",
        "readers",
        "reading",
        "results",
        "shared",
        "slots",
        "waiting",
        "where",
    )

    def __init__(self, plan: FramePlan, where: tuple[int, ...], given: Mapping[Value, Slot], parent: FanState | None) -> None:
        self.plan = plan
        self.where = where
        self.parent = parent
        self.slots: dict[Value, Slot] = dict(given)
        wholes = zip(plan.needs, plan.follows, strict=True)
        self.waiting = [sum(value not in self.slots and value not in follows for value in needed) for needed, follows in wholes]
        self.reading = {value: len(numbers) for value, numbers in plan.readers.items()}
        self.left = len(plan.tasks)
        self.fans: dict[int, FanState] = {}
        self.lengths: dict[str, int] = {}
        self.counted: dict[str, int] = {}
        self.shared: dict[Value, Shared] = {}
        self.held: dict[Value, Slot] = {}
        self.readers: dict[int, int] = {}
        self.pending = 0
        self.results: dict[Value, tuple[Any, bool]] = {}

    def provide(self, value: Value, slot: Slot) -> Iterator[int]:
        """A value is whole; yields the numbers of the tasks that have now all they need, or that read it already."""
        self.slots[value] = slot
        for number in self.plan.readers.get(value, ()):
            self.waiting[number] -= value not in self.plan.follows[number]
            if not self.waiting[number]:
                yield number

    def release(self, number: int) -> list[int]:
        """A task has read all it needs: drops values that nobody else reads; returns keys of `Shared` ones dropped."""
        keys: list[int] = []
        for value in self.plan.needs[number]:
            self.reading[value] -= 1
            if not self.reading[value] and value not in self.plan.outputs:
                self.slots.pop(value, None)
                keys += self._forgotten(value)
        return keys

    def close(self) -> list[int]:
        """All its tasks are done; returns the keys of `Shared` values that were kept because they are its outputs."""
        return [key for value in (*self.shared, *self.held) for key in self._forgotten(value)]

    def _forgotten(self, value: Value) -> Iterator[int]:
        """The keys under which a value was shared, which are now free."""
        if value in self.shared:
            yield self.shared.pop(value).key
        slot = self.held.pop(value, None)
        handles = [slot.handle] if isinstance(slot, Cell) else [chunk.handle for chunk in slot.chunks] if slot else []
        yield from (handle.key for handle in handles if isinstance(handle, Shared))
