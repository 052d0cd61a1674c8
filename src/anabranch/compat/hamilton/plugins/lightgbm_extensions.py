"""Models of lightgbm in files, by Hamilton's names."""

from anabranch.io.formats.models import (
    LightGbmLoader as LightGBMFileReader,
)
from anabranch.io.formats.models import (
    LightGbmSaver as LightGBMFileWriter,
)

__all__ = [
    "LightGBMFileReader",
    "LightGBMFileWriter",
]
