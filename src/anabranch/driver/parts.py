"""What a driver is made of; immutable, like the driver."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

from anabranch.driver.adapters import Adapters
from anabranch.driver.owning import with_own
from anabranch.executor import Executor
from anabranch.graph import Graph
from anabranch.lineage import Lineage
from anabranch.own import close_made_by
from anabranch.policies import DEFAULT, Faults

if TYPE_CHECKING:
    from anabranch.rebuild import Caching

__all__ = ["Parts"]


@dataclass(frozen=True)
class Parts:
    """A dataflow, where it runs, what goes along, and what is done about failures.

    Attributes:
        elsewhere: executors at further places, by name.
        owns: the executors that end with the driver.
        caching: what need not run again; None if all does.
        runs: the folder of runs that last; None for the user's.
        about: what is noted of each of these.
    """

    graph: Graph
    executor: Executor
    adapters: Adapters = field(default_factory=Adapters)
    faults: Faults = DEFAULT
    elsewhere: Mapping[str, Executor] = field(default_factory=dict)
    owns: tuple[Executor, ...] = ()
    caching: Caching | None = None
    runs: str | None = None
    about: Mapping[str, Any] = field(default_factory=dict)

    def at(self, places: Iterable[str]) -> dict[str, Executor]:
        """The executors of these places."""
        return {place: self.elsewhere.get(place, self.executor) for place in places}

    def close(self) -> None:
        """Ends the workers of the executors that end with the driver, and closes what was made for itself in this process."""
        for executor in self.owns:
            executor.close()
        close_made_by(self.own)

    @property
    def own(self) -> list[Callable[..., Any]]:
        """The functions by which each worker makes something for itself."""
        return [node.function for node in self.graph.nodes.values() if node.per_worker]

    @cached_property
    def lineage(self) -> Lineage:
        """All variables of the dataflow."""
        return Lineage(self.graph)

    @property
    def lets_in(self) -> Callable[[Any, Any], bool] | None:
        """Says of an input's type and value whether it may be given though it does not fit; None if nobody is to be asked."""
        hooks = self.adapters.hooks
        return hooks.lets_in if hooks is not None and hooks.inputs else None

    @cached_property
    def planned(self) -> Graph:
        """The dataflow as it is run: where adapters act on functions, with these around each."""
        hooks, graph = self.adapters.hooks, with_own(self.graph)
        if hooks is None or hooks.crew is None or not hooks.crew.acts_on_nodes:
            return graph
        from anabranch.lifecycle.hooked import hooked

        return hooked(graph, hooks.crew)
