"""What calls need, as Dask knows it: resources that workers were started with, by name.

Theory: Dask counts nothing by itself but its workers' threads. What else there is, a worker says when it is started
(``dask worker --resources "GPU=2 MEMORY=8e9"``), and a task that asks for what no worker has waits for ever. So GPUs and custom
amounts are passed on by the names that Dask's users have for them, processors and memory only where workers say that they have
any; else a worker's threads and its memory limit are what one call may need.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from anabranch.placement import Resources

__all__ = ["arguments", "largest", "slots_of"]

NAMES = {"cpus": "CPU", "gpus": "GPU", "memory": "MEMORY"}


def largest(client: Any) -> dict[str, float]:
    """The most that one worker has of each, by our names."""
    ours = {theirs: name for name, theirs in NAMES.items()}
    found: dict[str, float] = {"cpus": 0, "gpus": 0, "memory": 0}
    for worker in client.scheduler_info(n_workers=-1)["workers"].values():
        known = {"cpus": worker["nthreads"], "memory": worker["memory_limit"] or 0}
        known |= {ours.get(name, name): amount for name, amount in worker.get("resources", {}).items()}
        for name, amount in known.items():
            found[name] = max(amount, found.get(name, 0))
    return found


def slots_of(client: Any) -> int:
    """How many calls the workers run at the same time: as many as they have threads, or, if the cluster adapts to what there is
    to do, as many as it may have at most.
    """
    threads = client.nthreads().values()
    adaptive = getattr(getattr(client, "cluster", None), "_adaptive", None)
    most = getattr(adaptive, "maximum", None) if adaptive is not None else None
    grown = int(most) * max(threads, default=1) if most is not None and most < float("inf") else 0
    slots: int = max(sum(threads), grown)
    return slots


def arguments(needs: Resources, declared: frozenset[str]) -> Mapping[str, Any]:
    """What `Client.submit` is told; `declared` are the resources that workers say they have."""
    amounts = {NAMES.get(name, name): amount for name, amount in needs.amounts.items()}
    counted = {name: amount for name, amount in amounts.items() if name in declared or name not in {"CPU", "MEMORY"}}
    given = dict(needs.dask)
    counted |= given.pop("resources", {})
    return {**({"resources": counted} if counted else {}), **given}
