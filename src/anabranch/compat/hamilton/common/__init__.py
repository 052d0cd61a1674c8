"""What may stand for the name of an output."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from anabranch.errors import InputError
from anabranch.markers import marks_of

__all__ = ["convert_output_value", "convert_output_values"]


def convert_output_value(output_value: Any, module_set: Collection[str]) -> tuple[str | None, str | None]:
    """The name of an output, given by name, as a function of one of these modules, or as a variable; or what is wrong."""
    if isinstance(output_value, str):
        return output_value, None
    if callable(output_value) and hasattr(output_value, "__name__"):
        if module_set and output_value.__module__ not in module_set:
            where = f"{output_value.__module__}.{output_value.__name__}"
            error = f"Function {where} is a function not in a module given to the materializer. Valid choices are {module_set}."
            return None, error
        name: str = marks_of(output_value).get("name") or output_value.__name__
        return name, None
    if hasattr(output_value, "name"):
        return output_value.name, None
    return None, f"Materializer dependency {output_value} is not a string, a function, or a driver.Variable."


def convert_output_values(output_values: Collection[Any] | None, module_set: Collection[str]) -> list[str] | None:
    """The names of all of them.

    Raises:
        ValueError: something is wrong with one or several; says with which.
    """
    if output_values is None:
        return None
    found = [convert_output_value(one, module_set) for one in output_values]
    errors = sorted(error for _, error in found if error is not None)
    if errors:
        raise InputError("\n".join([f"{len(errors)} outputs cannot be asked for:", *errors]))
    return [name for name, _ in found if name is not None]
