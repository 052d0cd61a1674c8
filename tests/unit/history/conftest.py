"""Stores to be tested: SQLite, and PostgreSQL where it is installed."""

from __future__ import annotations

import os
import pwd
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from threading import Event
from typing import Any

import pytest

from anabranch import Collect, Parallelizable, module_from_functions
from anabranch.history import Store, open_store


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = open_store(tmp_path / "history.db")
    yield opened
    opened.close()


def _postgres() -> Path | None:
    """The folder of PostgreSQL's programs."""
    if shutil.which("initdb") and shutil.which("postgres"):
        return Path(shutil.which("initdb")).parent
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    return found[-1].parent if found else None


@pytest.fixture(scope="module")
def postgres() -> Iterator[str]:
    """The URL of a PostgreSQL of our own: a new cluster on loopback, run by a user without privileges, gone afterwards."""
    programs = _postgres()
    if programs is None:
        pytest.skip("PostgreSQL is not installed: apt-get install postgresql")
    pytest.importorskip("psycopg", reason="psycopg is not installed: pip install 'psycopg[binary]'")
    options: dict[str, Any] = {}
    if os.geteuid() == 0:  # it refuses to be run by root
        user = next((one for one in pwd.getpwall() if one.pw_name in {"postgres", "nobody"}), None)
        if user is None:
            pytest.skip("there is no user without privileges to run PostgreSQL as")
        options = {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}
    with tempfile.TemporaryDirectory(prefix="anabranch-postgres-") as name, open(os.path.join(name, "log"), "w+") as said:
        folder = Path(name)
        if options:
            os.chown(folder, options["user"], options["group"])
        run: dict[str, Any] = {"cwd": folder, "stdout": said, "stderr": said, **options}
        settings = ["-U", "tester", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync"]
        made = subprocess.run([programs / "initdb", "-D", folder / "data", *settings], check=False, **run)
        assert made.returncode == 0, (folder / "log").read_text()
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        command = [programs / "postgres", "-D", folder / "data", "-h", "127.0.0.1", "-p", str(port), "-k", "", "-F"]
        server = subprocess.Popen(command, **run)
        try:
            _wait(port, server, folder / "log")
            yield f"postgresql+psycopg://tester@127.0.0.1:{port}/postgres"
        finally:
            server.terminate()
            server.wait(30)


def _wait(port: int, server: subprocess.Popen[bytes], said: Path) -> None:
    """Returns as soon as the server answers."""
    import psycopg

    for _ in range(600):
        assert server.poll() is None, said.read_text()
        try:
            psycopg.connect(host="127.0.0.1", port=port, user="tester", dbname="postgres", connect_timeout=10).close()
        except psycopg.OperationalError:
            Event().wait(0.1)
            continue
        return
    raise AssertionError(said.read_text())


def number(limit: int) -> Parallelizable[int]:
    """The numbers."""
    yield from range(limit)


def square(number: int, bad: int) -> int:
    if number == bad:
        raise ValueError(f"<b>no {bad}</b>")
    return number * number


def total(square: Collect[int]) -> int:
    return sum(square)


def inner(number: int) -> Parallelizable[int]:
    yield from range(number % 3)


def part(inner: int) -> int:
    return inner


def parts(part: Collect[int]) -> int:
    return len(part)


def most(parts: Collect[int]) -> int:
    return max(parts)


@pytest.fixture(scope="session")
def flow() -> Any:
    return module_from_functions(number, square, total, inner, part, parts, most)
