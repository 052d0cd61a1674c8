"""The folder for what an engine writes: it goes with its process, and so do the processes that write there."""

from __future__ import annotations

import os
import select
import subprocess
import sys

import pytest

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="where there is /proc")

SCRIPT = """
import os, subprocess, sys
from anabranch_executors.scratch import Scratch

scratch = Scratch()
said = {"stdout": subprocess.PIPE, "stdin": int(sys.argv[1]), "start_new_session": True}
for name in (os.path.join(scratch.path, "log"), os.devnull):
    with open(name, "w") as log:
        process = subprocess.Popen([sys.executable, "-c", "input()"], stderr=log, **said)
    print(process.pid)
print(scratch.path, flush=True)
if sys.argv[2] == "closed":
    scratch.close()
else:
    os.kill(os.getpid(), 9)
"""


@pytest.mark.parametrize("end", ["killed", "closed"])
def test_processes_that_write_there_end_with_one_that_is_killed_and_others_do_not(end):
    reads, writes = os.pipe()
    try:
        line = [sys.executable, "-c", SCRIPT, str(reads), end]
        done = subprocess.run(line, stdout=subprocess.PIPE, text=True, pass_fds=[reads], check=False)
        writer, other, folder = done.stdout.split()
        watched = os.pidfd_open(int(other))
        if end == "killed":
            wait_for_the_end(int(writer))
        else:
            os.close(os.pidfd_open(int(writer)))  # it is there
        assert not _ended(watched)
        os.close(watched)
        if end == "closed":
            assert not os.path.exists(folder)
    finally:
        os.close(writes)  # the others end too
        os.close(reads)


def wait_for_the_end(pid: int) -> None:
    try:
        watched = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    assert select.select([watched], [], [], 20)[0]
    os.close(watched)


def _ended(watched: int) -> bool:
    return bool(select.select([watched], [], [], 0)[0])
