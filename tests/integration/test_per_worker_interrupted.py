"""What each worker has for itself is closed when a run is interrupted, on every executor."""

from __future__ import annotations

import signal
import subprocess
import sys
import textwrap

import pytest

pytestmark = [pytest.mark.slow, pytest.mark.timeout(180)]

SCRIPT = """
    import sys, time
    from collections.abc import Iterator
    from pathlib import Path
    from uuid import uuid4
    from anabranch import Builder, Parallelizable, module_from_functions, per_worker

    def number(limit: int) -> Parallelizable[int]:
        yield from range(limit)

    @per_worker
    def client(folder: str) -> Iterator[Path]:
        path = Path(folder, uuid4().hex)
        path.write_text("made")
        yield path
        path.write_text("closed")

    def used(number: int, client: Path) -> int:
        print("used", flush=True)
        time.sleep(0.05)
        return number

    if __name__ == "__main__":
        executor, folder = sys.argv[1:]
        builder = Builder().with_modules(module_from_functions(number, client, used))
        with builder.with_executor(executor, **({} if executor == "sequential" else {"workers": 2})).build() as driver:
            try:
                driver.execute(["used"], {"limit": 4, "folder": folder})
                print("begun", flush=True)
                driver.execute(["used"], {"limit": 100_000, "folder": folder})
            except KeyboardInterrupt:
                print("interrupted", flush=True)
"""


@pytest.mark.parametrize("executor", ["sequential", "threads", "processes", "ray", "dask"])
def test_an_interrupted_run_leaves_nothing_open(executor, tmp_path):
    if executor in {"ray", "dask"}:
        pytest.importorskip({"ray": "ray", "dask": "distributed"}[executor])
    (tmp_path / "flow.py").write_text(textwrap.dedent(SCRIPT))
    made = tmp_path / "made"
    made.mkdir()
    line = [sys.executable, "-W", "ignore", str(tmp_path / "flow.py"), executor, str(made)]
    with subprocess.Popen(line, stdout=subprocess.PIPE, text=True) as driver:
        lines = iter(driver.stdout.readline, "")
        assert any(line == "begun\n" for line in lines)
        if executor in {"sequential", "threads", "processes"}:  # what the others print comes later, or never
            assert any("used" in line for line in lines)
        driver.send_signal(signal.SIGINT)
        said = driver.stdout.read()
    assert "interrupted" in said
    assert driver.returncode == 0
    found = {path.read_text() for path in made.iterdir()}
    assert found == {"closed"}
