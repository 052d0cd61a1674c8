"""Grouping strategies. They are accepted and change nothing: anabranch cuts a run into tasks by what it measures."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from anabranch.lifecycle import NodeGroupPurpose

__all__ = [
    "GroupByRepeatableBlocks",
    "GroupNodesAllAsOne",
    "GroupNodesByLevel",
    "GroupNodesIndividually",
    "GroupingStrategy",
    "NodeGroupPurpose",
    "TaskImplementation",
]


class GroupingStrategy:
    """How a run would be cut into tasks."""


class GroupByRepeatableBlocks(GroupingStrategy):
    """What is inside of a fan-out together, everything else apart."""


class GroupNodesIndividually(GroupingStrategy):
    """Each function by itself."""


class GroupNodesAllAsOne(GroupingStrategy):
    """All together."""


class GroupNodesByLevel(GroupingStrategy):
    """Functions that are as far from the inputs together."""


@dataclass
class TaskImplementation:
    """A task, as execution managers of Hamilton's users are told of it. anabranch asks them about none: see `executors`."""

    base_id: str = ""
    nodes: list[Any] = field(default_factory=list)
    purpose: NodeGroupPurpose = NodeGroupPurpose.EXECUTE_SINGLE
    outputs_to_compute: list[str] = field(default_factory=list)
    task_id: str = ""
