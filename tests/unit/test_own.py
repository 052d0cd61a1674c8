"""What each worker has for itself: made once, there, and closed."""

import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from anabranch import Builder, Collect, FlowError, Parallelizable, limit, module_from_functions, per_worker, timeout

WORKERS = {"sequential": {}, "threads": {"workers": 3}, "processes": {"workers": 2}}


class Client:
    """Says in a folder that it was made, used and closed; does not pickle."""

    def __init__(self, folder):
        self.file = Path(folder) / f"{os.getpid()}-{threading.get_ident()}-{len(os.listdir(folder))}"
        self.lock = threading.Lock()
        self.note("made")

    def note(self, word):
        with self.lock, self.file.open("a") as file:
            file.write(f"{word}\n")

    def close(self):
        self.note("closed")


def notes(folder):
    """For each client what it says, in words and how often it was used."""
    found = []
    for path in Path(folder).iterdir():
        lines = path.read_text().split()
        found.append((lines[0], lines.count("used"), lines[-1]))
    return found


def number(limit: int) -> Parallelizable[int]:
    yield from range(limit)


@per_worker
def client(folder: str):
    return Client(folder)


@per_worker
def session(folder: str):
    made = Client(folder)
    try:
        yield made
    finally:
        made.close()


def fetched(number: int, client: Client) -> int:
    client.note("used")
    return number


def fetched_in_session(number: int, session: Client) -> int:
    session.note("used")
    return number


def total(fetched: Collect[int]) -> int:
    return sum(fetched)


def driver_of(*functions, executor="sequential"):
    return Builder().with_modules(module_from_functions(*functions)).with_executor(executor, **WORKERS[executor]).build()


@pytest.mark.parametrize("executor", WORKERS)
@pytest.mark.parametrize(("own", "reader"), [(client, fetched), (session, fetched_in_session)])
def test_it_is_made_once_in_each_worker_and_closed_in_the_end(executor, own, reader, tmp_path):
    with driver_of(number, own, reader, executor=executor) as driver:
        for _ in range(2):
            found = driver.execute([reader.__name__], inputs={"limit": 400, "folder": str(tmp_path)})
            assert found == {reader.__name__: list(range(400))}
        made = notes(tmp_path)
        assert all(last != "closed" for _, _, last in made)
    made = notes(tmp_path)
    assert sum(used for _, used, _ in made) == 800
    assert all(first == "made" and last == "closed" for first, _, last in made)
    workers = [path.name.rpartition("-")[0] for path in tmp_path.iterdir()]
    assert len(workers) == len(set(workers)), "once in each"
    assert 1 <= len(made) <= (WORKERS[executor].get("workers") or 1) + 1, "and once in the driver, if it runs something itself"


@pytest.mark.parametrize("executor", ["threads", "processes"])
def test_it_is_closed_after_a_failure_too(executor, tmp_path):
    def fetched(number: int, session: Client) -> int:
        session.note("used")
        if number == 30:
            raise ValueError("no")
        return number

    with driver_of(number, session, fetched, executor=executor) as driver:
        with pytest.raises(ValueError, match="no"):
            driver.execute(["fetched"], inputs={"limit": 100, "folder": str(tmp_path)})
    assert {last for _, _, last in notes(tmp_path)} == {"closed"}


def test_it_is_closed_when_its_worker_is_ended_in_the_middle_of_something(tmp_path):
    def fetched(number: int, session: Client) -> int:
        session.note("used")
        if number == 5:
            while len(list(Path(session.file.parent).iterdir())) < 2:
                pass
            raise ValueError("no")
        threading.Event().wait(0.0 if number < 5 else 600)
        return number

    with driver_of(number, session, fetched, executor="processes") as driver:
        with pytest.raises(ValueError, match="no"):
            driver.execute(["fetched"], inputs={"limit": 100, "folder": str(tmp_path)})
        assert sum(last == "closed" for _, _, last in notes(tmp_path)) >= 1
    assert {last for _, _, last in notes(tmp_path)} == {"closed"}


SCRIPT = """
import os, signal, sys, threading
DRIVER = os.getpid()
sys.path.insert(0, {tests!r})
from test_own import *

def fetched(number: int, session: Client, limit: int) -> int:
    session.note("used")
    if number == limit - 1:
        os.kill(DRIVER, signal.SIGINT)
        threading.Event().wait(600)
    return number

driver = driver_of(number, session, fetched, executor={executor!r})
driver.execute(["fetched"], inputs={{"limit": 20, "folder": {folder!r}}})
"""


@pytest.mark.parametrize("executor", ["processes"])
def test_it_is_closed_after_ctrl_c(executor, tmp_path):
    script = SCRIPT.format(tests=str(Path(__file__).parent), executor=executor, folder=str(tmp_path))
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=100, check=False)
    assert "KeyboardInterrupt" in done.stderr
    assert {last for _, _, last in notes(tmp_path)} == {"closed"}


def test_one_that_is_made_of_another(tmp_path):
    @per_worker
    def table(client: Client, folder: str):
        return [client]

    def read(number: int, table: list, client: Client) -> bool:
        return table[0] is client

    with driver_of(number, client, table, read, executor="threads") as driver:
        assert all(driver.execute(["read"], inputs={"limit": 50, "folder": str(tmp_path)})["read"])


def test_an_override_takes_its_place():
    class Fake:
        def note(self, word):
            pass

    with driver_of(number, client, fetched) as driver:
        assert driver.execute(["fetched"], inputs={"limit": 2}, overrides={"client": Fake()}) == {"fetched": [0, 1]}


def test_other_decorators_of_the_reader_hold():
    @per_worker
    def counter(folder: str):
        return []

    @limit(concurrency=1)
    @timeout(60)
    def read(number: int, counter: list) -> int:
        counter.append(number)
        return len(counter)

    with driver_of(number, counter, read, executor="threads") as driver:
        found = driver.execute(["read"], inputs={"limit": 30, "folder": ""})["read"]
    assert len(found) == 30


def test_what_fails_to_be_made_is_the_readers_failure_and_says_so():
    @per_worker
    def client(folder: str):
        raise OSError("no server")

    @per_worker
    def nothing(folder: str):
        yield from ()

    def read(number: int, nothing: int) -> int:
        return number

    def fetched(number: int, client: Client) -> int:
        return number

    with driver_of(number, client, fetched) as driver:
        with pytest.raises(OSError, match="no server") as caught:
            driver.execute(["fetched"], inputs={"limit": 2, "folder": ""})
    assert any("while 'client'" in note for note in caught.value.__notes__)
    with driver_of(number, nothing, read) as driver:
        with pytest.raises(RuntimeError, match="'nothing' .* must yield what it makes, and yielded nothing"):
            driver.execute(["read"], inputs={"limit": 2, "folder": ""})


def test_what_makes_no_sense_is_refused():
    @per_worker
    def inside(number: int):
        return number

    @per_worker
    def many(limit: int) -> Parallelizable[int]:
        return range(limit)

    @per_worker
    def collected(number: Collect[int]):
        return number

    @timeout(3)
    @per_worker
    def slow(limit: int):
        return limit

    for functions, why in (
        ((number, inside), "reads what is inside the fan-out over 'number'"),
        ((many,), "is @per_worker and Parallelizable"),
        ((number, collected), "is @per_worker and collects"),
        ((slow,), "put other decorators on who needs it"),
    ):
        with pytest.raises(FlowError, match=why):
            driver_of(*functions)
