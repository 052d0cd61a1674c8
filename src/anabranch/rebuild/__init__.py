"""The rebuilder: what need not run again, because it was computed before.

Theory: *whether* to run is no matter of *in which order* and *where* ("Build Systems à la Carte", Mokhov, Mitchell and Peyton
Jones 2018). So neither the plan nor the scheduler knows of any of this. A driver with a cache, or a run that lasts, plans a
graph in which each function is a `Kept`: called in its place, where it would have been called, it looks its result up and
calls the function only if there is none. ::

    caching   the driver's side: which nodes are looked up, by which recipe; makes the graph of kept functions
    kept      a function with a store around it, and what goes on around a call of its task
    shelves   the stores that a worker has open
    span      what one call of a task looks up and stores: in groups, so that a span is one commit
    ahead     looks up what a whole span will ask for, at once
    listing   an expander's items, kept as they come
    stored    what stands for a value that is in a store

There are two kinds of keys. The key *of what* a result was made (the version of the code and the versions of the arguments) is
the same in every run: that is the cache. The key *of where* it was made (node and item of one run) is what a run goes on from
that was interrupted; it needs no versions, so it is there for everything that runs.

Invariants: what is found stands for a value (`Stored`) until a function reads it; no function of a user's ever sees one.
Nothing is stored that came of a failure. A store that cannot be written costs the storing and not the run, unless the run is
to last. What is damaged is computed anew: in the worst case, when a value turns out to be gone that others count on, the
run is done once more by the driver, with each hit tried before it counts (`Stale`).

This package never decides when or where anything runs.
"""

from anabranch.rebuild.caching import Caching
from anabranch.rebuild.stored import Stale, Stored

__all__ = ["Caching", "Stale", "Stored"]
