"""A driver's outputs as assets of Dagster: materialized by Dagster itself, and looked up in its event log."""

from __future__ import annotations

import datetime
import importlib
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pandas as pd
import pytest

from anabranch import Builder, Collect, Driver, InputError, Parallelizable, Skip, module_from_functions, on_error
from anabranch.function_modifiers import check_output, tag
from anabranch.io import to

dagster = pytest.importorskip("dagster")

from anabranch.integrations.dagster import Partition, driver_assets  # noqa: E402  after Dagster is known to be there

EXAMPLES = Path(__file__).parents[2] / "examples"

pytestmark = [
    pytest.mark.filterwarnings("ignore::dagster.BetaWarning"),  # of what Dagster says of itself
    pytest.mark.filterwarnings("ignore::dagster.PreviewWarning"),
    pytest.mark.filterwarnings("ignore::DeprecationWarning:dagster"),
]


@pytest.fixture(autouse=True)
def _dagster_tells_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DAGSTER_DISABLE_TELEMETRY", "yes")


@pytest.fixture
def instance() -> Iterator[Any]:
    with dagster.DagsterInstance.ephemeral() as made:
        yield made


@pytest.fixture
def materialize(instance: Any, tmp_path: Path) -> Any:
    """Materializes by Dagster; values are kept in files, so that they can be loaded again."""

    def do(*assets: Any, raise_on_error: bool = True, **options: Any) -> Any:
        manager = dagster.FilesystemIOManager(base_dir=str(tmp_path / "values"))
        resources = {"io_manager": manager}
        return dagster.materialize(
            list(assets), instance=instance, resources=resources, raise_on_error=raise_on_error, **options
        )

    return do


def made(result: Any) -> dict[str, Any]:
    """The materializations in the event log, by key."""
    found = {}
    for event in result.all_events:
        if event.event_type_value == "ASSET_MATERIALIZATION":
            found["/".join(event.asset_key.path)] = event.step_materialization_data.materialization
    return found


def figures(materialization: Any) -> dict[str, Any]:
    return {name: entry.value for name, entry in materialization.metadata.items()}


# -- the Hacker News flow ------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def hackernews(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[ModuleType, Path]]:
    """The example, with a folder of its own."""
    folder = tmp_path_factory.mktemp("news")
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(EXAMPLES))
        patch.setenv("HACKERNEWS_FOLDER", str(folder))
        module = importlib.import_module("hackernews_dagster")
        yield module, folder
        module.driver.close()
        for name in ("hackernews_dagster", "hackernews", "hackernews_site"):
            sys.modules.pop(name, None)


def test_the_hacker_news_assets(hackernews: tuple[ModuleType, Path], materialize: Any, instance: Any) -> None:
    example, folder = hackernews
    site = importlib.import_module("hackernews_site")
    with site.serving() as here:
        config = {"ops": {"hackernews": {"config": {"address": here.address, "stories_wanted": 60}}}}
        result = materialize(example.news, run_config=config)
    assert result.success
    found = made(result)
    assert list(found) == [
        "signups", "top_stories", "earliest_signup", "latest_signup", "most_frequent_words", "top_words_plot",
    ]  # fmt: skip

    stories = figures(found["top_stories"])
    assert stories["dagster/row_count"] == 59  # one was deleted
    assert [column.name for column in stories["dagster/column_schema"].columns] == ["id", "by", "score", "title", "url"]
    assert stories["anabranch/items"] == {"story_id": 60}
    assert stories["stories_json/path"] == str(folder / "stories.json")
    assert stories["stories_json/size"] == (folder / "stories.json").stat().st_size
    plot = figures(found["top_words_plot"])
    assert plot["words_png/preview"].startswith(f"![{folder / 'words.png'}](data:image/png;base64,iVBOR")
    assert len({figures(one)["anabranch/run_id"] for one in found.values()}) == 1

    checks = {(check.asset_key.path[-1], check.check_name): check for check in result.get_asset_check_evaluations()}
    assert set(checks) == {
        ("most_frequent_words", "title_does_not_contain"),
        ("earliest_signup", "registered_at_allow_nans"),
    }
    titles = checks["most_frequent_words", "title_does_not_contain"]
    assert (titles.passed, titles.severity.name, titles.blocking) == (False, "WARN", False)
    assert (titles.metadata["passed"].value, titles.metadata["failed"].value) == (58, 1)
    assert [record.data["item"] for record in titles.metadata["first_failures"].records] == ["20"]
    dates = checks["earliest_signup", "registered_at_allow_nans"]
    assert (dates.passed, dates.severity.name, dates.blocking) == (True, "ERROR", True)

    assert result.asset_value("earliest_signup")["registered_at"] < result.asset_value("latest_signup")["registered_at"]
    event = instance.get_latest_materialization_event(dagster.AssetKey("top_stories"))
    assert event.asset_materialization.tags["dagster/data_version"] == found["top_stories"].tags["dagster/data_version"]


@pytest.mark.timeout(300)
def test_dagster_s_own_processes_load_and_run_them(tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    env = {
        **os.environ,
        "DAGSTER_HOME": str(home),
        "DAGSTER_DISABLE_TELEMETRY": "yes",
        "HACKERNEWS_FOLDER": str(tmp_path / "news"),
    }
    where = ["-d", str(EXAMPLES), "-f", str(EXAMPLES / "hackernews_dagster.py")]
    command = [sys.executable, "-m", "dagster", "asset", "materialize", *where, "--select", "earliest_signup*,signups"]
    done = subprocess.run(command, env=env, cwd=tmp_path, capture_output=True, text=True, timeout=280, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    assert (tmp_path / "news" / "earliest.json").exists()
    with dagster.DagsterInstance.from_config(str(home)) as instance:
        event = instance.get_latest_materialization_event(dagster.AssetKey("signups"))
    assert event.asset_materialization.metadata["dagster/row_count"].value == 200


def test_what_is_declared_of_the_hacker_news_assets(hackernews: tuple[ModuleType, Path]) -> None:
    news = hackernews[0].news
    specs = {spec.key.path[-1]: spec for spec in news.specs}
    lineage = {name: {dep.asset_key.path[-1] for dep in spec.deps} for name, spec in specs.items()}
    assert lineage == {
        "top_stories": set(),
        "signups": set(),
        "most_frequent_words": set(),
        "top_words_plot": {"most_frequent_words"},
        "earliest_signup": {"signups"},
        "latest_signup": {"signups"},
    }
    words = specs["most_frequent_words"]
    assert words.description.startswith("The words that stand in most titles")
    assert "word_counts" in words.metadata["anabranch/functions"]
    assert words.metadata["anabranch/source"].startswith(str(EXAMPLES / "hackernews.py"))
    assert words.owners == ["team:news"]
    assert words.kinds == {"python", "pandas"}
    assert words.group_name == "hackernews"
    assert len({spec.code_version for spec in specs.values()}) == len(specs)
    assert hackernews[0].definitions.resolve_asset_graph().get_all_asset_keys() == {spec.key for spec in specs.values()}


def test_one_asset_alone_takes_the_others_from_where_they_are_kept(
    hackernews: tuple[ModuleType, Path], materialize: Any
) -> None:
    site = importlib.import_module("hackernews_site")
    with site.serving() as here:
        config = {"ops": {"hackernews": {"config": {"address": here.address, "stories_wanted": 5}}}}
        materialize(hackernews[0].news, run_config=config)
        asked = dict(here.asked)
        result = materialize(hackernews[0].news, selection=["top_words_plot", "earliest_signup"], run_config=config)
        assert dict(here.asked) == asked
    assert list(made(result)) == ["earliest_signup", "top_words_plot"]
    assert [check.check_name for check in result.get_asset_check_evaluations()] == ["registered_at_allow_nans"]


# -- lineage and versions ------------------------------------------------------------------------------------------


def number(limit: int) -> Parallelizable[int]:
    """Numbers below a limit."""
    yield from range(limit)


@tag(owner="numbers@example.com", about="not a word that Dagster takes", stage="raw")
def square(number: int) -> int:
    return number * number


def total(square: Collect[int]) -> int:
    return sum(square)


def offset(start: int = 7) -> int:
    return start


def result(total: int, offset: int) -> float:
    return total + offset + 0.5


FLOW = module_from_functions(number, square, total, offset, result)


def driver_of(*functions: Any, executor: str = "sequential", **options: Any) -> Driver:
    return Builder().with_modules(module_from_functions(*functions)).with_executor(executor, **options).build()


def test_assets_in_and_outside_of_fan_outs(materialize: Any) -> None:
    driver = Builder().with_modules(FLOW).build()
    numbers = driver_assets(driver, [square, "total", result], name="numbers", inputs={"limit": 5}, key_prefix="math")
    found = made(materialize(numbers))
    assert list(found) == ["math/square", "math/total", "math/result"]
    assert figures(found["math/square"])["dagster/row_count"] == 5
    assert figures(found["math/total"])["value"] == 30
    assert figures(found["math/result"])["value"] == 37.5
    specs = {spec.key.path[-1]: spec for spec in numbers.specs}
    assert specs["square"].tags["stage"] == "raw"
    assert specs["square"].owners == ["numbers@example.com"]
    assert "about" not in specs["square"].tags
    assert specs["result"].metadata["anabranch/functions"] == ["offset", "result"]

    config = {"ops": {"numbers": {"config": {"start": 100}}}}
    later = materialize(numbers, selection=[dagster.AssetKey(["math", one]) for one in ("total", "result")], run_config=config)
    assert figures(made(later)["math/result"])["value"] == 130.5  # the squares were loaded, item by item


@pytest.mark.parametrize("executor", ["threads", "processes"])
def test_the_step_fans_out_on_our_executors(materialize: Any, executor: str) -> None:
    with Builder().with_modules(FLOW).with_executor(executor, workers=2).build() as driver:
        found = made(materialize(driver_assets(driver, ["total"], name="numbers", inputs={"limit": 400})))
    assert figures(found["total"])["value"] == sum(n * n for n in range(400))
    assert figures(found["total"])["anabranch/items"] == {"number": 400}


def test_code_versions_change_with_the_code_between_assets_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = "def a() -> int:\n    return 1\ndef _help(x):\n    return x + {0}\ndef b(a: int) -> int:\n    return _help(a)\ndef c(b: int) -> int:\n    return b\n"
    versions = []
    for n, add in enumerate((1, 1, 2)):
        (tmp_path / f"dagster_flow_{n}.py").write_text(text.format(add) + f"# {n}\n")
        monkeypatch.syspath_prepend(tmp_path)
        flow = importlib.import_module(f"dagster_flow_{n}")
        assets = driver_assets(Driver({}, flow), ["a", "b", "c"], name="flow")
        versions.append({spec.key.path[-1]: spec.code_version for spec in assets.specs})
        sys.modules.pop(flow.__name__)
    changed = {name for name in "abc" if versions[0][name] != versions[2][name]}
    assert changed == {"b"}


def test_data_versions_follow_the_values(materialize: Any) -> None:
    def shape(total: int) -> str:
        return "even" if total % 2 == 0 else "odd"

    def lock(total: int) -> Any:
        return iter(())  # has no version

    driver = driver_of(number, square, total, shape, lock)
    assets = driver_assets(driver, ["total", "shape"], name="numbers")

    def versions(limit: int) -> dict[str, str]:
        config = {"ops": {"numbers": {"config": {"limit": limit}}}}
        found = made(materialize(assets, run_config=config))
        return {name: one.tags["dagster/data_version"] for name, one in found.items()}

    five, six, nine = versions(5), versions(6), versions(9)  # 30, 55, 204
    assert five["total"] != nine["total"] and five["shape"] == nine["shape"] != six["shape"]
    other = driver_assets(driver, ["lock"], name="locks", inputs={"limit": 1}, keep_values=False)
    assert "lock" in made(materialize(other))


# -- inputs --------------------------------------------------------------------------------------------------------


def test_inputs_come_from_the_run_config_by_their_types(materialize: Any) -> None:
    def report(day: datetime.date, factor: float, names: list[str], greeting: str = "Hello") -> str:
        return f"{greeting} {day.isoformat()} {factor} {names}"

    assets = driver_assets(driver_of(report), [report], name="reports", inputs={"names": ["a"]})
    config = {"ops": {"reports": {"config": {"day": "2024-02-29", "factor": 2.0}}}}
    result = materialize(assets, run_config=config)
    assert result.asset_value("report") == "Hello 2024-02-29 2.0 ['a']"
    with pytest.raises(dagster.DagsterInvalidConfigError, match="day"):
        materialize(assets)
    config["ops"]["reports"]["config"]["day"] = "yesterday"
    failed = materialize(assets, run_config=config, raise_on_error=False)
    assert "input 'day': 'yesterday' is not date" in message_of(failed)


def test_inputs_may_be_a_function_of_the_context(materialize: Any) -> None:
    def label(tags: dict) -> str:
        return tags["who"]

    assets = driver_assets(driver_of(label), [label], name="labels", inputs=lambda context: {"tags": dict(context.run.tags)})
    assert materialize(assets, tags={"who": "me"}).asset_value("label") == "me"


def test_inputs_may_be_assets_of_others_and_others_may_read_ours(materialize: Any) -> None:
    @dagster.asset
    def limit() -> int:
        return 4

    @dagster.asset
    def half(total: int) -> float:
        return total / 2

    numbers = driver_assets(driver_of(number, square, total), [total], name="numbers", upstream={"limit": "limit"})
    found = materialize(half, numbers, limit)
    assert found.asset_value("half") == 7.0
    assert {dep.asset_key.path[-1] for dep in numbers.specs_by_key[dagster.AssetKey("total")].deps} == {"limit"}


def test_values_need_not_be_kept_by_dagster(materialize: Any, tmp_path: Path) -> None:
    driver = (
        Builder()
        .with_modules(FLOW)
        .with_materializers(
            to.json(id="squares", dependencies=[square], path=f"{tmp_path}/{{item}}.json"),
            to.json(id="total_json", dependencies=[total], path=f"{tmp_path}/total.json"),
        )
        .build()
    )
    assets = driver_assets(driver, [square, total, result, "squares"], name="numbers", inputs={"limit": 3}, keep_values=False)
    found = made(materialize(assets, selection=["result", "total", "squares"]))
    assert not (tmp_path / "values").exists()
    assert figures(found["total"])["total_json/size"] == 1
    assert figures(found["squares"])["saved/files"] == 3
    assert sorted(path.name for path in tmp_path.glob("?.json")) == ["0.json", "1.json", "2.json"]


def test_what_savers_need_comes_from_the_run_config_too(materialize: Any, tmp_path: Path) -> None:
    saving = to.json(id="total_json", dependencies=[total], path="{folder}/total.json")
    driver = Builder().with_modules(FLOW).with_materializers(saving).build()

    @dagster.asset
    def limit() -> int:
        return 3

    assets = driver_assets(driver, [total, result], name="numbers", upstream={"limit": "limit"})
    config = {"ops": {"numbers": {"config": {"folder": str(tmp_path), "start": 1}}}}
    found = materialize(assets, limit, run_config=config)
    assert (tmp_path / "total.json").read_text() == "5"
    assert found.asset_value("result") == 6.5
    (tmp_path / "values" / "limit").unlink()
    (tmp_path / "total.json").unlink()
    found = materialize(assets, limit, selection=["result"], run_config=config)  # neither limit nor what saves total is needed
    assert found.asset_value("result") == 6.5
    assert not (tmp_path / "total.json").exists()


def test_files_of_a_fan_out_are_counted(materialize: Any, tmp_path: Path) -> None:
    saving = to.json(id="squares", dependencies=[square], path=f"{tmp_path}/{{item}}.json")
    driver = Builder().with_modules(FLOW).with_materializers(saving).build()
    assets = driver_assets(driver, [square, total], name="numbers", inputs={"limit": 3})
    found = made(materialize(assets))
    assert figures(found["square"])["squares/files"] == 3
    assert figures(found["square"])["squares/size"] == 3
    assert "squares/files" not in figures(found["total"])


# -- partitions ----------------------------------------------------------------------------------------------------


def test_a_partition_may_be_an_input(materialize: Any) -> None:
    def report(day: datetime.date) -> str:
        return f"{day:%A}"

    days = dagster.DailyPartitionsDefinition("2024-01-01")
    assets = driver_assets(driver_of(report), [report], name="reports", partition=Partition(days, "day"))
    assert materialize(assets, partition_key="2024-01-06").asset_value("report") == "Saturday"


def test_a_partition_may_be_a_window_of_time(materialize: Any) -> None:
    def hours(start: datetime.datetime, end: datetime.datetime) -> float:
        return (end - start).total_seconds() / 3600

    days = dagster.DailyPartitionsDefinition("2024-01-01")
    partition = Partition(days, window=("start", "end"))
    assets = driver_assets(driver_of(hours), [hours], name="reports", partition=partition)
    assert materialize(assets, partition_key="2024-01-06").asset_value("hours") == 24.0


def sold(region: str) -> int:
    if region == "nowhere":
        raise Skip
    return len(region)


def region(regions: list[str]) -> Parallelizable[str]:
    return regions


REGIONS = ["north", "south", "nowhere", "east"]


def test_partitions_may_be_the_items_of_a_fan_out(materialize: Any) -> None:
    partition = Partition(dagster.StaticPartitionsDefinition(REGIONS), "region")
    assets = driver_assets(driver_of(region, sold), [sold], name="sales", partition=partition)
    found = materialize(assets, partition_key="north")
    assert found.asset_value("sold") == 5
    assert made(found)["sold"].partition == "north"
    skipped = materialize(assets, partition_key="nowhere")
    assert skipped.success and not made(skipped)


def test_each_partition_is_saved_under_its_own_name(materialize: Any, tmp_path: Path) -> None:
    saving = to.json(id="sold_json", dependencies=[sold], path="{folder}/{region}.json")
    driver = Builder().with_modules(module_from_functions(region, sold)).with_materializers(saving).build()
    partition = Partition(dagster.StaticPartitionsDefinition(REGIONS), "region")
    assets = driver_assets(driver, [sold], name="sales", partition=partition, inputs={"folder": str(tmp_path)})
    found = made(materialize(assets, partition_key="east"))
    assert figures(found["sold"])["sold_json/files"] == 1
    assert (tmp_path / "east.json").read_text() == "4"


def test_many_partitions_are_one_run(materialize: Any, instance: Any) -> None:
    partition = Partition(dagster.StaticPartitionsDefinition(REGIONS[:2]), "region")
    assets = driver_assets(
        driver_of(region, sold),
        [sold],
        name="sales",
        partition=partition,
        keep_values=False,
        backfill_policy=dagster.BackfillPolicy.single_run(),
    )
    tags = {"dagster/asset_partition_range_start": "north", "dagster/asset_partition_range_end": "south"}
    found = materialize(assets, tags=tags)
    assert found.success
    events = [event for event in found.all_events if event.event_type_value == "ASSET_MATERIALIZATION"]
    assert {event.partition for event in events} == {"north", "south"}
    assert figures(made(found)["sold"])["anabranch/items"] == {"region": 2}


def test_an_input_that_takes_one_key_says_so(materialize: Any) -> None:
    def one(key: str) -> str:
        return key

    def many(keys: list[int]) -> int:
        return sum(keys)

    policy = dagster.BackfillPolicy.single_run()
    tags = {"dagster/asset_partition_range_start": "1", "dagster/asset_partition_range_end": "3"}
    numbers = dagster.StaticPartitionsDefinition(["1", "2", "3"])
    options = {"name": "keys", "keep_values": False, "backfill_policy": policy}
    assets = driver_assets(driver_of(one), [one], partition=Partition(numbers, "key"), **options)
    failed = materialize(assets, tags=tags, raise_on_error=False)
    assert "3 partitions are materialized at once, and input 'key' takes the key of one (str)" in message_of(failed)
    assets = driver_assets(driver_of(many), [many], partition=Partition(numbers, "keys"), **options)
    assert figures(made(materialize(assets, tags=tags))["many"])["value"] == 6


# -- failures ------------------------------------------------------------------------------------------------------


def message_of(result: Any) -> str:
    (event,) = [event for event in result.all_events if event.event_type_value == "STEP_FAILURE"]
    return event.step_failure_data.user_failure_data.description


def failing(number: int) -> float:
    return 1 / (number - 2)


def inverses(failing: Collect[float]) -> float:
    return sum(failing)


def test_what_does_not_depend_on_a_failure_is_materialized(materialize: Any) -> None:
    assets = driver_assets(
        driver_of(number, square, total, failing, inverses), [inverses, total], name="numbers", inputs={"limit": 5}
    )
    result = materialize(assets, raise_on_error=False)
    assert not result.success
    assert list(made(result)) == ["total"]
    assert message_of(result) == "an item failed: ZeroDivisionError in 'failing': division by zero (item number[2])"
    (event,) = [event for event in result.all_events if event.event_type_value == "STEP_FAILURE"]
    about = event.step_failure_data.user_failure_data.metadata
    assert about["anabranch/failed_items"].value == 1
    (row,) = about["anabranch/failures"].records
    assert row.data["function"] == "failing" and row.data["item"] == "number[2]" and row.data["error"] == "ZeroDivisionError"


def test_how_far_a_run_is_goes_to_the_log(materialize: Any, instance: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def lines(result: Any) -> list[str]:
        entries = [entry for entry in instance.all_logs(result.run_id) if not entry.is_dagster_event]
        return [entry.user_message for entry in entries if entry.user_message.startswith("anabranch: ")]

    with Builder().with_modules(FLOW).with_executor("threads", workers=2).build() as driver:
        assets = driver_assets(driver, [total], name="numbers", inputs={"limit": 500})
        (last,) = lines(materialize(assets))
        assert last.startswith("anabranch: done after ") and "number 500/500" in last
        monkeypatch.setattr("anabranch.integrations.dagster.step.EVERY", 0.0)
        found = lines(materialize(assets))
    assert len(found) > 3 and found[0].startswith("anabranch: running for ")


def test_items_that_are_left_out_are_in_the_metadata(materialize: Any) -> None:
    @on_error("skip")
    def failing(number: int) -> float:
        return 1 / (number - 2)

    assets = driver_assets(
        driver_of(number, failing, inverses, square, total), [inverses, total], name="numbers", inputs={"limit": 5}
    )
    found = made(materialize(assets))
    assert figures(found["inverses"])["anabranch/failed_items"] == 1
    assert "anabranch/failed_items" not in figures(found["total"])


def test_dagster_tries_again(materialize: Any, tmp_path: Path) -> None:
    def flaky(folder: str) -> int:
        tries = Path(folder, "tries")
        tries.write_text(tries.read_text() + "x" if tries.exists() else "x")
        if len(tries.read_text()) < 3:
            raise ConnectionError("busy")
        return len(tries.read_text())

    policy = dagster.RetryPolicy(max_retries=4)
    options = {"name": "flaky", "inputs": {"folder": str(tmp_path)}, "retry_policy": policy}
    result = materialize(driver_assets(driver_of(flaky), [flaky], **options))
    assert result.asset_value("flaky") == 3
    assert [event.event_type_value for event in result.all_events].count("STEP_RESTARTED") == 2


@pytest.mark.parametrize("executor", ["sequential", "processes"])
def test_another_attempt_goes_on_where_the_first_one_stopped(materialize: Any, tmp_path: Path, executor: str) -> None:
    def fetched(number: int, folder: str) -> int:
        with open(Path(folder, "calls"), "a") as calls:
            calls.write(f"{number} ")
        if number == 3 and Path(folder, "calls").read_text().split().count("3") < 2:
            raise ConnectionError("busy")
        return number

    def whole(fetched: Collect[int]) -> int:
        return sum(fetched)

    builder = Builder().with_modules(module_from_functions(number, fetched, whole)).with_runs(tmp_path / "runs")
    policy = dagster.RetryPolicy(max_retries=1)
    with builder.with_executor(executor).build() as driver:
        assets = driver_assets(
            driver, [whole], name="numbers", inputs={"folder": str(tmp_path)}, retry_policy=policy, resume=True
        )
        config = {"ops": {"numbers": {"config": {"limit": 6}}}}
        assert materialize(assets, run_config=config).asset_value("whole") == 15
        assert sorted((tmp_path / "calls").read_text().split()) == ["0", "1", "2", "3", "3", "4", "5"]
        assert materialize(assets, run_config=config).asset_value("whole") == 15  # another run of Dagster is another run
        assert len((tmp_path / "calls").read_text().split()) == 13


def test_dagster_does_not_try_again_what_cannot_become_better(materialize: Any) -> None:
    @check_output(range=(0, 10), importance="fail")
    def amount(given: int) -> int:
        return given

    @check_output(range=(0, 10))
    def other(given: int) -> int:
        return given

    assets = driver_assets(
        driver_of(amount, other), [amount, other], name="amounts", retry_policy=dagster.RetryPolicy(max_retries=3)
    )
    config = {"ops": {"amounts": {"config": {"given": 99}}}}
    result = materialize(assets, run_config=config, raise_on_error=False)
    assert not result.success
    assert [event.event_type_value for event in result.all_events].count("STEP_RESTARTED") == 0
    assert list(made(result)) == ["other"]
    checks = {check.asset_key.path[-1]: check for check in result.get_asset_check_evaluations()}
    assert {name: (check.passed, check.severity.name) for name, check in checks.items()} == {
        "amount": (False, "ERROR"),
        "other": (False, "WARN"),
    }
    assert checks["amount"].description == "99 does not lie between 0 and 10"


def test_an_asset_that_was_never_materialized_is_named(materialize: Any) -> None:
    assets = driver_assets(Builder().with_modules(FLOW).build(), [total, result], name="numbers", inputs={"limit": 2})
    failed = materialize(assets, selection=["result"], raise_on_error=False)
    assert "asset 'total' is not selected, and its value cannot be loaded; materialize it first" in message_of(failed)


@pytest.mark.parametrize(
    ("outputs", "options", "message"),
    [
        (["totl"], {}, "there is no function 'totl' to be an asset; did you mean 'total'?"),
        (["total"], {"inputs": {"limt": 3}}, "the dataflow has no input 'limt'; did you mean 'limit'?"),
        (["total"], {"inputs": {"limit": 3}, "upstream": {"limit": "x"}}, "input 'limit' is given twice"),
        ([], {}, "no output is asked for"),
    ],
)
def test_what_is_wrong_is_said_when_it_is_declared(outputs: list[str], options: Any, message: str) -> None:
    with pytest.raises(InputError, match=message.replace("?", r"\?")):
        driver_assets(Builder().with_modules(FLOW).build(), outputs, name="numbers", **options)


def test_frames_of_other_libraries_have_their_columns_in_the_metadata(materialize: Any) -> None:
    polars = pytest.importorskip("polars")

    def frame() -> pd.DataFrame:
        return pd.DataFrame({"a": [1, 2], "b": ["x", "y"]})

    def other(frame: pd.DataFrame) -> polars.DataFrame:
        return polars.DataFrame({"c": [1.5]})

    found = made(materialize(driver_assets(driver_of(frame, other), [frame, other], name="frames")))
    assert [column.name for column in figures(found["other"])["dagster/column_schema"].columns] == ["c"]
    assert figures(found["other"])["dagster/row_count"] == 1
