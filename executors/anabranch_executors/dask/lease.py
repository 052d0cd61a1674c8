"""The driver's side: calls become Dask tasks, and what they answer becomes replies.

Theory: the type of a finished task tells whether its answer came whole or left large outputs on the worker (`Kept`), of
which a second, small task takes the head. Answers that finish together are gathered together: it costs two round trips,
however many they are.

Outputs that stayed on a worker die with it. Dask then computes them again, if it has all that they are made of: so what is
sent along is part of a task, which the scheduler keeps, and only what is too large for that is data on workers, held as long
as something that was made of it. Whoever is computing when another worker dies is struck off by Dask as a suspect (calls are
not to be tried by it again, see `cluster`), and has to be asked for anew. An output that cannot be computed again is told of
each call that wants it.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import CancelledError
from dataclasses import dataclass
from functools import partial
from time import perf_counter
from typing import Any, NamedTuple
from uuid import uuid4

from anabranch.errors import AnabranchError, ExecutorError, TransferError, WorkerLost
from anabranch.executor import Call, CallFailed, CallLost, Message, Reference, Reply
from anabranch.journey import Journey
from anabranch.own import OWNER, is_any_declared
from anabranch.transport import Reach
from anabranch_executors.cargo import Cargo
from anabranch_executors.dask.endings import Endings
from anabranch_executors.dask.line import GRACE as RECONNECTING
from anabranch_executors.dask.line import Line, Task
from anabranch_executors.dask.needs import arguments
from anabranch_executors.dask.worker import Kept, head_of, output_of, quiesce, run_on_dask, same
from anabranch_executors.notes import Notes
from anabranch_executors.parcel import INLINE, Packed, Parcel, Sender, departure, message_of
from anabranch_executors.reply import Ledger, in_one_line

__all__ = ["DaskLease", "DaskReference"]

LARGE = 1_000_000
"""Bytes from which on a call's values go to a worker directly instead of through the scheduler."""

GONE = "a value that lived on Dask is gone, and Dask cannot compute it again"

GRACE = 0.5
"""Seconds for calls to end by themselves, before the workers of what goes on are ended."""

CLOSING = 2.0
"""Seconds for a worker to answer then, having closed what it made for itself."""

REVIVALS = 10
"""How often a value is computed again that was lost while it was computed again."""

COPIES = 2
"""How many workers get a shared value at first; more fetch it when they need it, and one may die without harm."""


@dataclass(frozen=True, slots=True, eq=False)
class DaskReference(Reference):
    """An output that stayed on a Dask worker: its call's task, and its place in what that answered.

    `needs` are the data without which it cannot be computed again.
    """

    needs: tuple[Task, ...]
    task: Task
    place: int

    @property
    def is_gone(self) -> bool:
        """Whether it was lost, and is not being computed again (that is `lost`)."""
        return self.task.status in {"cancelled", "error"}

    def fetch(self) -> Any:
        """Brings the value here."""
        from distributed.scheduler import KilledWorker

        for again in range(REVIVALS, -1, -1):
            try:
                self.task.line.wait()
                future = self.task.future
                return future.client.submit(output_of, future, self.place, pure=False).result().value()
            except Exception as error:
                if again and self.task.line.is_cut:
                    continue
                if not (again and isinstance(error, KilledWorker)):
                    raise WorkerLost(f"{GONE}: {in_one_line(error)}") from error
                if self.is_gone:
                    self.task.future.retry()


class DaskLease:
    """A Dask client in use by one run.

    Args:
        client: the client.
        reach: what the workers can import.
        endings: how workers end, where they were started here.
        cargo: what goes ahead of code.
        grace: seconds that a broken connection has to come again.
    """

    def __init__(
        self,
        client: Any,
        reach: Reach,
        endings: Endings | None = None,
        cargo: Cargo | None = None,
        grace: float = RECONNECTING,
    ) -> None:
        self._client = client
        self._line = Line(client, grace)
        self._token = uuid4().hex
        self._ledger = Ledger()
        self._sender: Sender[Any] = Sender(reach, DaskReference, self._share, _is_lost, cargo)
        self._codes: dict[bytes, Any] = {}
        self._stages: dict[str, int] = {}
        self._endings = endings
        self._notes = Notes(are_kept=endings is not None)
        self._revivals: Counter[str] = Counter()
        self._again: Counter[int] = Counter()
        self._finished: list[Answer] = []
        self._gathering = False

    def submit(self, call: Call, reply: Reply) -> None:
        """Makes a Dask task of the call."""
        ticket = self._ledger.enter(call, reply)
        if not self._ledger.is_open(ticket):
            return
        try:
            self._line.wait()
            task, needs, journey = self._start(call, ticket)
        except AnabranchError as error:
            self._ledger.settle(ticket, CallFailed(call.id, error))
        except Exception as error:
            text = f"Dask does not take the call: {type(error).__name__}: {in_one_line(error)}"
            self._ledger.settle(ticket, CallFailed(call.id, ExecutorError(text)))
        else:
            self._ledger.hold(ticket, task)
            self._await(Answer(ticket, call, needs, journey, task, task.future, self._line.mended))

    def refuse(self, reason: str = "the executor has been closed") -> None:
        """Answers what runs as failed, and all that comes: nobody will run it."""
        self._ledger.refuse(ExecutorError(reason))

    def forget(self, keys: list[int]) -> None:
        """Drops the futures of shared values; Dask frees them when no task needs them."""
        self._sender.forget(keys)

    def leave(self, patience: float | None = None) -> None:
        """Cancels what is queued. What is running is waited for, as long as there is patience, where workers are somebody
        else's; where they are ours, those end after a moment that are still at it.
        """
        futures = [task.future for task in self._ledger.leave()]
        if futures and self._client.status == "running":
            self._client.cancel(futures)
            mine = self._endings is not None and self._endings.are_processes
            self._client.sync(self._quiesce, GRACE if mine and patience is None else patience)
        self._notes.close()

    async def _quiesce(self, patience: float | None) -> None:
        """Has every worker begin nothing more, and waits for what runs there; ends those that go on, if they are ours."""
        info = await self._client.scheduler.identity(n_workers=-1)
        await asyncio.gather(*(self._quiesced(address, patience) for address in info["workers"]))

    async def _quiesced(self, address: str, patience: float | None) -> None:
        mine = self._endings is not None and self._endings.are_processes
        owner = OWNER if mine and is_any_declared() else ""
        how = {"workers": [address], "on_error": "ignore", "patience": patience, "owner": owner}
        try:
            answer = self._client.run(quiesce, self._token, **how, asynchronous=True)
            goes_on = await asyncio.wait_for(answer, None if patience is None else patience + CLOSING)
        except TimeoutError:  # what runs there lets nobody else have a word
            goes_on = {address: True}
        if self._endings is not None and goes_on.get(address):
            self._endings.end(address)

    def _start(self, call: Call, ticket: int) -> tuple[Task, tuple[Task, ...], Journey]:
        """The call's task, those of data that it is made of, and how it went there."""
        began = perf_counter()
        code, parcel, handles = self._sender.pack(call, self._notes.of(ticket))
        journey = departure(began, parcel)
        far = [(handle.task if isinstance(handle, DaskReference) else handle).future for handle in handles]
        places = [handle.place if isinstance(handle, DaskReference) else None for handle in handles]
        body = parcel if parcel.packed.size <= LARGE else self._scatter(parcel)
        key = f"{parcel.name}-{uuid4().hex}"
        text = self._code(parcel, code)
        stage = self._stages.setdefault(call.code.key, len(self._stages))  # of what waits, what came last in the flow is first
        how = {"key": key, "pure": False, "retries": 0, "priority": stage}
        if call.needs:
            how |= arguments(call.needs, self._declared())
        future = self._client.submit(run_on_dask, self._token, text, body, places, *far, **how)
        return self._line.task(future), tuple(handle for handle in handles if not isinstance(handle, DaskReference)), journey

    def _declared(self) -> frozenset[str]:
        """The resources that workers say they have."""
        workers = self._client.scheduler_info(n_workers=-1)["workers"].values()
        return frozenset(name for worker in workers for name in worker.get("resources", {}))

    def _code(self, parcel: Parcel, code: bytes) -> Any:
        """Small code goes inside the call's task, which is quicker; large code goes to each worker once."""
        if len(code) <= INLINE:
            return code
        sent = self._codes.get(parcel.digest)
        if sent is None or _is_lost(sent):
            future = self._kept(code) if len(code) <= LARGE else self._scatter(code, broadcast=True)
            sent = self._codes[parcel.digest] = self._line.task(future)
        return sent.future

    def _share(self, packed: Packed) -> Task:
        return self._line.task(self._kept(packed) if packed.size <= LARGE else self._scatter(packed, broadcast=COPIES))

    def _kept(self, value: Any) -> Any:
        """A task that gives the value: Dask can run it again."""
        return self._client.submit(same, value, key=f"value-{uuid4().hex}", pure=False)

    def _scatter(self, value: Any, broadcast: int = 0) -> Any:
        return self._client.scatter(value, broadcast=broadcast, hash=False)

    def _await(self, answer: Answer) -> None:
        answer.task.future.add_done_callback(partial(self._done, answer))

    def _done(self, answer: Answer, future: Any) -> None:
        """In Dask's callback thread: `future` is the call's, or that of its head alone."""
        if future.status == "finished" and future.type in {Kept, None}:  # of a future that was made anew it is not known
            head = self._client.submit(head_of, future, pure=False)
            head.add_done_callback(partial(self._done, answer))
        else:
            self._client.loop.add_callback(self._arrived, answer._replace(future=future))

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
                await self._went_wrong(answers[0], error)
            else:
                for answer in answers:
                    await self._gather([answer])
            return
        for (ticket, call, needs, journey, task, *_), head in zip(answers, heads, strict=True):
            self._notes.answered(ticket)
            self._ledger.settle(ticket, message_of(call, head, partial(DaskReference, needs, task), journey))

    async def _went_wrong(self, answer: Answer, error: Exception) -> None:
        """Settles a call that has an error, unless it was the connection's and the scheduler has kept the call."""
        was_cut = self._line.is_cut or self._line.mended > answer.mended
        if was_cut or isinstance(error, OSError):
            try:
                await self._line.mend()
            except ExecutorError as lost:
                self._ledger.settle(answer.ticket, CallFailed(answer.call.id, lost))
                return
            self._again[answer.ticket] += 1
            if not answer.task.future.cancelled() and self._again[answer.ticket] <= REVIVALS:
                self._await(answer._replace(mended=self._line.mended))
                return
            if was_cut:
                text = "the connection to the Dask scheduler was lost, and the call with it"
                self._ledger.settle(answer.ticket, CallLost(answer.call.id, text, charged=False))
                return
        self._ledger.settle(answer.ticket, await self._message_of_error(answer, error))

    async def _message_of_error(self, answer: Answer, error: Exception) -> Message:
        from distributed.scheduler import KilledWorker

        call = answer.call
        text = f"{type(error).__name__}: {in_one_line(error)}"
        gone = [value.task.future for value in call.values if isinstance(value, DaskReference) and value.is_gone]
        if gone and not await self._revived(gone):
            return CallFailed(call.id, TransferError(f"{GONE}: {text}"))
        if gone:
            return CallLost(call.id, "a worker died with a value that the call needs; it is computed again", charged=False)
        if isinstance(error, KilledWorker):
            address = error.last_worker.address
            loss = self._notes.lost(answer.ticket)
            ended = await self._endings.of(address) if self._endings is not None else ""
            return CallLost(call.id, ended or "the Dask worker that ran it died", loss.worker or address, charged=loss.charged)
        if isinstance(error, CancelledError):
            return CallLost(call.id, f"Dask has dropped the call or lost what it needs: {text}")
        hint = "anabranch must be installed on Dask's workers, in the driver's version"
        return CallFailed(call.id, ExecutorError(f"Dask could not run a call of {call.code.name}: {text}; {hint}"))

    async def _revived(self, futures: Sequence[Any]) -> bool:
        """Whether values that are gone are being computed again."""
        self._revivals.update(future.key for future in futures)
        may = all(future.status == "error" and self._revivals[future.key] <= REVIVALS for future in futures)
        if may:
            await self._client.retry(list(futures), asynchronous=True)
        return may


class Answer(NamedTuple):
    """A call on its way or finished, the future of its answer's head, and how often the connection had come again until
    then.
    """

    ticket: int
    call: Call
    needs: tuple[Task, ...]
    journey: Journey
    task: Task
    future: Any
    mended: int


def _is_lost(task: Task) -> bool:
    return task.status in {"cancelled", "lost", "error"}
