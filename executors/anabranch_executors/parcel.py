"""Calls and answers as they travel to workers that share no memory with the driver: Ray's, Dask's, a foreign pool's.

    driver                                          worker
    Sender.pack ──▶ code, parcel, far values ──▶ run_parcel: load, perform, pack ──▶ head, kept outputs
    message_of ◀── head ◀──────────────────────────┘

Theory: a value is pickled once, here, by `anabranch.transport`, and travels as `Packed`: one stream and the buffers
that it left out, which the engine underneath moves without looking into them. So what does not pickle is found by us
and named by its path, on the side where it is. Values that fit into one message come back inside the head of the
answer; larger ones are kept where they were made, and the head has None in their place. *Far* values are the ones that
are on their way already: `Shared` ones, sent once, and the outputs of earlier calls.

This module never knows which engine moves its bytes.
"""

from __future__ import annotations

import hashlib
import os
import pickle
import socket
import threading
from collections import OrderedDict
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from time import perf_counter
from typing import Any, Generic, TypeVar

from anabranch.errors import ExecutorError, TransferError
from anabranch.executor import Call, CallFailed, CallLost, Message, Shared
from anabranch.journey import AT_HOME, Journey, Stay
from anabranch.transport import Reach, by_value, dump_code, loads, pack, portable_outputs, unpack, unsent
from anabranch.work import Code, Layout, Outcome
from anabranch_executors.cargo import Cargo
from anabranch_executors.notes import Note, Slate, begin, end, named
from anabranch_executors.reply import answer

__all__ = ["INLINE", "Packed", "Parcel", "Sender", "departure", "message_of", "run_parcel"]

INLINE = 90_000
"""Bytes up to which code and the outputs of a call travel inside a message."""

T = TypeVar("T")


class Packed:
    """A pickled value, its large buffers beside the stream."""

    __slots__ = ("__weakref__", "_loaded", "frames")

    def __init__(self, *frames: Any) -> None:
        self.frames = frames
        self._loaded: list[Any] = []

    @classmethod
    def of(cls, value: Any) -> Packed:
        """Pickles the value."""
        return cls(*pack(value))

    def value(self, *, keep: bool = False) -> Any:
        """Unpickles it; where `keep`, once only."""
        if self._loaded:
            return self._loaded[0]
        value = unpack(list(self.frames))
        if keep:
            self._loaded.append(value)
        return value

    @property
    def in_one_piece(self) -> bool:
        """Whether there are no buffers beside the stream."""
        return len(self.frames) == 1

    @property
    def size(self) -> int:
        """The bytes it takes on its way."""
        return sum(memoryview(frame).nbytes for frame in self.frames)

    def __reduce_ex__(self, protocol: Any) -> Any:
        stream, *buffers = self.frames
        if protocol < 5:
            return Packed, (bytes(stream), *map(bytearray, buffers))
        large = memoryview(stream).nbytes > 4096
        return Packed, (pickle.PickleBuffer(stream) if large else bytes(stream), *map(pickle.PickleBuffer, buffers))

    def __sizeof__(self) -> int:
        return object.__sizeof__(self) + self.size


@dataclass(frozen=True, slots=True, eq=False)
class Parcel:
    """A call without its code: `packed` is its layout and its values.

    The values have None where a far value belongs. `far` tells for each far value its place, and for one that is to be
    kept on the worker the name to keep it by. `note` is where the worker writes down that it begins, if it can.
    """

    name: str
    digest: bytes
    outputs: int
    packed: Packed
    far: tuple[tuple[int, str], ...]
    note: Note | None = None

    def __sizeof__(self) -> int:
        return self.packed.size


class Sender(Generic[T]):
    """What one lease has sent already: code, and shared values by key.

    Args:
        reach: what the workers can import.
        reference: the type of the references that calls may get.
        post: brings a packed shared value among the workers, once, and returns the handle to give to calls.
        is_lost: whether what such a handle stands for is no longer there.
        cargo: what goes ahead of code, if anything does.
    """

    def __init__(
        self,
        reach: Reach,
        reference: type,
        post: Callable[[Packed], T],
        is_lost: Callable[[T], bool] = lambda _: False,
        cargo: Cargo | None = None,
    ) -> None:
        self._cargo = cargo
        self._known = cargo.shipped if cargo is not None else frozenset[str]()
        self._reach = reach
        self._reference = reference
        self._post = post
        self._is_lost = is_lost
        self._codes: dict[int, tuple[Code, bytes, bytes]] = {}
        self._shared: dict[int, T] = {}

    def pack(self, call: Call, note: Note | None = None) -> tuple[bytes, Parcel, list[Any]]:
        """The call's code, the call, and its far values: handles of shared values, and references as they are.

        The worker writes down that it begins where `note` says.

        Raises:
            TransferError: a function or a value does not pickle.
        """
        code, digest = self._code(call.code)
        near: list[Any] = list(call.values)
        far: list[tuple[int, str]] = []
        handles: list[Any] = []
        for place, value in enumerate(call.values):
            if isinstance(value, Shared):
                handles.append(self._send(call, value))
                far.append((place, f"{_TOKEN}-{value.key}"))
            elif isinstance(value, self._reference):
                handles.append(value)
                far.append((place, ""))
            else:
                continue
            near[place] = None
        packed = self._packed((call.layout, near), call)
        return code, Parcel(call.code.name, digest, call.code.outputs, packed, tuple(far), note), handles

    def forget(self, keys: Sequence[int]) -> None:
        """Drops the handles of these shared values."""
        for key in keys:
            self._shared.pop(key, None)

    def _code(self, code: Code) -> tuple[bytes, bytes]:
        known = self._codes.get(id(code))
        if known is None:
            data = dump_code(code, self._reach, self._known)
            if self._cargo is not None:
                data = self._cargo.around(code, data)
            known = self._codes[id(code)] = (code, data, hashlib.blake2b(data, digest_size=16).digest())
        return known[1:]

    def _send(self, call: Call, shared: Shared) -> T:
        handle = self._shared.get(shared.key)
        if handle is None or self._is_lost(handle):
            handle = self._post(self._packed(shared.value, call))
            self._shared[shared.key] = handle
        return handle

    def _packed(self, value: Any, call: Call) -> Packed:
        with by_value(self._reach, self._known):
            try:
                return Packed.of(value)
            except Exception as error:
                raise unsent(call) from error


_TOKEN = f"{socket.gethostname()}-{os.getpid()}-{os.urandom(6).hex()}"
"""Tells this process's shared values from those of another driver."""


def departure(began: float, parcel: Parcel) -> Journey:
    """The journey of a call that has just been packed, which began at that moment."""
    now = perf_counter()
    return Journey(packing=now - began, handed=now, sent=now, given=parcel.packed.size)


def message_of(call: Call, head: Packed, kept: Callable[[int], Any], journey: Journey = AT_HOME) -> Message:
    """The reply that the head of an answer makes; `kept` gives the reference to an output that stayed over there, and
    `journey` is how the call went there.
    """
    answered = perf_counter()
    try:
        found, inline = head.value()
        if isinstance(found, (TransferError, ExecutorError)):
            return CallFailed(call.id, found)
        if isinstance(found, CallLost):
            return _with_part(found, inline)
        outputs = tuple(kept(n) if packed is None else packed.value() for n, packed in enumerate(inline))
    except Exception as error:
        text = f"a result of {call.code.name} cannot be unpickled here: {type(error).__name__}: {error}"
        return CallFailed(call.id, TransferError(text))
    journey = journey.back(found.journey, answered, perf_counter() - answered, head.size)
    outcome: Outcome = replace(found, outputs=outputs, journey=journey)
    return outcome


def _with_part(lost: CallLost, part: tuple[Outcome, tuple[Packed, ...]] | None) -> CallLost:
    if part is None:
        return lost
    bare, outputs = part
    return replace(lost, finished=replace(bare, outputs=tuple(packed.value() for packed in outputs)))


# In the worker.


def run_parcel(
    code: bytes, parcel: Parcel, far: Sequence[Packed], *, keep: bool, inline: int | None = INLINE, kill: bool = False
) -> tuple[Packed, list[Packed | None]]:
    """Runs a call; returns the head of the answer and one entry for each output, None where the head has it.

    Args:
        inline: how many bytes of outputs the head may have; None for all of them.
        keep: hold shared values between calls, for engines that bring a new copy with each; not where `far` are the
            same objects each time.
        kill: the process may be ended by a function that takes too long.
    """
    begin(parcel.note, confess=kill)
    try:
        return _run(code, parcel, far, keep=keep, inline=inline, kill=kill)
    finally:
        end(parcel.note)


def _run(
    code: bytes, parcel: Parcel, far: Sequence[Packed], *, keep: bool, inline: int | None, kill: bool
) -> tuple[Packed, list[Packed | None]]:
    worker, stay = named(os.getpid()), Stay()
    loaded = None
    try:
        loaded = _codes.get(parcel.digest, lambda: loads(bytes(code)))
        layout, values = _load(parcel, far, keep=keep)
    except ExecutorError as error:  # the worker is not as it should be
        return Packed.of((error, ())), [None] * parcel.outputs
    except BaseException as error:
        text = (
            f"a call of {parcel.name} cannot be unpickled on worker {worker}: {type(error).__name__}: {error}; what it "
            f"uses must be importable there"
        )
        return Packed.of((TransferError(text, whole=loaded is None), ())), [None] * parcel.outputs
    slate = Slate(parcel.note) if kill and parcel.note is not None else None
    stay.began()
    message = answer(loaded, layout, values, worker, kill=kill, slate=slate)
    stay.ended()
    if isinstance(message, CallLost):
        return _pack_lost(message, loaded, layout), [None] * parcel.outputs
    return _pack_outcome(message, (loaded, layout), inline, stay)


def _pack_lost(lost: CallLost, code: Code, layout: Layout) -> Packed:
    """A call that was left behind, with what it had finished, if that travels."""
    part = None
    if lost.finished is not None:
        with suppress(TransferError):
            bare, outputs = portable_outputs(lost.finished, code, layout)
            part = (bare, tuple(Packed(*frames) for frames in outputs))
    return Packed.of((replace(lost, finished=None), part))


def _load(parcel: Parcel, far: Sequence[Packed], *, keep: bool) -> tuple[Layout, tuple[Any, ...]]:
    layout, values = parcel.packed.value()
    for (place, name), packed in zip(parcel.far, far, strict=True):
        if name and keep:
            values[place] = _kept.get(name, packed.value)
        else:
            values[place] = packed.value(keep=bool(name))
    return layout, tuple(values)


def _pack_outcome(
    outcome: Outcome, call: tuple[Code, Layout], limit: int | None, stay: Stay
) -> tuple[Packed, list[Packed | None]]:
    kept: list[Packed | None] = [None] * call[0].outputs
    try:
        bare, outputs = portable_outputs(outcome, *call)
    except TransferError as error:
        return Packed.of((error, ())), kept
    inline: list[Packed | None] = [None] * len(outputs)
    for number, output in enumerate(Packed(*frames) for frames in outputs):
        chosen = inline if limit is None or output.size * len(outputs) <= limit else kept
        chosen[number] = output
    bare = replace(bare, journey=stay.journey())
    return Packed.of((bare, tuple(inline))), kept


class Recent(Generic[T]):
    """The values used last."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._lock = threading.Lock()
        self._values: OrderedDict[Any, T] = OrderedDict()

    def get(self, key: Any, make: Callable[[], T]) -> T:
        """The value of this key, made if it is not there."""
        with self._lock:
            if key in self._values:
                self._values.move_to_end(key)
                return self._values[key]
        value = make()
        with self._lock:
            self._values[key] = value
            while len(self._values) > self._limit:
                self._values.popitem(last=False)
        return value


_codes: Recent[Code] = Recent(128)
_kept: Recent[Any] = Recent(16)
