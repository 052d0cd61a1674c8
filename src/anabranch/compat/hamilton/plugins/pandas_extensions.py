"""Frames of pandas in files and databases, by Hamilton's names."""

from anabranch.io.formats.pandas import (
    PandasCsvLoader as PandasCSVReader,
)
from anabranch.io.formats.pandas import (
    PandasCsvSaver as PandasCSVWriter,
)
from anabranch.io.formats.pandas import (
    PandasExcelLoader as PandasExcelReader,
)
from anabranch.io.formats.pandas import (
    PandasExcelSaver as PandasExcelWriter,
)
from anabranch.io.formats.pandas import (
    PandasFeatherLoader as PandasFeatherReader,
)
from anabranch.io.formats.pandas import (
    PandasFeatherSaver as PandasFeatherWriter,
)
from anabranch.io.formats.pandas import (
    PandasFwfLoader as PandasFWFReader,
)
from anabranch.io.formats.pandas import (
    PandasHtmlLoader as PandasHtmlReader,
)
from anabranch.io.formats.pandas import (
    PandasHtmlSaver as PandasHtmlWriter,
)
from anabranch.io.formats.pandas import (
    PandasJsonLoader as PandasJsonReader,
)
from anabranch.io.formats.pandas import (
    PandasJsonSaver as PandasJsonWriter,
)
from anabranch.io.formats.pandas import (
    PandasOrcLoader as PandasORCReader,
)
from anabranch.io.formats.pandas import (
    PandasOrcSaver as PandasORCWriter,
)
from anabranch.io.formats.pandas import (
    PandasParquetLoader as PandasParquetReader,
)
from anabranch.io.formats.pandas import (
    PandasParquetSaver as PandasParquetWriter,
)
from anabranch.io.formats.pandas import (
    PandasPickleLoader as PandasPickleReader,
)
from anabranch.io.formats.pandas import (
    PandasPickleSaver as PandasPickleWriter,
)
from anabranch.io.formats.pandas import (
    PandasSpssLoader as PandasSPSSReader,
)
from anabranch.io.formats.pandas import (
    PandasStataLoader as PandasStataReader,
)
from anabranch.io.formats.pandas import (
    PandasStataSaver as PandasStataWriter,
)
from anabranch.io.formats.pandas import (
    PandasTableLoader as PandasTableReader,
)
from anabranch.io.formats.pandas import (
    PandasXmlLoader as PandasXmlReader,
)
from anabranch.io.formats.pandas import (
    PandasXmlSaver as PandasXmlWriter,
)
from anabranch.io.formats.sql import (
    PandasSqlLoader as PandasSqlReader,
)
from anabranch.io.formats.sql import (
    PandasSqlSaver as PandasSqlWriter,
)

__all__ = [
    "PandasCSVReader",
    "PandasCSVWriter",
    "PandasExcelReader",
    "PandasExcelWriter",
    "PandasFWFReader",
    "PandasFeatherReader",
    "PandasFeatherWriter",
    "PandasHtmlReader",
    "PandasHtmlWriter",
    "PandasJsonReader",
    "PandasJsonWriter",
    "PandasORCReader",
    "PandasORCWriter",
    "PandasParquetReader",
    "PandasParquetWriter",
    "PandasPickleReader",
    "PandasPickleWriter",
    "PandasSPSSReader",
    "PandasSqlReader",
    "PandasSqlWriter",
    "PandasStataReader",
    "PandasStataWriter",
    "PandasTableReader",
    "PandasXmlReader",
    "PandasXmlWriter",
]
