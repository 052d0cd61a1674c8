from __future__ import annotations

import dataclasses
import pickle
import traceback

import pytest

from anabranch import Builder, Parallelizable, module_from_functions
from anabranch.exceptions import Apart, annotate, apart, notes_of, put
from anabranch.failure import Trace


@dataclasses.dataclass(frozen=True)
class Frozen(Exception):
    code: int


class Keyword(Exception):
    def __init__(self, *, code):
        super().__init__(f"code {code}")
        self.code = code


class Prefixed(Exception):
    def __init__(self, text):
        super().__init__(f"prefix {text}")


class Silent(Exception):
    def __init__(self, code):  # calls no other
        self.code = code


class Read(OSError):
    def __init__(self, path):
        super().__init__(2, "not there", path)


class Decoding(UnicodeDecodeError):
    def __init__(self, data):
        super().__init__("utf-8", data, 0, 1, "wrong")
        self.data = data


class Several(ExceptionGroup):
    def __new__(cls, *errors):
        return super().__new__(cls, "several", errors)

    def __init__(self, *errors):
        self.count = len(errors)


class Reduced(Exception):
    def __init__(self, a, b):
        super().__init__(a, b)
        self.way = "called"

    def __reduce__(self):
        return Reduced, ("by", "reduce")


def made():
    return [
        Frozen(3),
        Keyword(code=4),
        Prefixed("x"),
        Silent(5),
        Read("/nowhere"),
        Decoding(b"\xff"),
        Several(ValueError("a"), KeyError("b")),
        ImportError("no", name="module", path="file"),
        SystemExit(3),
        StopIteration("value"),
        KeyError("k"),
    ]


def shape(error):
    names = ("code", "filename", "errno", "start", "reason", "name", "path", "value", "count", "message")
    found = {name: getattr(error, name) for name in names if hasattr(error, name)}
    return type(error), str(error), list(map(str, error.args)), {**found, **vars(error)}


@pytest.mark.parametrize("error", made(), ids=lambda error: type(error).__name__)
def test_an_exception_comes_back_as_it_was_whatever_its_init_wants(error):
    annotate(error, "a note")
    back = pickle.loads(pickle.dumps(Trace(error, ()))).exception
    assert back is not error
    assert shape(back) == shape(error)
    assert notes_of(back) == ["a note"]


def test_what_a_class_says_about_its_pickling_is_heeded():
    error = Reduced("as", "raised")
    assert apart(error) is error
    assert pickle.loads(pickle.dumps(Trace(error, ()))).exception.args == ("by", "reduce")


def test_an_init_is_not_called_again():
    assert apart(Prefixed("x")) == Apart(Prefixed, ("prefix x",), {})
    assert Apart(Prefixed, ("prefix x",), {}).together().args == ("prefix x",)


def test_attributes_are_put_beneath_setattr():
    error = Frozen(3)
    put(error, "__cause__", KeyError("k"))
    assert isinstance(error.__cause__, KeyError)


def test_a_note_is_added_once_and_in_place_of_what_is_none():
    error = ValueError()
    error.__notes__ = 5
    assert notes_of(error) == []
    annotate(error, "a note")
    annotate(error, "a note")
    assert error.__notes__ == notes_of(error) == ["a note"]


def test_every_executor_raises_what_the_function_raised():
    def number(one: int) -> Parallelizable[int]:
        return [one]

    def fail(number: int) -> int:
        raise made()[number]

    flow = module_from_functions(number, fail)
    for executor, options in (("sequential", {}), ("threads", {"workers": 1}), ("processes", {"workers": 1})):
        with Builder().with_modules(flow).with_executor(executor, **options).build() as driver:
            for one, error in enumerate(made()):
                if isinstance(error, SystemExit):
                    continue
                with pytest.raises(type(error)) as caught:
                    driver.execute(["fail"], inputs={"one": one})
                assert type(caught.value) is type(error)
                (note,) = caught.value.__notes__
                assert "in 'fail'" in note
                assert traceback.extract_tb(caught.value.__traceback__)[-1].name == "fail"
