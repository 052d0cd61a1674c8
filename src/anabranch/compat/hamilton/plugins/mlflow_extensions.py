"""Models in mlflow, by Hamilton's names."""

from anabranch.io.formats.mlflow import (
    MlflowLoader as MLFlowModelLoader,
)
from anabranch.io.formats.mlflow import (
    MlflowSaver as MLFlowModelSaver,
)

__all__ = [
    "MLFlowModelLoader",
    "MLFlowModelSaver",
]
