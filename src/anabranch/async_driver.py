"""Drivers for programs that run in an event loop: a request is awaited, and the loop turns meanwhile.

>>> import asyncio
>>> from anabranch import Collect, Parallelizable, async_driver, module_from_functions
>>> async def page(count: int) -> Parallelizable[int]:
...     for number in range(count):
...         yield number
>>> async def size(page: int) -> int:
...     await asyncio.sleep(0)
...     return 10 * page
>>> def total(size: Collect[int]) -> int:
...     return sum(size)
>>> driver = async_driver.Builder().with_modules(module_from_functions(page, size, total)).build()
>>> asyncio.run(driver.execute(["total"], inputs={"count": 4}))
{'total': 60}
"""

from anabranch.driver.asynchronous import AsyncDriver, Builder

__all__ = ["AsyncDriver", "Builder"]
