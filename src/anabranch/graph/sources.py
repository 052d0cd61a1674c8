"""Modules made of text: flows that were typed, generated or received rather than saved.

Theory: such a module is none that anybody could import, so its functions travel by value, and what they are called by is kept
where tracebacks and `inspect` look for text.

Running text as Python does whatever the text says: it is for those who would run it anyway.
"""

from __future__ import annotations

import linecache
import sys
import textwrap
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from types import ModuleType

from anabranch.errors import FlowError

__all__ = ["module_from_source"]

_numbers = count(1)


def module_from_source(source: str, name: str = "flow") -> ModuleType:
    """Makes a module of Python text; indentation that all lines have in common does not count.

    Example::

        module_from_source('''
            def doubled(number: int) -> int:
                return 2 * number
        ''')

    Raises:
        FlowError: the text is no Python.
        Exception: what running it raises.
    """
    if not isinstance(source, str):
        raise FlowError(f"module_from_source takes Python as text, not {type(source).__name__}")
    if not name.replace(".", "_").isidentifier():
        raise FlowError(f"'{name}' is no name for a module")
    text, file = textwrap.dedent(source), f"<{name} {next(_numbers)}>"
    try:
        code = compile(text, file, "exec", dont_inherit=True)
    except SyntaxError as error:
        raise FlowError(f"the source of '{name}' is no Python, line {error.lineno}: {error.msg}") from error
    linecache.cache[file] = (len(text), None, text.splitlines(keepends=True), file)
    module = ModuleType(name)
    module.__file__ = file
    with _known(module):
        exec(code, vars(module))  # noqa: S102  that is what it is for
    return module


@contextmanager
def _known(module: ModuleType) -> Iterator[None]:
    """For the time of the block the module is among the imported ones, where decorators of classes look for it."""
    before = sys.modules.get(module.__name__)
    sys.modules[module.__name__] = module
    try:
        yield
    finally:
        if before is None:
            del sys.modules[module.__name__]
        else:
            sys.modules[module.__name__] = before
