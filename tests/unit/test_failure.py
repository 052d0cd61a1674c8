from __future__ import annotations

import copyreg
import pickle
import sys
import threading
import traceback

import pytest

from anabranch import failure
from anabranch.errors import FlowError, ForeignError, InternalError, TransferError
from anabranch.failure import Failure, Frame, capture, in_words, portable, restore, trimmed
from anabranch.transport import dumps, loads, portable_outcome
from anabranch.work import Code, Layout, Outcome, opened

LAYOUT = Layout(0, (), 0, ())
CODE = Code("k", "k", "def task(r, where, start):\n    return 1\n", {}, (), {}, 0, loops=False)


class Unpicklable(Exception):
    def __init__(self, text):
        super().__init__(text)
        self.client = {"lock": threading.Lock()}


def divide(x):
    return 1 / (x - 2)


def through(x):
    return divide(x)


def raised(function, *arguments):
    try:
        function(*arguments)
    except BaseException as error:
        return error
    raise AssertionError("nothing was raised")


@pytest.fixture(params=[False, True], ids=["plain", "with tblib"], autouse=True)
def tblib(request):
    """Whether exceptions pickle with their tracebacks, as they do where Dask has been imported."""
    pickling_support = pytest.importorskip("tblib.pickling_support")
    before = dict(copyreg.dispatch_table)
    if request.param:
        pickling_support.install(ZeroDivisionError, KeyError, ValueError, ForeignError)
    yield
    copyreg.dispatch_table.clear()
    copyreg.dispatch_table.update(before)


def sent(trace):
    """The trace as it comes out on the other side: without a live traceback."""
    portable(trace, lambda _: "")
    return loads(dumps(trace))


def shown(error):
    return "".join(traceback.format_exception(error))


def test_a_traceback_is_rebuilt_from_data_to_the_last_caret():
    error = raised(through, 2)
    before = shown(error)
    trace = sent(capture(error))
    assert trace.exception is not error
    assert trace.exception.__traceback__ is None
    assert shown(restore(trace)) == before
    assert "~~^~~~~" in before or "~~^~~" in before


def test_it_is_rebuilt_without_carets_where_there_were_none():
    error = raised(through, 2)
    trace = sent(capture(error))
    trace.frames = tuple(frame._replace(span=None) for frame in trace.frames)
    text = shown(restore(trace))
    assert "^" not in text
    assert "return divide(x)" in text
    assert f"line {divide.__code__.co_firstlineno + 1}, in divide" in text


def test_a_statement_over_several_lines_is_rebuilt():
    def long(x):
        return (
            x
            + x["missing"]
        )  # fmt: skip

    error = raised(long, {})
    before = shown(error)
    assert shown(restore(sent(capture(error)))) == before


def test_non_ascii_text_before_the_fault_does_not_move_the_carets():
    def umlaut(größe):
        return "äöü", größe["ä"]

    error = raised(umlaut, {})
    before = shown(error)
    assert shown(restore(sent(capture(error)))) == before


def test_causes_and_contexts_travel():
    def caused():
        try:
            divide(2)
        except ZeroDivisionError as error:
            raise KeyError("k") from error

    def in_passing():
        try:
            divide(2)
        except ZeroDivisionError:
            raise KeyError("k")  # noqa: B904  that is what it is about

    def suppressed():
        try:
            divide(2)
        except ZeroDivisionError:
            raise KeyError("k") from None

    for function, words in ((caused, "direct cause"), (in_passing, "During handling"), (suppressed, None)):
        error = raised(function)
        before = shown(error)
        assert shown(restore(sent(capture(error)))) == before
        assert before.count("Traceback") == (2 if words else 1)
        assert words is None or words in before


def test_a_chain_without_end_is_cut():
    def chain(depth):
        if not depth:
            raise KeyError("end")
        try:
            chain(depth - 1)
        except KeyError as error:
            raise KeyError(depth) from error

    trace = capture(raised(chain, 30))
    depth = 0
    while trace.cause is not None:
        trace, depth = trace.cause, depth + 1
    assert depth == 8


def test_notes_travel():
    error = raised(divide, 2)
    error.add_note("by the user")
    assert restore(sent(capture(error))).__notes__ == ["by the user"]


def test_frames_of_ours_are_left_out_and_those_of_the_user_are_not():
    assert Frame(failure.__file__, 1, "f").is_internal
    assert Frame("<anabranch total 3>", 1, "task").is_internal
    assert not Frame(__file__, 1, "f").is_internal
    assert not Frame(sys.modules["traceback"].__file__, 1, "f").is_internal
    assert not Frame("/home/me/anabranch_flows/census.py", 1, "f").is_internal


def test_where_no_user_frame_is_left_our_own_errors_have_none_and_others_keep_all():
    ours = raised(opened, 3, "e")
    assert isinstance(ours, FlowError)
    frames = traceback.extract_tb(restore(capture(_beyond_here(ours))).__traceback__)
    assert [frame.name for frame in frames] == []
    defect = _beyond_here(raised(restore, None))
    assert traceback.extract_tb(restore(capture(defect)).__traceback__)[-1].name == "restore"
    bug = _beyond_here(raised(opened, 3, "e"))
    bug = InternalError("x").with_traceback(bug.__traceback__)
    assert traceback.extract_tb(trimmed(bug).__traceback__)[-1].name == "opened"


def _beyond_here(error):
    """The error as if anabranch had called its own function: without this file's frames."""
    tb = error.__traceback__
    while tb is not None and tb.tb_frame.f_code.co_filename == __file__:
        tb = tb.tb_next
    return error.with_traceback(tb)


def test_the_error_has_one_note_however_often_it_is_asked_for():
    made = Failure("tree", ("package", "file"), (0, 3), capture(raised(divide, 2)), "census.py:12", "process 7")
    assert made.place == "'tree' (census.py:12), item package[0] file[3]"
    assert made.error() is made.error()
    assert made.error().__notes__ == ["in 'tree' (census.py:12), item package[0] file[3] on process 7"]


def test_outside_a_fan_out_there_is_no_item():
    made = Failure("tree", (), (), capture(raised(divide, 2)))
    assert made.place == "'tree'"
    assert made.error().__notes__ == ["in 'tree'"]
    assert in_words((), ()) == ""


@pytest.mark.parametrize(
    ("argument", "words"),
    [((), "SystemExit"), ((0,), "SystemExit(0)"), (("bye",), "SystemExit(bye)")],
    ids=["none", "zero", "text"],
)
def test_an_exception_that_would_end_the_driver_becomes_an_error(argument, words):
    error = Failure("quit", (), (), capture(raised(sys.exit, *argument)), "f.py:1").error()
    assert type(error) is ForeignError
    assert str(error).startswith(f"'quit' (f.py:1) raised {words};")


def test_keyboard_interrupt_stays_itself():
    def interrupt():
        raise KeyboardInterrupt

    assert type(Failure("f", (), (), capture(raised(interrupt))).error()) is KeyboardInterrupt


# -- portable ------------------------------------------------------------------------------------------------------


def outcome_of(error):
    return Outcome(0, (), (), (Failure("f", (), (), capture(error)),), 0.0, 0.0)


def brought_back(error):
    bare, _ = portable_outcome(outcome_of(error), CODE, LAYOUT)
    return loads(dumps(bare)).failures[0].exception


def test_an_exception_that_pickles_comes_back_as_itself():
    error = brought_back(raised(divide, 2))
    assert type(error) is ZeroDivisionError


def test_one_that_does_not_becomes_a_stand_in_with_its_text_frames_notes_and_the_reason():
    def fail():
        raise Unpicklable("what it says")

    original = raised(fail)
    original.add_note("a note")
    error = brought_back(original)
    assert type(error) is ForeignError
    assert "Unpicklable: what it says" in str(error)
    assert ".client['lock'], of type 'lock'" in str(error)
    assert error.__notes__ == ["a note"]
    assert traceback.extract_tb(error.__traceback__)[-1].name == "fail"


def test_a_cause_that_does_not_pickle_is_replaced_alone():
    def fail():
        try:
            raise Unpicklable("inner")
        except Unpicklable as inner:
            raise KeyError("outer") from inner

    error = brought_back(raised(fail))
    assert type(error) is KeyError
    assert type(error.__cause__) is ForeignError
    assert "inner" in str(error.__cause__)


def test_one_that_cannot_even_be_shown():
    class Mute(Exception):
        def __str__(self):
            raise RuntimeError("no")

        def __reduce__(self):
            raise RuntimeError("no")

    def fail():
        raise Mute

    assert "Mute" in str(brought_back(raised(fail)))


def test_one_that_changes_its_type_on_the_way():
    class Turncoat(Exception):
        def __reduce__(self):
            return ValueError, ("other",)

    def fail():
        raise Turncoat("mine")

    error = brought_back(raised(fail))
    assert type(error) is ForeignError
    assert "mine" in str(error)


def test_our_own_errors_travel():
    assert type(brought_back(TransferError("x"))) is TransferError


def test_a_failure_pickles_without_its_live_traceback():
    made = Failure("f", (), (), capture(raised(divide, 2)))
    portable(made.trace, lambda _: "")
    copy = pickle.loads(pickle.dumps(made))
    assert copy.place == made.place
    assert copy.trace.exception.__traceback__ is None
    assert copy.trace.frames == made.trace.frames
