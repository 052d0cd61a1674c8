"""Opens Python's debugger at chosen functions.

A debugger needs the terminal, so it opens only in the process that made the adapter: on ``sequential`` and ``threads``, and for
what the driver itself runs.
"""

from __future__ import annotations

import os
import pdb  # noqa: T100  it is what this is for
import sys
from collections.abc import Mapping
from typing import Any

from anabranch.errors import InputError
from anabranch.lifecycle.base import NodeExecutionMethod
from anabranch.lifecycle.filters import NodeFilter, checked_filter, chosen

__all__ = ["PDBDebugger"]


class PDBDebugger(NodeExecutionMethod):
    """Opens the debugger before, during or after chosen functions are called. Who quits it ends the run.

    Args:
        node_filter: for which nodes: a name, names, or a function of name and tags; None for all.
        before: with the arguments in view.
        during: at the function's first line.
        after: with the result in view.

    Raises:
        InputError: it is never to open, or the filter is none.
    """

    def __init__(
        self, node_filter: NodeFilter, before: bool = False, during: bool = False, after: bool = False
    ) -> None:
        if not (before or during or after):
            raise InputError("PDBDebugger opens before=True, during=True or after=True a function; say at least one")
        self.node_filter = checked_filter(node_filter)
        self.before = before
        self.during = during
        self.after = after
        self.process = os.getpid()

    def run_to_execute_node(
        self,
        *,
        node_name: str,
        node_tags: Mapping[str, Any],
        node_callable: Any,
        node_kwargs: dict[str, Any],
        task_id: str | None,
        **future_kwargs: Any,
    ) -> Any:
        """Calls the function, with the debugger."""
        if os.getpid() != self.process or not chosen(self.node_filter, node_name, node_tags):
            return node_callable(**node_kwargs)
        place = node_name if task_id is None else f"{node_name} of {task_id}"
        if self.before:
            _look(f"before {place}", node_kwargs)
        result = _debugger().runcall(node_callable, **node_kwargs) if self.during else node_callable(**node_kwargs)
        if self.after:
            _look(f"after {place}", {**node_kwargs, "result": result})
        return result


def _debugger() -> pdb.Pdb:
    return pdb.Pdb(skip=["anabranch.*", "functools"], stdin=sys.stdin, stdout=sys.stdout, nosigint=True)


def _look(moment: str, values: dict[str, Any]) -> None:
    """Opens the debugger in a frame whose variables are these values."""
    print(f"anabranch: {moment}; the values are {', '.join(values) or 'none'}", file=sys.stdout)  # noqa: T201
    namespace = {**values, "_open": pdb.Pdb(stdin=sys.stdin, stdout=sys.stdout, nosigint=True).set_trace}
    exec(compile("_open()\npass", f"<{moment}>", "exec"), namespace)  # noqa: S102  so that the values are variables
