"""A driver inside of a function of another driver's flow, on every executor."""

from __future__ import annotations

import pytest

from anabranch import Builder, Collect, Driver, Parallelizable, module_from_functions
from anabranch.registry import make_executor

pytestmark = [
    pytest.mark.timeout(300),
    pytest.mark.filterwarnings("ignore::ResourceWarning:ray"),
    pytest.mark.filterwarnings("ignore:.*accelerator visible devices.*:FutureWarning"),
]

OPTIONS = {"sequential": {}, "threads": {"workers": 2}, "processes": {"workers": 2}, "ray": {"workers": 2}, "dask": {"workers": 2}}
NEEDS = {"ray": "ray", "dask": "distributed"}


def letter(word: str) -> Parallelizable[str]:
    yield from word


def code(letter: str) -> int:
    return ord(letter)


def checksum(code: Collect[int]) -> int:
    return sum(code)


INNER = module_from_functions(letter, code, checksum, name="inner")


def word(text: str) -> Parallelizable[str]:
    yield from text.split()


def built_here(word: str) -> int:
    with Builder().with_modules(INNER).build() as driver:
        return driver.execute(["checksum"], {"word": word})["checksum"]


def on_threads(word: str) -> int:
    with Builder().with_modules(INNER).with_executor("threads", workers=2).build() as driver:
        return driver.execute(["checksum"], {"word": word})["checksum"]


def total(built_here: Collect[int], on_threads: Collect[int]) -> int:
    assert built_here == on_threads
    return sum(built_here)


def outside(text: str) -> int:
    return Driver({}, INNER).execute([checksum], {"word": text})["checksum"]


TEXT = "some words of a text"
EXPECTED = {"total": sum(map(ord, TEXT.replace(" ", ""))), "outside": sum(map(ord, TEXT))}


@pytest.fixture(scope="module", params=OPTIONS)
def executor(request):
    if request.param in NEEDS:
        pytest.importorskip(NEEDS[request.param])
    executor = make_executor(request.param, dict(OPTIONS[request.param]))
    yield executor
    executor.close()


def test_a_driver_that_a_function_builds(executor):
    flow = module_from_functions(word, built_here, on_threads, total, outside)
    driver = Builder().with_modules(flow).with_executor(executor).build()
    for _ in range(2):
        assert driver.execute(["total", "outside"], {"text": TEXT}) == EXPECTED


def test_a_driver_that_comes_along(executor):
    inner = Driver({"word": "abc"}, INNER)

    def checked(word: str) -> int:
        return inner.execute(["checksum"], overrides={"letter": list(word)})["checksum"]

    def sums(checked: Collect[int]) -> int:
        return sum(checked)

    driver = Builder().with_modules(module_from_functions(word, checked, sums)).with_executor(executor).build()
    assert driver.execute(["sums"], {"text": TEXT}) == {"sums": EXPECTED["total"]}


def test_a_driver_on_the_executor_that_it_runs_on():
    executor = make_executor("threads", {"workers": 2})
    inner = Builder().with_modules(INNER).with_executor(executor).build()

    def checked(word: str) -> int:
        return inner.execute(["checksum"], {"word": word})["checksum"]

    def sums(checked: Collect[int]) -> int:
        return sum(checked)

    driver = Builder().with_modules(module_from_functions(word, checked, sums)).with_executor(executor).build()
    assert driver.execute(["sums"], {"text": TEXT}) == {"sums": EXPECTED["total"]}
    executor.close()
