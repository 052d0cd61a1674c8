"""Bases of models that a config makes nodes of."""

from anabranch.function_modifiers import BaseModel, DynamicTransformBase

__all__ = ["BaseModel", "DynamicTransformBase"]
