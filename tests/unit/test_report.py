from __future__ import annotations

from anabranch.events import CallFinished, CallStarted, FanFinished, FanOpened, ItemFailed, SpanFinished, SpanSubmitted
from anabranch.failure import Failure, capture
from anabranch.report import Report


def test_a_report_is_made_of_events():
    report = Report()
    for event in (
        FanOpened("e", "e", (), None),
        SpanSubmitted("e", "e", (), 0, 3),
        SpanFinished("e", "e", (), 0, 3, 0.5, 1.0, "w1"),
        SpanFinished("e", "e", (), 3, 4, 0.25, 1.0, "w2"),
        FanFinished("e", "e", (), 4),
        FanFinished("inner", "inner", (0,), 2),
        FanFinished("inner", "inner", (1,), 3),
        CallStarted("c", ()),
        CallFinished("c", (), 0.125, 1.0, "w1"),
        ItemFailed(Failure("f", (), (), capture(KeyError()))),
    ):
        report.observe(event)
    assert set(report.tasks) == {"e", "c"}
    spans = report.tasks["e"]
    assert (spans.calls, spans.items, spans.seconds, spans.workers) == (2, 4, 0.75, {"w1", "w2"})
    assert (report.tasks["c"].calls, report.tasks["c"].items) == (1, 1)
    assert report.widths == {"e": 4, "inner": 5}
    assert report.failures == 1


def test_reports_share_nothing():
    first, second = Report(), Report()
    first.observe(CallFinished("c", (), 1.0, 0.0, "w"))
    assert second.tasks == {}
