"""Faults on purpose, and what is written down of them."""

from __future__ import annotations

import os
import pickle
import signal
import subprocess
import sys
import threading
from multiprocessing import get_context

import pytest

from anabranch import Builder, Collect, InputError, Parallelizable, WorkerLost, module_from_functions
from anabranch.markers import mark
from anabranch.testing import Chaos, Killer, interpret
from anabranch.testing.chaos import Spared
from anabranch.testing.deeds import DEADLY, DEEDS, FAULTS, GATED, Struck
from anabranch.testing.diary import Diary, Entry, Worker
from anabranch.testing.gate import Gate, pass_gate


def item(n: int) -> Parallelizable[int]:
    yield from range(n)


def work(item: int) -> int:
    """Squares."""
    return item * item


def rows(work: Collect[int]) -> list[int]:
    return work


FLOW = module_from_functions(item, work, rows)


def run(chaos, n=5, executor="sequential", **faults):
    with chaos.build(Builder().with_modules(FLOW).with_executor(executor)) as driver:
        return driver.run(["rows"], {"n": n}, **faults)


# -- the plan ------------------------------------------------------------------------------------------------------


def test_nothing_befalls_who_is_not_in_the_plan(tmp_path):
    with Chaos(tmp_path) as chaos:
        assert run(chaos).results == {"rows": [0, 1, 4, 9, 16]}
        assert chaos.calls() == []


def test_a_word_stands_for_every_attempt_and_a_list_for_as_many_as_it_has(tmp_path):
    with Chaos(tmp_path, {("work", (1,)): "raise", ("work", (3,)): ["raise", "ok", "raise"]}) as chaos:
        for expected in ([0, 4, 16], [0, 4, 9, 16], [0, 4, 16], [0, 4, 9, 16]):
            assert run(chaos, on_error="skip").results == {"rows": expected}
        assert chaos.attempts()["work", (3,)] == 4


def test_what_is_raised_says_where(tmp_path):
    with Chaos(tmp_path, {("work", (2,)): "raise"}) as chaos, pytest.raises(Struck, match=r"'work'\[2\] failed by plan"):
        run(chaos)


def test_calls_of_watched_functions_are_written_down_in_order(tmp_path):
    with Chaos(tmp_path, watch=["work", "rows"]) as chaos:
        run(chaos, 2)
        assert chaos.calls() == [Entry("work", (0,), os.getpid()), Entry("work", (1,), os.getpid()), Entry("rows", (), os.getpid())]


@pytest.mark.parametrize("fault", sorted(DEADLY))
def test_the_process_that_drives_the_run_is_spared(tmp_path, fault):
    with Chaos(tmp_path, {("work", (2,)): fault}) as chaos, pytest.raises(Spared, match=fault):
        run(chaos)


@pytest.mark.parametrize(("fault", "reason"), [("kill", "SIGKILL"), ("oom", "SIGKILL"), ("segfault", "SIGSEGV"), ("exit", "exit code 3")])
def test_a_worker_is_really_ended(tmp_path, fault, reason):
    with Chaos(tmp_path, {("work", (2,)): fault}) as chaos:
        found = run(chaos, executor="processes", on_error="skip", deaths=1)
        assert found.results == {"rows": [0, 1, 9, 16]}
        (failure,) = found.failures
        assert (failure.node, failure.item, type(failure.exception)) == ("work", (2,), WorkerLost)
        assert reason in str(failure.exception)


def test_a_list_of_faults_is_counted_across_processes(tmp_path):
    with Chaos(tmp_path, {("work", (2,)): ["kill", "exit"]}) as chaos:
        found = run(chaos, executor="processes")
        assert found.results == {"rows": [0, 1, 4, 9, 16]}
        assert not found.failures
        assert chaos.attempts()["work", (2,)] == 3
        assert len({entry.pid for entry in chaos.calls() if entry.item == (2,)}) == 3


def test_what_hangs_goes_on_when_it_is_released(tmp_path):
    with Chaos(tmp_path, {("work", (0,)): "hang"}) as chaos, Builder().with_modules(FLOW).with_executor("threads").build():
        done = []
        thread = threading.Thread(target=lambda: done.append(run(chaos).results))
        thread.start()
        thread.join(0.2)
        assert not done
        chaos.release()
        thread.join(30)
        assert done == [{"rows": [0, 1, 4, 9, 16]}]


def test_a_module_with_faults_is_a_flow_like_the_module(tmp_path):
    with Chaos(tmp_path, {("work", (1,)): "raise"}) as chaos:
        module = chaos.module(FLOW)
        with Builder().with_modules(module).build() as driver:
            assert driver.execute(["rows"], {"n": 4}, on_error="skip") == {"rows": [0, 4, 9]}
            assert driver.graph.nodes["work"].doc == "Squares."
            assert driver.graph.nodes["work"].origin == Builder().with_modules(FLOW).build().graph.nodes["work"].origin
        assert FLOW.work is work


def test_the_oracle_takes_a_graph_with_faults(tmp_path):
    with Chaos(tmp_path, {("work", (1,)): "raise"}) as chaos:
        graph = chaos.graph(Builder().with_modules(FLOW).build().graph)
        assert interpret(graph, ["rows"], {"n": 4}, {}, "skip") == {"rows": [0, 4, 9]}


def test_a_function_that_asks_for_its_item_is_told_it(tmp_path):
    def place(item: int, at: tuple[int, ...] = ()) -> tuple[int, ...]:
        return at

    module = module_from_functions(item, mark(place, item="at"))
    with Chaos(tmp_path, {("place", (1,)): "raise"}) as chaos, chaos.build(Builder().with_modules(module)) as driver:
        assert driver.execute(["place"], {"n": 3}, on_error="skip") == {"place": [(0,), (2,)]}


def test_a_function_outside_of_any_fan_out_has_no_indices(tmp_path):
    with Chaos(tmp_path, {("rows", ()): ["raise"]}) as chaos:
        with pytest.raises(Struck):
            run(chaos)
        assert run(chaos).results == {"rows": [0, 1, 4, 9, 16]}


def test_what_there_is_not_is_said(tmp_path):
    with pytest.raises(InputError, match="no fault 'kil'; did you mean 'kill'"):
        Chaos(tmp_path, {("work", ()): "kil"})
    with Chaos(tmp_path, {("wrok", ()): "kill"}) as chaos:
        with pytest.raises(InputError, match="'wrok'.*did you mean 'work'"):
            chaos.build(Builder().with_modules(FLOW))
        with pytest.raises(InputError, match="'wrok'"):
            chaos.module(FLOW)


def test_each_fault_is_done():
    assert set(FAULTS) == {*DEEDS, *GATED, "ok"}
    for fault, reason in (("unpicklable", TypeError), ("unloadable", Struck)):
        with pytest.raises(reason):
            pickle.loads(pickle.dumps(DEEDS[fault]("")))
    with pytest.raises(Exception) as caught:
        DEEDS["foreign"]("here")
    with pytest.raises(Struck):
        pickle.loads(pickle.dumps(caught.value))


# -- the diary -----------------------------------------------------------------------------------------------------


def _begin_often(diary, times):
    for _ in range(times):
        diary.begin("f", (1, 2))


def test_attempts_are_counted_once_whoever_else_writes(tmp_path):
    diary = Diary(str(tmp_path))
    context = get_context("forkserver")
    others = [context.Process(target=_begin_often, args=(diary, 50)) for _ in range(3)]
    for other in others:
        other.start()
    mine = [diary.begin("f", (1, 2)) for _ in range(50)]
    for other in others:
        other.join()
    assert mine == sorted(set(mine))
    assert diary.begin("f", (1, 2)) == 201
    assert diary.begin("f", (1,)) == diary.begin("f2", (1, 2)) == 1
    assert len({entry.pid for entry in diary.calls()}) == 4


def test_processes_are_known_as_long_as_they_live(tmp_path):
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    try:
        mine, worker = Worker.this(), Worker(child.pid, 0)
        assert mine.is_alive
        assert not worker.is_alive, "it did not begin at that time"
        assert not worker.kill()
        assert child.poll() is None
    finally:
        child.kill()
        child.communicate()
    assert not Worker(child.pid, 0).kill()


# -- the killer ----------------------------------------------------------------------------------------------------


def test_workers_are_struck_and_the_answer_is_right(tmp_path):
    with Chaos(tmp_path, watch=["work"]) as chaos, Killer(chaos.workers, every=0.05, seed=3, most=5) as killer:
        found = run(chaos, 3000, "processes", deaths=10)
        assert found.results == {"rows": [n * n for n in range(3000)]}
    assert os.getpid() not in {worker.pid for worker in killer.struck}
    assert not any(worker.is_alive for worker in killer.struck)


def test_a_killer_rests_after_so_many():
    children = [subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) for _ in range(3)]
    try:
        from anabranch.testing.diary import _began

        workers = [Worker(child.pid, _began(child.pid)) for child in children]
        with Killer(lambda: [worker for worker in workers if worker.is_alive], every=0.01, most=2) as killer:
            killer._thread.join(30)
        ended = [child for child in children if child.pid in {worker.pid for worker in killer.struck}]
        assert [child.wait() for child in ended] == [-signal.SIGKILL] * 2
        assert [child.poll() for child in children if child not in ended] == [None]
    finally:
        for child in children:
            child.kill()
            child.communicate()


def test_the_same_seed_strikes_at_the_same_times():
    first, second = (Killer(list, seed=5)._random.uniform(0, 1) for _ in range(2))
    assert first == second


# -- the gate ------------------------------------------------------------------------------------------------------


def test_a_gate_holds_until_it_is_opened(tmp_path):
    gate = Gate(str(tmp_path / "gate"))
    passed = threading.Event()
    thread = threading.Thread(target=lambda: (pass_gate(gate.path), passed.set()))
    thread.start()
    assert not passed.wait(0.1)
    gate.open()
    assert passed.wait(30)
    thread.join()
    gate.open()


def test_a_gate_is_open_when_its_keeper_is_dead(tmp_path):
    code = "import sys; from anabranch.testing.gate import Gate; Gate(sys.argv[1]); print(flush=True); input()"
    path = str(tmp_path / "gate")
    with subprocess.Popen([sys.executable, "-c", code, path], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as keeper:
        keeper.stdout.readline()
        thread = threading.Thread(target=pass_gate, args=(path,))
        thread.start()
        thread.join(0.1)
        keeper.kill()
        thread.join(30)
        assert not thread.is_alive()
