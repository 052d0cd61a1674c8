"""Every mistake a user can make gets one clear error: what, which function, which file and line, what to do now.

What can be seen before a run is said before a run: each flow counts its calls, and there must be none.
"""

from __future__ import annotations

import importlib
import re
import subprocess
import sys
import textwrap
import threading
import time
import traceback
from itertools import count

import pytest

from anabranch import (
    AnabranchError,
    Builder,
    ExecutorError,
    FlowError,
    ForeignError,
    InputError,
    Parallelizable,
    PerItem,
    TransferError,
    WorkerLost,
    module_from_functions,
)
from anabranch_executors.processes import ProcessExecutor
from anabranch_executors.threads import ThreadExecutor

HEADER = (
    "from __future__ import annotations; import os, signal, sys, threading; from typing import Any; "
    "from anabranch import *; from anabranch.function_modifiers import config; CALLS = []; _ran = CALLS.append\n"
)
_numbers = count()


@pytest.fixture
def flow(tmp_path, monkeypatch):
    """Makes a module of a flow's text, as a file that workers can import."""
    monkeypatch.syspath_prepend(tmp_path)
    made = []

    def make(source, name=None):
        name = name or f"bad_input_flow_{next(_numbers)}"
        (tmp_path / f"{name}.py").write_text(HEADER + textwrap.dedent(source))
        importlib.invalidate_caches()
        made.append(name)
        return importlib.import_module(name)

    yield make
    for name in made:
        sys.modules.pop(name, None)


@pytest.fixture(scope="module")
def pools():
    """Executors with workers, which start when they are first needed."""
    found = {"threads": ThreadExecutor(workers=2), "processes": ProcessExecutor(workers=2)}
    yield found
    for executor in found.values():
        executor.close()


@pytest.fixture
def processes(pools):
    return pools["processes"]


@pytest.fixture
def threads(pools):
    return pools["threads"]


@pytest.fixture(params=["sequential", "threads", "processes"])
def executor(request, pools):
    """The three executors that need no cluster."""
    return pools.get(request.param, request.param)


def place(function):
    """Where a function is written, as messages name it."""
    return f"{function.__code__.co_filename}:{function.__code__.co_firstlineno}"


def build(*modules, executor="sequential", **config):
    return Builder().with_modules(*modules).with_config(config).with_executor(executor).build()


def refused(kind, action, *arguments, **options):
    """The text of the error; nothing less will do."""
    with pytest.raises(kind) as caught:
        action(*arguments, **options)
    assert type(caught.value) is kind
    assert "bug in anabranch" not in str(caught.value)
    return str(caught.value)


SQUARES = """
def number(limit: int) -> Parallelizable[int]:
    _ran("number")
    yield from range(limit)

def square(number: int) -> int:
    _ran("square")
    return number * number

def total(square: Collect[int]) -> int:
    _ran("total")
    return sum(square)
"""


# -- the functions make no dataflow --------------------------------------------------------------------------------


def test_a_cycle_is_shown_with_every_function_on_it(flow):
    module = flow("def a(b: int) -> int: ...\ndef b(c: int) -> int: ...\ndef c(a: int) -> int: ...\ndef d(a: int) -> int: ...")
    text = refused(FlowError, build, module)
    assert re.search("a → b → c → a|b → c → a → b|c → a → b → c", text)
    assert all(f"'{f.__name__}' ({place(f)})" in text for f in (module.a, module.b, module.c))
    assert place(module.d) not in text
    assert "one parameter must go" in text


def test_a_function_that_reads_itself_is_a_cycle(flow):
    module = flow("def a(a: int) -> int: ...")
    assert f"a → a; one parameter must go:\n  'a' ({place(module.a)})" in refused(FlowError, build, module)


def test_an_unknown_parameter_names_its_reader_and_the_nearest_name(flow):
    module = flow("def price(x: int) -> int:\n    _ran(1)\n\ndef total(prise: int) -> int:\n    _ran(2)\n")
    text = refused(InputError, build(module).execute, ["total"], {"x": 1})
    assert f"'prise' (int), needed by 'total' ({place(module.total)}); did you mean 'price'?" in text
    assert "inputs={…}" in text
    assert module.CALLS == []


def test_a_function_written_twice_in_a_file(flow):
    module = flow("def a() -> int:\n    return 1\n\ndef b(a: int) -> int:\n    return a\n\ndef a() -> int:\n    return 2\n")
    text = refused(FlowError, build, module)
    assert f"two functions are called 'a': {module.__file__}:2 and {module.__file__}:8" in text
    assert "rename one" in text


def test_one_name_in_two_modules(flow):
    first, second = flow("def a() -> int: ..."), flow("def a() -> int: ...")
    text = refused(FlowError, build, first, second)
    assert f"two functions are called 'a': {place(first.a)} and {place(second.a)}; rename one" in text
    assert "allow_module_overrides" in text


def test_one_name_twice_in_module_from_functions():
    def make():
        def twin() -> int: ...

        return twin

    def twin() -> int: ...

    other = make()
    text = refused(FlowError, module_from_functions, twin, other)
    assert f"two functions are called 'twin': {place(twin)} and {place(other)}; rename one" in text


def test_a_lambda_is_no_node():
    nameless = lambda: 1
    text = refused(FlowError, module_from_functions, nameless)
    assert f"'<lambda>' ({place(nameless)}) has no name to make a node of; define it with def" in text


@pytest.mark.parametrize(
    ("thing", "kind"),
    [(len, "'len', a builtin_function"), (str, "'str', a type"), ("x".join, "'join', a builtin_function"), (3, "a int")],
)
def test_what_is_no_function_is_no_node(thing, kind):
    text = refused(FlowError, module_from_functions, thing)
    assert f"module_from_functions takes functions, not {kind}" in text
    assert "define one with def that uses it" in text


def test_modules_without_any_node(flow):
    nothing = flow("from statistics import mean\n@config.when(region='eu')\ndef price() -> int: ...\ndef _own() -> int: ...")
    text = refused(FlowError, build, nothing, region="us")
    assert f"'{nothing.__name__}' gives no node" in text
    assert "imported ones are none" in text


def test_two_alternatives_that_the_config_lets_in(flow):
    module = flow(
        "@config.when(region='eu')\ndef price__eu() -> int: ...\n\n@config.when_not(region='us')\ndef price__all() -> int: ...\n"
    )
    text = refused(FlowError, build, module, region="eu")
    assert f"two functions are called 'price': {place(module.price__eu)} and {place(module.price__all)}" in text
    assert "region is given" in text
    assert "make their conditions exclude each other" in text


def test_a_config_value_with_the_name_of_a_function(flow):
    module = flow(SQUARES)
    text = refused(FlowError, build, module, total=3)
    assert f"'total' ({place(module.total)}) has the name of a config value; rename one" in text


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("def e() -> Parallelizable: ...", "return is a bare Parallelizable; say the type of an item: Parallelizable[int]"),
        ("def e(x: Collect) -> int: ...", "parameter 'x' is a bare Collect; say the type of an item: Collect[int]"),
        ("def e(x: Stream) -> int: ...", "parameter 'x' is a bare Stream; say the type of an item: Stream[int]"),
        ("def e(x):\n    yield x", "yields but does not say what it returns; write '-> Parallelizable[T]'"),
        ("def e(x) -> int:\n    yield x", "yields but says that it returns int; write '-> Parallelizable[T]'"),
        ("def e(x: Parallelizable[int]) -> int: ...", "parameter 'x' is Parallelizable, which belongs on a return"),
        ("def e() -> Collect[int]: ...", "returns Collect, which belongs on a parameter; return a list"),
        ("def e() -> Parallelizable[Parallelizable[int]]: ...", "opens one axis; for two, let a second function expand"),
        ("def e() -> Parallelizable[int] | None: ...", "the return annotation has Parallelizable inside of"),
        ("def e() -> list[Parallelizable[int]]: ...", "Parallelizable[…] must be the outermost"),
        ("def e(x: Collect[int] | None = None) -> int: ...", "the annotation of parameter 'x' has Collect inside of"),
        ("def e(x: Collect[Stream[int]]) -> int: ...", "parameter 'x' nests Stream inside Collect; Stream must be outermost"),
        ("@associative\ndef e(x: int) -> int: ...", "is @associative and must have exactly one Collect parameter"),
    ],
)
def test_an_annotation_that_is_missing_or_makes_no_sense(flow, source, words):
    module = flow(source)
    text = refused(FlowError, build, module)
    assert f"'e' ({place(module.e)})" in text
    assert words in text


def test_an_annotation_that_cannot_be_read(flow):
    module = flow("def e(x: 1 / 0) -> int: ...")
    text = refused(FlowError, build, module)
    assert place(module.e) in text
    assert "parameter 'x'" in text
    assert "ZeroDivisionError" in text
    assert "correct it or leave it out" in text


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("def a() -> int: ...\ndef c(a: str) -> int: ...", "parameter 'a' takes str, but 'a' ({a}) returns int"),
        (
            "def a() -> Parallelizable[int]: ...\ndef c(a: str) -> int: ...",
            "parameter 'a' takes str, but 'a' ({a}) gives items of int",
        ),
        (
            "def a() -> Parallelizable[int]: ...\ndef c(a: Collect[str]) -> int: ...",
            "parameter 'a' takes items of str, but 'a' ({a}) gives items of int",
        ),
        (
            "def a() -> Parallelizable[int]: ...\ndef c(a: Stream[bytes]) -> int: ...",
            "parameter 'a' takes items of bytes, but 'a' ({a}) gives items of int",
        ),
        ("def a() -> int | None: ...\ndef c(a: int) -> int: ...", "parameter 'a' takes int, but 'a' ({a}) returns int | None"),
    ],
)
def test_a_type_that_does_not_fit_on_an_edge(flow, source, words):
    module = flow(source)
    text = refused(FlowError, build, module)
    assert f"'c' ({place(module.c)}): " + words.format(a=place(module.a)) in text


def test_collecting_what_never_fanned_out(flow):
    module = flow("def a() -> list[int]: ...\ndef c(a: Collect[int]) -> int: ...")
    text = refused(FlowError, build, module)
    assert f"'c' ({place(module.c)}): parameter 'a' is Collect of depth 1, but of 'a' ({place(module.a)})" in text
    assert "it never fanned out" in text
    assert "write '-> Parallelizable[…]' on 'a'" in text


def test_collecting_deeper_than_there_are_axes(flow):
    module = flow("def a() -> Parallelizable[int]: ...\ndef c(a: Collect[Collect[int]]) -> int: ...")
    text = refused(FlowError, build, module)
    assert f"'c' ({place(module.c)}): parameter 'a' is Collect of depth 2" in text
    assert "it runs along 'a' only; write Collect[…] for all there is" in text


def test_collecting_an_input(flow):
    module = flow("def squares() -> Parallelizable[int]: ...\ndef c(square: Collect[int]) -> int: ...")
    text = refused(FlowError, build, module)
    assert f"'c' ({place(module.c)}): parameter 'square' collects, but no function is called 'square'" in text
    assert "did you mean 'squares'?" in text
    assert "annotate it as list[…]" in text


def test_independent_axes_say_what_to_write(flow):
    module = flow(
        "def a() -> Parallelizable[int]: ...\ndef b() -> Parallelizable[int]: ...\ndef c(a: int, x: int, b: int) -> int: ...\n"
    )
    text = refused(FlowError, build, module)
    assert f"'c' ({place(module.c)}): parameters 'a' and 'b' come from independent fan-outs" in text
    assert all(word in text for word in ("@cross", "@zipped", "or collect one of them"))


def test_axes_crossed_in_two_orders(flow):
    module = flow("""
        def a() -> Parallelizable[int]: ...
        def b() -> Parallelizable[int]: ...
        @cross
        def ab(a: int, b: int) -> int: ...
        @cross
        def ba(b: int, a: int) -> int: ...
        @cross
        def both(ab: int, ba: int) -> int: ...
    """)
    text = refused(FlowError, build, module)
    assert f"'both' ({place(module.both)})" in text
    assert "'b' × 'a'" in text
    assert "'a' × 'b'" in text
    assert "cross them in the same order" in text


def test_zipping_what_differs_in_more_than_one_axis(flow):
    module = flow("""
        def a() -> Parallelizable[int]: ...
        def b() -> Parallelizable[int]: ...
        def inner(b: int) -> Parallelizable[int]: ...
        @zipped
        def c(a: int, inner: int) -> int: ...
    """)
    text = refused(FlowError, build, module)
    assert f"'c' ({place(module.c)}): @zipped" in text
    assert "'b' × 'inner'" in text


@pytest.mark.parametrize(
    ("source", "advice"),
    [
        ("async def a() -> int:\n    yield 1", "is 'async def' and yields; write '-> Parallelizable[T]'"),
        ("def a() -> Coroutine[Any, Any, int]: ...", "nobody would await; make it 'async def' and await it there"),
        ("def a() -> Awaitable[int]: ...", "nobody would await; make it 'async def' and await it there"),
    ],
    ids=["generator", "coroutine", "awaitable"],
)
def test_what_nobody_would_await(flow, source, advice):
    module = flow("from collections.abc import Awaitable, Coroutine\n" + source)
    text = refused(FlowError, build, module)
    assert f"'a' ({place(module.a)})" in text
    assert advice in text


@pytest.mark.parametrize("asked", [["a"], ["b"]], ids=["outside", "inside"])
def test_a_coroutine_that_nobody_awaits(flow, executor, asked):
    module = flow(
        "async def wait() -> int: return 1\n"
        "_wait, wait = wait, None\n"
        "def a() -> int: return _wait()\n"
        "def n() -> Parallelizable[int]: return range(3)\n"
        "def b(n: int) -> int: return _wait()\n"
    )
    with pytest.raises(FlowError, match=f"'{asked[0]}' returned a coroutine, which nobody would await; make it 'async def'"):
        build(module, executor=executor).execute(asked)


def test_what_is_no_module():
    assert "takes modules, not str; for single functions use module_from_functions" in refused(
        FlowError, Builder().with_modules, "census"
    )


def test_what_is_no_config_and_no_adapter():
    assert "config is given as a dict" in refused(InputError, Builder().with_config, ["region"])
    assert "adapters are functions that take an event, or result builders, or of a class of anabranch.lifecycle, not int" in refused(InputError, Builder().with_adapters, 3)


def test_an_alternative_without_a_condition(flow):
    with pytest.raises(FlowError, match=r"@config\.when needs at least one config key"):
        flow("@config.when()\ndef a() -> int: ...")


# -- the request does not fit --------------------------------------------------------------------------------------


@pytest.mark.parametrize("verb", ["execute", "run", "validate_execution"])
@pytest.mark.parametrize(
    ("outputs", "inputs", "overrides", "words"),
    [
        (["totl"], {"limit": 1}, {}, "unknown output 'totl'; did you mean 'total'?"),
        (["zzz"], {"limit": 1}, {}, "unknown output 'zzz'; there are 'number', 'square', 'total', 'limit'"),
        ([], {}, {}, "no output is asked for; name at least one"),
        (None, {}, {}, "outputs are a list of names, not NoneType"),
        (3, {}, {}, "outputs are a list of names, not int"),
        ([["total"]], {"limit": 1}, {}, "outputs are names, functions or variables, not list"),
        (["total"], {}, {}, "input is missing: 'limit' (int), needed by 'number' ({number})"),
        (["total"], {"limits": 1}, {}, "unknown input 'limits'; did you mean 'limit'?"),
        (["total"], {"limit": 1, "zzz": 2}, {}, "unknown input 'zzz'; there are 'limit'"),
        (["total"], {"limit": 1, 5: 2}, {}, "inputs are given by name, not by int"),
        (["total"], ["limit"], {}, "inputs are given as a dict from names to values, not as list"),
        (["total"], {"limit": "3"}, {}, "input 'limit' is str, but 'number' ({number}) takes int"),
        (["total"], {"square": 3}, {}, "input 'square' is a function, 'square' ({square}); give it in overrides={{…}}"),
        (["total"], {"limit": 1}, {"sqare": 3}, "unknown override 'sqare'; did you mean 'square'?"),
        (["total"], {"limit": 1}, ["square"], "overrides are given as a dict from names to values, not as list"),
        (["total"], {"limit": 1}, {"square": "x"}, "override 'square' is str, but 'square' ({square}) returns int"),
        (["total"], {}, {"total": "x"}, "override 'total' is str, but 'total' ({total}) returns int"),
        (["total"], {}, {"limit": "x"}, "input 'limit' is str, but 'number' ({number}) takes int"),
        (
            ["total"],
            {},
            {"number": "abc"},
            "override 'number' must be the new items of 'number' ({number}), a list say, not str",
        ),
        (["total"], {}, {"number": 3}, "override 'number' must be the new items of 'number' ({number}), a list say, not int"),
        (
            ["total"],
            {},
            {"number": [1, "x"]},
            "override 'number' has an item that is str, but 'number' ({number}) gives items of int",
        ),
        (
            ["total"],
            {"limit": 1},
            {"total": PerItem([1])},
            "'total' is PerItem, but 'total' ({total}) runs once, outside of any fan-out",
        ),
        (["total"], {"limit": 1}, {"number": PerItem([[1]])}, "'number' is PerItem, but 'number' ({number}) runs once"),
        (["total"], {}, {"limit": PerItem([1])}, "override 'limit' is PerItem, but 'limit' is an input, which is one value"),
        (
            ["total"],
            {"limit": 2},
            {"square": PerItem([1, "x"])},
            "override 'square' is str, but 'square' ({square}) returns int",
        ),
    ],
)
def test_a_request_that_does_not_fit(flow, verb, outputs, inputs, overrides, words):  # noqa: PLR0917  a table of cases
    module = flow(SQUARES)
    text = refused(InputError, getattr(build(module), verb), outputs, inputs, overrides)
    assert words.format(number=place(module.number), square=place(module.square), total=place(module.total)) in text
    assert module.CALLS == []


def test_an_override_of_the_wrong_type_where_nothing_fans_out(flow):
    module = flow("def a(x: int) -> int:\n    _ran(1)\n    return x\n\ndef b(a: int) -> int:\n    _ran(2)\n    return a\n")
    driver = build(module)
    text = refused(InputError, driver.execute, ["b"], {"x": 1}, {"a": "one"})
    assert f"override 'a' is str, but 'a' ({place(module.a)}) returns int" in text
    assert "runs once" in refused(InputError, driver.execute, ["b"], {"x": 1}, {"a": PerItem([1])})
    assert module.CALLS == []


def test_several_missing_inputs_are_named_at_once(flow):
    module = flow("def a(x: int) -> int: ...\ndef b(y: str, a: int) -> int: ...")
    text = refused(InputError, build(module).execute, ["b"])
    assert text.startswith("inputs are missing: ")
    assert f"'x' (int), needed by 'a' ({place(module.a)})" in text
    assert f"'y' (str), needed by 'b' ({place(module.b)})" in text


def test_per_item_values_that_are_not_nested_as_the_axes_are(flow):
    module = flow("""
        def outer(n: int) -> Parallelizable[int]:
            _ran(1)
            return range(n)

        def inner(outer: int) -> Parallelizable[int]: return range(outer)
        def leaf(inner: int) -> int: return inner
    """)
    driver = build(module)
    text = refused(InputError, driver.execute, ["leaf"], {"n": 2}, {"leaf": PerItem([1, 2])})
    assert f"'leaf' ({place(module.leaf)}) needs lists nested 2 deep; int is no list" in text
    text = refused(InputError, driver.execute, ["leaf"], {"n": 2}, {"inner": PerItem([[1], 5])})
    assert f"override 'inner' must be the new items of 'inner' ({place(module.inner)}), a list say, not int" in text
    assert module.CALLS == []


def test_per_item_values_that_are_not_as_many_as_the_items(flow, executor):
    module = flow(SQUARES + "\ndef pair(number: int, square: int) -> int: return number + square\n")
    driver = build(module, executor=executor)
    for values in ([1, 2], [1, 2, 3, 4]):
        text = refused(InputError, driver.execute, ["pair"], {"limit": 3}, {"square": PerItem(values)})
        assert "equally many" in text
        assert re.search(r"'number' has 3\b", text)
        assert re.search(rf"'square' (has|only) {len(values)}\b", text)


def test_unknown_names_in_questions_about_the_graph(flow):
    driver = build(flow(SQUARES))
    for question in (driver.what_is_upstream_of, driver.what_is_downstream_of):
        assert "unknown name 'totl'; did you mean 'total'?" in refused(InputError, question, "totl")
    assert "unknown name 'nmber'" in refused(InputError, driver.what_is_the_path_between, "nmber", "total")


# -- at run time ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        ("return 3", "int"),
        ("pass", "NoneType"),
        ("return 'abc'", "str"),
        ("return b'abc'", "bytes"),
        ("return {'a': 1}", "dict"),
        ("async def wait(): ...\n    return wait()", "coroutine"),
    ],
)
@pytest.mark.parametrize("nested", [False, True], ids=["outer", "inner"])
def test_an_expander_that_returns_no_items(flow, executor, body, kind, nested):
    parameter = "outer: int" if nested else "n: int"
    close = "Collect[Collect[Any]]" if nested else "Collect[Any]"
    module = flow(
        f"def outer(n: int) -> Parallelizable[int]: return range(n)\n\ndef bad({parameter}) -> Parallelizable[Any]:\n    {body}\n\n"
        f"def end(bad: {close}) -> int: return 1\n"
    )
    with pytest.raises(FlowError) as caught:
        build(module, executor=executor).execute(["end"], {"n": 2})
    assert f"'bad' returns Parallelizable and must return an iterable of items, not {kind}" in str(caught.value)
    assert "return a list or yield the items one by one" in str(caught.value)
    (note,) = caught.value.__notes__
    assert f"in 'bad' ({place(module.bad)})" in note
    assert ("item outer[0]" in note) is nested


RAISING = """
def number(n: int) -> Parallelizable[int]:
    return range(n)

def _helper(number):
    return 1 / (number - 2)

def inverse(number: int) -> float:
    return _helper(number)

def total(inverse: Collect[float]) -> float:
    return sum(inverse)
"""


def test_a_users_exception_has_one_traceback_of_user_frames(flow, executor):
    module = flow(RAISING)
    with pytest.raises(ZeroDivisionError) as caught:
        build(module, executor=executor).execute(["total"], {"n": 5})
    text = "".join(traceback.format_exception(caught.value))
    assert text.count("Traceback (most recent call last)") == 1
    frames = traceback.extract_tb(caught.value.__traceback__)
    ours = [frame.name for frame in frames if "/anabranch" in frame.filename and "tests" not in frame.filename]
    assert ours == ["execute"]
    assert [frame.name for frame in frames][-2:] == ["inverse", "_helper"]
    assert [frame.line for frame in frames][-2:] == ["return _helper(number)", "return 1 / (number - 2)"]
    assert "~~^~~" in text
    (note,) = caught.value.__notes__
    assert note.startswith(f"in 'inverse' ({place(module.inverse)}), item number[2]")
    assert re.search(r" on (driver|anabranch-\d|process \d+)$", note)


def test_a_users_exception_looks_the_same_on_every_executor(flow, threads, processes):
    module = flow(
        RAISING.replace(
            "return _helper(number)",
            "try: return _helper(number)\n    except ZeroDivisionError as e: raise KeyError('k') from e",
        )
    )
    texts = []
    for executor in ("sequential", threads, processes):
        with pytest.raises(KeyError) as caught:
            build(module, executor=executor).execute(["total"], {"n": 5})
        lines = traceback.format_exception(caught.value)
        texts.append(re.sub(r" on (driver|anabranch-\d+|process \d+)", "", "".join(lines)))
    assert texts[0] == texts[1] == texts[2]
    assert texts[0].count("Traceback (most recent call last)") == 2
    assert "The above exception was the direct cause" in texts[0]


@pytest.mark.parametrize("outputs", [["statics"], ["statics", "total"]])
def test_an_exception_outside_a_fan_out_names_the_function(flow, executor, outputs):
    module = flow(RAISING + "\ndef statics(n: int) -> float:\n    return _helper(2)\n")
    with pytest.raises(ZeroDivisionError) as caught:
        build(module, executor=executor).execute(outputs, {"n": 2})
    (note,) = caught.value.__notes__
    assert note.startswith(f"in 'statics' ({place(module.statics)})")
    assert "item" not in note.replace("statics", "")


def test_a_generator_that_raises_names_the_expander(flow, executor):
    module = flow(
        "def e(n: int) -> Parallelizable[int]:\n    yield 1\n    raise OSError('disk')\n\ndef c(e: Collect[int]) -> int: return 1\n"
    )
    with pytest.raises(OSError, match="disk") as caught:
        build(module, executor=executor).execute(["c"], {"n": 2})
    assert f"in 'e' ({place(module.e)})" in caught.value.__notes__[0]
    assert traceback.extract_tb(caught.value.__traceback__)[-1].line == "raise OSError('disk')"


def test_a_call_with_an_error_has_no_trace_of_the_engine_in_its_text(flow, executor):
    driver = build(flow(SQUARES), executor=executor)
    with pytest.raises(InputError) as caught:
        driver.execute(["totl"])
    names = [frame.name for frame in traceback.extract_tb(caught.value.__traceback__)]
    assert names == ["test_a_call_with_an_error_has_no_trace_of_the_engine_in_its_text", "execute"]


@pytest.mark.parametrize("outputs", [["later"], ["later", "total"]])
def test_skip_outside_a_fan_out(flow, executor, outputs):
    module = flow(SQUARES + "\ndef first(limit: int) -> int: raise Skip\ndef later(first: int) -> int: return 1\n")
    with pytest.raises(FlowError) as caught:
        build(module, executor=executor).execute(outputs, {"limit": 2})
    assert "'first' raised Skip outside a fan-out; only an item of a fan-out can be skipped" in str(caught.value)
    assert place(module.first) in caught.value.__notes__[0]


def test_zipped_lists_of_unequal_length(flow, executor):
    module = flow("""
        def one(n: int) -> Parallelizable[int]: return range(n)
        def two(m: int) -> Parallelizable[int]: return range(m)
        @zipped
        def pair(one: int, two: int) -> int: return one + two
        def end(pair: Collect[int]) -> int: return sum(pair)
    """)
    driver = build(module, executor=executor)
    for n, m in ((3, 4), (4, 3), (0, 1), (1, 0)):
        text = refused(InputError, driver.execute, ["end"], {"n": n, "m": m})
        assert "must be equally many" in text
        assert re.search(rf"'one' has {n}\b", text)
        assert re.search(rf"'two' (has|only) {m}\b", text)


# -- what does not travel to another process -----------------------------------------------------------------------


def test_an_item_that_does_not_pickle(flow, processes):
    module = flow("""
        def thing(n: int) -> Parallelizable[Any]:
            for i in range(n):
                yield {"lock": [threading.Lock()]} if i == 2 else i

        def use(thing: Any) -> int: return 1
        def end(use: Collect[int]) -> int: return 1
    """)
    text = refused(TransferError, build(module, executor=processes).execute, ["end"], {"n": 4})
    assert "'thing', item thing[2] cannot be sent to a worker" in text
    assert f"'use' ({place(module.use)})" in text
    assert "['lock'][0], of type 'lock'" in text
    assert "'threads'" in text


def test_an_input_that_does_not_pickle(flow, processes):
    module = flow(SQUARES + "\ndef both(number: int, client: Any) -> int: return 1\n")
    text = refused(
        TransferError, build(module, executor=processes).execute, ["both"], {"limit": 2, "client": {"a": threading.Lock()}}
    )
    assert "'client' cannot be sent to a worker" in text
    assert f"'both' ({place(module.both)})" in text
    assert "['a'], of type 'lock'" in text


def test_a_result_that_does_not_pickle(flow, processes):
    module = flow("""
        class Client:
            def __init__(self): self.pool = [1, threading.Lock()]

        def number(n: int) -> Parallelizable[int]: return range(n)
        def client(number: int) -> Any: return Client() if number == 2 else None
        def end(client: Collect[Any]) -> int: return 1
    """)
    text = refused(TransferError, build(module, executor=processes).execute, ["end"], {"n": 4})
    assert f"what 'client' ({place(module.client)}) returned for item number[2] cannot be brought back" in text
    assert ".pool[1], of type 'lock'" in text
    assert "return plain data" in text


def test_a_function_that_does_not_pickle(processes):
    lock = threading.Lock()

    def locked(x: int) -> int:
        with lock:
            return x

    def other(x: int) -> int:
        return x

    driver = build(module_from_functions(locked, other), executor=processes)
    text = refused(TransferError, driver.execute, ["locked", "other"], {"x": 1})
    assert f"the function of 'locked' ({place(locked)}) cannot be sent to a worker" in text
    assert "<closure lock>, of type 'lock'" in text


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        (
            "def __init__(self, text, extra): super().__init__(text)\n    def __reduce__(self): return Odd, self.args",
            "missing 1 required positional argument: 'extra'",
        ),
        (
            "def __init__(self, text, extra):\n        super().__init__(text)\n        self.at = {'x': threading.Lock()}",
            ".at['x'], of type 'lock'",
        ),
    ],
)
def test_an_exception_that_does_not_pickle(flow, processes, source, reason):
    module = flow(
        f"class Odd(Exception):\n    {source}\n\ndef number(n: int) -> Parallelizable[int]: return range(n)\n\n"
        "def odd(number: int) -> int:\n    raise Odd('what it says', 2)\n\ndef end(odd: Collect[int]) -> int: return 1\n"
    )
    with pytest.raises(ForeignError) as caught:
        build(module, executor=processes).execute(["end"], {"n": 2})
    text = str(caught.value)
    assert f"{module.__name__}.Odd: what it says" in text
    assert reason in text
    assert f"in 'odd' ({place(module.odd)}), item number[" in caught.value.__notes__[0]
    assert traceback.extract_tb(caught.value.__traceback__)[-1].line == "raise Odd('what it says', 2)"


def test_what_does_not_travel_needs_not_travel_on_threads(flow, threads):
    module = flow("""
        def thing(n: int) -> Parallelizable[Any]: return [threading.Lock() for _ in range(n)]
        def use(thing: Any) -> Any: return thing
        def end(use: Collect[Any]) -> int: return len(use)
    """)
    assert build(module, executor=threads).execute(["end"], {"n": 4}) == {"end": 4}


# -- workers and processes that end --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("death", "words"), [("os._exit(3)", "exit code 3"), ("os.kill(os.getpid(), signal.SIGKILL)", "SIGKILL")]
)
def test_a_worker_that_dies_names_what_it_ran(flow, processes, death, words):
    module = flow(f"""
        def number(n: int) -> Parallelizable[int]: return range(n)

        def deadly(number: int) -> int:
            if number == 2: {death}
            return 1

        def end(deadly: Collect[int]) -> int: return 1
    """)
    driver = build(module, executor=processes)
    text = refused(WorkerLost, driver.execute, ["end"], {"n": 4})
    assert re.search(r"process \d+ died", text)
    assert "'number'" in text
    assert re.search(r"item 2\b|items \d+ to \d+", text) or "number[2]" in text
    assert words in text
    assert driver.execute(["end"], {"n": 2}) == {"end": 1}


def test_a_worker_that_dies_outside_a_fan_out(flow, processes):
    module = flow("def first(n: int) -> int:\n    os._exit(5)\n\ndef other(n: int) -> int:\n    return 1\n")
    text = refused(WorkerLost, build(module, executor=processes).execute, ["first", "other"], {"n": 1})
    assert "'first'" in text
    assert "exit code 5" in text


@pytest.mark.parametrize("outputs", [["end"], ["leave"]], ids=["in a fan-out", "outside"])
def test_sys_exit_is_an_error_that_names_the_function(flow, executor, outputs):
    module = flow("""
        def number(n: int) -> Parallelizable[int]: return range(n)

        def quits(number: int) -> int:
            if number == 1:
                sys.exit(0)
            return number

        def end(quits: Collect[int]) -> int: return 1

        def leave(n: int) -> int:
            sys.exit(0)
    """)
    with pytest.raises(ForeignError) as caught:
        build(module, executor=executor).execute(outputs, {"n": 2})
    function = module.quits if outputs == ["end"] else module.leave
    item = ", item number[1]" if outputs == ["end"] else ""
    assert f"'{function.__name__}' ({place(function)}){item} raised SystemExit(0)" in str(caught.value)
    assert traceback.extract_tb(caught.value.__traceback__)[-1].line == "sys.exit(0)"


# -- executors that are not there ----------------------------------------------------------------------------------


def test_an_unknown_executor(flow):
    text = refused(ExecutorError, build, flow(SQUARES), executor="procesess")
    assert "unknown executor 'procesess'; did you mean 'processes'?" in text
    text = refused(ExecutorError, build, flow(SQUARES), executor="zzz")
    assert all(f"'{name}'" in text for name in ("sequential", "threads", "processes", "ray", "dask"))


def test_what_is_no_executor(flow):
    text = refused(ExecutorError, build, flow(SQUARES), executor=7)
    assert "int is no executor: give a name, an executor object or a concurrent.futures.Executor" in text


@pytest.mark.parametrize("name", ["sequential", "threads", "processes", "ray", "dask"])
def test_an_option_that_an_executor_does_not_take(flow, name):
    if name in {"ray", "dask"}:
        pytest.skip("passes further options on")
    builder = Builder().with_modules(flow(SQUARES)).with_executor(name, wrkers=3)
    text = refused(ExecutorError, builder.build)
    assert f"executor '{name}' has no option 'wrkers'" in text
    assert name == "sequential" or "'workers'" in text


@pytest.mark.parametrize("name", ["threads", "processes", "ray", "dask"])
@pytest.mark.parametrize("workers", [0, -1])
def test_a_number_of_workers_that_cannot_be(flow, name, workers):
    with pytest.raises(AnabranchError, match=f"workers must be .*not {workers}"):
        Builder().with_modules(flow(SQUARES)).with_executor(name, workers=workers).build()


def test_options_for_an_executor_that_is_built_already(flow, threads):
    builder = Builder().with_modules(flow(SQUARES)).with_executor(threads, workers=3)
    assert "['workers']" in refused(ExecutorError, builder.build)


SCRIPT = """
import sys
{first}
from anabranch import Builder, ExecutorError, Parallelizable, module_from_functions
calls = []
def number(n: int) -> Parallelizable[int]:
    calls.append(n)
    return range(n)
try:
    Builder().with_modules(module_from_functions(number)).with_executor({options}).build().execute(["number"], {{"n": 2}})
except ExecutorError as error:
    print(error)
assert not calls
"""


def said(first, options):
    """What a script of its own prints, and how long it takes."""
    started = time.monotonic()
    script = SCRIPT.format(first=first, options=options)
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout, time.monotonic() - started


@pytest.mark.parametrize(("name", "package"), [("ray", "ray"), ("dask", "distributed")])
def test_a_missing_extra_says_what_to_install(name, package):
    text, _ = said(f"sys.modules[{package!r}] = None", repr(name))
    assert f"pip install 'anabranch[{name}]'" in text


@pytest.mark.parametrize(
    ("name", "package", "address"), [("ray", "ray", "127.0.0.1:9"), ("dask", "distributed", "tcp://127.0.0.1:9")]
)
def test_a_cluster_that_does_not_answer(name, package, address):
    pytest.importorskip(package)
    text, seconds = said("", f"{name!r}, address={address!r}")
    assert address in text
    assert "check" in text
    assert seconds < 30


def test_a_dead_pool_says_so(flow):
    from concurrent.futures import ThreadPoolExecutor

    pool = ThreadPoolExecutor(1)
    pool.shutdown()
    module = flow(SQUARES)
    text = refused(ExecutorError, build(module, executor=pool).execute, ["total"], {"limit": 2})
    assert "shutdown" in text
    assert "square" not in module.CALLS


def test_a_list_that_is_meant_to_be_a_collect_is_told_so():
    def number(limit: int) -> Parallelizable[int]:
        yield from range(limit)

    def total(number: list[int]) -> int:
        return sum(number)

    def words(number: list[str]) -> int:
        return len(number)

    with pytest.raises(FlowError, match=r"gives items of int for each 'number'; to be given the list of them all, write Collect\[int\]$"):
        Builder().with_modules(module_from_functions(number, total)).build()
    with pytest.raises(FlowError, match="gives items of int$"):
        Builder().with_modules(module_from_functions(number, words)).build()


@pytest.mark.parametrize("ask", ["execute", "run", "submit"])
def test_an_input_that_is_given_as_an_option_is_told_so(ask):
    def total(limit: int) -> int:
        return limit

    driver = Builder().with_modules(module_from_functions(total)).build()
    with pytest.raises(InputError, match=r"'limit' is an input and no option of a run: give it as inputs=\{'limit': …\}"):
        getattr(driver, ask)(["total"], limit=3)
    with pytest.raises(InputError, match="unknown option 'onerror'; did you mean 'on_error'"):
        getattr(driver, ask)(["total"], {"limit": 3}, onerror="skip")


@pytest.mark.parametrize("decorator", ["retry", "check_output", "does", "mutate", "resources"])
def test_a_decorator_without_its_parentheses_is_told_so(tmp_path, monkeypatch, decorator):
    monkeypatch.syspath_prepend(tmp_path)
    name = f"bare_{decorator}"
    header = "from anabranch import *\nfrom anabranch.function_modifiers import *\nfrom anabranch.placement import resources\n"
    (tmp_path / f"{name}.py").write_text(f"{header}@{decorator}\ndef square(number: int) -> int: return number\n")
    with pytest.raises(FlowError, match=f"'square' .*{name}.py.* is no function any more: a decorator above it lacks its paren"):
        Builder().with_modules(importlib.import_module(name)).build()
    (tmp_path / f"{name}2.py").write_text(f"{header}often = retry(attempts=3)\n@often\ndef square(number: int) -> int: return number\n")
    Builder().with_modules(importlib.import_module(f"{name}2")).build()


@pytest.mark.parametrize("name", [5, "", "a/b", "x" * 101])
def test_names_that_no_run_can_have(tmp_path, name):
    driver = Builder().with_modules(module_from_functions(_one)).with_runs(tmp_path).build()
    with pytest.raises(InputError, match="cannot be the name of a run"):
        driver.execute(["one"], run_id=name)


def _one() -> int:
    return 1


_one.__name__ = "one"
