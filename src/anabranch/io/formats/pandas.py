"""Frames of pandas. Each format passes its options on to the function of pandas that reads or writes it."""

from __future__ import annotations

import io
from typing import Any, ClassVar

from anabranch.io.file import FileLoader, FileSaver, FrameFacts, unexpected
from anabranch.io.formats.plain import contents
from anabranch.io.place import Place
from anabranch.libraries import library

__all__ = ["ADAPTERS"]

PIECES = "it would give pieces, not a frame; let a function that returns Parallelizable read the file by pieces"
ELSEWHERE = "path and storage_options say where the file is"


class PandasLoader(FrameFacts, FileLoader):
    """Reads a `pandas.DataFrame` with the function of pandas that is named in `reader`; options are that function's."""

    kinds = ("pandas.DataFrame",)
    reader: ClassVar[str]
    refuses = {"chunksize": PIECES, "iterator": PIECES, "filesystem": ELSEWHERE}
    whole: ClassVar[bool] = False
    """Whether the library reads only whole files or paths, and not from an open file."""

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        cls.takes = (f"pandas.{cls.reader}",)

    def read(self, source: Any, place: Place, type_: Any) -> Any:
        pandas = library("pandas", f"'{self.name()}'")
        options = dict(self.options)
        if not isinstance(source, str):
            source = io.BytesIO(contents(source)) if self.whole else source
            if "compression" in self.get_optional_arguments() and place.compression:
                options.setdefault("compression", place.compression)
        found = self.framed(getattr(pandas, self.reader)(source, **options))
        if not isinstance(found, pandas.DataFrame):
            raise unexpected(self.name(), place.path, "pandas.DataFrame", found)
        return found

    def framed(self, found: Any) -> Any:
        """The frame in what the reader gave."""
        return found


class PandasCsvLoader(PandasLoader):
    """Reads comma-separated values."""

    keys = ("csv",)
    reader = "read_csv"
    path_names = ("filepath_or_buffer",)


class PandasTableLoader(PandasLoader):
    """Reads a delimited table, by tabs unless `sep` says otherwise."""

    keys = ("table",)
    reader = "read_table"
    path_names = ("filepath_or_buffer",)


class PandasFwfLoader(PandasLoader):
    """Reads a table of columns of fixed width."""

    keys = ("fwf",)
    reader = "read_fwf"
    path_names = ("filepath_or_buffer",)


class PandasJsonLoader(PandasLoader):
    """Reads JSON."""

    keys = ("json",)
    reader = "read_json"
    path_names = ("path_or_buf", "filepath_or_buffer")


class PandasParquetLoader(PandasLoader):
    """Reads Parquet."""

    keys = ("parquet",)
    reader = "read_parquet"


class PandasFeatherLoader(PandasLoader):
    """Reads Feather, which is Arrow's file format."""

    keys = ("feather",)
    reader = "read_feather"


class PandasOrcLoader(PandasLoader):
    """Reads ORC."""

    keys = ("orc",)
    reader = "read_orc"
    whole = True


class PandasExcelLoader(PandasLoader):
    """Reads one sheet of a workbook."""

    keys = ("excel",)
    reader = "read_excel"
    path_names = ("io",)

    def framed(self, found: Any) -> Any:
        return _one(found, "excel", "sheet_name")


class PandasHtmlLoader(PandasLoader):
    """Reads the one table of a page; where there are several, `match` or `attrs` must choose one."""

    keys = ("html",)
    reader = "read_html"
    path_names = ("io",)

    def framed(self, found: Any) -> Any:
        return _one(found, "html", "match or attrs")


class PandasXmlLoader(PandasLoader):
    """Reads XML."""

    keys = ("xml",)
    reader = "read_xml"
    path_names = ("path_or_buffer",)


class PandasStataLoader(PandasLoader):
    """Reads a Stata file."""

    keys = ("stata",)
    reader = "read_stata"
    path_names = ("filepath_or_buffer",)


class PandasSpssLoader(PandasLoader):
    """Reads an SPSS file."""

    keys = ("spss",)
    reader = "read_spss"

    def read(self, source: Any, place: Place, type_: Any) -> Any:
        if isinstance(source, str):
            return super().read(source, place, type_)
        import tempfile

        with tempfile.NamedTemporaryFile(suffix=".sav") as local:  # its reader reads from paths only
            local.write(contents(source))
            local.flush()
            return super().read(local.name, place, type_)


class PandasPickleLoader(PandasLoader):
    """Reads a pickled frame. **A pickle is a program: reading one runs whatever its author wrote.** Read only your own."""

    keys = ("pickle",)
    reader = "read_pickle"
    path_names = ("filepath_or_buffer",)


class PandasSaver(FrameFacts, FileSaver):
    """Writes a `pandas.DataFrame` with its method that is named in `writer`; options are that method's."""

    kinds = ("pandas.DataFrame",)
    writer: ClassVar[str]
    compresses: ClassVar[bool] = False
    """Whether the path's suffix says that the file is to be compressed."""

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        cls.takes = (f"pandas.DataFrame.{cls.writer}",)

    def write(self, data: Any, draft: str) -> None:
        compressed = {"compression": _compression(self.place)} if self.compresses else {}
        getattr(data, self.writer)(draft, **{**compressed, **self.usual(data), **self.options})

    def usual(self, data: Any) -> dict[str, Any]:
        """Options that hold for this frame unless others are given."""
        return {}


class PandasCsvSaver(PandasSaver):
    """Writes comma-separated values; the index only if it says more than 0, 1, 2 …, or if `index` says so."""

    keys = ("csv",)
    writer = "to_csv"
    compresses = True
    path_names = ("path_or_buf",)

    def usual(self, data: Any) -> dict[str, Any]:
        index = data.index
        counts = type(index).__name__ == "RangeIndex" and index.name is None and (index.start, index.step) == (0, 1)
        return {"index": not counts}


class PandasJsonSaver(PandasSaver):
    """Writes JSON."""

    keys = ("json",)
    writer = "to_json"
    compresses = True
    path_names = ("path_or_buf", "filepath_or_buffer")


class PandasParquetSaver(PandasSaver):
    """Writes one Parquet file."""

    keys = ("parquet",)
    writer = "to_parquet"
    refuses = {
        "partition_cols": "it would write a folder, file by file; fan out, and save each item to a path with {item} in it",
        "filesystem": ELSEWHERE,
    }


class PandasFeatherSaver(PandasSaver):
    """Writes Feather, which is Arrow's file format; the index must be the default one."""

    keys = ("feather",)
    writer = "to_feather"
    own = {**FileSaver.own, "compression": "str", "compression_level": "int", "chunksize": "int", "version": "int"}


class PandasOrcSaver(PandasSaver):
    """Writes ORC; the index must be the default one."""

    keys = ("orc",)
    writer = "to_orc"


class PandasExcelSaver(PandasSaver):
    """Writes one sheet of a workbook; with ``mode="a"`` it is added to those that there are."""

    keys = ("excel",)
    writer = "to_excel"
    by_suffix = True
    path_names = ("excel_writer",)
    own = {**FileSaver.own, "mode": "str", "if_sheet_exists": "str", "datetime_format": "str", "date_format": "str"}

    def write(self, data: Any, draft: str) -> None:
        pandas = library("pandas", "'excel'")
        options = {**({"engine": "openpyxl"} if self.appends() else {}), **self.options}  # the other engine only writes anew
        named = ("engine", "engine_kwargs", "mode", "if_sheet_exists", "datetime_format", "date_format")
        with pandas.ExcelWriter(draft, **{name: options.pop(name) for name in named if name in options}) as writer:
            data.to_excel(writer, **options)


class PandasHtmlSaver(PandasSaver):
    """Writes a table of HTML."""

    keys = ("html",)
    writer = "to_html"
    path_names = ("buf",)


class PandasXmlSaver(PandasSaver):
    """Writes XML."""

    keys = ("xml",)
    writer = "to_xml"
    compresses = True
    path_names = ("path_or_buffer",)


class PandasStataSaver(PandasSaver):
    """Writes a Stata file."""

    keys = ("stata",)
    writer = "to_stata"
    compresses = True


class PandasPickleSaver(PandasSaver):
    """Writes a pickle."""

    keys = ("pickle",)
    writer = "to_pickle"
    compresses = True


class PandasSpssSaver(FrameFacts, FileSaver):
    """Writes an SPSS file with pyreadstat, whose options it takes."""

    keys = ("spss",)
    kinds = ("pandas.DataFrame",)
    takes = ("pyreadstat.write_sav",)
    refuses = {"dst_path": "path says where the file is"}

    def write(self, data: Any, draft: str) -> None:
        library("pyreadstat", "'spss'").write_sav(data, draft, **self.options)


def _compression(place: Place) -> Any:
    """What pandas is told, since a draft's name does not tell it; an archive holds a file that is named like the place."""
    if place.compression in {"zip", "tar"}:
        return {"method": place.compression, "archive_name": place.name.rpartition(".")[0]}
    return place.compression


def _one(found: Any, key: str, option: str) -> Any:
    """The one frame of several."""
    from anabranch.errors import InputError

    frames = list(found.values()) if isinstance(found, dict) else found if isinstance(found, list) else [found]
    if len(frames) != 1:
        raise InputError(f"'{key}' found {len(frames)} tables and gives one; choose it with {option}")
    return frames[0]


ADAPTERS = (
    PandasCsvLoader,
    PandasCsvSaver,
    PandasExcelLoader,
    PandasExcelSaver,
    PandasFeatherLoader,
    PandasFeatherSaver,
    PandasFwfLoader,
    PandasHtmlLoader,
    PandasHtmlSaver,
    PandasJsonLoader,
    PandasJsonSaver,
    PandasOrcLoader,
    PandasOrcSaver,
    PandasParquetLoader,
    PandasParquetSaver,
    PandasPickleLoader,
    PandasPickleSaver,
    PandasSpssLoader,
    PandasSpssSaver,
    PandasStataLoader,
    PandasStataSaver,
    PandasTableLoader,
    PandasXmlLoader,
    PandasXmlSaver,
)
