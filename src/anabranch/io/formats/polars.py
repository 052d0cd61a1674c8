"""Frames of polars, eager and lazy. Lazy ones are scanned and sunk, so that data larger than memory passes through."""

from __future__ import annotations

import io
from typing import Any, ClassVar

from anabranch.errors import InputError
from anabranch.io.file import FileLoader, FileSaver, FrameFacts, facts_of
from anabranch.io.formats.plain import contents
from anabranch.io.place import Place
from anabranch.libraries import library

__all__ = ["ADAPTERS"]


class PolarsLoader(FrameFacts, FileLoader):
    """Reads a `polars.DataFrame` with the function of polars that is named in `reader`; options are that function's."""

    kinds = ("polars.DataFrame",)
    path_names: ClassVar[tuple[str, ...]] = ("file", "source")
    reader: ClassVar[str]

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        cls.takes = (f"polars.{cls.reader}",)

    def read(self, source: Any, place: Place, type_: Any) -> Any:
        polars = library("polars", f"'{self.name()}'")
        found = getattr(polars, self.reader)(
            source if isinstance(source, str) else io.BytesIO(contents(source)), **self.options
        )
        if isinstance(found, dict):
            raise InputError(f"'{place.path}' ({self.name()}) has {len(found)} sheets; choose one with sheet_name")
        return found


class PolarsCsvLoader(PolarsLoader):
    """Reads comma-separated values."""

    keys = ("csv",)
    reader = "read_csv"


class PolarsParquetLoader(PolarsLoader):
    """Reads Parquet."""

    keys = ("parquet",)
    reader = "read_parquet"


class PolarsFeatherLoader(PolarsLoader):
    """Reads Feather, which is Arrow's file format."""

    keys = ("feather",)
    reader = "read_ipc"


class PolarsAvroLoader(PolarsLoader):
    """Reads Avro."""

    keys = ("avro",)
    reader = "read_avro"


class PolarsJsonLoader(PolarsLoader):
    """Reads JSON."""

    keys = ("json",)
    reader = "read_json"


class PolarsSpreadsheetLoader(PolarsLoader):
    """Reads one sheet of a workbook."""

    keys = ("spreadsheet", "excel")
    reader = "read_excel"


class PolarsScan(FrameFacts, FileLoader):
    """Gives a `polars.LazyFrame`: what it needs is read when it is collected, from a path or a URL that polars knows."""

    kinds = ("polars.LazyFrame",)
    path_names: ClassVar[tuple[str, ...]] = ("file", "source")
    reader: ClassVar[str]

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        cls.takes = (f"polars.{cls.reader}",)

    def load_data(self, type_: Any) -> tuple[Any, dict[str, Any]]:
        place = self.place
        polars = library("polars", f"'{self.name()}'")
        options = {**self.options, **({"storage_options": dict(place.options)} if place.options else {})}
        if place.scheme == "memory":
            raise InputError(f"'{place.path}' cannot be scanned, for polars does not know memory://; load a polars.DataFrame")
        frame = getattr(polars, self.reader)(place.path, **options)
        facts = {} if place.scheme else facts_of(place)
        return frame, facts | self.facts(frame)


class PolarsScanCsv(PolarsScan):
    """Scans comma-separated values."""

    keys = ("csv",)
    reader = "scan_csv"


class PolarsScanParquet(PolarsScan):
    """Scans Parquet."""

    keys = ("parquet",)
    reader = "scan_parquet"


class PolarsScanFeather(PolarsScan):
    """Scans Feather, which is Arrow's file format."""

    keys = ("feather",)
    reader = "scan_ipc"


class PolarsScanNdjson(PolarsScan):
    """Scans JSON, one object on each line."""

    keys = ("ndjson",)
    reader = "scan_ndjson"


class PolarsSaver(FrameFacts, FileSaver):
    """Writes a `polars.DataFrame` with its method that is named in `writer`; options are that method's."""

    kinds = ("polars.DataFrame",)
    path_names: ClassVar[tuple[str, ...]] = ("file",)
    frame: ClassVar[str] = "DataFrame"
    writer: ClassVar[str]

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        cls.takes = (f"polars.{cls.frame}.{cls.writer}",)

    def write(self, data: Any, draft: str) -> None:
        getattr(data, self.writer)(draft, **self.options)


class PolarsCsvSaver(PolarsSaver):
    """Writes comma-separated values."""

    keys = ("csv",)
    writer = "write_csv"


class PolarsParquetSaver(PolarsSaver):
    """Writes one Parquet file."""

    keys = ("parquet",)
    writer = "write_parquet"
    refuses = {"partition_by": "it would write a folder, file by file; fan out, and save each item to a path with {item} in it"}


class PolarsFeatherSaver(PolarsSaver):
    """Writes Feather, which is Arrow's file format."""

    keys = ("feather",)
    writer = "write_ipc"


class PolarsAvroSaver(PolarsSaver):
    """Writes Avro."""

    keys = ("avro",)
    writer = "write_avro"


class PolarsJsonSaver(PolarsSaver):
    """Writes JSON."""

    keys = ("json",)
    writer = "write_json"


class PolarsNdjsonSaver(PolarsSaver):
    """Writes JSON, one object on each line."""

    keys = ("ndjson",)
    writer = "write_ndjson"


class PolarsSpreadsheetSaver(PolarsSaver):
    """Writes a workbook."""

    keys = ("spreadsheet", "excel")
    writer = "write_excel"
    path_names = ("file", "workbook")
    by_suffix = True


class PolarsSink(PolarsSaver):
    """Writes a `polars.LazyFrame` while it is computed, without holding all of it."""

    kinds = ("polars.LazyFrame",)
    frame = "LazyFrame"
    writer = "sink_parquet"


class PolarsSinkCsv(PolarsSink):
    """Sinks into comma-separated values."""

    keys = ("csv",)
    writer = "sink_csv"


class PolarsSinkParquet(PolarsSink):
    """Sinks into Parquet."""

    keys = ("parquet",)
    writer = "sink_parquet"


class PolarsSinkFeather(PolarsSink):
    """Sinks into Feather, which is Arrow's file format."""

    keys = ("feather",)
    writer = "sink_ipc"


class PolarsSinkNdjson(PolarsSink):
    """Sinks into JSON, one object on each line."""

    keys = ("ndjson",)
    writer = "sink_ndjson"


ADAPTERS = (
    PolarsAvroLoader,
    PolarsAvroSaver,
    PolarsCsvLoader,
    PolarsCsvSaver,
    PolarsFeatherLoader,
    PolarsFeatherSaver,
    PolarsJsonLoader,
    PolarsJsonSaver,
    PolarsNdjsonSaver,
    PolarsParquetLoader,
    PolarsParquetSaver,
    PolarsScanCsv,
    PolarsScanFeather,
    PolarsScanNdjson,
    PolarsScanParquet,
    PolarsSinkCsv,
    PolarsSinkFeather,
    PolarsSinkNdjson,
    PolarsSinkParquet,
    PolarsSpreadsheetLoader,
    PolarsSpreadsheetSaver,
)
