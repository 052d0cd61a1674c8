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

from anabranch.driver import Builder, Driver, RunResult, Variable
from anabranch.errors import (
    AnabranchError,
    ExecutorError,
    FlowError,
    ForeignError,
    InputError,
    InternalError,
    TransferError,
    WorkerLost,
)
from anabranch.failure import Failure
from anabranch.graph import module_from_functions
from anabranch.markers import Collect, Parallelizable, PerItem, Skip, Stream, associative, cross, zipped

__version__ = "0.1.0"

__all__ = [
    "AnabranchError",
    "Builder",
    "Collect",
    "Driver",
    "ExecutorError",
    "Failure",
    "FlowError",
    "ForeignError",
    "InputError",
    "InternalError",
    "Parallelizable",
    "PerItem",
    "RunResult",
    "Skip",
    "Stream",
    "TransferError",
    "Variable",
    "WorkerLost",
    "associative",
    "cross",
    "module_from_functions",
    "zipped",
]
