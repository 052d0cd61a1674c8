"""Ids and summaries as a person reads them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from anabranch.words import amount, bytes_of, duration

__all__ = ["facts_of", "figure", "flow_name", "short"]


def short(run_id: str) -> str:
    """The beginning of an id."""
    return run_id[:8]


def figure(number: float) -> str:
    """A number with the digits that matter."""
    return f"{number:,.6g}"


def flow_name(run: Mapping[str, Any]) -> str:
    """What a run is called: its name, or its outputs."""
    return str(run["name"]) or ", ".join(run["outputs"])


def facts_of(summary: Mapping[str, Any]) -> str:
    """A summary on one line: ``pandas.DataFrame 1,000 × 3``."""
    parts = [str(summary["type"])]
    if summary.get("shape"):
        parts.append(" × ".join(amount(size) for size in summary["shape"]))
    if summary.get("dtype"):
        parts.append(str(summary["dtype"]))
    if summary.get("bytes"):
        parts.append(bytes_of(summary["bytes"]))
    return " ".join(parts)


def took(seconds: float | None) -> str:
    """A duration, or a dash."""
    return "–" if seconds is None else duration(seconds)
