"""Adapters and executors of clusters, by Hamilton's names."""

from __future__ import annotations

import sys

import pytest

pytestmark = [
    pytest.mark.usefixtures("hamilton"),
    pytest.mark.timeout(300),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore:.*accelerator visible devices.*:FutureWarning"),
]

FLOW = """
import hamilton
from hamilton.htypes import Collect, Parallelizable

def number(limit: int) -> Parallelizable[int]:
    yield from range(limit)

def place(number: int) -> str:
    return hamilton.__name__

def places(place: Collect[str], suffix: str = "") -> list:
    return [f"{one}{suffix}" for one in sorted(set(place))]
"""
OURS = "anabranch.compat.hamilton"


@pytest.fixture
def module(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "flow_on_clusters.py").write_text(FLOW)
    import flow_on_clusters

    yield flow_on_clusters
    del sys.modules["flow_on_clusters"]


def ask(builder, **inputs):
    with builder.build() as driver:
        return driver.execute(["places"], inputs={"limit": 3, **inputs})["places"]


def test_dask(module):
    distributed = pytest.importorskip("distributed")
    from dask import delayed
    from hamilton import base, driver
    from hamilton.plugins import h_dask

    with distributed.Client(n_workers=1, threads_per_worker=2, processes=False, dashboard_address=None) as client:
        dynamic = driver.Builder().with_modules(module).enable_dynamic_execution(allow_experimental_mode=True)
        assert ask(dynamic.with_remote_executor(h_dask.DaskExecutor(client=client))) == [OURS]
        adapter = h_dask.DaskGraphAdapter(client, base.DictResult())
        assert ask(driver.Builder().with_modules(module).with_adapters(adapter), suffix=delayed(str)("!")) == [f"{OURS}!"]


def test_ray(module):
    pytest.importorskip("ray")
    from hamilton import base, driver
    from hamilton.plugins import h_ray

    options = {"num_cpus": 1, "include_dashboard": False, "logging_level": "ERROR", "log_to_driver": False}
    builder = driver.Builder().with_modules(module).with_adapters(h_ray.RayGraphAdapter(base.DictResult(), options))
    assert ask(builder) == [OURS]
    executor = h_ray.RayTaskExecutor(num_cpus=1, ray_init_config={"log_to_driver": False})
    assert executor.chosen() == ("ray", {"num_cpus": 1, "log_to_driver": False})


def test_what_is_asked_of_ray_is_noted(module):
    from hamilton.function_modifiers import ray_remote_options
    from hamilton.function_modifiers.base import resolve_nodes
    from hamilton.plugins.h_ray import parse_ray_remote_options_from_tags

    @ray_remote_options(num_gpus=1, resources={"big": 2})
    def f() -> int: ...

    (node,) = resolve_nodes(f, {})
    assert parse_ray_remote_options_from_tags(node.tags) == {"num_gpus": 1, "resources": {"big": 2}}
