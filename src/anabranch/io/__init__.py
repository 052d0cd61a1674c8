"""Data in and out: loaders and savers by key and type, what they say of what they did, and declarations of both.

Theory. An *adapter* reads or writes one kind of value in one way (`anabranch.io.adapter`); it is chosen by a key and by the
type of the value (`anabranch.io.catalog`). A *declaration*, ``to.csv(…)`` or ``from_.json(…)``, says which node is to be saved
or given, without naming the adapter's class. Files are written all or nothing (`anabranch.io.place`), here and elsewhere.

This package never knows what a graph is; `anabranch.materialization` makes nodes of declarations.
"""

from __future__ import annotations

from anabranch.io.adapter import DataLoader, DataSaver
from anabranch.io.catalog import loader_for, loader_keys, register, saver_for, saver_keys
from anabranch.io.declarations import from_, to
from anabranch.io.metadata import (
    get_dataframe_metadata,
    get_file_and_dataframe_metadata,
    get_file_metadata,
    get_sql_metadata,
)
from anabranch.io.place import Place

__all__ = [
    "DataLoader",
    "DataSaver",
    "Place",
    "from_",
    "get_dataframe_metadata",
    "get_file_and_dataframe_metadata",
    "get_file_metadata",
    "get_sql_metadata",
    "loader_for",
    "loader_keys",
    "register",
    "saver_for",
    "saver_keys",
    "to",
]
