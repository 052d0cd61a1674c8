"""Models of lightgbm and xgboost, in their libraries' own formats."""

from __future__ import annotations

from typing import Any

from anabranch.io.file import FileLoader, FileSaver
from anabranch.io.formats.plain import contents
from anabranch.io.place import Place
from anabranch.kinds import kinds_of
from anabranch.libraries import library

__all__ = ["ADAPTERS"]


class LightGbmSaver(FileSaver):
    """Writes a model of lightgbm as text. Options are those of `Booster.save_model`."""

    keys = ("file", "lightgbm")
    kinds = ("lightgbm.Booster", "lightgbm.LGBMModel")
    takes = ("lightgbm.Booster.save_model",)

    def write(self, data: Any, draft: str) -> None:
        booster = data if hasattr(data, "save_model") else data.booster_
        booster.save_model(draft, **self.options)


class LightGbmLoader(FileLoader):
    """Reads a model of lightgbm: a `Booster`."""

    keys = ("file", "lightgbm")
    kinds = ("lightgbm.Booster",)

    def read(self, source: Any, place: Place, type_: Any) -> Any:
        lightgbm = library("lightgbm", "'lightgbm'")
        return lightgbm.Booster(model_str=contents(source).decode())


class XgboostSaver(FileSaver):
    """Writes a model of xgboost, in the format of the path's suffix: ``.json`` or ``.ubj``."""

    by_suffix = True
    keys = ("json", "xgboost")
    kinds = ("xgboost.Booster", "xgboost.XGBModel")

    def write(self, data: Any, draft: str) -> None:
        data.save_model(draft)


class XgboostLoader(FileLoader):
    """Reads a model of xgboost, of the class that is annotated."""

    keys = ("json", "xgboost")
    kinds = ("xgboost.Booster", "xgboost.XGBModel")

    def read(self, source: Any, place: Place, type_: Any) -> Any:
        xgboost = library("xgboost", "'xgboost'")
        model = next((kind for kind in kinds_of(type_) if kind is not xgboost.XGBModel), xgboost.Booster)()
        model.load_model(bytearray(contents(source)))
        return model


ADAPTERS = (LightGbmLoader, LightGbmSaver, XgboostLoader, XgboostSaver)
