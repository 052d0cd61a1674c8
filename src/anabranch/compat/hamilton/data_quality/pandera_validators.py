"""Checks by schemas of pandera."""

from anabranch.validation import (
    PanderaSchemaValidator as PanderaDataFrameValidator,
)
from anabranch.validation import (
    PanderaSchemaValidator as PanderaSeriesSchemaValidator,
)

__all__ = [
    "PanderaDataFrameValidator",
    "PanderaSeriesSchemaValidator",
]
