"""What a worker process of a Dask cluster of our own loads first: little, for it is at work before its keeper knows.

Theory: Ctrl-C reaches all processes of a terminal, and is the driver's to answer.
"""

from __future__ import annotations

import signal
from typing import Any

__all__ = ["dask_setup"]


def dask_setup(worker: Any) -> None:  # noqa: ARG001  the name and the parameter are Dask's
    """Has the process ignore it."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
