"""Makes every function wait a while: for watching how a flow runs, and for finding out what slow functions do to it."""

from __future__ import annotations

import random
from time import sleep
from typing import Any

from anabranch.errors import InputError
from anabranch.lifecycle.base import NodeExecutionHook

__all__ = ["SlowDownYouMoveTooFast"]


class SlowDownYouMoveTooFast(NodeExecutionHook):
    """Waits before each call of a function, for a random time that is normally distributed and never below 0.

    Args:
        sleep_time_mean: in seconds.
        sleep_time_std: its standard deviation.

    Raises:
        InputError: one of them is negative.
    """

    def __init__(self, sleep_time_mean: float, sleep_time_std: float) -> None:
        if sleep_time_mean < 0 or sleep_time_std < 0:
            raise InputError("SlowDownYouMoveTooFast waits for 0 seconds or more")
        self.sleep_time_mean = sleep_time_mean
        self.sleep_time_std = sleep_time_std

    def run_before_node_execution(self, **future_kwargs: Any) -> None:
        """Waits."""
        sleep(max(0.0, random.gauss(self.sleep_time_mean, self.sleep_time_std)))
