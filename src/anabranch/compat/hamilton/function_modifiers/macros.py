"""Steps before and after, and bodies that are elsewhere."""

from __future__ import annotations

import ast
import inspect
import textwrap
from collections.abc import Callable, Mapping
from typing import Any

from anabranch.errors import FlowError
from anabranch.function_modifiers import (
    apply_to,
    does,
    dynamic_transform,
    model,
    mutate,
    pipe,
    pipe_input,
    step,
)
from anabranch.function_modifiers import pipe_output as any_pipe_output
from anabranch.function_modifiers.steps import Applicable

__all__ = [
    "Applicable",
    "SingleTargetError",
    "apply_to",
    "does",
    "dynamic_transform",
    "ensure_function_empty",
    "model",
    "mutate",
    "pipe",
    "pipe_input",
    "pipe_output",
    "step",
]


class SingleTargetError(FlowError):
    """Outputs are named for all steps and for one of them."""


def pipe_output(*transforms: Any, namespace: Any = ..., on_output: Any = None) -> Any:
    """anabranch's, which would take more: with Hamilton, outputs are named for all steps or for each, and ``...`` says nothing.

    Raises:
        ValueError: they are named otherwise, or what is given are no steps.
    """
    if on_output is ...:
        raise FlowError("pipe_output(on_output=...) names no outputs; leave it out, and the function's last nodes are meant")
    made = any_pipe_output(*transforms, namespace=namespace, on_output=on_output)
    if on_output is not None and any(one.target is not None for one in transforms):
        raise SingleTargetError("outputs are named for all steps and for one of them; leave one out")
    return made


def ensure_function_empty(fn: Callable[..., Any]) -> None:
    """Raises if a function has a body, besides documentation.

    Raises:
        ValueError: it has.
    """
    (tree,) = ast.parse(textwrap.dedent(inspect.getsource(fn))).body
    body = getattr(tree, "body", [])
    for part in body:
        is_text = isinstance(part, ast.Expr) and isinstance(part.value, ast.Constant)
        if not (is_text or isinstance(part, ast.Pass)):
            raise FlowError(f"'{fn.__name__}' has a body that would never be run; leave it empty")


def _is_replaced_by(fn: inspect.Signature, replace_with: inspect.Signature, argument_mapping: Mapping[str, str]) -> bool:
    """Whether a function can be called with another one's arguments, some of them under other names."""
    names = {given: name for name, given in argument_mapping.items()}
    try:
        replace_with.bind(**dict.fromkeys(names.get(name, name) for name in fn.parameters))
    except TypeError:
        return False
    return True


vars(does)["test_function_signatures_compatible"] = _is_replaced_by
