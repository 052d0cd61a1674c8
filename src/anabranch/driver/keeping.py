"""A driver's plans of kept functions: those that look results up before they run, and store them after.

Theory: which code a result was made by is asked anew for each request, for a function's globals may have changed since the last
one; as long as nothing has, plans are made once, as they are without a cache.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from typing import Any

from anabranch.driver import session
from anabranch.driver.parts import Parts
from anabranch.driver.plans import Plans
from anabranch.driver.request import Output, Request
from anabranch.handle import RunResult, Watch
from anabranch.policies import Faults
from anabranch.rebuild import Caching, Stale
from anabranch.rebuild.caching import Recipes
from anabranch.rebuild.shelves import Shelves

__all__ = ["Keeping"]

Asked = tuple[Sequence[Output], Mapping[str, Any], Mapping[str, Any]]


class Keeping:
    """Plans by where results are kept. Safe to use from many threads."""

    def __init__(self, parts: Parts) -> None:
        self.caching = parts.caching if parts.caching is not None else Caching()
        self._parts = parts
        self._known: dict[Shelves, tuple[Recipes, Plans]] = {}
        self._lock = threading.Lock()

    def shelves(self, runs: str | None = None, *, careful: bool = False) -> Shelves:
        """Where results are kept: in the driver's cache, and by runs in this folder if they are to last."""
        return Shelves(self.caching.settings, runs, self.caching.scope, careful)

    def run(self, asked: Asked, faults: Faults, watch: Watch | None = None) -> RunResult:
        """Does a request: outputs, inputs, overrides. If something that was found turns out to be gone, once more, with more
        care; what has been computed by then is found.

        Raises:
            BaseException: see `Driver.execute`.
        """
        for careful in (False, True):
            shelves = self.shelves(careful=careful)
            request = Request(self.plans(shelves).prepared(*asked), *asked[1:], faults, shelves)
            try:
                return session.run(self._parts, request, watch)
            except Stale:
                if careful:
                    raise
        raise AssertionError  # one of the two has returned or raised

    def plans(self, shelves: Shelves) -> Plans:
        """The plans for that, as the functions' code is now."""
        graph = self._parts.graph
        recipes = self.caching.recipes(graph)
        with self._lock:
            known = self._known.get(shelves)
            if known is not None and known[0] == recipes:
                return known[1]
            plans = Plans(self._parts, self.caching.kept(graph, self._parts.planned, recipes, shelves))
            self._known[shelves] = recipes, plans
            return plans
