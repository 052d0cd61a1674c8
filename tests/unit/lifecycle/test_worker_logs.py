"""What functions print and log, with function and item, from wherever they run."""

from __future__ import annotations

import io
import logging
import sys
import warnings
from collections import Counter
from concurrent.futures import ProcessPoolExecutor

import pytest

from anabranch import Builder, Collect, Parallelizable, module_from_functions, retry
from anabranch.lifecycle import WorkerLogs


def outer(count: int) -> Parallelizable[int]:
    yield from range(count)


def inner(outer: int) -> Parallelizable[int]:
    yield from range(2)


def speak(inner: int, outer: int) -> int:
    logging.getLogger("flow").info("item %d of %d", inner, outer)
    logging.getLogger("flow.debug").debug("not this")
    print("one", inner, end=" ")
    print("line\nand another")
    return inner


def total(speak: Collect[Collect[int]]) -> int:
    print("the end", file=sys.stderr)
    try:
        raise ValueError("bad")
    except ValueError:
        logging.getLogger("flow").exception("it failed")
    return sum(map(sum, speak))


FLOW = module_from_functions(outer, inner, speak, total)

PLACES = [
    ("sequential", {}),
    ("threads", {"workers": 2}),
    ("processes", {"workers": 2}),
    ("ray", {"workers": 2}),
    ("dask", {"workers": 1}),
]


def run(executor, logs, flow=FLOW, output="total", **inputs):
    name, options = executor if isinstance(executor, tuple) else (executor, {})
    with Builder().with_modules(flow).with_executor(name, **options).with_adapters(logs).build() as driver:
        return driver.execute([output], inputs or {"count": 3})


@pytest.mark.parametrize(("name", "options"), PLACES)
def test_lines_come_back_with_function_and_item(name, options, caplog):
    with warnings.catch_warnings(), caplog.at_level(logging.INFO):
        warnings.simplefilter("ignore")
        assert run((name, options), WorkerLogs()) == {"total": 3}
    said = {(record.name, record.levelname, record.getMessage()) for record in caplog.records}
    for i in range(3):
        for j in range(2):
            assert ("flow", "INFO", f"speak[{i},{j}]: item {j} of {i}") in said
            assert ("anabranch.prints", "INFO", f"speak[{i},{j}]: one {j} line") in said
            assert ("anabranch.prints", "INFO", f"speak[{i},{j}]: and another") in said
    assert not any("not this" in text for _, _, text in said)
    failed = next(record for record in caplog.records if "it failed" in record.getMessage())
    assert (failed.anabranch_node, failed.anabranch_item, failed.levelname) == ("total", (), "ERROR")
    assert failed.exc_info or "ValueError: bad" in failed.getMessage()


@pytest.mark.parametrize("executor", ["threads", "processes"])
def test_prints_are_never_lost_where_nobody_listens(executor, capsys):
    logger = logging.getLogger("anabranch.prints")
    logger.setLevel(logging.ERROR)
    try:
        run((executor, {"workers": 1}), WorkerLogs(), count=1)
    finally:
        logger.setLevel(logging.NOTSET)
    said = [f"speak[0,{n}]: {text}" for n in range(2) for text in (f"one {n} line", "and another")]
    assert capsys.readouterr().out.splitlines() == said


def test_all_is_as_before_after_a_run():
    before = (sys.stdout, logging.getLogRecordFactory())
    run("sequential", WorkerLogs())
    assert (sys.stdout, logging.getLogRecordFactory()) == before


def test_whoever_takes_standard_output_meanwhile_gets_lines_with_their_place():
    """As bars on a terminal do, that come a while after a run has begun and go after its end."""
    taken, before = io.StringIO(), sys.stdout
    saved = []

    def take(outer: int) -> int:
        if not saved:
            saved.append(sys.stdout)
            sys.stdout = taken
        return outer

    def tell(taking: Collect[int]) -> int:
        print("told")
        return len(taking)

    def taking(take: int) -> int:
        return take

    try:
        run("sequential", WorkerLogs(), module_from_functions(outer, take, taking, tell), "tell", count=1)
        assert taken.getvalue() == "tell: told\n"
        sys.stdout = saved[0]  # they put back what they found, which is of a run that is over
        print("after", file=sys.stdout)
        run("sequential", WorkerLogs(), count=1)
    finally:
        sys.stdout = before


def test_prints_can_be_left_alone(capsys, caplog):
    run("sequential", WorkerLogs(prints=False), count=1)
    assert capsys.readouterr().out == "one 0 line\nand another\none 1 line\nand another\n"


def test_a_pool_of_somebody_else(caplog):
    with ProcessPoolExecutor(1) as pool, caplog.at_level(logging.INFO):
        with Builder().with_modules(FLOW).with_executor(pool).with_adapters(WorkerLogs()).build() as driver:
            driver.execute(["total"], inputs={"count": 1})
    assert "speak[0,1]: item 1 of 0" in caplog.text


def chatty(outer: int) -> int:
    for number in range(20_000):
        print(number)
    return outer


@retry(2)
def shaky(outer: int) -> int:
    print("again")
    if outer == 1 and not hasattr(sys, "shaken"):
        sys.shaken = True
        raise ValueError
    return outer


def end(chatty: Collect[int]) -> int:
    return len(chatty)


def ends(shaky: Collect[int]) -> int:
    return len(shaky)


def test_one_call_cannot_flood_the_driver(caplog):
    with caplog.at_level(logging.INFO):
        run(("processes", {"workers": 1}), WorkerLogs(), module_from_functions(outer, chatty, end), "end", count=1)
    lines = [record.getMessage() for record in caplog.records if record.name == "anabranch.prints"]
    assert len(lines) == 10_001
    assert lines[-1].endswith("10,000 more lines of one call were left out")


def test_another_attempt_has_a_place_too(caplog):
    with caplog.at_level(logging.INFO):
        run(("processes", {"workers": 1}), WorkerLogs(), module_from_functions(outer, shaky, ends), "ends", count=2)
    assert sorted(record.getMessage() for record in caplog.records) == ["shaky[0]: again", "shaky[1]: again", "shaky[1]: again"]


def test_a_line_without_an_end_is_a_line():
    def half(count: int) -> int:
        print("half", end="")
        return count

    stream, before = io.StringIO(), sys.stdout
    sys.stdout = stream
    try:
        run("sequential", WorkerLogs(), module_from_functions(half), "half", count=1)
    finally:
        sys.stdout = before
    assert stream.getvalue() == "half: half\n"


@pytest.mark.parametrize("name", ["sequential", "processes"])
def test_a_line_has_the_place_of_who_says_it(name, caplog):
    """In loops within loops, with and without a loop inside; on a second attempt; of what makes the items; after a loop."""

    def outer(count: int) -> Parallelizable[int]:
        yield from range(count)

    def middle(outer: int) -> Parallelizable[int]:
        print("opens")
        yield 0
        yield 1

    def inner(middle: int) -> Parallelizable[int]:
        print("opens")
        yield 0
        yield 1

    tried = set()

    @retry(3)
    def leaf(inner: int, middle: int, outer: int) -> int:
        print(outer, middle, inner)
        if (outer, middle, inner) not in tried:
            tried.add((outer, middle, inner))
            raise OSError("again")
        return 1

    def some(leaf: Collect[int], middle: int, outer: int) -> int:
        print(outer, middle)
        return sum(leaf)

    def most(some: Collect[int], outer: int) -> int:
        print(outer)
        return sum(some)

    def all_(most: Collect[int]) -> int:
        print("all")
        return sum(most)

    flow = module_from_functions(outer, middle, inner, leaf, some, most, all_)
    with caplog.at_level(logging.INFO):
        assert run((name, {"workers": 1} if name != "sequential" else {}), WorkerLogs(), flow, "all_", count=2) == {"all_": 8}
    said = Counter(record.getMessage() for record in caplog.records if record.name == "anabranch.prints")
    pairs = [(i, j) for i in range(2) for j in range(2)]
    expected = Counter({f"leaf[{i},{j},{k}]: {i} {j} {k}": 2 for i, j in pairs for k in range(2)})
    expected.update([f"some[{i},{j}]: {i} {j}" for i, j in pairs])
    expected.update(["most[0]: 0", "most[1]: 1", "all_: all"])
    opened = Counter([f"middle[{i}]: opens" for i in range(2)] + [f"inner[{i},{j}]: opens" for i, j in pairs])
    assert expected <= said <= expected + opened  # items that the driver asks for itself are opened outside of any call
    if name == "sequential":
        assert said == expected + opened
