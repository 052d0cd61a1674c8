"""``%load_ext hamilton.plugins.jupyter_magic``: a cell is a module, to be drawn and run. See `anabranch.notebook` for ours."""

from __future__ import annotations

from typing import Any

from anabranch.compat.hamilton._magic import HamiltonMagic, register

__all__ = ["HamiltonMagic", "load_ipython_extension", "unload_ipython_extension"]


def load_ipython_extension(ipython: Any) -> None:
    """What ``%load_ext`` calls."""
    register(ipython)


def unload_ipython_extension(ipython: Any) -> None:
    """What ``%unload_ext`` calls; the magics go with the notebook."""
