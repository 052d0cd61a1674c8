"""How many workers: what was asked for, and how many processors this process may use by its affinity and control group."""

from __future__ import annotations

import math
import os
from collections.abc import Iterator
from pathlib import Path

from anabranch.errors import ExecutorError

__all__ = ["check_workers", "usable_cpus"]


def check_workers(workers: object) -> None:
    """Whether this can be a number of workers; None leaves it to the executor.

    Raises:
        ExecutorError: it cannot.
    """
    if workers is not None and not (isinstance(workers, int) and workers >= 1):
        raise ExecutorError(f"workers must be a whole number and at least 1, not {workers!r}")


def usable_cpus(root: Path = Path("/")) -> int:
    """At least one; `root` is where `proc` and `sys` are mounted."""
    cpus = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, min([cpus, *_quotas(root)]))


def _quotas(root: Path) -> Iterator[int]:
    """The quotas of this process's control group and of those around it, rounded up to whole processors."""
    base = root / "sys/fs/cgroup"
    try:
        lines = (root / "proc/self/cgroup").read_text().splitlines()
    except OSError:
        return
    for line in lines:
        _, controllers, name = line.split(":", 2)
        if controllers and "cpu" not in controllers.split(","):
            continue
        mount = base / "cpu" if controllers else base
        group = Path(name.lstrip("/"))
        for part in (group, *group.parents):
            yield from _quota(mount / part)


def _quota(group: Path) -> Iterator[int]:
    try:
        if (group / "cpu.max").exists():
            quota, period = (group / "cpu.max").read_text().split()
        else:
            quota, period = ((group / f"cpu.cfs_{name}_us").read_text().strip() for name in ("quota", "period"))
        if quota not in {"max", "-1"}:
            yield math.ceil(int(quota) / int(period))
    except (OSError, ValueError):
        return
