"""Checks that somebody else wrote down: schemas of pandera, models of pydantic.

Both are asked about the value as it is: what they would convert does not pass, for the converted value is not what the
function returned. pandera looks at everything before it answers, so one result tells all that is wrong.
"""

from __future__ import annotations

import typing
from typing import Any

from anabranch.errors import FlowError
from anabranch.libraries import library, loaded
from anabranch.validation.base import ValidationResult
from anabranch.validation.checks import DefaultValidator, Importance

__all__ = ["PanderaSchemaValidator", "PydanticModelValidator", "model_of", "schema_of"]

SHOWN = 5


class PanderaSchemaValidator(DefaultValidator):
    """A frame or series fits a schema of pandera: a `DataFrameSchema`, `SeriesSchema` or `DataFrameModel`, of pandas or polars.

    Raises:
        FlowError: it is no schema.
    """

    kinds = ("pandas.DataFrame", "pandas.Series", "polars.DataFrame", "polars.LazyFrame")

    def __init__(self, schema: Any, importance: Importance = "warn") -> None:
        super().__init__(importance)
        if not callable(getattr(schema, "validate", None)):
            raise FlowError(f"schema takes a schema or model of pandera, not {type(schema).__name__}")
        self.schema = schema

    @classmethod
    def name(cls) -> str:
        """Its name."""
        return "pandera_schema"

    @classmethod
    def arg(cls) -> str:
        """The keyword that chooses it."""
        return "schema"

    def description(self) -> str:
        """What is asked."""
        return f"the frame fits the schema {self._called()}"

    def _called(self) -> str:
        return getattr(self.schema, "__name__", None) or getattr(self.schema, "name", None) or "of pandera"

    def validate(self, dataset: Any) -> ValidationResult:
        """Looks at a frame or series."""
        errors = library("pandera.errors", "schema=")
        lazy_frame = loaded("polars.LazyFrame")
        if lazy_frame is not None and isinstance(dataset, lazy_frame):
            dataset = dataset.collect()  # pandera looks at a lazy frame's columns only
        try:
            self.schema.validate(dataset, lazy=True)
        except errors.SchemaErrors as error:
            cases = error.failure_cases
            rows = cases.to_dicts() if hasattr(cases, "to_dicts") else cases.to_dict("records")
            figures = [{key: str(value) for key, value in row.items() if value is not None} for row in rows[:SHOWN]]
            told = "; ".join(dict.fromkeys(_case(row) for row in rows[:SHOWN]))
            more = f"; and {len(rows) - SHOWN} more" if len(rows) > SHOWN else ""
            message = f"the schema {self._called()} has {len(rows)} objections: {told}{more}"
            return ValidationResult(False, message, {"count": len(rows), "first": figures})
        except errors.SchemaError as error:
            return ValidationResult(False, f"the schema {self._called()} objects: {error}", {"count": 1})
        return ValidationResult(True, f"the schema {self._called()} has no objections")


def _case(row: dict[str, Any]) -> str:
    column = f"column '{row['column']}'" if row.get("column") is not None else "the whole"
    index = f" at {row['index']}" if row.get("index") is not None and str(row["index"]) != "nan" else ""
    return f"{column}{index}: {row.get('check')} ({row.get('failure_case')})"


class PydanticModelValidator(DefaultValidator):
    """A value is valid by a model of pydantic, or by any type that pydantic knows, such as ``list[Model]``.

    Conversions do not count: ``"1"`` is no int. An instance of the model is looked at again, for it may have been changed.

    Raises:
        FlowError: pydantic can make nothing of the type.
    """

    def __init__(self, model: Any, importance: Importance = "warn") -> None:
        super().__init__(importance)
        self.model = model
        pydantic = library("pydantic", "model=")
        try:
            self._adapter: Any = pydantic.TypeAdapter(model)
        except Exception as error:
            raise FlowError(f"model takes a model of pydantic, or a type that it knows: {error}") from error

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_adapter": None}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._adapter = library("pydantic", "model=").TypeAdapter(self.model)

    @classmethod
    def name(cls) -> str:
        """Its name."""
        return "pydantic_model"

    @classmethod
    def arg(cls) -> str:
        """The keyword that chooses it."""
        return "model"

    def description(self) -> str:
        """What is asked."""
        return f"the value is a valid {self._called()}"

    def _called(self) -> str:
        return getattr(self.model, "__name__", None) or str(self.model)

    def validate(self, dataset: Any) -> ValidationResult:
        """Looks at a value."""
        pydantic = library("pydantic", "model=")
        try:
            self._adapter.validate_python(_dumped(pydantic, dataset), strict=True)
        except pydantic.ValidationError as error:
            found = error.errors(include_url=False, include_context=False, include_input=False)
            told = "; ".join(f"{'.'.join(map(str, one['loc'])) or 'the value'}: {one['msg']}" for one in found[:SHOWN])
            more = f"; and {len(found) - SHOWN} more" if len(found) > SHOWN else ""
            first = [{"loc": list(one["loc"]), "type": one["type"], "msg": one["msg"]} for one in found[:SHOWN]]
            message = f"{self._called()} has {len(found)} objections: {told}{more}"
            return ValidationResult(False, message, {"count": len(found), "first": first})
        return ValidationResult(True, f"{self._called()} has no objections")


def _dumped(pydantic: Any, value: Any) -> Any:
    """Instances of models as the data they hold now, for pydantic takes instances on trust."""
    if isinstance(value, pydantic.BaseModel):
        import warnings

        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # that a field holds what it should not is for the check to say
            return value.model_dump(by_alias=True, round_trip=True)
    if isinstance(value, list):
        return [_dumped(pydantic, one) for one in value]
    return value


def schema_of(annotation: Any) -> Any:
    """The schema that an annotation such as ``pandera.typing.DataFrame[Schema]`` names; None if it names none."""
    arguments = typing.get_args(annotation)
    origin = typing.get_origin(annotation)
    if origin is typing.Annotated:
        return schema_of(arguments[0])
    named = getattr(origin, "__module__", "").startswith("pandera.") and arguments
    return arguments[0] if named and hasattr(arguments[0], "to_schema") else None


def model_of(annotation: Any) -> Any:
    """The annotation itself if it is a model of pydantic; None if it is not."""
    base = loaded("pydantic.BaseModel")
    return annotation if base is not None and isinstance(annotation, type) and issubclass(annotation, base) else None
