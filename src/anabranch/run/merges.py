"""Associative collectors: the partial values of spans, merged as they come, neighbours only, so that order is kept.

As soon as `MERGE_AT` neighbours are there they are merged by a call, wherever there is room; what remains at the end is
merged until one value is left. So as many values exist as spans are out of order, however many items there are.
"""

from __future__ import annotations

from typing import Any

from anabranch.failure import Failure
from anabranch.run.board import Board, Errand, Purpose
from anabranch.run.fan import FanState, Phase
from anabranch.run.values import Chunk, gather
from anabranch.work import ABSENT, MISSING, Argument, Form, Part, worst

__all__ = ["Merges"]

MERGE_AT = 8
"""So many neighbouring partial values are merged without waiting for the rest."""


class Merges:
    """Merges the partial values of all fans of a run."""

    def __init__(self, board: Board) -> None:
        self.board = board

    def add(self, fan: FanState, number: int, chunk: Chunk) -> None:
        """A span's partial value has come; `ABSENT` if no item of it was left, a failure if it is missing."""
        state = fan.merges[number]
        if type(chunk.handle) is Failure:
            state.lacking = worst([state.lacking, chunk.handle])
            chunk = chunk._replace(handle=ABSENT)
        state.add(chunk)

    def add_item(self, fan: FanState, number: int, lo: int, handle: Any) -> None:
        """A single item's value has come: its partial value is what the collector makes of it alone."""
        chunk = Chunk(lo, lo + 1, handle, single=True)
        if type(handle) is Failure and handle.policy == "skip":
            self.add(fan, number, chunk._replace(handle=ABSENT))
        elif handle is ABSENT or (type(handle) is Failure and handle.policy != "keep"):
            self.add(fan, number, chunk)
        else:
            self._send(fan, number, [chunk], (lo, lo + 1))

    def advance(self, fan: FanState) -> None:
        """Merges where enough neighbours have gathered."""
        for number in range(len(fan.merges)):
            self._merge(fan, number)

    def settle(self, fan: FanState) -> bool:
        """All spans are back: merges the rest. True when one value is left for each collector."""
        settled = True
        for number, state in enumerate(fan.merges):
            while row := state.rest():
                self._send_row(fan, number, row)
            if not state.busy and state.lacking is None and (state.first is None or state.first.handle is ABSENT):
                state.clear()
                self._send(fan, number, [], (0, fan.cut))
            settled = settled and not state.busy
        return settled

    def merged(self, errand: Errand, fan: FanState, handle: Any) -> None:
        """A merge has come back."""
        state = fan.merges[errand.merge]
        state.busy -= 1
        if type(handle) in MISSING:
            state.lacking = worst([state.lacking, handle])
        state.add(Chunk(errand.lo, errand.hi, handle, single=True))
        if fan.phase is not Phase.DONE:
            self._merge(fan, errand.merge)

    def _merge(self, fan: FanState, number: int) -> None:
        while row := fan.merges[number].neighbours(least=MERGE_AT):
            self._send_row(fan, number, row)

    def _send_row(self, fan: FanState, number: int, row: list[Chunk]) -> None:
        present = [chunk for chunk in row if type(chunk.handle) not in MISSING]
        bounds = (row[0].lo, row[-1].hi)
        if len(present) > 1:
            self._send(fan, number, present, bounds)
        else:
            fan.merges[number].add(Chunk(*bounds, present[0].handle if present else ABSENT, single=True))

    def _send(self, fan: FanState, number: int, parts: list[Chunk], bounds: tuple[int, int]) -> None:
        """Calls the collector with a list of values; what it returns stands for the items within `bounds`."""
        frame, merge = fan.frame, fan.task.merges[number]
        values: list[Any] = []
        arguments = []
        for argument in merge.arguments:
            if argument is None:
                places = tuple(Part(len(values) + n) for n in range(len(parts)))
                values += [chunk.handle for chunk in parts]
                arguments.append(Argument(Form.LISTED, places))
            else:
                arguments.append(gather(frame.slots[argument.value], argument.form, argument.depth, values))
        fan.merges[number].busy += 1
        errand = Errand(Purpose.MERGE, frame, fan.number, *bounds, merge=number)
        self.board.send(self.board.call(errand, merge.code, (arguments, values)))
