"""Thirty functions, nearly every modifier, materializers, validators and hooks: on each executor what plain Python gives."""

from __future__ import annotations

import asyncio
import inspect
import json

import pytest
import shop_by_hand
import shop_flow

import anabranch.function_modifiers
from anabranch import Builder, async_driver
from anabranch.io import from_, to
from anabranch.lifecycle import GraphExecutionHook, NodeExecutionHook, NodeExecutionMethod, TaskReturnHook, WorkerReport
from anabranch.registry import make_executor

EXECUTORS = {
    "sequential": {},
    "threads": {"workers": 3},
    "asyncio": {"workers": 10},
    "processes": {"workers": 2},
    "ray": {"workers": 2},
    "dask": {"workers": 2},
}
NEEDS = {"ray": "ray", "dask": "distributed"}
OUTPUTS = ["overview", "best", "is_small", "net_share", "gross_share", "relative", "checksum"]

pytestmark = [
    pytest.mark.timeout(600),
    pytest.mark.filterwarnings("ignore::ResourceWarning:ray"),
    pytest.mark.filterwarnings("ignore:.*accelerator visible devices.*:FutureWarning"),
]


class Counting(NodeExecutionHook, WorkerReport):
    """Counts the calls of a function, wherever they happen."""

    def __init__(self, node):
        self.node, self.calls = node, 0

    def run_after_node_execution(self, *, node_name, success, **more):
        if node_name == self.node:
            self.report(success)

    def run_after_report(self, *, facts, **more):
        self.calls += facts


class AsTheyAre(NodeExecutionMethod):
    """Calls functions and changes nothing."""

    def run_to_execute_node(self, *, node_callable, node_kwargs, **more):
        return node_callable(**node_kwargs)


class Story(GraphExecutionHook, TaskReturnHook):
    """What runs tell in the driver."""

    def __init__(self):
        self.runs, self.tasks = [], 0

    def run_after_graph_execution(self, *, success, **more):
        self.runs.append(success)

    def run_after_task_return(self, **more):
        self.tasks += 1


@pytest.fixture(scope="module", params=EXECUTORS)
def executor(request):
    if request.param in NEEDS:
        pytest.importorskip(NEEDS[request.param])
    executor = make_executor(request.param, dict(EXECUTORS[request.param]))
    yield executor
    executor.close()


@pytest.fixture
def folder(tmp_path):
    shop_by_hand.write_shops(tmp_path)
    (tmp_path / "rates.json").write_text(json.dumps(shop_by_hand.RATES))
    return tmp_path


def gathered(builder, executor, folder, adapters):
    return (
        builder.with_modules(shop_flow)
        .with_config({**shop_flow.CONFIG, "folder": str(folder)})
        .with_materializers(
            from_.json(target="rates", path="{folder}/rates.json"),
            to.json(id="scores_saved", dependencies=["scores"], path="{folder}/scores.json"),
        )
        .with_adapters(*adapters)
        .with_executor(executor)
    )


def check(found, folder, adapters):
    wanted = shop_by_hand.by_hand()
    assert {name: found[name] for name in OUTPUTS} == {name: wanted[name] for name in OUTPUTS}
    assert found["low_name"].tolist() == wanted["low_name"]
    assert found["accepted.report"].failed == 3  # 100.0, 99.0 and 99.0
    assert json.loads((folder / "scores.json").read_text()) == [round(one, 10) for one in found["scores"]]
    assert json.loads((folder / "best-2.json").read_text()) == wanted["overview"]["best"]
    for name, label in wanted["labels"].items():
        text = (folder / f"summary-{label.replace('/', '-')}.txt").read_text()
        assert text == f"{label} {wanted['checksums'][name]}"
    counting, _, story = adapters
    assert counting.calls == sum(len(shop["orders"]) for shop in shop_by_hand.SHOPS.values())
    assert story.runs == [True]
    assert story.tasks > 10


def test_on_every_executor(executor, folder):
    adapters = [Counting("discount"), AsTheyAre(), Story()]
    driver = gathered(Builder(), executor, folder, adapters).build()
    check(driver.execute([*OUTPUTS, "low_name", "accepted.report", "scores", "scores_saved"]), folder, adapters)


def test_awaited(executor, folder):
    adapters = [Counting("discount"), AsTheyAre(), Story()]
    driver = gathered(async_driver.Builder(), executor, folder, adapters).build()
    found = asyncio.run(driver.execute([*OUTPUTS, "low_name", "accepted.report", "scores", "scores_saved"]))
    check(found, folder, adapters)


def test_how_much_there_is_in_it():
    text = inspect.getsource(shop_flow).split("# -- what is read")[1]
    used = {name for name in anabranch.function_modifiers.__all__ if f"@{name}" in text or f" {name}(" in text}
    assert len(used) >= 25, sorted(used)
    own = [name for name, value in vars(shop_flow).items() if inspect.isfunction(value) and value.__module__ == "shop_flow"]
    nodes = [name for name in own if not name.startswith("_") and name != "rounded"]
    assert len(nodes) >= 30
