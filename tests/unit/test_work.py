"""What happens in a worker, with code written by hand as a plan would write it."""

from __future__ import annotations

import gc
import linecache
import pickle
import sys
from collections import deque
from itertools import count

import pytest

from anabranch import FlowError, InputError, Skip
from anabranch.runtime import uneven
from anabranch.work import ABSENT, Argument, Code, Form, Layout, Part, Step, Table, arguments_of, compact, opened, perform

LOOP = """\
def task(r, where, start, i_x, a_k):
    out_0 = []
    put_0 = out_0.append
    for v_x in i_x:
        try:
            v_one = f_one(v_x)
            v_two = f_two(v_one, a_k)
            v_side = f_side(v_x)
        except Exception as error:
            v_two, v_side = r.rescue(0, error, (*where, start + len(out_0)), locals())
        put_0((v_two, v_side))
    return out_0
"""
_keys = count()


def looped(one=lambda x: x, two=lambda x, k: x + k, side=lambda x: -x):
    steps = (
        Step("one", 6, "v_one = f_one(v_x)", ("v_x",), ("v_one",)),
        Step("two", 7, "v_two = f_two(v_one, a_k)", ("v_one", "a_k"), ("v_two",)),
        Step("side", 8, "v_side = f_side(v_x)", ("v_x",), ("v_side",)),
    )
    table = Table(("e",), steps, ("v_two", "v_side"))
    functions = {"f_one": one, "f_two": two, "f_side": side}
    return Code(f"t{next(_keys)}", "e", LOOP, functions, (table,), {"one": "f.py:1", "two": "f.py:2"}, 1, loops=True)


def layout(on_error="raise", start=0, where=()):
    return Layout(7, where, start, (Argument(Form.WHOLE, (Part(0),)), Argument(Form.WHOLE, (Part(1),))), on_error)


def failing(at, error):
    def function(x, *_):
        if x == at:
            raise error
        return x

    return function


def test_an_outcome_has_the_outputs_and_the_time():
    outcome = perform(looped(), layout(), ([1, 2], 10), "w1")
    assert outcome.outputs == ([(11, -1), (12, -2)],)
    assert (outcome.call, outcome.worker, outcome.failures, outcome.holes) == (7, "w1", (), (None,))
    assert outcome.seconds >= 0


def test_a_skip_leaves_a_hole_and_runs_what_does_not_need_it():
    outcome = perform(looped(one=failing(2, Skip())), layout(), ([1, 2, 3], 0))
    assert outcome.outputs == ([(1, -1), (ABSENT, -2), (3, -3)],)
    assert outcome.holes == (ABSENT,)
    assert outcome.failures == ()


def test_every_step_of_an_item_runs_at_most_once():
    calls = []
    side = lambda x: calls.append(x) or -x
    perform(looped(two=failing(2, Skip()), side=side), layout(), ([1, 2, 3], 0))
    assert calls == [1, 2, 3]


def test_an_intolerant_call_stops_at_the_first_failure():
    seen = []
    outcome = perform(looped(one=failing(2, KeyError("k")), side=seen.append), layout(), ([1, 2, 3], 0))
    (failure,) = outcome.failures
    assert (failure.node, failure.axes, failure.item, failure.origin) == ("one", ("e",), (1,), "f.py:1")
    assert outcome.outputs == ()
    assert seen == [1]


def test_a_tolerant_call_goes_on():
    outcome = perform(looped(one=failing(2, KeyError("k")), side=failing(3, OSError())), layout(on_error="skip"), ([1, 2, 3], 0))
    assert [(f.node, f.item) for f in outcome.failures] == [("one", (1,)), ("side", (2,))]
    first, second = outcome.failures
    assert outcome.outputs == ([(1, 1), (first, 2), (3, second)],)


def test_the_item_counts_from_the_start_of_the_span_under_the_outer_indices():
    outcome = perform(looped(one=failing(2, KeyError())), layout(start=40, where=(3,)), ([1, 2], 0))
    assert outcome.failures[0].item == (3, 41)


def test_a_skip_outside_a_fan_out_is_the_authors_error():
    source = "def task(r, where, start):\n    try:\n        v_a = f_a()\n    except Exception as error:\n        return r.rescue(0, error, where, locals())\n    return v_a\n"
    table = Table((), (Step("a", 3, "v_a = f_a()", (), ("v_a",)),), ("v_a",))

    def skips():
        raise Skip

    code = Code("skip", "a", source, {"f_a": skips}, (table,), {"a": "f.py:9"}, 1, loops=False)
    (failure,) = perform(code, Layout(0, (), 0, ()), ()).failures
    assert type(failure.exception) is FlowError
    assert "'a' raised Skip outside a fan-out" in str(failure.exception)


def test_sys_exit_becomes_a_failure_of_the_function_and_keyboard_interrupt_goes_through():
    outcome = perform(looped(two=lambda _, k: sys.exit(k)), layout(), ([1], 0))
    assert [(f.node, f.origin) for f in outcome.failures] == [("two", "f.py:2")]
    with pytest.raises(KeyboardInterrupt):
        perform(looped(one=failing(1, KeyboardInterrupt())), layout(), ([1], 0))


def test_an_error_in_the_generated_code_itself_is_not_blamed_on_a_step():
    code = looped()
    broken = Code("broken", "e", code.source.replace("put_0((", "put_1(("), code.functions, code.tables, {}, 1, loops=True)
    with pytest.raises(NameError):
        perform(broken, layout(), ([1], 0))


def test_a_value_of_an_item_is_gone_when_its_last_reader_is():
    class Value:
        alive = 0

        def __init__(self):
            Value.alive += 1

        def __del__(self):
            Value.alive -= 1

    seen = []

    def look(x):
        gc.collect()
        seen.append(Value.alive)

    source = LOOP.replace("f_two(v_one, a_k)", "f_two(v_one, a_k); del v_one")
    code = looped(one=lambda _: Value(), two=lambda *_: 1, side=look)
    code = Code("drop", "e", source, code.functions, code.tables, {}, 1, loops=True)
    perform(code, layout(), (range(3), 0))
    assert seen == [0, 0, 0]


def test_the_source_is_compiled_once_in_a_process_and_shown_in_tracebacks():
    code = looped()
    assert code.load() is code.load()
    name = f"<anabranch e {code.key}>"
    linecache.checkcache()
    assert linecache.getline(name, 6).strip() == "v_one = f_one(v_x)"
    copy = pickle.loads(
        pickle.dumps(Code("pickled", "e", "def task(r, where, start):\n    return 3\n", {}, (), {}, 1, loops=False))
    )
    assert copy.loaded == []
    assert perform(copy, Layout(0, (), 0, ()), ()).outputs == (3,)


def test_what_the_code_takes_and_gives_in_words():
    code = looped()
    assert code.takes == ("x", "k")
    assert code.gives == ("two",)
    assert code.readers == "'one' (f.py:1), 'two' (f.py:2)"


# -- the small things ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("values", [[1], (1,), {1}, range(1, 2), iter([1]), deque([1]), (x for x in [1])])
def test_what_an_expander_may_return(values):
    assert list(opened(values, "e")) == [1]


def test_anything_that_iterates_will_do():
    class Old:
        def __iter__(self):
            return iter([1, 2])

    assert list(opened(Old(), "e")) == [1, 2]


@pytest.mark.parametrize("value", ["abc", b"abc", bytearray(b"abc"), {"a": 1}, 3, None, object()])
def test_what_it_may_not(value):
    with pytest.raises(FlowError, match=f"'e' returns Parallelizable .*not {type(value).__name__}"):
        opened(value, "e")


def test_a_coroutine_is_refused_and_leaves_no_warning():
    async def wait(): ...

    with pytest.raises(FlowError, match="not coroutine"):
        opened(wait(), "e")
    gc.collect()


def test_compact():
    assert compact([1, ABSENT, 2], 1) == [1, 2]
    assert compact([[1, ABSENT], ABSENT, []], 2) == [[1], []]
    assert compact([[[ABSENT]], ABSENT], 3) == [[[]]]
    assert compact([None, 0, "", ABSENT], 1) == [None, 0, ""]


def test_absent_is_one_object_everywhere():
    assert pickle.loads(pickle.dumps(ABSENT)) is ABSENT


def test_uneven_names_the_lists():
    uneven("e", ("a", "b"), ([1], [2]))
    with pytest.raises(InputError, match=r"along 'e' .* 'a' has 1, 'b' has 2"):
        uneven("e", ("a", "b"), ([1], [1, 2]))


def argument(form, *parts, depth=1, holes=False):
    return Argument(form, tuple(Part(*part) for part in parts), depth, holes)


@pytest.mark.parametrize(
    ("form", "parts", "values", "made"),
    [
        (Form.WHOLE, [(0,)], ("v",), "v"),
        (Form.WHOLE, [(0, 2, -1)], ("v",), "v"),
        (Form.LISTED, [(0,), (1,)], ("v", "w"), ["v", "w"]),
        (Form.LISTED, [], (), []),
        (Form.JOINED, [(0,)], ([1, 2],), [1, 2]),
        (Form.JOINED, [(1,), (0,)], ([1, 2], [3]), [3, 1, 2]),
        (Form.JOINED, [(0, 1, 3)], ([1, 2, 3, 4],), [2, 3]),
        (Form.JOINED, [(0, 0, -1), (1, 1, 2)], ([1], [2, 3]), [[1], 3]),
        (Form.JOINED, [], (), []),
        (Form.COLLECTED, [(0,), (1,)], ([1], [2]), [1, 2]),
    ],
)
def test_arguments_are_put_together_from_parts(form, parts, values, made):
    assert arguments_of(Layout(0, (), 0, (argument(form, *parts),)), values) == [made]


def test_collected_leaves_out_what_is_absent_and_joined_keeps_it():
    values = ([1, ABSENT], [ABSENT, 2])
    for form, made in ((Form.COLLECTED, [1, 2]), (Form.JOINED, [1, ABSENT, ABSENT, 2])):
        assert arguments_of(Layout(0, (), 0, (argument(form, (0,), (1,), holes=True),)), values) == [made]
    nested = ([[1, ABSENT], ABSENT],)
    assert arguments_of(Layout(0, (), 0, (argument(Form.COLLECTED, (0,), depth=2, holes=True),)), nested) == [[[1]]]


def test_a_collected_list_is_the_readers_own():
    values = ([1, 2],)
    (made,) = arguments_of(Layout(0, (), 0, (argument(Form.COLLECTED, (0,)),)), values)
    made.append(3)
    assert values == ([1, 2],)
