import importlib
import pickle
import sys

import pytest

from anabranch.errors import ExecutorError
from anabranch.transport import Reach, by_value, dumps
from anabranch_executors import cargo
from anabranch_executors.cargo import Cargo


class Bare:
    """Code that calls some functions."""

    def __init__(self, **functions):
        self.functions = functions


@pytest.fixture
def parcelled(tmp_path, monkeypatch):
    """A package, and a way to forget it as a worker would that never had it."""
    folder = tmp_path / "parcelled"
    (folder / "inner").mkdir(parents=True)
    (folder / "__init__.py").write_text("from parcelled.inner import depth\n")
    (folder / "inner/__init__.py").write_text("import pkgutil\n\ndef depth():\n    return int(pkgutil.get_data('parcelled', 'depth.txt'))\n")
    (folder / "depth.txt").write_text("3")
    monkeypatch.syspath_prepend(str(tmp_path))
    importlib.invalidate_caches()
    before = list(sys.meta_path)
    yield folder
    sys.meta_path[:] = before
    forget()


def forget():
    for name in [name for name in sys.modules if name.startswith("parcelled")]:
        del sys.modules[name]


def test_a_package_that_was_shipped_is_imported_over_there(parcelled, monkeypatch):
    depth = importlib.import_module("parcelled").depth
    going = Cargo(Reach.INSTALLED, ["parcelled"])
    with by_value(Reach.INSTALLED, going.shipped):
        bundle = going.around(Bare(depth=depth), dumps(depth))
    assert b"depth" in bundle
    forget()
    monkeypatch.setattr(sys, "path", [entry for entry in sys.path if entry != str(parcelled.parent)])
    importlib.invalidate_caches()
    there = pickle.loads(bundle)
    assert there() == 3
    assert there.__module__ == "parcelled.inner"
    assert there.__code__.co_filename.endswith("parcelled/inner/__init__.py")
    assert pickle.loads(bundle) is there, "and imported once"


def test_what_cannot_be_shipped_is_said():
    with pytest.raises(ExecutorError, match="ship='nowhere_to_be_found': it cannot be imported here"):
        Cargo(Reach.INSTALLED, ["nowhere_to_be_found"])
    with pytest.raises(ExecutorError, match="ship='math': it has no Python files; install it on the workers"):
        Cargo(Reach.INSTALLED, ["math"])


@pytest.mark.parametrize("what", ["Python", "anabranch", "cloudpickle"])
def test_a_version_that_differs_is_refused_before_the_code_is_loaded(what, monkeypatch):
    bundle = Cargo(Reach.INSTALLED).around(Bare(), b"no pickle at all")
    there = {**cargo._versions(), what: "another"}
    monkeypatch.setattr(cargo, "_versions", lambda: there)
    with pytest.raises(ExecutorError, match=f"is not as the driver is: {what} another instead of .*Install the same on both sides"):
        pickle.loads(bundle)


def test_a_module_that_differs_is_refused(monkeypatch):
    bundle = Cargo(Reach.INSTALLED).around(Bare(function=pytest.importorskip), dumps(1))
    assert pickle.loads(bundle) == 1
    monkeypatch.setattr(cargo, "_text_of", lambda name: "another")
    with pytest.raises(ExecutorError, match=r"module '_pytest.outcomes' has another text \(.*outcomes.py here\)"):
        pickle.loads(bundle)


def test_workers_of_this_machine_need_no_comparison():
    assert Cargo(Reach.SAME_PATH).around(Bare(), b"code") == b"code"
