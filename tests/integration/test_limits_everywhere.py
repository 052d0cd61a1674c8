"""A rate on every executor: counted where the calls are made, over ten seconds."""

import os
import time
from pathlib import Path

import pytest

from anabranch import Builder, Parallelizable, limit, module_from_functions
from anabranch.machine import usable_cpus

pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore::ResourceWarning:ray", "ignore:.*accelerator visible devices.*:FutureWarning"),
]

RATE = 50
SECONDS = 10
NEEDS = {"ray": "ray", "dask": "distributed"}


def number(count: int) -> Parallelizable[int]:
    yield from range(count)


@limit(per_second=RATE)
def fetched(number: int, folder: str) -> int:
    now = time.time()
    Path(folder, f"{number}").write_text(f"{now!r}")
    time.sleep(0.03)
    return number


@pytest.mark.parametrize("executor", ["sequential", "threads", "processes", "ray", "dask"])
def test_a_rate_is_kept_within_five_percent(executor, tmp_path):
    if executor in NEEDS:
        pytest.importorskip(NEEDS[executor])
    rate, seconds = (RATE, 0.03) if executor != "sequential" else (RATE, 0.0)
    options = {} if executor == "sequential" else {"workers": 4}
    if executor == "dask":  # whose way there and back is long
        options = {"workers": 2, "threads_per_worker": 8}
    function = fetched if seconds else quick
    builder = Builder().with_modules(module_from_functions(number, function)).with_executor(executor, **options)
    with builder.build() as driver:
        driver.execute(["fetched"], inputs={"count": 5, "folder": str(tmp_path)})  # so that the workers have started
        driver.execute(["fetched"], inputs={"count": rate * SECONDS + 1, "folder": str(tmp_path)})
    times = sorted(float(path.read_text()) for path in tmp_path.iterdir())
    assert len(times) == rate * SECONDS + 1
    found = (len(times) - 1) / (times[-1] - times[0])
    assert found <= rate * 1.05
    if os.getloadavg()[0] < 2 * usable_cpus():  # else the machine may be too slow for it
        assert found >= rate * 0.95


@limit(per_second=RATE)
def quick(number: int, folder: str) -> int:
    Path(folder, f"{number}").write_text(f"{time.time()!r}")
    return number


quick.__name__ = "fetched"
