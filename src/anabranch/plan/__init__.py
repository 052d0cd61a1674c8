"""A request compiled into tasks: pruned, grouped into loops, written as Python."""

from anabranch.plan.body import Body, Fan, Reading, Value
from anabranch.plan.frame import CallTask, FanTask, FramePlan, Gather, Merge, ReaderTask, SourceTask, Task
from anabranch.plan.kept import check_kept
from anabranch.plan.needs import most
from anabranch.plan.plan import Plan, fans_of, make_plan, plan_of
from anabranch.plan.select import Kind, Vertex, given
from anabranch.plan.straight import Straight, straight
from anabranch.plan.tolls import FREE, Toll

__all__ = [
    "FREE",
    "Body",
    "CallTask",
    "Fan",
    "FanTask",
    "FramePlan",
    "Gather",
    "Kind",
    "Merge",
    "Plan",
    "ReaderTask",
    "Reading",
    "SourceTask",
    "Straight",
    "Task",
    "Toll",
    "Value",
    "Vertex",
    "check_kept",
    "fans_of",
    "given",
    "make_plan",
    "most",
    "plan_of",
    "straight",
]
