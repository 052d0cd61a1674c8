"""The driver's side: calls become Dask tasks, and what they answer becomes replies.

Theory: the type of a finished task tells whether its answer came whole or left large outputs on the worker (`Kept`), of
which a second, small task takes the head. Answers that finish together are gathered together: it costs two round trips,
however many they are.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import CancelledError
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple
from uuid import uuid4

from anabranch.errors import AnabranchError, ExecutorError, WorkerLost
from anabranch.executor import Call, CallFailed, CallLost, Message, Reference, Reply
from anabranch.transport import Reach
from anabranch_executors.dask.worker import Kept, head_of, output_of, quiesce, run_on_dask
from anabranch_executors.parcel import INLINE, Parcel, Sender, message_of
from anabranch_executors.reply import Ledger, in_one_line

__all__ = ["DaskLease", "DaskReference"]

LARGE = 1_000_000
"""Bytes from which on a call's values go to a worker directly instead of through the scheduler."""

COPIES = 2
"""How many workers get a shared value at first; more fetch it when they need it, and one may die without harm."""


@dataclass(frozen=True, slots=True, eq=False)
class DaskReference(Reference):
    """An output that stayed on a Dask worker: the future of its call's answer, and its place there."""

    future: Any
    place: int

    def fetch(self) -> Any:
        """Brings the value here."""
        try:
            return self.future.client.submit(output_of, self.future, self.place, pure=False).result().value()
        except Exception as error:
            raise WorkerLost(f"a value that lived on Dask is gone: {in_one_line(error)}") from error


class DaskLease:
    """A Dask client in use by one run."""

    def __init__(self, client: Any, reach: Reach) -> None:
        self._client = client
        self._token = uuid4().hex
        self._ledger = Ledger()
        self._sender: Sender[Any] = Sender(reach, DaskReference, partial(self._scatter, broadcast=COPIES), _is_lost)
        self._codes: dict[bytes, Any] = {}
        self._finished: list[Answer] = []
        self._gathering = False

    def submit(self, call: Call, reply: Reply) -> None:
        """Makes a Dask task of the call."""
        ticket = self._ledger.enter(call, reply)
        if not self._ledger.is_open(ticket):
            return
        try:
            future = self._start(call)
        except AnabranchError as error:
            self._ledger.settle(ticket, CallFailed(call.id, error))
        except Exception as error:
            text = f"Dask does not take the call: {type(error).__name__}: {in_one_line(error)}"
            self._ledger.settle(ticket, CallFailed(call.id, ExecutorError(text)))
        else:
            self._ledger.hold(ticket, future)
            future.add_done_callback(partial(self._done, ticket, call, future))

    def refuse(self) -> None:
        """Answers what runs as failed, and all that comes: the client is about to be closed."""
        self._ledger.refuse(ExecutorError("the executor has been closed"))

    def forget(self, keys: list[int]) -> None:
        """Drops the futures of shared values; Dask frees them when no task needs them."""
        self._sender.forget(keys)

    def leave(self) -> None:
        """Cancels what is queued and waits for what is running."""
        futures = self._ledger.leave()
        if futures and self._client.status == "running":
            self._client.cancel(futures)
            self._client.run(quiesce, self._token, on_error="ignore")

    def _start(self, call: Call) -> Any:
        code, parcel, handles = self._sender.pack(call)
        far = [handle.future if isinstance(handle, DaskReference) else handle for handle in handles]
        places = [handle.place if isinstance(handle, DaskReference) else None for handle in handles]
        body = parcel if parcel.packed.size <= LARGE else self._scatter(parcel)
        key = f"{parcel.name}-{uuid4().hex}"
        text = self._code(parcel, code)
        return self._client.submit(run_on_dask, self._token, text, body, places, *far, key=key, pure=False, retries=0)

    def _code(self, parcel: Parcel, code: bytes) -> Any:
        """Small code goes inside the task, which is quicker; large code goes to each worker once."""
        if len(code) <= INLINE:
            return code
        sent = self._codes.get(parcel.digest)
        if sent is None or _is_lost(sent):
            sent = self._codes[parcel.digest] = self._client.scatter(code, broadcast=True, hash=False)
        return sent

    def _scatter(self, value: Any, broadcast: int = 0) -> Any:
        return self._client.scatter(value, broadcast=broadcast, hash=False)

    def _done(self, ticket: int, call: Call, task: Any, future: Any) -> None:
        """In Dask's callback thread: `task` is the call's, `future` the same or that of its head alone."""
        if future.status == "finished" and future.type is Kept:
            head = self._client.submit(head_of, future, pure=False)
            head.add_done_callback(partial(self._done, ticket, call, task))
        else:
            self._client.loop.add_callback(self._arrived, Answer(ticket, call, task, future))

    async def _arrived(self, answer: Answer) -> None:
        """In the client's loop, as all below: gathers this answer, and with it those that arrive meanwhile."""
        self._finished.append(answer)
        if self._gathering:
            return
        self._gathering = True
        try:
            while self._finished:
                answers, self._finished = self._finished, []
                await self._gather(answers)
        finally:
            self._gathering = False

    async def _gather(self, answers: Sequence[Answer]) -> None:
        try:
            heads = await self._client.gather([answer.future for answer in answers], asynchronous=True)
        except Exception as error:
            if len(answers) == 1:
                self._ledger.settle(answers[0].ticket, _message_of_error(answers[0].call, error))
            else:
                for answer in answers:
                    await self._gather([answer])
            return
        for (ticket, call, task, _), head in zip(answers, heads, strict=True):
            self._ledger.settle(ticket, message_of(call, head, partial(DaskReference, task)))


class Answer(NamedTuple):
    """A finished call, and the future of its answer's head."""

    ticket: int
    call: Call
    task: Any
    future: Any


def _is_lost(future: Any) -> bool:
    return bool(future.status != "finished")


def _message_of_error(call: Call, error: Exception) -> Message:
    from distributed.scheduler import KilledWorker

    text = f"{type(error).__name__}: {in_one_line(error)}"
    if isinstance(error, KilledWorker):
        return CallLost(call.id, "the Dask worker that ran it died", error.last_worker.address)
    if isinstance(error, CancelledError):
        return CallLost(call.id, f"Dask has dropped the call or lost what it needs: {text}")
    hint = "anabranch must be installed on Dask's workers, in the driver's version"
    return CallFailed(call.id, ExecutorError(f"Dask could not run a call of {call.code.name}: {text}; {hint}"))
