from __future__ import annotations

import logging
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

from anabranch.errors import ExecutorError, TransferError, WorkerLost
from anabranch.executor import CallFailed, CallLost, Message, Reference, Shared
from anabranch.work import Outcome
from anabranch_executors.dask import DaskExecutor

distributed = pytest.importorskip("distributed")
numpy = pytest.importorskip("numpy")

pytestmark = pytest.mark.timeout(120)


@pytest.fixture(scope="module")
def executor():
    executor = DaskExecutor(workers=2)
    yield executor
    executor.close()


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
    assert executor.traits.can_kill, "its workers are ours"


def test_what_is_started_here_listens_on_this_machine_only(executor, lease):
    psutil = pytest.importorskip("psutil")
    listening = [one.laddr.ip for one in psutil.Process().net_connections("inet") if one.status == psutil.CONN_LISTEN]
    assert set(listening) == {"127.0.0.1"}


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


def test_large_outputs_stay_on_dask_and_go_from_call_to_call(lease):
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


def test_large_code_and_large_inputs_go_around_the_scheduler(lease):
    table = numpy.arange(50_000)
    replies = run_all(lease, [call(looping(lambda x: int(table[x])), n, [n]) for n in range(5)])
    assert [replies[n].outputs for n in range(5)] == [([n],) for n in range(5)]
    reply = run_one(lease, call(straight(lambda values: float(values.sum())), 9, numpy.ones(2_000_000)))
    assert reply.outputs == (2_000_000.0,)


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


def test_a_worker_that_dies_loses_its_call_and_what_it_held_is_made_again(lease):
    shared = Shared(30_001, list(range(100)))
    first = run_one(lease, call(straight(lambda values: bytes(200_000 + len(values))), 0, shared))
    reply = run_one(lease, call(straight(lambda _: os.kill(os.getpid(), signal.SIGKILL)), 1, None))
    assert isinstance(reply, CallLost)
    assert reply.charged
    assert "killed by SIGKILL" in reply.reason
    replies = run_all(lease, [call(straight(sum), n, shared) for n in range(2, 8)])
    assert all(reply.outputs == (4950,) for reply in replies.values())
    assert len(first.outputs[0].fetch()) == 200_100


def test_a_call_that_waits_behind_a_death_is_not_to_blame(executor):
    def die_when_told(address):
        with socket.create_connection(address) as connection:
            connection.recv(1)
            os.kill(os.getpid(), signal.SIGKILL)

    inbox: SimpleQueue[Message] = SimpleQueue()
    with socket.create_server(("127.0.0.1", 0)) as server, executor.lease() as lease:
        server.settimeout(30)
        run_one(lease, call(looping(abs), 0, [1]))
        for number in (1, 2):
            lease.submit(call(straight(die_when_told), number, server.getsockname()), inbox.put)
        running = [server.accept()[0] for _ in (1, 2)]
        for number in range(3, 9):
            lease.submit(call(looping(abs), number, [number]), inbox.put)
        for connection in running:
            connection.sendall(b".")
            connection.close()
        replies = [inbox.get(timeout=60) for _ in range(1, 9)]
    lost = {reply.call: reply.charged for reply in replies if isinstance(reply, CallLost)}
    assert lost.pop(1) and lost.pop(2)
    assert not any(lost.values()), "those that had not begun"


def test_what_cannot_be_made_again_is_said_of_each_call_that_wants_it(executor):
    with executor.lease() as lease:
        large = run_one(lease, call(straight(lambda data: data[::-1]), 0, bytes(2_000_000))).outputs[0]
        small = run_one(lease, call(straight(bytes), 1, 200_000)).outputs[0]
        for number in (2, 3):
            run_one(lease, call(straight(lambda _: os.kill(os.getpid(), signal.SIGKILL)), number, None))
        while not isinstance(reply := run_one(lease, call(straight(len), 4, small)), Outcome):
            assert isinstance(reply, CallLost)
        assert reply.outputs == (200_000,)
        while not isinstance(reply := run_one(lease, call(straight(len), 5, large)), CallFailed):
            assert isinstance(reply, CallLost)
        assert isinstance(reply.error, TransferError)
        assert "is gone, and Dask cannot compute it again" in str(reply.error)
        with pytest.raises(WorkerLost, match="is gone"):
            large.fetch()


def test_slots_are_those_of_the_whole_cluster_while_a_worker_is_replaced(executor):
    with executor.lease() as lease:
        run_one(lease, call(straight(lambda _: os.kill(os.getpid(), signal.SIGKILL)), 0, None))
    with executor.lease():
        assert executor.traits.slots == 2


def test_leaving_drops_what_is_queued_and_waits_for_what_runs(executor):
    def until_told(address, number):
        with socket.create_connection(address) as connection:
            connection.recv(1)
            connection.sendall(bytes([number]))

    inbox: SimpleQueue[Message] = SimpleQueue()
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(30)
        with executor.lease() as lease:
            code = straight(until_told, 2)
            for number in range(8):
                lease.submit(call(code, number, server.getsockname(), number), inbox.put)
            running = [server.accept()[0] for _ in range(2)]
            tell = threading.Timer(0.1, lambda: [connection.sendall(b".") for connection in running])
            tell.start()
        for connection in running:
            connection.setblocking(False)
            assert len(connection.recv(2)) == 1
            connection.close()
        server.settimeout(0.2)
        with pytest.raises(TimeoutError):
            server.accept()
    tell.join()
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


@pytest.fixture
def cluster():
    with distributed.LocalCluster(
        n_workers=1, threads_per_worker=2, processes=False, dashboard_address=None, silence_logs=logging.ERROR
    ) as cluster:
        yield cluster


@pytest.mark.filterwarnings("ignore:Port 8787 is already in use")
def test_what_the_user_opened_stays_open(cluster):
    with distributed.Client(cluster, set_as_default=False) as client:
        for executor in (DaskExecutor(client), DaskExecutor(cluster), DaskExecutor(address=cluster.scheduler_address)):
            with executor.lease() as lease:
                reply = run_one(lease, call(straight(lambda x: [x] * 50_000), 0, 1))
                assert executor.traits.slots == 2
                assert reply.outputs[0].fetch()[:2] == [1, 1]
            executor.close()
            executor.close()
        assert client.submit(int).result() == 0
    with cluster.get_client() as current, DaskExecutor().lease() as lease:
        assert lease._client is current


@pytest.mark.filterwarnings("ignore:Port 8787 is already in use")
def test_a_client_that_was_closed_is_an_error_or_opened_anew(cluster):
    client = distributed.Client(cluster, set_as_default=False)
    client.close()
    with pytest.raises(ExecutorError, match="closed"), DaskExecutor(client).lease():
        pass
    executor = DaskExecutor(cluster)
    for _ in range(2):
        with executor.lease() as lease:
            assert run_one(lease, call(looping(abs), 0, [-1])).outputs == ([1],)
        executor.close()


@pytest.mark.parametrize("other", [False, True], ids=["nothing", "something else"])
def test_an_address_where_no_scheduler_listens_is_one_clear_error(other):
    with socket.create_server(("127.0.0.1", 0)) as server:
        address = f"tcp://127.0.0.1:{server.getsockname()[1]}"
        if not other:
            server.close()
        started = time.monotonic()
        with (
            pytest.raises(ExecutorError, match=f"no Dask scheduler answers at {address}"),
            DaskExecutor(address=address).lease(),
        ):
            pass
        assert time.monotonic() - started < 12


def test_a_value_of_a_cluster_that_ended_is_an_error():
    executor = DaskExecutor(workers=1)
    with executor.lease() as lease:
        large = run_one(lease, call(straight(bytes), 0, 100_000)).outputs[0]
    executor.close()
    with pytest.raises(WorkerLost, match="gone"):
        large.fetch()


def test_no_workers_are_refused():
    with pytest.raises(ExecutorError, match="at least 1, not 0"):
        DaskExecutor(workers=0)


def test_a_script_needs_no_guard_no_close_and_leaves_no_process(tmp_path):
    script = tmp_path / "script.py"
    script.write_text("""
print("once")
import os, sys
sys.path.insert(0, sys.argv[1])
from by_hand import *
from anabranch_executors.dask import DaskExecutor
executor = DaskExecutor(workers=1)
def kill(x):
    os.kill(os.getpid(), 9)
with executor.lease() as lease:
    from anabranch.executor import Shared
    shared = Shared(1, [1, 2])
    print(run_one(lease, call(straight(sum), 0, shared)).outputs)
    print(run_one(lease, call(straight(kill), 0, 1)).reason)
    print(run_one(lease, call(straight(sum), 0, shared)).outputs)
    print(run_one(lease, call(straight(lambda x: os.getpid()), 0, 1)).outputs[0])
print(__file__ == sys.modules["__main__"].__file__)
""")
    command = [sys.executable, str(script), os.path.dirname(__file__)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    once, first, killed, second, pid, same = done.stdout.splitlines()
    assert (once, first, second, same) == ("once", "(3,)", "(3,)", "True")
    assert "killed by SIGKILL" in killed
    with pytest.raises(ProcessLookupError):
        os.kill(int(pid), 0)
    assert done.stderr == ""
    assert done.returncode == 0
