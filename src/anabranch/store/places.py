"""Where anabranch keeps things of the user's: the key in the configuration, journals in the state, caches by default.

The folders are those of the XDG base directories, each followed by ``anabranch``; elsewhere the same under the home folder.
"""

from __future__ import annotations

import os
from pathlib import Path

from anabranch.errors import StoreError

__all__ = ["cache_home", "config_home", "state_home"]


def config_home() -> Path:
    """Where the user's key is."""
    return _home("XDG_CONFIG_HOME", ".config")


def state_home() -> Path:
    """Where journals of runs are."""
    return _home("XDG_STATE_HOME", os.path.join(".local", "state"))


def cache_home() -> Path:
    """Where a cache is that was given no path."""
    return _home("XDG_CACHE_HOME", ".cache")


def _home(variable: str, usual: str) -> Path:
    given = os.environ.get(variable, "")
    if os.path.isabs(given):
        return Path(given) / "anabranch"
    try:
        return Path.home() / usual / "anabranch"
    except RuntimeError:
        raise StoreError(f"there is no home folder to keep things in; set {variable} to a folder") from None
