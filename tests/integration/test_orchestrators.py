"""The recipes for schedulers, run by the schedulers where these are installed: a retry goes on where the first attempt stopped.

Airflow and Prefect want other versions of common libraries than the rest of the tests, so they run in environments of their own:
``ANABRANCH_AIRFLOW`` and ``ANABRANCH_PREFECT`` name the Python of one that has them, pandas, matplotlib and cloudpickle.
"""

from __future__ import annotations

import importlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "examples"
RECIPES = EXAMPLES / "orchestrators"
LATE = 9010
"""A story that is busy for longer than one attempt of a run has patience."""


@pytest.fixture
def hackernews_site(monkeypatch: pytest.MonkeyPatch) -> Iterator[ModuleType]:
    monkeypatch.syspath_prepend(str(EXAMPLES))
    yield importlib.import_module("hackernews_site")
    for name in ("hackernews", "hackernews_nightly", "hackernews_site"):
        sys.modules.pop(name, None)


@pytest.fixture
def site(hackernews_site: ModuleType) -> Iterator[Any]:
    """A site that is too busy for the first attempt."""
    with hackernews_site.serving() as made:
        made.busy[LATE] = 4
        yield made


def environment(folder: Path, **more: str) -> dict[str, str]:
    """What a scheduler's process sees."""
    paths = [EXAMPLES, ROOT / "src", ROOT / "executors"]
    inherited = {name: os.environ[name] for name in ("PATH", "LANG", "TMPDIR") if name in os.environ}
    homes = {"HOME": str(folder), "XDG_CONFIG_HOME": str(folder / ".config")}
    return {**inherited, **homes, "PYTHONPATH": os.pathsep.join(map(str, paths)), **more}


def run(command: list[str], env: dict[str, str], *, check: bool = True) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(
        command, env=env, cwd=env["HOME"], capture_output=True, text=True, timeout=300, check=False, stdin=subprocess.DEVNULL
    )
    assert not check or done.returncode == 0, f"{command}: {done.returncode}\n{done.stdout}\n{done.stderr}"
    return done


def assert_each_was_fetched_once(site: Any, hackernews_site: ModuleType) -> None:
    """Both attempts together asked for each page as often as one that goes well; of stories that were deleted nothing is kept."""
    stories = {f"/v0/item/{number}.json": 1 + site.busy.get(number, 0) for number in hackernews_site.NUMBERS[:100]}
    deleted = {f"/v0/item/{number}.json" for number in hackernews_site.DELETED}
    assert site.asked.keys() == {"/v0/topstories.json", "/signups.json", *stories}
    asked = {path: times for path, times in site.asked.items() if path not in deleted}
    assert asked == {path: stories.get(path, 1) for path in asked}


def assert_all_is_saved(folder: Path, hackernews_site: ModuleType) -> None:
    titles = [story["title"] for story in json.loads((folder / "stories.json").read_text())]
    wanted = [story["title"] for number in hackernews_site.NUMBERS[:100] if (story := hackernews_site.story(number))]
    assert titles == wanted
    assert sorted(path.name for path in folder.iterdir()) == [
        "earliest.json", "latest.json", "stories.json", "words.csv", "words.png",
    ]  # fmt: skip


# -- cron ----------------------------------------------------------------------------------------------------------


def jobs() -> list[str]:
    """The commands of the table, as cron gives them to the shell."""
    lines = [line for line in (RECIPES / "crontab").read_text().splitlines() if re.match(r"[\d*]", line)]
    return [line.split(None, 5)[5].replace("\\%", "%") for line in lines]


@pytest.mark.timeout(300)
@pytest.mark.skipif(shutil.which("flock") is None, reason="there is no flock here, which is util-linux's")
def test_cron(site: Any, hackernews_site: ModuleType, tmp_path: Path) -> None:
    first, second = jobs()
    (tmp_path / "news").mkdir()
    python = tmp_path / "python3"
    python.write_text(f'#!/bin/sh\nexec {sys.executable} "$@" --address {site.address}\n')
    python.chmod(0o755)
    env = environment(tmp_path, NEWS=str(tmp_path / "news"))
    env["PATH"] = f"{tmp_path}{os.pathsep}{env['PATH']}"
    first, second = (command.replace("/srv/flows", str(EXAMPLES)) for command in (first, second))
    assert "503" in run(["sh", "-c", first], env, check=False).stderr
    assert "words_png: " in run(["sh", "-c", second], env).stdout
    assert_each_was_fetched_once(site, hackernews_site)
    run(["sh", "-c", second], env)  # at five: everything is done already
    assert_each_was_fetched_once(site, hackernews_site)
    (day,) = [path for path in (tmp_path / "news").iterdir() if re.fullmatch(r"\d{4}-\d\d-\d\d", path.name)]
    assert_all_is_saved(day, hackernews_site)


# -- Slurm ---------------------------------------------------------------------------------------------------------


@pytest.mark.timeout(300)
def test_slurm_requeues_a_job(hackernews_site: ModuleType, tmp_path: Path) -> None:
    with hackernews_site.serving() as site:
        last = list(hackernews_site.NUMBERS)[99]
        site.held[last] = hackernews_site.threading.Event()
        python = tmp_path / "python3"
        python.symlink_to(sys.executable)
        here = {"FLOWS": str(EXAMPLES), "NEWS": str(tmp_path / "news"), "NEWS_ADDRESS": site.address}
        env = environment(tmp_path, SLURM_JOB_ID="77", SLURM_CPUS_PER_TASK="2", **here)
        env["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{env['PATH']}"
        job = ["bash", str(RECIPES / "job.slurm")]
        with subprocess.Popen(job, env=env, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as process:
            try:
                wait_until_asked(site, last, process)
            finally:
                process.send_signal(signal.SIGKILL)  # the node is gone
                process.communicate(timeout=60)
        site.held[last].set()
        before = dict(site.asked)
        run(job, {**env, "SLURM_RESTART_COUNT": "1"})
        again = [path for path, times in site.asked.items() if times > before.get(path, 0) and before.get(path, 0)]
        assert f"/v0/item/{last}.json" in again
        assert "/v0/topstories.json" not in again
        assert len(again) < 90
        assert_all_is_saved(tmp_path / "news" / "job-77", hackernews_site)


def wait_until_asked(site: Any, number: int, process: subprocess.Popen[bytes]) -> None:
    """Waits until the site was asked for a story: whoever asks for it is being held then."""
    done = site.held[number].__class__()
    while f"/v0/item/{number}.json" not in site.asked:
        assert process.poll() is None, process.communicate()[0]
        done.wait(0.02)


# -- Airflow and Prefect -------------------------------------------------------------------------------------------


def python_with(name: str) -> str:
    """A Python that has the scheduler."""
    there = os.environ.get(f"ANABRANCH_{name.upper()}", sys.executable if find_spec(name) else "")
    if not there:
        pytest.skip(f"{name} is not installed: ANABRANCH_{name.upper()} may name a Python that has it")
    return there


@pytest.mark.timeout(600)
def test_airflow(site: Any, hackernews_site: ModuleType, tmp_path: Path) -> None:
    python = python_with("airflow")
    settings = {
        "AIRFLOW_HOME": str(tmp_path / "airflow"),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__CORE__DAGS_FOLDER": str(RECIPES),
        "AIRFLOW__LOGGING__BASE_LOG_FOLDER": str(tmp_path / "logs"),
    }
    env = environment(tmp_path, NEWS=str(tmp_path / "news"), NEWS_ADDRESS=site.address, NEWS_RETRY_DELAY="0", **settings)
    run([python, "-m", "airflow", "db", "migrate"], env)
    done = run([python, str(RECIPES / "airflow_dag.py")], env)
    assert done.stdout.splitlines()[-1] == "success"
    assert_each_was_fetched_once(site, hackernews_site)
    (saved,) = [path for path in (tmp_path / "news").iterdir() if path.name.startswith("manual__")]
    assert_all_is_saved(saved, hackernews_site)


PREFECT = """
import json, sys
from prefect.testing.utilities import prefect_test_harness
from prefect.client.orchestration import get_client
sys.path.insert(0, {recipes!r})
with prefect_test_harness(server_startup_timeout=200):
    from prefect_flow import hackernews_daily
    state = hackernews_daily("2024-02-29", {news!r}, {address!r}, return_state=True)
    with get_client(sync_client=True) as client:
        artifacts = client.read_artifacts()
        flow_run = client.read_flow_run(state.state_details.flow_run_id)
    tables = [json.loads(one.data) for one in artifacts if one.key == "hackernews"]
    print(json.dumps([state.name, sorted(state.result()), flow_run.run_count, tables]))
"""


@pytest.mark.timeout(600)
def test_prefect(site: Any, hackernews_site: ModuleType, tmp_path: Path) -> None:
    python = python_with("prefect")
    settings = {"PREFECT_HOME": str(tmp_path / "prefect"), "DO_NOT_TRACK": "1", "PREFECT_SERVER_ANALYTICS_ENABLED": "false"}
    env = environment(tmp_path, NEWS_RETRY_DELAY="0", **settings)
    news = tmp_path / "news"
    done = run([python, "-c", PREFECT.format(recipes=str(RECIPES), news=str(news), address=site.address)], env)
    name, saved, run_count, tables = json.loads(done.stdout.splitlines()[-1])
    assert (name, run_count) == ("Completed", 2)
    assert saved == ["earliest_json", "latest_json", "stories_json", "words_csv", "words_png"]
    (table,) = tables
    assert {row["what"]: row["file"] for row in table}["words_csv"] == str(news / "2024-02-29" / "words.csv")
    assert_each_was_fetched_once(site, hackernews_site)
    assert_all_is_saved(news / "2024-02-29", hackernews_site)
