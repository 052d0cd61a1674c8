"""What workers write down of their calls, and what can be told from it when they are dead."""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import sys
from multiprocessing import get_context

import pytest

from anabranch_executors.notes import PATIENCE, Loss, Note, Notes, Slate, begin, end, named

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="where there is /proc")


@pytest.fixture
def notes():
    notes = Notes(are_kept=True)
    yield notes
    notes.close()


def in_worker(function, *arguments):
    """Runs it in another process; returns how that ended."""
    process = get_context("forkserver").Process(target=function, args=arguments)
    process.start()
    process.join(30)
    return process


def run_two(first, second):
    begin(first)
    end(first)
    begin(second)
    os.kill(os.getpid(), signal.SIGKILL)


def test_a_call_that_runs_is_what_its_worker_died_of_and_others_are_not(notes):
    process = in_worker(run_two, notes.of(0), notes.of(1))
    assert process.exitcode == -signal.SIGKILL
    notes.answered(0)
    assert notes.lost(0) == Loss(False, "", named(process.pid))
    assert notes.lost(1) == Loss(True, "", named(process.pid))
    assert notes.lost(2) == Loss(False)


def test_who_cannot_write_is_not_taken_for_one_who_has_not_begun(notes):
    assert notes.lost(5) == Loss(True)
    notes.answered(4)
    assert notes.lost(5) == Loss(True), "an answered call was not written down"
    begin(notes.of(6))
    notes.answered(6)
    assert notes.lost(5) == Loss(False)


def test_patience_with_workers_that_die_before_they_begin_ends(notes):
    begin(notes.of(0))
    notes.answered(0)
    assert [notes.lost(1).charged for _ in range(PATIENCE + 1)] == [False] * PATIENCE + [True]
    notes.answered(0)
    assert not notes.lost(1).charged


def confess_and(note, how):
    begin(note, confess=True)
    if how == "exit":
        os._exit(7)
    if how == "child":
        if not os.fork():
            os._exit(9)
        os.wait()
        os.kill(os.getpid(), signal.SIGKILL)
    if how == "abort":
        os.abort()
    ctypes.string_at(0)


@pytest.mark.parametrize(
    ("how", "reason"),
    [("exit", "exit code 7"), ("child", ""), ("abort", "killed by SIGABRT in confess_and"), ("segfault", "killed by SIGSEGV in string_at")],
)
def test_a_process_that_confesses_says_how_it_ends(notes, how, reason, capfd):
    process = in_worker(confess_and, notes.of(3), how)
    charged, said, worker, overdue = notes.lost(3)
    assert (charged, worker, overdue) == (True, named(process.pid), None)
    assert said.startswith(reason)
    assert bool(said) == bool(reason)


def limited_and(note, done):
    slate = Slate(note)
    begin(note, confess=True)
    slate.write("parsed", (3, 1), -0.5 if done == "late" else 1000.0)
    if done == "ended":
        slate.wipe()
    os.kill(os.getpid(), signal.SIGKILL)


@pytest.mark.parametrize("done", ["late", "in time", "ended"])
def test_a_call_whose_time_was_up_is_told_from_other_losses(notes, done):
    process = in_worker(limited_and, notes.of(7), done)
    found = notes.lost(7)
    assert (found.charged, found.worker) == (True, named(process.pid))
    if done == "late":
        assert (found.overdue.node, found.overdue.where, found.overdue.seconds) == ("parsed", (3, 1), -0.5)
        assert found.reason.startswith("'parsed' took longer than its timeout")
    else:
        assert found == Loss(True, "", named(process.pid))


def test_without_workers_on_this_machine_nothing_is_noted():
    notes = Notes(are_kept=False)
    assert notes.of(0) is None
    begin(None)
    end(None)
    notes.answered(0)
    assert notes.lost(0) == Loss(True)
    notes.close()


def test_a_driver_that_has_gone_is_not_written_to(notes, tmp_path):
    begin(Note("/proc/1/fd/999999", "token", 0))
    path = tmp_path / "file"
    path.write_text("mine")
    begin(Note(str(path), "token", 0))
    end(Note(str(path), "token", 0))
    assert path.read_text() == "mine"


def test_what_was_closed_answers_nothing(notes):
    begin(notes.of(0))
    notes.close()
    notes.close()
    assert notes.of(1) is None
    assert notes.lost(0) == Loss(True)


def test_files_of_leases_that_are_over_are_closed():
    code = """
import os
from anabranch_executors.notes import Notes, begin
before = len(os.listdir("/proc/self/fd"))
for _ in range(40):
    notes = Notes(are_kept=True)
    begin(notes.of(0), confess=True)
    notes.close()
print(len(os.listdir("/proc/self/fd")) - before)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert int(done.stdout) <= 10
