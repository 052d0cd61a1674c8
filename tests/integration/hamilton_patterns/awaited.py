"""Functions that are coroutines, in a driver whose requests are awaited."""

import asyncio
import sys
from typing import Any, Dict

from hamilton import async_driver, base
from hamilton.function_modifiers import extract_fields, tag


async def page(url: str) -> Dict[str, Any]:
    await asyncio.sleep(0)
    return {"text": url * 2, "status": 200}


@tag(kind="parts")
@extract_fields({"text": str, "status": int})
def parts(page: Dict[str, Any]) -> Dict[str, Any]:
    return page


async def words(text: str) -> int:
    await asyncio.sleep(0)
    return len(text.split("/"))


def summary(words: int, status: int, factor: int = 2) -> Dict[str, int]:
    return {"words": words * factor, "status": status}


async def _main() -> Dict[str, Any]:
    module = sys.modules[__name__]
    dr = await async_driver.Builder().with_modules(module).build()
    older = async_driver.AsyncDriver({"url": "a/b"}, module, result_builder=base.DictResult())
    both = await asyncio.gather(*(dr.execute(["summary"], inputs={"url": url}) for url in ("x/y", "z")))
    return {
        "both": both,
        "older": await older.execute(["words", "status"]),
        "overridden": await dr.execute(["summary"], overrides={"words": 7}, inputs={"url": "q", "factor": 3}),
        "nodes": sorted(node.name for node in dr.list_available_variables()),
    }


def _run(folder: str) -> dict:
    return asyncio.run(_main())
