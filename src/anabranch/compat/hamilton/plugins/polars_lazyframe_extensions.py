"""Lazy frames of polars in files, by Hamilton's names."""

from anabranch.io.formats.polars import (
    PolarsScanCsv as PolarsScanCSVReader,
)
from anabranch.io.formats.polars import (
    PolarsScanFeather as PolarsScanFeatherReader,
)
from anabranch.io.formats.polars import (
    PolarsScanParquet as PolarsScanParquetReader,
)

__all__ = [
    "PolarsScanCSVReader",
    "PolarsScanFeatherReader",
    "PolarsScanParquetReader",
]
