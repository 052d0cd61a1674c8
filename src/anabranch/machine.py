"""What this process may use of the machine: processors, memory, GPUs; by its affinity, its control group, its environment.

Theory: a container shows the whole machine's processors and memory to whoever asks the system for them; what counts is the
least that any control group around this process allows.
"""

from __future__ import annotations

import math
import os
from collections.abc import Iterator
from pathlib import Path

__all__ = ["machine", "usable_cpus", "usable_gpus", "usable_memory"]

ROOT = Path("/")


def machine() -> dict[str, float]:
    """All of it, by name."""
    return {"cpus": usable_cpus(), "gpus": usable_gpus(), "memory": usable_memory()}


def usable_cpus(root: Path = ROOT) -> int:
    """Processors; at least one. `root` is where `proc` and `sys` are mounted."""
    cpus = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, min([cpus, *(math.ceil(share) for share in _least(root, "cpu"))]))


def usable_memory(root: Path = ROOT) -> int:
    """Bytes of memory, whether or not others have taken some; 0 where nobody says."""
    try:
        whole = [os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")]
    except (AttributeError, OSError, ValueError):
        whole = []
    return int(min([*whole, *_least(root, "memory")], default=0))


def usable_gpus(root: Path = ROOT) -> int:
    """GPUs: those that ``CUDA_VISIBLE_DEVICES`` leaves, else all that the NVIDIA driver has."""
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    if visible is not None:
        named = [name.strip() for name in visible.split(",")]
        return next((n for n, name in enumerate(named) if name in {"", "-1", "NoDevFiles"}), len(named))
    try:
        return len(os.listdir(root / "proc/driver/nvidia/gpus"))
    except OSError:
        return 0


def _least(root: Path, controller: str) -> Iterator[float]:
    """The limits of this process's control group and of those around it."""
    base = root / "sys/fs/cgroup"
    try:
        lines = (root / "proc/self/cgroup").read_text().splitlines()
    except OSError:
        return
    read = _cpus_of if controller == "cpu" else _memory_of
    for line in lines:
        _, controllers, name = line.split(":", 2)
        if controllers and controller not in controllers.split(","):
            continue
        mount = base / controller if controllers else base
        group = Path(name.lstrip("/"))
        for part in (group, *group.parents):
            yield from read(mount / part)


def _cpus_of(group: Path) -> Iterator[float]:
    try:
        if (group / "cpu.max").exists():
            quota, period = (group / "cpu.max").read_text().split()
        else:
            quota, period = ((group / f"cpu.cfs_{name}_us").read_text().strip() for name in ("quota", "period"))
        if quota not in {"max", "-1"}:
            yield int(quota) / int(period)
    except (OSError, ValueError):
        return


def _memory_of(group: Path) -> Iterator[float]:
    for name in ("memory.max", "memory.limit_in_bytes"):
        try:
            yield int((group / name).read_text())  # "max" is no number, and stands for no limit
        except (OSError, ValueError):
            continue
