"""A driver's plans of kept functions: those that look results up before they run, and store them after.

Theory: which code a result was made by is asked anew for each request, for a function's globals may have changed since the last
one; as long as nothing has, plans are made once, as they are without a cache.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from anabranch.driver import session
from anabranch.driver.parts import Parts
from anabranch.driver.plans import Plans
from anabranch.driver.request import Output, Request, check, inputs_of
from anabranch.errors import InputError, StoreError
from anabranch.handle import RunResult, Watch
from anabranch.plan import Plan
from anabranch.policies import Faults
from anabranch.rebuild import Caching, Stale
from anabranch.rebuild import asked as rebuild
from anabranch.rebuild.asked import note
from anabranch.rebuild.caching import Recipes
from anabranch.rebuild.shelves import Shelves, store_of
from anabranch.store.seal import own_key
from anabranch.versions import Versions

if TYPE_CHECKING:
    from anabranch.driver.recording import Lasting, Recording

__all__ = ["Keeping"]

MOST: Final = 8
"""Plans are kept for so many ways to keep results."""

Asked = tuple[Sequence[Output], Mapping[str, Any], Mapping[str, Any]]


class Keeping:
    """Plans by where results are kept. Safe to use from many threads."""

    def __init__(self, parts: Parts) -> None:
        self.caching = parts.caching if parts.caching is not None else Caching()
        self._parts = parts
        self._plain = Plans(parts)
        self._known: dict[Shelves, tuple[Recipes, Plans]] = {}
        self._lock = threading.Lock()

    def run(self, asked: Asked, faults: Faults, lasting: Lasting | None = None, watch: Watch | None = None) -> RunResult:
        """Does a request: outputs, inputs, overrides.

        Raises:
            BaseException: see `Driver.execute`.
        """
        if lasting is None:
            return self._careful(asked, faults, self._shelves(), watch)
        recording = self._recording(asked, lasting)
        error: BaseException | None = None
        try:
            shelves = replace(
                self._shelves(),
                runs=str(lasting.runs.root),
                items=recording.failed,
                redo=recording.redo,
                only=lasting.failed_only,
            )
            return self._careful(asked, faults, shelves, watch, (recording, lasting.run_id))
        except BaseException as raised:
            error = raised
            raise
        finally:
            recording.end(error)

    def _careful(
        self,
        asked: Asked,
        faults: Faults,
        shelves: Shelves,
        watch: Watch | None,
        record: tuple[Recording | None, str] = (None, ""),
    ) -> RunResult:
        """Runs it. If something that was found turns out to be gone, once more, with more care; what has been computed by
        then is found.
        """
        for careful in (False, True):
            chosen = replace(shelves, careful=careful)
            recipes, plans = self.plans(chosen)
            request = Request(plans.prepared(*asked), *asked[1:], faults, chosen, *record)
            try:
                made = session.run(self._parts, request, watch)
            except Stale:
                if careful:
                    raise
            else:
                self._noted(request.prepared.plan, asked, recipes)
                return made
        raise AssertionError  # one of the two has returned or raised

    def _recording(self, asked: Asked, lasting: Lasting) -> Recording:
        """Begins the journal of a run, or takes it up.

        Raises:
            InputError: the request is wrong; there is such a run already, or none; code or inputs have changed.
            StoreError: it cannot be written.
        """
        from anabranch.driver.recording import Facts, Recording

        parts, executor = self._parts, type(self._parts.executor).__name__
        prepared = self._plain.prepared(*asked)
        check(prepared, inputs_of(parts.graph, *asked[1:]))
        said = self._asked(prepared.plan, asked, self.caching.recipes(parts.graph))
        if lasting.resumes:
            return Recording.resume(lasting, said, parts.graph, executor)
        files = dict.fromkeys(parts.graph.nodes[name].origin.rpartition(":")[0] for name in said.code)
        facts = Facts(tuple(file for file in files if file), executor, parts.about)
        try:
            return Recording.begin(lasting, said, (*asked[1:], parts.graph.config), facts)
        except InputError:
            if not lasting.either:
                raise
            return Recording.resume(replace(lasting, resumes=True), said, parts.graph, executor)  # it began meanwhile

    def _asked(self, plan: Plan, asked: Asked, recipes: Recipes) -> rebuild.Asked:
        """The versions of all that a request is made of."""
        return rebuild.Asked.of(self._parts.graph, plan, asked[1:], recipes, Versions(self.caching.scope))

    def _noted(self, plan: Plan, asked: Asked, recipes: Recipes) -> None:
        """Notes in the cache what outputs are made of, so that what changed can be told later; no harm if it cannot be."""
        with suppress(StoreError):
            if self.caching.settings is not None:
                note(store_of(self.caching.settings), self._asked(plan, asked, recipes), time.time())

    def _shelves(self) -> Shelves:
        key, cache = own_key(), self.caching.settings
        return Shelves(replace(cache, key=key) if cache is not None else None, scope=self.caching.scope, key=key)

    def plans(self, shelves: Shelves) -> tuple[Recipes, Plans]:
        """The recipes of nodes, as the functions' code is now, and the plans for them."""
        graph = self._parts.graph
        recipes = self.caching.recipes(graph)
        with self._lock:
            known = self._known.get(shelves)
            if known is not None and known[0] == recipes:
                return known
            plans = Plans(self._parts, self.caching.kept(graph, self._parts.planned, recipes, shelves))
            self._known[shelves] = recipes, plans
            for old in list(self._known)[:-MOST]:
                del self._known[old]
            return recipes, plans
