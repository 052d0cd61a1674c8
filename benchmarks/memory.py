"""Peak memory, each figure from a process of its own.

    python -m benchmarks.memory streamed processes 10000000

prints by how many megabytes the driver's peak (RSS, from Linux's /proc) exceeded its start: after imports and a small run.
For ``shared`` it is the memory of the driver and all its children (PSS: what several share is counted once).
"""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

from anabranch import Builder
from benchmarks.measure import OURS, Bench, Target, Workload
from benchmarks.peers import PEERS, WORKERS

__all__ = ["WORKLOADS", "gauge", "status"]

STATUS = Path("/proc/self/status")


def gauge(case: str, how: str, size: int) -> float:
    """Measures in a fresh interpreter."""
    command = [sys.executable, "-m", "benchmarks.memory", case, how, str(size)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(done.stderr.strip().splitlines()[-1])
    return float(done.stdout.split()[-1])


def main(case: str, how: str, size: int) -> float:
    """The case's peak over its start, in MB."""
    if case == "shared":
        return shared(how, size)
    from benchmarks.flows import fans

    options = {} if how == "sequential" else {"workers": WORKERS}
    with Builder().with_modules(fans).with_executor(how, **options).build() as driver:
        driver.execute([case], {"count": 1_000})
        return peak_over_start(lambda: driver.execute([case], {"count": size}))


def peak_over_start(run: Callable[[], object]) -> float:
    """By how much this process grew at most. Linux keeps the peak; writing 5 there forgets the one so far."""
    Path("/proc/self/clear_refs").write_text("5", encoding="ascii")
    start = status("VmRSS")
    run()
    return max(0.0, status("VmHWM") - start)


def shared(how: str, megabytes: int) -> float:
    import numpy as np

    from benchmarks.flows import arrays

    array = np.random.default_rng(1).random(megabytes * 125_000)
    small, parts = array[:1000].copy(), megabytes * 125  # all of it is read, so that no page is left out of the account
    if how == OURS:
        with Builder().with_modules(arrays).with_executor("processes", workers=WORKERS).build() as driver:
            driver.execute(["array_sum"], {"parts": parts, "array": small})
            return pss_over_start(lambda: driver.execute(["array_sum"], {"parts": parts, "array": array}))
    with PEERS[how].open("processes", WORKERS) as mapping:
        mapping(arrays.part_sum, range(parts), (small,))
        return pss_over_start(lambda: mapping(arrays.part_sum, range(parts), (array,)))


def pss_over_start(run: Callable[[], object]) -> float:
    """By how much this process and its children grew at most; looks every 5 ms, and once more at the end."""
    import psutil

    def pss() -> float:
        found = 0
        for process in (me, *me.children(recursive=True)):
            try:
                found += process.memory_full_info().pss
            except psutil.Error:
                continue
        return found / 1e6

    def watch() -> None:
        while not done.wait(0.005):
            seen.append(pss())

    me, done = psutil.Process(), threading.Event()
    start = pss()
    seen = [start]
    watcher = threading.Thread(target=watch)
    watcher.start()
    run()
    done.set()
    watcher.join()
    return max(*seen, pss()) - start


def status(field: str) -> float:
    """What Linux says of this process, in MB."""
    line = next(line for line in STATUS.read_text(encoding="ascii").splitlines() if line.startswith(field))
    return int(line.split()[1]) * 1024 / 1e6


def reducing(case: str, word: str, executor: str) -> Workload:
    def set_up(bench: Bench) -> None:
        count = bench.size(10_000_000, 50_000)
        bench.gauge(OURS, lambda: gauge(case, executor, count))

    title = f"10⁷ items into {word}, `{executor}`: the driver's peak over its start"
    return Workload(f"memory-{case}-{executor}", title, set_up, (Target(40),), "MB", rounds=1, needs=("linux",))


WORKLOADS = tuple(
    reducing(case, word, executor)
    for case, word in (("streamed", "`Stream`"), ("greatest", "`@associative`"))
    for executor in ("sequential", "threads", "processes")
)


if __name__ == "__main__":
    print(main(sys.argv[1], sys.argv[2], int(sys.argv[3])))
