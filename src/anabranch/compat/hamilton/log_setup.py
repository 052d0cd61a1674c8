"""Logging to the console."""

from __future__ import annotations

import logging
import sys

__all__ = ["LOG_LEVELS", "setup_logging"]

LOG_LEVELS = {name: getattr(logging, name) for name in ("CRITICAL", "ERROR", "WARNING", "INFO", "DEBUG")}


def setup_logging(log_level: int | str = logging.INFO) -> None:
    """Has the root logger write to standard output, if nothing has set it up."""
    root = logging.getLogger()
    if root.handlers:
        return
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s:%(lineno)d  %(message)s"))
    root.addHandler(handler)
    root.setLevel(log_level)
