"""OpenTelemetry's context, carried to where functions run: what they begin there belongs to the run's trace.

Theory: when a run begins, the driver's current context (the run's span, and the baggage of who called) is written down by the
propagator that the application has set, as it would be for an HTTP request. That is a few strings; they travel with the
adapter, and around each call they are the current context again. In the driver's own process nothing is needed: there calls
see the context of their caller.

Adapters travel anew with the code of each run, and a worker keeps the first that it was sent (`anabranch.lifecycle.crew`); so
what is new is put where all that have come from one driver find it.
"""

from __future__ import annotations

import os
import socket
from collections import OrderedDict
from contextvars import ContextVar
from typing import Any

from anabranch.lifecycle.base import GraphExecutionHook, TaskExecutionHook

__all__ = ["ContextCarrier"]

KEPT = 1000
"""A worker remembers the contexts of so many runs."""

_contexts: OrderedDict[str, dict[str, str]] = OrderedDict()
_attached: ContextVar[Any] = ContextVar("anabranch attached context", default=None)


class ContextCarrier(GraphExecutionHook, TaskExecutionHook):
    """Has functions in workers run in the context of the run's span. `anabranch.see.OpenTelemetry` brings it along."""

    def __init__(self) -> None:
        self.home = _here()
        self.runs: dict[str, dict[str, str]] = {}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        if self.home != _here():
            _contexts.update(self.runs)
            while len(_contexts) > KEPT:
                _contexts.popitem(last=False)

    def run_before_graph_execution(self, *, run_id: str, **future_kwargs: Any) -> None:
        """Writes the context down."""
        from opentelemetry import propagate

        carrier: dict[str, str] = {}
        propagate.inject(carrier)
        self.runs = {**self.runs, run_id: carrier}

    def run_after_graph_execution(self, *, run_id: str, **future_kwargs: Any) -> None:
        """It is not needed any more."""
        self.runs = {known: carrier for known, carrier in self.runs.items() if known != run_id}

    def run_before_task_execution(self, *, run_id: str, **future_kwargs: Any) -> None:
        """From now on it is the current one."""
        carrier = _contexts.get(run_id) if self.home != _here() else None
        if carrier:
            from opentelemetry import context, propagate

            _attached.set(context.attach(propagate.extract(carrier)))

    def run_after_task_execution(self, **future_kwargs: Any) -> None:
        """What was before is again."""
        token = _attached.get()
        if token is not None:
            from opentelemetry import context

            _attached.set(None)
            context.detach(token)


def _here() -> tuple[str, int]:
    return socket.gethostname(), os.getpid()
