"""Hamilton's driver for event loops."""

from __future__ import annotations

import asyncio
import sys

import pandas as pd
import pytest

pytestmark = pytest.mark.usefixtures("hamilton")


@pytest.fixture
def module():
    from hamilton import ad_hoc_utils

    made = ad_hoc_utils.module_from_source(
        """
        import asyncio
        from hamilton.htypes import Collect, Parallelizable

        async def base(given: int) -> int:
            await asyncio.sleep(0)
            return given + 1

        def doubled(base: int) -> int:
            return 2 * base

        async def item(doubled: int) -> Parallelizable[int]:
            for number in range(doubled):
                yield number

        async def square(item: int) -> int:
            await asyncio.sleep(0)
            return item * item

        def total(square: Collect[int]) -> int:
            return sum(square)
        """,
        "module_of_an_async_test",
    )
    yield made
    del sys.modules["module_of_an_async_test"]


def test_requests_are_awaited(module):
    from hamilton import async_driver, base
    from hamilton.experimental import h_async

    async def main():
        driver = await async_driver.Builder().with_modules(module).build()
        both = asyncio.gather(*(driver.execute(["total", "doubled"], inputs={"given": n}) for n in (1, 2)))
        framed = await async_driver.AsyncDriver({"given": 0}, module, result_builder=base.PandasDataFrameResult()).ainit()
        return await both, await framed.execute(["base", "doubled"]), await driver.raw_execute(["base"], {"base": 7})

    found, frame, given = asyncio.run(main())
    assert found == [{"total": 14, "doubled": 4}, {"total": 55, "doubled": 6}]
    pd.testing.assert_frame_equal(frame, pd.DataFrame({"base": [1], "doubled": [2]}))
    assert given == {"base": 7}
    assert h_async.AsyncDriver is async_driver.AsyncDriver
    with pytest.raises(ValueError, match="runs fan-outs without it"):
        async_driver.Builder().enable_dynamic_execution(allow_experimental_mode=True)


def test_methods_of_adapters_may_be_coroutines(module):
    from hamilton import async_driver
    from hamilton.lifecycle import base as steps

    class Diary(steps.BasePreGraphExecuteAsync, steps.BasePreNodeExecuteAsync, steps.BasePostNodeExecute):
        def __init__(self):
            self.lines = []

        async def ainit(self):
            self.lines.append("ready")

        async def pre_graph_execute(self, *, run_id, graph, final_vars, inputs, overrides):
            await asyncio.sleep(0)
            self.lines.append(("run", final_vars))

        async def pre_node_execute(self, *, run_id, node_, kwargs, task_id=None):
            await asyncio.sleep(0)
            self.lines.append(("before", node_.name))

        def post_node_execute(self, *, run_id, node_, kwargs, success, error, result, task_id=None):
            self.lines.append(("after", node_.name, result))

    diary = Diary()

    async def main():
        driver = await async_driver.Builder().with_modules(module).with_adapters(diary).build()
        await driver.execute(["doubled"], inputs={"given": 1})

    asyncio.run(main())
    assert diary.lines == [
        "ready",
        ("run", ["doubled"]),
        ("before", "base"),
        ("after", "base", 2),
        ("before", "doubled"),
        ("after", "doubled", 4),
    ]
    both = steps.LifecycleAdapterSet(diary)
    assert both.does_hook("pre_node_execute", is_async=True)
    assert not both.does_hook("pre_node_execute", is_async=False)
    assert both.does_hook("post_node_execute", is_async=False)
