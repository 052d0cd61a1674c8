"""The fan-out algebra: from the axes of what a node reads to the node's own.

Theory: an axis is opened by an expander and named after it; a value has an ordered tuple of axes, outermost first. A
parameter that closes `depth` axes takes them off the end. What remains of all parameters must be one chain, each a
subsequence of the longest; where it is not, the axes are independent, and only the author can say whether every
pair is meant (`@cross`) or position by position (`@zipped`).

Everything is decided here from names alone; widths are known only at run time and matter to nobody before.
"""

from __future__ import annotations

from collections.abc import Sequence

from anabranch.errors import FlowError
from anabranch.graph.node import Node

__all__ = ["Axes", "is_subsequence", "join"]

Axes = tuple[str, ...]


def is_subsequence(part: Axes, whole: Axes) -> bool:
    """Whether `part` can be had from `whole` by leaving out elements."""
    rest = iter(whole)
    return all(axis in rest for axis in part)


def join(node: Node, open_axes: Sequence[tuple[str, Axes]]) -> tuple[Axes, list[Axes]]:
    """The axes of a node, and for each parameter the node's axis that indexes each of the parameter's own.

    Args:
        node: whose axes are asked for.
        open_axes: parameter name and the axes it leaves open, in the order of the signature.

    Raises:
        FlowError: independent axes meet without `@cross` or `@zipped`, or cannot be joined that way.
    """
    longest = max((axes for _, axes in open_axes), key=len, default=())
    if all(is_subsequence(axes, longest) for _, axes in open_axes):
        return longest, [axes for _, axes in open_axes]
    if node.join == "cross":
        return _crossed(node, open_axes), [axes for _, axes in open_axes]
    if node.join == "zipped":
        return _zipped(node, open_axes)
    first, second = _independent_pair(open_axes)
    raise FlowError(
        f"{node.label}: parameters '{first[0]}' and '{second[0]}' come from independent fan-outs "
        f"({_show(first[1])} and {_show(second[1])}); decorate it with @cross for every pair, the first outermost, "
        f"with @zipped to go by position, or collect one of them"
    )


def _crossed(node: Node, open_axes: Sequence[tuple[str, Axes]]) -> Axes:
    merged: list[str] = []
    for _, axes in open_axes:
        merged.extend(axis for axis in axes if axis not in merged)
    for name, axes in open_axes:
        if not is_subsequence(axes, tuple(merged)):
            raise FlowError(
                f"{node.label}: parameter '{name}' is crossed as {_show(axes)}, the parameters before it as "
                f"{_show(tuple(axis for axis in merged if axis in axes))}; cross them in the same order everywhere"
            )
    return tuple(merged)


def _zipped(node: Node, open_axes: Sequence[tuple[str, Axes]]) -> tuple[Axes, list[Axes]]:
    fanned = [axes for _, axes in open_axes if axes]
    common = tuple(axis for axis in fanned[0] if all(axis in axes for axes in fanned))
    rests = {axes[len(common) :] for axes in fanned if axes[: len(common)] == common} - {()}
    if any(axes[: len(common)] != common for axes in fanned) or any(len(rest) != 1 for rest in rests):
        shown = ", ".join(f"'{name}' {_show(axes)}" for name, axes in open_axes if axes)
        raise FlowError(f"{node.label}: @zipped joins parameters that differ in one axis, the last; here are {shown}")
    master = next(axes[-1] for axes in fanned if len(axes) > len(common))
    along = [(*common, master)[: len(axes)] for _, axes in open_axes]
    return (*common, master), along


def _independent_pair(open_axes: Sequence[tuple[str, Axes]]) -> tuple[tuple[str, Axes], tuple[str, Axes]]:
    for index, first in enumerate(open_axes):
        for second in open_axes[index + 1 :]:
            if not is_subsequence(first[1], second[1]) and not is_subsequence(second[1], first[1]):
                return first, second
    return open_axes[0], open_axes[-1]


def _show(axes: Axes) -> str:
    return " × ".join(f"'{axis}'" for axis in axes)
