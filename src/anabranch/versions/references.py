"""What a code object refers to: global names, with the attributes taken of them, and modules that it imports itself.

Theory: a function depends on `helpers.clean`, not on all of `helpers`, so a global name is followed through the attributes
that are taken of it directly. A module that a function imports is bound to a local name; what is taken of that name is
taken of the module. Where a name is used in any other way, all of what it names is used.

What is only found at run time (`getattr` with a computed name, `importlib`, `eval`) cannot be seen in code; a name that is
passed on whole counts whole, which covers most of it.

This module looks names up in nothing; see `anabranch.versions.code`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import CodeType
from typing import Final, NamedTuple

from anabranch.versions.bytecode import Instruction, instructions_of

__all__ = ["Reference", "references_of"]

_GLOBAL: Final = frozenset({"LOAD_GLOBAL", "LOAD_NAME", "LOAD_FROM_DICT_OR_GLOBALS"})
_LOCAL: Final = frozenset({"LOAD_FAST", "LOAD_FAST_CHECK", "LOAD_DEREF", "LOAD_CLASSDEREF", "LOAD_FROM_DICT_OR_DEREF"})
_STORE: Final = frozenset({"STORE_FAST", "STORE_DEREF", "STORE_GLOBAL", "STORE_NAME"})
_ATTRIBUTE: Final = frozenset({"LOAD_ATTR", "LOAD_METHOD"})
_PASSIVE: Final = frozenset({"PUSH_NULL", "MAKE_CELL", "COPY_FREE_VARS", "NOP", "CACHE", "PRECALL", "NOT_TAKEN"})


class Reference(NamedTuple):
    """A use of something outside: a global name, or an imported module, and the attributes taken of it.

    `level` is that of the import statement: -1 where there is none, 0 for an absolute one.
    """

    name: str
    attributes: tuple[str, ...] = ()
    level: int = -1


def references_of(code: CodeType) -> list[Reference]:
    """All that the code and the code nested in it refer to, each once, in the order of the code."""
    return list(dict.fromkeys(_references(code, {})))


def _references(code: CodeType, outer: Mapping[str, Reference]) -> Iterator[Reference]:
    listed = [one for one in instructions_of(code) if one.name not in _PASSIVE]
    aliases = {**outer, **_aliases(listed)}
    cells = {*code.co_cellvars, *code.co_freevars}
    nested = []
    for number, one in enumerate(listed):
        if one.name == "LOAD_CONST" and isinstance(one.argument, CodeType):
            nested.append(one.argument)
        elif one.name == "IMPORT_NAME":
            yield from _imported(listed, number)
        elif one.name == "LOAD_FAST" and one.argument in cells:
            continue  # it is handed to a nested function, which says what it takes
        elif one.name in _GLOBAL or one.name in _LOCAL:
            known = aliases.get(one.argument)
            if known is None and one.name in _GLOBAL:
                known = Reference(one.argument)
            if known is not None:
                yield known._replace(attributes=known.attributes + _taken(listed, number))
    for inner in nested:
        yield from _references(inner, aliases)


def _taken(listed: list[Instruction], number: int) -> tuple[str, ...]:
    """The attributes that are taken one after the other of what instruction `number` loads."""
    found: list[str] = []
    for one in listed[number + 1 :]:
        if one.name not in _ATTRIBUTE and not (one.name in {"STORE_ATTR", "DELETE_ATTR"} and not found):
            break
        found.append(one.argument)
    return tuple(found)


def _aliases(listed: list[Instruction]) -> dict[str, Reference]:
    """The local names that import statements bind."""
    found: dict[str, Reference] = {}
    for number, one in enumerate(listed):
        if one.name == "IMPORT_NAME":
            level, names = _how(listed, number)
            after = listed[number + 1 : number + 2]
            if after and after[0].name in _STORE:
                whole = one.argument if names else one.argument.partition(".")[0]
                found[after[0].argument] = Reference(whole, (), level)
            elif after and after[0].name == "IMPORT_FROM" and not names:  # import a.b.c as d
                bound = next((later for later in listed[number + 1 :] if later.name in _STORE), None)
                if bound is not None:
                    found[bound.argument] = Reference(one.argument, (), level)
    return found


def _imported(listed: list[Instruction], number: int) -> Iterator[Reference]:
    """The names that ``from … import`` takes of a module; a plain import takes nothing until its name is used."""
    level, names = _how(listed, number)
    for name in names:
        yield Reference(listed[number].argument, () if name == "*" else (name,), level)


def _how(listed: list[Instruction], number: int) -> tuple[int, tuple[str, ...]]:
    """The level and the names of an import statement, which are loaded before it."""
    level, names = (one.argument for one in listed[number - 2 : number])
    return level if isinstance(level, int) else 0, names if isinstance(names, tuple) else ()
