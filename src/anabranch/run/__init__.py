"""A run as a state machine: news in, commands out."""

from anabranch.run.rooms import Capacity
from anabranch.run.run import Run
from anabranch.run.sizes import Estimate
from anabranch.run.values import Cell, Chunk, Column, Slot

__all__ = ["Capacity", "Cell", "Chunk", "Column", "Estimate", "Run", "Slot"]
