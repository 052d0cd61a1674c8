"""The ready-made adapters that need nothing but anabranch."""

from __future__ import annotations

import io
import sys
from pathlib import Path
from time import perf_counter

import pytest
from noting import Book, Calls

from anabranch import Builder, Driver, FlowError, InputError, module_from_functions
from anabranch.lifecycle import (
    Caught,
    FunctionInputOutputTypeChecker,
    GracefulErrorAdapter,
    NoEdgeAndInputTypeChecking,
    PDBDebugger,
    PrintLn,
    SlowDownYouMoveTooFast,
)

pytestmark = [
    pytest.mark.timeout(300),
    pytest.mark.filterwarnings("ignore::ResourceWarning:ray"),
    pytest.mark.filterwarnings("ignore:.*accelerator visible devices.*:FutureWarning"),
]

FLOW = """
from anabranch.lifecycle import Caught, accept_error_sentinels

def number(n: int) -> Parallelizable[int]:
    yield from range(n)

@tag(kind="arithmetic")
def inverse(number: int) -> float:
    if number == 4:
        raise Skip
    return 6 / (number - 1)

def shifted(inverse: float) -> float:
    return inverse + 1

def total(shifted: Collect[float]) -> float:
    return sum(shifted)

def count(number: Collect[int]) -> int:
    return len(number)

def told(shifted: Collect[float | Caught]) -> list[str]:
    return [one.node if isinstance(one, Caught) else str(one) for one in shifted]

@accept_error_sentinels
def also_told(total: float, count: int) -> str:
    return f"{type(total).__name__} of {count}"

def root(text: str) -> int:
    return int(text)

def beyond(root: int) -> int:
    return root + 1
"""


class Lines:
    """Prints into a file, from any process."""

    def __init__(self, path: Path) -> None:
        self.path = str(path)

    def __call__(self, line: str) -> None:
        with open(self.path, "a", encoding="utf-8") as file:
            file.write(line + "\n")

    @property
    def text(self) -> list[str]:
        return Path(self.path).read_text(encoding="utf-8").splitlines()


# -- PrintLn -------------------------------------------------------------------------------------------------------


def test_lines_are_printed(flow, make, tmp_path):
    lines = Lines(tmp_path / "lines")
    make(flow(FLOW), PrintLn(print_fn=lines)).execute(["total"], {"n": 5}, on_error="skip")
    found = [line.rpartition(" (")[0] or line for line in lines.text]
    assert "inverse of number[0]: called" in found and "inverse of number[0]: gave float" in found
    assert "inverse of number[1]: raised ZeroDivisionError: division by zero" in found
    assert "inverse of number[4]: skipped" in found
    assert found[-2:] == ["total: called", "total: gave float"]
    assert all(line.endswith(" s)") for line in lines.text if "called" not in line)


def test_values_are_printed_when_asked_for(flow, tmp_path):
    lines = Lines(tmp_path / "lines")
    Driver({}, flow(FLOW), adapter=PrintLn(2, lines)).execute(["shifted"], {"n": 1})
    assert "inverse of number[0]: called with number=0" in lines.text
    assert any(line.startswith("shifted of number[0]: gave -5.0 (") for line in lines.text)


@pytest.mark.parametrize(
    ("chosen", "names"),
    [("total", {"total"}), (["total", "count"], {"total", "count"}), (lambda name, tags: "kind" in tags, {"inverse"}), ([], set())],
)
def test_only_some_nodes_are_printed(flow, chosen, names):
    printed: list[str] = []
    driver = Driver({}, flow(FLOW), adapter=PrintLn(print_fn=printed.append, node_filter=chosen))
    driver.execute(["total", "count"], {"n": 1})
    assert {line.split()[0].rstrip(":") for line in printed} == names


def test_what_print_ln_cannot_do():
    with pytest.raises(InputError, match="verbosity 1 and 2, not 3"):
        PrintLn(3)
    with pytest.raises(InputError, match="a node filter is a name"):
        PrintLn(node_filter=3)  # type: ignore[arg-type]


# -- the debugger --------------------------------------------------------------------------------------------------


@pytest.fixture
def typed(monkeypatch):
    """Types commands, and gives what the debugger says."""

    def type_(*commands: str) -> io.StringIO:
        monkeypatch.setattr(sys, "stdin", io.StringIO("".join(f"{command}\n" for command in commands)))
        out = io.StringIO()
        monkeypatch.setattr(sys, "stdout", out)
        return out

    return type_


def test_the_debugger_opens_before_during_and_after(flow, typed):
    said = typed("p ('before', number)", "c", "p ('during', number)", "n", "n", "p __name__", "c", "p ('after', result)", "c")
    driver = Driver({}, flow(FLOW), adapter=PDBDebugger("inverse", before=True, during=True, after=True))
    assert driver.execute(["inverse"], {"n": 1}) == {"inverse": [-6.0]}
    text = said.getvalue()
    assert "('before', 0)" in text and "('during', 0)" in text and "('after', -6.0)" in text
    assert "before inverse of number[0]; the values are number" in text
    assert "'lifecycle_flow_" in text  # it stood in the user's function


def test_who_quits_the_debugger_ends_the_run(flow, typed):
    from bdb import BdbQuit

    typed("q")
    with pytest.raises(BdbQuit):
        Driver({}, flow(FLOW), adapter=PDBDebugger(["inverse"], before=True)).execute(["total"], {"n": 3})


def test_the_debugger_opens_in_its_own_process_only(flow, typed):
    said = typed()
    debugger = PDBDebugger(lambda name, tags: name == "inverse", during=True)
    debugger.process = 1
    assert Driver({}, flow(FLOW), adapter=debugger).execute(["total"], {"n": 1}) == {"total": -5.0}
    assert said.getvalue() == ""
    with pytest.raises(InputError, match="say at least one"):
        PDBDebugger(None)


# -- types ---------------------------------------------------------------------------------------------------------

TYPES = """
def number(n: int) -> Parallelizable[int]:
    yield from [n, n + 0.5] if n > 10 else range(n)

def text(number: int) -> str:
    return number if number == 3 else str(number)

def total(text: Collect[str]) -> int:
    return len(text)

def wrong(text: Collect[int]) -> int:
    return 0

def running(text: Stream[str], by: int) -> int:
    return by * sum(len(one) for one in text)
"""


def test_types_are_checked_at_each_call(flow, make):
    driver = make(flow(TYPES), FunctionInputOutputTypeChecker(), NoEdgeAndInputTypeChecking())
    assert driver.execute(["total", "running"], {"n": 3, "by": 2}) == {"total": 3, "running": 6}
    with pytest.raises(TypeError, match="'text' returns str, but this is int") as caught:
        driver.execute(["total"], {"n": 4})
    assert "item number[3]" in caught.value.__notes__[0]
    with pytest.raises(TypeError, match="'number' gives items of int, but this is float"):
        driver.execute(["total"], {"n": 11})


def test_either_side_can_be_checked(flow):
    module, lenient = flow(TYPES), NoEdgeAndInputTypeChecking()
    inputs = Driver({}, module, adapter=[lenient, FunctionInputOutputTypeChecker(check_output=False)])
    assert inputs.execute(["total"], {"n": 2}) == {"total": 2}
    with pytest.raises(TypeError, match=r"'wrong' takes list\[int\] as 'text', but is given list of str"):
        inputs.execute(["wrong"], {"n": 2})
    with pytest.raises(TypeError, match=r"'total' takes list\[str\] as 'text', but is given list of int and str"):
        inputs.execute(["total"], {"n": 4})
    outputs = Driver({}, module, adapter=[lenient, FunctionInputOutputTypeChecker(check_input=False)])
    assert outputs.execute(["wrong"], {"n": 2}) == {"wrong": 0}


def test_a_source_that_is_checked_is_closed(flow):
    module = flow("""
        closed = []
        def number() -> Parallelizable[int]:
            try:
                n = 0
                while True:
                    yield n
                    n += 1
            finally:
                closed.append(1)

        def first(number: Stream[int]) -> int:
            return next(number)
    """)
    assert Driver({}, module, adapter=FunctionInputOutputTypeChecker()).execute(["first"]) == {"first": 0}
    assert module.closed == [1]


# -- going on after failures ---------------------------------------------------------------------------------------


def test_what_does_not_depend_on_a_failure_is_computed(flow, make):
    driver = make(flow(FLOW), GracefulErrorAdapter())
    found = driver.execute(["shifted", "total", "count", "told", "also_told"], {"n": 6})
    first, caught, third, fourth, last = found["shifted"]
    assert (first, third, fourth, last) == (-5.0, 7.0, 4.0, 2.5)
    assert isinstance(caught, Caught) and caught.node == "inverse" and caught.item == (1,)
    assert isinstance(caught.exception, ZeroDivisionError) and not caught
    assert isinstance(found["total"], Caught) and found["total"].node == "inverse"
    assert found["count"] == 6
    assert found["told"] == ["-5.0", "inverse", "7.0", "4.0", "2.5"]
    assert found["also_told"] == "Caught of 6"


def test_failures_outside_of_fan_outs(flow, make):
    driver = make(flow(FLOW), GracefulErrorAdapter(ValueError))
    found = driver.execute(["root", "beyond", "count"], {"text": "x", "n": 2})
    assert isinstance(found["beyond"], Caught) and found["beyond"].node == "root" and found["count"] == 2
    assert "invalid literal" in str(found["root"].exception)
    assert driver.execute(["beyond"], {"text": "3"}) == {"beyond": 4}


def test_failures_of_a_flow_that_runs_as_one_call():
    def inverse(number: int) -> float:
        return 1 / number

    def shifted(inverse: float) -> float:
        return inverse + 1

    driver = Builder().with_modules(module_from_functions(inverse, shifted)).with_adapters(GracefulErrorAdapter(ArithmeticError))
    found = driver.build().execute(["inverse", "shifted"], {"number": 0})
    assert isinstance(found["inverse"], Caught) and found["shifted"].node == "inverse"


def test_other_errors_fail_as_ever(flow, make):
    with pytest.raises(ZeroDivisionError):
        make(flow(FLOW), GracefulErrorAdapter(LookupError)).execute(["total"], {"n": 3})
    with pytest.raises(FlowError):  # a flow that is wrong is nobody's item
        make(flow("def a() -> int:\n    raise Skip"), GracefulErrorAdapter()).execute(["a"])


def test_skipped_items_are_skipped(flow, make):
    assert make(flow(FLOW), GracefulErrorAdapter()).execute(["count", "inverse"], {"n": 1})["inverse"] == [-6.0]
    assert len(make(flow(FLOW), GracefulErrorAdapter()).execute(["inverse"], {"n": 5})["inverse"]) == 4


def test_a_sentinel_if_it_is_asked_for(flow, make):
    module = flow("""
        from anabranch.lifecycle import accept_error_sentinels

        def number(n: int) -> Parallelizable[int]:
            yield from range(n)

        def inverse(number: int) -> float:
            return 6 / (number - 1)

        def shifted(inverse: float) -> float:
            return inverse + 1

        @accept_error_sentinels
        def kept(inverse: float) -> str:
            return repr(inverse)

        def listed(shifted: Collect[float]) -> list[Any]:
            return shifted
    """)
    driver = make(module, GracefulErrorAdapter(ZeroDivisionError, sentinel_value=None))
    assert driver.execute(["listed", "kept"], {"n": 3}) == {"listed": [-5.0, None, 7.0], "kept": ["-6.0", "None", "6.0"]}
    driver = make(module, GracefulErrorAdapter(ZeroDivisionError, "gone", allow_injection=False))
    assert driver.execute(["listed", "kept"], {"n": 3}) == {"listed": [-5.0, "gone", 7.0], "kept": ["-6.0", "gone", "6.0"]}


@pytest.mark.parametrize("try_all", [True, False])
def test_an_expander_that_fails(flow, make, try_all):
    module = flow("""
        from anabranch.lifecycle import Caught

        def number(n: int) -> Parallelizable[int]:
            for number in range(n):
                if number == 2:
                    raise OSError("no more")
                yield number

        def double(number: int) -> int:
            return 2 * number

        def all_of(double: Collect[int | Caught]) -> list[Any]:
            return double

        def listed(n: int) -> Parallelizable[int]:
            raise OSError("none at all")

        def nothing(listed: Collect[int]) -> int:
            return sum(listed)
    """)
    driver = make(module, GracefulErrorAdapter(OSError, try_all_parallel=try_all))
    *before, last = driver.execute(["all_of"], {"n": 4})["all_of"]
    assert before == ([0, 2] if try_all else []) and isinstance(last, Caught) and last.node == "number"
    assert driver.execute(["nothing"], {"n": 1})["nothing"].node == "listed"
    assert driver.execute(["all_of"], {"n": 2}) == {"all_of": [0, 2]}


def test_retries_come_first(flow, make, book):
    module = flow("""
        def number(n: int) -> Parallelizable[int]:
            return range(n)

        @retry(attempts=3)
        def flaky(number: int) -> int:
            raise ConnectionError(number)
    """)
    found = make(module, GracefulErrorAdapter(), Calls(book)).execute(["flaky"], {"n": 2})["flaky"]
    assert [one.failure.attempts for one in found] == [3, 3]
    assert len([line for line in book.lines("before") if line["node"] == "flaky"]) == 6


def test_streams_end_at_a_failure(flow, make):
    module = flow("""
        def number(n: int) -> Parallelizable[int]:
            yield from range(n)

        def inverse(number: int) -> float:
            return 6 / (number - 2)

        def running(inverse: Stream[float]) -> list[float]:
            return list(inverse)

        def first(inverse: Stream[float]) -> float:
            return next(inverse)
    """)
    found = make(module, GracefulErrorAdapter()).execute(["running", "first"], {"n": 4})
    assert isinstance(found["running"], Caught) and found["running"].node == "inverse"
    assert found["first"] == -3.0


def test_nested_lists(flow, make):
    module = flow("""
        def a(n: int) -> Parallelizable[int]:
            return range(n)

        def b(a: int) -> Parallelizable[int]:
            return range(a)

        def c(b: int, a: int) -> float:
            return 1 / (a - 2 + b)

        def d(c: Collect[Collect[float]]) -> int:
            return sum(map(len, c))

        def e(c: Collect[float]) -> int:
            return len(c)
    """)
    found = make(module, GracefulErrorAdapter()).execute(["d", "e"], {"n": 4})
    assert isinstance(found["d"], Caught) and found["d"].item == (2, 0)
    assert [one if isinstance(one, int) else one.item for one in found["e"]] == [0, 1, (2, 0), 3]


def test_what_cannot_travel_is_caught_as_its_text(flow, make):
    module = flow("""
        class Odd(Exception):
            def __init__(self, one, two):
                super().__init__(one)
                self.lock = __import__("threading").Lock()

        def number(n: int) -> Parallelizable[int]:
            return range(n)

        def odd(number: int) -> int:
            raise Odd("odd one", 2)
    """)
    found = make(module, GracefulErrorAdapter()).execute(["odd"], {"n": 1})["odd"][0]
    assert "odd one" in str(found.exception)


def test_what_graceful_adapters_cannot_catch():
    with pytest.raises(InputError, match="catches a class of exceptions, not 'ValueError'"):
        GracefulErrorAdapter("ValueError")  # type: ignore[arg-type]


# -- slowing down --------------------------------------------------------------------------------------------------


def test_every_call_waits(flow):
    driver = Builder().with_modules(flow(FLOW)).with_adapters(SlowDownYouMoveTooFast(0.02, 0)).build()
    began = perf_counter()
    driver.execute(["inverse"], {"n": 1})
    assert perf_counter() - began >= 0.04
    with pytest.raises(InputError, match="0 seconds or more"):
        SlowDownYouMoveTooFast(-1, 0)


def test_they_go_together(flow, make, tmp_path):
    lines, book = Lines(tmp_path / "lines"), Book(tmp_path / "book")
    driver = make(flow(FLOW), PrintLn(print_fn=lines), GracefulErrorAdapter(), FunctionInputOutputTypeChecker(), Calls(book))
    found = driver.execute(["total", "count"], {"n": 3})
    assert found["total"].node == "inverse" and found["count"] == 3
    assert any("raised ZeroDivisionError" in line for line in lines.text) and book.lines("after")
