"""The driver dies of SIGKILL, at any moment: what it had started ends with it, and what it had written is gone."""

from __future__ import annotations

import os
import random
import re
import shutil
import subprocess
import sys
import tempfile
import time
import uuid
from pathlib import Path

import pytest

pytestmark = [pytest.mark.skipif(sys.platform != "linux", reason="where there is /proc"), pytest.mark.timeout(1800)]

SCRIPT = """
import sys
from anabranch import Builder, Collect, Parallelizable, module_from_functions

def item(n: int) -> Parallelizable[int]:
    yield from range(n)

def block(item: int) -> bytes:
    return bytes([item]) * 2_000_000

def size(block: Collect[bytes]) -> int:
    return sum(map(len, block))

builder = Builder().with_modules(module_from_functions(item, block, size)).with_executor(sys.argv[1], workers=2)
with builder.build() as driver:
    while True:
        assert driver.execute(["size"], {"n": 20}) == {"size": 40_000_000}
        print("once", flush=True)
"""

PATIENCE = 30.0
"""Seconds after which what should be gone is not; the promise is 2, and how long it took is told."""

MARK = "ANABRANCH_TEST_DRIVER"


class Life:
    """A driver in a process of its own, and what is there because of it."""

    def __init__(self, executor: str) -> None:
        self.mark = uuid.uuid4().hex
        self.folder = tempfile.mkdtemp(prefix="d-", dir="/tmp")
        self.segments: set[str] = set()
        self.sessions = set(Path("/tmp/ray").glob("session_*"))
        environment = {**os.environ, MARK: self.mark, "TMPDIR": self.folder}
        line = [sys.executable, "-c", SCRIPT, executor]
        self.process = subprocess.Popen(line, env=environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)

    def end(self) -> float:
        """Kills it; returns how many seconds later all is gone."""
        for pid in self.processes():
            self.segments.update(re.findall(r"(/dev/shm/\S+)(?! \(deleted\))$", read(f"/proc/{pid}/maps"), re.MULTILINE))
        self.process.kill()
        began = time.monotonic()
        self.process.communicate()
        while (left := self.left()) and time.monotonic() < began + PATIENCE:
            time.sleep(0.05)  # nothing tells when processes end that are not ours
        seconds = time.monotonic() - began
        shutil.rmtree(self.folder)
        assert not left, left
        return seconds

    def left(self) -> list[str]:
        """What there still is."""
        files = [os.path.join(self.folder, name) for name in os.listdir(self.folder)]
        files += [str(path) for path in Path("/tmp/ray").glob(f"session_*_{self.process.pid}") if path not in self.sessions]
        return [*map(command, self.processes()), *files, *filter(os.path.exists, self.segments)]

    def processes(self) -> list[int]:
        """Those that have inherited the mark."""
        wanted = f"{MARK}={self.mark}".encode()
        return [pid for pid in map(int, filter(str.isdigit, os.listdir("/proc"))) if wanted in environment_of(pid)]


def read(path: str) -> str:
    try:
        return Path(path).read_text()
    except OSError:
        return ""


def environment_of(pid: int) -> bytes:
    try:
        return Path(f"/proc/{pid}/environ").read_bytes()
    except OSError:
        return b""


def command(pid: int) -> str:
    return f"{pid}: {read(f'/proc/{pid}/cmdline')}".replace("\0", " ")


def check_deaths(executor: str, times: int, seed: int, record_property) -> None:
    """So many drivers are killed, the first when it has done something, the others whenever."""
    moments = random.Random(seed)
    slowest, usual = 0.0, 0.0
    for number in range(times):
        life = Life(executor)
        began = time.monotonic()
        if not number:
            assert life.process.stdout.readline() == b"once\n"
            usual = time.monotonic() - began
        else:
            time.sleep(moments.uniform(0, 1.5 * usual))
        slowest = max(slowest, life.end())
    record_property(f"drivers killed on {executor}", times)
    record_property("seconds until all was gone, at most", round(slowest, 2))


def test_nothing_outlives_a_driver_on_processes(record_property):
    check_deaths("processes", 5, 1, record_property)


@pytest.mark.parametrize("executor", ["ray", "dask"])
def test_nothing_outlives_a_driver_on(executor, record_property):
    pytest.importorskip("distributed" if executor == "dask" else executor)
    check_deaths(executor, 1, 2, record_property)


@pytest.mark.slow
@pytest.mark.parametrize("executor", ["processes", "ray", "dask"])
def test_nothing_outlives_fifty_drivers_on(executor, record_property):
    pytest.importorskip("distributed" if executor == "dask" else "ray")
    check_deaths(executor, 50, 3, record_property)
