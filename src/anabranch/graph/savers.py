"""What a saver is in a graph: along which axes it runs, what it collects, and which class writes.

Theory: a saver runs once for each item of the axes that its *fields* speak of: ``{item}`` speaks of all axes of what is
saved, ``{item[0]}`` of the outermost, ``{page[name]}`` and ``source("page")`` of those of `page`. What is saved is collected
along its other axes, so a path that speaks of no item gets all of them as one list. Items never overwrite each other
unnoticed: a path that is the same for all of them is an error here, and two that turn out to be equal are one when all are
written.

Everything here is pure: fields, axes and types in, nodes out.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from anabranch.errors import FlowError
from anabranch.graph.axes import Axes
from anabranch.graph.node import Node, Parameter, Role
from anabranch.io import DataSaver
from anabranch.io.catalog import chosen_saver, no_saver, saver_candidates
from anabranch.io.steps import PATHS, Field, Filled, Given, OneFileEach, SaveStep, working_folder
from anabranch.io.template import Template
from anabranch.kinds import kinds_of

__all__ = ["PLACES", "Saver", "with_free"]

PLACES = {*PATHS, "table_name"}
"""Fields that may have parts in braces."""


def with_free(fields: Mapping[str, Field], axes: Mapping[str, Axes]) -> dict[str, Field]:
    """The fields, with paths that know which of their parts are the same for all items: those without axes."""
    return {
        name: replace(field, free=frozenset(one for one in field.template.names if not axes.get(one)))
        if isinstance(field, Filled)
        else field
        for name, field in fields.items()
    }


@dataclass(frozen=True, slots=True, eq=False)
class Saver:
    """What is to be saved, and how.

    Attributes:
        label: how it is called in messages.
        key: the key of the class that writes.
        fields: of that class.
        dependencies: the parameters that are saved.
        combine: what becomes of several of them.
        tag: under which tag the name of the class is noted, if at all.
        among: classes to choose from; by default all that are known by the key.
    """

    label: str
    key: str
    fields: Mapping[str, Field]
    dependencies: tuple[str, ...]
    combine: Any = None
    tag: str = ""
    among: tuple[type[Any], ...] = ()

    def nodes(self, node: Node, axes: Mapping[str, Axes], type_: Any) -> tuple[Node, ...]:
        """The node that saves, or, where items might go to one place, one for each item and one that looks at all.

        Args:
            node: its name, its parameters, all plain, and whatever else it is to have.
            axes: those of what each parameter reads.
            type_: the type of what is saved, if it is one value that is not collected.

        Raises:
            FlowError: no class takes the type, or all items would go to one path.
        """
        names = tuple(parameter.name for parameter in node.parameters)
        own = self._axes(axes)
        depths = {name: _depth(axes.get(name, ()), own) for name in self.dependencies}
        candidates = self._candidates(node, depths, type_)
        fields = with_free(self.fields, axes)
        step = SaveStep(names, fields, working_folder(), self.key, candidates, self.dependencies, self.combine)
        bound = node.function.keywords if isinstance(node.function, partial) else {}
        parameters = tuple(_collecting(parameter, depths.get(parameter.name, 0)) for parameter in node.parameters)
        tags = {**node.tags, **({f"{self.tag}.classname": candidates[0].__name__} if self.tag else {})}
        function = partial(step, **bound) if bound else step
        saving = node._replace(function=function, parameters=parameters, tags=tags, late=None)
        if not own or not any(field in fields for field in PLACES) or self._tells_apart(len(own)):
            return (saving,)
        each = saving._replace(name=f"{node.name}.item")
        collected = _collecting(Parameter("items", Role.PLAIN, 0, Any, source=each.name), len(own))
        return each, saving._replace(function=OneFileEach(node.name), parameters=(collected,), annotation=list)

    def _templates(self) -> list[Template]:
        return [field.template for field in self.fields.values() if isinstance(field, Filled)]

    def _tells_apart(self, axes: int) -> bool:
        """Whether some field has all indices of the item in it, so that no two items go to the same place."""
        return any(one.whole_item or one.positions >= set(range(axes)) for one in self._templates())

    def _axes(self, axes: Mapping[str, Axes]) -> Axes:
        """The axes along which it runs: those that its fields speak of, and those around them."""
        saved = _union(axes, self.dependencies)
        read = _union(axes, (name for field in self.fields.values() for name in field.names))
        spoken = set(read)
        for template in self._templates():
            spoken.update(saved if template.whole_item else (saved[n] for n in template.positions if n < len(saved)))
        if any(template.uses_item for template in self._templates()) and not saved:
            raise FlowError(f"{self.label}: the path has {{item}}, but what is saved is in no fan-out")
        whole = [axes.get(name, ()) for name in self.dependencies]
        opened = [axis for each in whole for axis in each[: len(each) - _depth(each, spoken)]]
        own = tuple(dict.fromkeys((*opened, *read)))
        path = self.fields.get("path")
        if own and isinstance(path, Given):
            raise FlowError(f"{self.label}: all items would be written to '{path.value}'; write {{item}} into the path")
        return own

    def _candidates(self, node: Node, depths: Mapping[str, int], type_: Any) -> tuple[type[DataSaver], ...]:
        """The classes among which the value's type will choose; checked here as far as the type is known."""
        found = self.among or saver_candidates(self.key)
        collected = any(depths.values())
        if self.combine is not None:
            output_type = getattr(self.combine, "output_type", None)
            type_, collected = (output_type() if callable(output_type) else Any), False
        elif collected:
            type_ = list
        if not kinds_of(type_):
            return self._checked(found)
        chosen = chosen_saver(found, type_)
        if chosen is not None:
            return (*self._checked((chosen,)), *(one for one in found if one is not chosen))
        hint = ""
        if collected:
            saved = next(parameter.reads for parameter in node.parameters if parameter.name == self.dependencies[0])
            hint = (
                f"; all items of '{saved}' are collected into a list here: write {{item}} into the path for one file each, or "
                f"save what a function makes of them"
            )
        raise FlowError(f"{self.label}: {no_saver(self.key, found, type_)}{hint}")

    def _checked(self, savers: tuple[type[DataSaver], ...]) -> tuple[type[DataSaver], ...]:
        """The classes that take these fields; an error if none does."""
        fitting: list[type[DataSaver]] = []
        reason = ""
        for saver in savers:
            try:
                saver.check(list(self.fields))
                fitting.append(saver)
            except FlowError as error:
                reason = reason or str(error)
        if not fitting:
            raise FlowError(f"{self.label}: {reason}")
        return tuple(fitting)


def _collecting(parameter: Parameter, depth: int) -> Parameter:
    return replace(parameter, depth=depth, role=Role.COLLECT if depth else Role.PLAIN)


def _union(axes: Mapping[str, Axes], names: Iterable[str]) -> Axes:
    return tuple(dict.fromkeys(axis for name in names for axis in axes.get(name, ())))


def _depth(axes: Axes, opened: Iterable[str]) -> int:
    """How many of the innermost axes are not among those that stay open."""
    known = set(opened)
    return next((depth for depth, axis in enumerate(reversed(axes)) if axis in known), len(axes))
