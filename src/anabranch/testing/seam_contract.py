"""The contract at the seam: leases, calls and replies, with calls made by hand."""

from __future__ import annotations

import os
import signal
import socket
import struct
import threading
import time
from queue import SimpleQueue
from typing import Any

import pytest

from anabranch.errors import TransferError
from anabranch.executor import CallFailed, CallLost, Message, Reference, Traits
from anabranch.journey import AT_HOME
from anabranch.testing.base_contract import BaseContract
from anabranch.testing.calls import PATIENCE, call, looping, run_all, run_one, shared, straight, value_of
from anabranch.work import Outcome

__all__ = ["SeamContract"]

MEGABYTES = 5


class SeamContract(BaseContract):
    """What `anabranch.executor` says that an executor must keep."""

    # -- traits ----------------------------------------------------------------------------------------------------

    def test_traits_are_data_with_at_least_one_slot(self) -> None:
        traits = self.traits
        assert isinstance(traits, Traits)
        assert 1 <= traits.slots <= traits.credit

    # -- one reply for every call ----------------------------------------------------------------------------------

    def test_two_hundred_calls_get_two_hundred_replies(self) -> None:
        with self.executor.lease() as lease:
            code = looping(lambda x: 2 * x)
            replies = run_all(lease, [call(code, n, [n, n + 1]) for n in range(200)])
            assert [value_of(replies[n]) for n in range(200)] == [[2 * n, 2 * n + 2] for n in range(200)]

    def test_several_outputs_come_back_in_order(self) -> None:
        with self.executor.lease() as lease:
            reply = run_one(lease, call(straight(lambda x: (x, [x], None, "x" * x), outputs=4), 0, 3))
        assert isinstance(reply, Outcome)
        outputs = [output.fetch() if isinstance(output, Reference) else output for output in reply.outputs]
        assert outputs == [3, [3], None, "xxx"]

    def test_an_outcome_says_where_and_how_long(self) -> None:
        with self.executor.lease() as lease:
            reply = run_one(lease, call(straight(lambda x: x), 0, 1))
        assert isinstance(reply, Outcome)
        assert reply.worker
        assert 0 <= reply.seconds < PATIENCE

    def test_what_an_outcome_says_of_its_way_can_be_true(self) -> None:
        with self.executor.lease() as lease:
            began = time.perf_counter()
            reply = run_one(lease, call(straight(lambda x: x[::-1]), 0, b"1" * 5000))
            ended = time.perf_counter()
        assert isinstance(reply, Outcome)
        way = reply.journey
        assert min(way) >= 0
        if way == AT_HOME:
            return  # it did not travel, or who carried it does not say
        assert began <= way.handed <= way.sent <= way.answered <= ended
        assert way.packing + way.opening <= ended - began
        assert way.received <= reply.started
        assert way.given > 5000
        assert way.brought or isinstance(reply.outputs[0], Reference)

    def test_an_exception_is_a_failure_in_the_outcome_and_the_worker_is_well(self) -> None:
        def fail(x: int) -> int:
            raise LookupError(x)

        with self.executor.lease() as lease:
            reply = run_one(lease, call(looping(fail), 0, ["a", "b"], on_error="skip"))
            assert isinstance(reply, Outcome)
            assert [failure.item for failure in reply.failures] == [(0,), (1,)]
            assert [type(failure.exception) for failure in reply.failures] == [LookupError] * 2
            assert [failure.exception.args for failure in reply.failures] == [("a",), ("b",)]
            assert reply.failures[0].trace.frames[-1].function == "fail"
            assert value_of(run_one(lease, call(looping(abs), 1, [-1]))) == [1]

    def test_a_call_that_exits_is_one_reply(self) -> None:
        def leave(code: int) -> None:
            raise SystemExit(code)

        with self.executor.lease() as lease:
            reply = run_one(lease, call(straight(leave), 0, 3))
            assert isinstance(reply, Outcome)
            assert isinstance(reply.failures[0].exception, SystemExit)
            assert value_of(run_one(lease, call(looping(abs), 1, [-1]))) == [1]

    def test_what_does_not_pickle_fails_its_call_alone(self) -> None:
        self.needs("shares_memory", to_be=False)
        lock = threading.Lock()
        code = straight(lambda a: threading.Lock() if a == "make" else a)
        bad = [call(code, 0, [1, {"key": lock}]), call(code, 1, shared([lock])), call(code, 2, "make")]
        with self.executor.lease() as lease:
            for one in [*bad, call(straight(lambda _: lock), 3, None)]:
                reply = run_one(lease, one)
                assert isinstance(reply, CallFailed)
                assert isinstance(reply.error, TransferError)
            assert value_of(run_one(lease, call(code, 4, 1))) == 1

    def test_a_worker_that_dies_loses_its_call_and_every_call_gets_its_reply(self) -> None:
        self.needs("shares_memory", to_be=False)
        kill = straight(lambda n: os.kill(os.getpid(), signal.SIGKILL) if n == 1 else n)
        with self.another() as executor, executor.lease() as lease:
            replies = run_all(lease, [call(kill, n, n) for n in range(4)])
            assert isinstance(replies[1], CallLost)
            assert replies[1].reason

    # -- values ----------------------------------------------------------------------------------------------------

    def test_large_values_travel_both_ways(self) -> None:
        data = os.urandom(MEGABYTES << 20)
        code = straight(lambda first, second, n: (first[::-1], second[n:]), 3, outputs=2)
        with self.executor.lease() as lease:
            reply = run_one(lease, call(code, 0, data, shared(data), 1000))
            assert isinstance(reply, Outcome), reply
            backwards, tail = [output.fetch() if isinstance(output, Reference) else output for output in reply.outputs]
        assert backwards == data[::-1]
        assert tail == data[1000:]

    def test_a_shared_value_reaches_every_call_until_it_is_forgotten(self) -> None:
        first, second = shared({"rows": list(range(1000))}), shared("another")
        code = straight(lambda value, n: value["rows"][n], 2)
        with self.executor.lease() as lease:
            replies = run_all(lease, [call(code, n, first, n) for n in range(50)])
            assert [value_of(replies[n]) for n in range(50)] == list(range(50))
            lease.forget([first.key])
            assert value_of(run_one(lease, call(straight(len), 50, second))) == len("another")
            lease.forget([second.key, first.key])
            assert value_of(run_one(lease, call(looping(abs), 51, [-1]))) == [1]

    def test_references_are_values_for_later_calls(self) -> None:
        self.needs("holds_references")
        with self.executor.lease() as lease:
            reply = run_one(lease, call(straight(bytes), 0, MEGABYTES << 20))
            assert isinstance(reply, Outcome)
            (large,) = reply.outputs
            assert isinstance(large, Reference)
            for number in range(1, 4):
                outcome = run_one(lease, call(straight(lambda data: b"x" + data), number, large))
                assert isinstance(outcome, Outcome), outcome
                (large,) = outcome.outputs
            assert value_of(run_one(lease, call(straight(len), 4, large))) == (MEGABYTES << 20) + 3
            assert large.fetch()[:4] == b"xxx\0"

    def test_memory_is_shared_where_it_is_said_to_be(self) -> None:
        self.needs("shares_memory")
        mine = threading.Lock()
        with self.executor.lease() as lease:
            assert value_of(run_one(lease, call(straight(lambda x: x), 0, mine))) is mine
            assert value_of(run_one(lease, call(straight(lambda x: x), 1, shared(mine)))) is mine

    # -- leases ----------------------------------------------------------------------------------------------------

    def test_leaving_kills_what_runs(self) -> None:
        self.needs("can_kill")
        replies: SimpleQueue[Message] = SimpleQueue()
        with socket.create_server(("127.0.0.1", 0)) as server:
            server.settimeout(PATIENCE)
            with self.executor.lease() as lease:
                for number in range(self.executor.traits.credit):
                    lease.submit(call(straight(_until_told), number, server.getsockname()), replies.put)
                running, _ = server.accept()
                began = time.monotonic()
            assert time.monotonic() - began < PATIENCE / 2
            with running:
                running.settimeout(PATIENCE)
                assert _received(running) == b"", "it was killed, and has not gone on"
        self._check_quiet(replies)

    def test_leaving_waits_for_what_runs_and_drops_what_is_queued(self) -> None:
        self.needs("can_kill", to_be=False)
        replies: SimpleQueue[Message] = SimpleQueue()
        told: list[tuple[float, float]] = []
        first, leaving = threading.Event(), threading.Event()
        with socket.create_server(("127.0.0.1", 0)) as server:
            server.settimeout(PATIENCE)
            teller = threading.Thread(target=_tell_all, args=(server, told, first, leaving))
            teller.start()
            with self.executor.lease() as lease:
                for number in range(self.executor.traits.credit + 2):
                    lease.submit(call(straight(_until_told), number, server.getsockname()), replies.put)
                assert first.wait(PATIENCE), "something runs"
                leaving.set()
            left = time.monotonic()
            self._check_quiet(replies)
            with socket.create_connection(server.getsockname()):
                pass  # the teller's sign to stop
            teller.join(PATIENCE)
        assert told
        assert all(ended <= left for _, ended in told), "what ran has ended when the lease is left"

    def _check_quiet(self, replies: SimpleQueue[Message]) -> None:
        """After a lease was left nothing more is replied, and the executor can be used again."""
        count = replies.qsize()
        with self.executor.lease() as lease:
            assert value_of(run_one(lease, call(looping(abs), 0, [-1]))) == [1]
        assert replies.qsize() == count

    def test_an_exception_inside_a_lease_comes_out_of_it(self) -> None:
        with pytest.raises(ZeroDivisionError), self.executor.lease() as lease:
            run_one(lease, call(looping(abs), 0, [-1]))
            raise ZeroDivisionError
        self._check_quiet(SimpleQueue())

    def test_a_lease_may_be_left_unused(self) -> None:
        for _ in range(3):
            with self.executor.lease():
                pass

    def test_leases_may_be_open_side_by_side(self) -> None:
        with self.executor.lease() as first, self.executor.lease() as second:
            assert value_of(run_one(first, call(looping(abs), 0, [-1]))) == [1]
            assert value_of(run_one(second, call(looping(abs), 0, [-2]))) == [2]
            assert value_of(run_one(first, call(looping(abs), 1, [-3]))) == [3]

    def test_many_threads_lease_at_once(self) -> None:
        def use(number: int) -> None:
            with self.executor.lease() as lease:
                replies = run_all(lease, [call(looping(lambda x: 2 * x), n, [number, n]) for n in range(20)])
                found[number] = [value_of(replies[n]) for n in range(20)]

        found: dict[int, Any] = {}
        users = [threading.Thread(target=use, args=(n,)) for n in range(8)]
        for user in users:
            user.start()
        for user in users:
            user.join(PATIENCE)
        assert found == {number: [[2 * number, 2 * n] for n in range(20)] for number in range(8)}

    # -- the end ---------------------------------------------------------------------------------------------------

    def test_close_ends_everything_may_come_twice_and_a_later_lease_starts_anew(self) -> None:
        with self.executor.lease() as lease:
            assert value_of(run_one(lease, call(looping(abs), 0, [-1]))) == [1]
        self.executor.close()
        self.executor.close()
        self._check_nothing_is_left()
        with self.executor.lease() as lease:
            assert value_of(run_one(lease, call(looping(abs), 0, [-1]))) == [1]

    def test_closing_during_a_run_leaves_no_call_without_a_reply(self) -> None:
        replies: SimpleQueue[Message] = SimpleQueue()
        count = 2 * self.executor.traits.credit
        with self.executor.lease() as lease:
            for number in range(count):
                lease.submit(call(looping(abs), number, [-1]), replies.put)
            self.executor.close()
            lease.submit(call(looping(abs), count, [-1]), replies.put)
            answered = [replies.get(timeout=PATIENCE) for _ in range(count + 1)]
        assert sorted(reply.call for reply in answered) == list(range(count + 1))
        self._check_quiet(replies)


def _until_told(address: tuple[str, int]) -> None:
    """Runs until somebody who listens there says so, and then tells when it began and ended."""
    began = time.monotonic()
    with socket.create_connection(address) as connection:
        connection.recv(1)
        connection.sendall(struct.pack("dd", began, time.monotonic()))


def _tell_all(server: socket.socket, told: list[tuple[float, float]], first: threading.Event, leaving: threading.Event) -> None:
    """Lets calls go on when the lease is being left; or after a moment, since some executors run calls in `submit`."""
    while True:
        connection, _ = server.accept()
        with connection:
            first.set()
            leaving.wait(0.1)
            try:
                connection.sendall(b".")
            except ConnectionError:
                return
            answer = _received(connection)
            if not answer:
                return
            told.append(struct.unpack("dd", answer))


def _received(connection: socket.socket) -> bytes:
    try:
        return b"".join(iter(lambda: connection.recv(64), b""))
    except ConnectionError:
        return b""
