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
    WorkerReport,
)

if TYPE_CHECKING:
    from anabranch.lifecycle.bars import ProgressBar, RichProgressBar
    from anabranch.lifecycle.checking import FunctionInputOutputTypeChecker, NoEdgeAndInputTypeChecking
    from anabranch.lifecycle.debugging import PDBDebugger
    from anabranch.lifecycle.frames import NarwhalsAdapter
    from anabranch.lifecycle.graceful import Caught, GracefulErrorAdapter, accept_error_sentinels
    from anabranch.lifecycle.logs import AsyncLoggingAdapter, ContextLogger, LoggingAdapter, get_logger
    from anabranch.lifecycle.mlflow import MLFlowTracker
    from anabranch.lifecycle.openlineage import OpenLineageAdapter
    from anabranch.lifecycle.printing import PrintLn, PrintLnHook
    from anabranch.lifecycle.schemas import SchemaValidator
    from anabranch.lifecycle.slack import SlackNotifier
    from anabranch.lifecycle.slowing import SlowDownYouMoveTooFast
    from anabranch.lifecycle.tracing import DDOGTracer, OpenTelemetryTracer
    from anabranch.lifecycle.worker_logs import WorkerLogs

__all__ = [
    "AsyncLoggingAdapter",
    "Caught",
    "ContextLogger",
    "DDOGTracer",
    "EdgeConnectionHook",
    "FunctionInputOutputTypeChecker",
    "GracefulErrorAdapter",
    "GraphAdapter",
    "GraphConstructionHook",
    "GraphExecutionHook",
    "LifecycleAdapter",
    "LoggingAdapter",
    "MLFlowTracker",
    "NarwhalsAdapter",
    "NoEdgeAndInputTypeChecking",
    "NodeExecutionHook",
    "NodeExecutionMethod",
    "NodeFailureMethod",
    "NodeGroupPurpose",
    "OpenLineageAdapter",
    "OpenTelemetryTracer",
    "PDBDebugger",
    "PrintLn",
    "PrintLnHook",
    "ProgressBar",
    "ResultBuilder",
    "RichProgressBar",
    "SchemaValidator",
    "SlackNotifier",
    "SlowDownYouMoveTooFast",
    "StaticValidator",
    "TaskExecutionHook",
    "TaskGroupingHook",
    "TaskReturnHook",
    "TaskSubmissionHook",
    "WorkerLogs",
    "WorkerReport",
    "accept_error_sentinels",
    "get_logger",
]

_LAZY = {
    "AsyncLoggingAdapter": "logs",
    "Caught": "graceful",
    "ContextLogger": "logs",
    "DDOGTracer": "tracing",
    "FunctionInputOutputTypeChecker": "checking",
    "GracefulErrorAdapter": "graceful",
    "LoggingAdapter": "logs",
    "MLFlowTracker": "mlflow",
    "NarwhalsAdapter": "frames",
    "NoEdgeAndInputTypeChecking": "checking",
    "OpenLineageAdapter": "openlineage",
    "OpenTelemetryTracer": "tracing",
    "PDBDebugger": "debugging",
    "PrintLn": "printing",
    "PrintLnHook": "printing",
    "ProgressBar": "bars",
    "RichProgressBar": "bars",
    "SchemaValidator": "schemas",
    "SlackNotifier": "slack",
    "SlowDownYouMoveTooFast": "slowing",
    "WorkerLogs": "worker_logs",
    "accept_error_sentinels": "graceful",
    "get_logger": "logs",
}


def __getattr__(name: str) -> Any:
    if name not in _LAZY:
        raise AttributeError(f"module 'anabranch.lifecycle' has no attribute '{name}'")
    value = getattr(import_module(f"{__name__}.{_LAZY[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
