"""What a driver is made of; immutable, like the driver."""

from __future__ import annotations

from dataclasses import dataclass, field

from anabranch.driver.adapters import Adapters
from anabranch.executor import Executor
from anabranch.graph import Graph
from anabranch.policies import DEFAULT, Faults

__all__ = ["Parts"]


@dataclass(frozen=True)
class Parts:
    """A dataflow, where it runs, what goes along, and what is done about failures.

    Attributes:
        owns: whether the executor ends with the driver.
    """

    graph: Graph
    executor: Executor
    adapters: Adapters = field(default_factory=Adapters)
    faults: Faults = DEFAULT
    owns: bool = False
