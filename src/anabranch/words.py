"""Figures and times as a person reads them."""

from __future__ import annotations

from datetime import datetime

__all__ = ["amount", "bytes_of", "duration", "moment", "plural", "share"]


def amount(number: float) -> str:
    """A count with its thousands apart, or a rate with the digits that matter."""
    if number >= 100 or number == int(number):
        return f"{number:,.0f}"
    return f"{number:.3g}"


def duration(seconds: float) -> str:
    """``3.2 ms``, ``4.5 s``, ``2:05``, ``1:02:05``."""
    if seconds < 5e-10:
        return "0 s"
    if seconds < 1e-3:
        return f"{seconds * 1e6:.3g} µs"
    if seconds < 1:
        return f"{seconds * 1e3:.3g} ms"
    if seconds < 60:
        return f"{seconds:.3g} s"
    whole = round(seconds)
    if whole < 3600:
        return f"{whole // 60}:{whole % 60:02}"
    return f"{whole // 3600}:{whole % 3600 // 60:02}:{whole % 60:02}"


def moment(time: float | None) -> str:
    """``2026-11-23 16:45:12``, by this machine's clock, of seconds since 1970; nothing for no time."""
    return datetime.fromtimestamp(time).astimezone().strftime("%Y-%m-%d %H:%M:%S") if time else ""


def share(part: float, whole: float) -> str:
    """A part of something, in percent."""
    if not whole:
        return "–"
    percent = 100 * part / whole
    return f"{percent:.1f} %" if percent >= 1 else f"{percent:.2f} %" if percent >= 0.01 or not part else "< 0.01 %"


def bytes_of(number: float) -> str:
    """``1.5 MiB``."""
    for unit in ("B", "KiB", "MiB", "GiB"):
        if number < 1024 or unit == "GiB":
            break
        number /= 1024
    return f"{number:.3g} {unit}"


def plural(number: int, word: str) -> str:
    """``1 item``, ``2 items``."""
    return f"{amount(number)} {word}{'' if number == 1 else 's'}"
