"""Results that are kept from run to run: what is called again, and what is not."""

import sys
from typing import Dict, List

from hamilton import driver
from hamilton.function_modifiers import cache


def raw(limit: int) -> List[int]:
    return list(range(limit))


def cleaned(raw: List[int]) -> List[int]:
    return [number for number in raw if number % 3]


@cache(behavior="recompute")
def stamped(cleaned: List[int]) -> int:
    return len(cleaned)


@cache(format="json")
def summary(cleaned: List[int], stamped: int) -> Dict[str, int]:
    return {"sum": sum(cleaned), "count": stamped}


def _called(dr: driver.Driver) -> list:
    logs = dr.cache.logs(dr.cache.last_run_id, level="debug")
    return sorted(name for name, events in logs.items() if any(event.event_type.value == "execute_node" for event in events))


def _run(folder: str) -> dict:
    dr = driver.Builder().with_modules(sys.modules[__name__]).with_cache(path=folder).build()
    found = []
    for limit in (5, 5, 9, 5):
        found.append({"limit": limit, "summary": dr.execute(["summary"], inputs={"limit": limit})["summary"], "called": _called(dr)})
    version = dr.cache.version_data(found[0]["summary"])
    other = driver.Builder().with_modules(sys.modules[__name__]).with_cache(path=folder, recompute=["raw"]).build()
    return {
        "found": found,
        "kept": dr.cache.result_store.get(version),
        "runs": len(dr.cache.run_ids),
        "again": other.execute(["summary"], inputs={"limit": 9}),
        "recomputed": _called(other),
        "behaviors": {name: way.name for name, way in dr.cache.behaviors[dr.cache.last_run_id].items() if name != "limit"},
        "same_code": len({dr.cache.code_versions[run]["raw"] for run in dr.cache.run_ids}),
    }
