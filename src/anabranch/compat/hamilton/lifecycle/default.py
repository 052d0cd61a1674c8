"""Ready-made adapters; see `anabranch.lifecycle`.

`GracefulErrorAdapter` is Hamilton's: what stands for a failure is None unless something else is said.
"""

from __future__ import annotations

from typing import Any

from anabranch.compat.hamilton._memo import CacheAdapter
from anabranch.lifecycle import (
    FunctionInputOutputTypeChecker,
    NoEdgeAndInputTypeChecking,
    PDBDebugger,
    PrintLn,
    PrintLnHook,
    SlowDownYouMoveTooFast,
    accept_error_sentinels,
)
from anabranch.lifecycle import GracefulErrorAdapter as _GracefulErrorAdapter

__all__ = [
    "SENTINEL_DEFAULT",
    "CacheAdapter",
    "FunctionInputOutputTypeChecker",
    "GracefulErrorAdapter",
    "NoEdgeAndInputTypeChecking",
    "PDBDebugger",
    "PrintLn",
    "PrintLnHook",
    "SlowDownYouMoveTooFast",
    "accept_error_sentinels",
]

SENTINEL_DEFAULT = None


class GracefulErrorAdapter(_GracefulErrorAdapter):
    """Goes on after failures; `sentinel_value` stands for them."""

    def __init__(
        self,
        error_to_catch: type[Exception],
        sentinel_value: Any = SENTINEL_DEFAULT,
        try_all_parallel: bool = True,
        allow_injection: bool = True,
    ) -> None:
        super().__init__(error_to_catch, sentinel_value, try_all_parallel, allow_injection)
