"""A recorded run on other numbers of workers: against the same flow simulated there at once, and against real runs."""

from __future__ import annotations

import json
import random
import time

import pytest

from anabranch import Builder, Collect, InputError, Parallelizable, Stream, associative, module_from_functions
from anabranch.events import CallFinished, RunFinished, RunStarted, SpanFinished
from anabranch.predict import Costs, costs_of, predict, read_recording, recording_of
from anabranch.predict.places import Pieces
from anabranch.see import EventFile
from anabranch.see.log import Lines
from anabranch.simulation import Axis, Cluster, simulate
from anabranch.simulation.model import Model
from anabranch.simulation.simulator import Simulator


def x(n: int) -> Parallelizable[int]:
    yield from range(n)


def y(x: int, pause: float) -> int:
    time.sleep(pause)
    return x


def total(y: Collect[int]) -> int:
    return sum(y)


def share(y: int, total: int) -> float:
    return y / max(total, 1)


def best(share: Collect[float]) -> float:
    return max(share)


@associative
def summed(y: Collect[int]) -> int:
    return sum(y)


def streamed(y: Stream[int]) -> int:
    return sum(y)


def w(x: int) -> Parallelizable[int]:
    yield from range(x % 5)


def leaf(w: int, pause: float) -> int:
    time.sleep(pause)
    return w


def per(leaf: Collect[int]) -> int:
    return sum(leaf)


def v(w: int) -> Parallelizable[int]:
    yield from range(w)


def bud(v: int, pause: float) -> int:
    time.sleep(pause)
    return v


def twig(bud: Collect[int]) -> int:
    return sum(bud)


def bough(twig: Collect[int]) -> int:
    return sum(twig)


def tree(bough: Collect[int]) -> int:
    return sum(bough)


def grand(per: Collect[int]) -> int:
    return sum(per)


def once(n: int, pause: float) -> int:
    time.sleep(pause)
    return n


FLOW = module_from_functions(x, y, total, share, best, summed, streamed, w, leaf, per, v, bud, twig, bough, tree, grand, once)


def recorded(plan, axes, seconds, workers):
    """The recording of a simulated run."""
    lines = []
    simulator = Simulator(plan, Model(plan, axes, seconds, 0), Cluster(workers))
    handle = simulator.run.handle
    began = Lines()

    def note():
        for event in list(simulator.run.events):
            line = began.of(event) | {"at": simulator.now}
            if isinstance(event, (SpanFinished, CallFinished)):
                line["started"] = simulator.now - event.seconds
            lines.append(line)
        simulator.run.events.clear()

    def watched(news):
        note()
        handle(news)
        note()

    simulator.run.handle = watched
    lines.append(began.of(RunStarted("r", tuple(plan.outputs), "Simulated", workers, None, plan)) | {"plan": []})
    simulator.finish()
    lines.append(began.of(RunFinished("r", False)) | {"at": simulator.now})
    return recording_of(json.loads(json.dumps(lines)))


def log_normal(mean):
    return lambda where, draw: mean * draw.lognormvariate(-0.5, 1.0)


@pytest.fixture(scope="module")
def driver():
    with Builder().with_modules(FLOW).build() as made:
        yield made


# -- against simulations of the same flow ------------------------------------------------------------------------------


@pytest.mark.parametrize("recorded_on", [1, 2, 7])
@pytest.mark.parametrize("output", ["total", "best", "summed"])
def test_what_is_predicted_is_what_would_have_been_simulated(driver, output, recorded_on):
    plan = driver.plan([output], ["n", "pause"])
    axes, seconds = {"x": 500}, {"y": log_normal(0.2), "share": 0.05, "best": 3.0}
    recording = recorded(plan, axes, seconds, recorded_on)
    forecast = predict(recording, [1, 3, 10, 100], Costs())
    assert forecast.again.seconds == pytest.approx(recording.seconds, rel=0.02)
    for one in forecast.predictions:
        real = simulate(plan, axes, seconds, Cluster(one.workers))
        assert one.seconds == pytest.approx(real.makespan, rel=0.05)


def test_costs_that_somebody_knows_are_counted(driver):
    plan = driver.plan(["total"], ["n", "pause"])
    recording = recorded(plan, {"x": 2000}, {"y": 0.1}, 1)
    costs = Costs(driver=0.01, worker=0.02, way=0.005, fixed=7.0)
    (one,) = predict(recording, [50], costs).predictions
    real = simulate(plan, {"x": 2000}, {"y": 0.1}, Cluster(50, dispatch=0.01, overhead=0.02, latency=0.005))
    assert one.seconds == pytest.approx(real.makespan + 7.0, rel=0.02)


def test_a_source_that_is_slow_stays_slow(driver):
    plan = driver.plan(["total"], ["n", "pause"])
    recording = recorded(plan, {"x": Axis(200, counted=False, seconds=0.1)}, {"y": 0.2}, 2)
    (one,) = predict(recording, [100], Costs()).predictions
    assert one.seconds == pytest.approx(20.0, rel=0.05)
    assert one.binds == "driver"


# -- what binds --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("seconds", "workers", "costs", "binds"),
    [
        ({"y": 1.0}, 10, Costs(), "work"),
        ({"y": lambda where, draw: 300.0 if where == (7,) else 0.1}, 100, Costs(), "longest"),
        ({"y": 1.0}, 5000, Costs(), "items"),
        ({"y": 0.1, "total": 500.0}, 100, Costs(), "serial"),
        ({"y": 0.01}, 1000, Costs(driver=0.05), "driver"),
        ({"y": 0.01}, 100, Costs(fixed=60.0), "start"),
        ({"y": 0.01}, 100, Costs(way=1.0), "waiting"),
    ],
)
def test_what_binds_is_named(driver, seconds, workers, costs, binds):
    plan = driver.plan(["total"], ["n", "pause"])
    recording = recorded(plan, {"x": 2000}, seconds, 1)
    (one,) = predict(recording, [workers], costs).predictions
    assert one.binds == binds, one
    assert one.reason


# -- against real runs -------------------------------------------------------------------------------------------------


def real(tmp_path, output, n, pause, executor="sequential", **options):
    path = tmp_path / f"{output} {executor}.jsonl"
    with Builder().with_modules(FLOW).with_executor(executor, **options).with_adapters(EventFile(path)).build() as driver:
        driver.execute([output], {"n": n, "pause": pause})
    return read_recording(path)


@pytest.mark.parametrize(("output", "n"), [("total", 60), ("best", 60), ("grand", 40), ("tree", 30), ("streamed", 60), ("once", 1)])
def test_a_sequential_run_comes_out_as_it_was(tmp_path, output, n):
    recording = real(tmp_path, output, n, 0.004)
    forecast = predict(recording, [1, 2])
    assert forecast.again.seconds == pytest.approx(recording.seconds, rel=0.2)
    assert forecast.predictions[0].seconds == forecast.again.seconds
    if output != "once":
        assert forecast.predictions[1].seconds == pytest.approx(recording.seconds / 2, rel=0.4)


@pytest.mark.parametrize(("output", "n"), [("total", 80), ("grand", 60), ("tree", 40)])
def test_from_two_workers_to_one(tmp_path, output, n):
    both = real(tmp_path, output, n, 0.005, "threads", workers=2)
    alone = real(tmp_path, output, n, 0.005)
    (one,) = predict(both, [1]).predictions
    assert one.seconds == pytest.approx(alone.seconds, rel=0.4)  # what is slept is all but the same on any machine


def test_costs_of_a_run_are_small_and_positive(tmp_path):
    costs = costs_of(real(tmp_path, "total", 60, 0.002, "threads", workers=2))
    assert 0 <= costs.driver < 0.1 and 0 <= costs.worker < 0.1 and 0 <= costs.way < 0.1 and 0 <= costs.fixed < 5
    assert costs.of_call(1.0) == Costs(0.5, 0.5, costs.way, costs.fixed)


# -- what cannot be replayed -------------------------------------------------------------------------------------------


STARTED = {"event": "RunStarted", "run_id": "r", "outputs": ["x"], "executor": "", "slots": 1, "shape": {"a": 1}, "plan": []}
ENDED = {"event": "RunFinished", "run_id": "r", "failed": False, "at": 1.0}


@pytest.mark.parametrize(
    ("lines", "says"),
    [
        ([], "holds no run"),
        ([STARTED], "is not over, or was lost"),
        ([STARTED, ENDED | {"failed": True}], "the run failed"),
        ([STARTED | {"shape": {}}, ENDED], "by an earlier version"),
        ([STARTED, STARTED, ENDED], "was resumed"),
        ([STARTED, {"event": "SpanFinished"}, ENDED], "is no recording of a run: KeyError"),
        ([{"no": "event"}], "is no recording of a run"),
    ],
)
def test_what_cannot_be_replayed_says_why(lines, says):
    with pytest.raises(InputError, match=says):
        recording_of(lines)


def test_a_file_that_is_none(tmp_path):
    with pytest.raises(InputError, match="cannot be read: No such file"):
        read_recording(tmp_path / "none.jsonl")
    (tmp_path / "odd.jsonl").write_text("hello\n")
    with pytest.raises(InputError, match="line 1 is no JSON"):
        read_recording(tmp_path / "odd.jsonl")
    (tmp_path / "odd.jsonl").write_text("[1]\n")
    with pytest.raises(InputError, match="line 1 is no JSON object"):
        read_recording(tmp_path / "odd.jsonl")
    (tmp_path / "odd.jsonl").write_bytes(b"\xff\xfe\n")
    with pytest.raises(InputError, match="is no event file"):
        read_recording(tmp_path / "odd.jsonl")
    (tmp_path / "odd.jsonl").write_text(json.dumps(STARTED) + '\n{"event": "SpanFin')
    with pytest.raises(InputError, match="is not over, or was lost"):
        read_recording(tmp_path / "odd.jsonl")


def test_workers_are_one_or_more(driver):
    recording = recorded(driver.plan(["total"], ["n", "pause"]), {"x": 3}, {"y": 1.0}, 1)
    with pytest.raises(InputError, match="one worker or more, not 0"):
        predict(recording, [0])


# -- places ------------------------------------------------------------------------------------------------------------


def test_pieces_add_up_as_a_list_would():
    draw = random.Random(4)
    for _ in range(50):
        pieces, eachs, at = [], {}, 0
        while at < 40:
            hi = at + draw.randint(1, 6)
            if draw.random() < 0.8:
                pieces.append((at, hi, each := draw.random()))
                eachs |= dict.fromkeys(range(at, hi), each)
            at = hi
        draw.shuffle(pieces)
        made = Pieces(pieces)
        mean = sum(eachs.values()) / len(eachs)
        for _ in range(20):
            lo = draw.randint(0, 45)
            hi = draw.randint(lo, 50)
            want = sum(eachs.get(n, mean) for n in range(lo, hi))
            assert made.until(hi) - made.until(lo) == pytest.approx(want)
