"""Steps before and after, and bodies that are elsewhere."""

from __future__ import annotations

import ast
import inspect
import textwrap
from collections.abc import Callable
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
    pipe_output,
    step,
)
from anabranch.function_modifiers.steps import Applicable

__all__ = [
    "Applicable",
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
