"""Frames of polars in files and databases, by Hamilton's names."""

from anabranch.io.formats.polars import (
    PolarsAvroLoader as PolarsAvroReader,
)
from anabranch.io.formats.polars import (
    PolarsAvroSaver as PolarsAvroWriter,
)
from anabranch.io.formats.polars import (
    PolarsCsvLoader as PolarsCSVReader,
)
from anabranch.io.formats.polars import (
    PolarsCsvSaver as PolarsCSVWriter,
)
from anabranch.io.formats.polars import (
    PolarsFeatherLoader as PolarsFeatherReader,
)
from anabranch.io.formats.polars import (
    PolarsFeatherSaver as PolarsFeatherWriter,
)
from anabranch.io.formats.polars import (
    PolarsJsonLoader as PolarsJSONReader,
)
from anabranch.io.formats.polars import (
    PolarsJsonSaver as PolarsJSONWriter,
)
from anabranch.io.formats.polars import (
    PolarsNdjsonSaver as PolarsNDJSONWriter,
)
from anabranch.io.formats.polars import (
    PolarsParquetLoader as PolarsParquetReader,
)
from anabranch.io.formats.polars import (
    PolarsParquetSaver as PolarsParquetWriter,
)
from anabranch.io.formats.polars import (
    PolarsSpreadsheetLoader as PolarsSpreadsheetReader,
)
from anabranch.io.formats.polars import (
    PolarsSpreadsheetSaver as PolarsSpreadsheetWriter,
)
from anabranch.io.formats.sql import (
    PolarsDatabaseLoader as PolarsDatabaseReader,
)
from anabranch.io.formats.sql import (
    PolarsDatabaseSaver as PolarsDatabaseWriter,
)

__all__ = [
    "PolarsAvroReader",
    "PolarsAvroWriter",
    "PolarsCSVReader",
    "PolarsCSVWriter",
    "PolarsDatabaseReader",
    "PolarsDatabaseWriter",
    "PolarsFeatherReader",
    "PolarsFeatherWriter",
    "PolarsJSONReader",
    "PolarsJSONWriter",
    "PolarsNDJSONWriter",
    "PolarsParquetReader",
    "PolarsParquetWriter",
    "PolarsSpreadsheetReader",
    "PolarsSpreadsheetWriter",
]
