"""anabranch: dataflows written as plain functions, fanned out, with the same answer on every executor.

>>> from anabranch import Builder, Collect, Parallelizable, module_from_functions
>>> def number(limit: int) -> Parallelizable[int]:
...     yield from range(limit)
>>> def square(number: int) -> int:
...     return number * number
>>> def total(square: Collect[int]) -> int:
...     return sum(square)
>>> driver = Builder().with_modules(module_from_functions(number, square, total)).build()
>>> driver.execute(["total"], inputs={"limit": 4})
{'total': 14}
"""

from typing import TYPE_CHECKING, Any

from anabranch.errors import (
    AnabranchError,
    ExecutorError,
    FlowError,
    ForeignError,
    InputError,
    InternalError,
    RunCancelled,
    TimedOut,
    TransferError,
    WorkerLost,
)
from anabranch.markers import (
    AsyncParallelizable,
    AsyncStream,
    Collect,
    Parallelizable,
    PerItem,
    Skip,
    Stream,
    associative,
    cross,
    per_worker,
    zipped,
)

if TYPE_CHECKING:
    from anabranch.driver import Builder, Driver
    from anabranch.failure import Failed, Failure, ItemsFailed
    from anabranch.graph import module_from_functions, module_from_source
    from anabranch.handle import RunHandle, RunResult
    from anabranch.lineage import Variable
    from anabranch.placement import resources, run_on
    from anabranch.policies import Retry, limit, on_error, pure, retry, timeout

__version__ = "0.1.0"

__all__ = [
    "AnabranchError",
    "AsyncParallelizable",
    "AsyncStream",
    "Builder",
    "Collect",
    "Driver",
    "ExecutorError",
    "Failed",
    "Failure",
    "FlowError",
    "ForeignError",
    "InputError",
    "InternalError",
    "ItemsFailed",
    "Parallelizable",
    "PerItem",
    "Retry",
    "RunCancelled",
    "RunHandle",
    "RunResult",
    "Skip",
    "Stream",
    "TimedOut",
    "TransferError",
    "Variable",
    "WorkerLost",
    "associative",
    "cross",
    "limit",
    "module_from_functions",
    "module_from_source",
    "on_error",
    "per_worker",
    "pure",
    "resources",
    "retry",
    "run_on",
    "timeout",
    "zipped",
]

_LAZY = {
    "Builder": "anabranch.driver",
    "Driver": "anabranch.driver",
    "Failed": "anabranch.failure",
    "Failure": "anabranch.failure",
    "ItemsFailed": "anabranch.failure",
    "Retry": "anabranch.policies",
    "RunHandle": "anabranch.handle",
    "RunResult": "anabranch.handle",
    "Variable": "anabranch.lineage",
    "module_from_functions": "anabranch.graph",
    "module_from_source": "anabranch.graph",
    "limit": "anabranch.policies",
    "on_error": "anabranch.policies",
    "resources": "anabranch.placement",
    "pure": "anabranch.policies",
    "retry": "anabranch.policies",
    "run_on": "anabranch.placement",
    "timeout": "anabranch.policies",
    "load_ipython_extension": "anabranch.notebook",
    "unload_ipython_extension": "anabranch.notebook",
}
"""A module that only defines a flow needs the markers; the engine is imported by who builds a driver."""


def __getattr__(name: str) -> Any:
    if name not in _LAZY:
        raise AttributeError(f"module 'anabranch' has no attribute '{name}'")
    from importlib import import_module

    value = getattr(import_module(_LAZY[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
