"""The page of a run, made by real runs on real executors."""

import logging
import re

import pytest

from anabranch import Builder, Collect, InputError, Parallelizable, module_from_functions
from anabranch.see import RunReport

EVIL = "<script>alert(1)</script>"


@pytest.mark.parametrize("executor", ["sequential", "threads", "processes"])
def test_a_page_of_a_run(watched, tmp_path, executor):
    path = tmp_path / "run.html"
    watched(RunReport(path), executor=executor)
    page = path.read_text(encoding="utf-8")
    for section in ("Summary", "Where the time went", "Dataflow", "Timeline", "Critical path", "Durations", "Slowest", "Environment"):
        assert section in page
    for part in ("folder, pass 2", "spread", "5 items", "CPython"):
        assert part in page
    assert "Failures</h2>" not in page
    assert not re.search(r"(?:src|href)=\"(?!#)", page)
    shares = [float(share) for share in re.findall(r'<td class="number">([\d.]+) %</td>', page)]
    assert sum(shares) == pytest.approx(100, abs=0.5)


def test_a_page_of_a_failed_run(watched, tmp_path):
    path = tmp_path / "run.html"
    assert isinstance(watched(RunReport(path), fails=3), ValueError)
    page = path.read_text(encoding="utf-8")
    assert "1 × ValueError" in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt; no 3s in" in page
    assert EVIL not in page
    assert "1 failed" in page


def test_a_flow_without_fan_outs(tmp_path):
    def one() -> int:
        return 1

    path = tmp_path / "{run_id}.html"
    with Builder().with_modules(module_from_functions(one)).with_adapters(RunReport(path)).build() as driver:
        assert driver.execute(["one"]) == {"one": 1}
    (found,) = tmp_path.iterdir()
    assert "Run of one" in found.read_text(encoding="utf-8")


def test_a_report_that_cannot_be_written_costs_no_result(watched, tmp_path, caplog):
    folder = tmp_path / "folder"
    folder.mkdir()
    report = RunReport(folder / "run.html")
    folder.rmdir()
    with caplog.at_level(logging.ERROR, "anabranch"):
        assert watched(report)["spread"] == 2
    assert "cannot be written" in caplog.text


def test_what_is_wrong_is_said_before_the_run(tmp_path, monkeypatch):
    with pytest.raises(InputError, match="there is no folder"):
        RunReport(tmp_path / "nowhere" / "run.html")
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(InputError, match=r"jinja2 and graphlay: pip install 'anabranch\[see\]'"):
        RunReport(tmp_path / "run.html")


def test_results_from_the_cache_are_counted_by_task(tmp_path):
    def item(count: int) -> Parallelizable[int]:
        yield from range(count)

    def square(item: int) -> int:
        return item * item

    def total(square: Collect[int]) -> int:
        return sum(square)

    path = tmp_path / "run.html"
    builder = Builder().with_modules(module_from_functions(item, square, total)).with_cache(tmp_path / "cache")
    for _ in range(2):
        with builder.with_adapters(RunReport(path)).build() as driver:
            driver.execute(["total"], inputs={"count": 30})
    page = path.read_text(encoding="utf-8")
    assert re.search(r"<dt>found in the cache</dt><dd>3\d</dd>", page)
    assert re.search(r'<td class="number" data-value="30">30</td></tr>', page)
