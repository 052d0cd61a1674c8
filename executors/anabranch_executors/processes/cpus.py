"""How many workers: what was asked for, or how many processors this process may use."""

from __future__ import annotations

from anabranch.errors import ExecutorError
from anabranch.machine import usable_cpus

__all__ = ["check_workers", "usable_cpus"]


def check_workers(workers: object) -> None:
    """Whether this can be a number of workers; None leaves it to the executor.

    Raises:
        ExecutorError: it cannot.
    """
    if workers is not None and not (isinstance(workers, int) and workers >= 1):
        raise ExecutorError(f"workers must be a whole number and at least 1, not {workers!r}")
