"""The processes executor, with real processes. Nothing here sleeps: what must happen first is waited for."""

from __future__ import annotations

import gc
import os
import queue
import re
import select
import signal
import socket
import subprocess
import sys
import textwrap
import threading
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from by_hand import open_files

from anabranch import Builder, Collect, Parallelizable, module_from_functions, retry
from anabranch.errors import ExecutorError, TransferError
from anabranch.events import SpanFinished
from anabranch.executor import Call, CallFailed, CallLost, Executor, Lease, Shared, Traits
from anabranch.testing.leftovers import OWN_LOOP
from anabranch.work import Argument, Code, Form, Layout, Outcome, Part
from anabranch_executors.processes import ProcessExecutor
from anabranch_executors.processes.cpus import usable_cpus
from anabranch_executors.processes.lane import Lane
from anabranch_executors.processes.launch import in_words
from anabranch_executors.processes.segments import Body
from anabranch_executors.processes.wire import Inbox, Kind, Outbox, Packet

psutil = pytest.importorskip("psutil")
pytestmark = [pytest.mark.timeout(60), pytest.mark.skipif(os.name != "posix", reason="POSIX only")]

METHODS = ("forkserver", "spawn", "fork")
PATIENCE = 20
"""Seconds until something that should have happened has not."""

EACH = "def task(r, where, start, xs):\n    return [f_step(x) for x in xs]\n"
WITH = "def task(r, where, start, xs, y):\n    return [f_step(x, y) for x in xs]\n"


def code_of(function: Callable[..., Any], source: str = EACH) -> Code:
    """A task that calls `function` once per item."""
    return Code("k1", "step", source, {"f_step": function}, (), {"step": "flow.py:1"}, 1, True)


def call_of(code: Code, number: int, items: list[Any], *others: Any) -> Call:
    """A call over these items; `others` are given whole."""
    arguments = [Argument(Form.JOINED, (Part(0),))]
    arguments += [Argument(Form.WHOLE, (Part(n),)) for n in range(1, len(others) + 1)]
    return Call(code, Layout(number, (), 0, tuple(arguments)), (items, *others))


class Replies:
    """Collects messages; waits for them."""

    def __init__(self) -> None:
        self.queue: queue.SimpleQueue[Any] = queue.SimpleQueue()

    def __call__(self, message: Any) -> None:
        self.queue.put(message)

    def take(self) -> Any:
        """The next message."""
        return self.queue.get(timeout=PATIENCE)


def ask(lease: Lease, function: Callable[..., Any], item: Any = None) -> Any:
    """One call of one item, and its answer."""
    replies = Replies()
    lease.submit(call_of(code_of(function), 0, [item]), replies)
    return replies.take()


def value_of(outcome: Any) -> Any:
    """The one value of an outcome of one item."""
    assert isinstance(outcome, Outcome), outcome
    assert not outcome.failures, outcome.failures
    return outcome.outputs[0][0]


def double(x: int) -> int:
    return 2 * x


def pid_of(_: Any) -> int:
    return os.getpid()


def block(fifo: str) -> str:
    """Blocks until the other side opens."""
    with open(fifo) as file:
        return file.read()


def unblock(fifo: str) -> str:
    """Opens the other side."""
    with open(fifo, "w") as file:
        file.write("opened")
    return "opened"


@pytest.fixture(params=METHODS)
def executor(request: pytest.FixtureRequest) -> Iterator[ProcessExecutor]:
    """Two workers, by each start method."""
    executor = ProcessExecutor(2, request.param)
    yield executor
    executor.close()


@pytest.fixture
def quick() -> Iterator[ProcessExecutor]:
    """Two workers by the default start method, for what does not depend on it."""
    executor = ProcessExecutor(2)
    protocol: Executor = executor  # type checkers compare them
    assert isinstance(protocol.traits, Traits)
    yield executor
    executor.close()


@pytest.fixture
def fifo(tmp_path: Path) -> Callable[[str], str]:
    """Makes named pipes."""

    def make(name: str) -> str:
        os.mkfifo(tmp_path / name)
        return str(tmp_path / name)

    return make


@pytest.fixture(autouse=True)
def nothing_is_left() -> Iterator[None]:
    """No process, thread or open file outlives a test."""
    before, children = open_files(), set(psutil.Process().children(recursive=True))
    yield
    gc.collect()
    assert set(psutil.Process().children(recursive=True)) <= children
    names = [thread.name for thread in threading.enumerate() if thread.name != OWN_LOOP]
    assert [name for name in names if "anabranch" in name] == []
    assert open_files() <= before


def gone(pid: int, within: float = PATIENCE) -> bool:
    """Waits for a process to end that need not be a child; a zombie has ended."""
    if not hasattr(os, "pidfd_open"):
        return not psutil.wait_procs([psutil.Process(pid)], within)[1]
    try:
        pidfd = os.pidfd_open(pid)
    except ProcessLookupError:
        return True
    try:
        return bool(select.select([pidfd], [], [], within)[0])
    finally:
        os.close(pidfd)


def test_every_call_is_answered_once(executor: ProcessExecutor) -> None:
    replies = Replies()
    answers = {}
    code = code_of(double)
    with executor.lease() as lease:
        for number in range(1000):
            lease.submit(call_of(code, number, [number, -number]), replies)
        for _ in range(1000):
            outcome = replies.take()
            assert outcome.worker.startswith("process ")
            assert outcome.call not in answers
            answers[outcome.call] = outcome.outputs
    assert answers == {number: ([2 * number, -2 * number],) for number in range(1000)}
    assert replies.queue.empty()


def test_options_are_checked_at_once() -> None:
    with pytest.raises(ExecutorError, match="at least 1, not 0"):
        ProcessExecutor(0)
    with pytest.raises(ExecutorError, match="'forkserve'; did you mean 'forkserver'"):
        ProcessExecutor(1, "forkserve")
    traits = ProcessExecutor(3).traits
    assert (traits.slots, traits.credit, traits.can_kill, traits.shares_memory) == (3, 6, True, False)


class Loud:
    """Notes in a file each process that unpickles it."""

    def __init__(self, log: Path) -> None:
        self.log = log

    def __reduce__(self) -> Any:
        return note, (str(self.log),)


def note(log: str) -> Loud:
    with open(log, "a") as file:
        file.write(f"{os.getpid()}\n")
    return Loud(Path(log))


def test_code_and_shared_values_are_sent_once_per_worker(quick: ProcessExecutor, tmp_path: Path) -> None:
    loud_code, loud_value = Loud(tmp_path / "code"), Loud(tmp_path / "value")

    def step(x: int, y: Any) -> int:
        return x if loud_code and y else 0

    code, shared, replies = code_of(step, WITH), Shared(7, loud_value), Replies()
    with quick.lease() as lease:
        for number in range(100):
            lease.submit(call_of(code, number, [number], shared), replies)
        workers = {replies.take().worker for _ in range(100)}
        for log in ("code", "value"):
            pids = (tmp_path / log).read_text().split()
            assert sorted(pids) == sorted(worker.removeprefix("process ") for worker in workers)
        lease.forget([7])
        lease.submit(call_of(code, 100, [1], Shared(8, 1)), replies)
        assert value_of(replies.take()) == 1


def test_what_a_function_reads_is_as_it_is_when_a_run_begins(quick: ProcessExecutor) -> None:
    factor = 1

    def step(x: int) -> int:
        return x * factor

    code = code_of(step)
    for run in range(1, 4):
        factor = run
        with quick.lease() as lease:
            for _ in range(4):
                replies = Replies()
                lease.submit(call_of(code, 0, [10]), replies)
                assert value_of(replies.take()) == 10 * run
            assert len(lease._parcels._codes) == 1


def test_code_is_dropped_with_its_object(quick: ProcessExecutor) -> None:
    with quick.lease() as lease:
        for n in range(5):
            assert value_of(ask(lease, lambda x, n=n: x + n, 1)) == 1 + n
        gc.collect()
        assert not lease._parcels._codes


def test_arrays_travel_whole_and_writable(executor: ProcessExecutor) -> None:
    numpy = pytest.importorskip("numpy")

    def step(array: Any) -> Any:
        array += 1
        return array

    big = numpy.arange(3_000_000, dtype="f8")
    with executor.lease() as lease:
        for array in (big, big.reshape(3000, 1000).T, big[::3], numpy.zeros(0)):
            answer = value_of(ask(lease, step, array))
            assert (answer == array + 1).all()
            assert answer.flags.writeable
        many = value_of(ask(lease, lambda arrays: arrays[::-1], [numpy.full(n, n) for n in range(3000)]))
        assert [len(array) for array in many] == list(range(3000))[::-1]


def test_what_does_not_pickle_is_named(quick: ProcessExecutor) -> None:
    lock = threading.Lock()
    with quick.lease() as lease:
        argument = ask(lease, double, {"a": [1, lock]})
        function = ask(lease, lambda x: (x, lock))
        result = ask(lease, lambda x: {"b": threading.Lock()})
        shared, replies = Shared(1, {"s": lock}), Replies()
        lease.submit(call_of(code_of(double, WITH), 0, [1], shared), replies)
        for failed, place in (
            (argument, r"'xs' cannot be sent to a worker, to 'step' \(flow.py:1\): its part \['a'\]\[1\].*lock"),
            (function, r"function of 'step' \(flow.py:1\).*closure lock"),
            (result, r"what '\w+'.* cannot be brought back .*\['b'\].*lock"),
            (replies.take(), r"\['s'\].*lock"),
        ):
            assert isinstance(failed, CallFailed)
            assert isinstance(failed.error, TransferError)
            assert re.search(place, str(failed.error)), failed.error
        assert value_of(ask(lease, double, 4)) == 8


class Bad:
    """Cannot be unpickled where it did not come from."""

    def __reduce__(self) -> Any:
        return fail_elsewhere, (os.getpid(),)


def fail_elsewhere(pid: int) -> Bad:
    if pid != os.getpid():
        raise ModuleNotFoundError("No module named 'far_away'")
    return Bad()


def test_what_does_not_unpickle_is_named(quick: ProcessExecutor) -> None:
    bad = Bad()
    with quick.lease() as lease:
        for failed, what in (
            (ask(lease, lambda x: bad), "the code of step"),
            (ask(lease, double, bad), "the arguments of step"),
            (ask(lease, lambda x: Bad()), "a result"),
        ):
            assert isinstance(failed, CallFailed)
            assert isinstance(failed.error, TransferError)
            assert what in str(failed.error)
            assert "No module named 'far_away'" in str(failed.error)
        assert value_of(ask(lease, double, 4)) == 8


def test_a_system_exit_is_a_failure_and_the_worker_lives_on(quick: ProcessExecutor) -> None:
    with quick.lease() as lease:
        before = value_of(ask(lease, pid_of))
        outcome = ask(lease, lambda x: sys.exit("enough"))
        (failure,) = outcome.failures
        assert failure.node == "step"
        assert isinstance(failure.exception, SystemExit)
        assert value_of(ask(lease, pid_of)) == before


def fall(how: str) -> None:
    if how == "exit":
        os._exit(3)
    os.kill(os.getpid(), getattr(signal, how))


@pytest.mark.parametrize(
    ("how", "reason"), [("exit", "exit code 3"), ("SIGKILL", "killed by SIGKILL"), ("SIGTERM", "killed by SIGTERM")]
)
def test_a_death_costs_one_call(executor: ProcessExecutor, how: str, reason: str) -> None:
    replies = Replies()
    good, bad = code_of(double), code_of(fall)
    with executor.lease() as lease:
        for number in range(20):
            lease.submit(call_of(bad, number, [how]) if number == 7 else call_of(good, number, [number]), replies)
        answers = {message.call: message for message in (replies.take() for _ in range(20))}
    lost = answers.pop(7)
    assert isinstance(lost, CallLost)
    assert lost.reason.startswith(reason)
    assert lost.worker.startswith("process ")
    assert {number: value_of(outcome) for number, outcome in answers.items()} == {n: 2 * n for n in answers}


def test_what_waits_behind_a_death_goes_to_another(quick: ProcessExecutor, fifo: Callable[[str], str]) -> None:
    executor = ProcessExecutor(1)
    pipe = fifo("pipe")

    def wait_and_fall(_: Any) -> None:
        block(pipe)
        os._exit(4)

    replies = Replies()
    with executor.lease() as lease:
        assert value_of(ask(lease, double, 1)) == 2  # from now on calls are sent one ahead
        lease.submit(call_of(code_of(wait_and_fall), 1, [0]), replies)
        for number in (2, 3, 4):
            lease.submit(call_of(code_of(double), number, [number]), replies)
        unblock(pipe)
        answers = [replies.take() for _ in range(4)]
        assert isinstance(answers[0], CallLost)
        assert [value_of(answer) for answer in answers[1:]] == [4, 6, 8]
    executor.close()


def test_a_call_behind_a_long_one_is_given_back(quick: ProcessExecutor, fifo: Callable[[str], str]) -> None:
    first, second, meeting = fifo("first"), fifo("second"), fifo("meeting")
    blocked, unblocked, replies = code_of(block), code_of(unblock), Replies()
    with quick.lease() as lease:
        for _ in range(3):  # two calls that need each other: both workers are up and have done something short
            lease.submit(call_of(blocked, 0, [meeting]), replies)
            lease.submit(call_of(unblocked, 1, [meeting]), replies)
            assert replies.take().worker != replies.take().worker
        lease.submit(call_of(blocked, 1, [first]), replies)
        lease.submit(call_of(blocked, 2, [second]), replies)
        lease.submit(call_of(unblocked, 3, [first]), replies)  # waits behind the call that waits for it
        unblock(second)
        assert {replies.take().call for _ in range(3)} == {1, 2, 3}


def test_leaving_kills_what_still_runs(executor: ProcessExecutor, fifo: Callable[[str], str]) -> None:
    never, replies = fifo("never"), Replies()
    with executor.lease() as other:
        with executor.lease() as lease:
            shell = 'echo $$ > "$0.pid"; echo > "$0.ready"; exec sleep 1000'
            os.mkfifo(f"{never}.ready")
            lease.submit(call_of(code_of(lambda x: subprocess.run(["sh", "-c", shell, x])), 0, [never]), replies)
            for number in range(1, 4):
                lease.submit(call_of(code_of(block), number, [never]), replies)
            block(f"{never}.ready")
            grandchild = int(Path(f"{never}.pid").read_text())
            busy = psutil.Process(grandchild).ppid()
            started = time.monotonic()
        assert time.monotonic() - started < 1
        assert gone(busy, within=0)
        assert gone(grandchild)
        assert value_of(ask(other, double, 3)) == 6
    with executor.lease() as lease:
        assert value_of(ask(lease, double, 4)) == 8
    assert replies.queue.empty()


def test_leaving_one_run_does_not_touch_another(quick: ProcessExecutor, fifo: Callable[[str], str]) -> None:
    never, later, ignored, replies = fifo("never"), fifo("later"), Replies(), Replies()
    with quick.lease() as steady:
        steady.submit(call_of(code_of(block), 0, [later]), replies)
        with quick.lease() as lease:
            for number in range(8):
                lease.submit(call_of(code_of(block), number, [never]), ignored)
        unblock(later)
        assert value_of(replies.take()) == "opened"
    assert ignored.queue.empty()


def test_many_threads_lease_at_once(executor: ProcessExecutor) -> None:
    sums: list[int] = []

    def run(seed: int) -> None:
        replies, code = Replies(), code_of(lambda x: x + seed)
        with executor.lease() as lease:
            for number in range(30):
                lease.submit(call_of(code, number, [number]), replies)
            sums.append(sum(value_of(replies.take()) for _ in range(30)) - 30 * seed)

    threads = [threading.Thread(target=run, args=(seed,)) for seed in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE)
    assert sums == [435] * 20


def test_closing_answers_what_runs_and_a_later_lease_starts_anew(executor: ProcessExecutor, fifo: Any) -> None:
    replies = Replies()
    never = fifo("never")
    with executor.lease() as lease:
        first = value_of(ask(lease, pid_of))
        for number in range(3):
            lease.submit(call_of(code_of(block), number, [never]), replies)
        executor.close()
        executor.close()
        for _ in range(3):
            message = replies.take()
            assert isinstance(message, CallFailed)
            assert "closed" in str(message.error)
        late = ask(lease, double, 1)
        assert isinstance(late, CallFailed)
    with executor.lease() as lease:
        assert value_of(ask(lease, pid_of)) != first


def test_an_executor_that_nobody_has_ends_its_workers() -> None:
    executor = ProcessExecutor(1)
    with executor.lease() as lease:
        assert value_of(ask(lease, double, 1)) == 2
    del executor, lease  # the fixture checks that nothing is left


@pytest.mark.parametrize("method", ["forkserver", "spawn"])
def test_workers_that_cannot_start_are_an_error(method: str, monkeypatch: pytest.MonkeyPatch) -> None:
    executor = ProcessExecutor(2, method)
    for program, why in (("/bin/false", "exit code 1"), ("/nonexistent/python", "No such file"), ("", "executable")):
        monkeypatch.setattr(sys, "executable", program)
        with pytest.raises(ExecutorError, match=why), executor.lease():
            pass
    monkeypatch.undo()
    with executor.lease() as lease:
        assert value_of(ask(lease, double, 2)) == 4
    executor.close()


def test_the_death_of_the_fork_server_is_survived(quick: ProcessExecutor, fifo: Callable[[str], str]) -> None:
    replies = Replies()
    with quick.lease() as lease:
        worker = psutil.Process(value_of(ask(lease, pid_of)))
        lease.submit(call_of(code_of(block), 1, [fifo("never")]), replies)
        os.kill(worker.ppid(), signal.SIGKILL)
        lost = replies.take()
        assert isinstance(lost, CallLost)
        assert "fork server" in lost.reason
        assert value_of(ask(lease, double, 2)) == 4


def test_workers_follow_the_driver(executor: ProcessExecutor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def place(_: Any) -> Any:
        return os.getcwd(), os.environ.get("ANABRANCH_TEST"), sys.stdin.read()

    with executor.lease() as lease:
        assert value_of(ask(lease, place)) == (os.getcwd(), None, "")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ANABRANCH_TEST", "yes")
    monkeypatch.syspath_prepend(str(tmp_path))
    (tmp_path / "module_made_later.py").write_text("def triple(x):\n    return 3 * x\n")
    import module_made_later  # type: ignore[import-not-found]

    with executor.lease() as lease:
        assert value_of(ask(lease, place)) == (str(tmp_path), "yes", "")
        assert value_of(ask(lease, module_made_later.triple, 2)) == 6
    del sys.modules["module_made_later"]


def test_a_forked_child_has_an_executor_of_its_own(executor: ProcessExecutor) -> None:
    with executor.lease() as lease:
        ours = value_of(ask(lease, pid_of))
        reader, writer = os.pipe()
        pid = fork()
        if not pid:
            try:
                assert isinstance(ask(lease, double, 1), CallFailed)  # the parent's
                with executor.lease() as own:
                    theirs = value_of(ask(own, pid_of))
                executor.close()
                os.write(writer, str(theirs).encode())
            finally:
                os._exit(0)
        os.close(writer)
        with open(reader) as file:
            theirs = int(file.read())
        os.waitpid(pid, 0)
        assert theirs not in (ours, 0)
        assert value_of(ask(lease, double, 3)) == 6


def fork() -> int:
    """Forks; that there are threads is what the test is about."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        return os.fork()


SCRIPT = textwrap.dedent(
    """
    import queue, sys
    from anabranch.executor import Call
    from anabranch.work import Argument, Code, Form, Layout, Part
    from anabranch_executors.processes import ProcessExecutor
    print("once", flush=True)

    class Point:
        def __init__(self, x):
            self.x = x

    def helper(x):
        return Point(2 * x)

    def step(x):
        print("printed", x.x)
        return helper(x.x)

    source = "def task(r, where, start, xs):\\n    return [f_step(x) for x in xs]\\n"
    code = Code("k", "step", source, {"f_step": step}, (), {}, 1, True)
    replies = queue.SimpleQueue()
    executor = ProcessExecutor(2, METHOD)
    with executor.lease() as lease:
        layout = Layout(0, (), 0, (Argument(Form.JOINED, (Part(0),)),))
        lease.submit(Call(code, layout, ([Point(4)],)), replies.put)
        answer = replies.get(timeout=20).outputs[0][0]
        assert type(answer) is Point, type(answer)
        print("answer", answer.x, flush=True)
    """
)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("way", ["file", "-c", "stdin"])
def test_scripts_need_no_guard(method: str, way: str, tmp_path: Path) -> None:
    script = SCRIPT.replace("METHOD", repr(method))
    (tmp_path / "script.py").write_text(script)
    arguments = {"file": ["script.py"], "-c": ["-c", script], "stdin": ["-"]}[way]
    done = subprocess.run(
        [sys.executable, "-W", "error", *arguments],
        input=script if way == "stdin" else None,
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path)), "PYTHONUNBUFFERED": ""},
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines() == ["once", "printed 4", "answer 8"]


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_nothing_outlives_the_driver(method: str, how: signal.Signals, tmp_path: Path) -> None:
    steps = """
        import os, time
        def step(x):
            os.write(1, f"{os.getpid()} {os.getppid()}\\n".encode())
            while True:
                BUSY
    """
    script = SCRIPT.replace("METHOD", repr(method))
    before, after = script.split("def step(x):")[0], script[script.index("source =") :]
    after = after.replace("lease.submit", "[lease.submit", 1).replace("replies.put)", "replies.put) for _ in 'ab']", 1)
    script = before + textwrap.dedent(steps).replace("BUSY", "pass" if how == signal.SIGKILL else "time.sleep(9)") + after
    driver = subprocess.Popen(
        [sys.executable, "-c", script],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path)), "PYTHONUNBUFFERED": ""},
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        cwd=tmp_path,
    )
    assert driver.stdout is not None
    with driver, driver.stdout:
        assert driver.stdout.readline() == "once\n"
        pids = {int(pid) for _ in "ab" for pid in driver.stdout.readline().split()} - {driver.pid}
        assert len(pids) >= 2
        driver.send_signal(how)
        assert driver.stdout.read() == ""  # the end of the file: nobody has it open any more
        driver.wait(PATIENCE)
    assert all(gone(pid, within=2) for pid in pids)


def test_a_storm_of_deaths_costs_only_those_that_die(executor: ProcessExecutor) -> None:
    def step(number: int) -> bytes:
        if number % 25 == 7:
            os.kill(os.getpid(), signal.SIGKILL)
        return bytes(number * 500)

    lost: list[set[int]] = []

    def run() -> None:
        replies, code = Replies(), code_of(step)
        with executor.lease() as lease:
            for number in range(150):
                lease.submit(call_of(code, number, [number]), replies)
            messages = [replies.take() for _ in range(150)]
        assert len({message.call for message in messages}) == 150
        lost.append({message.call for message in messages if isinstance(message, CallLost)})

    threads = [threading.Thread(target=run) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE)
    assert lost == [{7, 32, 57, 82, 107, 132}] * 3


def test_a_task_may_lease_an_executor_of_its_own(quick: ProcessExecutor, fifo: Callable[[str], str]) -> None:
    def nested(pipe: str) -> int:
        with ProcessExecutor(1).lease() as lease:
            inner: int = value_of(ask(lease, pid_of))
            if pipe:
                Path(pipe).write_text(str(inner))
                ask(lease, block, pipe)
        return inner

    pipe, replies = fifo("pipe"), Replies()
    with quick.lease() as lease:
        assert gone(value_of(ask(lease, nested, "")))
        lease.submit(call_of(code_of(nested), 0, [pipe]), replies)
        inner = int(block(pipe))
    assert gone(inner)  # it ends with the task's worker, which was killed


def test_a_task_may_fork_and_let_the_child_return(quick: ProcessExecutor) -> None:
    def forking(_: Any) -> int:
        pid = fork()
        if pid:
            os.waitpid(pid, 0)
        return pid

    with quick.lease() as lease:
        assert value_of(ask(lease, forking)) > 0
        assert value_of(ask(lease, double, 1)) == 2


def test_ends_in_words() -> None:
    assert in_words(3) == "exit code 3"
    assert in_words(-signal.SIGTERM) == "killed by SIGTERM"
    assert in_words(-60).startswith("killed by signal 60")


def test_usable_cpus_heeds_the_control_group(tmp_path: Path) -> None:
    available = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    assert usable_cpus(tmp_path) == available
    (tmp_path / "proc/self").mkdir(parents=True)
    (tmp_path / "proc/self/cgroup").write_text("5:memory:/x\n0::/outer/inner\n")
    (tmp_path / "sys/fs/cgroup/outer/inner").mkdir(parents=True)
    (tmp_path / "sys/fs/cgroup/outer/inner/cpu.max").write_text("max 100000\n")
    assert usable_cpus(tmp_path) == available
    (tmp_path / "sys/fs/cgroup/outer/cpu.max").write_text("50000 100000\n")
    assert usable_cpus(tmp_path) == 1
    (tmp_path / "proc/self/cgroup").write_text("2:cpu,cpuacct:/old\n")
    (tmp_path / "sys/fs/cgroup/cpu/old").mkdir(parents=True)
    (tmp_path / "sys/fs/cgroup/cpu/old/cpu.cfs_period_us").write_text("100000\n")
    (tmp_path / "sys/fs/cgroup/cpu/old/cpu.cfs_quota_us").write_text("20000\n")
    assert usable_cpus(tmp_path) == 1


def test_attempts_in_a_worker_are_counted() -> None:
    @retry(attempts=3)
    def stubborn(number: int, log: str) -> int:
        with open(log, "a+") as file:
            file.write(".")
            file.seek(0)
            if len(file.read()) < number:
                raise ConnectionError
        return number

    def number(last: int) -> Parallelizable[int]:
        yield last

    def found(stubborn: Collect[int]) -> list[int]:
        return list(stubborn)

    events: list[Any] = []
    flow = module_from_functions(number, stubborn, found)
    with TemporaryDirectory() as folder:
        builder = Builder().with_modules(flow).with_executor("processes", workers=1).with_adapters(events.append)
        with builder.build() as driver:
            assert driver.execute(["found"], {"last": 3, "log": f"{folder}/log"}) == {"found": [3]}
    assert [event.retries for event in events if isinstance(event, SpanFinished)] == [2]


def test_messages_survive_any_cut() -> None:
    sizes = [[], [0], [1], [5, 0, 3], [70_000], [10, 200_000, 0, 1], [3] * 20_000]
    sent = [Packet(Kind.CALL, n, [bytearray(os.urandom(size)) for size in frames]) for n, frames in enumerate(sizes)]
    here, there = socket.socketpair()
    lane, other = map(Lane, socket.socketpair())
    here.setblocking(False)
    there.setblocking(False)
    outbox, inbox, received = Outbox(lane), Inbox(other), list[Packet]()
    with here, there, closing(lane), closing(other):
        for message in sent:
            outbox.put(message.kind, message.number, Body(message.frames))
        while len(received) < len(sent):
            outbox.send(here)
            try:
                received += inbox.receive(there)
            except BlockingIOError:
                continue
        assert not outbox
        assert received == sent
        here.close()
        with pytest.raises(EOFError):
            inbox.receive(there)


def warned(item: int) -> int:
    warnings.warn("careful", stacklevel=1)
    return item


def test_warnings_are_what_the_caller_says_that_they_are():
    def item() -> Parallelizable[int]:
        return range(3)

    builder = Builder().with_modules(module_from_functions(item, warned)).with_executor("processes", workers=1)
    with builder.build() as driver, warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(UserWarning, match="careful"):
            driver.execute(["warned"])
        warnings.filterwarnings("ignore", "care", UserWarning)
        assert driver.execute(["warned"]) == {"warned": [0, 1, 2]}
        warnings.filterwarnings("error", category=OfAModule)
        assert driver.execute(["warned"]) == {"warned": [0, 1, 2]}


class OfAModule(UserWarning):
    """A kind of warning that only this module has."""
