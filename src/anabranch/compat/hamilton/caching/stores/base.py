"""What stores have in common: their errors, what is known of results, and which classes keep a result in a format."""

from __future__ import annotations

from typing import Any

from anabranch.compat.hamilton.caching.stores.metadata import MetadataStore
from anabranch.errors import FlowError, StoreError
from anabranch.io import DataLoader, DataSaver
from anabranch.io.catalog import loader_for, saver_for
from anabranch.store.entry import Missing

__all__ = ["MetadataStore", "ResultRetrievalError", "StoreError", "search_data_adapter_registry"]

ResultRetrievalError = Missing


def search_data_adapter_registry(name: str, type_: Any) -> tuple[type[DataSaver], type[DataLoader]]:
    """The classes that write values of a type under this key, and read them again.

    Raises:
        KeyError: one of them is missing.
    """
    try:
        return saver_for(name, type_), loader_for(name, type_)
    except FlowError as error:
        raise KeyError(str(error)) from None
