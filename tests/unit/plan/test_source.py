"""The generated text: what a person would have written, one step to a line, and the user's lines in a traceback."""

from __future__ import annotations

import linecache
import re
import textwrap
import traceback

import pytest

from anabranch import Builder, Collect, Parallelizable, Skip, Stream, associative, cross, module_from_functions, zipped
from anabranch.graph import Graph
from anabranch.markers import mark
from anabranch.plan import FanTask, make_plan


def source(*functions, outputs, task="x", supplied=("n",), **more):
    plan = make_plan(Graph.from_modules([module_from_functions(*functions)]), outputs, supplied, **more)
    return next(found.code for found in plan.root.tasks if found.name == task and found.code and found.code.loops).source


def x(n: int) -> Parallelizable[int]:
    return range(n)


def y(x: int, n: int) -> int:
    return x + n


def z(y: int) -> int:
    return 2 * y


def total(z: Collect[int]) -> int:
    return sum(z)


def w(y: int) -> Parallelizable[int]:
    yield from range(y)


def leaf(w: int) -> int:
    return w


def per(leaf: Collect[int]) -> int:
    return sum(leaf)


def grand(per: Collect[int]) -> int:
    return sum(per)


def test_a_loop_reads_as_a_person_would_write_it():
    assert source(x, y, z, total, outputs=["total"]) == textwrap.dedent("""\
        def task(r, where, start, i_x, v_n):
            out_0 = []
            for v_x in i_x:
                try:
                    v_y = f_y(v_x, v_n)
                    v_z = f_z(v_y); del v_y
                except BaseException as error:
                    v_z = r.rescue(0, error, (*where, start + len(out_0)), locals())
                out_0.append(v_z)
            return out_0
    """)


def test_a_nested_loop_is_a_function_that_closes_what_it_reads():
    text = source(x, y, w, leaf, per, grand, outputs=["grand"])
    assert text.count("def ") == 2
    inner = text[text.index("def loop_1") :]
    assert "except BaseException:\n        close(i_w)\n        raise" in inner
    assert "i_w = f_w(v_y)" in text
    assert "opened" not in inner, "a generator is what it is"


def test_what_an_inner_loop_reads_is_looked_at_unless_it_is_known_to_be_a_generator():
    def w(y: int) -> Parallelizable[int]:
        return range(y)

    assert "i_w = opened(i_w, 'w')" in source(x, y, w, leaf, per, grand, outputs=["grand"])


def test_a_value_is_dropped_after_its_last_reader_on_that_line():
    text = source(x, y, z, w, leaf, per, total, grand, outputs=["total", "grand"])
    (line,) = [line for line in text.splitlines() if "del v_y" in line]
    assert line.strip().startswith(("v_z = f_z(v_y)", "i_w = f_w(v_y)"))
    assert text.count("del v_y") == 1
    assert "del v_z" not in text


@pytest.mark.parametrize(
    "functions",
    [(x, y, z, total), (x, y, w, leaf, per, grand)],
    ids=["flat", "nested"],
)
def test_every_step_is_found_by_its_line(functions):
    plan = make_plan(Graph.from_modules([module_from_functions(*functions)]), [functions[-1].__name__], ("n",))
    codes = [task.code for task in plan.root.tasks if task.code]
    steps = [(code, step) for code in codes for table in code.tables for step in table.steps]
    assert steps
    for code, step in steps:
        line = code.source.splitlines()[step.line - 1].strip()
        assert line.startswith(step.statement)
        assert all(re.search(rf"\b{name}\b", step.statement) for name in (*step.reads, *step.writes))
        compile(step.statement, "step", "exec")


def test_generated_source_compiles_and_is_registered_for_tracebacks():
    plan = make_plan(Graph.from_modules([module_from_functions(x, y, z, total)]), ["total"], ("n",))
    for _, code in plan.codes:
        block = code.load()
        name = block.entry.__code__.co_filename
        linecache.checkcache()
        assert "".join(linecache.getlines(name)) == code.source


def test_a_users_line_is_shown_in_a_traceback(flow):
    module = flow("""
        def x(n: int) -> Parallelizable[int]: return range(n)

        def bad(x: int) -> int:
            return 1 // (x - 1)  # the line to be shown

        def end(bad: Collect[int]) -> int: return 1
    """)
    with pytest.raises(ZeroDivisionError) as caught:
        Builder().with_modules(module).build().execute(["end"], {"n": 3})
    last = traceback.extract_tb(caught.value.__traceback__)[-1]
    assert (last.filename, last.line) == (module.__file__, "return 1 // (x - 1)  # the line to be shown")


def test_a_wrong_number_of_arguments_shows_the_generated_line(flow):
    module = flow("import functools\ndef real(): return 1\n@functools.wraps(real)\ndef fake(a, b): ...\n")
    with pytest.raises(TypeError) as caught:
        Builder().with_modules(module).build().execute(["fake"])
    text = "".join(traceback.format_exception(caught.value))
    assert "f_fake()" in text
    assert "in 'fake'" in caught.value.__notes__[0]


def test_names_that_mean_something_in_generated_code_do_no_harm():
    def r(n: int) -> Parallelizable[int]:
        return range(n)

    def where(r: int) -> int:
        return r + 1

    def start(where: int, r: int) -> int:
        return where * r

    def out_0(start: Collect[int], error: int) -> int:
        return sum(start) + error

    def task(out_0: int, i: int) -> int:
        return out_0 + i

    def locals(task: int) -> int:
        return task

    def range_(n: int) -> Parallelizable[int]:
        return range(n)

    def compact(range_: Collect[int]) -> int:
        return len(range_)

    def enumerate(compact: int) -> int:
        return compact

    module = module_from_functions(r, where, start, out_0, task, locals, range_, compact, enumerate)
    for executor in ("sequential", "threads"):
        with Builder().with_modules(module).with_executor(executor).build() as driver:
            found = driver.execute(["locals", "enumerate"], {"n": 3, "error": 100, "i": 1000})
        assert found == {"locals": sum((k + 1) * k for k in range(3)) + 1100, "enumerate": 3}


def test_functions_of_one_name_with_different_meaning_in_a_task_keep_apart():
    driver = Builder().with_modules(module_from_functions(x, y, z, total)).build()
    assert driver.execute(["total"], {"n": 3}, {"y": 5}) == {"total": 30}
    assert driver.execute(["total"], {"n": 3}, {"y": 5, "z": 1}) == {"total": 3}


@pytest.mark.parametrize("name", ["größe", "数", "x__y", "_"])
def test_names_beyond_ascii(name):
    namespace = {"Parallelizable": Parallelizable, "Collect": Collect}
    exec(
        f"def e{name}(n: int) -> Parallelizable[int]: return range(n)\ndef c{name}(e{name}: Collect[int]) -> int: return sum(e{name})",
        namespace,
    )
    driver = Builder().with_modules(module_from_functions(namespace[f"e{name}"], namespace[f"c{name}"])).build()
    assert driver.execute([f"c{name}"], {"n": 4}) == {f"c{name}": 6}


def test_partials_come_after_the_loop():
    @associative
    def largest(z: Collect[int]) -> int: ...

    text = source(x, y, z, largest, outputs=["largest"])
    assert text.index("f_largest(") > text.index("for v_x in i_x")
    assert text.rstrip().endswith("return v_largest")


def test_zipped_and_crossed_loops():
    def b(n: int) -> Parallelizable[int]: ...
    @zipped
    def pair(x: int, b: int) -> int: ...
    @cross
    def both(x: int, b: int) -> int: ...

    assert "zip(" in source(x, b, pair, outputs=["pair"])
    assert "uneven(" not in source(x, b, pair, outputs=["pair"])  # of a span's lists the run sees to it
    crossed = source(x, b, both, outputs=["both"], task="x")
    assert "f_both(" in crossed


def test_a_stream_in_a_loop_is_a_generator():
    def read(leaf: Stream[int]) -> int: ...

    text = source(x, y, w, leaf, read, outputs=["read"])
    assert "with closing(" in text
    assert "yield v_leaf" in text


def test_the_source_of_an_opened_item_is_made_when_it_is_asked_for():
    plan = make_plan(Graph.from_modules([module_from_functions(x, y, w, leaf, per, grand)]), ["grand"], ("n",))
    fan = next(task for task in plan.root.tasks if isinstance(task, FanTask))
    assert "inner" not in vars(fan)
    assert fan.inner is fan.inner
    assert any(isinstance(task, FanTask) and task.axis == "w" for task in fan.inner.tasks)


def test_names_with_dots_keep_them_and_another_name_for_a_value_costs_no_call():
    from anabranch.derived import same
    from anabranch.graph import Node, Parameter, Role

    def node(name, function, *reads):
        parameters = tuple(Parameter(f"p{n}", Role.PLAIN, 0, int, source=read) for n, read in enumerate(reads))
        return Node(name, function, parameters, int)

    nodes = [Node("x", x, (Parameter("n", Role.PLAIN, 0, int),), int, expands=True)]
    nodes += [node("y.raw", z, "x"), node("y", same, "y.raw"), node("m²: a b", z, "y"), node("½", y, "m²: a b", "n")]
    plan = make_plan(Graph.from_nodes(nodes, {}), ["½"], ("n",))
    code = plan.root.tasks[-1].code
    assert [line.strip() for line in code.source.splitlines() if " = " in line][1:5] == [
        "v_y·raw = f_y·raw(v_x)",
        "v_y = v_y·raw; del v_y·raw",
        "v_m2__a_b = f_m2__a_b(v_y); del v_y",
        "v_1_2 = f_1_2(v_m2__a_b, v_n); del v_m2__a_b",
    ]
    assert code.takes == ("x", "n")
    assert list(code.origins) == ["y.raw", "y", "m²: a b", "½"]
    once = make_plan(Graph.from_nodes(nodes[1:], {}), ["y.raw"], ("x",)).root.tasks[0].code
    assert once.gives == ("y.raw",)


@pytest.mark.parametrize("executor", ["sequential", "processes"])
def test_a_function_may_ask_for_the_indices_of_its_item(executor):
    def place(leaf: int, position: tuple[int, ...] = ()) -> tuple[int, ...]:
        if leaf == 1 and position == (1, 1):
            raise Skip
        return position

    def outside(n: int, position: tuple[int, ...] = ("none",)) -> tuple[int, ...]:
        return position

    def beside(x: int, position: tuple[int, ...] = ()) -> tuple[int, ...]:
        return position

    mark(place, item="position")
    mark(outside, item="position")
    mark(beside, item="position")
    flow = module_from_functions(x, y, w, place, outside, beside, leaf)
    with Builder().with_modules(flow).with_executor(executor).build() as driver:
        found = driver.execute(["place", "outside", "beside"], inputs={"n": 3})
    assert found["place"] == [[(0, 0), (0, 1), (0, 2)], [(1, 0), (1, 2), (1, 3)], [(2, n) for n in range(5)]]
    assert found["outside"] == ()
    assert found["beside"] == [(0,), (1,), (2,)]
    assert "position=(*where, at, len(out_0))" in source(x, y, w, place, leaf, outputs=["place"])


def test_bound_literals_are_arguments_in_the_text_and_not_another_call():
    from anabranch.function_modifiers import inject, value

    big = list(range(5))

    @inject(name=value("a"), nothing=value(None), them=value(big), rate=value(0.5))
    def scaled(x: int, *, name: str, nothing: None, them: list, rate: float, last: int = 2) -> tuple:
        return (x, name, nothing, them is big, rate, last)

    functions = (x, scaled)
    text = source(*functions, outputs=["scaled"])
    call = "f_scaled(v_x, name='a', nothing=None, them=k_scaled·them, rate=k_scaled·rate)"
    assert call in text
    driver = Builder().with_modules(module_from_functions(*functions)).build()
    assert driver.execute(["scaled"], {"n": 2}) == {"scaled": [(0, "a", None, True, 0.5, 2), (1, "a", None, True, 0.5, 2)]}
    assert driver.execute(["scaled"], {"n": 1, "last": 7}) == {"scaled": [(0, "a", None, True, 0.5, 7)]}
