"""What goes wrong at the edges is told as plainly as what goes wrong in the middle."""
from itertools import count

import pytest

from anabranch import Builder, Parallelizable, Stream, module_from_functions, zipped


def n(k: int) -> Parallelizable[int]:
    return range(k)

def driver(executor, *functions):
    return Builder().with_modules(module_from_functions(*functions)).with_executor(executor).build()

@pytest.mark.parametrize("executor", ["sequential", "threads", "processes"])
def test_an_error_in_a_sources_finally_names_it(executor):
    def source(k: int) -> Parallelizable[int]:
        try:
            yield from range(100)
        finally:
            raise OSError("in finally")
    def first(source: Stream[int]) -> int:
        return next(source)
    with driver(executor, source, first) as d, pytest.raises(OSError) as caught:
        d.execute(["first"], {"k": 1})
    assert any("'source'" in note for note in caught.value.__notes__)

@pytest.mark.parametrize("executor", ["sequential", "threads", "processes"])
def test_a_failure_is_not_lost_to_what_the_sources_finally_raises(executor):
    def source(k: int) -> Parallelizable[int]:
        try:
            yield from count()
        finally:
            raise OSError("in finally")
    def bad(source: int) -> int:
        return 1 // (source - 3)
    with driver(executor, source, bad) as d, pytest.raises(ZeroDivisionError):
        d.execute(["bad"], {"k": 1})

@pytest.mark.parametrize("kind", [KeyboardInterrupt, GeneratorExit, type("Stop", (BaseException,), {})])
def test_what_ends_the_interpreter_names_function_on_sequential(kind):
    def f(n: int) -> int:
        raise kind
    with driver("sequential", n, f) as d, pytest.raises(BaseException) as caught:
        d.execute(["f"], {"k": 3})
    assert any("'f'" in note for note in getattr(caught.value, "__notes__", ()))

@pytest.mark.parametrize("executor", ["sequential", "threads", "processes"])
@pytest.mark.parametrize("kind", [SystemExit, type("Stop", (BaseException,), {})])
def test_what_ends_the_interpreter_names_its_item(executor, kind):
    def f(n: int) -> int:
        if n == 2:
            raise kind
        return n
    with driver(executor, n, f) as d, pytest.raises(BaseException) as caught:
        d.execute(["f"], {"k": 3})
    assert any("item n[2]" in note for note in getattr(caught.value, "__notes__", ()))

@pytest.mark.parametrize("executor", ["sequential", "threads", "processes"])
def test_uneven_zipped_names_the_function(executor):
    def m(j: int) -> Parallelizable[int]:
        return range(j)
    @zipped
    def pair(n: int, m: int) -> int:
        return n + m
    with driver(executor, n, m, pair) as d, pytest.raises(Exception) as caught:
        d.execute(["pair"], {"k": 3, "j": 2})
    assert "'pair'" in str(caught.value) + "".join(getattr(caught.value, "__notes__", ()))

def test_positional_only_parameters_after_one_left_out():
    def f(a: int = 1, b: int = 2, /) -> tuple:
        return a, b
    with driver("sequential", f) as d:
        assert d.execute(["f"], {"b": 5}) == {"f": (1, 5)}
