"""Functions whose body is elsewhere: `does` calls another function, `dynamic_transform` what the config describes."""

from __future__ import annotations

import inspect
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from anabranch.errors import FlowError
from anabranch.function_modifiers.modifier import Modifier, label_of, parameters_of

__all__ = ["BaseModel", "Does", "DynamicTransform", "DynamicTransformBase", "does", "dynamic_transform", "model"]


@dataclass(frozen=True, slots=True)
class Does(Modifier):
    """The function's node calls another function; `mapping` tells which of its parameters get which of the decorated one's."""

    replacing: Callable[..., Any]
    mapping: Mapping[str, str | Sequence[str]]

    def check(self, function: Callable[..., Any]) -> None:
        """Checks that the other function can be called with what the decorated one takes."""
        mapped = [one for names in self.mapping.values() for one in ([names] if isinstance(names, str) else names)]
        self.check_parameters(function, mapped)
        known = inspect.signature(self.replacing).parameters
        passed = [*self.mapping, *(name for name in parameters_of(function) if name not in mapped)]
        open_ended = any(p.kind is p.VAR_KEYWORD for p in known.values())
        for name in passed:
            found = known.get(name)
            by_name = found is not None and found.kind in (found.POSITIONAL_OR_KEYWORD, found.KEYWORD_ONLY)
            if not by_name and not open_ended:
                raise self.refuse(
                    function, f"{label_of(self.replacing)} takes no parameter '{name}' by name; map it: {name}='…'"
                )
        for name, parameter in parameters_of(self.replacing).items():
            if name not in passed and parameter.default is parameter.empty:
                raise self.refuse(function, f"{label_of(self.replacing)} needs '{name}'; map it: {name}='…'")


@dataclass(frozen=True, slots=True)
class DynamicTransform(Modifier):
    """The function's node calls a transform that is made of a config value."""

    transform: Callable[..., Any]
    key: str
    extra: Mapping[str, Any]
    said: str = "dynamic_transform"

    @property
    def word(self) -> str:
        """What it is called in messages."""
        return self.said

    def check(self, function: Callable[..., Any]) -> None:
        """Checks that the function takes nothing: what is read is the transform's to say."""
        if parameters_of(function):
            raise self.refuse(function, "the function takes parameters, but what is read is said by the config; leave them out")


class DynamicTransformBase(ABC):
    """What a config value describes: which nodes are read, and what is made of them.

    Args:
        config_parameters: the config's value.
        name: the node's name.
    """

    def __init__(self, config_parameters: Any, name: str) -> None:
        self.config_parameters = config_parameters
        self.name = name

    @abstractmethod
    def get_dependents(self) -> list[str]:
        """The names of the nodes and inputs that it reads."""

    @abstractmethod
    def compute(self, **inputs: Any) -> Any:
        """The node's value, from those of the nodes that it reads."""


class BaseModel(DynamicTransformBase):
    """A transform that is a model: it predicts."""

    @abstractmethod
    def predict(self, **inputs: Any) -> Any:
        """The prediction, from the values of the nodes that it reads."""

    def compute(self, **inputs: Any) -> Any:
        """The prediction."""
        return self.predict(**inputs)


def does(replacing_function: Callable[..., Any], **argument_mapping: str | Sequence[str]) -> Does:
    """The node calls another function with the decorated one's arguments, by name; the decorated body is not run.

    ``@does(total) def both(a: int, b: int) -> int: ...`` calls ``total(a=…, b=…)``. A parameter of the other function that is
    called otherwise is mapped: ``@does(scaled, amount="price")``, or, to a list of several, ``@does(total, them=["a", "b"])``.

    Raises:
        FlowError: the other is no function.
    """
    if not callable(replacing_function):
        raise FlowError(f"@does takes a function, not a value of type {type(replacing_function).__name__}")
    return Does(replacing_function, argument_mapping)


def dynamic_transform(transform_cls: Callable[..., Any], config_param: str, **extra_transform_params: Any) -> DynamicTransform:
    """The node is what ``transform_cls(config[config_param], name, **extra_transform_params)`` computes.

    Args:
        transform_cls: a subclass of `DynamicTransformBase`, or what has its methods.
        config_param: the config key whose value describes the transform.
        extra_transform_params: further arguments for its constructor.
    """
    return DynamicTransform(transform_cls, config_param, extra_transform_params)


def model(model_cls: Callable[..., Any], config_param: str, **extra_model_params: Any) -> DynamicTransform:
    """The same as `dynamic_transform`, for subclasses of `BaseModel`."""
    return DynamicTransform(model_cls, config_param, extra_model_params, "model")
