"""From bodies to Python text: the loop that a person would write, and a table of its steps for when one raises.

Theory: a task is one module of generated functions. The entry, ``task``, takes a span's lists and what does not vary, and
returns one list for each output. One line is one step, so that a traceback's line number names the step; the same
line, as text, is what `anabranch.recorder.Recorder` runs when an item has to go on without some value. Nothing on the way of an
item that goes well is there for the sake of one that does not, but for a `try`, which is free until something is raised.

The loop over ``source_file`` of the example in `docs/design.md` reads::

    def task(r, where, start, i_source_file):
        out_0 = []
        for v_source_file in i_source_file:
            try:
                v_tree = f_tree(v_source_file)
                v_function_count = f_function_count(v_tree); del v_tree
            except BaseException as error:
                v_function_count = r.rescue(0, error, (*where, start + len(out_0)), locals())
            out_0.append(v_function_count)
        return out_0

This module never runs what it writes.
"""

from __future__ import annotations

import functools
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import count
from typing import Any, NamedTuple
from unicodedata import normalize

from anabranch.code import Surrounding
from anabranch.derived import same
from anabranch.errors import InternalError
from anabranch.graph import Role
from anabranch.graph.signatures import is_bare, is_generator
from anabranch.markers import marks_of
from anabranch.plan.body import Body, Fan, Value, rank_in
from anabranch.plan.select import Axes, Kind, Link, Vertex, call_of
from anabranch.policies import Policy
from anabranch.work import Code, Step, Table

__all__ = ["Import", "Partial", "fan_code", "once_code"]

Vertices = Mapping[str, Vertex]
_keys = count(1)


class Import(NamedTuple):
    """A parameter of generated code: a value, or one reader's own list or iterator of it (`reader` is vertex and parameter;
    both are empty for the lists that a loop runs over, which are not the whole value in a span).
    """

    value: Value
    reader: tuple[str, str] | None = None


class Partial(NamedTuple):
    """An associative collector that runs at the end of a span over the span's own elements of `source`."""

    vertex: Vertex
    source: Value


def once_code(vertices: Vertices, calls: Sequence[Vertex], imports: Sequence[Import], outputs: Sequence[Value]) -> Code:
    """The code of calls outside any loop of theirs: takes the imports, returns the outputs."""
    module = _Module(vertices)
    chunk = _Chunk(module)
    axes = calls[0].axes
    given = {entry.reader: chunk.names[entry] for entry in imports if entry.reader}
    parameters = [chunk.names[entry if entry.reader else entry.value] for entry in imports]
    table = module.table(axes, [chunk.names[value] for value in outputs])
    chunk.add(0, f"def task({', '.join(['r', 'where', 'start', *parameters])}):")
    if parameters:
        chunk.add(1, f"if r.holes and r.lacks({', '.join(parameters)}):")
        chunk.add(2, f"return r.resume({table.number}, where, locals())")
    chunk.add(1, "try:")
    _Steps(chunk, table, Body(axes, tuple(calls)), set(outputs), given).write(2)
    chunk.add(1, "except BaseException as error:")
    chunk.add(2, f"return r.rescue({table.number}, error, where, locals())")
    chunk.add(1, f"return {', '.join(table.outputs)}")
    return module.code(calls[-1].node, len(outputs), loops=False)


def fan_code(vertices: Vertices, fan: Fan, outputs: Sequence[Value], partials: Sequence[Partial] = ()) -> Code:
    """The code of a span of a fan.

    It takes a fresh fan's items, the aligned lists, the captured values and those that only the partials read, in this
    order, and returns a list for each of `outputs` (elements, as seen inside the fan) and a value for each partial.
    """
    module = _Module(vertices)
    _Loop(module, fan, outputs, partials).write("task")
    return module.code(fan.name, len(outputs) + len(partials), loops=True, partials=len(partials))


def partial_imports(vertices: Vertices, fan: Fan, partials: Sequence[Partial], axes: Axes) -> list[Value]:
    """The values that only the partials of a fan read, in the order in which its code takes them."""
    found: dict[Value, None] = {}
    for partial in partials:
        for link in partial.vertex.links:
            value = Value(link.source, rank_in(link, vertices, axes))
            if link.role is Role.PLAIN and value not in fan.captured:
                found[value] = None
    return list(found)


@dataclass
class _Table:
    number: int
    axes: Axes
    outputs: list[str]
    steps: list[tuple[_Chunk, int, Step]] = field(default_factory=list)

    def placed(self) -> Table:
        """The table with the lines that its steps have come to stand on."""
        steps = tuple(step._replace(line=chunk.start + at) for chunk, at, step in self.steps)
        return Table(self.axes, steps, tuple(self.outputs))


class _Module:
    """Collects generated functions, the user's functions they call, and the tables of their steps."""

    def __init__(self, vertices: Vertices) -> None:
        self.vertices = vertices
        self.functions: dict[str, Any] = {}
        self.origins: dict[str, str] = {}
        self.policies: dict[str, Policy] = {}
        self.around: Surrounding | None = None
        self.inner: list[str] = []
        self.tables: list[_Table] = []
        self.chunks: list[_Chunk] = []

    def table(self, axes: Axes, outputs: list[str]) -> _Table:
        self.tables.append(_Table(len(self.tables), axes, outputs))
        return self.tables[-1]

    def counter(self, axis: str) -> int:
        """The number of the counter of the axis' items."""
        if axis not in self.inner:
            self.inner.append(axis)
        return self.inner.index(axis)

    def function(self, vertex: Vertex) -> tuple[str, dict[str, str]]:
        """The variable of the function that a vertex calls, and the text of what its keywords are bound to."""
        if vertex.function is None:
            raise InternalError(f"'{vertex.name}' is no call")
        function: Any = vertex.function
        bound: Mapping[str, Any] = {}
        if type(function) is functools.partial and not function.args:
            function, bound = function.func, function.keywords
        self.origins[vertex.node] = vertex.origin
        if vertex.policy is not None:
            self.policies[vertex.node] = vertex.policy
        self.around = marks_of(function).get("around", self.around)
        name = _identifier(vertex.node)
        return self.given(f"f_{name}", function), {key: self.literal(f"k_{name}·{key}", one) for key, one in bound.items()}

    def literal(self, name: str, value: Any) -> str:
        """The text of a value: itself if it is short and plain, or else a variable."""
        plain = value is None or type(value) in {bool, int} or (type(value) is str and len(value) <= 40)
        return repr(value) if plain else self.given(name, value)

    def given(self, name: str, value: Any) -> str:
        """A variable that holds this very function or value."""
        if self.functions.setdefault(name, value) is not value:
            name = f"{name}_{len(self.functions)}"
            self.functions[name] = value
        return name

    def code(self, name: str, outputs: int, *, loops: bool, partials: int = 0) -> Code:
        lines: list[str] = []
        for chunk in self.chunks:
            chunk.start = len(lines) + 1
            lines += [*chunk.lines, ""]
        tables = tuple(table.placed() for table in self.tables)
        source = "\n".join(lines)
        made = (self.functions, tables, self.origins, outputs, loops, partials, self.policies, self.around)
        return Code(f"{next(_keys)}", name, source, *made, inner=tuple(self.inner))


class _Chunk:
    """One generated function: its lines and its variables."""

    def __init__(self, module: _Module) -> None:
        self.module = module
        self.names = _Names()
        self.lines: list[str] = []
        self.start = 0
        module.chunks.append(self)

    def add(self, indent: int, text: str) -> None:
        self.lines.append("    " * indent + text)

    def step(self, indent: int, table: _Table, step: Step, after: str = "") -> None:
        table.steps.append((self, len(self.lines), step))
        self.add(indent, step.statement + after)


class _Names:
    """The variables of one generated function: readable, and never the same for two values."""

    def __init__(self) -> None:
        self.known: dict[Value | Import, str] = {}
        self.taken: set[str] = set()

    def __getitem__(self, key: Value | Import) -> str:
        if key not in self.known:
            value = key.value if isinstance(key, Import) else key
            prefix = ("c" if key.reader[1] else "a") if isinstance(key, Import) and key.reader else (
                "i" if value.name.endswith("()") else "l" * value.rank or "v"
            )
            base = f"{prefix}_{_identifier(value.name)}"
            name = next(name for n in count(1) if (name := base if n == 1 else f"{base}_{n}") not in self.taken)
            self.taken.add(name)
            self.known[key] = name
        return self.known[key]


def _identifier(name: str) -> str:
    """A node's name as part of a variable's: dots become middle dots, which Python allows there (see `anabranch.code.named`);
    what else no identifier can have becomes an underscore.
    """
    name = name.removesuffix("()").removesuffix("!")
    if name.isascii() and name.isidentifier():
        return name
    text = re.sub(r"[^\w·]", "_", normalize("NFKC", name.replace(".", "·")))  # as Python itself reads identifiers
    return text if f"v_{text}".isidentifier() else re.sub(r"[^A-Za-z0-9_·]", "_", text)


class _Loop:
    """Writes one loop as a function of its own; the loops inside it follow."""

    def __init__(
        self, module: _Module, fan: Fan, outputs: Sequence[Value], partials: Sequence[Partial] = (), *, stream: int = 0
    ) -> None:
        self.module = module
        self.fan = fan
        self.outputs = list(outputs)
        self.partials = partials
        self.stream = stream
        self.name = ""
        self.chunk = _Chunk(module)
        self.kept = [*self.outputs, *(p.source for p in partials if p.source not in self.outputs)]
        self.kept = list(dict.fromkeys(self.kept))

    def write(self, name: str) -> None:
        """Writes the loop as a function of that name."""
        self.name = name
        fan, chunk, names = self.fan, self.chunk, self.chunk.names
        axes = fan.body.axes
        items = names[Value(call_of(fan.axis), 0)] if fan.fresh else None
        lists = [names[Import(reading.outer, ("", ""))] for reading in fan.aligned]
        extra = partial_imports(self.module.vertices, fan, self.partials, axes[:-1])
        captured = [names[value] for value in (*fan.captured, *extra)]
        table = self.module.table(axes, [names[value] for value in self.kept])
        sources = [items, *lists] if items else lists
        elements = [names[Value(fan.axis, 0)]] if items else []
        elements += [names[reading.inner] for reading in fan.aligned]
        inner = name != "task"
        chunk.add(0, f"def {name}({', '.join(['r', 'where', 'at' if inner else 'start', *sources, *captured])}):")
        closes = items is not None and inner
        if closes and not self.stream and not self._generates():  # of a span's items the run has seen to it
            chunk.add(1, f"if (kind := type({items})) is not generator and kind not in iterable:")
            chunk.add(2, f"{items} = opened({items}, {fan.axis!r})")
        self._prologue(sources)
        lack = self._lack(captured)
        indexed = bool(self.stream) or any(isinstance(step, Fan) for step in fan.body.steps)
        if inner and indexed:
            chunk.add(1, "where = (*where, at)")
        index = "i" if indexed else "at, len(out_0)" if inner else "start + len(out_0)"
        numbered = f"enumerate({{}}{'' if inner else ', start'})" if indexed else "{}"
        over = sources[0] if len(sources) == 1 else f"zip({', '.join(sources)})"
        target = elements[0] if len(elements) == 1 else f"({', '.join(elements)})" if indexed else ", ".join(elements)
        base = 2 if closes else 1
        if closes:
            chunk.add(1, "try:")
        chunk.add(base, f"for {'i, ' if indexed else ''}{target} in {numbered.format(over)}:")
        self._item(base + 1, table, index, lack)
        if closes:
            self._close(items or "", axes)
        if closes and not self.stream:
            chunk.add(1, f"r.counts[{self.module.counter(fan.axis)}] += len(out_0)")
        self._epilogue()

    def _generates(self) -> bool:
        """Whether what opens the axis is known to give a generator, so that nobody needs to look what it gave."""
        function = self.module.vertices[call_of(self.fan.axis)].function
        return is_bare(function) and is_generator(function)

    def _prologue(self, sources: list[str]) -> None:
        fan, chunk = self.fan, self.chunk
        if not self.stream:
            for number in range(len(self.kept)):
                chunk.add(1, f"out_{number} = []")
        if len(sources) == 1:
            return
        for name in sources[1:]:
            chunk.add(1, f"{name} = r.aligned({name})")
        if self._foreign() and self.name != "task":  # of a span's lists the run sees to it
            if fan.fresh:
                chunk.add(1, f"{sources[0]} = list({sources[0]})")
            labels = ([fan.axis] if fan.fresh else []) + [reading.outer.name.removesuffix("!") for reading in fan.aligned]
            chunk.add(1, f"uneven({fan.axis!r}, {tuple(labels)!r}, ({', '.join(sources)}))")

    def _foreign(self) -> bool:
        """Whether lists meet here whose lengths nothing guarantees to be the same."""
        vertices = self.module.vertices
        own = {vertices[r.outer.name].axes[-r.outer.rank] for r in self.fan.aligned}
        given = any(vertices[r.outer.name].kind is Kind.GIVEN for r in self.fan.aligned)
        return given or own != {self.fan.axis}

    def _lack(self, captured: list[str]) -> list[str]:
        """Conditions under which an item has to go without some value from the outset."""
        vertices = self.module.vertices
        pairs = zip(self.fan.captured, captured, strict=False)
        absent = [name for value, name in pairs if vertices[value.name].kind is not Kind.GIVEN]
        conditions = []
        if absent:
            self.chunk.add(1, f"lack = r.holes and r.lacks({', '.join(absent)})")
            conditions = ["lack"]
        given = [r.inner for r in self.fan.aligned if vertices[r.outer.name].kind is not Kind.GIVEN]
        if given:
            conditions.append(f"(r.holes and r.lacks({', '.join(self.chunk.names[value] for value in given)}))")
        return conditions

    def _item(self, indent: int, table: _Table, index: str, lack: list[str]) -> None:
        chunk, where = self.chunk, f"(*where, {index})"
        results = ", ".join(table.outputs)
        steps = _Steps(chunk, table, self.fan.body, set(self.kept), {}, where=where)
        if steps.empty:
            pass
        else:
            inner = indent
            if lack:
                chunk.add(indent, f"if {' or '.join(lack)}:")
                chunk.add(indent + 1, f"{results} = r.resume({table.number}, {where}, locals())")
                chunk.add(indent, "else:")
                inner += 1
            chunk.add(inner, "try:")
            steps.write(inner + 1)
            chunk.add(inner, "except BaseException as error:")
            chunk.add(inner + 1, f"{results} = r.rescue({table.number}, error, {where}, locals())")
        if self.stream:
            value = table.outputs[0]
            chunk.add(indent, "if r.holes:")
            chunk.add(indent + 1, f"yield from r.streamed({value}, {self.stream - 1})")
            chunk.add(indent, "else:")
            chunk.add(indent + 1, f"yield {value}")
            return
        for number, name in enumerate(table.outputs):
            chunk.add(indent, f"out_{number}.append({name})")

    def _close(self, items: str, axes: Axes) -> None:
        """A generator that has come to its end needs no closing, so the way of a loop that does costs nothing."""
        chunk = self.chunk
        if self.stream:
            chunk.add(1, "except (Exception, SystemExit) as error:")
            chunk.add(2, f"r.stop({self.fan.axis!r}, {axes!r}, where, error)")
            chunk.add(1, "finally:")
            chunk.add(2, f"close({items})")
            return
        chunk.add(1, "except BaseException:")
        chunk.add(2, f"close({items})")
        chunk.add(2, "raise")

    def _epilogue(self) -> None:
        chunk, names = self.chunk, self.chunk.names
        if self.stream:
            return
        results = [f"out_{self.kept.index(value)}" for value in self.outputs]
        for number, partial in enumerate(self.partials):
            axes = self.fan.body.axes[:-1]
            kept, result = f"k_{number}", names[Value(partial.vertex.name, 0)]
            out = f"out_{self.kept.index(partial.source)}"
            plain = [Value(k.source, rank_in(k, self.module.vertices, axes)) for k in partial.vertex.links if not k.depth]
            chunk.add(1, f"{kept}, {result} = r.gathered({', '.join([out, *(names[value] for value in plain)])})")
            chunk.add(1, f"if {result} is None:")
            table = self.module.table(axes, [result])
            collect = next(link for link in partial.vertex.links if link.depth)
            given = {(partial.vertex.name, collect.name or ""): kept}
            chunk.add(2, "try:")
            _Steps(chunk, table, Body(axes, (partial.vertex,)), {Value(partial.vertex.name, 0)}, given).write(3)
            chunk.add(2, "except BaseException as error:")
            chunk.add(3, f"{result} = r.rescue({table.number}, error, where, locals())")
            results.append(result)
        chunk.add(1, f"return {', '.join(results)}")


class _Steps:
    """Writes the steps of one body, each on a line of its own."""

    def __init__(
        self,
        chunk: _Chunk,
        table: _Table,
        body: Body,
        exports: set[Value],
        given: Mapping[tuple[str, str], str],
        *,
        where: str = "where",
    ) -> None:
        self.chunk = chunk
        self.module = chunk.module
        self.table = table
        self.body = body
        self.exports = exports
        self.given = given
        self.where = where
        self.read: dict[int, list[Value]] = {}
        self.steps = [step for step in body.steps if isinstance(step, Fan) or step.kind is Kind.CALL]
        self.made = {value for step in self.steps for value in self._writes(step)}
        self.uses: Counter[Value] = Counter(value for step in self.steps for value in self._reads(step))
        self.uses.update(exports)
        self.streamed: dict[Value, Fan] = self._streamed()
        fans = [step for step in self.steps if isinstance(step, Fan)]
        self.compared = {fan.outputs[0].outer for fan in fans if sum(other.axis == fan.axis for other in fans) > 1}
        self.last: dict[Value, int] = {}
        for number, step in enumerate(self.steps):
            for value in self._reads(step):
                self.last[value] = number

    @property
    def empty(self) -> bool:
        return not self.steps

    def write(self, indent: int) -> None:
        names = self.chunk.names
        for number, step in enumerate(self.steps):
            if isinstance(step, Fan):
                if any(fan is step for fan in self.streamed.values()):
                    continue
                line = self._loop_call(step)
            else:
                line = self._call(step)
            done = [v for v in dict.fromkeys(self._reads(step)) if self.last[v] == number and self._droppable(v)]
            after = "".join(f"; del {names[value]}" for value in done) if not line.statement.startswith("with ") else ""
            self.chunk.step(indent, self.table, line, after)
            if isinstance(step, Fan):
                self._compare(indent, step)

    def _compare(self, indent: int, fan: Fan) -> None:
        """Where an override brings its own items, what another loop over that axis made must be as long."""
        vertices, names = self.module.vertices, self.chunk.names
        same = [step for step in self.steps if isinstance(step, Fan) and step.axis == fan.axis]
        brought = any(vertices[r.outer.name].kind is Kind.GIVEN for step in same for r in step.aligned)
        if not brought or len(same) < 2 or fan is not same[-1]:
            return
        values = [step.outputs[0].outer for step in same]
        lists = tuple(names[value] for value in values)
        labels = tuple(value.name for value in values)
        statement = f"uneven({fan.axis!r}, {labels!r}, ({', '.join(lists)},))"
        self.chunk.step(indent, self.table, Step(fan.axis, 0, statement, (), ()))

    def _droppable(self, value: Value) -> bool:
        return value in self.made and value not in self.exports and value not in self.streamed and value not in self.compared

    def _reads(self, step: Fan | Vertex) -> list[Value]:
        known = self.read.get(id(step))
        if known is None:
            known = self.read[id(step)] = self._found_reads(step)
        return known

    def _found_reads(self, step: Fan | Vertex) -> list[Value]:
        vertices, axes = self.module.vertices, self.body.axes
        if isinstance(step, Fan):
            own = [Value(call_of(step.axis), 0)] if step.fresh else []
            return [*own, *(reading.outer for reading in step.aligned), *step.captured]
        keys = [(link, Value(link.source, rank_in(link, vertices, axes))) for link in step.links if link.name is not None]
        return [value for link, value in keys if (step.name, link.name) not in self.given]

    def _writes(self, step: Fan | Vertex) -> list[Value]:
        if isinstance(step, Fan):
            return [reading.outer for reading in step.outputs]
        return [Value(step.name, 0)]

    def _streamed(self) -> dict[Value, Fan]:
        """Fans whose one output is read by one Stream parameter: these run inside the reader's own iteration. Not for an
        expander, which may read only when it is pulled itself.
        """
        found = {}
        for step in self.steps:
            if isinstance(step, Fan) and step.fresh and len(step.outputs) == 1:
                value = step.outputs[0].outer
                calls = [vertex for vertex in self.steps if isinstance(vertex, Vertex) and not vertex.name.endswith("()")]
                readers = [vertex for vertex in calls if value in self._reads(vertex)]
                if self.uses[value] == 1 and readers and self._stream_link(readers[0], value):
                    found[value] = step
        return found

    def _stream_link(self, vertex: Vertex, value: Value) -> Link | None:
        return next((k for k in vertex.links if k.source == value.name and k.role is Role.STREAM), None)

    def _call(self, vertex: Vertex) -> Step:
        names = self.chunk.names
        arguments, reads, opening = [], [], ""
        collects: list[tuple[str, int]] = []
        for link in vertex.links:
            if link.name is None:
                continue
            text, needs, manager = self._argument(vertex, link)
            arguments.append(f"{link.name}={text}" if link.keyword else text)
            reads += needs
            opening += manager
            if link.depth and not manager:
                collects.append((needs[0], link.depth))
        marks = marks_of(vertex.function) if vertex.function is not None else {}
        for key, told in (("item", self.where), ("run", "r.run")):
            if key in marks:  # the function's keyword for the indices of the item that it is called for, or for the run
                arguments.append(f"{marks[key]}={told}")
        call = self._alias(vertex)
        if not call:
            function, bound = self.module.function(vertex)
            passed = {link.name for link in vertex.links if link.keyword}
            arguments += [f"{name}={text}" for name, text in bound.items() if name not in passed]
            call = f"{function}({', '.join(arguments)})"
        target = names[Value(vertex.name, 0)]
        if vertex.name.endswith("()") and not self._opens_itself(vertex):
            call = f"opened({call}, {vertex.node!r})"
        if vertex.policy is not None and vertex.policy.timeout is not None:
            opening = f"with r.limit({vertex.policy.timeout!r}, {vertex.node!r}, {self.where}): {opening}"
        statement = f"{opening}{target} = {call}"
        return Step(vertex.node, 0, statement, tuple(dict.fromkeys(reads)), (target,), tuple(collects))

    def _opens_itself(self, vertex: Vertex) -> bool:
        """Whether the loop over what an expander gives makes sure that it can be looped over."""
        streamed = [fan.axis for fan in self.streamed.values()]
        axes = [step.axis for step in self.steps if isinstance(step, Fan)]
        return vertex.node in axes and vertex.node not in streamed

    def _alias(self, vertex: Vertex) -> str:
        """The variable that a vertex is only another name for; empty if it is more."""
        links = [link for link in vertex.links if link.name is not None]
        if vertex.function is not same or len(links) != 1 or links[0].depth or vertex.name.endswith("()"):
            return ""
        self.module.origins[vertex.node] = vertex.origin
        return self._argument(vertex, links[0])[0]

    def _argument(self, vertex: Vertex, link: Link) -> tuple[str, list[str], str]:
        """The text of one argument, the variables that it needs, and the context manager to enter for it, if any."""
        names = self.chunk.names
        own = self.given.get((vertex.name, link.name or ""))
        if own is not None:
            return (f"iter({own})" if link.role is Role.STREAM else own), [own], ""
        value = Value(link.source, rank_in(link, self.module.vertices, self.body.axes))
        name = names[value]
        if not link.depth:
            return name, [name], ""
        if value in self.streamed:
            return self._stream(value, link)
        shared = self.uses[value] > 1 or value not in self.made
        compacted = f"compact({name}, {link.depth})"
        text = f"({name}{'[:]' if shared else ''} if not r.holes else {compacted})"
        if shared and link.depth > 1:
            text = compacted  # which copies inner lists too: they are the function's own
        return (f"iter({text})" if link.role is Role.STREAM else text), [name], ""

    def _stream(self, value: Value, link: Link) -> tuple[str, list[str], str]:
        fan = self.streamed[value]
        call, reads = self._loop_text(fan, stream=link.depth)
        name = f"s_{_identifier(value.name)}"
        return name, reads, f"with closing({call}) as {name}: "

    def _loop_call(self, fan: Fan) -> Step:
        call, reads = self._loop_text(fan)
        targets = tuple(self.chunk.names[reading.outer] for reading in fan.outputs)
        return Step(fan.axis, 0, f"{', '.join(targets)} = {call}", tuple(reads), targets)

    def _loop_text(self, fan: Fan, stream: int = 0) -> tuple[str, list[str]]:
        names = self.chunk.names
        name = f"loop_{len(self.module.chunks)}"
        _Loop(self.module, fan, [reading.inner for reading in fan.outputs], stream=stream).write(name)
        own = [names[Value(call_of(fan.axis), 0)]] if fan.fresh else []
        lists = [*own, *(names[reading.outer] for reading in fan.aligned)]
        captured = [names[value] for value in fan.captured]
        return f"{name}({', '.join(['r', 'where', 'i', *lists, *captured])})", lists[:1]
