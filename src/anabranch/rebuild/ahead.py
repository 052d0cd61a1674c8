"""Looks up, before a call runs, what its functions will ask for: all keys of a span at once.

Theory: what a function of a task will be called with is known in advance where its arguments came with the call, or are results
of functions that were found: of these the versions are known. So keys go by columns, from one function to the next, as far as
nothing has to be computed. What a function is called with is read off the generated code, which is the one place that says it.

All of this only warms up: a kept function that finds nothing prepared asks for itself.
"""

from __future__ import annotations

import ast
import threading
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import repeat
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

from anabranch.code import Block, Code, Form, Layout
from anabranch.missing import MISSING
from anabranch.rebuild.stored import CACHE, RUN, Stored
from anabranch.versions import Unversionable, keys_of
from anabranch.work import arguments_of

if TYPE_CHECKING:
    from anabranch.rebuild.kept import Kept
    from anabranch.rebuild.span import Span

__all__ = ["look_ahead"]

Column = list[bytes | None]
"""Versions of a variable, item by item; None where it is not known."""


@dataclass(frozen=True, slots=True)
class _Step:
    """A call of a kept function: what it is called with, by the names of variables, and the variable that it makes."""

    kept: Kept
    arguments: tuple[tuple[str, str], ...]
    target: str


@dataclass(frozen=True, slots=True)
class _Outline:
    """What generated code does first: over which of its parameters it loops, and with which elements; its steps."""

    parameters: tuple[str, ...]
    elements: dict[str, str]
    steps: tuple[_Step, ...]


_parsing = threading.Lock()
_outlines: WeakKeyDictionary[Block, _Outline] = WeakKeyDictionary()


def look_ahead(span: Span, code: Code, layout: Layout, values: tuple[Any, ...]) -> None:
    """Prepares a call: notes what is not there, and claims it."""
    block = code.load()
    outline = _outlines.get(block)
    if outline is None:
        outline = _outlines[block] = _outline_of(code)
    if not outline.steps:
        return
    forms = [argument.form for argument in layout.arguments]
    if Form.LISTED in forms or (code.loops and not outline.elements):
        return
    given = dict(zip(outline.parameters, arguments_of(layout, values), strict=False))
    if any(type(value) in MISSING for value in given.values()):
        return
    lists = {inner: given[outer] for outer, inner in outline.elements.items() if isinstance(given.get(outer), list)}
    count = len(next(iter(lists.values()))) if lists else 1
    if code.loops and not lists:
        return
    wanted: dict[bytes, None] = {}
    columns = _Columns(span, code, given, lists, count)
    first = layout.start if code.loops else next(reversed(layout.where), 0)
    for step in outline.steps:
        if step.kept.lasts:
            _prepare_places(span, step.kept, layout, count, loops=code.loops)
        wanted.update(dict.fromkeys(_prepare(span, step, columns, (first, len(layout.where) + code.loops))))
    if wanted:
        span.take(list(wanted))


class _Columns:
    """Versions of variables as far as they are known."""

    def __init__(self, span: Span, code: Code, given: dict[str, Any], lists: dict[str, list[Any]], count: int) -> None:
        self.span = span
        self.code = code
        self.given = given
        self.lists = lists
        self.count = count
        self.known: dict[str, Column | bytes | None] = {}

    def of(self, variable: str, depth: int) -> Column | bytes | None:
        """Versions by item, or one for all of them; None if nothing is known."""
        if variable not in self.known:
            self.known[variable] = self._made(variable, depth)
        return self.known[variable]

    def _made(self, variable: str, depth: int) -> Column | bytes | None:
        if variable in self.lists:
            values = self.lists[variable]
            if depth:
                return None
            versions = _versions(self.span, values)
            self.span.knows(values, versions)
            return versions
        if variable in self.given or variable in self.code.functions:
            value = self.given.get(variable, self.code.functions.get(variable))
            try:
                version = self.span.version(value, depth)
            except Unversionable:
                return None
            self.span.knows([value], [version])
            return version
        return None


def _versions(span: Span, values: Sequence[Any]) -> Column:
    if not any(type(value) is Stored or type(value) in MISSING for value in values):
        return span.versions.of_all(values)
    return [value.version if type(value) is Stored else _or_none(span, value) for value in values]


def _or_none(span: Span, value: Any) -> bytes | None:
    if type(value) in MISSING:
        return None
    try:
        return span.version(value)
    except Unversionable:
        return None


def _prepare(span: Span, step: _Step, columns: _Columns, place: tuple[int, int]) -> Iterable[bytes]:
    """Looks the results of one step up; says which keys are to be claimed."""
    from anabranch.rebuild.kept import Aim

    kept, facts = step.kept, step.kept.facts
    if span.shelves.cache is None or kept.recipe is None or kept.aim is not Aim.LOOK or facts.expands or facts.streams:
        return ()
    names, found = [], []
    for name, variable in step.arguments:
        if name not in facts.ignored:
            column = columns.of(variable, facts.depths.get(name, 0)) if variable else None
            if column is None:
                return ()
            names.append(name)
            found.append(column if isinstance(column, list) else repeat(column, columns.count))
    rows = list(zip(*found, strict=True)) if found else [()] * columns.count
    whole = [row for row in rows if None not in row]
    made = keys_of(kept.recipe.code, names, whole)
    looked = span.look(CACHE, kept.recipe, made)
    if looked is None:
        return ()
    missing = [key for key, entry in zip(made, looked, strict=True) if entry is None]
    span.absent.update(missing)
    keys: list[bytes | None] = [*made]
    entries = looked
    if len(whole) < len(rows):  # of some items nothing is known
        following = zip(made, looked, strict=True)
        pairs = [next(following) if None not in row else (None, None) for row in rows]
        keys, entries = [key for key, _ in pairs], [entry for _, entry in pairs]
    span.prepare(kept, place, keys, entries)
    columns.known[step.target] = [None if entry is None else entry.version for entry in entries]
    return missing


def _prepare_places(span: Span, kept: Kept, layout: Layout, count: int, *, loops: bool) -> None:
    """Looks up what the run itself has of these items."""
    from anabranch.rebuild.kept import place_key

    store = span.store(RUN)
    if store is None or kept.facts.expands:
        return
    items = [(*layout.where, layout.start + n) for n in range(count)] if loops else [layout.where]
    keys = [place_key(kept.facts.name, item) for item in items]
    entries = store.get_many(kept.run_recipe, keys)
    span.absent.update(key for key, entry in zip(keys, entries, strict=True) if entry is None)


# -- what generated code does --------------------------------------------------------------------------------------


def _outline_of(code: Code) -> _Outline:
    with _parsing:  # CPython 3.11 counts how deep it is for all threads together
        tree = ast.parse(code.source)
    task = next(one for one in tree.body if isinstance(one, ast.FunctionDef) and one.name == "task")
    parameters = tuple(argument.arg for argument in task.args.args[3:])
    body: Sequence[ast.stmt] = task.body
    elements: dict[str, str] = {}
    if code.loops:
        loop = next((one for one in _statements(task.body) if isinstance(one, ast.For)), None)
        if loop is None:
            return _Outline(parameters, {}, ())
        elements, body = _elements(loop), loop.body
    steps = []
    for statement in _statements(body):
        step = _step(code, statement) if isinstance(statement, ast.Assign) else None
        if step is not None:
            steps.append(step)
    return _Outline(parameters, elements, tuple(steps))


def _statements(body: Iterable[ast.stmt]) -> Iterator[ast.stmt]:
    """Statements in the order of the text, with those inside of others, but for handlers of errors."""
    for statement in body:
        yield statement
        if not isinstance(statement, ast.For):
            for part in ("body", "orelse"):
                yield from _statements(getattr(statement, part, ()))


def _elements(loop: ast.For) -> dict[str, str]:
    """Of the lists that a loop runs over the variables of their elements."""
    over, target = loop.iter, loop.target
    if isinstance(over, ast.Call) and getattr(over.func, "id", "") == "enumerate" and isinstance(target, ast.Tuple):
        over, target = over.args[0], target.elts[1]
    lists = over.args if isinstance(over, ast.Call) else [over]
    variables = target.elts if isinstance(target, ast.Tuple) else [target]
    pairs = zip(lists, variables, strict=False)
    return {a.id: b.id for a, b in pairs if isinstance(a, ast.Name) and isinstance(b, ast.Name)}


def _step(code: Code, statement: ast.Assign) -> _Step | None:
    from anabranch.rebuild.kept import Kept

    call, target = statement.value, statement.targets[0]
    if not (isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and isinstance(target, ast.Name)):
        return None
    kept = code.functions.get(call.func.id)
    if not isinstance(kept, Kept):
        return None
    names = [_variable(argument) for argument in call.args]
    arguments = list(zip(kept.facts.names, names, strict=False))
    told = {kept.__anabranch__.get(mark, "") for mark in ("item", "run")}
    arguments += [(one.arg or "", _variable(one.value)) for one in call.keywords if one.arg not in told]
    return _Step(kept, tuple(arguments), target.id)


def _variable(node: ast.expr) -> str:
    return node.id if isinstance(node, ast.Name) else ""
