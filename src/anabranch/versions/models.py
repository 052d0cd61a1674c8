"""Tokens of pydantic's models, and of what pydantic keeps about a model's class.

Theory: a model is its class, its fields, its extra and private values, and which fields were given rather than left to
their defaults, for that can be asked. Of a class, pydantic keeps what was written as objects of its own, which name
addresses; what counts of them is what the user wrote.
"""

from __future__ import annotations

import dataclasses
import sys
from typing import Any

from anabranch.versions.tokens import Encoder, Handler, named, nested

__all__ = ["handler_of"]

_KINDS = ("validators", "field_validators", "root_validators", "field_serializers", "model_serializers", "model_validators")


def handler_of(kind: type) -> Handler | None:
    """What encodes a type of pydantic's, or one made from it; None if nothing special does."""
    pydantic = sys.modules.get("pydantic")
    if pydantic is not None and issubclass(kind, pydantic.BaseModel):
        return _model
    if kind.__name__ == "FieldInfo":
        return _field
    if kind.__name__ == "DecoratorInfos":
        return _decorators
    if kind.__name__ == "ModelPrivateAttr":
        return lambda encoder, value: nested(b"private", encoder.tokens((value.default, value.default_factory)))
    if kind.__name__ == "PydanticUndefinedType":
        return lambda encoder, value: named("pydantic.Undefined")
    return None


def _model(encoder: Encoder, value: Any) -> bytes:
    private = getattr(value, "__pydantic_private__", None)
    given = sorted(value.__pydantic_fields_set__)
    body = encoder.tokens((dict(value.__dict__), value.__pydantic_extra__, private, given))
    return nested(b"model", encoder.names.of_type(type(value)) + body)


def _field(encoder: Encoder, value: Any) -> bytes:
    about = (value.annotation, value.default, value.default_factory, value.alias, list(value.metadata), value.frozen)
    return nested(b"model field", encoder.tokens(about))


def _decorators(encoder: Encoder, value: Any) -> bytes:
    found = []
    for kind in _KINDS:
        for name, decorator in getattr(value, kind, {}).items():
            info = decorator.info
            said = {field.name: getattr(info, field.name) for field in dataclasses.fields(info)}
            found.append((kind, name, said))
    return nested(b"decorators", encoder.token(found))
