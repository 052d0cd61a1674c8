"""The page of a comparison in a real browser."""

from __future__ import annotations

import pytest

from anabranch.compare import Comparison, Figures, Setting, advice_on
from anabranch.compare.figures import Sample
from anabranch.compare.page import page_of_comparison

EVIL = "<script>alert(1)</script><img src=x onerror=alert(2)>"


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_it_opens_sorts_and_shows_hostile_text_as_text(tmp_path, visit, theme):
    def figures(executor, workers, wall):
        sample = Sample(wall, wall * workers * 0.9, wall, wall, 20, 400, wall * workers * 0.9)
        return Figures(Setting(executor, workers), (sample,) * 3, wall * 1.5, workers << 26)

    found = (
        figures("sequential", 1, 8.0),
        figures("threads", 2, 8.5),
        figures("processes", 2, 4.2),
        figures("processes", 4, 2.4),
        Figures(Setting(EVIL, 3), (), failed=f"ExecutorError: {EVIL}"),
    )
    comparison = Comparison(found, (f"total{EVIL}",), 3)
    path = tmp_path / "bench.html"
    path.write_text(page_of_comparison(comparison, advice_on(comparison)), encoding="utf-8")
    page = visit(path, theme=theme)
    assert page.texts("h1") == [f"Executors compared for total{EVIL}"]
    assert page.texts(".advice")[0].startswith("processes × 4: the functions keep the interpreter lock")
    assert page.locator("svg").count() == 4
    page.locator("th button", has_text="wall").click()
    assert page.texts("tbody th")[:4] == ["threads × 2", "sequential", "processes × 2", "processes × 4"]
    page.keyboard.press("Tab")
    assert page.locator(":focus").inner_text() == "rounds"
