"""The main job: `examples/census.py` gives what a plain loop gives, and the same on every executor."""

import functools
import importlib
import sys
import sysconfig
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pandas as pd
import pytest
from pandas.testing import assert_frame_equal

from anabranch import Builder

HERE = Path(__file__).parent
EXECUTORS = ["sequential", "threads", "processes", "ray", "dask"]
PACKAGES = ["asyncio", "email", "http", "importlib", "json", "re", "unittest", "xml"]
MODULES = ["ast.py", "heapq.py", "this.py", "typing.py"]

pytestmark = [
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),  # of the parsed files: escapes, mostly
    pytest.mark.filterwarnings("ignore::SyntaxWarning"),
]

Tables = tuple[pd.DataFrame, pd.DataFrame]


@pytest.fixture(scope="module")
def modules() -> Iterator[tuple[ModuleType, ModuleType]]:
    """The example and its oracle, imported by name; so workers can import them too."""
    added = [str(HERE.parents[1] / "examples"), str(HERE)]
    sys.path[:0] = added
    try:
        yield importlib.import_module("census"), importlib.import_module("census_by_hand")
    finally:
        for folder in added:
            sys.path.remove(folder)


@pytest.fixture(scope="module")
def census(modules: tuple[ModuleType, ModuleType]) -> ModuleType:
    return modules[0]


@pytest.fixture(scope="module")
def by_hand(modules: tuple[ModuleType, ModuleType]) -> Callable[[str], Tables]:
    return functools.cache(modules[1].by_hand)


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Some of the standard library, with what a census may stumble over."""
    library, root = Path(sysconfig.get_path("stdlib")), tmp_path_factory.mktemp("library")
    for file in [*MODULES, *(f"{name}/**/*.py" for name in PACKAGES)]:
        for path in library.glob(file):
            target = root / path.relative_to(library)
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(path.read_bytes())
    (root / "json" / "broken.py").write_text("def does_not_parse(:\n    pass\n")
    (root / "nothing").mkdir()
    (root / "nothing" / "__init__.py").write_text("")
    (root / "no-package").mkdir()
    (root / "no-package" / "__init__.py").write_text("def not_counted(): ...\n")
    return str(root)


def counted(census: ModuleType, executor: str, options: dict[str, Any], **inputs: str) -> Tables:
    with Builder().with_modules(census).with_executor(executor, **options).build() as driver:
        results = driver.execute(["ranking", "table"], inputs=inputs)
    return results["ranking"], results["table"]


def assert_same(found: Tables, expected: Tables) -> None:
    for mine, theirs in zip(found, expected, strict=True):
        assert_frame_equal(mine, theirs, check_exact=True)


def test_the_standard_library_on_all_processors(census: ModuleType, by_hand: Callable[[str], Tables]) -> None:
    ranking, table = counted(census, "processes", {})
    assert_same((ranking, table), by_hand(sysconfig.get_path("stdlib")))
    assert len(ranking) == 10
    assert {"asyncio", "email", "(modules)"} <= set(table.index)


@pytest.mark.parametrize("executor", EXECUTORS)
def test_every_executor_gives_the_same(
    census: ModuleType, by_hand: Callable[[str], Tables], small: str, executor: str
) -> None:
    if executor in {"ray", "dask"}:
        pytest.importorskip({"ray": "ray", "dask": "distributed"}[executor])
    options = {} if executor == "sequential" else {"workers": 2}
    assert_same(counted(census, executor, options, root=small), by_hand(small))


def test_what_is_odd_is_counted_right(by_hand: Callable[[str], Tables], small: str) -> None:
    _, table = by_hand(small)
    assert set(table.index) == {"(modules)", "nothing", *PACKAGES}
    assert table.loc["nothing", "functions"] == 0
