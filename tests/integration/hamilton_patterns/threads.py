"""Functions that do not depend on each other at the same time, and functions that are used outside of any flow."""

import sys

from hamilton import base, driver
from hamilton.function_modifiers import extract_fields, parameterize, source
from hamilton.plugins.h_threadpool import FutureAdapter


@parameterize(west={"part": source("first")}, east={"part": source("second")})
def loaded(part: str, times: int = 2) -> str:
    return part * times


@extract_fields({"first": str, "second": str})
def parts(word: str) -> dict:
    middle = len(word) // 2
    return {"first": word[:middle], "second": word[middle:]}


def joined(west: str, east: str) -> str:
    return f"{west}-{east}"


def _run(folder: str) -> dict:
    threaded = driver.Builder().with_modules(sys.modules[__name__]).with_adapters(FutureAdapter(max_workers=2)).build()
    built = FutureAdapter(result_builder=base.PandasDataFrameResult())
    framed = driver.Builder().with_modules(sys.modules[__name__]).with_adapters(built).build()
    frame = framed.execute(["west", "east"], inputs={"word": "upstream"})
    return {
        "threaded": threaded.execute(["joined", "first"], inputs={"word": "downstream"}),
        "framed": frame.to_dict("list"),
        "called": [loaded("ab", 3), parts("abcd"), joined("a", "b")],
    }
