"""Errors of stores."""

from anabranch.errors import StoreError
from anabranch.store.entry import Missing

__all__ = ["ResultRetrievalError", "StoreError"]

ResultRetrievalError = Missing
