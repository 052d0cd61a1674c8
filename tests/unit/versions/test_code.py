"""The version of a function changes with what it calls, and with nothing else."""

import functools
import json
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

from anabranch.versions import CodeVersion, Scope, Versions, changes

Make = Callable[..., ModuleType]


def version(function, **scope):
    return Versions(Scope.of(**scope)).of_code(function)


def digest(function, **scope):
    return version(function, **scope).digest


SAME = {
    "comments and layout": (
        "def f(x):\n    if x > 1 and x < 9 or x == 20:\n        return x + 1\n    return [y for y in range(x) if y]\n",
        "# new\n\ndef f(\n    x,\n):\n    # why\n    if (x > 1\n            and x < 9\n            or x == 20): return x + 1\n\n    return [\n        y\n        for y in range(x)\n        if y\n    ]\n",
    ),
    "docstrings": (
        'def f(x):\n    "Says one thing."\n    def g():\n        """Inner."""\n        return x\n    return g()\n',
        'def f(x):\n    """Says another.\n\n    At length.\n    """\n    def g():\n        return x\n    return g()\n',
    ),
    "the place in the file": (
        "def f(x): return h(x)\ndef h(x): return x\n",
        "import os\n\n\ndef h(x): return x\ndef f(x): return h(x)\n",
    ),
    "a class's docstring and order": (
        'class C:\n    "A."\n    a = 1\n    def m(self): return 1\n    def n(self): return 2\ndef f(): return C().m()\n',
        "class C:\n    def n(self): return 2\n    def m(self): return 1\n    a = 1\n\ndef f(): return C().m()\n",
    ),
    "a class inside": (
        'def f():\n    class C:\n        "doc"\n        def m(self): return 1\n    return C().m()\n',
        "\n\ndef f():\n\n    class C:\n\n        def m(self):\n            return 1\n    return C().m()\n",
    ),
    "annotations": ("def f(x: int) -> int:\n    y: int = x\n    return y\n", "def f(x):\n    y = x\n    return y\n"),
    "what is not used": ("K = 1\ndef h(): return K\ndef f(): return 3\n", "K = 2\ndef h(): return -K\ndef f(): return 3\n"),
    "quotes and numbers": ("def f(): return 'a' 'b', 1000\n", 'def f():\n    return "ab", 1_000\n'),
    "an order of keywords of a table that is a set": (
        "T = {'a', 'b', 'c'}\ndef f(): return T\n",
        "T = {'c', 'b', 'a'}\ndef f(): return T\n",
    ),
    "a lock": (
        "import threading\nL = threading.Lock()\ndef f(): return L\n",
        "import threading\nL = threading.Lock()\nL.acquire()\ndef f(): return L\n",
    ),
    "a sentinel": ("S = object()\ndef f(x=S): return x is S\n", "S = object()\ndef f(x=S): return x is S\n"),
}


@pytest.mark.parametrize("name", SAME)
def test_it_stays(make: Make, name: str):
    before, after = SAME[name]
    old = version(make(flow=before).f)
    new = version(make(flow=after).f)
    assert old == new
    assert changes(old, new) == []


CHANGED = {
    "the body": ("def f(x): return x + 1\n", "def f(x): return x + 2\n", "function 'flow.f'"),
    "the type of a constant": ("def f(x): return x + 1\n", "def f(x): return x + 1.0\n", "function 'flow.f'"),
    "a bool for a number": ("def f(x): return 1\n", "def f(x): return True\n", "function 'flow.f'"),
    "a keyword": (
        "def g(**k): return k\ndef f(): return g(a=1)\n",
        "def g(**k): return k\ndef f(): return g(b=1)\n",
        "function 'flow.f'",
    ),
    "a comparison": ("def f(x): return x < 1\n", "def f(x): return x <= 1\n", "function 'flow.f'"),
    "and for or": ("def f(x, y): return x and y\n", "def f(x, y): return x or y\n", "function 'flow.f'"),
    "what is caught": (
        "def f(x):\n    try:\n        return x()\n    except ValueError:\n        return 1\n",
        "def f(x):\n    try:\n        return x()\n    except KeyError:\n        return 1\n",
        "function 'flow.f'",
    ),
    "how much is tried": (
        "def f(x):\n    try:\n        y = x()\n        y()\n    except ValueError:\n        return 1\n",
        "def f(x):\n    y = x()\n    try:\n        y()\n    except ValueError:\n        return 1\n",
        "function 'flow.f'",
    ),
    "the number of parameters": ("def f(x, y): return x\n", "def f(x, *y): return x\n", "function 'flow.f'"),
    "yield for return": ("def f(x):\n    yield x\n", "def f(x):\n    return x\n", "function 'flow.f'"),
    "a default": ("def f(x=1): return x\n", "def f(x=2): return x\n", "default 'flow.f(x)'"),
    "a keyword's default": ("def f(*, x=1): return x\n", "def f(*, x=[2]): return x\n", "default 'flow.f(x)'"),
    "a helper": (
        "def h(x): return x\ndef f(x): return h(x)\n",
        "def h(x): return -x\ndef f(x): return h(x)\n",
        "function 'flow.h'",
    ),
    "a helper's helper": (
        "def a(): return 1\ndef b(): return a()\ndef f(): return b()\n",
        "def a(): return 2\ndef b(): return a()\ndef f(): return b()\n",
        "function 'flow.a'",
    ),
    "a helper in a comprehension": (
        "def h(x): return x\ndef f(x): return [h(y) for y in x]\n",
        "def h(x): return -x\ndef f(x): return [h(y) for y in x]\n",
        "function 'flow.h'",
    ),
    "a lambda that is a global": (
        "h = lambda x: x\ndef f(x): return h(x)\n",
        "h = lambda x: -x\ndef f(x): return h(x)\n",
        "function 'flow.<lambda>'",
    ),
    "a constant": ("K = 1\ndef f(): return K\n", "K = 2\ndef f(): return K\n", "global 'flow.K'"),
    "a constant's type": ("K = 1\ndef f(): return K\n", "K = True\ndef f(): return K\n", "global 'flow.K'"),
    "a table": ("T = {'a': [1]}\ndef f(): return T\n", "T = {'a': [2]}\ndef f(): return T\n", "global 'flow.T'"),
    "a table's order": (
        "T = {'a': 1, 'b': 1}\ndef f(): return T\n",
        "T = {'b': 1, 'a': 1}\ndef f(): return T\n",
        "global 'flow.T'",
    ),
    "a helper in a table": (
        "def h(): return 1\nT = {'a': h}\ndef f(): return T\n",
        "def h(): return 2\nT = {'a': h}\ndef f(): return T\n",
        "function 'flow.h'",
    ),
    "a closure's value": (
        "def m(n):\n    def f(x): return x + n\n    return f\nf = m(1)\n",
        "def m(n):\n    def f(x): return x + n\n    return f\nf = m(2)\n",
        "closure 'flow.m.<locals>.f.n'",
    ),
    "a closure's function": (
        "def m(g):\n    def f(x): return g(x)\n    return f\nf = m(lambda x: x)\n",
        "def m(g):\n    def f(x): return g(x)\n    return f\nf = m(lambda x: -x)\n",
        "function 'flow.<lambda>'",
    ),
    "a partial's argument": (
        "import functools\ndef h(a, b): return a\nf = functools.partial(h, 1)\n",
        "import functools\ndef h(a, b): return a\nf = functools.partial(h, 2)\n",
        "value 'partial'",
    ),
    "a partial's function": (
        "import functools\ndef h(a, b): return a\nf = functools.partial(h, 1)\n",
        "import functools\ndef h(a, b): return b\nf = functools.partial(h, 1)\n",
        "function 'flow.h'",
    ),
    "a decorated function": (
        "import functools\ndef d(g):\n    @functools.wraps(g)\n    def w(x): return g(x)\n    return w\n@d\ndef f(x): return x\n",
        "import functools\ndef d(g):\n    @functools.wraps(g)\n    def w(x): return g(x)\n    return w\n@d\ndef f(x): return -x\n",
        "function 'flow.f#2'",
    ),
    "a decorator": (
        "import functools\ndef d(g):\n    @functools.wraps(g)\n    def w(x): return g(x)\n    return w\n@d\ndef f(x): return x\n",
        "import functools\ndef d(g):\n    @functools.wraps(g)\n    def w(x): return -g(x)\n    return w\n@d\ndef f(x): return x\n",
        "function 'flow.f'",
    ),
    "a cached helper": (
        "import functools\n@functools.lru_cache\ndef h(x): return x\ndef f(x): return h(x)\n",
        "import functools\n@functools.lru_cache\ndef h(x): return -x\ndef f(x): return h(x)\n",
        "function 'flow.h'",
    ),
    "a single dispatch": (
        "import functools\n@functools.singledispatch\ndef h(x): return x\n@h.register\ndef _(x: int): return 1\ndef f(x): return h(x)\n",
        "import functools\n@functools.singledispatch\ndef h(x): return x\n@h.register\ndef _(x: int): return 2\ndef f(x): return h(x)\n",
        "function 'flow._'",
    ),
    "a method": (
        "class C:\n    def m(self): return 1\ndef f(): return C().m()\n",
        "class C:\n    def m(self): return 2\ndef f(): return C().m()\n",
        "function 'flow.C.m'",
    ),
    "a property": (
        "class C:\n    @property\n    def m(self): return 1\ndef f(): return C().m\n",
        "class C:\n    @property\n    def m(self): return 2\ndef f(): return C().m\n",
        "function 'flow.C.m'",
    ),
    "a static method": (
        "class C:\n    @staticmethod\n    def m(): return 1\ndef f(): return C.m()\n",
        "class C:\n    @staticmethod\n    def m(): return 2\ndef f(): return C.m()\n",
        "function 'flow.C.m'",
    ),
    "a class method": (
        "class C:\n    @classmethod\n    def m(cls): return 1\ndef f(): return C.m()\n",
        "class C:\n    @classmethod\n    def m(cls): return 2\ndef f(): return C.m()\n",
        "function 'flow.C.m'",
    ),
    "a class attribute": (
        "class C:\n    a = 1\ndef f(): return C.a\n",
        "class C:\n    a = 2\ndef f(): return C.a\n",
        "global 'flow.C.a'",
    ),
    "a base's method": (
        "class B:\n    def m(self): return 1\nclass C(B): pass\ndef f(): return C().m()\n",
        "class B:\n    def m(self): return 2\nclass C(B): pass\ndef f(): return C().m()\n",
        "function 'flow.B.m'",
    ),
    "a metaclass": (
        "class M(type):\n    def __call__(cls): return 1\nclass C(metaclass=M): pass\ndef f(): return C()\n",
        "class M(type):\n    def __call__(cls): return 2\nclass C(metaclass=M): pass\ndef f(): return C()\n",
        "function 'flow.M.__call__'",
    ),
    "a method's helper": (
        "def h(): return 1\nclass C:\n    def m(self): return h()\ndef f(): return C().m()\n",
        "def h(): return 2\nclass C:\n    def m(self): return h()\ndef f(): return C().m()\n",
        "function 'flow.h'",
    ),
    "a dataclass's field": (
        "from dataclasses import dataclass\n@dataclass\nclass C:\n    a: int = 1\ndef f(): return C()\n",
        "from dataclasses import dataclass\n@dataclass\nclass C:\n    a: int = 2\ndef f(): return C()\n",
        "global 'flow.C.a'",
    ),
    "a dataclass's type": (
        "from dataclasses import dataclass\n@dataclass\nclass C:\n    a: int = 1\ndef f(): return C()\n",
        "from dataclasses import dataclass\n@dataclass\nclass C:\n    a: float = 1\ndef f(): return C()\n",
        "global 'flow.C.__annotations__'",
    ),
    "an enum": (
        "import enum\nclass E(enum.Enum):\n    A = 1\ndef f(): return E.A\n",
        "import enum\nclass E(enum.Enum):\n    A = 2\ndef f(): return E.A\n",
        "global 'flow.E.__members__'",
    ),
    "a callable instance": (
        "class C:\n    def __init__(self, n): self.n = n\n    def __call__(self): return self.n\ng = C(1)\ndef f(): return g()\n",
        "class C:\n    def __init__(self, n): self.n = n\n    def __call__(self): return self.n\ng = C(2)\ndef f(): return g()\n",
        "global 'flow.g'",
    ),
    "the class of an instance": (
        "class C:\n    def m(self): return 1\ng = C()\ndef f(): return g.m()\n",
        "class C:\n    def m(self): return 2\ng = C()\ndef f(): return g.m()\n",
        "function 'flow.C.m'",
    ),
    "what stands beside a lock": (
        "import threading\nclass C:\n    def __init__(self, n): self.n = n; self.lock = threading.Lock()\ng = C(1)\ndef f(): return g\n",
        "import threading\nclass C:\n    def __init__(self, n): self.n = n; self.lock = threading.Lock()\ng = C(2)\ndef f(): return g\n",
        "global 'flow.g'",
    ),
    "mutual recursion": (
        "def f(n): return g(n - 1) if n else 0\ndef g(n): return f(n - 1) if n else 1\n",
        "def f(n): return g(n - 1) if n else 0\ndef g(n): return f(n - 1) if n else 2\n",
        "function 'flow.g'",
    ),
    "a function's attribute": (
        "def h(): pass\nh.t = 1\ndef f(): return h.t\n",
        "def h(): pass\nh.t = 2\ndef f(): return h.t\n",
        "global 'flow.h.t'",
    ),
    "what a name stands for": (
        "def h(): return 1\ndef i(): return 1\nj = h\ndef f(): return j()\n",
        "def h(): return 1\ndef i(): return 3\nj = i\ndef f(): return j()\n",
        "function 'flow.i' is new",
    ),
    "a new helper": ("def f(): return 1\n", "def h(): return 1\ndef f(): return h()\n", "function 'flow.h' is new"),
    "a lazily made global": (
        "M = None\ndef f():\n    global M\n    if M is None: M = 1\n    return M\n",
        "M = 3\ndef f():\n    global M\n    if M is None: M = 1\n    return M\n",
        "global 'flow.M'",
    ),
}


@pytest.mark.parametrize("name", CHANGED)
def test_it_changes_and_says_what_did(make: Make, name: str):
    before, after, culprit = CHANGED[name]
    old = version(make(flow=before).f)
    new = version(make(flow=after).f)
    assert old.digest != new.digest
    assert any(culprit in line for line in changes(old, new)), changes(old, new)


HELPERS = {
    "import helpers\ndef f(x): return helpers.clean(x)\n",
    "import helpers as h\ndef f(x): return h.clean(x)\n",
    "from helpers import clean\ndef f(x): return clean(x)\n",
    "def f(x):\n    import helpers\n    return helpers.clean(x)\n",
    "def f(x):\n    import helpers as h\n    return [h.clean(y) for y in x]\n",
    "def f(x):\n    from helpers import clean\n    return clean(x)\n",
    "def f(x):\n    from helpers import clean as tidy, unused\n    return tidy(x)\n",
    "import helpers\ndef f(x): return getattr(helpers, 'cl' + 'ean')(x)\n",
    "def f(x):\n    import helpers\n    return vars(helpers)['clean'](x)\n",
    "import helpers\nTOOLS = [helpers]\ndef f(x): return TOOLS[0].clean(x)\n",
}
FIRST = "def clean(x): return x\ndef unused(): return 1\n"


@pytest.mark.parametrize("flow", sorted(HELPERS))
def test_a_helper_in_another_module(make: Make, flow: str):
    old = version(make(flow=flow, helpers=FIRST).f)
    assert version(make(flow=flow, helpers="# tidied\n\n" + FIRST).f) == old
    new = version(make(flow=flow, helpers=FIRST.replace("return x", "return -x")).f)
    assert old.digest != new.digest
    assert "function 'helpers.clean' changed" in changes(old, new)


def test_only_what_is_taken_of_a_module_counts(make: Make):
    flow = "import helpers\ndef f(x): return helpers.clean(x)\n"
    old = digest(make(flow=flow, helpers=FIRST).f)
    assert digest(make(flow=flow, helpers=FIRST + "def more(): pass\nK = 3\n").f) == old
    whole = "import helpers\ndef f(x): return dir(helpers)\n"
    old = digest(make(flow=whole, helpers=FIRST).f)
    assert digest(make(flow=whole, helpers=FIRST + "K = 3\n").f) != old


PACKAGE = {
    "pkg.flow": """
from . import helpers
from .deep import twice
def f(x):
    from .late import more
    return helpers.clean(twice(more(x)))
""",
    "pkg.__init__": "",
    "pkg.helpers": FIRST,
    "pkg.deep": "def twice(x): return 2 * x\n",
    "pkg.late": "def more(x): return x + 1\n",
}


@pytest.mark.parametrize(
    ("name", "text", "culprit"),
    [
        ("pkg.helpers", FIRST.replace("return x", "return 0"), "pkg.helpers.clean"),
        ("pkg.deep", "def twice(x): return 3 * x\n", "pkg.deep.twice"),
        ("pkg.late", "def more(x): return x\n", "pkg.late.more"),
    ],
)
def test_packages_and_relative_imports(make: Make, name: str, text: str, culprit: str):
    old = version(make(**PACKAGE).f)
    assert version(make(**PACKAGE).f) == old
    assert changes(old, version(make(**{**PACKAGE, name: text}).f)) == [f"function '{culprit}' changed"]


def test_names_that_are_not_there_yet(make: Make):
    module = make(flow="def f(): return later()\n")
    first = digest(module.f)
    exec("def later(): return 1", vars(module))
    assert digest(module.f) != first


def test_a_module_that_is_reloaded_or_patched_is_seen(make: Make):
    module = make(flow="def h(): return 1\ndef f(): return h()\n")
    first = digest(module.f)
    module.h = lambda: 2
    second = digest(module.f)
    assert first != second
    module.h.__code__ = (lambda: 3).__code__
    assert digest(module.f) not in (first, second)


def test_a_version_is_of_one_moment(make: Make):
    module = make(flow="def h(): return 1\ndef f(): return h()\n")
    versions = Versions()
    first = versions.of_code(module.f)
    module.h = lambda: 2
    assert versions.of_code(module.f) is first, "a run's code does not change while it runs"


def test_libraries_count_by_name_or_by_version():
    import json as library

    def f(x):
        return library.dumps(x)

    def g(x):
        return library.loads(x)

    def h(x):
        return pytest.raises(x)

    assert digest(f) != digest(g)
    assert not any("json" in part.name and part.kind == "function" for part in version(f).parts)
    assert digest(h) != digest(h, packages=["pytest"])
    assert digest(h, packages=["*"]) == digest(h, packages=["pytest"])
    assert digest(f, packages=["pytest"]) == digest(f)


def test_a_library_that_is_included_counts_by_its_code():
    from json import decoder

    def f(x):
        return decoder.py_scanstring(x)

    assert any(part.name.startswith("json.decoder") and part.kind == "function" for part in version(f, include=["json"]).parts)


def test_what_is_ignored_does_not_count(make: Make):
    flow = "import helpers\nDEBUG = {debug}\ndef log(x): return {log}\ndef f(x):\n    log(DEBUG)\n    return helpers.clean(x)\n"
    one, two = flow.format(debug=1, log=1), flow.format(debug=2, log=2)
    ignore = ["flow.log", "DEBUG", "helpers"]
    old = digest(make(flow=one, helpers=FIRST).f, ignore=ignore)
    assert digest(make(flow=two, helpers=FIRST.replace("return x", "return 1")).f, ignore=ignore) == old
    assert digest(make(flow=two, helpers=FIRST).f, ignore=["DEBUG"]) != digest(
        make(flow=one, helpers=FIRST).f, ignore=["DEBUG"]
    )
    with pytest.raises(Exception, match="ignore is a list of names"):
        Scope.of(ignore="log")


def test_a_pinned_version_is_all_that_counts(make: Make):
    text = "from anabranch.function_modifiers import cache\nK = {k}\n@cache(version='{v}')\ndef h(): return K\ndef f(): return h()\n"
    first = digest(make(flow=text.format(k=1, v="a")).f)
    assert digest(make(flow=text.format(k=2, v="a")).f) == first
    assert digest(make(flow=text.format(k=1, v="b")).f) != first
    versions = Versions()
    assert versions.of_pin("f", "a").digest == versions.of_pin("f", "a").digest != versions.of_pin("f", "b").digest
    assert changes(versions.of_pin("f", "a"), versions.of_pin("f", "b")) == ["function 'f' changed"]


def test_a_library_s_wrapper_is_looked_through(make: Make):
    text = "import contextlib\n@contextlib.contextmanager\ndef f():\n    yield {}\n"
    assert digest(make(flow=text.format(1)).f) != digest(make(flow=text.format(2)).f)


def test_code_without_a_file():
    def made(text):
        space = {"__name__": "__main__"}
        exec(text, space)
        return space["f"]

    one = digest(made("def h(): return 1\ndef f(): return h()"))
    assert digest(made("# a cell\ndef h():\n    return 1\n\ndef f():\n    return h()")) == one
    assert digest(made("def h(): return 2\ndef f(): return h()")) != one


def test_cycles_through_data_and_classes(make: Make):
    text = "class C:\n    def m(self): return DEFAULT, C, f\nDEFAULT = C()\nDEFAULT.me = [DEFAULT]\ndef f(): return DEFAULT.m(), {}\n"
    assert digest(make(flow=text.format(1)).f) == digest(make(flow=text.format(1)).f)
    assert digest(make(flow=text.format(1)).f) != digest(make(flow=text.format(2)).f)


def test_a_closure_that_calls_itself():
    def outer(n):
        def inner(x):
            return inner(x - n) if x else 0

        return inner

    assert digest(outer(1)) == digest(outer(1))
    assert digest(outer(1)) != digest(outer(2))


def test_bound_methods_classes_and_instances(make: Make):
    text = "import threading\nclass C:\n    def __init__(self, n): self.n = n\n    def m(self): return {}\n"
    one, two = make(flow=text.format(1)), make(flow=text.format(2))
    assert digest(one.C(1).m) == digest(one.C(1).m)
    assert len({digest(one.C(1).m), digest(one.C(2).m), digest(two.C(1).m)}) == 3
    assert digest(one.C) != digest(two.C)
    assert digest(functools.partial(one.C, 1)) != digest(functools.partial(one.C, 2))


FLOW = """
import dataclasses, enum, functools
from helpers import clean
RATES = {"a": {1, 2, "x"}, "b": frozenset("hello")}
class Kind(enum.Enum):
    A = 1
    B = 2
class Slotted:
    __slots__ = ("of", "more")
    def __init__(self, of): self.more, self.of = 1, type(of).__name__
@dataclasses.dataclass
class Order:
    price: float = 1.0
    kinds: set = dataclasses.field(default_factory=set)
    def __post_init__(self): self.slotted = Slotted(self)
    def total(self): return self.price * len(RATES)
def outer(n):
    def inner(x): return [clean(y) + n for y in x]
    return inner
inner = outer(3)
@functools.lru_cache
def cached(x): return x
def f(order=Order(2.0, {Kind.A, Kind.B})):
    return inner([order.total()]), cached(1), RATES, Kind.A
"""
PRINT = """
import json, sys
sys.path.insert(0, sys.argv[1])
from anabranch.versions import Versions
if sys.argv[2] == "import":
    import flow
    f = flow.f
else:
    exec(compile(open(sys.argv[1] + "/flow.py").read(), sys.argv[1] + "/flow.py", "exec"))
print(json.dumps(Versions().of_code(f).digest.hex()))
"""


def test_it_is_the_same_in_every_process(tmp_path: Path):
    found = set()
    for seed, place, how in [("0", "a", "import"), ("1", "b/deep", "import"), ("2", "a", "import"), ("3", "b/deep", "main")]:
        folder = tmp_path / place
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "flow.py").write_text(FLOW)
        (folder / "helpers.py").write_text(FIRST)
        done = subprocess.run(
            [sys.executable, "-c", PRINT, str(folder), how],
            env={"PYTHONHASHSEED": seed, "PYTHONPATH": ":".join(sys.path)},
            capture_output=True,
            text=True,
            check=True,
        )
        found.add(json.loads(done.stdout))
    assert len(found) == 1


SEND = """
import sys, cloudpickle
from anabranch.versions import Versions
versions = Versions()
given = (f, versions.of_code(f).digest, Order(3.0), versions.of_data(Order(3.0)), versions.of_data(Kind.B))
sys.stdout.buffer.write(cloudpickle.dumps((*given, Kind)))
"""
TAKE = """
import sys, pickle
from anabranch.versions import Versions
f, code, order, data, member, Kind = pickle.loads(sys.stdin.buffer.read())
versions = Versions()
print(versions.of_code(f).digest == code, versions.of_data(order) == data, versions.of_data(Kind.B) == member)
"""


def test_a_worker_that_got_it_by_value_says_the_same(tmp_path: Path):
    script = tmp_path / "script.py"
    flow = FLOW.replace("from helpers import clean", FIRST).replace("@functools.lru_cache", "")  # cloudpickle cannot send it
    script.write_text(flow + SEND)
    sent = subprocess.run([sys.executable, script], capture_output=True, check=True).stdout
    script.unlink()
    done = subprocess.run([sys.executable, "-c", TAKE], input=sent, capture_output=True, check=True)
    assert done.stdout.split() == [b"True"] * 3


def test_it_is_kept_as_text(make: Make):
    old = version(make(flow="K = 1\ndef f(): return K\n").f)
    new = version(make(flow="K = 2\ndef f(): return K\n").f)
    assert CodeVersion.of_text(old.as_text()) == old
    assert changes(CodeVersion.of_text(old.as_text()), new) == ["global 'flow.K' changed"]
    for text in ("", "{}", "[]", '{"digest": 1, "parts": []}', '{"digest": "aa", "parts": [["a"]]}'):
        with pytest.raises(ValueError):
            CodeVersion.of_text(text)


def test_threads_may_ask_at_once():
    found = []

    def ask():
        found.append(digest(json.dumps, include=["json"]))

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(found)) == 1
