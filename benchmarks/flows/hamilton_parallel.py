"""Hamilton's parallel pattern, as a script: ``EXECUTOR ITEMS [REPEATS]``; prints how long `execute` took each time, as JSON.

It imports `hamilton` and nothing of anabranch: which of the two it gets is the matter of who starts it.
"""

import json
import sys
from time import perf_counter

from hamilton import driver
from hamilton.execution.executors import MultiProcessingExecutor, MultiThreadingExecutor

from benchmarks.flows import hamilton_nodes

EXECUTORS = {"threads": MultiThreadingExecutor, "processes": MultiProcessingExecutor}


def main() -> None:
    kind, items, repeats = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]) if len(sys.argv) > 3 else 1
    builder = driver.Builder().with_modules(hamilton_nodes).enable_dynamic_execution(allow_experimental_mode=True)
    dr = builder.with_remote_executor(EXECUTORS[kind](max_tasks=2)).build()
    seconds = []
    for _ in range(repeats):
        started = perf_counter()
        found = dr.execute(["total"], inputs={"items": items})
        seconds.append(perf_counter() - started)
    print(json.dumps({"seconds": seconds, "total": found["total"], "driver": type(dr).__module__}))


if __name__ == "__main__":
    main()
