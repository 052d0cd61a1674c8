from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from queue import SimpleQueue

import pytest
from by_hand import call, looping, run_all, run_one, straight

from anabranch.errors import ExecutorError, TransferError
from anabranch.executor import CallFailed, CallLost, Message, Shared
from anabranch.work import Outcome
from anabranch_executors.futures import FuturesExecutor

loky = pytest.importorskip("loky")


def _processes():
    return ProcessPoolExecutor(2, mp_context=multiprocessing.get_context("forkserver"))


POOLS = {"threads": lambda: ThreadPoolExecutor(3), "processes": _processes, "loky": lambda: loky.ProcessPoolExecutor(2)}


@pytest.fixture(scope="module", params=sorted(POOLS))
def pool(request):
    with POOLS[request.param]() as pool:
        yield pool


@pytest.fixture
def lease(pool):
    with FuturesExecutor(pool).lease() as lease:
        yield lease


def test_two_hundred_calls_give_two_hundred_replies(lease):
    code = looping(lambda x: 2 * x)
    replies = run_all(lease, [call(code, n, [n, n + 1]) for n in range(200)])
    assert [replies[n].outputs for n in range(200)] == [([2 * n, 2 * n + 2],) for n in range(200)]


def test_slots_are_the_pools_or_the_users(pool):
    assert FuturesExecutor(pool).traits.slots == pool._max_workers
    assert FuturesExecutor(pool, workers=7).traits.slots == 7


def test_only_threads_share_memory(pool):
    assert FuturesExecutor(pool).traits.shares_memory == isinstance(pool, ThreadPoolExecutor)


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


def test_a_shared_value_reaches_every_call_and_is_unpickled_once_in_a_worker(lease):
    shared = Shared(10_001, {"big": list(range(1000))})
    code = straight(lambda value, n: (os.getpid(), id(value), value["big"][n]), 2)
    replies = run_all(lease, [call(code, n, shared, n) for n in range(50)])
    assert [replies[n].outputs[0][2] for n in range(50)] == list(range(50))
    seen = {reply.outputs[0][:2] for reply in replies.values()}
    assert len(seen) == len({pid for pid, _ in seen})
    lease.forget([10_001])


def test_what_does_not_pickle_is_named(pool, lease):
    if isinstance(pool, ThreadPoolExecutor):
        pytest.skip("shares memory")
    code = straight(lambda a: threading.Lock() if a is None else a)
    for value, words in [([1, {"key": threading.Lock()}], r"its part \[1\]\['key'\], of type 'lock'"), (None, "brought back")]:
        reply = run_one(lease, call(code, 0, value))
        assert isinstance(reply, CallFailed)
        assert isinstance(reply.error, TransferError)
        with pytest.raises(TransferError, match=words):
            raise reply.error
    assert isinstance(run_one(lease, call(code, 0, 1)), Outcome)


def test_a_worker_that_dies_loses_its_call_and_a_broken_pool_says_so():
    with _processes() as pool, FuturesExecutor(pool).lease() as lease:
        reply = run_one(lease, call(straight(lambda _: os.kill(os.getpid(), signal.SIGKILL)), 0, None))
        assert isinstance(reply, CallLost)
        assert "died" in reply.reason
        again = run_one(lease, call(straight(lambda x: x), 1, 1))
        assert isinstance(again, CallFailed)
        with pytest.raises(ExecutorError, match="open a new one"):
            raise again.error


def test_a_pool_that_was_shut_down_says_so():
    pool = ThreadPoolExecutor(1)
    pool.shutdown()
    with FuturesExecutor(pool).lease() as lease:
        reply = run_one(lease, call(straight(lambda x: x), 1, 1))
    assert isinstance(reply, CallFailed)
    assert "after shutdown" in str(reply.error)


def test_leaving_cancels_what_is_queued_waits_for_what_runs_and_leaves_the_pool_open():
    began, go_on = threading.Event(), threading.Event()
    ran: list[int] = []
    inbox: SimpleQueue[Message] = SimpleQueue()

    def slow(x):
        began.set()
        go_on.wait(20)
        ran.append(x)

    with ThreadPoolExecutor(1) as pool:
        with FuturesExecutor(pool).lease() as lease:
            for n in range(5):
                lease.submit(call(straight(slow), n, n), inbox.put)
            assert began.wait(20)
            threading.Timer(0.05, go_on.set).start()
        assert ran == [0]
        assert inbox.empty()
        assert pool.submit(int).result() == 0
