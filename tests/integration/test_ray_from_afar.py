"""A Ray cluster that was started by itself: drivers that are its clients, whose connection may break, and jobs."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import textwrap
from pathlib import Path

import pytest
from clusters_by_hand import ray_head

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]

CLIENT = """
    import sys, threading
    from anabranch import Builder, Collect, Parallelizable, limit, module_from_functions
    from anabranch.events import SpanFinished
    sys.path.insert(0, sys.argv[1])
    from clusters_by_hand import Proxy

    proxy = Proxy(("127.0.0.1", int(sys.argv[2].rpartition(":")[2])))
    seen = []

    def cut(event):
        if isinstance(event, SpanFinished):
            seen.append(event)
            if len(seen) == 30:
                proxy.cut()
                threading.Timer(1.0, proxy.mend).start()

    def number(limit: int) -> Parallelizable[int]:
        yield from range(limit)

    @limit(concurrency=4)
    def bulk(number: int) -> bytes:
        import time
        time.sleep(0.02)
        return bytes([number % 256]) * 200_000

    def checked(bulk: Collect[bytes]) -> int:
        return len(bulk)

    def again(bulk: bytes, checked: int) -> int:
        return len(bulk) + checked

    def total(again: Collect[int]) -> int:
        return sum(again)

    module = module_from_functions(number, bulk, checked, again, total)
    builder = Builder().with_modules(module).with_executor("ray", address=f"ray://127.0.0.1:{proxy.port}")
    with builder.with_adapters(cut).build() as driver:
        print("ANSWER", driver.execute(["total"], {"limit": 100}), len(seen) >= 30)
    proxy.close()
"""

JOB = """
    from anabranch import Builder, Collect, Parallelizable, module_from_functions

    def number(limit: int) -> Parallelizable[int]:
        yield from range(limit)

    def square(number: int) -> int:
        return number * number

    def total(square: Collect[int]) -> int:
        return sum(square)

    flow = module_from_functions(number, square, total)
    with Builder().with_modules(flow).with_executor("ray").build() as driver:
        print("ANSWER", driver.execute(["total"], {"limit": 10_000}))
"""


@pytest.fixture(scope="module")
def head():
    pytest.importorskip("ray")
    with tempfile.TemporaryDirectory(prefix="anabranch-", ignore_cleanup_errors=True) as folder:  # Ray's sockets have short names
        with ray_head(Path(folder)) as known:
            yield known


def said(line, environment):
    done = subprocess.run(line, env=environment, capture_output=True, text=True, timeout=180, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_a_client_whose_connection_breaks_goes_on(head, tmp_path):
    environment, address, _ = head
    (tmp_path / "client.py").write_text(textwrap.dedent(CLIENT))
    line = [sys.executable, "-W", "ignore", str(tmp_path / "client.py"), str(Path(__file__).parent), address]
    assert f"ANSWER {{'total': {100 * 200_100}}} True" in said(line, environment)


def test_a_driver_as_a_job(head, tmp_path):
    environment, _, jobs = head
    (tmp_path / "flow.py").write_text(textwrap.dedent(JOB))
    ray = [sys.executable, "-m", "ray.scripts.scripts", "job", "submit", "--address", jobs, "--working-dir", str(tmp_path)]
    assert "ANSWER {'total': 333283335000}" in said([*ray, "--", sys.executable, "flow.py"], environment)
