"""The functions of `anabranch.io.metadata`, under the name by which the field knows them."""

from anabranch.io.metadata import (
    get_dataframe_metadata,
    get_file_and_dataframe_metadata,
    get_file_metadata,
    get_sql_metadata,
)

__all__ = ["get_dataframe_metadata", "get_file_and_dataframe_metadata", "get_file_metadata", "get_sql_metadata"]
