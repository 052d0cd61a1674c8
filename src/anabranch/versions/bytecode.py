"""What a code object does, as bytes: the same for any layout of its text, and different for different code.

Theory: bytecode rather than source, because it is what runs. Source can be gone (`exec`, a worker that got a function by
value) or no longer what was loaded (an edited file), and then a version made of it would be wrong. But bytecode knows a
little of its layout: the compiler keeps a `NOP` to stop at on a line of its own, shortens a jump to a jump, copies a short
way out, fuses two loads, each only if the lines allow it. So instructions are read as a graph of what can come after what:

* a `NOP` and an unconditional jump are no nodes, but edges;
* a conditional jump is a test with two ways, whichever of them the compiler let jump;
* fused instructions are taken apart, cached and specialised forms are those they stand for;
* two nodes that nothing later can tell apart are one node (the least automaton), so copies do not count.

What is left is numbered in the order of a walk from the entry. Line numbers, file, docstring, names of the code itself
and the layout of constants are not in it; names of locals and attributes are, for `locals()` and keywords can tell.

Bytecode differs between minor versions of Python, and so do versions: a new Python computes anew.
"""

from __future__ import annotations

import dis
import weakref
from collections.abc import Iterator
from inspect import CO_ASYNC_GENERATOR, CO_COROUTINE, CO_GENERATOR, CO_ITERABLE_COROUTINE, CO_VARARGS, CO_VARKEYWORDS
from itertools import pairwise
from types import CodeType
from typing import Any, Final, NamedTuple

from anabranch.versions.tokens import SCALARS, Unversionable, digest, nested

__all__ = ["Instruction", "canonical", "instructions_of"]

_FLAGS: Final = CO_VARARGS | CO_VARKEYWORDS | CO_GENERATOR | CO_COROUTINE | CO_ITERABLE_COROUTINE | CO_ASYNC_GENERATOR
_NOTHING: Final = frozenset({"NOP", "CACHE", "EXTENDED_ARG", "RESUME", "NOT_TAKEN"})
_ALWAYS: Final = frozenset({"JUMP_FORWARD", "JUMP_BACKWARD", "JUMP_BACKWARD_NO_INTERRUPT", "JUMP_ABSOLUTE", "JUMP"})
_ENDS: Final = frozenset({"RETURN_VALUE", "RAISE_VARARGS", "RERAISE", "INTERPRETER_EXIT"})
_JUMPS: Final = frozenset(dis.hasjrel) | frozenset(dis.hasjabs)
_WITH_NAME: Final = frozenset(dis.hasname) | frozenset(dis.haslocal) | frozenset(dis.hasfree)
_CONSTANT: Final = frozenset(dis.hasconst)
_FLAG_BITS: Final = {"LOAD_GLOBAL": 1, "LOAD_ATTR": 1 if "LOAD_METHOD" not in dis.opmap else 0, "LOAD_SUPER_ATTR": 3}
_SAME: Final = {"LOAD_FAST_BORROW": "LOAD_FAST"}
_SAFE: Final = frozenset({"LOAD_FAST", "STORE_FAST"} if "LOAD_FAST_CHECK" in dis.opmap else ())
"""What cannot raise, so that it does not matter who would catch it: a fused pair can be half outside a `try`."""
_FUSED: Final = {
    "LOAD_FAST_LOAD_FAST": ("LOAD_FAST", "LOAD_FAST"),
    "LOAD_FAST_BORROW_LOAD_FAST_BORROW": ("LOAD_FAST", "LOAD_FAST"),
    "STORE_FAST_LOAD_FAST": ("STORE_FAST", "LOAD_FAST"),
    "STORE_FAST_STORE_FAST": ("STORE_FAST", "STORE_FAST"),
}
_TESTS: Final = {
    "POP_JUMP_IF_TRUE": ("POP_JUMP_IF_TRUE", True),
    "POP_JUMP_IF_FALSE": ("POP_JUMP_IF_TRUE", False),
    "POP_JUMP_IF_NONE": ("POP_JUMP_IF_NONE", True),
    "POP_JUMP_IF_NOT_NONE": ("POP_JUMP_IF_NONE", False),
}
_KEEPING: Final = {"JUMP_IF_TRUE_OR_POP": "TRUE", "JUMP_IF_FALSE_OR_POP": "FALSE"}
"""Tests of Python 3.11 that leave what they tested if they jump; what they jump to may test it again, to no effect."""

_OF_TEXT: Final = frozenset({"__doc__", "__firstlineno__", "__static_attributes__"})
"""What a class statement inside a function says about its own text."""


class Instruction(NamedTuple):
    """One instruction: name, argument (a name, a constant, a number), and for a jump the offset it leads to."""

    offset: int
    name: str
    argument: Any
    bits: int = 0
    target: int | None = None


_Ways = tuple[int | None, ...]


class _State(NamedTuple):
    """One node: what it does, and the offsets of what can come next: in order, by a jump, by an exception."""

    does: bytes
    ways: _Ways


def canonical(code: CodeType) -> bytes:
    """The digest of what the code does. Remembered as long as the code object lives."""
    identity = id(code)
    known = _known.get(identity)
    if known is not None and known[0]() is code:
        return known[1]
    made = digest(_header(code) + _numbered(*_graph(code)))
    _known[identity] = (weakref.ref(code, lambda _, identity=identity: _known.pop(identity, None)), made)  # type: ignore[misc]
    return made


_known: dict[int, tuple[weakref.ref[CodeType], bytes]] = {}


def instructions_of(code: CodeType) -> Iterator[Instruction]:
    """The instructions that mean something, in the order of the code, fused ones taken apart."""
    for one in dis.get_instructions(code):
        name = one.opname.replace("_FORWARD_", "_").replace("_BACKWARD_", "_") if one.opcode in _JUMPS else one.opname
        name = _SAME.get(name, name)
        if name in _FUSED:
            names = one.argval if isinstance(one.argval, tuple) else tuple(one.argrepr.split(", "))
            for number, (part, argument) in enumerate(zip(_FUSED[name], names, strict=True)):
                yield Instruction(one.offset + number, part, argument)  # an instruction is two bytes: the next is free
        elif name == "RETURN_CONST":
            yield Instruction(one.offset, "LOAD_CONST", code.co_consts[one.arg or 0])
            yield Instruction(one.offset + 1, "RETURN_VALUE", None)
        elif name == "LOAD_SMALL_INT":
            yield Instruction(one.offset, "LOAD_CONST", one.arg)
        elif one.opcode in _JUMPS:
            yield Instruction(one.offset, name, None, target=one.argval)
        elif one.opcode in _WITH_NAME:
            yield Instruction(one.offset, name, one.argval, (one.arg or 0) & _FLAG_BITS.get(name, 0))
        elif one.opcode in _CONSTANT:
            yield Instruction(one.offset, name, code.co_consts[one.arg or 0])  # `dis` does not know all that have one
        else:
            yield Instruction(one.offset, name, one.arg)


def _header(code: CodeType) -> bytes:
    count = code.co_argcount + code.co_kwonlyargcount + bool(code.co_flags & CO_VARARGS) + bool(code.co_flags & CO_VARKEYWORDS)
    kind = (code.co_argcount, code.co_posonlyargcount, code.co_kwonlyargcount, code.co_flags & _FLAGS)
    return b"".join([_constant(part) for part in (kind, code.co_varnames[:count], code.co_freevars, code.co_cellvars)])


def _graph(code: CodeType) -> tuple[dict[int, _State], int | None]:
    """The nodes by offset, and the first."""
    listed = list(_without_text(list(instructions_of(code))))
    after = {one.offset: later.offset for one, later in pairwise(listed)}
    by_offset = {one.offset: one for one in listed}
    offsets = sorted(by_offset)
    handlers = _handlers(code)
    follow = _Follow(by_offset, offsets, after)
    states: dict[int, _State] = {}
    for one in listed:
        if one.name in _NOTHING or one.name in _ALWAYS:
            continue
        step = None if one.name in _ENDS else follow(after.get(one.offset))
        does, ways = _does(one), _Ways((step,))
        if one.target is not None:
            name, jump = follow.tested(one) if one.name in _KEEPING else (one.name, follow(one.target))
            test, straight = _TESTS.get(name, (name, True))
            does, ways = test.encode(), _Ways((step, jump) if straight else (jump, step))
        caught = next((entry for entry in handlers if entry[0] <= one.offset < entry[1] and one.name not in _SAFE), None)
        if caught is not None:
            does += b"!%d,%d" % (caught[3], caught[4])
            ways = _Ways((*ways, follow(caught[2])))
        states[one.offset] = _State(does, ways)
    return states, follow(listed[0].offset if listed else None)


class _Follow:
    """Finds the instruction that a way leads to, past those that do nothing but lead on."""

    def __init__(self, by_offset: dict[int, Instruction], offsets: list[int], after: dict[int, int]) -> None:
        self.by_offset = by_offset
        self.offsets = offsets
        self.after = after

    def __call__(self, offset: int | None) -> int | None:
        seen = set()
        while offset is not None and offset not in seen:
            seen.add(offset)
            one = self.by_offset.get(offset)
            if one is None:  # it was left out: on to the next
                offset = next((each for each in self.offsets if each > offset), None)
            elif one.name in _ALWAYS:
                offset = one.target
            elif one.name in _NOTHING:
                offset = self.after.get(offset)
            else:
                return offset
        return -1 if offset is not None else None  # an empty loop without end

    def tested(self, one: Instruction) -> tuple[str, int | None]:
        """What a test that keeps its value amounts to, and where it leads, when all is done that only tests it again."""
        known = _KEEPING[one.name]
        offset, seen = self(one.target), set()
        while offset is not None and offset not in seen:
            seen.add(offset)
            again = self.by_offset[offset].name if offset in self.by_offset else ""
            if again == one.name:
                offset = self(self.by_offset[offset].target)
            elif again == f"POP_JUMP_IF_{known}":
                return again, self(self.by_offset[offset].target)
            elif again in _KEEPING or again in {"POP_JUMP_IF_TRUE", "POP_JUMP_IF_FALSE"}:
                return f"POP_JUMP_IF_{known}", self(self.after.get(offset))
            else:
                break
        return one.name, offset


def _without_text(listed: list[Instruction]) -> Iterator[Instruction]:
    """Leaves out what stores a docstring, a line number or the compiler's notes into a class."""
    for number, one in enumerate(listed):
        later = listed[number + 1] if number + 1 < len(listed) else None
        if one.name == "LOAD_CONST" and later is not None and later.name == "STORE_NAME" and later.argument in _OF_TEXT:
            continue
        if one.name == "STORE_NAME" and one.argument in _OF_TEXT and number and listed[number - 1].name == "LOAD_CONST":
            continue
        yield one


def _does(one: Instruction) -> bytes:
    return b"%b %b %d" % (one.name.encode(), _constant(one.argument), one.bits)


def _constant(value: Any) -> bytes:
    """The token of a constant of bytecode: scalars, code, and tuples, sets and slices of them."""
    if isinstance(value, CodeType):
        return nested(b"code", canonical(value))
    if isinstance(value, tuple):
        return nested(b"tuple", b"".join([_constant(part) for part in value]))
    if isinstance(value, frozenset):
        return nested(b"frozenset", b"".join(sorted([_constant(part) for part in value])))
    if isinstance(value, slice):
        return nested(b"slice", b"".join([_constant(part) for part in (value.start, value.stop, value.step)]))
    scalar = SCALARS.get(type(value))
    if scalar is not None:
        return scalar(value)
    raise Unversionable(f"bytecode has a constant of type '{type(value).__qualname__}', which is new to anabranch")


def _handlers(code: CodeType) -> list[tuple[int, int, int, int, int]]:
    """The exception table: start, end and handler as offsets, depth of the stack, whether the last offset is pushed."""
    table = iter(code.co_exceptiontable)

    def number() -> int:
        byte = next(table)
        value = byte & 63
        while byte & 64:
            byte = next(table)
            value = value << 6 | byte & 63
        return value

    found: list[tuple[int, int, int, int, int]] = []
    while True:
        try:
            start = number() * 2
        except StopIteration:
            return found
        length, target, depth = number() * 2, number() * 2, number()
        found.append((start, start + length, target, depth >> 1, depth & 1))


def _numbered(states: dict[int, _State], entry: int | None) -> bytes:
    """The least graph that does the same, its nodes in the order of a walk."""
    classes = _classes(states)
    number: dict[int, int] = {}
    waiting, text = [entry], []
    while waiting:
        offset = waiting.pop()
        if offset is None or offset not in states or classes[offset] in number:
            continue
        number[classes[offset]] = len(number)
        text.append(offset)
        waiting.extend(reversed(states[offset].ways))

    def way(offset: int | None) -> int:
        return -1 if offset is None else number[classes[offset]] if offset in classes else -2

    nodes = [(states[offset].does, [way(each) for each in states[offset].ways]) for offset in text]
    return b"".join([b"%d:%b%b;" % (len(does), does, repr(ways).encode()) for does, ways in nodes])


def _classes(states: dict[int, _State]) -> dict[int, int]:
    """The class of each node: two are of one if no way on from them ever tells them apart."""
    ids: dict[Any, int] = {}
    classes = {offset: ids.setdefault((state.does, len(state.ways)), len(ids)) for offset, state in states.items()}
    while True:
        count, ids = len(ids), {}
        classes = {
            offset: ids.setdefault(
                (classes[offset], *(-1 if way is None else classes.get(way, -2) for way in state.ways)), len(ids)
            )
            for offset, state in states.items()
        }
        if len(ids) == count:
            return classes
