"""`resume=True`: one request for a scheduler that tries again, whether there is a run already or not."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from anabranch import Builder, Collect, InputError, Parallelizable, module_from_functions
from anabranch.function_modifiers import cache
from anabranch.journal import Runs


def number(limit: int) -> Parallelizable[int]:
    yield from range(limit)


def fragile(number: int, folder: str) -> int:
    with open(Path(folder, "calls"), "a") as calls:
        calls.write(f"{number} ")
    if number == 3 and not Path(folder, "mended").exists():
        raise ConnectionError("not yet")
    return number * number


def total(fragile: Collect[int]) -> int:
    return sum(fragile)


@pytest.mark.parametrize("executor", ["sequential", "threads", "processes"])
def test_it_begins_goes_on_and_finds_everything(tmp_path, executor):
    flow = module_from_functions(number, fragile, total)
    builder = Builder().with_modules(flow).with_runs(tmp_path / "runs").with_executor(executor)
    inputs = {"limit": 6, "folder": str(tmp_path)}
    options = {"run_id": "nightly-7", "resume": True, "on_error": "finish"}
    with builder.build() as driver:
        with pytest.raises(ExceptionGroup):
            driver.execute(["total"], inputs, **options)
        (tmp_path / "mended").touch()
        assert driver.execute(["total"], inputs, **options) == {"total": 55}
        calls = (tmp_path / "calls").read_text().split()
        assert sorted(calls) == ["0", "1", "2", "3", "3", "4", "5"]
        again = driver.run(["total"], inputs, **options)
        assert (again.results, again.run_id) == ({"total": 55}, "nightly-7")
        assert (tmp_path / "calls").read_text().split() == calls
        with pytest.raises(InputError, match="cannot go on as what it was"):
            driver.execute(["total"], {**inputs, "limit": 5}, **options)


def test_it_needs_the_name_of_a_run(tmp_path):
    driver = Builder().with_modules(module_from_functions(number)).with_runs(tmp_path).build()
    with pytest.raises(InputError, match="resume=True goes with run_id="):
        driver.execute(["number"], {"limit": 1}, resume=True)
    assert driver.execute(["number"], {"limit": 1}, resume=False) == {"number": [0]}
    assert not list(tmp_path.iterdir())


def test_of_many_that_begin_at_once_one_runs_and_the_others_say_so(tmp_path):
    builder = Builder().with_modules(module_from_functions(number, fragile, total)).with_runs(tmp_path / "runs")
    (tmp_path / "mended").touch()
    barrier, found, refused = threading.Barrier(6), [], []

    def ask():
        with builder.build() as driver:
            barrier.wait()
            try:
                found.append(driver.execute(["total"], {"limit": 40, "folder": str(tmp_path)}, run_id="once", resume=True))
            except InputError as error:
                refused.append(str(error))

    threads = [threading.Thread(target=ask) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found and all(one == {"total": sum(n * n for n in range(40))} for one in found)
    assert all("drives it" in text for text in refused), refused
    assert sorted(map(int, (tmp_path / "calls").read_text().split())) == list(range(40))


def test_a_run_that_must_not_go_on_stays_as_it_was(tmp_path):
    builder = Builder().with_modules(module_from_functions(number, fragile, total)).with_runs(tmp_path / "runs")
    (tmp_path / "mended").touch()
    inputs = {"limit": 3, "folder": str(tmp_path)}
    with builder.build() as driver:
        driver.execute(["total"], inputs, run_id="once")
        journal = (tmp_path / "runs" / "once" / "journal").read_bytes()
        for _ in range(2):
            with pytest.raises(InputError, match="input 'limit' changed"):
                driver.execute(["total"], {**inputs, "limit": 4}, resume="once")
        assert (tmp_path / "runs" / "once" / "journal").read_bytes() == journal
        assert Runs(tmp_path / "runs").peek("once").state.value == "finished"
        assert driver.execute(["total"], inputs, resume="once") == {"total": 5}


@pytest.mark.parametrize("behavior", ["disable", "ignore"])
def test_what_is_good_for_one_process_only_is_not_kept(tmp_path, behavior):
    @cache(behavior=behavior)
    def address(folder: str) -> str:
        with open(Path(folder, "calls"), "a") as calls:
            calls.write("address ")
        return f"attempt {Path(folder, 'calls').read_text().count('address')}"

    def fetched(number: int, address: str, folder: str) -> str:
        if number == 2 and address == "attempt 1":
            raise ConnectionError
        return f"{number} in {address}"

    flow = module_from_functions(address, number, fetched)
    driver = Builder().with_modules(flow).with_runs(tmp_path / "runs").build()
    asked = ["fetched"], {"limit": 3, "folder": str(tmp_path)}
    with pytest.raises(ExceptionGroup):
        driver.execute(*asked, run_id="once", resume=True, on_error="finish")
    found = driver.execute(*asked, run_id="once", resume=True)["fetched"]
    assert found == ["0 in attempt 1", "1 in attempt 1", "2 in attempt 2"]
