"""For all tests: nothing may be left behind, and hypothesis is set in one place.

A hang ends with the stacks of all threads (`timeout` in pyproject.toml). `tests/property` says how to run more examples.
"""

from __future__ import annotations

import gc
import os
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, Phase, settings

from anabranch.testing.leftovers import Surroundings

settings.register_profile(
    "anabranch",
    deadline=None,  # a slow machine is no failure
    derandomize=bool(os.environ.get("CI")),  # the gate says the same twice; every other run looks for something new
    phases=(Phase.explicit, Phase.reuse, Phase.generate, Phase.shrink),  # to explain takes longer than to shrink
    suppress_health_check=(HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much),
    print_blob=True,
)
settings.load_profile("anabranch")

KNOWN_THREADS = (
    "Dask-",  # distributed's pools, once per process
    "asyncio_",  # the default pool of distributed's loop
    "Profile",  # distributed's watcher
    "ThreadPoolExecutor-",  # loky's and distributed's helpers, joined at exit
    "ExecutorManagerThread",  # loky's reusable pool
    "fsspecIO",  # fsspec's loop
    "ray_",
)
"""Beginnings of the names of threads that third parties start once and keep until the interpreter's exit."""

WIDER = {"class", "module", "package", "session"}
OWN = {"_nothing_is_left_in_module", "_libraries_are_not_looked_at_again"}
"""Fixtures of this file that each module has, and that start nothing."""


def _uses_wider_fixtures(node: pytest.Item) -> bool:
    """Whether something that lives longer than the test is used: it may start workers in the first test that needs them."""
    known = node._fixtureinfo.name2fixturedefs
    own = (definition for name, found in known.items() if name not in OWN for definition in found)
    return getattr(node.cls, "setup_class", None) is not None or any(
        definition.scope in WIDER and definition.baseid for definition in own
    )


@pytest.fixture(autouse=True, scope="module")
def _nothing_is_left_in_module() -> Iterator[None]:
    """What a module's tests and fixtures start has ended when they are done."""
    before = Surroundings.now()
    yield
    left = before.left_behind(known_threads=KNOWN_THREADS)
    assert not left, f"left behind by this module: {left}"


@pytest.fixture(autouse=True)
def _nothing_is_left(request: pytest.FixtureRequest) -> Iterator[None]:
    """What a test starts has ended when it is done, unless it belongs to a fixture that lives longer."""
    if _uses_wider_fixtures(request.node):
        yield
        return
    before = Surroundings.now()
    yield
    left = before.left_behind(known_threads=KNOWN_THREADS)
    assert not left, f"left behind: {left}"


@pytest.hookimpl(trylast=True)
def pytest_collection_finish() -> None:
    """Takes what the imports have made out of the collector's sight: many tests collect, and would look at all of it."""
    gc.collect()
    gc.freeze()


@pytest.fixture(autouse=True, scope="module")
def _libraries_are_not_looked_at_again() -> Iterator[None]:
    """The same for what a module's tests have imported."""
    yield
    gc.collect()
    gc.freeze()


_figures: dict[str, tuple[int, float]] = {}


@pytest.fixture(scope="session")
def figures() -> dict[str, tuple[int, float]]:
    """How many flows were run where, and in how many seconds; shown at the end."""
    return _figures


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Tells how much was compared with the oracle."""
    if _figures:
        terminalreporter.section("flows compared with the oracle")
        for name, (count, seconds) in sorted(_figures.items()):
            terminalreporter.write_line(f"{name:24} {count:6} flows in {seconds:7.1f} s")
