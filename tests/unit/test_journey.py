from __future__ import annotations

import sys
from concurrent.futures import ProcessPoolExecutor
from itertools import pairwise

import pytest

from anabranch import Builder, Collect, Parallelizable, Stream, module_from_functions
from anabranch.events import CallFinished, EngineWaited, FanOpened, SourcePulled, SpanFinished, StreamRead
from anabranch.journey import AT_HOME, Journey, footprint


def number(limit: int) -> Parallelizable[int]:
    yield from range(limit)


def text(number: int) -> bytes:
    return bytes(1000) if number >= 0 else b""


def size(text: Collect[bytes]) -> int:
    return sum(map(len, text))


def read(text: Stream[bytes]) -> int:
    return sum(map(len, text))


FLOW = module_from_functions(number, text, size, read)


def events_of(executor, *outputs, **options):
    events = []
    with Builder().with_modules(FLOW).with_executor(executor, **options).with_adapters(events.append).build() as driver:
        found = driver.execute([*outputs], inputs={"limit": 300})
    assert found == dict.fromkeys(outputs, 300_000)
    return events


def of(kind, events):
    return [event for event in events if isinstance(event, kind)]


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere the system does not tell")
def test_a_process_knows_what_it_holds():
    before = footprint()
    held = b"1" * (64 << 20)
    after = footprint()
    assert after.memory - before.memory > 0.9 * len(held)
    assert after.peak >= before.peak >= before.memory


def test_a_way_is_put_together_of_two_halves():
    there = Journey(received=3.0, unpacking=0.5, returning=0.25, returned=4.0, memory=10, peak=20)
    here = Journey(packing=0.5, handed=1.0, sent=2.0, given=7)
    assert here.back(there, 5.0, 0.125, 8) == Journey(0.5, 1.0, 2.0, 3.0, 0.5, 0.25, 4.0, 5.0, 0.125, 7, 8, 10, 20)


@pytest.mark.parametrize("executor", ["sequential", "threads"])
def test_calls_that_stay_here_have_no_way(executor):
    for event in of((SpanFinished, CallFinished), events_of(executor, "size")):
        assert event.journey is AT_HOME


def test_calls_that_travel_tell_of_all_of_it():
    spans = of(SpanFinished, events_of("processes", "size", workers=1))
    for span in spans:
        way = span.journey
        assert 0 < way.handed <= way.sent <= way.received <= way.received + way.unpacking <= span.started, "one machine, one clock"
        assert span.started + span.seconds + way.returning <= way.returned <= way.answered
        assert min(way) > 0
    assert sum(span.journey.brought for span in spans) > 300_000


@pytest.mark.parametrize("executor", ["sequential", "threads", "processes"])
def test_what_goes_on_around_a_call_is_told_apart_from_it(executor, tmp_path):
    cached = []
    builder = Builder().with_modules(FLOW).with_executor(executor).with_cache(tmp_path / "cache")
    for _ in range(2):
        events = []
        with builder.with_adapters(events.append).build() as driver:
            assert driver.execute(["size"], inputs={"limit": 30}) == {"size": 30_000}
        spans = of(SpanFinished, events)
        assert all(0 < span.journey.received < span.started for span in spans)
        assert all(span.started + span.seconds < span.journey.returned for span in spans)
        cached.append(sum(span.cached for span in spans))
    assert cached[0] == 0
    assert cached[1] >= 30


def test_pools_of_others_tell_of_it_too():
    with ProcessPoolExecutor(1) as pool:
        spans = of(SpanFinished, events_of(pool, "size"))
    assert all(min(span.journey) > 0 for span in spans)


def test_the_driver_tells_what_it_does():
    events = events_of("processes", "size", "read", workers=1)
    pulled = of(SourcePulled, events)
    assert pulled[0].lo == 0
    assert all(one.hi == other.lo for one, other in pairwise(pulled))
    assert pulled[-1].hi == 300
    assert all(event.seconds > 0 for event in [*pulled, *of(FanOpened, events), *of(EngineWaited, events)])
    assert {event.task for event in of(StreamRead, events)} == {"read"}
    here = sorted((e.started, e.started + e.seconds) for e in of((SourcePulled, StreamRead, EngineWaited), events))
    assert all(one[1] <= other[0] for one, other in pairwise(here)), "it does one thing at a time"
