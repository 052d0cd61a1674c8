"""What tests of anabranch are made of, for its own and for anyone's executors and flows.

| name | is |
| --- | --- |
| `ExecutorContract` | a test class that an executor's author subclasses: every promise an executor makes |
| `FaultContract` | another: what one bad item, a dead worker or a call that hangs must not do to a run |
| `interpret` | the reference semantics, a naive interpreter |
| `execute_seeded` | a run in one thread whose order of completion a seed decides |
| `Chaos`, `Killer` | faults on purpose, by function, item and attempt; workers killed at random |
| `flows.flows`, `flows.Flow` | random dataflows, a strategy for hypothesis |

An executor passes if this test module does::

    from anabranch.testing import ExecutorContract
    from mine import MyExecutor

    class TestMyExecutor(ExecutorContract):
        def make_executor(self):
            return MyExecutor(workers=2)

`FaultContract` is used in the same way. Importing this package needs nothing; the contracts need pytest and hypothesis, and
say so.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from anabranch.testing.chaos import Chaos
    from anabranch.testing.contract import ExecutorContract, FaultContract
    from anabranch.testing.killer import Killer
    from anabranch.testing.oracle import interpret
    from anabranch.testing.seeded import execute_seeded

__all__ = ["Chaos", "ExecutorContract", "FaultContract", "Killer", "execute_seeded", "interpret"]

_HOMES = {
    "Chaos": "chaos",
    "ExecutorContract": "contract",
    "FaultContract": "contract",
    "Killer": "killer",
    "execute_seeded": "seeded",
    "interpret": "oracle",
}
_TOOLS = ("hypothesis", "pytest")


def __getattr__(name: str) -> Any:
    """Imports what is asked for; so what needs pytest or hypothesis needs them only then.

    Raises:
        ImportError: they are missing; says what to install.
    """
    if name not in _HOMES:
        raise AttributeError(f"module '{__name__}' has no attribute '{name}'")
    try:
        return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
    except ModuleNotFoundError as error:
        if error.name not in _TOOLS:
            raise
        raise ImportError(
            f"anabranch.testing.{name} needs {error.name}, which is not installed; run: pip install {' '.join(_TOOLS)}",
            name=error.name,
        ) from error
