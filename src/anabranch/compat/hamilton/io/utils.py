"""Facts about what was read or written."""

from __future__ import annotations

from anabranch.io import metadata

__all__ = [
    "DATAFRAME_METADATA",
    "FILE_METADATA",
    "SQL_METADATA",
    "get_dataframe_metadata",
    "get_file_and_dataframe_metadata",
    "get_file_metadata",
    "get_sql_metadata",
]

DATAFRAME_METADATA = "dataframe_metadata"
SQL_METADATA = "sql_metadata"
FILE_METADATA = "file_metadata"

get_dataframe_metadata = metadata.get_dataframe_metadata
get_file_and_dataframe_metadata = metadata.get_file_and_dataframe_metadata
get_file_metadata = metadata.get_file_metadata
get_sql_metadata = metadata.get_sql_metadata
