"""Random dataflows whose functions are all ``async def`` against the oracle, which knows them as plain ones."""

from __future__ import annotations

import asyncio
import dataclasses
import re

import pytest
from hypothesis import assume, given, settings
from test_flows import examples, is_mended

from anabranch import async_driver
from anabranch.registry import make_executor
from anabranch.testing.flows import Flow, answer, flows

pytestmark = pytest.mark.timeout(900)

HELPERS = """
import asyncio as _asyncio

async def _read(stream, limit):
    found = []
    if limit == 0:
        return found
    async for one in stream:
        found.append(one)
        if len(found) == limit:
            break
    return found

"""


def with_coroutines(flow: Flow) -> Flow:
    """The same flow with coroutines, async generators and ``async for``."""
    text = re.sub(r"^def (n\d+)", r"async def \1", flow.source, flags=re.MULTILINE)
    text = re.sub(r"^( +)yield from (.*)$", r"\1for _one in \2:\n\1    await _asyncio.sleep(0)\n\1    yield _one", text, flags=re.MULTILINE)
    text = re.sub(r"\btake\((\w+), (\w+)\)", r"take(await _read(\1, \2), \2)", text)
    return dataclasses.replace(flow, source=HELPERS + text)


@pytest.fixture(scope="module", params=["sequential", "asyncio"])
def executor(request):
    executor = make_executor(request.param, {"workers": 3} if request.param == "asyncio" else {})
    yield executor
    executor.close()


@settings(max_examples=examples("coroutines", 100))
@given(flow=flows(failures=True))
def test_coroutines_give_the_oracles_answer(executor, flow):
    assume(is_mended(flow))
    driver = with_coroutines(flow).driver(executor)
    found = answer(lambda: driver.execute(flow.outputs, flow.inputs, flow.overrides))
    assert flow.agrees(found), f"{found} instead of {flow.expected()}"


@settings(max_examples=examples("awaited", 60))
@given(flow=flows(failures=True))
def test_awaited_requests_give_the_oracles_answer(executor, flow):
    assume(is_mended(flow))
    builder = async_driver.Builder().with_config(flow.config).with_modules(with_coroutines(flow).module)
    driver = builder.with_failure_policy(on_error=flow.on_error).with_executor(executor).build()
    found = answer(lambda: asyncio.run(driver.execute(flow.outputs, flow.inputs, flow.overrides)))
    assert flow.agrees(found), f"{found} instead of {flow.expected()}"
