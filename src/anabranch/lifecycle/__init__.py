"""Adapters: what goes along with runs, from the building of a graph to each single call, and ready-made ones.

=================================  ==============================================================================
`base`                             the classes to subclass
`telling`, `crew`, `hooked`        how hooks are called, how they travel, how they get around functions
`tasks`                            what they are told of tasks
the rest                           ready-made adapters, imported when they are asked for
=================================  ==============================================================================

A driver that has no adapters imports none of this.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from anabranch.lifecycle.base import (
    EdgeConnectionHook,
    GraphAdapter,
    GraphConstructionHook,
    GraphExecutionHook,
    LifecycleAdapter,
    NodeExecutionHook,
    NodeExecutionMethod,
    NodeFailureMethod,
    NodeGroupPurpose,
    ResultBuilder,
    StaticValidator,
    TaskExecutionHook,
    TaskGroupingHook,
    TaskReturnHook,
    TaskSubmissionHook,
)

if TYPE_CHECKING:
    from anabranch.lifecycle.checking import FunctionInputOutputTypeChecker, NoEdgeAndInputTypeChecking
    from anabranch.lifecycle.debugging import PDBDebugger
    from anabranch.lifecycle.graceful import Caught, GracefulErrorAdapter, accept_error_sentinels
    from anabranch.lifecycle.printing import PrintLn, PrintLnHook
    from anabranch.lifecycle.slowing import SlowDownYouMoveTooFast

__all__ = [
    "Caught",
    "EdgeConnectionHook",
    "FunctionInputOutputTypeChecker",
    "GracefulErrorAdapter",
    "GraphAdapter",
    "GraphConstructionHook",
    "GraphExecutionHook",
    "LifecycleAdapter",
    "NoEdgeAndInputTypeChecking",
    "NodeExecutionHook",
    "NodeExecutionMethod",
    "NodeFailureMethod",
    "NodeGroupPurpose",
    "PDBDebugger",
    "PrintLn",
    "PrintLnHook",
    "ResultBuilder",
    "SlowDownYouMoveTooFast",
    "StaticValidator",
    "TaskExecutionHook",
    "TaskGroupingHook",
    "TaskReturnHook",
    "TaskSubmissionHook",
    "accept_error_sentinels",
]

_LAZY = {
    "Caught": "graceful",
    "FunctionInputOutputTypeChecker": "checking",
    "GracefulErrorAdapter": "graceful",
    "NoEdgeAndInputTypeChecking": "checking",
    "PDBDebugger": "debugging",
    "PrintLn": "printing",
    "PrintLnHook": "printing",
    "SlowDownYouMoveTooFast": "slowing",
    "accept_error_sentinels": "graceful",
}


def __getattr__(name: str) -> Any:
    if name not in _LAZY:
        raise AttributeError(f"module 'anabranch.lifecycle' has no attribute '{name}'")
    value = getattr(import_module(f"{__name__}.{_LAZY[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
