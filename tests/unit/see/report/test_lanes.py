"""Where workers' time went: exact, and complete."""

import random
from time import perf_counter, process_time

import pytest

from anabranch import Builder, Collect, Parallelizable, Stream, module_from_functions
from anabranch.events import RunStarted
from anabranch.see.report import Record
from anabranch.see.report.lanes import Kind, lanes_of

SHORT = {
    Kind.FUNCTIONS: "functions",
    Kind.AROUND: "around",
    Kind.PICKLING: "pickling",
    Kind.TRANSFER: "transfer",
    Kind.QUEUE: "queue",
    Kind.ENGINE: "engine",
    Kind.DRIVER: "driver",
    Kind.IDLE: "idle",
    Kind.STARTING: "starting",
}


def parts(lane):
    return {SHORT[kind]: round(part, 9) for kind, part in lane.parts.items() if round(part, 9)}


def test_every_second_has_its_kind(record_of):
    record = record_of(
        [
            ("a", "f", 1.5, 2.0, 3.0, 1, ()),
            ("b", "f", 1.5, 2.0, 5.0, 1, ()),
            ("a", "f", 5.0, 5.5, 6.0, 1, ()),
            ("a", "f", 6.0, 6.0, 8.0, 1, ()),
        ],
        seconds=10.0,
        ready=1.0,
        waits=[(3.25, 4.0)],
        pulls=[(4.0, 4.5)],
    )
    a, b = lanes_of(record)
    assert (a.worker, b.worker) == ("a", "b")
    assert parts(a) == {"starting": 1.0, "engine": 0.5 + 0.75 + 2.0, "transfer": 1.0, "functions": 3.5, "idle": 0.75, "driver": 0.5}
    assert parts(b) == {"starting": 1.0, "engine": 0.5 + 5.0, "transfer": 0.5, "functions": 3.0}


def test_a_journey_tells_what_a_call_waited_for(record_of):
    way = {"packing": 0.5, "handed": 2.0, "sent": 3.0, "received": 3.5, "unpacking": 0.25, "returning": 0.25, "returned": 6.0}
    first = {**way, "answered": 6.5, "opening": 0.25}
    second = {"packing": 0.5, "handed": 7.5, "sent": 8.0, "received": 8.25, "unpacking": 0.25, "returning": 0.25, "returned": 10.0}
    record = record_of(
        [("a", "f", 0.0, 4.0, 5.5, 1, (), first), ("a", "f", 0.0, 8.5, 9.5, 1, (), {**second, "answered": 10.25, "opening": 0.5})],
        seconds=12.0,
        slots=1,
        waits=[(2.0, 6.5)],
    )
    (a,) = lanes_of(record)
    assert parts(a) == {
        "engine": 1.5 + 0.25 + (12.0 - 10.75),  # before the first call was packed, between answer and next, at the end
        "starting": 1.0,  # the first call of a worker waits for the worker
        "pickling": 0.5 + 0.25 + 0.25 + 0.25 + 0.5 + 0.25 + 0.25 + 0.5,
        "transfer": 0.5 + 0.5 + 0.25 + 0.25,
        "around": 0.25 + 0.25 + 0.25,
        "functions": 2.5,
        "queue": 0.5,
    }


def test_who_takes_the_place_of_a_dead_worker_goes_on_in_its_lane(record_of):
    calls = [("a", "f", 0.0, 0.0, 1.0, 1, ()), ("b", "f", 0.0, 0.0, 4.0, 1, ()), ("c", "f", 2.0, 2.0, 3.0, 1, ())]
    lanes = lanes_of(record_of(calls, seconds=4.0, deaths=[(1.5, "a")]))
    assert [lane.worker for lane in lanes] == ["a, then c", "b"]
    assert [lane.seconds for lane in lanes] == [4.0, 4.0]


def test_slots_that_nobody_used_are_wall_time_too(record_of):
    record = record_of([("a", "f", 0.0, 0.0, 1.0, 1, ())], seconds=2.0, slots=3, waits=[(0.0, 2.0)])
    lanes = lanes_of(record)
    assert [lane.worker for lane in lanes] == ["a", "unused 1", "unused 2"]
    assert [parts(lane) for lane in lanes] == [{"functions": 1.0, "idle": 1.0}, {"idle": 2.0}, {"idle": 2.0}]


def test_the_driver_has_a_lane_only_where_it_is_alone(record_of):
    driver = ("driver", "g", 0.0, 0.0, 1.0, None, ())
    (lane,) = lanes_of(record_of([driver], 2.0, slots=1, pulls=[(1.0, 1.5)]))
    assert (lane.worker, parts(lane)) == ("driver", {"functions": 1.5, "engine": 0.5})
    both = record_of([driver, ("a", "f", 1.0, 1.0, 2.0, 1, ())], 2.0, slots=1)
    (lane,) = lanes_of(both)
    assert (lane.worker, parts(lane)) == ("a", {"driver": 1.0, "functions": 1.0})


def test_a_run_without_calls(record_of):
    (lane,) = lanes_of(record_of([], 1.5, slots=1, ready=0.5))
    assert parts(lane) == {"starting": 0.5, "engine": 1.0}


@pytest.mark.parametrize("seed", range(20))
def test_the_parts_add_up_to_wall_time_times_workers(record_of, seed):
    rng = random.Random(seed)
    calls, seconds = [], 0.0
    for worker in range(rng.randint(1, 5)):
        at = rng.random()
        for _ in range(rng.randint(0, 30)):
            begun = at + rng.choice([0.0, rng.random()])
            over = begun + rng.choice([0.0, rng.random()])
            names = ("packing", "handed", "sent", "received", "unpacking", "returning", "returned", "answered", "opening")
            way = {name: rng.random() * over for name in names} if rng.random() < 0.5 else {}
            calls.append((f"w{worker}", "f", max(begun - rng.random(), 0.0), begun, over, 2, (), way))
            at = over
        seconds = max(seconds, at)
    waits = [(n * seconds / 10, n * seconds / 10 + rng.random()) for n in range(10)]
    record = record_of(calls, seconds + rng.random(), slots=6, ready=rng.random(), waits=waits)
    lanes = lanes_of(record)
    assert sum(lane.seconds for lane in lanes) == pytest.approx(6 * record.seconds)
    assert all(part >= 0 for lane in lanes for part in lane.parts.values())


# -- runs that are what they are ---------------------------------------------------------------------------------------


def burn(seconds):
    """Processor time, however busy the machine is."""
    began = process_time()
    while process_time() - began < seconds:
        pass


class Heavy:
    """Takes a while to pickle, and no time to make."""

    def __reduce__(self):
        burn(0.02)
        return Heavy, ()


def item(count: int, slow: float) -> Parallelizable[int]:
    for number in range(count):
        burn(slow)
        yield number


def work(item: int, busy: float) -> int:
    burn(busy)
    return item


def heavy(item: int) -> Heavy:
    return Heavy()


def total(work: Collect[int]) -> int:
    return sum(work)


def weight(heavy: Collect[Heavy]) -> int:
    return len(heavy)


def read(work: Stream[int], reading: float) -> int:
    count = 0
    for _ in work:
        burn(reading)
        count += 1
    return count


FLOW = module_from_functions(item, work, heavy, total, weight, read)


def recorded(executor, output, inputs, **options):
    records = []

    def observe(event):
        if isinstance(event, RunStarted):
            records.append(Record(event))
        records[-1](event)

    given = {"count": 40, "slow": 0.0, "busy": 0.0, "reading": 0.0}
    with Builder().with_modules(FLOW).with_executor(executor, **options).with_adapters(observe).build() as driver:
        driver.execute([output], inputs={**given, "count": 1})  # so that the workers are there
        driver.execute([output], inputs={**given, **inputs})
    return records[1]


def shares(record):
    lanes = lanes_of(record)
    whole = len(lanes) * record.seconds
    found = {name: sum(lane.parts.get(kind, 0.0) for lane in lanes) / whole for kind, name in SHORT.items()}
    assert sum(found.values()) == pytest.approx(1.0, abs=0.01)
    return found


@pytest.mark.parametrize(("executor", "options"), [("sequential", {}), ("threads", {"workers": 2}), ("processes", {"workers": 2})])
def test_time_in_functions_is_what_functions_took(executor, options):
    record = recorded(executor, "total", {"busy": 0.01}, **options)
    found = shares(record)
    inside = sum(length for length, lane in zip(record.lengths, record.lanes, strict=True) if record.workers[lane] != "driver")
    if executor == "sequential":
        assert found["functions"] > 0.9
    else:
        assert found["functions"] == pytest.approx(inside / len(lanes_of(record)) / record.seconds, rel=0.01)


def test_pickling_is_told_apart():
    record = recorded("processes", "weight", {"count": 30}, workers=1)
    found = shares(record)
    assert found["pickling"] * record.seconds >= 30 * 0.02
    assert found["functions"] < 0.2


def test_a_slow_expander_is_told_apart():
    record = recorded("processes", "total", {"count": 30, "slow": 0.02}, workers=1)
    found = shares(record)
    assert found["driver"] * record.seconds > 0.8 * 30 * 0.02
    assert found["driver"] > 5 * found["functions"]
    alone = recorded("sequential", "total", {"count": 30, "slow": 0.02})
    assert shares(alone)["functions"] * alone.seconds > 0.95 * 30 * 0.02


def test_a_slow_reader_is_told_apart():
    record = recorded("processes", "read", {"count": 30, "reading": 0.02}, workers=1)
    found = shares(record)
    assert found["driver"] * record.seconds > 0.8 * 30 * 0.02
    assert found["driver"] > 5 * found["functions"]


def test_a_worker_without_work_is_idle():
    record = recorded("processes", "total", {"count": 1, "busy": 0.5}, workers=3)
    found = shares(record)
    assert found["functions"] * 3 * record.seconds >= 0.5
    assert found["idle"] > found["functions"]


def test_it_is_made_at_once(record_of):
    """Of a hundred thousand calls: linear, not quadratic."""
    calls = [(f"w{n % 16}", "f", n * 0.01, n * 0.01, n * 0.01 + 0.1, 10, ()) for n in range(100_000)]
    record = record_of(calls, 1001.0, slots=16, waits=[(n * 0.01, n * 0.01 + 0.005) for n in range(100_000)])
    began = perf_counter()
    lanes_of(record)
    assert perf_counter() - began < 20
