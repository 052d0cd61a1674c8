"""Full disks, read-only folders, locked indexes, sudden deaths: a clear error, and nothing lost that was committed."""

import os
import random
import signal
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from anabranch.errors import StoreError
from anabranch.store import index

OWN_DISK = ["unshare", "--user", "--map-root-user", "--mount"]


def can_mount() -> bool:
    try:
        return subprocess.run([*OWN_DISK, "true"], capture_output=True, check=False).returncode == 0
    except OSError:
        return False


needs_a_disk = pytest.mark.skipif(not can_mount(), reason="needs a mount namespace of its own")

FILL = """
import sys, os
from anabranch.errors import StoreError
from anabranch.store import Settings, Recipe
from anabranch.store.local import LocalStore
from anabranch.versions import Versions
folder, size = sys.argv[1], int(sys.argv[2])
versions, recipe, stored = Versions(), Recipe("f", b"c" * 20), []
store = LocalStore(Settings(folder, key=b"k" * 32))
for n in range(100_000):
    values = [os.urandom(size) for _ in range(10)]
    keys = [versions.of_data((n, m)) for m in range(10)]
    try:
        store.put_many(recipe, keys, keys, values)
    except StoreError as error:
        print("error:", error, flush=True)
        break
    stored += zip(keys, values)
for again in (store, LocalStore(Settings(folder, key=b"k" * 32))):
    again.forget()
    found = again.get_many(recipe, [key for key, _ in stored])
    assert all(again.load(entry) == value for entry, (_, value) in zip(found, stored, strict=True))
    assert again.get_many(recipe, keys) == [None] * 10, "half a group"
for shard in os.scandir(os.path.join(folder, "blobs")) if size > 4096 else ():
    if shard.name != "new":
        for blob in list(os.scandir(shard.path))[:2]:
            os.unlink(blob.path)
if size <= 4096 and len(sys.argv) > 3:
    os.unlink(sys.argv[3])
store.put_many(recipe, keys[:1], keys[:1], ["again"])
store.forget()
assert store.load(store.get_many(recipe, keys[:1])[0]) == "again"
print("kept", len(stored), flush=True)
store.close()
again.close()
"""


@needs_a_disk
@pytest.mark.parametrize("size", [100, 20_000])
def test_a_full_disk(tmp_path, size):
    script = (
        f"mount -t tmpfs -o size=4m tmpfs {tmp_path} && head -c 100000 /dev/zero > {tmp_path}/ballast && "
        f"{sys.executable} -c '{FILL.replace(chr(39), chr(34))}' {tmp_path}/cache {size} {tmp_path}/ballast"
    )
    done = subprocess.run([*OWN_DISK, "sh", "-c", script], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "the disk is full: free some space" in done.stdout or "the disk is full; free some space" in done.stdout
    assert int(done.stdout.split()[-1]) >= 50


LIMIT = """
import resource, signal
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, 1 << 20))
"""


def test_a_file_that_may_not_be_that_large(tmp_path):
    code = LIMIT + FILL.replace("20_000", "0").split("for shard")[0] + "print('kept', len(stored))"
    done = subprocess.run([sys.executable, "-c", code, tmp_path / "cache", "100"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "error: the cache index" in done.stdout
    big = LIMIT + (
        "import sys\nfrom anabranch.store import *\nfrom anabranch.store.local import LocalStore\nstore = LocalStore(Settings(sys.argv[1], key=b'k' * 32))\n"
        "store.put_many(Recipe('f', b'c' * 20), [b'1' * 20], [b'1' * 20], [b'x' * (1 << 21)])"
    )
    done = subprocess.run([sys.executable, "-c", big, tmp_path / "other"], capture_output=True, text=True, check=False)
    assert "StoreError: a cached value cannot be written to" in done.stderr
    assert "a file may not be that large" in done.stderr
    assert list((tmp_path / "other" / "blobs" / "new").iterdir()) == []


READ_ONLY = """
import sys
from anabranch.errors import StoreError
from anabranch.store import *
from anabranch.store.local import LocalStore
try:
    with LocalStore(Settings(sys.argv[1], key=b"k" * 32)) as store:
        print(store.load(store.get_many(Recipe("f", b"c" * 20), [b"1" * 20])[0]), flush=True)
        store.put_many(Recipe("f", b"c" * 20), [b"2" * 20], [b"2" * 20], ["two"])
except StoreError as error:
    print(error)
"""


@needs_a_disk
@pytest.mark.parametrize("there", [False, True])
def test_a_read_only_folder(tmp_path, open_store, there):
    if there:
        with open_store() as store:
            store.put_many(index.Recipe("f", b"c" * 20), [b"1" * 20], [b"1" * 20], ["one"])
    disk = f"mount --bind {tmp_path} {tmp_path} && mount -o remount,bind,ro {tmp_path} && "
    done = subprocess.run(
        [*OWN_DISK, "sh", "-c", f"{disk} {sys.executable} -c '{READ_ONLY}' {tmp_path}/cache"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert lines[:-1] == (["one"] if there else []), "what is there can be read"
    assert "read-only" in lines[-1]


def test_a_stranger_who_locks_the_index(open_store, helper, monkeypatch):
    monkeypatch.setattr(index, "PATIENCE", 0.05)
    store = open_store()
    helper.put(store, {1: "one"})
    stranger = sqlite3.connect(store.index.path, isolation_level=None)
    stranger.execute("BEGIN IMMEDIATE")
    with pytest.raises(StoreError, match="locked by another program"):
        helper.put(store, {2: "two"})
    store.forget()
    assert helper.get(store, [1, 2]) == ["one", None], "reading goes on"
    stranger.execute("ROLLBACK")
    stranger.close()
    helper.put(store, {2: "two"})
    assert helper.get(open_store(), [1, 2]) == ["one", "two"]


WRITE = """
import sys
from anabranch.store import Settings, Recipe
from anabranch.store.local import LocalStore
from anabranch.versions import Versions
versions, recipe = Versions(), Recipe("f", b"c" * 20)
store = LocalStore(Settings(sys.argv[1], key=b"k" * 32))
first = int(sys.argv[2])
for n in range(first, first + 100_000):
    keys = [versions.of_data((n, m)) for m in range(5)]
    values = [(n, m, b"x" * (9000 if m == 4 else 10)) for m in range(5)]
    store.put_many(recipe, keys, keys, values)
    print(n, flush=True)
"""


def test_what_was_committed_survives_any_sudden_death(tmp_path, open_store, helper):
    from anabranch.versions import Versions

    draw, versions, committed = random.Random(3), Versions(), []
    for round in range(12):
        first = round * 100_000
        writer = subprocess.Popen([sys.executable, "-c", WRITE, tmp_path / "cache", str(first)], stdout=subprocess.PIPE)
        for _ in range(draw.randint(1, 15)):
            committed.append(int(writer.stdout.readline()))
        for _ in range(draw.randint(0, 20_000)):
            pass
        writer.send_signal(signal.SIGKILL)
        committed += [int(line) for line in writer.communicate()[0].split(b"\n") if line.endswith(b"0") or line.isdigit()]
        with open_store() as store:
            for n in committed:
                keys = [versions.of_data((n, m)) for m in range(5)]
                assert [store.load(entry)[:2] for entry in store.get_many(None, keys)] == [(n, m) for m in range(5)]


def test_drivers_that_share_one_folder(tmp_path, open_store):
    writers = [
        subprocess.Popen(
            [sys.executable, "-c", WRITE.replace("100_000", "150"), tmp_path / "cache", str(first)], stdout=subprocess.DEVNULL
        )
        for first in (0, 0, 75, 300)
    ]
    assert [writer.wait(60) for writer in writers] == [0] * 4
    from anabranch.versions import Versions

    versions, store = Versions(), open_store()
    for n in [*range(225), *range(300, 450)]:
        keys = [versions.of_data((n, m)) for m in range(5)]
        assert [store.load(entry)[:2] for entry in store.get_many(None, keys)] == [(n, m) for m in range(5)]
    assert not list(os.listdir(Path(tmp_path / "cache" / "blobs" / "new")))
