"""Models of xgboost in files, by Hamilton's names."""

from anabranch.io.formats.models import (
    XgboostLoader as XGBoostJsonReader,
)
from anabranch.io.formats.models import (
    XgboostSaver as XGBoostJsonWriter,
)

__all__ = [
    "XGBoostJsonReader",
    "XGBoostJsonWriter",
]
