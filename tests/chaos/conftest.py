"""Tells at the end how long things took: bounds in tests are loose, for the machine may be busy."""

from __future__ import annotations

import pytest


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """What tests of this folder have measured."""
    reports = [report for report in terminalreporter.stats.get("passed", ()) if report.when == "call"]
    told = [report for report in reports if report.user_properties and "tests/chaos" in report.nodeid]
    if told:
        terminalreporter.section("faults: what was measured")
    for report in sorted(told, key=lambda report: report.nodeid):
        found = ", ".join(f"{name}: {value}" for name, value in report.user_properties)
        terminalreporter.write_line(f"{report.nodeid.partition('::')[2]:90} {found}")
