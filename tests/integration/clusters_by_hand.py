"""Clusters of several machines on this one: processes in folders of their own, which cannot import what the driver can."""

from __future__ import annotations

import os
import secrets
import socket
import subprocess
import sys
import textwrap
import threading
from contextlib import ExitStack, contextmanager, suppress
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


class Proxy:
    """Passes bytes on between whoever connects and one address; can cut all connections, and refuse new ones for a while."""

    def __init__(self, target: tuple[str, int]) -> None:
        self._target = target
        self._server = socket.create_server(("127.0.0.1", 0))
        self.port = self._server.getsockname()[1]
        self._open = threading.Event()
        self._open.set()
        self._sockets: set[socket.socket] = set()
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self) -> None:
        with suppress(OSError):
            while True:
                near, _ = self._server.accept()
                if not self._open.is_set():
                    near.close()
                    continue
                far = socket.create_connection(self._target)
                self._sockets |= {near, far}
                for one, other in ((near, far), (far, near)):
                    threading.Thread(target=self._pass, args=(one, other), daemon=True).start()

    def _pass(self, one: socket.socket, other: socket.socket) -> None:
        with suppress(OSError):
            while data := one.recv(1 << 16):
                other.sendall(data)
        for each in (one, other):
            self._end(each)

    def _end(self, one: socket.socket) -> None:
        with suppress(OSError):
            one.shutdown(socket.SHUT_RDWR)
        one.close()
        self._sockets.discard(one)

    def cut(self) -> None:
        """Ends every connection, and lets nobody connect until `mend`."""
        self._open.clear()
        for one in list(self._sockets):
            self._end(one)

    def mend(self) -> None:
        """Lets them connect again."""
        self._open.set()

    def close(self) -> None:
        """Ends."""
        self.cut()
        self._server.shutdown(socket.SHUT_RDWR)
        self._server.close()
        self._thread.join()


def free_ports(count: int) -> list[int]:
    """Ports that nobody listens at now, below those that Ray gives to its workers."""
    found = []
    for port in range(6400 + os.getpid() % 3000, 9900):
        with suppress(OSError), socket.create_server(("127.0.0.1", port)):
            found.append(port)
        if len(found) == count:
            return found
    raise OSError("no ports are free")


@contextmanager
def ray_head(folder: Path):
    """A cluster of one node as `ray start` makes it, which asks for a token; gives the environment of who knows it, the address for
    clients and that for jobs.
    """
    known = {**os.environ, "RAY_USAGE_STATS_ENABLED": "0", "RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": secrets.token_hex(32)}
    known.pop("RAY_ADDRESS", None)
    port, clients, jobs = free_ports(3)
    ray = [sys.executable, "-m", "ray.scripts.scripts"]
    places = [f"--port={port}", f"--ray-client-server-port={clients}", f"--dashboard-port={jobs}", f"--temp-dir={folder}"]
    line = [*ray, "start", "--head", "--block", "--num-cpus=2", "--node-ip-address=127.0.0.1", *places]
    with open(folder / "said", "w") as log, subprocess.Popen(line, env=known, stdout=log, stderr=log, cwd=folder) as head:
        try:
            while "Ray runtime started" not in (said := (folder / "said").read_text()):
                assert head.poll() is None, said
            yield known, f"ray://127.0.0.1:{clients}", f"http://127.0.0.1:{jobs}"
        finally:
            head.terminate()


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
