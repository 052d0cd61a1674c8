"""Loaders and savers of plain data, by Hamilton's names."""

from anabranch.io.formats.plain import (
    BytesSaver as RawFileDataSaverBytes,
)
from anabranch.io.formats.plain import (
    EnvironmentLoader as EnvVarDataLoader,
)
from anabranch.io.formats.plain import (
    JsonLoader as JSONDataLoader,
)
from anabranch.io.formats.plain import (
    JsonSaver as JSONDataSaver,
)
from anabranch.io.formats.plain import (
    LiteralLoader as LiteralValueDataLoader,
)
from anabranch.io.formats.plain import (
    MemorySaver as InMemoryResult,
)
from anabranch.io.formats.plain import (
    PickleLoader,
    PickleSaver,
)
from anabranch.io.formats.plain import (
    TextLoader as RawFileDataLoader,
)
from anabranch.io.formats.plain import (
    TextSaver as RawFileDataSaver,
)

__all__ = [
    "DATA_ADAPTERS",
    "EnvVarDataLoader",
    "InMemoryResult",
    "JSONDataLoader",
    "JSONDataSaver",
    "LiteralValueDataLoader",
    "PickleLoader",
    "PickleSaver",
    "RawFileDataLoader",
    "RawFileDataSaver",
    "RawFileDataSaverBytes",
]

DATA_ADAPTERS = [
    JSONDataLoader,
    JSONDataSaver,
    LiteralValueDataLoader,
    RawFileDataLoader,
    RawFileDataSaver,
    RawFileDataSaverBytes,
    PickleLoader,
    PickleSaver,
    EnvVarDataLoader,
    InMemoryResult,
]
