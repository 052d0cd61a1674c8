from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from queue import SimpleQueue

import pytest
from by_hand import call, looping, run_all, run_one, straight

from anabranch.errors import ExecutorError, TransferError
from anabranch.executor import CallFailed, CallLost, Message, Reference, Shared
from anabranch.work import Outcome
from anabranch_executors.ray import RayExecutor, _message_of_error

ray = pytest.importorskip("ray")
numpy = pytest.importorskip("numpy")

pytestmark = [
    pytest.mark.timeout(120),
    pytest.mark.filterwarnings("ignore::ResourceWarning:ray"),
    pytest.mark.filterwarnings("ignore:.*accelerator visible devices.*:FutureWarning"),
]


@pytest.fixture(scope="module")
def executor():
    executor = RayExecutor(workers=2)
    yield executor
    executor.close()
    assert not ray.is_initialized()


@pytest.fixture
def lease(executor):
    with executor.lease() as lease:
        yield lease


class Point:
    """A class that only this test module knows."""

    def __init__(self, x):
        self.x = x


def test_two_hundred_calls_give_two_hundred_replies(lease):
    code = looping(lambda x: 2 * x)
    replies = run_all(lease, [call(code, n, [n, n + 1]) for n in range(200)])
    assert [replies[n].outputs for n in range(200)] == [([2 * n, 2 * n + 2],) for n in range(200)]


def test_traits_are_those_of_the_cluster(executor, lease):
    assert executor.traits.slots == 2
    assert executor.traits.holds_references
    assert executor.traits.can_kill


def test_objects_of_the_users_own_classes_travel_both_ways(lease):
    reply = run_one(lease, call(straight(lambda p: Point(p.x + 1)), 0, Point(1)))
    assert isinstance(reply.outputs[0], Point)
    assert reply.outputs[0].x == 2


def test_an_exception_is_a_failure_with_the_users_frames(lease):
    def fail(x):
        raise LookupError(x)

    reply = run_one(lease, call(looping(fail), 0, ["a"], on_error="skip"))
    (failure,) = reply.failures
    assert isinstance(failure.exception, LookupError)
    assert failure.exception.__traceback__.tb_frame.f_code.co_name == "fail"


def test_system_exit_is_one_reply(lease):
    def leave(x):
        raise SystemExit(x)

    reply = run_one(lease, call(straight(leave), 0, 3))
    assert isinstance(reply.failures[0].exception, SystemExit)


def test_large_outputs_stay_on_ray_and_go_from_call_to_call(lease):
    make = straight(lambda n: (numpy.full(n, 3.0), "small"), outputs=2, name="make")
    reply = run_one(lease, call(make, 0, 100_000))
    large, small = reply.outputs
    assert isinstance(large, Reference)
    assert small == "small"
    grow = straight(lambda values: values + 1, name="grow")
    for number in range(1, 4):
        large = run_one(lease, call(grow, number, large)).outputs[0]
        assert isinstance(large, Reference)
    total = run_one(
        lease, call(straight(lambda values, shared: float(values.sum()) + shared, 2), 9, large, Shared(1, 7))
    )
    assert total.outputs == (600_007.0,)
    assert large.fetch()[0] == 6.0


def test_a_shared_value_is_sent_once_and_unpickled_once_in_a_worker(lease):
    pickled = []

    class Costly:
        def __reduce__(self):
            pickled.append(1)
            return list, (range(1000),)

    shared = Shared(20_001, Costly())
    code = straight(lambda value, n: (os.getpid(), id(value), value[n]), 2)
    replies = run_all(lease, [call(code, n, shared, n) for n in range(40)])
    assert [replies[n].outputs[0][2] for n in range(40)] == list(range(40))
    assert len(pickled) == 1
    seen = {reply.outputs[0][:2] for reply in replies.values()}
    assert len(seen) == len({pid for pid, _ in seen})
    lease.forget([20_001])


def test_large_code_is_sent_once(lease):
    table = numpy.arange(50_000)
    replies = run_all(lease, [call(looping(lambda x: int(table[x])), n, [n]) for n in range(5)])
    assert [replies[n].outputs for n in range(5)] == [([n],) for n in range(5)]


def test_what_does_not_pickle_is_named(lease):
    lock = threading.Lock()
    code = straight(lambda a: threading.Lock() if a is None else a)
    cases = [
        (call(code, 0, [1, {"key": lock}]), r"its part \[1\]\['key'\], of type 'lock'"),
        (call(code, 0, Shared(5, [lock])), r"its part \[0\], of type 'lock'"),
        (call(code, 0, None), "brought back"),
        (call(straight(lambda _: lock), 0, None), "closure lock"),
    ]
    for one, words in cases:
        reply = run_one(lease, one)
        assert isinstance(reply, CallFailed)
        with pytest.raises(TransferError, match=words):
            raise reply.error
    assert isinstance(run_one(lease, call(code, 0, 1)), Outcome)


def test_a_worker_that_dies_loses_its_call_and_no_other(lease):
    kill = straight(lambda n: os.kill(os.getpid(), signal.SIGKILL) if n == 3 else n)
    replies = run_all(lease, [call(kill, n, n) for n in range(8)])
    assert isinstance(replies.pop(3), CallLost)
    assert {n: reply.outputs for n, reply in replies.items()} == {n: (n,) for n in range(8) if n != 3}


def test_leaving_kills_what_runs(executor):
    def forever(address):
        with socket.create_connection(address):
            threading.Event().wait()

    inbox: SimpleQueue[Message] = SimpleQueue()
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(30)
        with executor.lease() as lease:
            for number in range(6):
                lease.submit(call(straight(forever), number, server.getsockname()), inbox.put)
            running = [server.accept()[0] for _ in range(2)]
            left = time.monotonic()
        assert time.monotonic() - left < 10
        for connection in running:
            connection.settimeout(5)
            assert connection.recv(1) == b""
            connection.close()
    assert inbox.empty()
    with executor.lease() as lease:
        assert run_one(lease, call(looping(abs), 0, [-1])).outputs == ([1],)


def test_many_leases_at_once(executor):
    def use(number):
        with executor.lease() as lease:
            found[number] = run_all(lease, [call(looping(lambda x: 2 * x), n, [number]) for n in range(20)])

    found: dict[int, dict[int, Outcome]] = {}
    users = [threading.Thread(target=use, args=(n,)) for n in range(4)]
    for user in users:
        user.start()
    for user in users:
        user.join(60)
    assert [found[n][0].outputs for n in range(4)] == [([2 * n],) for n in range(4)]


def test_a_second_executor_uses_the_same_session_and_does_not_close_it(executor, lease):
    second = RayExecutor()
    with second.lease() as its:
        assert run_one(its, call(looping(abs), 0, [-1])).outputs == ([1],)
    second.close()
    assert run_one(lease, call(looping(abs), 0, [-2])).outputs == ([2],)


def test_no_workers_are_refused():
    with pytest.raises(ExecutorError, match="at least 1, not 0"):
        RayExecutor(workers=0)


def _script(text: str, seconds: float = 60, **env: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", text]
    return subprocess.run(command, check=False, capture_output=True, text=True, timeout=seconds, env=os.environ | env)


UNREACHABLE = """
import time
from anabranch_executors.ray import RayExecutor
from anabranch.errors import ExecutorError
import ray
started = time.monotonic()
try:
    with RayExecutor({argument}).lease():
        pass
except ExecutorError as error:
    print(time.monotonic() - started < 12, error)
"""


@pytest.mark.parametrize("by", ["argument", "environment"])
def test_an_address_where_nothing_listens_is_one_clear_error(by):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{free.getsockname()[1]}"
    env = {"RAY_ADDRESS": address} if by == "environment" else {}
    done = _script(UNREACHABLE.format(argument=repr(address) if by == "argument" else ""), **env)
    assert done.stdout.startswith("True no Ray cluster answers at " + address)
    assert done.stderr == ""


def test_an_address_where_something_else_listens_is_one_clear_error():
    with socket.create_server(("127.0.0.1", 0)) as other:
        address = f"127.0.0.1:{other.getsockname()[1]}"
        done = _script(UNREACHABLE.format(argument=repr(address)))
    assert done.stdout.startswith("True no Ray cluster answers at " + address), done.stdout + done.stderr


def test_a_session_that_the_user_opened_stays_open():
    done = _script("""
import ray
ray.init(address="local", num_cpus=1, include_dashboard=False, log_to_driver=False)
from anabranch_executors.ray import RayExecutor
executor = RayExecutor()
with executor.lease() as lease:
    import sys; sys.path.insert(0, "tests/unit/executors")
    from by_hand import *
    reply = run_one(lease, call(straight(lambda x: [x] * 50_000), 0, 1))
    print(executor.traits.slots, reply.outputs[0].fetch()[:2])
    executor.close()
    print(ray.is_initialized())
    ray.shutdown()
    print(run_one(lease, call(looping(abs), 0, [-1])).error)
try:
    reply.outputs[0].fetch()
except Exception as error:
    print(type(error).__name__, error, ray.is_initialized())
""")
    slots, is_open, closed, gone = done.stdout.splitlines()[-4:]
    assert (slots, is_open) == ("1 [1, 1]", "True"), done.stderr
    assert closed.startswith("the Ray session was closed")
    assert gone == "WorkerLost a value that lived on Ray is gone: its session was closed False"


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (ray.exceptions.WorkerCrashedError(), CallLost),
        (ray.exceptions.OutOfMemoryError("too much"), CallLost),
        (ray.exceptions.ObjectLostError("00", None, ""), CallLost),
        (ray.exceptions.RuntimeEnvSetupError("no such package"), CallFailed),
    ],
    ids=lambda value: getattr(value, "__name__", type(value).__name__),
)
def test_what_ray_reports_is_a_loss_or_a_failure(error, kind):
    message = _message_of_error(call(looping(abs), 3), error)
    assert isinstance(message, kind)
    assert message.call == 3


def test_workers_that_cannot_start_are_one_clear_error(monkeypatch):
    monkeypatch.setattr("anabranch_executors.ray.STARTING", 5.0)
    if ray.is_initialized():
        pytest.skip("another test's session is open")
    executor = RayExecutor(workers=1, runtime_env={"py_executable": "/nonexistent/python"})
    with pytest.raises(ExecutorError, match="no worker of it within 5 s"), executor.lease():
        pass
    executor.close()
    assert not ray.is_initialized()
