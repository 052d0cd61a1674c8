"""One item of a run that lasts, computed again, here, with what the run has.

Theory: what a function was called with is what the run keeps of the functions before it, and what came with the request. So the
same flow is run for one output and one item, in this process and one call after the other; all else is found. Nothing is
written.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from anabranch.driver import session
from anabranch.driver.keeping import Keeping
from anabranch.driver.parts import Parts
from anabranch.driver.recording import values_in
from anabranch.driver.request import Request
from anabranch.errors import InputError, nearest_or_all
from anabranch.failure import trimmed
from anabranch.journal import Began, Follower, Runs
from anabranch.policies import Faults
from anabranch.rebuild.shelves import Shelves
from anabranch.registry import make_executor
from anabranch.store.seal import Seal, own_key

__all__ = ["began_of", "replay"]


def began_of(runs: Runs, run_id: str) -> Began:
    """What a run was asked for.

    Raises:
        InputError: there is no such run.
        StoreError: its journal cannot be read, or was written with another key.
    """
    began = Follower(runs.find(run_id), Seal(own_key())).story.began
    assert began is not None  # or there would have been an error
    return began


def replay(parts: Parts, run_id: str, node: str, item: tuple[int, ...], *, debug: bool = False) -> Any:
    """Calls a function for one item again; see `Driver.replay`.

    Raises:
        InputError: there is no such run, node or item.
        BaseException: what the function raises.
    """
    graph, runs = parts.graph, Runs(parts.runs)
    if node not in graph.nodes:
        raise InputError(f"there is no function '{node}'{nearest_or_all(node, graph.nodes)}")
    axes = graph.value_axes(node)
    if len(item) != len(graph.axes[node]):
        wanted = f"{len(graph.axes[node])} indices, along {', '.join(graph.axes[node])}" if graph.axes[node] else "no index"
        raise InputError(f"an item of '{node}' has {wanted}; {len(item)} given")
    began = began_of(runs, run_id)
    folder = runs.find(run_id)
    inputs, overrides = values_in(began.inputs, folder, "input"), values_in(began.overrides, folder, "override")
    parts = replace(parts, executor=make_executor("sequential", {}), elsewhere={}, owns=(), caching=None)
    chosen, key = frozenset({item}), own_key()
    shelves = Shelves(runs=str(runs.root), items=chosen, redo=frozenset({node}), only=True, reads=True, key=key)
    _, plans = Keeping(parts).plans(shelves)
    prepared = plans.prepared([node], inputs, overrides)
    try:
        found = session.run(parts, Request(prepared, inputs, overrides, Faults(), shelves, run_id=run_id)).results[node]
    except Exception as error:
        if debug:
            import pdb  # noqa: T100  it was asked for

            pdb.post_mortem(error.__traceback__)
        raise trimmed(error)  # noqa: B904
    for _ in axes[: len(item)]:
        if not found:
            raise InputError(f"item {list(item)} of '{node}' was left out: it was skipped, or there are not that many")
        (found,) = found
    return found
