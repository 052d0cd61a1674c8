"""Whether the driver of a run lives: told by facts where they can be had, else by its last sign of life.

Theory: a process number alone says nothing, for numbers are given out again. With the moment at which the process was
started, the boot of the machine and the kernel's namespace of process numbers it is that process and no other. Whoever looks
from the same namespace of the same boot can know; for all others there is the driver's beat: it says now and then that it
lives, and when it has not for `SILENCE`, it is taken to be lost. It may come back from that, if it was only suspended.
"""

from __future__ import annotations

import json
import os
import socket
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

__all__ = ["SILENCE", "is_alive", "place_of_process"]

SILENCE = 60.0
"""Seconds without one, after which a driver elsewhere is taken to be gone."""


def place_of_process(process: int | None = None) -> str:
    """Which process this is, and where; of facts that cannot be had, empty texts."""
    number = os.getpid() if process is None else process
    found = {"host": socket.gethostname(), "boot": _boot(), "space": _space(), "process": number, "born": _born(number)}
    return json.dumps(found, separators=(",", ":"))


def is_alive(place: str, beat: float, now: float | None = None) -> bool:
    """Whether the process of a place lives, whose last sign of life is `beat` (seconds since 1970)."""
    known = _decoded(place)
    here = json.loads(place_of_process())
    can_know = known.get("born") and known.get("boot") and all(known.get(name) == here[name] for name in ("boot", "space"))
    if can_know:
        return bool(_born(int(known["process"])) == known["born"])
    return (time.time() if now is None else now) - beat < SILENCE


def _decoded(place: str) -> dict[str, Any]:
    with suppress(ValueError, TypeError):
        found = json.loads(place)
        if isinstance(found, dict) and isinstance(found.get("process"), int):
            return found
    return {}


def _boot() -> str:
    with suppress(OSError):
        return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    return ""


def _space() -> str:
    with suppress(OSError):
        return os.readlink("/proc/self/ns/pid")
    return ""


def _born(process: int) -> str:
    """When a process was started, in ticks since the boot; empty if there is none, or it is only waiting to be reaped."""
    with suppress(OSError, IndexError):
        fields = Path(f"/proc/{process}/stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
        return "" if fields[0] in {"Z", "X"} else fields[19]
    return ""
