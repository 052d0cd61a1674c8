"""What a run ran on: versions, machine. Names and numbers only; no paths, no environment variables, no arguments."""

from __future__ import annotations

import os
import platform
import sys
from importlib.metadata import PackageNotFoundError, version

__all__ = ["surroundings"]

PACKAGES = """
anabranch cloudpickle numpy scipy pandas polars pyarrow narwhals scikit-learn torch tensorflow jax xgboost lightgbm pydantic
fsspec sqlalchemy ray dask distributed
"""
"""Their versions are told."""

MODULES = {"scikit-learn": "sklearn"}
"""Where the module is not called as its package."""


def surroundings() -> dict[str, str]:
    """What there is to say, by name; of packages those that this process has loaded."""
    found = {
        "Python": f"{platform.python_version()} ({platform.python_implementation()})",
        "system": f"{platform.system()} {platform.release()} {platform.machine()}",
        "processors": str(os.cpu_count() or "unknown"),
    }
    for name in PACKAGES.split():
        if MODULES.get(name, name) in sys.modules:
            try:
                found[name] = version(name)
            except PackageNotFoundError:
                continue
    return found
