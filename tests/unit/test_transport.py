from __future__ import annotations

import pickle
import socket
import sys
import threading
import types

import cloudpickle
import numpy as np
import pytest

from anabranch import transport
from anabranch.errors import TransferError
from anabranch.executor import Call, Shared
from anabranch.transport import (
    Reach,
    by_value,
    dump_code,
    dumps,
    loads,
    pack,
    portable_outcome,
    portable_outputs,
    unpack,
    unsent,
    why_not,
)
from anabranch.work import Argument, Code, Form, Layout, Outcome, Part, Step, Table


class Thing:
    def __init__(self, **parts):
        self.__dict__.update(parts)


class Slotted:
    __slots__ = ("lock",)

    def __init__(self):
        self.lock = threading.Lock()


def code(loops=True, **functions):
    table = Table(("e",), (Step("f", 1, "", (), ("v_f",)),), ("v_f",))
    functions = {f"f_{name}": function for name, function in functions.items()}
    return Code(
        "c", "e", "def task(r, where, start, i_e, v_k):\n    ...\n", functions, (table,), {"f": "f.py:1"}, 1, loops=loops
    )


# -- pack ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("value", [None, 3, "x", [1, {"a": (2,)}], {1, 2}, np.arange(5), Thing(a=1).__dict__])
def test_what_is_packed_comes_out_the_same(value):
    copy = unpack(pack(value))
    assert type(copy) is type(value)
    assert np.array_equal(copy, value) if isinstance(value, np.ndarray) else copy == value


def test_large_buffers_travel_beside_the_stream():
    array = np.arange(100_000)
    stream, buffer = pack({"a": array})
    assert len(stream) < 1000
    assert buffer.nbytes == array.nbytes
    assert np.shares_memory(np.frombuffer(buffer, dtype=array.dtype), array)


def test_an_array_that_is_not_in_one_piece_travels_too():
    array = np.arange(12).reshape(3, 4)[:, ::2]
    assert np.array_equal(unpack(pack(array)), array)


def test_functions_without_a_name_travel_by_value():
    three = 3
    assert unpack(pack(lambda x: x * three))(2) == 6
    assert loads(dumps(lambda x: x + three))(2) == 5


# -- why_not -------------------------------------------------------------------------------------------------------


def cyclic():
    value = [threading.Lock()]
    value.append(value)
    return value


def closing_over_a_lock():
    lock = threading.Lock()
    return lambda: lock


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (threading.Lock(), "it, of type 'lock', does not pickle (TypeError: cannot pickle '_thread.lock' object)"),
        ([1, threading.Lock()], "its part [1], of type 'lock'"),
        ((1, {"a": threading.Lock()}), "its part [1]['a'], of type 'lock'"),
        ({3: threading.Lock()}, "its part [3], of type 'lock'"),
        ({(1, 2): threading.Lock()}, "its part […], of type 'lock'"),
        (Thing(client=Thing(pool=[threading.Lock()])), "its part .client.pool[0], of type 'lock'"),
        (Thing(a=1, rows=(x for x in [])), "its part .rows, of type 'generator'"),
        (Slotted(), "its part .lock, of type 'lock'"),
        (closing_over_a_lock(), "its part .<closure lock>, of type 'lock'"),
        (cyclic(), "[0], of type 'lock'"),
    ],
    ids=["itself", "list", "dict in tuple", "int key", "odd key", "attributes", "generator", "slots", "closure", "cycle"],
)
def test_why_not_says_which_part(value, words):
    assert words in why_not(value)


def test_why_not_of_something_deep_stops_and_still_says_something():
    value = threading.Lock()
    for _ in range(20):
        value = [value]
    assert why_not(value).startswith("its part [0][0][0][0][0][0]")


def test_why_not_of_what_pickles():
    assert why_not(3) == "it can be pickled now"


def test_why_not_tells_of_a_reducer_that_raises():
    class Fussy:
        def __reduce__(self):
            raise OSError("disk on fire\nand more")

    assert "(OSError: disk on fire)" in why_not([Fussy()])


def test_why_not_finds_a_global_of_a_function_that_travels_by_value():
    module = types.ModuleType("elsewhere")
    exec("import socket\nclient = socket.socket()\ndef ask(): return client", module.__dict__)
    try:
        assert ".<global client>, of type 'socket'" in why_not(module.ask)
    finally:
        module.client.close()


# -- code ----------------------------------------------------------------------------------------------------------


def test_a_function_that_cannot_travel_is_named_with_its_place():
    lock = threading.Lock()

    def f():
        return lock

    with pytest.raises(TransferError) as caught:
        dump_code(code(f=f), Reach.SAME_PATH)
    text = str(caught.value)
    assert "the function of 'f' (f.py:1) cannot be sent to a worker: its part .<closure lock>" in text
    assert "('sequential', 'threads')" in text


def test_code_travels_without_what_was_compiled_here():
    one = code(f=len)
    one.loaded.append(socket)
    assert loads(dump_code(one, Reach.SAME_PATH)).loaded == []


def test_functions_of_modules_that_a_worker_cannot_import_travel_by_value(tmp_path, monkeypatch):
    module = types.ModuleType("made_up")
    exec("def f(x): return x + 1", module.__dict__)
    module.f.__module__ = "made_up"
    monkeypatch.setitem(sys.modules, "made_up", module)
    data = dump_code(code(f=module.f), Reach.SAME_PATH)
    monkeypatch.delitem(sys.modules, "made_up")
    assert loads(data).functions["f_f"](1) == 2


def test_functions_of_files_travel_by_reference_on_this_machine_and_by_value_beyond(tmp_path, monkeypatch):
    (tmp_path / "on_path.py").write_text("def f(x): return x + 1\n")
    monkeypatch.syspath_prepend(tmp_path)
    import on_path

    near, far = (dump_code(code(f=on_path.f), reach) for reach in (Reach.SAME_PATH, Reach.INSTALLED))
    monkeypatch.delitem(sys.modules, "on_path")
    sys.path.remove(str(tmp_path))
    assert loads(far).functions["f_f"](1) == 2
    with pytest.raises(ModuleNotFoundError):
        loads(near)


@pytest.mark.parametrize("folder", ["usr/lib/python3/dist-packages", "home/me/.local/lib/python3.12/site-packages"])
def test_what_is_installed_beside_the_environment_travels_by_reference(tmp_path, monkeypatch, folder):
    (tmp_path / folder).mkdir(parents=True)
    (tmp_path / folder / "beside.py").write_text("def f(x): return x + 1\n")
    monkeypatch.syspath_prepend(tmp_path / folder)
    import beside

    far = dump_code(code(f=beside.f), Reach.INSTALLED)
    monkeypatch.delitem(sys.modules, "beside")
    sys.path.remove(str(tmp_path / folder))
    with pytest.raises(ModuleNotFoundError):
        loads(far)


def test_the_registry_of_cloudpickle_is_as_it_was(monkeypatch):
    mine, ours = types.ModuleType("mine"), types.ModuleType("ours")
    for module in (mine, ours):
        monkeypatch.setitem(sys.modules, module.__name__, module)
    cloudpickle.register_pickle_by_value(mine)
    try:
        with by_value(Reach.SAME_PATH):
            assert {"mine", "ours"} <= set(cloudpickle.list_registry_pickle_by_value())
        assert cloudpickle.list_registry_pickle_by_value() == {"mine"}
    finally:
        cloudpickle.unregister_pickle_by_value(mine)


# -- calls and outcomes --------------------------------------------------------------------------------------------


def test_unsent_names_the_item():
    layout = Layout(0, (3,), 10, (Argument(Form.JOINED, (Part(0), Part(1, 1, 3))), Argument(Form.WHOLE, (Part(2),))))
    one = code(loops=True)
    nested = Code(one.key, one.name, one.source, {}, (Table(("o", "e"), (), ("v_f",)),), one.origins, 1, loops=True)
    text = str(unsent(Call(nested, layout, ([1, 2], [0, 3, {"a": threading.Lock()}], 5))))
    assert text.startswith("'e', item o[3] e[13] cannot be sent to a worker, to 'f' (f.py:1): its part ['a'], of type 'lock'")


def test_unsent_names_the_argument_shared_or_not():
    layout = Layout(0, (), 0, (Argument(Form.JOINED, (Part(0),)), Argument(Form.WHOLE, (Part(1),))))
    for value in (threading.Lock(), Shared(1, threading.Lock())):
        text = str(unsent(Call(code(), layout, ([1], value))))
        assert text.startswith("'k' cannot be sent to a worker, to 'f' (f.py:1): it, of type 'lock'")


@pytest.mark.parametrize("way", [portable_outcome, portable_outputs])
@pytest.mark.parametrize(
    ("loops", "value", "words"),
    [
        (
            True,
            [1, {"a": threading.Lock()}],
            "what 'f' (f.py:1) returned for item e[6] cannot be brought back from the worker: its part ['a']",
        ),
        (False, Thing(a=threading.Lock()), "what 'f' (f.py:1) returned cannot be brought back from the worker: its part .a"),
    ],
)
def test_a_result_that_does_not_travel_is_named(way, loops, value, words):
    outcome = Outcome(0, (value,), (False,), (), 0.0, 0.0)
    with pytest.raises(TransferError) as caught:
        way(outcome, code(loops=loops), Layout(0, (), 5, ()))
    assert str(caught.value).startswith(words)


def test_outputs_are_packed_together_or_each_by_itself():
    outcome = Outcome(0, (1, [2]), (False, False), (), 0.5, 0.0)
    bare, frames = portable_outcome(outcome, code(), Layout(0, (), 0, ()))
    assert bare.outputs == ()
    assert bare.seconds == 0.5
    assert unpack(frames) == (1, [2])
    bare, each = portable_outputs(outcome, code(), Layout(0, (), 0, ()))
    assert [unpack(frames) for frames in each] == [1, [2]]
    assert pickle.loads(pickle.dumps(bare)) == bare


def test_a_bound_value_that_does_not_pickle_is_named_with_its_parameter():
    from anabranch import module_from_functions
    from anabranch.function_modifiers import inject, value
    from anabranch.graph import Graph
    from anabranch.plan import make_plan

    @inject(client=value(threading.Lock()))
    def call(x: int, client: object) -> int: ...

    plan = make_plan(Graph.from_modules([module_from_functions(call)]), ["call"], ("x",))
    with pytest.raises(TransferError, match=r"what parameter 'client' is bound to in 'call' \(.*\) cannot be sent to a worker: it, of type"):
        dump_code(plan.root.tasks[0].code, Reach.SAME_PATH)


def test_what_modifiers_declared_does_not_travel_with_a_function():
    from anabranch import module_from_functions
    from anabranch.function_modifiers import extract_columns, group, inject, mutate, source, value
    from anabranch.graph import Graph
    from anabranch.markers import marks_of
    from anabranch.plan import make_plan
    from anabranch.policies import on_error

    unfit = threading.Lock()

    @on_error("skip")
    @inject(x=group(source("a"), value(1)), y=value(2))
    def grouped(x: list, y: int) -> list:
        """Text."""
        return [*x, y]

    @extract_columns("c")
    @inject(y=value(3))
    def plain(grouped: list, y: int, *, z: int = 5) -> dict:
        return {"c": [grouped, y, z]}

    @mutate(plain, unused=value(unfit))
    def _more(found: dict, unused: object = None) -> dict:
        return found

    plan = make_plan(Graph.from_modules([module_from_functions(grouped, plain)]), ["plain"], ("a",), fuse=True)
    code = loads(dump_code(plan.root.tasks[0].code, Reach.SAME_PATH))
    functions = [one.func if hasattr(one, "func") else one for one in code.functions.values()]
    functions = [one.func if hasattr(one, "func") else one for one in functions]
    assert [one.__name__ for one in functions] == ["grouped", "plain"]
    assert [sorted(marks_of(one)) for one in functions] == [["policy"], []]
    assert functions[0].__doc__ == "Text."
    assert functions[1]([1], 2) == {"c": [[1], 2, 5]}
    assert "modifiers" in marks_of(grouped)


def test_modules_that_come_first_are_imported_before_code_is_loaded(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "prepares_imports.py").write_text("import sys\nsys.modules.setdefault('made_up_by_it', sys)\n")
    (tmp_path / "needs_them.py").write_text("import made_up_by_it\n\n\ndef answer():\n    return 42\n")
    monkeypatch.setattr(transport, "FIRST_IMPORTS", ["prepares_imports"])
    monkeypatch.setitem(sys.modules, "made_up_by_it", sys)
    from needs_them import answer

    data = dump_code(code(f=answer), Reach.SAME_PATH)
    for name in ("made_up_by_it", "needs_them"):
        monkeypatch.delitem(sys.modules, name)
    assert loads(data).functions["f_f"]() == 42
    monkeypatch.delitem(sys.modules, "needs_them")
