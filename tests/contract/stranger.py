"""An executor as a stranger would write it, from the protocol alone: one thread per call, as many at once as it has slots."""

from __future__ import annotations

import contextvars
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from anabranch.executor import Call, Reply, Shared, Traits
from anabranch.work import perform


class StrangeExecutor:
    def __init__(self, workers: int = 2) -> None:
        self.traits = Traits(slots=workers, credit=workers + 1, shares_memory=True)
        self.room = threading.Semaphore(workers)
        self.closed = 0

    @contextmanager
    def lease(self) -> Iterator[StrangeLease]:
        lease = StrangeLease(self.room)
        try:
            yield lease
        finally:
            lease.leave()

    def close(self) -> None:
        self.closed += 1


class StrangeLease:
    def __init__(self, room: threading.Semaphore) -> None:
        self.room = room
        self.lock = threading.Lock()
        self.left = False
        self.threads: list[threading.Thread] = []

    def submit(self, call: Call, reply: Reply) -> None:
        context = contextvars.copy_context()
        thread = threading.Thread(target=context.run, args=(self._run, call, reply), name=f"strange {call.id}")
        self.threads.append(thread)
        thread.start()

    def forget(self, keys: list[int]) -> None:
        pass

    def leave(self) -> None:
        with self.lock:
            self.left = True
        for thread in self.threads:
            thread.join()

    def _run(self, call: Call, reply: Reply) -> None:
        with self.room:
            if self.left:
                return
            values = tuple(value.value if isinstance(value, Shared) else value for value in call.values)
            outcome = perform(call.code, call.layout, values, threading.current_thread().name)
        with self.lock:
            if not self.left:
                reply(outcome)
