"""Where Hamilton keeps what it knows of results: anabranch keeps it beside the results, so this only names a folder."""

from __future__ import annotations

import os
from typing import Any

__all__ = ["SQLiteMetadataStore"]


class SQLiteMetadataStore:
    """Accepted, and without effect."""

    def __init__(self, path: str | os.PathLike[str], connection_kwargs: dict[str, Any] | None = None) -> None:
        self.path = os.path.abspath(path)
