"""Functions and results for frames of any library, with narwhals."""

from anabranch.lifecycle import (
    NarwhalsAdapter,
)
from anabranch.results import (
    NarwhalsDataFrameResultBuilder,
)

__all__ = [
    "NarwhalsAdapter",
    "NarwhalsDataFrameResultBuilder",
]
