"""What a class is made of, for its version: what its text says, and nothing that Python or a library adds."""

from __future__ import annotations

import enum
import sys
from collections.abc import Iterator, Mapping
from types import GetSetDescriptorType, MemberDescriptorType
from typing import Any, Final

from anabranch.versions.tokens import module_of

__all__ = ["class_content", "file_of_class"]

_ADDED: Final = frozenset(
    {
        "__abstractmethods__",
        "__annotations_cache__",
        "__dataclass_fields__",
        "__dict__",
        "__doc__",
        "__firstlineno__",
        "__match_args__",
        "__module__",
        "__orig_bases__",
        "__parameters__",
        "__qualname__",
        "__signature__",
        "__static_attributes__",
        "__weakref__",
        "_abc_impl",
        "_generate_next_value_",
        "_hashable_values_",
        "_member_map_",
        "_member_names_",
        "_new_member_",
        "_unhashable_values_",
        "_unhashable_values_map_",
        "_use_args_",
        "_value2member_map_",
        "_value_repr_",
    }
)
"""Attributes of a class that follow from others, or from where it stands."""
_KEPT: Final = frozenset({"__pydantic_fields__", "__pydantic_decorators__"})
_THEIRS: Final = ("__pydantic_", "__attrs_", "__slotnames__")


def class_content(kind: type) -> Iterator[tuple[str, Any]]:
    """Bases, metaclass, and the attributes that the class itself has, by name; members of an enum in their order."""
    yield "__bases__", kind.__bases__
    yield "__metaclass__", type(kind)
    own: Mapping[str, Any] = vars(kind)
    if issubclass(kind, enum.Enum):
        yield "__members__", [(name, member.value) for name, member in kind.__members__.items()]
        own = {name: value for name, value in own.items() if not isinstance(value, kind)}
    for name in sorted(own):
        value = own[name]
        if name in _KEPT or not (name in _ADDED or name.startswith(_THEIRS)):
            if not isinstance(value, (GetSetDescriptorType, MemberDescriptorType)):  # what a slot's name stands for
                yield name, value


def file_of_class(kind: type) -> str:
    """The file of the module that a class is from; empty if it came by value, or from `__main__`."""
    name = module_of(kind)
    return "" if name == "__main__" else getattr(sys.modules.get(name), "__file__", None) or ""
