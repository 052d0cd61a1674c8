"""What stores have in common: their errors, and what is known of results."""

from anabranch.compat.hamilton.caching.stores.metadata import MetadataStore
from anabranch.errors import StoreError
from anabranch.store.entry import Missing

__all__ = ["MetadataStore", "ResultRetrievalError", "StoreError"]

ResultRetrievalError = Missing
