"""Loaders, savers and frames that are known. Everything of anabranch's is known from the start; nothing needs to be loaded.

`LOADER_REGISTRY` and `SAVER_REGISTRY` show, for each key, the classes of `anabranch.io`, the last registered last.
"""

from __future__ import annotations

import functools
import sys
from collections.abc import Iterator, Mapping
from typing import Any, get_args
from typing import Literal as _Literal

from anabranch.errors import FlowError
from anabranch.io import catalog

__all__ = [
    "LOADER_REGISTRY",
    "SAVER_REGISTRY",
    "config_disable_autoload",
    "config_enable_autoload",
    "disable_autoload",
    "enable_autoload",
    "fill_with_scalar",
    "get_column",
    "get_column_type_from_df_type",
    "get_registered_column_types",
    "get_registered_dataframe_types",
    "initialize",
    "load_extension",
    "register_adapter",
    "register_types",
]

INITIALIZED = True
HAMILTON_AUTOLOAD_ENV = "HAMILTON_AUTOLOAD_EXTENSIONS"
COLUMN_TYPE = "column_type"
DATAFRAME_TYPE = "dataframe_type"

ExtensionName = _Literal[
    "yaml",
    "matplotlib",
    "numpy",
    "pandas",
    "plotly",
    "polars",
    "polars_lazyframe",
    "dask",
    "geopandas",
    "xgboost",
    "lightgbm",
    "mlflow",
    "pydantic",
]
HAMILTON_EXTENSIONS: tuple[str, ...] = get_args(ExtensionName)

_FRAMES = {
    "pandas": ("pandas", "DataFrame", "Series"),
    "polars": ("polars", "DataFrame", "Series"),
    "polars_lazyframe": ("polars", "LazyFrame", "Expr"),
    "geopandas": ("geopandas", "GeoDataFrame", "GeoSeries"),
}
_types: dict[str, dict[str, Any]] = {}


class _Registry(Mapping[str, list[Any]]):
    """Classes by key, as they are now."""

    def __init__(self, keys: Any, table: dict[str, list[Any]]) -> None:
        self._keys = keys
        self._table = table

    def __getitem__(self, key: str) -> list[Any]:
        return list(reversed(self._table[key])) if key in self._keys() else []

    def __iter__(self) -> Iterator[str]:
        return iter(self._keys())

    def __len__(self) -> int:
        return len(self._keys())


LOADER_REGISTRY = _Registry(catalog.loader_keys, catalog._loaders)  # noqa: SLF001  a view of it
SAVER_REGISTRY = _Registry(catalog.saver_keys, catalog._savers)  # noqa: SLF001


def register_adapter(adapter: Any) -> None:
    """Makes a loader or saver known.

    Raises:
        ValueError: it is none.
    """
    catalog.register(adapter)


def initialize() -> None:
    """Nothing to do."""


def load_extension(plugin_module: str) -> None:
    """Nothing to do for what anabranch knows.

    Raises:
        ValueError: it does not know it.
    """
    if plugin_module not in HAMILTON_EXTENSIONS:
        raise FlowError(f"there is no extension '{plugin_module}'; there are {', '.join(HAMILTON_EXTENSIONS)}")


def disable_autoload() -> None:
    """Nothing to do: no library is imported before something of its kind is used."""


def enable_autoload() -> None:
    """Nothing to do."""


def config_disable_autoload() -> None:
    """Nothing to do."""


def config_enable_autoload() -> None:
    """Nothing to do."""


def register_types(extension_name: str, dataframe_type: Any, column_type: Any = None) -> None:
    """Makes a kind of frame known, for the functions below. `extract_columns` takes any frame that is asked with brackets."""
    _types[extension_name] = {DATAFRAME_TYPE: dataframe_type, **({} if column_type is None else {COLUMN_TYPE: column_type})}


def get_registered_dataframe_types() -> dict[str, Any]:
    """The kinds of frames whose libraries are loaded, and those that were registered."""
    return {name: kinds[DATAFRAME_TYPE] for name, kinds in _known().items()}


def get_registered_column_types() -> dict[str, Any]:
    """The kinds of their columns."""
    return {name: kinds[COLUMN_TYPE] for name, kinds in _known().items() if COLUMN_TYPE in kinds}


def get_column_type_from_df_type(dataframe_type: Any) -> Any:
    """The kind of the columns of a kind of frame.

    Raises:
        NotImplementedError: it is not known.
    """
    for kinds in _known().values():
        if kinds[DATAFRAME_TYPE] is dataframe_type and COLUMN_TYPE in kinds:
            return kinds[COLUMN_TYPE]
    raise NotImplementedError(
        f"no column type is known for {dataframe_type}; register_types(name, frame, column) makes one known"
    )


@functools.singledispatch
def get_column(df: Any, column_name: str) -> Any:
    """A column of a frame."""
    return df[column_name]


@functools.singledispatch
def fill_with_scalar(df: Any, column_name: str, scalar_value: Any) -> Any:
    """The frame with one value in all of a column."""
    if hasattr(df, "with_columns"):
        polars = sys.modules["polars"]
        return df.with_columns(polars.lit(scalar_value).alias(column_name))
    df[column_name] = scalar_value
    return df


def _known() -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = {}
    for name, (library, frame, column) in _FRAMES.items():
        module = sys.modules.get(library)
        if module is not None:
            found[name] = {DATAFRAME_TYPE: getattr(module, frame), COLUMN_TYPE: getattr(module, column)}
    return {**found, **_types}
