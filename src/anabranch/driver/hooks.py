"""A driver's lifecycle adapters, sorted by when they are called, and the calls that are made in the driver itself.

Theory: hooks are called where their moment is: of a graph when it is built, of a run when it begins and ends, of tasks by the
engine (`watched.py`), of functions in the workers (`anabranch.lifecycle.hooked`). A driver without adapters has none of this,
and does not import it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from anabranch.errors import FlowError
from anabranch.events import Event, FanFinished, FanOpened
from anabranch.graph import Graph
from anabranch.lifecycle import base
from anabranch.lifecycle.crew import Crew
from anabranch.lifecycle.hooked import item_name
from anabranch.lifecycle.tasks import Items
from anabranch.lifecycle.telling import Hook, hooks_of
from anabranch.lineage import Lineage
from anabranch.plan import FanTask, Plan
from anabranch.plan.select import Kind

__all__ = ["Expansions", "Hooks"]

_METHODS = (
    ("constructed", base.GraphConstructionHook, "run_after_graph_construction"),
    ("node_checks", base.StaticValidator, "run_to_validate_node"),
    ("graph_checks", base.StaticValidator, "run_to_validate_graph"),
    ("edges", base.EdgeConnectionHook, "check_edge_types_match"),
    ("inputs", base.EdgeConnectionHook, "validate_input"),
    ("before", base.GraphExecutionHook, "run_before_graph_execution"),
    ("after", base.GraphExecutionHook, "run_after_graph_execution"),
    ("grouped", base.TaskGroupingHook, "run_after_task_grouping"),
    ("expanded", base.TaskGroupingHook, "run_after_task_expansion"),
    ("submitted", base.TaskSubmissionHook, "run_before_task_submission"),
    ("returned", base.TaskReturnHook, "run_after_task_return"),
)


@dataclass(frozen=True)
class Hooks:
    """Methods of adapters, by the moment at which they are called; `crew` are those that go to workers, and `awaits` says
    whether any is ``async def``.
    """

    constructed: tuple[Hook, ...] = ()
    node_checks: tuple[Hook, ...] = ()
    graph_checks: tuple[Hook, ...] = ()
    edges: tuple[Hook, ...] = ()
    inputs: tuple[Hook, ...] = ()
    before: tuple[Hook, ...] = ()
    after: tuple[Hook, ...] = ()
    grouped: tuple[Hook, ...] = ()
    expanded: tuple[Hook, ...] = ()
    submitted: tuple[Hook, ...] = ()
    returned: tuple[Hook, ...] = ()
    crew: Crew | None = None
    awaits: bool = False

    @classmethod
    def of(cls, adapters: Sequence[Any]) -> Hooks:
        """Sorts them."""
        crew = Crew([one for one in adapters if isinstance(one, _WORKING)])
        found = {word: hooks_of(adapters, kind, name) for word, kind, name in _METHODS}
        everything = (*(hook for hooks in found.values() for hook in hooks), *crew.hooks)
        return cls(**found, crew=crew if crew.hooks else None, awaits=any(hook.is_async for hook in everything))

    @property
    def on_tasks(self) -> bool:
        """Whether the engine has to tell of tasks, or functions want to know the run."""
        return bool(self.submitted or self.returned or self.crew)

    # -- when a graph is built -------------------------------------------------------------------------------------

    def lets_pass(self, type_from: Any, type_to: Any) -> bool:
        """Whether an edge may be there though its types do not fit."""
        return any(hook({"type_from": type_from, "type_to": type_to}) for hook in self.edges)

    def lets_in(self, node_type: Any, input_value: Any) -> bool:
        """Whether an input may have a value that does not fit."""
        return any(hook({"node_type": node_type, "input_value": input_value}) for hook in self.inputs)

    def built(self, graph: Graph) -> Graph:
        """The graph, once all that has to be said of it has been said.

        Raises:
            FlowError: a validator refuses it.
        """
        self.check(graph)
        for hook in self.constructed:
            hook.tell({"graph": Lineage(graph), "config": graph.config})
        return graph

    def check(self, graph: Graph) -> None:
        """Asks the validators.

        Raises:
            FlowError: one refuses the graph.
        """
        if not (self.node_checks or self.graph_checks):
            return
        lineage, faults = Lineage(graph), []
        for variable in lineage:
            for hook in self.node_checks if not variable.is_input else ():
                is_good, reason = hook({"node": variable})
                if not is_good:
                    faults.append(f"'{variable.name}' ({variable.origin}): {reason or 'it is refused'} [{_who(hook)}]")
        for hook in self.graph_checks:
            is_good, reason = hook({"graph": lineage})
            if not is_good:
                faults.append(f"the dataflow: {reason or 'it is refused'} [{_who(hook)}]")
        if faults:
            raise FlowError("\n  ".join(["the dataflow is not as it should be:", *faults]))

    def expansions(self, plan: Plan, run_id: str) -> Expansions:
        """An observer that tells how many items a run's fan-outs have."""
        return Expansions(self.expanded, plan, run_id)

    # -- when a run begins and ends --------------------------------------------------------------------------------

    def began(self, lineage: Lineage, plan: Plan, given: tuple[Mapping[str, Any], Mapping[str, Any]], run_id: str) -> None:
        """A run begins; `given` are inputs and overrides."""
        if self.before:
            path = dict.fromkeys(vertex.node for vertex in plan.selection.vertices.values() if vertex.kind is Kind.CALL)
            about = {
                "graph": lineage,
                "final_vars": list(plan.outputs),
                "inputs": given[0],
                "overrides": given[1],
                "execution_path": list(path),
                "run_id": run_id,
            }
            _tell(self.before, about)
        names = [f"{task.name}[:]" if isinstance(task, FanTask) else task.name for task in plan.root.tasks]
        _tell(self.grouped, {"run_id": run_id, "task_ids": names})

    def ended(self, lineage: Lineage, run_id: str, results: dict[str, Any] | BaseException, failures: Sequence[Any]) -> None:
        """A run is over; `results` are its outputs, or what ended it."""
        error = results if isinstance(results, BaseException) else None
        about = {
            "graph": lineage,
            "success": error is None,
            "error": error,
            "results": results if error is None else None,
            "run_id": run_id,
            "failures": tuple(failures),
        }
        _tell(self.after, about)


_WORKING = (
    base.NodeExecutionHook,
    base.NodeExecutionMethod,
    base.NodeFailureMethod,
    base.TaskExecutionHook,
    base.WorkerReport,
)

class Expansions:
    """An observer that tells how many items a fan-out has, as soon as that is known."""

    def __init__(self, hooks: Sequence[Hook], plan: Plan, run_id: str) -> None:
        self.hooks = hooks
        self.plan = plan
        self.run_id = run_id
        self.open: set[tuple[str, tuple[int, ...]]] = set()

    def __call__(self, event: Event) -> None:
        """Takes one event."""
        if isinstance(event, FanOpened):
            if event.length is None:
                self.open.add((event.task, event.where))
            else:
                self._tell(event.axis, event.where, event.length)
        elif isinstance(event, FanFinished) and (event.task, event.where) in self.open:
            self.open.discard((event.task, event.where))
            self._tell(event.axis, event.where, event.length)

    def _tell(self, axis: str, where: tuple[int, ...], length: int) -> None:
        outer = item_name(self.plan.axes_of(axis), where)
        name = f"{outer}/{axis}" if outer else axis
        _tell(self.hooks, {"run_id": self.run_id, "task_id": name, "parameters": Items(name, length)})


def _tell(hooks: Iterable[Hook], about: Mapping[str, Any]) -> None:
    for hook in hooks:
        hook.tell(about)


def _who(hook: Hook) -> str:
    return type(hook.adapter).__name__
