"""Layout changes nothing, and everything else does: shown on the standard library."""

import ast
import os
import random
import types
import warnings
from collections import defaultdict
from pathlib import Path

import pytest

from anabranch.versions.bytecode import canonical
from anabranch.versions.references import Reference, references_of

LIBRARY = sorted(path for path in Path(os.__file__).parent.glob("*.py"))


def codes(code):
    """The code objects of functions and classes inside, in order."""
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            yield constant
            yield from codes(constant)


def compiled(source, name="<text>"):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return list(codes(compile(source, name, "exec")))


def on_one_line(tree):
    for node in ast.walk(tree):
        if hasattr(node, "lineno"):
            node.lineno = node.end_lineno = 1
            node.col_offset = node.end_col_offset = 0
    return tree


@pytest.mark.parametrize("path", random.Random(5).sample(LIBRARY, 25), ids=lambda path: path.stem)
def test_no_layout_of_the_standard_library_shows(path):
    text = path.read_text(encoding="utf-8")
    plain = compiled(text)
    tidied = compiled(ast.unparse(ast.parse(text)))
    assert [canonical(code) for code in plain] == [canonical(code) for code in tidied]
    flat = compiled(on_one_line(ast.parse(text)))
    if len(flat) == len(plain):  # equal lambdas on one line become one constant
        assert [canonical(code) for code in plain] == [canonical(code) for code in flat]


class Bare(ast.NodeTransformer):
    """A function's text without what does not run."""

    def visit_FunctionDef(self, node):
        self.generic_visit(node)
        arguments = node.args
        for each in (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs, arguments.vararg, arguments.kwarg):
            if each is not None:
                each.annotation = None
        first = node.body[0]
        if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant):
            node.body = node.body[1:]
        node.returns = None
        return node


def test_different_functions_of_the_standard_library_differ():
    found = defaultdict(set)
    for path in LIBRARY:
        text = path.read_text(encoding="utf-8")
        by_place = {(code.co_firstlineno, code.co_name): code for code in compiled(text)}
        for node in ast.walk(Bare().visit(ast.parse(text))):
            if isinstance(node, ast.FunctionDef):
                line = min([node.lineno, *(each.lineno for each in node.decorator_list)])
                if (line, node.name) in by_place and len(ast.dump(ast.Module(node.body, []))) > 300:
                    names = ast.dump(node.args, include_attributes=False)
                    found[canonical(by_place[line, node.name])].add(
                        (node.name, names.partition("defaults")[0], ast.dump(ast.Module(node.body, [])))
                    )
    assert len(found) > 3000
    alike = [{name for name, _, _ in texts} for texts in found.values() if len({body for _, _, body in texts}) > 1]
    assert alike in ([], [{"__next__"}])  # "if line: return line" and "if not line: raise", each followed by the other


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("f(a=1)", "f(b=1)"),
        ("x.a", "x.b"),
        ("x[1:2]", "x[1:3]"),
        ("x in {1, 2}", "x in {1, 3}"),
        ("x in {1, 2}", "x in (1, 2)"),
        ("0.0", "-0.0"),
        ("1", "1.0"),
        ("1j", "1.0"),
        ("b'a'", "'a'"),
        ("(1, 2)", "(1, True)"),
        ("not x", "x"),
        ("x and y or z", "x and (y or z)"),
        ("x if y else z", "z if y else x"),
        ("x is None", "x is not None"),
        ("f'{x}'", "f'{x!r}'"),
        ("f'{x:3}'", "f'{x:4}'"),
        ("[i for i in x]", "{i for i in x}"),
        ("[i for i in x]", "(i for i in x)"),
        ("lambda: 1", "lambda: 2"),
        ("lambda a, /: 1", "lambda a: 1"),
        ("lambda a=1: 1", "lambda a=2: 1"),
        ("x + y", "y + x"),
        ("x < y < z", "x < y and z"),
        ("...", "None"),
        ("f(*x)", "f(x)"),
        ("f(**x)", "f(*x)"),
        ("await_(x)", "(yield x)"),
    ],
)
def test_small_things_count(one, other):
    first, second = (compiled(f"def f(x, y, z):\n    return {text}")[0] for text in (one, other))
    assert canonical(first) != canonical(second)


LOOPS = [
    "while x: f()",
    "while True: f()",
    "for x in y: f()",
    "for x in y:\n    if x: break\nelse: f()",
    "for x in y:\n    if x: continue\n    f()",
    "try: f()\nexcept A: g()",
    "try: f()\nexcept A: h()",
    "try: f()\nexcept (A, B): g()",
    "try: f()\nfinally: g()",
    "try: f()\nexcept A: g()\nelse: h()",
    "try: f()\nexcept* A: g()",
    "with f() as a: g()",
    "with f(): g()",
    "match x:\n    case 1: f()",
    "match x:\n    case 2: f()",
    "match x:\n    case {'a': b}: f()",
    "global x\nx = 1",
    "x = 1",
    "del x",
    "assert x",
    "assert x, y",
    "raise x",
    "raise x from y",
    "import a",
    "import b",
    "from a import x",
    "from .a import x",
    "return",
    "yield",
    "yield from x",
]


def test_statements_differ():
    made = [
        canonical(compiled("def f(y=None):\n" + "\n".join(f"    {line}" for line in text.split("\n")))[0]) for text in LOOPS
    ]
    made.remove(canonical(compiled("def f(y=None):\n    return")[0]))
    assert len(set(made)) == len(made)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("return a.b.c(d)", [Reference("a", ("b", "c")), Reference("d")]),
        ("return [a.b for x in y]", [Reference("y"), Reference("a", ("b",))]),
        ("import a\n    return a.b", [Reference("a", ("b",), 0)]),
        ("import a.b\n    return a.b.c", [Reference("a", ("b", "c"), 0)]),
        ("import a.b.c as d\n    return d.e", [Reference("a.b.c", ("e",), 0)]),
        ("from a import b as c\n    return c.d", [Reference("a", ("b",), 0)]),
        ("from ..a import b\n    return b", [Reference("a", ("b",), 2)]),
        ("from . import a\n    return a", [Reference("", ("a",), 1)]),
        ("import a\n    return lambda: a.b", [Reference("a", ("b",), 0)]),
        ("import a\n    return a", [Reference("a", (), 0)]),
        ("a.b = 1", [Reference("a", ("b",))]),
        ("class C(a.B):\n        d = e", [Reference("a", ("B",)), Reference("__name__"), Reference("e")]),
    ],
)
def test_references(text, expected):
    assert references_of(compiled(f"def f():\n    {text}")[0]) == expected
