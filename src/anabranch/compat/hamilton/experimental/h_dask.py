"""Dask."""

from anabranch.compat.hamilton.plugins.h_dask import (
    DaskDataFrameResult,
    DaskGraphAdapter,
)

__all__ = [
    "DaskDataFrameResult",
    "DaskGraphAdapter",
]
