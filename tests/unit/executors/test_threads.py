from __future__ import annotations

import contextvars
import gc
import subprocess
import sys
import threading
import traceback
from concurrent.futures import ThreadPoolExecutor
from queue import SimpleQueue

import pytest
from by_hand import call, looping, run_all, run_one, straight

from anabranch.errors import ExecutorError
from anabranch.executor import Message, Shared
from anabranch.work import Outcome
from anabranch_executors.dask import DaskExecutor
from anabranch_executors.futures import FuturesExecutor
from anabranch_executors.processes import ProcessExecutor
from anabranch_executors.ray import RayExecutor
from anabranch_executors.threads import ThreadExecutor


@pytest.fixture
def threads():
    before = set(threading.enumerate())
    executor = ThreadExecutor(workers=3)
    yield executor
    executor.close()
    assert set(threading.enumerate()) <= before


def double(x):
    return 2 * x


def fail_at_three(x):
    if x == 3:
        raise LookupError("three")
    return x


def test_two_hundred_calls_give_two_hundred_replies(threads):
    code = looping(double)
    with threads.lease() as lease:
        replies = run_all(lease, [call(code, n, [n, n + 1]) for n in range(200)])
    assert [replies[n].outputs for n in range(200)] == [([2 * n, 2 * n + 2],) for n in range(200)]


def test_objects_are_shared_and_not_copied(threads):
    token = object()
    with threads.lease() as lease:
        reply = run_one(lease, call(straight(lambda a, b: (a, b), 2), 0, token, Shared(1, token)))
        lease.forget([1])
    assert reply.outputs[0][0] is token
    assert reply.outputs[0][1] is token


def test_an_exception_is_a_failure_with_the_users_frames(threads):
    with threads.lease() as lease:
        reply = run_one(lease, call(looping(fail_at_three), 0, [1, 3, 5], on_error="skip"))
    (failure,) = reply.failures
    assert failure.item == (1,)
    assert "fail_at_three" in "".join(traceback.format_exception(failure.exception))


def test_system_exit_is_one_reply_and_the_thread_lives_on(threads):
    def leave(x):
        raise SystemExit(x)

    with threads.lease() as lease:
        replies = run_all(lease, [call(straight(leave), n, n) for n in range(10)])
        again = run_one(lease, call(looping(double), 0, [1]))
    assert all(isinstance(reply.failures[0].exception, SystemExit) for reply in replies.values())
    assert again.outputs == ([2],)


def test_each_call_sees_a_copy_of_the_callers_context(threads):
    who = contextvars.ContextVar("who", default="nobody")

    def greet(x):
        seen = who.get()
        who.set(f"item {x}")
        return seen

    who.set("caller")
    with threads.lease() as lease:
        who.set("too late")
        replies = run_all(lease, [call(straight(greet), n, n) for n in range(20)])
    assert {reply.outputs for reply in replies.values()} == {("caller",)}


def test_leaving_drops_what_is_queued_and_waits_for_what_runs():
    executor = ThreadExecutor(workers=1)
    began, go_on, left = threading.Event(), threading.Event(), threading.Event()
    ran: list[int] = []
    inbox: SimpleQueue[Message] = SimpleQueue()

    def slow(x):
        began.set()
        go_on.wait(20)
        ran.append(x)

    def use():
        with executor.lease() as lease:
            for n in range(5):
                lease.submit(call(straight(slow), n, n), inbox.put)
            began.wait(20)
        left.set()

    user = threading.Thread(target=use)
    user.start()
    began.wait(20)
    assert not left.wait(0.05)
    go_on.set()
    user.join(20)
    assert left.is_set()
    executor.close()
    assert ran == [0]
    assert inbox.empty()


def test_many_leases_at_once(threads):
    def use(number, found):
        with threads.lease() as lease:
            found[number] = run_all(lease, [call(looping(double), n, [number]) for n in range(50)])

    found: dict[int, dict[int, Outcome]] = {}
    users = [threading.Thread(target=use, args=(n, found)) for n in range(6)]
    for user in users:
        user.start()
    for user in users:
        user.join(30)
    for number in range(6):
        assert {reply.outputs[0][0] for reply in found[number].values()} == {2 * number}


def test_closing_twice_and_leasing_again(threads):
    threads.close()
    for _ in range(2):
        with threads.lease() as lease:
            assert run_one(lease, call(looping(double), 0, [4])).outputs == ([8],)
        threads.close()
        threads.close()


def test_closing_answers_what_no_thread_has_taken_and_what_comes_later(threads):
    begun, go_on = threading.Semaphore(0), threading.Event()

    def wait(x):
        begun.release()
        go_on.wait(30)
        return x

    replies: SimpleQueue[Message] = SimpleQueue()
    with threads.lease() as lease:
        for number in range(5):
            lease.submit(call(straight(wait), number, number), replies.put)
        for _ in range(3):
            assert begun.acquire(timeout=30)
        closer = threading.Thread(target=threads.close)
        closer.start()
        refused = [replies.get(timeout=30) for _ in range(2)]
        lease.submit(call(straight(wait), 5, 5), replies.put)
        refused.append(replies.get(timeout=30))
        go_on.set()
        closer.join(30)
        done = [replies.get(timeout=30) for _ in range(3)]
    assert sorted(reply.call for reply in refused) == [3, 4, 5]
    assert all(isinstance(reply.error, ExecutorError) and "has been closed" in str(reply.error) for reply in refused)
    assert sorted(reply.outputs for reply in done) == [(0,), (1,), (2,)]


def test_what_runs_may_lease_the_executor_itself(threads):
    """However many do: they do not wait for slots that they hold themselves."""
    all_begun = threading.Barrier(3, timeout=30)

    def lease_again(x):
        all_begun.wait()
        with threads.lease() as inner:
            assert [reply.outputs for reply in run_all(inner, [call(looping(double), n, [x]) for n in range(9)]).values()]
            return run_one(inner, call(straight(double), 0, x)).outputs

    with threads.lease() as lease:
        replies = run_all(lease, [call(straight(lease_again), n, n) for n in range(3)])
    assert [replies[n].outputs for n in range(3)] == [((0,),), ((2,),), ((4,),)]


def test_what_runs_may_lease_the_executor_through_another(threads):
    all_begun = threading.Barrier(3, timeout=30)

    def lease_again(x):
        with threads.lease() as inner:
            return run_one(inner, call(straight(double), 0, x)).outputs

    def lease_another(x):
        all_begun.wait()
        with other.lease() as inner:
            return run_one(inner, call(straight(lease_again), 0, x)).outputs

    other = ThreadExecutor(workers=1)
    with threads.lease() as lease:
        replies = run_all(lease, [call(straight(lease_another), n, n) for n in range(3)])
    other.close()
    assert [replies[n].outputs for n in range(3)] == [(((0,),),), (((2,),),), (((4,),),)]


def test_an_executor_that_is_dropped_ends_its_threads():
    before = set(threading.enumerate())
    executor = ThreadExecutor(workers=2)
    with executor.lease() as lease:
        run_one(lease, call(looping(double), 0, [4]))
    assert len(set(threading.enumerate()) - before) == 1  # the other is started when this one has something to do
    del executor, lease
    gc.collect()
    assert set(threading.enumerate()) <= before


def test_the_interpreter_exits_without_close():
    script = "from anabranch_executors.threads import ThreadExecutor as T\nt = T(2)\nwith t.lease(): pass\nprint('end')"
    command = [sys.executable, "-W", "error", "-c", script]
    done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "end\n", "")


@pytest.mark.parametrize("workers", [0, -1, 2.5, "2"])
def test_what_is_no_number_of_workers_is_refused(workers):
    with (
        ThreadPoolExecutor(1) as pool,
        pytest.raises(ExecutorError, match="must be a whole number and at least 1, not"),
    ):
        FuturesExecutor(pool, workers=workers)
    for executor in (ThreadExecutor, ProcessExecutor, RayExecutor, DaskExecutor):
        with pytest.raises(ExecutorError, match="must be a whole number and at least 1, not"):
            executor(workers=workers)


def test_who_is_interrupted_does_not_wait_and_the_executor_goes_on():
    """What runs on keeps its thread and no slot; nobody waits for it at the end either."""
    begun, go_on, ended = threading.Semaphore(0), threading.Event(), threading.Semaphore(0)

    def stubborn(_):
        begun.release()
        go_on.wait(60)
        ended.release()

    executor = ThreadExecutor(2)
    with pytest.raises(KeyboardInterrupt), executor.lease() as lease:
        for number in range(3):
            lease.submit(call(straight(stubborn), number, 0), lambda message: pytest.fail(f"{message} came after the end"))
        assert begun.acquire(timeout=60)
        assert begun.acquire(timeout=60)
        raise KeyboardInterrupt
    both = threading.Barrier(2, timeout=60)
    with executor.lease() as lease:
        replies = run_all(lease, [call(straight(lambda _: both.wait() >= 0), number, 0) for number in range(2)])
    assert all(reply.outputs == (True,) for reply in replies.values())
    left = [thread for thread in threading.enumerate() if thread.name.startswith("anabranch-")]
    executor.close()
    assert sum(thread.is_alive() for thread in left) == 2
    go_on.set()
    for thread in left:
        thread.join(60)
    assert ended.acquire(timeout=0)
    assert ended.acquire(timeout=0)
    assert not ended.acquire(blocking=False), "what was queued never ran"
