"""A set of variables to be asked: what flows into what, and what has which tag.

Theory: a lineage is a part of a dataflow, the whole to begin with. Each question gives a smaller part, so questions compose:
``lineage.downstream("raw").tagged(team="risk").outputs``. What is up- and downstream is always that of the whole dataflow.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import cached_property
from hashlib import blake2b
from typing import Any

from anabranch.errors import InputError, nearest_or_all
from anabranch.graph import Graph
from anabranch.lineage.tags import matches
from anabranch.lineage.variable import Variable, variable_of, whole_of

__all__ = ["Lineage"]


class Lineage:
    """Variables of a dataflow, in topological order, inputs last.

    Args:
        graph: the dataflow.
        names: which of its variables; all, if it is not said.
    """

    def __init__(self, graph: Graph, names: Iterable[str] | None = None) -> None:
        self._graph = graph
        known = (*graph.nodes, *graph.inputs)
        self._chosen = frozenset(known if names is None else names)
        self.names: tuple[str, ...] = tuple(name for name in known if name in self._chosen)
        self._made: dict[str, Variable] = {}

    # -- as a collection -------------------------------------------------------------------------------------------

    def __iter__(self) -> Iterator[Variable]:
        return (self[name] for name in self.names)

    def __len__(self) -> int:
        return len(self.names)

    def __contains__(self, name: object) -> bool:
        return name in self._chosen

    def __getitem__(self, name: str) -> Variable:
        """The variable of that name.

        Raises:
            InputError: there is none in this part of the dataflow.
        """
        if name not in self._chosen:
            raise InputError(f"unknown name '{name}'{nearest_or_all(name, self.names)}")
        if name not in self._made:
            self._made[name] = variable_of(self._graph, name)
        return self._made[name]

    def __repr__(self) -> str:
        return f"<Lineage of {len(self.names)} variables: {', '.join(self.names[:5])}{', …' if len(self.names) > 5 else ''}>"

    @property
    def nodes(self) -> list[Variable]:
        """The variables, as a list."""
        return list(self)

    # -- questions -------------------------------------------------------------------------------------------------

    def upstream(self, *names: str) -> Lineage:
        """The named variables and everything that they are computed from.

        Raises:
            InputError: a name is unknown.
        """
        return self._part(self._graph.upstream(self._known(names)))

    def downstream(self, *names: str) -> Lineage:
        """The named variables and everything that is computed from them.

        Raises:
            InputError: a name is unknown.
        """
        return self._part(self._graph.downstream(self._known(names)))

    def between(self, sources: str | Iterable[str], targets: str | Iterable[str]) -> Lineage:
        """The variables on any way from one of `sources` to one of `targets`, both included; empty if there is no way.

        Raises:
            InputError: a name is unknown.
        """
        sources, targets = self._known(_several(sources)), self._known(_several(targets))
        return self._part(self._graph.downstream(sources) & self._graph.upstream(targets))

    def tagged(self, **tags: Any) -> Lineage:
        """The variables with these tags: ``tagged(pii=True)``, ``tagged(team=["risk", "fraud"])``, ``tagged(owner=None)`` for
        any owner; see `anabranch.lineage.matches`.
        """
        return self._part(variable.name for variable in self if matches(variable.tags, tags))

    def filter_nodes(self, choose: Callable[[Variable], bool]) -> list[Variable]:
        """The variables for which the function says so."""
        return [variable for variable in self if choose(variable)]

    @property
    def inputs(self) -> Lineage:
        """Those that no function gives."""
        return self._part(name for name in self.names if name in self._graph.inputs)

    @property
    def outputs(self) -> Lineage:
        """Those that no function reads."""
        return self._part(name for name in self.names if name in self._graph.nodes and not self._graph.readers[name])

    def touching(self, *names: str) -> Lineage:
        """Everything that the named variables may have gone into.

        That is more than `downstream` where one is a column of a frame, or a field: the frame has it too, and so has whatever
        reads the whole frame; only the frame's other columns have not.

        Raises:
            InputError: a name is unknown.
        """
        found: set[str] = set()
        waiting = list(self._known(names))
        wholes: set[str] = set()
        while waiting:
            name = waiting.pop()
            if name in found:
                continue
            found.add(name)
            whole = self._whole_of(name) if name in names else ""
            if whole:
                wholes.add(whole)
                waiting += [reader for reader in self._graph.readers[whole] if self._whole_of(reader) != whole]
            waiting += self._graph.readers.get(name, ())
        return self._part(found | wholes)

    def exposed(self, **tags: Any) -> dict[str, tuple[str, ...]]:
        """Which outputs are made of what has these tags, and of which variables: ``exposed(pii=True)``.

        An output is what no function reads; those that nothing tagged goes into are left out.
        """
        found: dict[str, list[str]] = {}
        for name in self.tagged(**tags).names:
            for output in Lineage(self._graph, self.touching(name).names).outputs.names:
                if output in self:
                    found.setdefault(output, []).append(name)
        return {name: tuple(found[name]) for name in self.names if name in found}

    # -- the whole -------------------------------------------------------------------------------------------------

    @cached_property
    def version(self) -> str:
        """Changes when a variable comes, goes, reads something else, or does something else."""
        hasher = blake2b(digest_size=20)
        for variable in sorted(self, key=lambda one: one.name):
            reads = sorted((reading.parameter, reading.name, reading.how) for reading in variable.reads)
            hasher.update(repr((variable.name, variable.version, reads)).encode())
        return hasher.hexdigest()

    def as_dict(self) -> dict[str, Any]:
        """The whole as plain data, for JSON."""
        from anabranch.lineage.document import document

        return document(self)

    # --------------------------------------------------------------------------------------------------------------

    def _whole_of(self, name: str) -> str:
        return whole_of(self._graph.nodes[name]) if name in self._graph.nodes else ""

    def _part(self, names: Iterable[str]) -> Lineage:
        return Lineage(self._graph, self._chosen.intersection(names))

    def _known(self, names: Iterable[str]) -> tuple[str, ...]:
        names = tuple(names)
        known = (*self._graph.nodes, *self._graph.inputs)
        for name in names:
            if name not in known:
                raise InputError(f"unknown name '{name}'{nearest_or_all(name, known)}")
        return names


def _several(names: str | Iterable[str]) -> tuple[str, ...]:
    return (names,) if isinstance(names, str) else tuple(names)
