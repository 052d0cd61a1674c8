"""Runs ``async def`` functions many at a time: on the event loop of whoever awaits the run, or on one of this process's own.

Theory: what a call has to do is done by a thread, as on `threads`; where it comes to a coroutine, the event loop runs that,
and the thread does nothing but wait (`anabranch.awaiting`). So functions that are no coroutines never hold up the loop, and
how many coroutines are in flight is how many threads there are. A thread that waits costs some ten kilobytes and no time, so
there may be many more of them than there are processors.
"""

from __future__ import annotations

from collections.abc import Mapping

from anabranch_executors.threads import ThreadExecutor

__all__ = ["AsyncioExecutor"]

IN_FLIGHT = 100


class AsyncioExecutor(ThreadExecutor):
    """Calls share the driver's memory; nothing is pickled.

    Args:
        workers: how many calls are in flight at the same time.
        resources: what functions may need that the machine does not show, by name.
    """

    def __init__(self, workers: int = IN_FLIGHT, resources: Mapping[str, float] | None = None) -> None:
        super().__init__(workers, resources)
