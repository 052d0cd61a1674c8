"""Runs calls on Ray, on this machine or a cluster; intermediate values stay in Ray's object store.

    submit ──▶ remote(code, parcel, *far) ──▶ Ray worker: run_parcel ──▶ head, output, output, …
    reply ◀── head's future, in Ray's callback thread                    │
    later call ◀── ObjectRef as a top-level argument ◀───────────────────┘

Theory: a Ray process has one session, whoever opened it. A session that the user opened is used and never closed; one
that was opened here is shared by all `RayExecutor`s of this process and closed with the last of them, its files with it (they
lie in a folder of ours, unless the options have a `_temp_dir`); what runs on it then is answered as failed, since Ray
forgets it, and is kept from Ray, which would open a session by itself. Only the head
of an answer comes to the driver; outputs too large for it are objects of their own, and Ray resolves them, and
`Shared` values, near the worker that gets them. Ray never retries a call: whether a call is repeated is the engine's
decision, so a worker's death is one reply, `CallLost`.

Arrays reach a worker as Ray keeps them: without a copy, and read-only.
"""

from __future__ import annotations

import os
import pickle
import socket
import sys
import threading
import weakref
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache, partial
from time import perf_counter
from typing import Any, NamedTuple

from anabranch.errors import AnabranchError, ExecutorError, WorkerLost
from anabranch.executor import Call, CallFailed, CallLost, Message, Reference, Reply, Traits
from anabranch.journey import Journey
from anabranch.own import is_any_declared
from anabranch.placement import Resources
from anabranch.transport import Reach
from anabranch_executors.cargo import Cargo
from anabranch_executors.notes import Loss, Notes
from anabranch_executors.parcel import INLINE, Packed, Parcel, Sender, departure, message_of, run_parcel
from anabranch_executors.processes.cpus import check_workers, usable_cpus
from anabranch_executors.ray_keeper import open_keeper, part, watch_first
from anabranch_executors.reply import Ledger, in_one_line
from anabranch_executors.scratch import Scratch

__all__ = ["RayExecutor"]

PATIENCE = 8.0
"""Seconds to wait for a cluster to answer, and for cancelled calls to end."""

STARTING = 120.0
"""Seconds that the first worker of a session that is opened here has to start."""

GRACE = 0.2
"""Seconds that the calls of a run that is over have to end by themselves."""

INTERRUPTED = 0.5
"""Seconds that they have after they were interrupted, where their workers have something to close."""


class RayExecutor:
    """Calls are Ray tasks.

    Args:
        address: the cluster: ``host:port``, ``ray://host:port`` or ``auto``; by default the session that this process
            has already opened, else what RAY_ADDRESS names, else a new one on this machine.
        workers: how many calls at the same time; by default as many as the cluster has processors. It may be more than there
            are now, if the cluster grows.
        resources: what its largest machine has, by name, where that is more than can be seen: of a cluster that grows, say.
        ship: packages or modules of Python files that the cluster's machines lack, or have in another version.
        options: further keyword arguments for `ray.init`.
    """

    def __init__(
        self,
        address: str | None = None,
        workers: int | None = None,
        *,
        resources: Mapping[str, float] | None = None,
        ship: Sequence[str] = (),
        **options: Any,
    ) -> None:
        check_workers(workers)
        self._address = address
        self._workers = workers
        self._options = options
        self._slots = workers or usable_cpus()
        self._more = dict(resources or {})
        self._resources: dict[str, float] | None = None
        self._keeper: Any = None
        self._ship = ship

    @property
    def traits(self) -> Traits:
        """As many slots as the cluster has processors, once there is one."""
        slots, has = self._slots, self._resources
        return Traits(slots=slots, credit=2 * slots, holds_references=True, can_kill=True, resources=has)

    @contextmanager
    def lease(self) -> Iterator[RayLease]:
        """Joins or opens the Ray session of this process."""
        ray = _ray()
        with _guard:
            reach = self._join(ray)
            cpus = int(ray.cluster_resources().get("CPU", 1))
            self._slots = max(1, self._workers or cpus)
            self._resources = {**_largest(ray), **self._more}
            if is_any_declared() and self._keeper is None:
                self._keeper = open_keeper(ray)
            lease = RayLease(ray, reach, Cargo(reach, self._ship))
            if _session is not None and ray.get_runtime_context().get_node_id() == _session.node:
                _session.leases.add(lease)
        try:
            yield lease
        finally:
            lease.leave()

    def close(self) -> None:
        """Closes the session if it was opened here and nobody else uses it."""
        global _session
        with _guard:
            if _session is None or self not in _session.users:
                if self._keeper is not None:
                    self._part(_ray())
                return
            _session.users.discard(self)
            if not _session.users:
                ray, ours, _session = _ray(), _session, None
                for lease in list(ours.leases):
                    lease.refuse()
                self._part(ray)
                if ray.is_initialized() and ray.get_runtime_context().get_node_id() == ours.node:
                    ray.shutdown()
                ours.end.set()
                if ours.scratch is not None:
                    ours.scratch.close()

    def _part(self, ray: Any) -> None:
        """Has the workers close what they made for themselves on our behalf."""
        keeper, self._keeper = self._keeper, None
        if keeper is not None and ray.is_initialized():
            part(ray, keeper)

    def _join(self, ray: Any) -> Reach:
        global _session
        if ray.is_initialized():
            node = ray.get_runtime_context().get_node_id()
            if _session is None or _session.node != node:
                return Reach.INSTALLED
        else:
            if _session is not None:  # somebody else has closed it
                _session.end.set()
            address = self._address or os.environ.get("RAY_ADDRESS") or "local"
            end = threading.Event()
            is_local = address == "local"
            scratch = Scratch() if is_local and os.name == "posix" and "_temp_dir" not in self._options else None
            try:
                reach = self._open_local(ray, end, scratch) if is_local else self._connect(ray, address)
            except BaseException:
                end.set()
                if scratch is not None:
                    scratch.close()
                raise
            _session = Session(ray.get_runtime_context().get_node_id(), reach, end, scratch)
        _session.users.add(self)
        return _session.reach

    def _connect(self, ray: Any, address: str) -> Reach:
        _check_reachable(address)
        try:
            ray.init(address=address, **{"configure_logging": False, **self._options})
        except Exception as error:
            raise ExecutorError(_unreachable(address, str(error) or type(error).__name__)) from error
        return Reach.INSTALLED

    def _open_local(self, ray: Any, end: threading.Event, scratch: Scratch | None) -> Reach:
        defaults: dict[str, Any] = {
            "num_cpus": self._workers or usable_cpus(),
            "include_dashboard": False,
            "configure_logging": False,
            "job_config": ray.job_config.JobConfig(_py_driver_sys_path=_path()),
        }
        if scratch is not None:
            defaults["_temp_dir"] = scratch.path
        with _no_telemetry():
            try:
                _in_lasting_thread(partial(ray.init, address="local", **{**defaults, **self._options}), end)
            except Exception as error:
                text = f"Ray cannot be started on this machine: {error}; 'ray.init()' alone should show the same"
                raise ExecutorError(text) from error
        _check_worker(ray)
        return Reach.INSTALLED if "job_config" in self._options else Reach.SAME_PATH


@dataclass
class Session:
    """The Ray session that was opened here, told from others by the id of its node, and the executors that use it.

    `end` lets the thread go that Ray was started in; in `scratch` are Ray's files.
    """

    node: str
    reach: Reach
    end: threading.Event
    scratch: Scratch | None = None
    users: weakref.WeakSet[RayExecutor] = field(default_factory=weakref.WeakSet)
    leases: weakref.WeakSet[RayLease] = field(default_factory=weakref.WeakSet)


_session: Session | None = None
_guard = threading.Lock()


@dataclass(frozen=True, slots=True, eq=False)
class RayReference(Reference):
    """A value in Ray's object store."""

    ref: Any

    def fetch(self) -> Any:
        """Brings the value here."""
        ray = _ray()
        if not ray.is_initialized():  # or Ray would start a session by itself
            raise WorkerLost("a value that lived on Ray is gone: its session was closed")
        try:
            return ray.get(self.ref).value()
        except ray.exceptions.RayError as error:
            raise WorkerLost(f"a value that lived on Ray is gone: {in_one_line(error)}") from error


class RayLease:
    """A Ray session in use by one run."""

    def __init__(self, ray: Any, reach: Reach, cargo: Cargo | None = None) -> None:
        self._ray = ray
        self._ledger = Ledger()
        self._sender: Sender[Any] = Sender(reach, RayReference, ray.put, cargo=cargo)
        self._codes: dict[bytes, Any] = {}
        self._notes = Notes(are_kept=reach is Reach.SAME_PATH)
        self._lock = threading.Lock()
        self._refused = False

    def submit(self, call: Call, reply: Reply) -> None:
        """Makes a Ray task of the call."""
        with self._lock:
            ticket = self._ledger.enter(call, reply)
            if self._ledger.is_open(ticket):
                self._submit(call, ticket)

    def _submit(self, call: Call, ticket: int) -> None:
        try:
            if not self._ray.is_initialized():
                raise ExecutorError("the Ray session was closed during the run; open it again and run again")
            began = perf_counter()
            code, parcel, handles = self._sender.pack(call, self._notes.of(ticket))
            journey = departure(began, parcel)
            far = [handle.ref if isinstance(handle, RayReference) else handle for handle in handles]
            sent = pickle.dumps(parcel, protocol=5) if parcel.packed.in_one_piece else parcel
            remote = _remote(parcel.outputs)
            if call.needs:
                remote = remote.options(**_options(call.needs))
            refs = remote.remote(self._code(parcel, code), sent, *far)
        except AnabranchError as error:
            self._ledger.settle(ticket, CallFailed(call.id, error))
        except Exception as error:
            text = f"Ray does not take the call: {type(error).__name__}: {in_one_line(error)}"
            self._ledger.settle(ticket, CallFailed(call.id, ExecutorError(text)))
        else:
            head, *outputs = refs if isinstance(refs, list) else [refs]
            self._ledger.hold(ticket, head)
            head.future().add_done_callback(partial(self._done, ticket, Sent(call, journey, outputs)))

    def recall(self, call: Call) -> None:
        """Cancels a call: its worker is killed, if it has begun."""
        head = self._ledger.handle(call.id)
        with self._lock:
            if head is not None and not self._refused and self._ray.is_initialized():
                self._ray.cancel(head, force=True)

    def refuse(self) -> None:
        """Answers what runs as failed, and all that comes; once it has returned this lease leaves Ray alone."""
        self._ledger.refuse(ExecutorError("the executor has been closed"))
        with self._lock:  # until what is being submitted is
            self._refused = True

    def forget(self, keys: list[int]) -> None:
        """Drops the references to shared values; Ray frees them when no running call needs them."""
        self._sender.forget(keys)

    def leave(self) -> None:
        """Waits a moment for calls that end by themselves; then cancels what is queued, kills the workers of what is running,
        and sees that they have ended.

        Ray may give a worker that is about to die to the next call, of this or another run, so workers are killed only
        where calls are long.
        """
        heads = self._ledger.leave()
        with self._lock:
            if heads and not self._refused and self._ray.is_initialized():
                _, heads = self._ray.wait(heads, num_returns=len(heads), timeout=GRACE, fetch_local=False)
                heads = self._interrupted(heads) if heads and is_any_declared() else heads
                for head in heads:
                    self._ray.cancel(head, force=True)
                if heads:
                    self._ray.wait(heads, num_returns=len(heads), timeout=PATIENCE, fetch_local=False)
        self._notes.close()

    def _interrupted(self, heads: list[Any]) -> list[Any]:
        """Interrupts what runs, so that its workers can close later what they made for themselves; returns what goes on."""
        for head in heads:
            self._ray.cancel(head, force=False)
        left: list[Any] = self._ray.wait(heads, num_returns=len(heads), timeout=INTERRUPTED, fetch_local=False)[1]
        return left

    def _code(self, parcel: Parcel, code: bytes) -> Any:
        """Small code goes inside the task's description, which is quicker than an object; large code goes once."""
        if len(code) <= INLINE:
            return code
        if parcel.digest not in self._codes:
            self._codes[parcel.digest] = self._ray.put(code)
        return self._codes[parcel.digest]

    def _done(self, ticket: int, sent: Sent, future: Any) -> None:
        error = future.exception()
        if error is None:
            self._notes.answered(ticket)
            head = future.result()
            head = Packed(head) if isinstance(head, bytes) else head
            message = message_of(sent.call, head, lambda number: RayReference(sent.outputs[number]), sent.journey)
        else:
            message = _message_of_error(sent.call, error, partial(self._notes.lost, ticket))
        self._ledger.settle(ticket, message)


class Sent(NamedTuple):
    """A call on its way, and the outputs that it will have over there."""

    call: Call
    journey: Journey
    outputs: list[Any]


UNSEEN = "killed by SIGKILL, as it seems (the system does this when memory runs out)"
"""What ended a process that said nothing of it."""


def run_on_ray(code: bytes, sent: Parcel | bytes, *far: Packed) -> Any:
    """What a Ray worker runs. What has no large buffers comes and goes as bytes, which Ray does not pickle once more."""
    watch_first()
    parcel: Parcel = pickle.loads(sent) if isinstance(sent, bytes) else sent  # noqa: S301  from our own driver
    packed, outputs = run_parcel(code, parcel, far, keep=True, kill=True)
    head = packed.frames[0] if packed.in_one_piece else packed
    return (head, *outputs) if outputs else head


@cache
def _remote(outputs: int) -> Any:
    """What Ray calls; one for the process, for Ray sends each to its workers anew, and exports it again by itself in another
    session.
    """
    return _ray().remote(max_retries=0, num_returns=1 + outputs)(run_on_ray)


def _options(needs: Resources) -> dict[str, Any]:
    """What a call needs, as Ray's tasks say it."""
    options = {"num_cpus": needs.cpus, "num_gpus": needs.gpus, "memory": needs.memory, "resources": dict(needs.custom)}
    return {**{name: amount for name, amount in options.items() if amount}, **needs.ray}


def _largest(ray: Any) -> dict[str, float]:
    """The most that one machine of the cluster has of each, by our names."""
    found: dict[str, float] = {"cpus": 0, "gpus": 0, "memory": 0}
    names = {"CPU": "cpus", "GPU": "gpus"}
    for node in ray.nodes():
        for name, amount in node["Resources"].items() if node["Alive"] else ():
            if not name.startswith(("node:", "object_store_memory")):
                known = names.get(name, name)
                found[known] = max(amount, found.get(known, 0))
    return found


def _message_of_error(call: Call, error: BaseException, loss: Callable[[], Loss] = lambda: Loss(True)) -> Message:
    """What becomes of a call for which Ray has an error; `loss` says what is known of it if its worker died."""
    known = _ray().exceptions
    lost = (known.OutOfMemoryError, known.ObjectLostError, known.TaskCancelledError)
    text = f"{type(error).__name__}: {in_one_line(error)}"
    if isinstance(error, (known.WorkerCrashedError, known.NodeDiedError, known.LocalRayletDiedError)):
        charged, reason, worker, late = loss()
        if late is not None:
            return CallLost(call.id, reason, worker, "timeout", late.node, late.where)
        return CallLost(call.id, reason or (UNSEEN if worker else text), worker, charged=charged)
    if isinstance(error, lost):
        return CallLost(call.id, text)
    if isinstance(error, known.RayTaskError):
        text += "; anabranch must be installed on Ray's workers, in the driver's version"
    return CallFailed(call.id, ExecutorError(f"Ray could not run a call of {call.code.name}: {text}"))


def _ray() -> Any:
    try:
        import ray
    except ImportError as error:
        raise ExecutorError("the executor 'ray' needs Ray: pip install 'anabranch[ray]'") from error
    return ray


def _check_worker(ray: Any) -> None:
    """Waits for the first worker: Ray itself would try to start one for ever."""
    try:
        ray.get(ray.remote(num_cpus=0, max_retries=0)(_hello).remote(), timeout=STARTING)
    except Exception as error:
        said = "" if isinstance(error, ray.exceptions.GetTimeoutError) else f": {type(error).__name__}: {in_one_line(error)}"
        ray.shutdown()
        raise ExecutorError(
            f"Ray has started, but no worker of it within {STARTING:g} s{said}; look at runtime_env and the other options, and "
            f"give a _temp_dir to find what the worker said in logs/ there"
        ) from error


def _hello() -> None:
    """What the first worker is asked to do."""


def _path() -> list[str]:
    """This process's sys.path without what a worker has anyway; reversed, since Ray inserts each at the front."""
    here = [os.path.abspath(entry) for entry in sys.path]
    return [entry for entry in reversed(here) if not entry.startswith(sys.base_prefix) and "-packages" not in entry]


def _in_lasting_thread(start: Callable[[], Any], end: threading.Event) -> None:
    """Calls `start` in a thread that lives until `end`: Ray's processes die with the thread that has started them."""
    if threading.current_thread() is threading.main_thread():
        start()
        return
    started: Future[None] = Future()

    def live() -> None:
        try:
            start()
        except BaseException as error:
            started.set_exception(error)
        else:
            started.set_result(None)
            end.wait()

    threading.Thread(target=live, name="anabranch ray", daemon=True).start()
    started.result()


@contextmanager
def _no_telemetry() -> Iterator[None]:
    """A session that is opened here reports nothing to Ray's makers, unless the user has said something else."""
    known = os.environ.get("RAY_USAGE_STATS_ENABLED")
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    try:
        yield
    finally:
        if known is None:
            del os.environ["RAY_USAGE_STATS_ENABLED"]


def _check_reachable(address: str) -> None:
    """Greets the address as HTTP/2 does, which Ray's servers speak; Ray would try for long and then end the process."""
    host, colon, port = address.rpartition("://")[2].rpartition(":")
    if not colon or not port.isdigit():
        return
    try:
        with socket.create_connection((host.strip("[]"), int(port)), timeout=PATIENCE) as connection:
            if os.environ.get("RAY_USE_TLS", "0") == "0":
                connection.sendall(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + SETTINGS)
                if connection.recv(9)[3:4] != SETTINGS[3:4]:
                    raise ConnectionError("what listens there is not Ray")
    except OSError as error:
        raise ExecutorError(_unreachable(address, str(error))) from error


SETTINGS = bytes((0, 0, 0, 4, 0, 0, 0, 0, 0))
"""An empty HTTP/2 frame of that type, the first that each side sends."""


def _unreachable(address: str, reason: str) -> str:
    return (
        f"no Ray cluster answers at {address} ({reason}); check the address (RAY_ADDRESS, 'ray status'), that the "
        f"cluster runs the driver's Ray version, and that RAY_AUTH_MODE=token is set here if it asks for a token; or "
        f"leave the address out to start Ray on this machine"
    )
