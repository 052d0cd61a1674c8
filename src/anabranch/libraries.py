"""Libraries that anabranch can do without, imported when they are needed and not before.

Nothing else imports one of them; so what an import of anabranch costs is known, and each is missed with the same words.
"""

from __future__ import annotations

import sys
from importlib import import_module
from typing import Any

from anabranch.errors import InputError

__all__ = ["library", "loaded"]

DISTRIBUTIONS = {"yaml": "pyyaml", "dask.dataframe": "dask[dataframe]"}
"""What to install, where it is not called as it is imported."""


def library(name: str, needed_by: str) -> Any:
    """The module of that name.

    Raises:
        InputError: it is not installed; says what needs it and how to install it.
    """
    try:
        return import_module(name)
    except ImportError as error:
        what = DISTRIBUTIONS.get(name, name.partition(".")[0])
        raise InputError(f"{needed_by} needs {name}, which cannot be imported ({error}); run: pip install '{what}'") from error


def loaded(dotted: str) -> Any:
    """The object ``module.name`` if its module has been imported already, else None: whoever has one has imported it."""
    module, _, name = dotted.rpartition(".")
    return getattr(sys.modules.get(module), name, None)
