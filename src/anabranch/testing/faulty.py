"""A function and what befalls its calls: what travels to workers of a plan of faults.

Workers import this module and no more than it needs, for those that are killed often are started often.

This module never knows how the faults are put into a flow.
"""

from __future__ import annotations

import functools
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from anabranch.markers import MARKS, marks_of
from anabranch.testing.deeds import DEADLY, DEEDS, GATED, Fault
from anabranch.testing.diary import Diary
from anabranch.testing.gate import pass_gate

__all__ = ["Faulty", "Item", "Plan", "Script", "Spared"]

Item = tuple[int, ...]
Script = Fault | Sequence[Fault]
"""What befalls an item: the same each time, or one fault for each attempt."""


class Spared(Exception):
    """Raised instead of what would have ended the process that drives the run."""


@dataclass(frozen=True, slots=True)
class Plan:
    """The faults as they travel to workers: where to write things down, what befalls whom, and which process is spared."""

    diary: Diary
    gate: str
    faults: Mapping[tuple[str, Item], Script]
    home: int

    def fault(self, node: str, item: Item) -> Fault:
        """Takes note of an attempt, and says what befalls it."""
        script = self.faults.get((node, item), "ok")
        if isinstance(script, str):
            self.diary.note(node, item)
            return script
        attempt = self.diary.begin(node, item)
        return script[attempt - 1] if attempt <= len(script) else "ok"


class Faulty:
    """A function, and what befalls its calls."""

    def __init__(self, function: Callable[..., Any], node: str, plan: Plan) -> None:
        functools.update_wrapper(self, function)
        marks = marks_of(function)
        self.function = function
        self.node = node
        self.plan = plan
        self.keyword: str = marks.get("item", _KEYWORD)
        self.passes_on = "item" in marks
        setattr(self, MARKS, {**marks, "item": self.keyword})

    def __call__(self, *arguments: Any, **named: Any) -> Any:
        """Calls the function, or does what is planned for this attempt instead."""
        item = named.get(self.keyword, ()) if self.passes_on else named.pop(self.keyword, ())
        fault = self.plan.fault(self.node, item)
        place = f"'{self.node}'{list(item) if item else ''}"
        if fault in DEADLY and os.getpid() == self.plan.home:
            raise Spared(f"{place} would {fault} the process that drives the run")
        if fault in DEEDS:
            return DEEDS[fault](place)
        if fault in GATED:
            pass_gate(self.plan.gate, deaf=fault == "deaf")
        return self.function(*arguments, **named)


_KEYWORD = "item_of_chaos"
