"""Large values between the driver and real workers: once on the machine, read-only where many see them, and never left over.

What lies in shared memory has no name, so it is found by its inode among the files and mappings of all processes.
"""

from __future__ import annotations

import gc
import os
import select
import signal
import subprocess
import sys
import textwrap
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import by_hand
import numpy as np
import pytest
from by_hand import looping, run_all, run_one, straight

from anabranch import Builder, module_from_functions
from anabranch.executor import CallLost, Lease, Shared
from anabranch.markers import Collect, Parallelizable
from anabranch.work import Outcome
from anabranch_executors.processes import ProcessExecutor, pool

pytestmark = [
    pytest.mark.timeout(60),
    pytest.mark.skipif(sys.platform != "linux", reason="elsewhere large values go through sockets"),
]

METHODS = ("forkserver", "spawn", "fork")
MB = 1_000_000


@pytest.fixture(params=METHODS)
def executor(request: pytest.FixtureRequest) -> Iterator[ProcessExecutor]:
    executor = ProcessExecutor(2, request.param)
    yield executor
    executor.close()


@pytest.fixture
def quick() -> Iterator[ProcessExecutor]:
    executor = ProcessExecutor(2)
    yield executor
    executor.close()


others: set[str] = set()
"""What this process held before: a test that failed, say, keeps its values with its traceback, and forked workers inherit them."""


@pytest.fixture(autouse=True)
def nothing_is_left() -> Iterator[None]:
    """This process keeps no segment open or mapped."""
    others.clear()
    others.update(held(os.getpid()))
    yield
    gc.collect()
    assert not held(os.getpid())


def held(pid: int | str) -> set[str]:
    """The inodes of the segments that a process has open or mapped, but for `others`."""
    with suppress(OSError):  # it has ended
        maps = Path(f"/proc/{pid}/maps").read_text().splitlines()
        found = {line.split()[4] for line in maps if "memfd:anabranch" in line}
        for entry in os.listdir(f"/proc/{pid}/fd"):
            with suppress(OSError):  # it has been closed just now
                path = f"/proc/{pid}/fd/{entry}"
                if "memfd:anabranch" in os.readlink(path):
                    found.add(str(os.stat(path).st_ino))
        return found - others
    return set()


def held_by_any(inodes: set[str]) -> set[str]:
    """Which of these segments any process has."""
    return set().union(*(held(pid) for pid in os.listdir("/proc") if pid.isdigit())) & inodes


def call(function: Callable[..., Any], *values: Any, number: int = 0) -> Any:
    return by_hand.call(straight(function, len(values)), number, *values)


def ask(lease: Lease, function: Callable[..., Any], *values: Any) -> Any:
    """What `function` returns for these values, each as a whole."""
    outcome = run_one(lease, call(function, *values))
    assert isinstance(outcome, Outcome), outcome
    assert not outcome.failures, outcome.failures
    return outcome.outputs[0]


def gone(pid: int, within: float = 2) -> bool:
    """Waits for a process that need not be a child; a zombie has ended."""
    try:
        pidfd = os.pidfd_open(pid)
    except ProcessLookupError:
        return True
    try:
        return bool(select.select([pidfd], [], [], within)[0])
    finally:
        os.close(pidfd)


def same(value: Any) -> Any:
    return value


def pid_of(*_: Any) -> int:
    return os.getpid()


def workers_of(lease: Lease) -> set[int]:
    """Both workers, with two calls that cannot run in one."""
    calls = [by_hand.call(looping(pid_of), n, [n]) for n in range(40)]
    return {outcome.outputs[0][0] for outcome in run_all(lease, calls).values() if isinstance(outcome, Outcome)}


# -- what arrives --------------------------------------------------------------------------------------------------


def arrays() -> dict[str, np.ndarray[Any, Any]]:
    big = np.arange(600_000, dtype="f8")
    return {
        "plain": big,
        "transposed": big.reshape(600, 1000).T,
        "with gaps": big[::3],
        "backwards": big[::-1],
        "empty": np.zeros((0, 5)),
        "no dimension": np.array(7.5),
        "objects": np.array([{"a": 1}, None, "x"] * 50_000, dtype=object),
        "records": np.zeros(200_000, dtype=[("a", "i4"), ("b", "f8")]),
        "broadcast": np.broadcast_to(big[:1000], (1000, 1000)),
        "dates": np.arange(0, 500_000, dtype="datetime64[s]"),
    }


@pytest.mark.parametrize("name", arrays())
def test_arrays_of_any_shape_go_there_and_back(quick: ProcessExecutor, name: str) -> None:
    array = arrays()[name]
    with quick.lease() as lease:
        for value in (array, Shared(1, array)):
            found = ask(lease, same, value)
            assert found.dtype == array.dtype
            assert found.shape == array.shape
            assert np.array_equal(found, array)


def test_values_nested_in_containers_go_there_and_back(quick: ProcessExecutor) -> None:
    pandas, pyarrow = pytest.importorskip("pandas"), pytest.importorskip("pyarrow")
    numbers = np.arange(200_000)
    frame = pandas.DataFrame({"n": numbers, "x": numbers / 3, "s": ["text", "more"] * 100_000})
    table = pyarrow.table({"n": numbers, "s": ["text"] * 200_000})
    value = {
        "frame": frame,
        ("table", 1): [table, (table.slice(1000, 5), {"deep": numbers})],
        "bytes": [os.urandom(2 * MB), bytearray(b"y" * MB), b""],
        "text": "ä" * MB,
        "view": memoryview(bytes(5)).nbytes,
    }
    with quick.lease() as lease:
        for sent in (value, Shared(1, value)):
            found = ask(lease, same, sent)
            pandas.testing.assert_frame_equal(found["frame"], frame)
            assert found["table", 1][0].equals(table)
            assert found["table", 1][1][0].equals(table.slice(1000, 5))
            assert np.array_equal(found["table", 1][1][1]["deep"], numbers)
            assert (found["bytes"], found["text"]) == (value["bytes"], value["text"])


def test_thousands_of_small_arrays_go_there_and_back(quick: ProcessExecutor) -> None:
    many = [np.full(n % 700, n) for n in range(8000)]
    with quick.lease() as lease:
        for sent in (many, Shared(1, many)):
            found = ask(lease, same, sent)
            assert len(found) == len(many)
            assert all(map(np.array_equal, found, many))


def views(array: np.ndarray[Any, Any]) -> list[np.ndarray[Any, Any]]:
    return [array, array[10:], array[::2], array.reshape(2, -1).T, array]


def test_results_may_alias_what_came_in_and_each_other(executor: ProcessExecutor) -> None:
    array = np.arange(400_000)
    with executor.lease() as lease:
        for sent in (array, Shared(1, array)):
            found = ask(lease, views, sent)
            again = ask(lease, views, sent)
            assert found[0].flags.writeable == (sent is array), "what was read-only stays so"
            if sent is array:
                found[0][:] = -1
            for one, expected in zip(again, views(array), strict=True):
                assert np.array_equal(one, expected)
        kept = [ask(lease, same, array * n) for n in range(10)]
        del found, again
        for _ in range(10):
            ask(lease, same, array - 1)
        assert all(np.array_equal(one, array * n) for n, one in enumerate(kept)), "nobody writes to what is read"


# -- who may write -------------------------------------------------------------------------------------------------


def add_one(array: Any) -> Any:
    array += 1
    return array


@pytest.mark.parametrize("size", [1, 1000, 10_000, 100_000, 500_000])
def test_what_a_call_gets_and_returns_is_its_own(quick: ProcessExecutor, size: int) -> None:
    array = np.arange(size)
    with quick.lease() as lease:
        found = ask(lease, add_one, array)
        found += 1
    assert np.array_equal(found, array + 2)
    assert array[0] == 0


@pytest.mark.parametrize("size", [1, 1000, 10_000, 100_000, 500_000])
def test_what_many_calls_share_cannot_be_changed_by_one(quick: ProcessExecutor, size: int) -> None:
    shared = Shared(1, {"a": np.arange(size)})

    def write(values: Any) -> bool:
        values["a"].flags.writeable = True
        return True

    def total(values: Any) -> int:
        return int(values["a"].sum())

    with quick.lease() as lease:
        for function, words in ((lambda values: add_one(values["a"]), "read-only"), (write, "WRITEABLE")):
            outcome = run_one(lease, call(function, shared))
            assert isinstance(outcome, Outcome)
            assert isinstance(outcome.failures[0].exception, ValueError)
            assert words in str(outcome.failures[0].exception)
        assert ask(lease, total, shared) == size * (size - 1) // 2


def test_pandas_works_on_what_is_shared(quick: ProcessExecutor) -> None:
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame({"k": np.arange(200_000) % 7, "x": np.arange(200_000) / 3})

    def use(frame: Any) -> float:
        grouped = frame.groupby("k").x.mean()
        joined = frame.merge(grouped.rename("m"), left_on="k", right_index=True).sort_values("x")
        joined["y"] = joined.x - joined.m
        joined.loc[joined.y < 0, "y"] = 0.0
        return float(joined.y.sum())

    with quick.lease() as lease:
        assert ask(lease, use, Shared(1, frame)) == use(frame)


# -- how much memory -----------------------------------------------------------------------------------------------


def pss(pid: int) -> float:
    """The memory of a process in MB; what several have mapped counts in parts."""
    rollup = Path(f"/proc/{pid}/smaps_rollup").read_text()
    return int(rollup.partition("Pss:")[2].split()[0]) * 1024 / MB


def test_a_shared_value_is_on_the_machine_once(quick: ProcessExecutor) -> None:
    array = np.ones(100 * MB // 8)

    def use(item: int, array: Any) -> tuple[int, float]:
        return os.getpid(), float(array.sum()) + item

    with quick.lease() as lease:
        processes = {os.getpid(), *workers_of(lease)}
        assert len(processes) == 3
        before = sum(map(pss, processes))
        used: set[int] = set()
        number = 0
        while len(used) < 2:
            calls = [call(use, n, Shared(1, array), number=number + n) for n in range(20)]
            number += 20
            outcomes = run_all(lease, calls).values()
            assert all(isinstance(outcome, Outcome) for outcome in outcomes)
            used |= {outcome.outputs[0][0] for outcome in outcomes if isinstance(outcome, Outcome)}
        assert used < processes
        grown = sum(map(pss, processes)) - before
        assert 95 < grown < 115, "one copy, which both workers have read from end to end"
        segments = held(os.getpid())
        assert all(segments & held(pid) for pid in used)
        lease.forget([1])
        for _ in range(40):
            ask(lease, pid_of)
        assert not any(segments & held(pid) for pid in used), "forgotten"
        assert sum(map(pss, processes)) - before < 15


def test_results_are_mapped_and_not_copied(quick: ProcessExecutor) -> None:
    def make(number: int) -> Any:
        return np.full(MB, number, dtype="f8")

    with quick.lease() as lease:
        before = pss(os.getpid())
        found = [ask(lease, make, n) for n in range(12)]
        assert pss(os.getpid()) - before < 10, "nothing has been read yet"
        assert [array[0] + array[-1] for array in found] == [2.0 * n for n in range(12)]
        assert pss(os.getpid()) - before < 20
        assert len(held(os.getpid())) >= 12


def test_memory_is_written_again(quick: ProcessExecutor) -> None:
    executor = ProcessExecutor(1)

    def make(number: int) -> Any:
        return np.full(MB, number, dtype="f8")

    with executor.lease() as lease:
        worker = ask(lease, pid_of)
        for number in range(30):
            assert ask(lease, make, number)[-1] == number
        assert len(held(worker)) <= 2
        kept = [ask(lease, make, number) for number in range(30)]
        assert len(held(worker)) >= 29
        assert [array[5] for array in kept] == list(range(30))
    executor.close()


def test_memory_is_not_kept_for_long(quick: ProcessExecutor, monkeypatch: pytest.MonkeyPatch) -> None:
    with quick.lease() as lease:
        found = ask(lease, same, np.arange(MB))
        workers = workers_of(lease)
        mine, theirs = held(os.getpid()), set().union(*map(held, workers))
        assert mine - theirs, "the argument's"
        assert mine & theirs, "the result's"
        monkeypatch.setattr(pool, "COOLING", 0.1)
        while any(map(held, workers)) or held(os.getpid()) != mine & theirs:
            ask(lease, pid_of)
        assert found[-1] == MB - 1
        del found
    assert not held(os.getpid())


def test_a_flow_holds_one_copy_of_each_result() -> None:
    def block(blocks: int) -> Parallelizable[int]:
        yield from range(blocks)

    def filled(block: int) -> Any:
        return np.full(MB // 4, block, dtype="f8")

    def kept(filled: Collect[Any]) -> list[Any]:
        return filled[::4]

    flow = module_from_functions(block, filled, kept)
    with Builder().with_modules(flow).with_executor("processes", workers=2).build() as driver:
        found = driver.execute(["kept"], inputs={"blocks": 40})["kept"]
        assert [array[-1] for array in found] == list(range(0, 40, 4))
        gc.collect()
        mapped = Path("/proc/self/maps").read_text().count("memfd:anabranch")
        assert mapped <= 10, "who keeps some of a span's results keeps no others"
        found[0][:] = 9
        assert [array[0] for array in found] == [9, *range(4, 40, 4)]


# -- when something dies -------------------------------------------------------------------------------------------


def test_a_killed_worker_leaves_nothing_and_its_results_live_on(executor: ProcessExecutor) -> None:
    array = np.arange(MB)
    shared = Shared(1, array)

    def fall(*_: Any) -> None:
        os.kill(os.getpid(), signal.SIGKILL)

    with executor.lease() as lease:
        found = [ask(lease, lambda n, array: array + n, n, shared) for n in range(3)]
        workers = workers_of(lease)
        inodes = set().union(*map(held, workers))
        lost = [run_one(lease, call(fall, array, shared)) for _ in range(2)]
        assert all(isinstance(message, CallLost) for message in lost)
        assert all(map(gone, workers & {int(one.worker.split()[-1]) for one in lost if isinstance(one, CallLost)}))
        assert all(np.array_equal(one, array + n) for n, one in enumerate(found))
        assert np.array_equal(ask(lease, same, shared), array)
    executor.close()
    mine = held(os.getpid())
    assert held_by_any(inodes) <= mine, "the results"
    del found
    assert not held_by_any(inodes)


DRIVER = textwrap.dedent(
    """
    import os, signal, sys
    import numpy as np
    from anabranch import Builder, Collect, Parallelizable, module_from_functions

    def item(count: int) -> Parallelizable[np.ndarray]:
        for n in range(count):
            yield np.full(200_000, n)

    def result(item: np.ndarray, table: np.ndarray, pipe: str) -> np.ndarray:
        if item[0] == 12:
            os.write(1, f"{os.getpid()} {os.getppid()}\\n".encode())
            os.close(1)
            open(pipe).read()
        return item + table[:200_000]

    def results(result: Collect[np.ndarray]) -> list:
        return list(result)

    flow = module_from_functions(item, result, results)
    driver = Builder().with_modules(flow).with_executor("processes", workers=2, start_method=METHOD).build()
    driver.execute(["results"], {"count": 20, "table": np.arange(2_000_000), "pipe": sys.argv[1]})
    """
)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM])
def test_a_killed_driver_leaves_nothing(method: str, how: signal.Signals, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    shm = set(os.listdir("/dev/shm"))
    with subprocess.Popen(
        [sys.executable, "-c", DRIVER.replace("METHOD", repr(method)), str(tmp_path / "pipe")],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "TMPDIR": str(tmp_path)},
        stdout=subprocess.PIPE,
        text=True,
        cwd=tmp_path,
    ) as driver:
        assert driver.stdout is not None
        worker, parent = map(int, driver.stdout.readline().split())
        listing = [Path(f"/proc/{pid}/task/{pid}/children").read_text() for pid in {parent, driver.pid}]
        pids = {worker, parent, driver.pid, *map(int, " ".join(listing).split())}
        inodes = set().union(*map(held, pids))
        assert len(inodes) >= 3, "there is something that could be left"
        driver.send_signal(how)
        driver.wait(10)
        assert all(map(gone, pids))
    assert not held_by_any(inodes)
    assert {name for name in set(os.listdir("/dev/shm")) - shm if "anabranch" in name} == set()
    assert [path.name for path in tmp_path.iterdir()] == ["pipe"]


# -- when there is no room -----------------------------------------------------------------------------------------

CRAMPED = textwrap.dedent(
    """
    import resource
    import numpy as np
    from anabranch import Builder, Collect, Parallelizable, module_from_functions
    resource.setrlimit(resource.LIMIT, (ROOM, ROOM))

    def item(count: int) -> Parallelizable[np.ndarray]:
        for n in range(count):
            yield np.full(150_000, n)

    def result(item: np.ndarray, table: np.ndarray) -> np.ndarray:
        return item + table[:150_000]

    def kept(result: Collect[np.ndarray]) -> list:
        return list(result)

    flow = module_from_functions(item, result, kept)
    table = np.arange(2_000_000)
    with Builder().with_modules(flow).with_executor("processes", workers=2).build() as driver:
        found = driver.execute(["kept"], {"count": 100, "table": table})["kept"]
    assert all((array == table[:150_000] + n).all() for n, array in enumerate(found))
    print("well")
    """
)


@pytest.mark.parametrize(("limit", "room"), [("RLIMIT_FSIZE", 500_000), ("RLIMIT_NOFILE", 48)])
def test_where_there_is_no_room_values_go_through_sockets(limit: str, room: int) -> None:
    done = subprocess.run(
        [sys.executable, "-c", CRAMPED.replace("LIMIT", limit).replace("ROOM", str(room))],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
        check=False,
        timeout=50,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "well\n", "")
