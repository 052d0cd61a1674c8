"""Nobody computes what somebody else is computing, and the dead hold nobody up."""

import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from anabranch.errors import InternalError
from anabranch.store.claims import Lock, is_free

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="needs flock")


def test_each_key_is_claimed_once(open_store, helper):
    store, other = open_store(), open_store()
    keys = helper.keys(range(6))
    with store.claim(keys[:4]) as first, other.claim(keys[2:]) as second:
        assert first.mine == set(keys[:4])
        assert second.mine == set(keys[4:])
        with other.claim(keys) as third:
            assert third.mine == set()
    with store.claim(keys) as again:
        assert again.mine == set(keys)
    assert store.index.claimants() == []
    assert list(Path(store.folder, "claims").iterdir()) == []


def test_storing_gives_the_claim_up(open_store, helper):
    store = open_store()
    claim = store.claim(helper.keys([1]))
    helper.put(store, {1: "one"}, claim=claim)
    assert store.index.claimants() == []
    assert list(Path(store.folder, "claims").iterdir()) == []
    claim.end()


def test_waiting_ends_when_the_others_are_done(open_store, helper):
    store, other = open_store(), open_store()
    keys = helper.keys(range(2))
    first = store.claim(keys[:1])
    second = other.claim(keys)
    with pytest.raises(InternalError, match="not given up"):
        second.wait()
    helper.put(other, {1: "second"}, claim=second)
    waited = []

    def wait():
        second.wait()
        waited.append(helper.get(other, [0, 1]))

    thread = threading.Thread(target=wait)
    thread.start()
    thread.join(0.05)
    assert not waited
    helper.put(store, {0: "first"}, claim=first)
    thread.join()
    assert waited == [["first", "second"]]


def test_giving_up_without_a_result_lets_others_claim(open_store, helper):
    store, other = open_store(), open_store()
    with pytest.raises(ZeroDivisionError), store.claim(helper.keys([1])):
        raise ZeroDivisionError
    with other.claim(helper.keys([1])) as claim:
        assert len(claim.mine) == 1


HOLD = """
import os, sys
from anabranch.store import Settings
from anabranch.store.local import LocalStore
store = LocalStore(Settings(sys.argv[1], key=b"k" * 32))
claim = store.claim([bytes.fromhex(sys.argv[2])])
print(len(claim.mine), flush=True)
if sys.argv[3] == "fork" and not os.fork():
    os.close(1)
    sys.stdin.read()
    os._exit(0)
sys.stdin.read()
"""


@pytest.mark.parametrize("how", ["alone", "fork"])
def test_the_claim_of_a_killed_process_is_no_claim(open_store, helper, how):
    store = open_store()
    (key,) = helper.keys([1])
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLD, store.folder, key.hex(), how], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    try:
        assert holder.stdout.readline() == b"1\n"
        with store.claim([key]) as claim:
            assert not claim.mine
        waiter = threading.Thread(target=claim.wait)
        waiter.start()
        waiter.join(0.05)
        assert waiter.is_alive()
        holder.kill()
        waiter.join(10)
        assert not waiter.is_alive(), "a forked child must not keep its parent's claim"
        with store.claim([key]) as again:
            assert again.mine == {key}
        assert store.index.claimants() == []
    finally:
        holder.kill()
        holder.communicate()


COUNT = """
import os, sys, random
from anabranch.store import Settings, Recipe
from anabranch.store.local import LocalStore
from anabranch.versions import Versions
folder, log, seed = sys.argv[1:]
R = Recipe("f", b"c" * 20)
versions = Versions()
keys = [versions.of_data(n) for n in range(60)]
random.seed(seed)
with LocalStore(Settings(folder, key=b"k" * 32)) as store:
    wanted = keys[:]
    random.shuffle(wanted)
    while wanted:
        some = wanted[: random.randint(1, 12)]
        found = store.get_many(R, some)
        missing = [key for key, entry in zip(some, found) if entry is None]
        if missing:
            with store.claim(missing) as claim:
                mine = [key for key, entry in zip(missing, store.get_many(R, missing)) if entry is None and key in claim.mine]
                for key in mine:
                    with open(log, "a") as file:
                        file.write(key.hex() + "\\n")
                if mine:
                    store.put_many(Recipe("f", b"c" * 20), mine, mine, [key * 3 for key in mine], claim=claim)
            claim.wait()
            continue
        assert [store.load(entry) for entry in found] == [key * 3 for key in some]
        wanted = wanted[len(some):]
"""


def test_eight_processes_compute_everything_exactly_once(tmp_path):
    arguments = [str(tmp_path / "cache"), str(tmp_path / "log")]
    running = [subprocess.Popen([sys.executable, "-c", COUNT, *arguments, str(seed)]) for seed in range(8)]
    assert [process.wait(60) for process in running] == [0] * 8
    lines = (tmp_path / "log").read_text().split()
    assert len(lines) == len(set(lines)) == 60


def test_computing_goes_on_when_one_of_them_is_killed(tmp_path):
    arguments = [str(tmp_path / "cache"), str(tmp_path / "log")]
    running = [subprocess.Popen([sys.executable, "-c", COUNT, *arguments, str(seed)]) for seed in range(4)]
    log = Path(arguments[1])
    while not log.exists() and running[0].poll() is None:
        pass
    running[0].send_signal(signal.SIGKILL)
    assert [process.wait(60) for process in running[1:]] == [0] * 3
    running[0].wait()
    assert len(set(log.read_text().split())) == 60


def test_a_lock_is_held_until_it_ends(tmp_path):
    lock = Lock(str(tmp_path / "lock"))
    assert not is_free(lock.path)
    lock.end()
    lock.end()
    assert is_free(lock.path)
    assert not os.path.exists(lock.path)
