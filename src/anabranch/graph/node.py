"""What a graph is made of: nodes, their parameters, and the edges between them. Data only.

Roles belong to edges: the same value may be read plainly by one function, collected by a second and streamed by a third.
Nodes and edges are tuples because a large flow has thousands of them, and a tuple is made in a third of the time that a frozen
dataclass takes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from types import MappingProxyType
from typing import Any, NamedTuple, get_args

from anabranch.failure import Failed
from anabranch.placement import Resources
from anabranch.policies import Policy

__all__ = ["Edge", "Input", "Node", "Parameter", "Role"]


class Role(Enum):
    """How a parameter takes its value."""

    PLAIN = "one value"
    COLLECT = "a list along the closed axes"
    STREAM = "an iterator along the outermost closed axis, fed while the items run"


@dataclass(frozen=True, slots=True)
class Parameter:
    """A parameter of a function: `depth` is the number of axes that it closes, `annotation` the type of one item.

    `source` is the node or input that it reads; left out, the one that has its name.
    """

    name: str
    role: Role
    depth: int
    annotation: Any
    required: bool = True
    keyword: bool = False
    source: str = ""

    @property
    def reads(self) -> str:
        """The name of the node or input that it reads."""
        return self.source or self.name

    @property
    def takes_failures(self) -> bool:
        """Whether it is a collect or stream that says that failed items may stand in it: ``Collect[T | Failed]``."""
        return self.depth > 0 and (self.annotation is Any or Failed in (self.annotation, *get_args(self.annotation)))


class Node(NamedTuple):
    """One function as a vertex. For an expander, `annotation` is the type of an item.

    `function` is what is called: the user's own, or what a modifier made (`anabranch.derived`, `functools.partial`).
    `place` is where it runs, if it says so, and `resources` what it needs there;
    `per_worker` says that each worker makes its own.
    `originating` are the functions in the user's modules that the node is there for: mostly one, and for a node of a subdag
    also those that the subdag stands on. `late` is for a node that depends on the axes of what it reads: it is given the node
    and these axes by parameter, and says what it is then: nodes, the last of which has its name.
    """

    name: str
    function: Callable[..., Any]
    parameters: tuple[Parameter, ...]
    annotation: Any
    expands: bool = False
    join: str | None = None
    associative: bool = False
    doc: str = ""
    tags: Mapping[str, Any] = MappingProxyType({})
    origin: str = ""
    policy: Policy | None = None
    place: str = ""
    resources: Resources | None = None
    per_worker: bool = False
    originating: tuple[Callable[..., Any], ...] = ()
    late: Callable[[Node, Mapping[str, tuple[str, ...]]], Sequence[Node]] | None = None

    @property
    def label(self) -> str:
        """Name and place, for messages: ``'tree' (census.py:12)``."""
        return f"'{self.name}' ({self.origin})"


@dataclass(frozen=True, slots=True)
class Input:
    """A name that some function asks for and no function gives: the caller must, unless every reader has a default."""

    name: str
    readers: tuple[tuple[Node, Parameter], ...]

    @property
    def required(self) -> bool:
        """Whether some reader has no default."""
        return any(parameter.required for _, parameter in self.readers)


class Edge(NamedTuple):
    """One parameter bound to what it reads.

    The source's value has an ordered tuple of axes. The last `parameter.depth` of them are closed here; each of the
    others is indexed by the reader's axis of the same position in `along` (the same name, but for `@zipped`).
    """

    parameter: Parameter
    source: str
    along: tuple[str, ...]
