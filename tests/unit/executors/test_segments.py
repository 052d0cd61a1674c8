"""Segments and the lanes of their readers, without workers: what is shared, what is private, when memory is written again."""

from __future__ import annotations

import array
import gc
import os
import random
import resource
import socket
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from by_hand import open_files

from anabranch_executors.processes.lane import Lane
from anabranch_executors.processes.segments import (
    FULL,
    KEPT_BYTES,
    KEPT_SEGMENTS,
    LARGE,
    MOST,
    SHARED,
    Body,
    Reader,
    Store,
    groups,
    laid,
)
from anabranch_executors.processes.wire import Inbox, Kind, Outbox

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="there are such files on Linux only")


def numbers() -> set[str]:
    return set(os.listdir("/proc/self/fd"))


def mappings() -> int:
    return Path("/proc/self/maps").read_text().count("memfd:anabranch")


@pytest.fixture(autouse=True)
def nothing_stays_open() -> Iterator[None]:
    before, mapped = open_files(), mappings()
    yield
    gc.collect()
    assert open_files() <= before
    assert mappings() <= mapped


def read(reader: Reader, *lengths: int, writable: bool = False) -> list[memoryview]:
    return laid(reader.fd, lengths, writable=writable)


def inode(body: Body) -> int:
    """Which file the first frames are in."""
    return os.fstat(body.readers[0].fd).st_ino


# -- which frames go together --------------------------------------------------------------------------------------


def test_groups_hold_every_frame_in_order_and_are_few() -> None:
    draw = random.Random(5)
    for _ in range(200):
        lengths = [int(draw.lognormvariate(9, 4)) * draw.randint(0, 1) for _ in range(draw.randint(0, 200))]
        found = groups(lengths)
        stop = found[-1].stop if found else 0
        assert [n for group in found for n in group] == list(range(stop))
        assert not sum(lengths[stop:]), "what is left is empty"
        assert len(found) <= MOST + 2
        assert all(sum(lengths[n] for n in group) >= min(FULL, sum(lengths)) for group in found[:-1])


def test_large_frames_stand_alone() -> None:
    assert groups([100, 8 * FULL, 8 * FULL, 50, 8 * FULL]) == [range(2), range(2, 3), range(3, 5)]
    assert groups([FULL // 4] * 9) == [range(4), range(4, 8), range(8, 9)]
    assert groups([]) == groups([0, 0]) == []


# -- laying and reading --------------------------------------------------------------------------------------------


def test_what_is_laid_is_read() -> None:
    draw, store = random.Random(5), Store()
    for _ in range(20):
        sizes = [draw.choice([0, 1, 63, 64, 65, 5000, 300_000, FULL, 3 * FULL]) for _ in range(draw.randint(1, 40))]
        frames = [draw.randbytes(size) for size in sizes]
        body = store.lay(frames)
        assert body.lengths == sizes
        assert bool(body.readers) == (sum(sizes) >= LARGE)
        for given in (0, len(body.readers)):
            beside = body.beside(given)
            assert beside == frames[len(frames) - len(beside) :]
        assert body.beside(0) == frames


def test_frames_of_any_kind_are_laid_and_lie_at_aligned_places() -> None:
    numbers = array.array("d", range(100_000))
    frames = [b"x", bytearray(LARGE), memoryview(numbers).cast("B")]
    (reader,) = Store().lay(frames).readers
    views = read(reader, 1, LARGE, 800_000)
    assert views == frames
    numpy = pytest.importorskip("numpy")
    assert all(numpy.frombuffer(view, "u1").ctypes.data % 64 == 0 for view in views)


def test_small_bodies_are_not_laid() -> None:
    store = Store()
    assert store.lay([bytes(LARGE - 1)]).readers == ()
    assert store.lay([bytes(SHARED)], SHARED).readers
    body = store.lay([bytes(FULL), b"a few bytes more"])
    assert (len(body.readers), body.rest) == (1, [b"a few bytes more"])


def test_a_reader_cannot_write_and_what_is_written_to_its_memory_is_its_own() -> None:
    (reader,) = Store().lay([bytes(FULL)]).readers
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.pwrite(reader.fd, b"!", 0)
    (fixed,), (own,) = read(reader, FULL), read(reader, FULL, writable=True)
    assert fixed.readonly
    assert not own.readonly
    own[0] = 7
    assert (own[0], fixed[0], read(reader, FULL)[0][0]) == (7, 0, 0)


def test_memory_lives_as_long_as_any_view_of_it() -> None:
    body = Store().lay([b"a" * FULL])
    (view,) = read(body.readers[0], FULL)
    part = view[100:200][::2]
    del body, view
    assert bytes(part) == b"a" * 50
    assert mappings() == 1
    del part
    assert mappings() == 0


def test_a_mapping_holds_no_descriptor() -> None:
    body = Store().lay([bytes(FULL)])
    before = open_files()
    views = [read(body.readers[0], FULL) for _ in range(50)]
    assert open_files() <= before
    del views


# -- writing again -------------------------------------------------------------------------------------------------


def test_a_segment_is_written_again_when_nobody_reads_it() -> None:
    store = Store()
    first = store.lay([b"1" * FULL])
    used = inode(first)
    (view,) = read(first.readers[0], FULL)
    del first
    second = store.lay([b"2" * FULL])
    assert inode(second) != used, "it is mapped"
    assert bytes(view) == b"1" * FULL
    del view
    third = store.lay([b"3" * FULL])
    assert inode(third) == used
    assert read(third.readers[0], FULL) == [b"3" * FULL]
    assert read(second.readers[0], FULL) == [b"2" * FULL]


def test_a_reader_under_way_or_in_another_process_is_a_reader() -> None:
    store = Store()
    body = store.lay([b"1" * FULL])
    used = inode(body)
    here, there = map(Lane, socket.socketpair())
    with closing(here), closing(there):
        here.give(body.readers[0].fd)
        del body
        assert inode(store.lay([bytes(FULL)])) != used, "under way"
        with there.take() as fd:
            child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE, pass_fds=[fd])
        assert inode(store.lay([bytes(FULL)])) != used, "in another process"
        child.kill()
        child.communicate()
        found = {inode(body) for body in [store.lay([bytes(FULL)]) for _ in range(3)]}
        assert used in found


def test_what_is_kept_is_bounded() -> None:
    store, before = Store(), open_files()
    bodies = [store.lay([bytes(FULL)]) for _ in range(KEPT_SEGMENTS + 20)]
    assert len(store._kept) == min(KEPT_SEGMENTS, resource.getrlimit(resource.RLIMIT_NOFILE)[0] // 8)
    bodies.append(store.lay([bytes(KEPT_BYTES - FULL * 4)]))
    assert sum(segment.size for segment in store._kept) <= KEPT_BYTES
    store.lay([bytearray(KEPT_BYTES + 1)])
    assert sum(segment.size for segment in store._kept) <= KEPT_BYTES
    bodies.clear()
    store.trim()
    assert open_files() <= before
    assert store.last == 0.0


def test_a_small_body_does_not_take_a_large_segment() -> None:
    store = Store()
    large = inode(store.lay([bytes(64 * FULL)]))
    assert inode(store.lay([bytes(FULL)])) != large
    assert inode(store.lay([bytes(60 * FULL)])) == large
    assert inode(store.lay([bytes(100 * FULL)])) == large, "which grew"


# -- when there is no room -----------------------------------------------------------------------------------------


def test_what_cannot_be_written_stays_as_it_is() -> None:
    frames = [bytes(3 * FULL), bytes(9 * FULL), bytes(2 * FULL)]
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4 * FULL, hard))
    try:
        body = Store().lay(frames)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert len(body.readers) == 1, "the second is too large"
    assert body.rest == frames[1:]
    assert body.beside(0) == frames


SCRIPT = textwrap.dedent(
    """
    import os, resource, socket
    from contextlib import suppress
    from anabranch_executors.processes.lane import Lane
    from anabranch_executors.processes.segments import FULL, Body, Store
    from anabranch_executors.processes.wire import Inbox, Kind, Outbox
    store = Store()
    frames = [bytes([n]) * FULL for n in range(1, 6)]
    body = store.lay(frames)
    assert len(body.readers) == 5
    resource.setrlimit(resource.RLIMIT_NOFILE, (64, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))
    data, other = socket.socketpair()
    here, there = map(Lane, socket.socketpair())
    outbox, inbox = Outbox(here), Inbox(there)
    outbox.put(Kind.CALL, 1, body)
    spent = []
    with suppress(OSError):
        while True:
            spent.append(os.dup(0))
    assert store.lay(frames).readers == ()
    outbox.put(Kind.CALL, 2, Body(frames))
    got = []
    other.setblocking(False)
    data.setblocking(False)
    while len(got) < 2:
        outbox.send(data)
        got += inbox.receive(other)
    assert [packet.frames for packet in got] == [frames, frames]
    assert [packet.mapped for packet in got] == [5, 0]
    try:
        os.dup(0)
    except OSError:
        print("spent")
    """
)


def test_a_process_out_of_descriptors_still_receives() -> None:
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "spent\n", "")


def test_a_full_lane_leaves_the_rest_to_the_message() -> None:
    frames = [bytes([n]) * FULL for n in range(60)]
    data, other = socket.socketpair()
    here, there = map(Lane, socket.socketpair())
    with data, other, closing(here), closing(there):
        sent, store = 0, Store()
        outbox, inbox = Outbox(here), Inbox(there)
        data.setblocking(False)
        other.setblocking(False)
        received: list[int] = []
        body = store.lay(frames)
        for _ in range(8):
            outbox.put(Kind.CALL, sent, body)
            sent += 1
        del body
        while len(received) < sent:
            outbox.send(data)
            try:
                for packet in inbox.receive(other):
                    assert packet.frames == frames
                    received.append(packet.mapped)
                    del packet
            except BlockingIOError:
                continue
        assert max(received) == 60
        assert min(received) < 60, "the lane was full"


def test_a_forked_child_lets_go_of_the_parents_segments() -> None:
    others = numbers()
    store = Store()
    body = store.lay([b"1" * FULL])
    used = inode(body)
    reader, writer = os.pipe()
    pid = os.fork()
    if not pid:
        store.abandon()
        left = [name for name in numbers() - others if "memfd" in _target(name)]
        os.write(writer, str(left).encode())
        os._exit(0)
    os.waitpid(pid, 0)
    assert os.read(reader, 1000) == b"[]"
    os.close(reader)
    os.close(writer)
    del body
    assert inode(store.lay([b"2" * FULL])) == used


def _target(name: str) -> str:
    try:
        return os.readlink(f"/proc/self/fd/{name}")
    except OSError:  # the listing's own
        return ""


def test_bodies_without_segments_cost_no_descriptor() -> None:
    before = open_files()
    body = Body([b"x" * FULL])
    assert open_files() <= before
    assert body.beside(0) == [b"x" * FULL]
