"""Clusters of several machines on this one: processes in folders of their own, which cannot import what the driver can."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from contextlib import ExitStack, contextmanager
from pathlib import Path

FLOW = """
    import hashlib
    from anabranch import Collect, Parallelizable, associative
    from {package}.counting import letters

    def source_file(folder: str, files: int) -> Parallelizable[str]:
        yield from (f"{{folder}}/{{n}}" for n in range(files))

    def text(source_file: str) -> str:
        return hashlib.sha256(source_file.encode()).hexdigest()

    def count(text: str) -> int:
        return letters(text)

    def total(count: Collect[int]) -> int:
        return sum(count)

    def number(limit: int) -> Parallelizable[int]:
        yield from range(limit)

    def square(number: int) -> int:
        return number * number

    @associative
    def sum_of_squares(square: Collect[int]) -> int:
        return sum(square)

    def page(pages: int) -> Parallelizable[int]:
        yield from range(pages)

    def bag(page: int) -> dict[int, list[int]]:
        found = {{}}
        for n in range(50):
            found.setdefault((page * 31 + n) % 7, []).append(page * 100 + n)
        return found

    def groups(bag: Collect[dict]) -> dict[int, list[int]]:
        found = {{}}
        for one in bag:
            for key, values in one.items():
                found.setdefault(key, []).extend(values)
        return found

    def group(groups: dict) -> Parallelizable[list]:
        yield from (groups[key] for key in sorted(groups))

    def size(group: list) -> tuple:
        return len(group), sum(group)

    def sizes(size: Collect[tuple]) -> list:
        return size

    def block(blocks: int) -> Parallelizable[int]:
        yield from range(blocks)

    def bulk(block: int) -> bytes:
        return bytes([block % 256]) * 300_000

    @associative
    def largest(bulk_size: Collect[int]) -> int:
        return max(bulk_size, default=0)

    def bulk_size(again: bytes) -> int:
        return len(again)

    def again(bulk: bytes, bulks: int) -> bytes:
        return bulk

    def bulks(checked: Collect[int]) -> int:
        return len(checked)

    def checked(bulk: bytes) -> int:
        return len(bulk)
"""

COUNTING = """
    def letters(text: str) -> int:
        return sum(letter.isalpha() for letter in text)
"""


def package(folder: Path, name: str) -> None:
    """A package of the user's, in a folder that only the driver knows."""
    home = folder / name
    home.mkdir(parents=True)
    (home / "__init__.py").write_text("")
    (home / "flow.py").write_text(textwrap.dedent(FLOW.format(package=name)))
    (home / "counting.py").write_text(textwrap.dedent(COUNTING))


def expected_sizes(pages):
    found = {}
    for page in range(pages):
        for n in range(50):
            found.setdefault((page * 31 + n) % 7, []).append(page * 100 + n)
    return [(len(found[key]), sum(found[key])) for key in sorted(found)]


@contextmanager
def dask_cluster(folder: Path, workers: int = 3):
    """A scheduler and workers, each a process; gives the scheduler's file and the workers' processes."""
    file = folder / "scheduler.json"
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    started = []

    def start(name, *arguments):
        home = folder / name
        home.mkdir()
        line = [sys.executable, "-m", "dask", *arguments, "--scheduler-file", str(file), "--no-dashboard"]
        with open(home / "log", "w") as log:
            started.append(subprocess.Popen(line, cwd=home, env=environment, stdout=log, stderr=log))

    with ExitStack() as stack:
        stack.callback(lambda: [process.wait() for process in started])
        stack.callback(lambda: [process.kill() for process in reversed(started)])
        start("scheduler", "scheduler", "--host", "127.0.0.1", "--port", "0")
        from distributed import Client

        for number in range(workers):
            start(f"worker-{number}", "worker", "--nthreads", "1", "--no-nanny", "--host", "127.0.0.1")
        while not file.exists():
            assert started[0].poll() is None, (folder / "scheduler/log").read_text()
        with Client(scheduler_file=str(file), timeout=60, set_as_default=False) as client:
            client.wait_for_workers(workers, timeout=90)
        yield file, started[1:]


@contextmanager
def ray_cluster(nodes: int = 3):
    """Nodes on this machine; gives the cluster and its nodes but the head."""
    import ray
    from ray.cluster_utils import Cluster

    environment = {name: os.environ.get(name) for name in ("RAY_ADDRESS", "RAY_USAGE_STATS_ENABLED")}
    os.environ.pop("RAY_ADDRESS", None)
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 1, "include_dashboard": False})
    try:
        others = [cluster.add_node(num_cpus=1, resources={f"site{n}": 1}) for n in range(1, nodes)]
        cluster.wait_for_nodes()
        ray.init(address=cluster.address, configure_logging=False, log_to_driver=False, namespace="tests")
        yield cluster, others
    finally:
        ray.shutdown()
        cluster.shutdown()
        for name, value in environment.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
