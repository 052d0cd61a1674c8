"""Parts of what a node gives: columns of frames, fields of dicts and objects, elements of tuples.

Theory: the parts are nodes that read the whole plainly, so in a fan-out they are parts of each item, whatever opened it. Their
types come from the whole's annotation, as far as it says something; what it says wrongly is an error when the graph is built.
"""

from __future__ import annotations

import dataclasses
import sys
import typing
from collections.abc import Callable, Iterator, Mapping, Sequence
from operator import attrgetter
from typing import Any

from anabranch.derived import Attribute, Column, Element, Field
from anabranch.errors import nearest_or_all
from anabranch.function_modifiers.dependencies import UpstreamDependency
from anabranch.function_modifiers.fields import UNTYPED, ExtractColumns, ExtractFields, UnpackFields
from anabranch.function_modifiers.modifier import Modifier
from anabranch.graph.functions import read_result
from anabranch.graph.modify.draft import Draft
from anabranch.graph.modify.family import Family, Scene, beside, checked, the_final
from anabranch.graph.node import Node
from anabranch.graph.types import assignable, describe

__all__ = ["column_drafts", "column_type", "part_of", "with_columns_extracted", "with_fields_extracted", "with_fields_unpacked"]

_COLUMNS: Mapping[tuple[str, str], str] = {
    ("pandas", "DataFrame"): "Series",
    ("polars", "DataFrame"): "Series",
    ("polars", "LazyFrame"): "LazyFrame",
    ("pyarrow", "Table"): "ChunkedArray",
    ("geopandas", "GeoDataFrame"): "GeoSeries",
    ("pyspark", "DataFrame"): "sql.Column",
}
"""For the frames of some libraries the class of a column, both as ``(library, class)``; it is looked up, never imported."""


def with_columns_extracted(family: Family, modifier: ExtractColumns, scene: Scene) -> Family:
    """`extract_columns`."""
    whole = the_final(family, modifier, scene)
    return checked((*family, *column_drafts(whole, modifier.columns, modifier.fill, modifier, scene)), modifier, scene)


def column_drafts(
    frame: Draft, columns: Sequence[tuple[str, str | None]], fill: Any, modifier: Modifier, scene: Scene
) -> Iterator[Draft]:
    """A node for each column of what `frame` gives."""
    if frame.node.annotation in (int, float, str, bool, bytes, list, set, type(None)):
        raise scene.refusal(modifier, f"it takes a frame, but the function {_gives(frame.node)}")
    kind = column_type(frame.node.annotation)
    for name, doc in columns:
        yield part_of(frame, name, Column(name, scene.name, fill), kind, doc)


def column_type(annotation: Any) -> Any:
    """The type of a column of a frame of this type; Any where that is not known."""
    kind = typing.get_origin(annotation) or annotation
    for parent in getattr(kind, "__mro__", ()):
        library = parent.__module__.partition(".")[0]
        column = _COLUMNS.get((library, parent.__name__))
        if column is not None:
            try:
                return attrgetter(column)(sys.modules[library])
            except AttributeError:
                return Any
    return Any


def with_fields_extracted(family: Family, modifier: ExtractFields, scene: Scene) -> Family:
    """`extract_fields`."""
    fields = _Fields(the_final(family, modifier, scene), modifier, scene)
    return checked((*family, *fields.drafts()), modifier, scene)


class _Fields:
    """The fields of one node."""

    def __init__(self, whole: Draft, modifier: ExtractFields, scene: Scene) -> None:
        self.whole = whole
        self.modifier = modifier
        self.scene = scene
        self.annotation = whole.node.annotation
        self.declared = _declared_fields(self.annotation)
        self.is_object = _is_object(self.annotation)

    def drafts(self) -> Iterator[Draft]:
        if not self.is_object and not assignable(self.annotation, Mapping):
            why = f"it takes a dict, TypedDict, dataclass or named tuple, but the function {_gives(self.whole.node)}"
            raise self.scene.refusal(self.modifier, why)
        wanted = self.modifier.fields or tuple((name, UNTYPED) for name in self.declared or ())
        if not wanted:
            why = f"name the fields, for {describe(self.annotation)} does not say which it has"
            raise self.scene.refusal(self.modifier, why)
        for name, given in wanted:
            annotation, expands = self.type_of(name, given)
            part = (Attribute if self.is_object else Field)(name, self.scene.name, self.modifier.fill)
            yield part_of(self.whole, name, part, annotation, expands=expands)

    def type_of(self, name: str, given: Any) -> tuple[Any, bool]:
        """The type of a field, and whether it opens a fan-out: what was given, or what the whole's annotation says."""
        returned = describe(self.annotation)
        if self.declared is None:
            said = _value_type(self.annotation)
        elif name in self.declared or self.modifier.fill is not None:
            said = self.declared.get(name, Any)
        else:
            why = f"{returned} has no field '{name}'{nearest_or_all(name, self.declared)}"
            raise self.scene.refusal(self.modifier, why)
        if given is UNTYPED:
            return said, False
        annotation, expands = read_result(f"@{self.modifier.word} on {self.scene.label}: field '{name}'", given)
        related = assignable(said, annotation) or assignable(annotation, said)  # a narrower type is the author's to know
        if not expands and self.declared is not None and not related:
            why = f"field '{name}' is said to be {describe(annotation)}, but in {returned} it is {describe(said)}"
            raise self.scene.refusal(self.modifier, why)
        return annotation, expands


def _gives(node: Node) -> str:
    return f"{'gives items of' if node.expands else 'returns'} {describe(node.annotation)}"


def _is_object(annotation: Any) -> bool:
    """Whether fields are attributes: of a dataclass, a named tuple, or what declares them in their manner."""
    kind = typing.get_origin(annotation) or annotation
    if not isinstance(kind, type) or typing.is_typeddict(kind) or issubclass(kind, Mapping):
        return False
    marks = ("_fields", "__attrs_attrs__", "model_fields", "__pydantic_fields__")
    return dataclasses.is_dataclass(kind) or any(hasattr(kind, mark) for mark in marks)


def _declared_fields(annotation: Any) -> Mapping[str, Any] | None:
    """The fields that a type declares; None if it declares none."""
    kind = typing.get_origin(annotation) or annotation
    if not typing.is_typeddict(kind) and not _is_object(annotation):
        return None
    names = [field.name for field in dataclasses.fields(kind)] if dataclasses.is_dataclass(kind) else None
    try:
        hints = typing.get_type_hints(kind)
    except Exception:  # a name that is only there for type checkers, say
        hints = dict.fromkeys(getattr(kind, "__annotations__", ()), Any)
    return {name: hints.get(name, Any) for name in names or getattr(kind, "_fields", None) or hints}


def _value_type(annotation: Any) -> Any:
    """The type of the values of a dict of this type."""
    arguments = typing.get_args(annotation)
    return arguments[1] if len(arguments) == 2 else Any


def with_fields_unpacked(family: Family, modifier: UnpackFields, scene: Scene) -> Family:
    """`unpack_fields`."""
    whole = the_final(family, modifier, scene)
    names = modifier.fields
    kinds = _element_types(whole.node.annotation, len(names))
    if kinds is None:
        why = f"it takes a tuple of at least {len(names)} elements, but the function {_gives(whole.node)}"
        raise scene.refusal(modifier, why)
    made = []
    for index, (name, kind) in enumerate(zip(names, kinds, strict=True)):
        annotation, expands = read_result(f"@{modifier.word} on {scene.label}: field '{name}'", kind)
        made.append(part_of(whole, name, Element(index, scene.name, len(names)), annotation, expands=expands))
    return checked((*family, *made), modifier, scene)


def _element_types(annotation: Any, count: int) -> Sequence[Any] | None:
    """The types of the first elements of a tuple of this type; None if it cannot be one, or has fewer."""
    kind = typing.get_origin(annotation) or annotation
    if isinstance(kind, type) and issubclass(kind, tuple) and hasattr(kind, "_fields"):
        declared = list((_declared_fields(annotation) or {}).values())
        return declared[:count] if len(declared) >= count else None
    if not assignable(tuple, kind):
        return None
    arguments = typing.get_args(annotation) if kind is tuple else ()
    if len(arguments) == 2 and arguments[1] is ...:
        return [arguments[0]] * count
    if not arguments:
        return [Any] * count
    return list(arguments[:count]) if len(arguments) >= count else None


def part_of(
    whole: Draft, name: str, function: Callable[[Any], Any], annotation: Any, doc: str | None = None, *, expands: bool = False
) -> Draft:
    """A node that reads `whole` plainly and gives what `function` makes of it."""
    reads = {"value": UpstreamDependency(whole.name)}
    types = {"value": whole.node.annotation}
    said = {} if doc is None else {"doc": doc}
    return beside(whole, name, function, reads, annotation, types=types, expands=expands, **said)
