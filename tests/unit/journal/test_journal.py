"""A journal tells what was written, to some line, and nothing else: cut anywhere, changed anywhere, killed at any time."""

import os
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from anabranch.errors import InputError, StoreError
from anabranch.journal import (
    Began,
    Done,
    Ended,
    Failed,
    Follower,
    Given,
    Journal,
    Listed,
    Noted,
    Resumed,
    Runs,
    State,
    Story,
    writer,
)
from anabranch.journal.records import decoded, encoded
from anabranch.store.seal import Seal

SEAL = Seal(b"k" * 32)
BEGAN = Began(
    "run-1",
    ("flow.py",),
    ("total",),
    {"root": Given("ab" * 20, "cd" * 20)},
    {},
    {"region": Given("ef" * 20)},
    {"tree": {"digest": "aa", "parts": [["function", "flow.tree", "bb"]]}},
    "processes(workers=8)",
    123,
    "host",
    1.5,
)
RECORDS = [
    Listed("source_file", (), 0, 3, "items-0"),
    Done("tree", (), 0, 2, ("ref-1", "ref-2"), (1,)),
    Failed("tree", (2,), "ValueError", "no é \ud800 good", 2),
    Listed("source_file", (), 3, 1, "items-3", last=True),
    Done("tree", (0, 1), 5, 9, ("ref-3",)),
    Noted("WorkerLost", {"worker": "w1", "reason": "signal 9"}),
    Done("tree", (), 3, 4, ("ref-4",)),
    Ended("finished", "", 9.5),
]


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "run-1"


def write(folder, records=RECORDS, **options):
    with Journal.begin(folder, BEGAN, SEAL) as journal:
        for record in records:
            journal.add(record)
        journal.flush()
    return folder / "journal"


def told(records):
    story = Story()
    story.add(records)
    return story


def plain(story):
    return {
        "began": story.began,
        "ended": story.ended,
        "resumed": story.resumed,
        "done": {key: list(spans) for key, spans in story.done.items()},
        "listings": {key: (list(one.items), one.length) for key, one in story.listings.items()},
        "failures": story.failures,
        "notes": story.notes,
    }


@pytest.mark.parametrize("record", [BEGAN, Resumed("ray", 5, "h", 2.0), *RECORDS], ids=lambda record: type(record).__name__)
def test_records_come_back(record):
    assert decoded(encoded(record)) == record


def test_what_a_later_version_writes_is_left_out():
    assert decoded(b'{"is":"dreamt","of":1}') is None
    assert decoded(encoded(RECORDS[-1]).replace(b"{", b'{"mood":"good",', 1)) == RECORDS[-1]
    with pytest.raises(ValueError):
        decoded(b"{")


def test_the_story(folder):
    write(folder)
    story = Follower(folder, SEAL).story
    assert plain(story) == plain(told([BEGAN, *RECORDS]))
    assert story.spans("tree").missing(0, 5) == [(2, 3), (4, 5)]
    assert story.spans("tree").at(1).values == ("ref-1", "ref-2")
    assert story.spans("tree").at(1).holes == (1,)
    assert story.spans("tree").at(2) is None
    assert story.spans("other").missing(0, 2) == [(0, 2)]
    assert story.listings["source_file", ()].length == 4
    assert story.failures["tree", (2,)].error == "ValueError"


def test_a_folder_is_the_user_s_alone(folder):
    path = write(folder)
    assert path.stat().st_mode & 0o077 == 0
    assert folder.stat().st_mode & 0o077 == 0


# -- tearing and damage ------------------------------------------------------------------------------------------------


def ends(data):
    """The ends of lines, and the story up to each."""
    found, place = [], 0
    for number, line in enumerate(data.splitlines(keepends=True)):
        place += len(line)
        found.append((place, plain(told([BEGAN, *RECORDS][: number + 1]))))
    return found


def test_cut_at_every_byte_it_tells_the_lines_that_are_whole(folder):
    path = write(folder)
    data = path.read_bytes()
    lines = ends(data)
    for cut in range(len(data) + 1):
        path.write_bytes(data[:cut])
        whole = [story for end, story in lines if end <= cut]
        if not whole:
            with pytest.raises(StoreError, match="nothing of the run is known"):
                Follower(folder, SEAL)
            continue
        follower = Follower(folder, SEAL)
        assert plain(follower.story) == whole[-1]
        assert follower.damage == "", "a torn line is no damage"
        assert follower.tail().rest == cut - max(end for end, _ in lines if end <= cut)


@pytest.mark.parametrize("flip", [0x01, 0x20, 0xFF])
def test_any_byte_that_is_changed_ends_the_story_before_its_line(folder, flip):
    path = write(folder)
    data = path.read_bytes()
    lines = ends(data)
    for place in range(len(data)):
        path.write_bytes(data[:place] + bytes([data[place] ^ flip]) + data[place + 1 :])
        whole = [story for end, story in lines if end <= place]
        if not whole:
            with pytest.raises(StoreError):
                Follower(folder, SEAL)
            continue
        follower = Follower(folder, SEAL)
        found = plain(follower.story)
        assert found == whole[-1], place
        if place < lines[-2][0]:
            assert "is damaged at byte" in follower.damage


def test_lines_that_are_dropped_moved_or_doubled_end_the_story(folder):
    path = write(folder)
    lines = path.read_bytes().splitlines(keepends=True)
    for changed in (lines[:2] + lines[3:], [*lines[:2], lines[3], lines[2], *lines[4:]], lines[:3] + lines[2:]):
        path.write_bytes(b"".join(changed))
        follower = Follower(folder, SEAL)
        assert plain(follower.story) in [story for _, story in ends(b"".join(lines))][1:3]
        assert follower.damage


def test_another_key_is_told_from_damage(folder):
    path = write(folder)
    with pytest.raises(StoreError, match="sealed with another key"):
        Follower(folder, Seal(b"s" * 32))
    assert plain(Follower(folder).story) == plain(told([BEGAN, *RECORDS])), "who only looks on needs no key"
    data = bytearray(path.read_bytes())
    data[-3] ^= 1
    path.write_bytes(data)
    assert Follower(folder).damage


def test_what_is_no_journal(folder):
    folder.mkdir()
    for text in (b"", b"hello", b"\n" * 100, b"0" * 200, os.urandom(500), b"ffffffff " + b"x" * 200):
        (folder / "journal").write_bytes(text)
        with pytest.raises(StoreError, match="nothing of the run is known"):
            Follower(folder, SEAL)
    (folder / "journal").unlink()
    with pytest.raises(StoreError, match="cannot be read"):
        Follower(folder, SEAL)


# -- writing in groups -------------------------------------------------------------------------------------------------


def test_a_group_is_one_write(folder, monkeypatch):
    writes = []
    real = os.write
    with Journal.begin(folder, BEGAN, SEAL) as journal:
        monkeypatch.setattr(writer.os, "write", lambda file, data: writes.append(len(data)) or real(file, data))
        for n in range(100):
            journal.add(Done("tree", (), n, n + 1, ("r",)))
        assert writes == []
        journal.flush()
        assert len(writes) == 1
        journal.flush()
        assert len(writes) == 1
        for n in range(100, 1000):
            journal.add(Done("tree", (), n, n + 1, ("r" * 100,)))
        assert 2 <= len(writes) <= 6
    assert len(Follower(folder, SEAL).story.spans("tree")) >= 800


def test_a_group_is_written_when_it_is_a_second_old(folder):
    now = [100.0]
    with Journal.begin(folder, BEGAN, SEAL) as journal:
        journal._clock = lambda: now[0]
        assert journal.due() == float("inf")
        journal.add(RECORDS[1])
        now[0] += 0.9
        assert journal.due() == pytest.approx(0.1)
        journal.add(RECORDS[4])
        assert Follower(folder, SEAL).story.done == {}
        now[0] += 0.2
        journal.add(RECORDS[6])
        assert len(Follower(folder, SEAL).story.done) == 2


def test_a_full_disk_tears_nothing(folder, monkeypatch):
    real, room = os.write, [0]

    def scarce(file, data):
        count = min(len(data), room[0])
        room[0] -= count
        if not count:
            raise OSError(28, "No space left on device")
        return real(file, data[:count])

    with Journal.begin(folder, BEGAN, SEAL) as journal:
        journal.add(RECORDS[0])
        journal.flush()
        monkeypatch.setattr(writer.os, "write", scarce)
        room[0] = 30
        journal.add(RECORDS[1])
        with pytest.raises(StoreError, match="the disk is full: free some space"):
            journal.flush()
        assert plain(Follower(folder, SEAL).story) == plain(told([BEGAN, RECORDS[0]]))
        assert Follower(folder, SEAL).tail().rest == 0
        room[0] = 10_000
        journal.add(RECORDS[4])
        journal.flush()
    assert plain(Follower(folder, SEAL).story) == plain(told([BEGAN, RECORDS[0], RECORDS[1], RECORDS[4]]))


def test_a_real_full_device(folder):
    folder.mkdir()
    journal = Journal.begin(folder, BEGAN, SEAL)
    os.dup2(full := os.open("/dev/full", os.O_WRONLY), journal._file)
    os.close(full)
    journal.add(RECORDS[0])
    with pytest.raises(StoreError, match="the disk is full"):
        journal.flush()
    journal.close()


def test_places_that_cannot_be_written(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match="a journal cannot be written to"):
        Journal.begin(tmp_path / "file" / "run", BEGAN, SEAL)


# -- one driver at a time ----------------------------------------------------------------------------------------------


def test_a_run_has_one_driver(folder):
    journal = Journal.begin(folder, BEGAN, SEAL)
    follower = Follower(folder, SEAL)
    assert follower.state is State.RUNNING
    with pytest.raises(InputError, match="there is a run in .* already"):
        Journal.begin(folder, BEGAN, SEAL)
    with pytest.raises(InputError, match="another process drives it"):
        Journal.resume(folder, "threads", SEAL)
    journal.add(RECORDS[1])
    journal.close()
    assert follower.state is State.LOST
    assert follower.story.done == {}, "what was not written is lost"


@pytest.mark.parametrize("state", [State.FINISHED, State.FAILED, State.STOPPED])
def test_how_it_ended(folder, state):
    Journal.begin(folder, BEGAN, SEAL).end(state.value, "because")
    follower = Follower(folder)
    assert follower.state is state
    assert follower.story.ended.text == "because"


def test_resuming_goes_on_where_it_ended(folder):
    path = write(folder, RECORDS[:4])
    whole = path.stat().st_size
    path.write_bytes(path.read_bytes() + b"0000004")
    journal, story = Journal.resume(folder, "ray", SEAL)
    assert plain(replace(story, resumed=[]))["done"] == plain(told([BEGAN, *RECORDS[:4]]))["done"]
    assert story.failures == {}, "what failed is tried again"
    assert story.resumed[-1].executor == "ray"
    with journal:
        journal.add(RECORDS[4])
        journal.end("finished")
    assert path.read_bytes()[: whole + 4] != path.read_bytes()[: whole + 4] + b"0000"
    follower = Follower(folder, SEAL)
    assert follower.tail().rest == 0
    assert follower.state is State.FINISHED
    assert ("tree", (0, 1)) in follower.story.done
    assert not (folder / "journal.damaged").exists()


def test_resuming_after_damage_keeps_a_copy(folder):
    path = write(folder)
    data = path.read_bytes()
    place = data.index(b"ref-3")
    path.write_bytes(data[:place] + b"REF" + data[place + 3 :])
    journal, story = Journal.resume(folder, "ray", SEAL)
    journal.close()
    assert ("tree", (0, 1)) not in story.done
    assert b"REF" in (folder / "journal.damaged").read_bytes()
    assert Follower(folder, SEAL).damage == ""


def test_resuming_what_others_wrote_is_refused(folder):
    write(folder)
    with pytest.raises(StoreError, match="sealed with another key"):
        Journal.resume(folder, "ray", Seal(b"s" * 32))
    assert not (folder / "journal.damaged").exists()
    assert Follower(folder, SEAL).state is State.FINISHED


def test_a_reader_follows_while_it_is_written(folder):
    with Journal.begin(folder, BEGAN, SEAL) as journal:
        follower = Follower(folder, SEAL)
        seen = []
        for record in RECORDS[:7]:
            journal.add(record)
            assert follower.more() == []
            journal.flush()
            seen += follower.more()
        assert seen == RECORDS[:7]
        assert plain(follower.story) == plain(told([BEGAN, *RECORDS[:7]]))
        assert Runs(folder.parent).peek("run-1").state is State.RUNNING


DRIVE = """
import os, sys
from pathlib import Path
from anabranch.journal import Began, Done, Journal
from anabranch.store.seal import Seal
journal = Journal.begin(Path(sys.argv[1]), Began("run"), Seal(b"k" * 32))
here, there = os.pipe()
if sys.argv[2] == "fork":
    if not os.fork():
        os.close(1)
        os.write(there, b".")
        sys.stdin.read()
        os._exit(0)
    os.read(here, 1)
print(0, flush=True)
n = 0
while True:
    journal.add(Done("task", (), n, n + 1, (f"ref-{n}" * (n % 50),)))
    n += 1
    if n % 7 == 0:
        journal.flush()
        print(n, flush=True)
"""


@pytest.mark.parametrize("how", ["alone", "fork"])
@pytest.mark.parametrize("lines", [0, 1, 40, 300])
def test_what_was_flushed_survives_kill_9(tmp_path, how, lines):
    folder = tmp_path / "run"
    driver = subprocess.Popen([sys.executable, "-c", DRIVE, folder, how], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    try:
        said = [int(driver.stdout.readline()) for _ in range(lines + 1)]
        assert Follower(folder, SEAL).state is State.RUNNING
        driver.send_signal(signal.SIGKILL)
        driver.wait()
        follower = Follower(folder, SEAL)
        assert follower.state is State.LOST, "a forked child must not keep it running"
        assert follower.damage == ""
        done = follower.story.spans("task")
        assert len(done) >= said[-1]
        assert done.missing(0, len(done)) == []
        journal, story = Journal.resume(folder, "again", SEAL)
        journal.close()
        assert len(story.spans("task")) == len(done)
    finally:
        driver.kill()
        driver.communicate()


# -- the folder of runs ------------------------------------------------------------------------------------------------


def test_runs_are_found_and_listed(tmp_path):
    runs = Runs(tmp_path / "runs")
    assert runs.names() == []
    for n, name in enumerate(("first", "second", "third")):
        Journal.begin(runs.folder(name), replace(BEGAN, run_id=name), SEAL).end("finished" if n else "failed", "text")
        os.utime(runs.folder(name) / "journal", (n, n))
    assert runs.names() == ["third", "second", "first"]
    peek = runs.peek("first")
    assert (peek.state, peek.began.run_id, peek.ended.text) == (State.FAILED, "first", "text")
    with pytest.raises(InputError, match="there is no run 'secand'.*did you mean 'second'"):
        runs.find("secand")
    for name in ("", "../up", ".hidden", "a/b", "x" * 101, "é"):
        with pytest.raises(InputError, match="cannot be the name of a run"):
            runs.folder(name)


def test_a_peek_at_what_is_torn(tmp_path):
    path = write(tmp_path / "run-1", RECORDS[:3])
    assert Runs(tmp_path).peek("run-1").state is State.LOST
    path.write_bytes(path.read_bytes()[:20])
    peek = Runs(tmp_path).peek("run-1")
    assert (peek.state, peek.began) == (State.LOST, None)


def test_runs_are_the_user_s(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    assert Runs().root == Path(tmp_path / "anabranch" / "runs")
