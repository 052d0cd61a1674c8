"""``import hamilton`` gives the shim: one module object under both names, executed once."""

from __future__ import annotations

import importlib
import importlib.util
import pickle
import pkgutil
import subprocess
import sys
import types
from unittest import mock

import pytest

from anabranch.compat import hamilton as shim

HOME = "anabranch.compat.hamilton"
MODULES = sorted(
    name.removeprefix(f"{HOME}.")
    for _, name, _ in pkgutil.walk_packages(shim.__path__, f"{HOME}.")
    if not any(part.startswith("_") for part in name.removeprefix(f"{HOME}.").split("."))
)


@pytest.mark.parametrize("name", MODULES)
def test_every_module_is_one_object_under_both_names(hamilton, name):
    theirs = importlib.import_module(f"hamilton.{name}")
    assert theirs is importlib.import_module(f"{HOME}.{name}")
    assert theirs.__name__ == theirs.__spec__.name == f"{HOME}.{name}"
    assert sys.modules[f"hamilton.{name}"] is theirs


def test_what_the_issue_lists_is_there():
    listed = """driver htypes function_modifiers function_modifiers_base base lifecycle lifecycle.default execution.executors
        execution.grouping io.data_adapters io.materialization io.utils ad_hoc_utils registry settings telemetry node graph
        graph_types models data_quality data_quality.base caching plugins.h_ray plugins.h_dask plugins.h_threadpool plugins.h_polars
        plugins.h_pandas plugins.pandas_extensions plugins.jupyter_magic experimental log_setup version""".split()
    assert set(listed) <= set(MODULES)


def test_a_module_runs_once(hamilton, tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "uses_both.py").write_text(
        "import hamilton.driver as theirs\nimport anabranch.compat.hamilton.driver as ours\nfrom hamilton import driver\n"
    )
    module = importlib.import_module("uses_both")
    monkeypatch.delitem(sys.modules, "uses_both")
    assert module.theirs is module.ours is module.driver
    assert pickle.loads(pickle.dumps(module.theirs.Builder)) is module.ours.Builder


def test_a_submodule_and_a_function_may_have_one_name(hamilton):
    importlib.import_module("hamilton.function_modifiers.configuration")
    from hamilton.function_modifiers import configuration
    from hamilton.function_modifiers.configuration import config, hamilton_exclude

    assert isinstance(configuration, types.FunctionType)
    assert isinstance(sys.modules["hamilton.function_modifiers.configuration"], types.ModuleType)
    assert config.when
    assert hamilton_exclude


def test_a_name_that_is_not_there_says_what_to_use_instead(hamilton):
    with pytest.raises(ImportError, match=r"anabranch has no 'hamilton.driver.Nothing': see docs/from-hamilton.md"):
        from hamilton.driver import Nothing  # noqa: F401
    with pytest.raises(ImportError, match="Ray has no workflows any more"):
        from hamilton.plugins.h_ray import RayWorkflowGraphAdapter  # noqa: F401
    with pytest.raises(
        ModuleNotFoundError, match="anabranch has no 'hamilton.plugins.h_spark': anabranch has no Spark executor"
    ):
        importlib.import_module("hamilton.plugins.h_spark")
    with pytest.raises(ModuleNotFoundError, match="hamilton.no_such_module"):
        importlib.import_module("hamilton.no_such_module")


def test_who_asks_otherwise_gets_an_attribute_error(hamilton):
    from hamilton import driver

    assert not hasattr(driver, "Nothing")
    assert getattr(driver, "Nothing", 3) == 3
    with pytest.raises(AttributeError, match="module 'hamilton.driver' has no attribute 'Nothing'"):
        driver.Nothing


def test_what_is_patched_is_ours(hamilton):
    from anabranch.compat.hamilton import driver, telemetry

    with mock.patch("hamilton.driver.Driver.execute", return_value=5):
        assert driver.Driver({}).execute(["x"]) == 5
    with mock.patch("hamilton.telemetry.is_telemetry_enabled", return_value=True):
        assert telemetry.is_telemetry_enabled()
    assert not telemetry.is_telemetry_enabled()


def test_installing_twice_does_nothing_and_the_spec_can_be_found(hamilton):
    before = list(sys.meta_path)
    hamilton.install()
    assert sys.meta_path == before
    spec = importlib.util.find_spec("hamilton.execution.executors")
    assert spec.loader.get_code(spec.name).co_filename.endswith("executors.py")
    assert "class MultiThreadingExecutor" in spec.loader.get_source(spec.name)
    assert importlib.util.find_spec("hamilton.execution").submodule_search_locations is not None


def test_the_real_one_must_not_be_there_already(monkeypatch):
    monkeypatch.setitem(sys.modules, "hamilton", types.ModuleType("hamilton"))
    with pytest.raises(
        ImportError, match=r"'hamilton' has been imported already, from a module without a file; call .*install\(\)"
    ):
        shim.install()


def test_who_does_not_use_it_does_not_see_it():
    program = (
        "import sys, anabranch, anabranch.function_modifiers, anabranch.lifecycle, anabranch.io\n"
        "anabranch.Builder\n"
        "print([name for name in sys.modules if name.startswith('anabranch.compat')], len(sys.meta_path))\n"
    )
    bare = subprocess.run(
        [sys.executable, "-c", "import sys; print(len(sys.meta_path))"], capture_output=True, text=True, check=True
    )
    seen = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert seen.stdout == f"[] {bare.stdout}"


# -- scripts -------------------------------------------------------------------------------------------------------

SCRIPT = """
import sys
from hamilton import ad_hoc_utils, driver
from hamilton.execution.executors import MultiProcessingExecutor
from hamilton.htypes import Collect, Parallelizable
import flow_of_a_script

def double(number: int) -> int:
    return 2 * number

module = ad_hoc_utils.create_temporary_module(double)
builder = driver.Builder().with_modules(flow_of_a_script, module).enable_dynamic_execution(allow_experimental_mode=True)
with builder.with_remote_executor(MultiProcessingExecutor(2)).build() as dr:
    print(dr.execute(["total", "places"], inputs={"limit": 4}), sys.argv[1:], __name__)
"""
FLOW = """
import hamilton
from hamilton.htypes import Collect, Parallelizable

def number(limit: int) -> Parallelizable[int]:
    yield from range(limit)

def total(double: Collect[int]) -> int:
    return sum(double)

def place(number: int) -> str:
    return hamilton.__name__

def places(place: Collect[str]) -> list:
    return sorted(set(place))
"""


@pytest.mark.parametrize("way", ["script", "module"])
def test_a_script_runs_unchanged_and_its_workers_have_the_shim_too(tmp_path, way):
    (tmp_path / "flow_of_a_script.py").write_text(FLOW)
    (tmp_path / "script.py").write_text(SCRIPT)
    what = [str(tmp_path / "script.py")] if way == "script" else ["-m", "script"]
    line = [sys.executable, "-m", HOME, *what, "one", "-m"]
    made = subprocess.run(line, capture_output=True, text=True, cwd=tmp_path, timeout=100)
    assert made.stderr == ""
    assert made.stdout == f"{{'total': 12, 'places': ['{HOME}']}} ['one', '-m'] __main__\n"


@pytest.mark.parametrize("arguments", [[], ["-m"], ["--help"], ["no_such_script.py"]])
def test_what_names_no_script(arguments):
    made = subprocess.run([sys.executable, "-m", HOME, *arguments], capture_output=True, text=True)
    assert made.returncode == 1
    assert "usage: python -m anabranch.compat.hamilton" in made.stderr
