"""What is too old, too much or damaged goes, and nothing else."""

from pathlib import Path

import pytest

from anabranch.store import Recipe
from anabranch.store.upkeep import gc, rm, verify

BIG = 10_000


def test_the_least_used_go_first(open_store, helper, clock):
    store = open_store(cap=3 * BIG)
    for n in range(3):
        helper.put(store, {n: bytes([n]) * (BIG - 500)})
        clock.now += 10_000
    fresh = open_store(cap=3 * BIG)
    assert helper.get(fresh, [0])[0] is not None  # used, so it stays
    clock.now += 10_000
    helper.put(store, {3: b"3" * (BIG - 500)})
    gc(store, clock.now)
    assert [value is not None for value in helper.get(open_store(), range(4))] == [True, False, True, True]
    assert store.index.size() <= 3 * BIG
    assert len(list(store.blobs)) == 3


def test_it_never_grows_far_beyond_its_cap(open_store, helper, clock):
    store = open_store(cap=20 * BIG)
    for n in range(100):
        clock.now += 1
        helper.put(store, {n: n.to_bytes(2) * (BIG // 2)})
        assert store.index.size() < 23 * BIG
    assert sum(size for _, size, _ in store.blobs) < 23 * BIG
    assert helper.get(store, [99])[0] is not None


def test_the_time_to_live(open_store, helper, clock):
    store = open_store(ttl=100)
    helper.put(store, {1: "old"})
    clock.now += 60
    helper.put(store, {2: "young"})
    clock.now += 60
    assert gc(store, clock.now).packs == 1
    assert helper.get(store, [1, 2]) == [None, "young"]


def test_leftovers_go_after_a_while(open_store, helper, clock):
    store = open_store()
    helper.put(store, {1: b"x" * BIG})
    orphan = store.blobs.put([b"y" * BIG])
    new = store.folder / "blobs" / "new" / "1-2-3"
    new.write_bytes(b"half")
    made = Path(store.blobs._path(orphan)).stat().st_mtime
    gc(store, made + 10)
    assert store.blobs.has(orphan)
    assert new.exists()
    gc(store, made + 4000)
    assert not store.blobs.has(orphan)
    assert not new.exists()
    assert helper.get(store, [1]) == [b"x" * BIG]


def test_replaced_entries_go(open_store, helper, clock):
    store = open_store()
    for n in range(5):
        helper.put(store, {1: [n]})
    assert len(list(store.index.packs())) == 5
    assert gc(store, clock.now).packs == 4
    assert helper.get(store, [1]) == [[4]]


def test_rm_by_name_and_age(open_store, helper, clock):
    store = open_store()
    for name in ("f", "g", "h"):
        helper.put(store, {(name, 1): name, (name, 2): name * BIG}, recipe=Recipe(name, name.encode() * 20))
        clock.now += 10
    swept = rm(store, ("f",))
    assert (swept.packs, swept.blobs) == (1, 1)
    assert swept.size > BIG
    assert helper.get(store, [("f", 1), ("g", 1), ("h", 1)]) == [None, "g", "h"]
    rm(store, older_than=clock.now - 15)
    assert helper.get(store, [("g", 1), ("h", 1)]) == [None, "h"]
    assert [one.name for one in store.index.summaries()] == ["h"]
    rm(store)
    assert store.index.summaries() == []
    assert list(store.blobs) == []
    assert helper.get(open_store(), [("h", 1)]) == [None]


def test_a_blob_that_others_need_stays(open_store, helper):
    store = open_store()
    helper.put(store, {1: b"x" * BIG}, recipe=Recipe("f", b"f" * 20))
    helper.put(store, {2: b"x" * BIG}, recipe=Recipe("g", b"g" * 20))
    rm(store, ("f",))
    assert helper.get(store, [1, 2]) == [None, b"x" * BIG]


def test_summaries(open_store, helper, clock):
    store = open_store()
    helper.put(store, {n: n for n in range(300)}, recipe=Recipe("f", b"f" * 20))
    clock.now += 5
    helper.put(store, {"a": b"x" * BIG}, recipe=Recipe("g", b"g" * 20))
    first, second = store.index.summaries()
    assert (first.name, first.entries, first.made) == ("g", 1, clock.now)
    assert (second.name, second.entries, second.made) == ("f", 300, clock.now - 5)
    assert first.size > BIG
    assert first.size + second.size == store.index.size()


@pytest.mark.parametrize("repair", [False, True])
def test_verify_finds_all_damage(open_store, helper, repair):
    store = open_store()
    for n in range(4):
        helper.put(store, {n: bytes([n]) * BIG, (n, "small"): n})
    assert verify(store).is_whole
    stranger = open_store(key=b"s" * 32)
    helper.put(stranger, {"theirs": 1})
    blobs = {n: store.get_many(helper.recipe, helper.keys([n]))[0].blob for n in range(4)}
    Path(store.blobs._path(blobs[0])).write_bytes(b"short")
    Path(store.blobs._path(blobs[1])).unlink()
    found = verify(store, repair=repair)
    assert (found.packs, found.blobs) == (5, 3)
    assert (len(found.bad_packs), found.bad_blobs, found.lost_blobs) == (1, (blobs[0],), (blobs[1],))
    again = verify(store)
    assert again.is_whole == repair
    if repair:
        assert again.packs == 2
        assert [value is not None for value in helper.get(store, range(4))] == [False, False, True, True]
