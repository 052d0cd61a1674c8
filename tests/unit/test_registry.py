from __future__ import annotations

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from importlib.metadata import EntryPoint

import pytest

from anabranch import ExecutorError, registry
from anabranch.executor import Traits
from anabranch.registry import known_executors, make_executor
from anabranch_executors.futures import FuturesExecutor
from anabranch_executors.sequential import SequentialExecutor
from anabranch_executors.threads import ThreadExecutor


class ThirdParty:
    """An executor as another package would register it."""

    def __init__(self, colour="red"):
        self.colour = colour
        self.traits = Traits(1, 1)

    def lease(self): ...

    def close(self): ...


@pytest.fixture
def points(monkeypatch):
    """The entry points that there seem to be."""
    found = {}
    monkeypatch.setattr("importlib.metadata.entry_points", lambda **_: list(found.values()))
    registry._points.cache_clear()
    yield found
    registry._points.cache_clear()


def point(name, value):
    return EntryPoint(name, value, registry.GROUP)


def test_the_five_are_known_by_name():
    assert {known.name for known in known_executors()} >= {"sequential", "threads", "processes", "ray", "dask"}
    assert all(known.target.startswith("anabranch_executors.") for known in known_executors() if known.name in registry.EXTRAS)


def test_an_extra_that_is_missing_is_named(monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None if name == "ray" else object())
    missing = {known.name: known.missing for known in known_executors()}
    assert missing["ray"] == "ray"
    assert missing["dask"] == missing["threads"] == ""


def test_options_go_to_the_executor():
    assert isinstance(make_executor("sequential", {}), SequentialExecutor)
    executor = make_executor("threads", {"workers": 3})
    assert isinstance(executor, ThreadExecutor)
    assert executor.traits.slots == 3


def test_an_executor_object_is_taken_as_it_is():
    mine = ThirdParty()
    assert make_executor(mine, {}) is mine
    with pytest.raises(ExecutorError, match=r"\['workers'\] go to an executor given by name"):
        make_executor(mine, {"workers": 2})


def test_a_futures_pool_is_adapted():
    with ThreadPoolExecutor(2) as pool:
        assert isinstance(make_executor(pool, {}), FuturesExecutor)


@pytest.mark.parametrize("thing", [7, None, object(), Traits(1, 1)])
def test_what_is_no_executor(thing):
    with pytest.raises(ExecutorError, match=f"{type(thing).__name__} is no executor"):
        make_executor(thing, {})


def test_a_third_partys_executor_is_found_by_name(points):
    points["mine"] = point("mine", f"{__name__}:ThirdParty")
    sys.modules.setdefault(__name__, sys.modules[ThirdParty.__module__])
    assert make_executor("mine", {"colour": "blue"}).colour == "blue"


def test_one_that_was_installed_since_is_found(points):
    with pytest.raises(ExecutorError, match="unknown executor 'mine'; there are none"):
        make_executor("mine", {})
    points["mine"] = point("mine", f"{ThirdParty.__module__}:ThirdParty")
    assert make_executor("mine", {}).colour == "red"


def test_one_that_cannot_be_imported_says_what_to_install(points):
    points["mine"] = point("mine", "there_is_no_such_module:Thing")
    with pytest.raises(ExecutorError, match=r"'mine' needs what is not installed .*there_is_no_such_module") as caught:
        make_executor("mine", {})
    assert isinstance(caught.value.__cause__, ImportError)


def test_options_that_it_does_not_take(points):
    points["mine"] = point("mine", f"{ThirdParty.__module__}:ThirdParty")
    with pytest.raises(ExecutorError, match="executor 'mine' has no option 'size'; its options are 'colour'"):
        make_executor("mine", {"size": 3})


def test_an_unknown_name_gets_the_nearest_and_all():
    with pytest.raises(ExecutorError, match=r"unknown executor 'thread'; did you mean 'threads'\?"):
        make_executor("thread", {})


def test_asking_for_one_executor_imports_no_other():
    script = (
        "import sys; from anabranch.registry import make_executor, known_executors; make_executor('sequential', {});"
        "known_executors(); print([m for m in ('ray', 'distributed', 'dask', 'anabranch_executors.ray') if m in sys.modules])"
    )
    assert subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout.strip() == "[]"
