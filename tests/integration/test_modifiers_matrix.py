"""Every function modifier on every executor, outside and inside of a fan-out, with ``def`` and ``async def``, against plain Python."""

from __future__ import annotations

import importlib
import pickle
import re
import sys
from time import perf_counter

import pytest
from modifier_cases import CASES

import anabranch.function_modifiers
from anabranch import Builder, Parallelizable, module_from_functions
from anabranch.registry import make_executor

EXECUTORS = {
    "sequential": {},
    "threads": {"workers": 3},
    "asyncio": {"workers": 3},
    "processes": {"workers": 2},
    "ray": {"workers": 2},
    "dask": {"workers": 2},
}
NEEDS = {"ray": "ray", "dask": "distributed"}
ITEMS = [3, 1, 4]

NO_DECORATORS = {
    "DATA_VALIDATOR_ORIGINAL_OUTPUT_TAG": "the name of a tag",
    "IS_DATA_VALIDATOR_TAG": "the name of a tag",
    "Condition": "data",
    "InvalidDecoratorException": "an error",
    "LiteralDependency": "data",
    "Modifier": "the base of all",
    "UpstreamDependency": "data",
}
"""What the package exports that is used in no flow, and why."""

pytestmark = [
    pytest.mark.timeout(600),
    pytest.mark.filterwarnings("ignore::ResourceWarning:ray"),
    pytest.mark.filterwarnings("ignore:.*accelerator visible devices.*:FutureWarning"),
]


@pytest.fixture(scope="module", params=EXECUTORS)
def executor(request):
    """One executor for all cases; its workers live as long."""
    if request.param in NEEDS:
        pytest.importorskip(NEEDS[request.param])
    executor = make_executor(request.param, dict(EXECUTORS[request.param]))
    yield executor
    executor.close()


@pytest.fixture(autouse=True)
def _figures(request, figures):
    """How many cases were run on each executor, and how long that took; see `tests/conftest.py`."""
    started = perf_counter()
    yield
    if "executor" in request.fixturenames:
        name = f"modifiers on {request.node.callspec.params['executor']}"
        count, seconds = figures.get(name, (0, 0.0))
        figures[name] = (count + 1, seconds + perf_counter() - started)


@pytest.fixture(scope="module")
def modules(tmp_path_factory):
    """The cases as files, so that workers import what they can reach."""
    folder = tmp_path_factory.mktemp("cases")
    texts = {}
    for number, case in enumerate(CASES):
        texts[f"modifier_case_{number}_def"] = case.source
        texts[f"modifier_case_{number}_async"] = case.coroutines
    for name, text in texts.items():
        (folder / f"{name}.py").write_text(text, encoding="utf-8")
    sys.path.insert(0, str(folder))
    importlib.invalidate_caches()
    yield lambda case, said="def": importlib.import_module(f"modifier_case_{CASES.index(case)}_{said}")
    sys.path.remove(str(folder))
    for name in texts:
        sys.modules.pop(name, None)


def x(items: list[int]) -> Parallelizable[int]:
    """Opens the fan-out that a case stands in: its input."""
    return items


@pytest.mark.parametrize("shape", ["outside def", "inside def", "outside async", "inside async"])
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_matrix(case, shape, executor, modules, tmp_path):
    place, said = shape.split()
    for library in case.needs:
        pytest.importorskip(library)
    wanted = {given: case.expected(given) for given in ITEMS}
    outputs = list(wanted[ITEMS[0]])
    config = {**case.config, "folder": str(tmp_path)}
    builder = Builder().with_modules(modules(case, said)).with_config(config).with_executor(executor)
    if place == "outside":
        driver = builder.build()
        for given in ITEMS:
            assert driver.execute(outputs, {"x": given}) == wanted[given]
    else:
        driver = builder.with_modules(module_from_functions(x)).build()
        found = driver.execute(outputs, {"items": ITEMS})
        for number, given in enumerate(ITEMS):
            assert {output: found[output][number] for output in outputs if _varies(driver, output)} == {
                output: expected for output, expected in wanted[given].items() if _varies(driver, output)
            }
        assert any(_varies(driver, output) for output in outputs)
        for output in outputs:
            if not _varies(driver, output):
                assert found[output] == wanted[ITEMS[0]][output] == wanted[ITEMS[1]][output]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_what_nodes_call_travels_by_reference(case, modules):
    """Only what is defined inside a function travels by value; nothing that a modifier makes does."""
    for library in case.needs:
        pytest.importorskip(library)
    config = {**case.config, "folder": ""}
    driver = Builder().with_modules(modules(case)).with_config(config).build()
    for node in driver.graph.nodes.values():
        local = any("<locals>" in function.__qualname__ for function in (*node.originating, _innermost(node.function)))
        if not local:
            assert len(pickle.dumps(node.function)) < 1000, node.label


def _innermost(function):
    while hasattr(function, "func"):
        function = function.func
    return function if hasattr(function, "__qualname__") else type(function)


def _varies(driver, output):
    """Whether an output runs along the outer fan-out; what depends on no `x` does not."""
    return driver.graph.value_axes(output)[:1] == ("x",)


@pytest.mark.parametrize("name", NO_DECORATORS)
def test_what_is_left_out_and_why(name):
    pytest.skip(f"{name} is used in no flow: it is {NO_DECORATORS[name]}")


def test_every_modifier_is_in_the_matrix():
    used = set(re.findall(r"\w+", "\n".join(case.text for case in CASES)))
    missing = set(anabranch.function_modifiers.__all__) - used - set(NO_DECORATORS)
    assert not missing, f"no case for {sorted(missing)}"
    assert set(NO_DECORATORS) <= set(anabranch.function_modifiers.__all__)
