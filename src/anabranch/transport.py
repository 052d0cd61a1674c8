"""Pickling for everything that leaves the process: code, arguments, outcomes.

Theory: pickle protocol 5 with cloudpickle's reducers, so that lambdas, closures and classes of `__main__` travel by
value; large buffers (arrays, frames) leave the stream and travel beside it. A function is sent by reference if the
worker can import its module and by value if not; which modules those are depends on where the worker lives, so the
sender says it (`Reach`). What cannot be pickled is reported with the path of attributes and elements that leads to it.

This module never opens a connection and never unpickles anything by itself.
"""

from __future__ import annotations

import functools
import importlib.util
import io
import os
import pickle
import sys
import sysconfig
import threading
from collections.abc import Container, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from enum import Enum
from types import FunctionType, ModuleType
from typing import Any

import cloudpickle

from anabranch.code import named
from anabranch.derived import Grouped, Named, Placed
from anabranch.errors import TransferError
from anabranch.executor import Call, Reference, Shared
from anabranch.failure import Failure, Trace, capture, in_words, portable
from anabranch.markers import MARKS, marks_of
from anabranch.work import ABSENT, Argument, Code, Form, Layout, Outcome, policy_at

__all__ = [
    "FIRST_IMPORTS",
    "Reach",
    "dump_code",
    "dumps",
    "loads",
    "pack",
    "portable_outcome",
    "portable_outputs",
    "unpack",
    "unsent",
    "why_not",
]


FIRST_IMPORTS: list[str] = []
"""Modules that a worker imports before it loads any code, for what they do to the process: to how it imports, say."""


class Reach(Enum):
    """Which modules a worker can import."""

    SAME_PATH = "what this process can import: the worker runs on this machine with this process's sys.path"
    INSTALLED = "what is installed: the standard library and site-packages, not the user's own files"


def pack(value: Any) -> list[Any]:
    """Pickles `value` to one stream and the buffers that it left out: ``[stream, buffer, …]``, all bytes-like."""
    buffers: list[pickle.PickleBuffer] = []
    stream = io.BytesIO()
    cloudpickle.Pickler(stream, protocol=5, buffer_callback=buffers.append).dump(value)
    return [stream.getvalue(), *(_flat(buffer) for buffer in buffers)]


def unpack(frames: list[Any]) -> Any:
    """The value that `pack` made `frames` of."""
    return pickle.loads(frames[0], buffers=frames[1:])  # noqa: S301  only what our own workers sent


def dumps(value: Any) -> bytes:
    """Pickles to one string of bytes, functions of unreachable modules by value."""
    return bytes(cloudpickle.dumps(value, protocol=5))


def loads(data: bytes) -> Any:
    """The inverse of `dumps`."""
    return pickle.loads(data)  # noqa: S301  only what our own workers sent


def dump_code(code: Code, reach: Reach, known: Container[str] = ()) -> bytes:
    """Pickles a task's code so that a worker of that reach can load it, which has also the packages that are `known`.

    Raises:
        TransferError: a function cannot be pickled; names the function and what in it is the cause.
    """
    with by_value(reach, known):
        code = replace(code, functions={name: _unmarked(one) for name, one in code.functions.items()})
        try:
            return dumps(_Preceded(tuple(FIRST_IMPORTS), code) if FIRST_IMPORTS else code)
        except Exception as error:
            bound_first = sorted(code.functions.items(), key=lambda one: not one[0].startswith("k_"))
            for name, function in bound_first:
                try:
                    dumps(function)
                except Exception:
                    node, _, parameter = named(name).rpartition(".") if name.startswith("k_") else (named(name), "", "")
                    what = f"what parameter '{parameter}' is bound to in" if parameter else "the function of"
                    raise TransferError(
                        f"{what} '{node}' ({code.origins.get(node, 'origin unknown')}) cannot be sent to a "
                        f"worker: {why_not(function)}; make what it needs inside the function, or run it on an "
                        f"executor that shares memory ('sequential', 'threads')",
                        whole=True,
                    ) from error
            raise


class _Imported:
    """Is a module's import, where it is unpickled."""

    def __init__(self, name: str) -> None:
        self.name = name

    def __reduce__(self) -> tuple[Any, ...]:
        return importlib.import_module, (self.name,)


class _Preceded:
    """A value that is unpickled as itself, when modules have been imported: they come first in the stream."""

    def __init__(self, modules: tuple[str, ...], value: Any) -> None:
        self.modules = modules
        self.value = value

    def __reduce__(self) -> tuple[Any, ...]:
        return _last, (*map(_Imported, self.modules), self.value)


def _last(*values: Any) -> Any:
    return values[-1]


def _unmarked(function: Any) -> Any:
    """A function that travels by value without what modifiers declared on it: that is for who builds a graph of it, and may be
    long, or not fit to travel. One that other functions refer to as well keeps it there.
    """
    if isinstance(function, FunctionType):
        declared = {"modifiers", "mutations"} & marks_of(function).keys()
        return _without(function, declared) if declared and not _is_importable(function) else function
    if isinstance(function, functools.partial):
        return functools.partial(_unmarked(function.func), *function.args, **function.keywords)
    if isinstance(function, (Grouped, Named, Placed)):
        return replace(function, func=_unmarked(function.func))
    return function


def _without(function: FunctionType, declared: set[str]) -> FunctionType:
    code, closure = function.__code__, function.__closure__
    twin = FunctionType(code, function.__globals__, function.__name__, function.__defaults__, closure)
    for name in ("__kwdefaults__", "__annotations__", "__qualname__", "__module__", "__doc__"):
        with suppress(Exception):  # annotations may be evaluated only now, and fail
            setattr(twin, name, getattr(function, name))
    marks = {name: one for name, one in marks_of(function).items() if name not in declared}
    twin.__dict__.update({**function.__dict__, MARKS: marks})
    return twin


def _is_importable(function: FunctionType) -> bool:
    """Whether cloudpickle will send it by reference."""
    module = function.__module__ or ""
    parents = [module.rsplit(".", count)[0] for count in range(module.count(".") + 1)]
    if module == "__main__" or not cloudpickle.list_registry_pickle_by_value().isdisjoint(parents):
        return False
    found: Any = sys.modules.get(module)
    for name in function.__qualname__.split("."):
        found = getattr(found, name, None)
    return found is function


def unsent(call: Call) -> TransferError:
    """The error to raise when a call's values do not pickle: names the value, the item and the path inside it."""
    code, layout = call.code, call.layout
    advice = "pass plain data, or run it on an executor that shares memory ('sequential', 'threads')"
    for position, value in enumerate(call.values):
        shared = isinstance(value, Shared)
        value = value.value if isinstance(value, Shared) else value  # noqa: PLW2901
        if isinstance(value, Reference) or _pickling_error(value) is None:
            continue
        name, item = "an argument", ""
        for number, argument in enumerate(layout.arguments):
            if any(part.position == position for part in argument.parts):
                name = f"'{code.takes[number]}'" if number < len(code.takes) else name
                if code.loops and argument.form is Form.JOINED and isinstance(value, list):
                    at = next(n for n, element in enumerate(value) if _pickling_error(element) is not None)
                    item = _item(code, layout, _offset(argument, position, call.values) + at)
                    value = value[at]  # noqa: PLW2901
                break
        text = f"{name}{item} cannot be sent to a worker, to {code.readers}: {why_not(value)}; {advice}"
        return TransferError(text, whole=shared)
    return TransferError(f"a call of {code.readers} cannot be sent to a worker; {advice}")


def _offset(argument: Argument, position: int, values: tuple[Any, ...]) -> int:
    """How many items of a span lie before the first of one part."""
    count = 0
    for part in argument.parts:
        if part.position == position:
            return count - part.start
        count += (len(values[part.position]) if part.stop is None else part.stop) - part.start
    return count


def _item(code: Code, layout: Layout, index: int) -> str:
    axes = code.tables[0].axes if code.tables else ()
    return in_words(axes, (*layout.where, layout.start + index))


def portable_outcome(outcome: Outcome, code: Code, layout: Layout) -> tuple[Outcome, list[Any]]:
    """The outcome without its outputs, fit to be pickled, and all its outputs packed together.

    Raises:
        TransferError: an output cannot be pickled, and by its policy that ends the run; names function and item, and the
            path inside it.
    """
    bare = _bare(outcome)
    try:
        return bare, pack(outcome.outputs)
    except Exception as error:
        mended = _mended(outcome, code, layout, error)
        return _bare(mended), pack(mended.outputs)


def portable_outputs(outcome: Outcome, code: Code, layout: Layout) -> tuple[Outcome, list[list[Any]]]:
    """The same with each output packed by itself.

    Raises:
        TransferError: as above.
    """
    bare = _bare(outcome)
    try:
        return bare, [pack(output) for output in outcome.outputs]
    except Exception as error:
        mended = _mended(outcome, code, layout, error)
        return _bare(mended), [pack(output) for output in mended.outputs]


def _mended(outcome: Outcome, code: Code, layout: Layout, error: Exception) -> Outcome:
    """The outcome with a failure in the place of each value that cannot be pickled."""
    outputs, holes, failures = list(outcome.outputs), list(outcome.holes), list(outcome.failures)
    for number, output in enumerate(outputs):
        if _pickling_error(output) is None:
            continue
        node = code.gives[number] if number < len(code.gives) else code.name
        if code.loops and number < code.outputs - code.partials:
            values = list(output)
            for at, value in enumerate(values):
                if _pickling_error(value) is not None:
                    values[at] = _unreturned(code, layout, (node, (*layout.where, layout.start + at)), value, error)
                    failures.append(values[at])
            outputs[number], holes[number] = values, ABSENT
        else:
            outputs[number] = holes[number] = _unreturned(code, layout, (node, layout.where), output, error)
            failures.append(outputs[number])
    if len(failures) == len(outcome.failures):
        raise TransferError(
            f"a result of {code.readers} cannot be brought back from the worker; return plain data"
        ) from error
    return replace(outcome, outputs=tuple(outputs), holes=tuple(holes), failures=tuple(failures))


def _unreturned(code: Code, layout: Layout, place: tuple[str, tuple[int, ...]], value: Any, cause: Exception) -> Failure:
    """The failure of a value that cannot be pickled.

    Raises:
        TransferError: by its policy it ends the run.
    """
    node, where = place
    axes = code.tables[0].axes[: len(where)] if code.tables else ()
    origin = code.origins.get(node, "")
    item = in_words(axes, where).replace(", item", " for item") if len(where) > len(layout.where) else ""
    error = TransferError(
        f"what '{node}'{f' ({origin})' if origin else ''} returned{item} cannot be brought back from the worker: "
        f"{why_not(value)}; return plain data, or run it on an executor that shares memory ('sequential', 'threads')"
    )
    policy = policy_at(code.policies.get(node), layout.on_error, where)
    if policy == "raise":
        raise error from cause
    return Failure(node, axes, where, capture(error), origin, policy=policy)


def _bare(outcome: Outcome) -> Outcome:
    """The outcome without its outputs, its failures made fit to travel: in place, for they stand in the outputs too."""
    for failure in outcome.failures:
        portable(failure.trace, _why_not_back)
    return replace(outcome, outputs=())


def _why_not_back(exception: BaseException) -> str:
    """What keeps an exception from being brought back as itself; empty if nothing does."""
    try:
        data = dumps(Trace(exception, ()))
    except Exception:
        return why_not(exception)
    try:
        survivor = loads(data).exception
    except Exception as error:
        return f"unpickling it raises {type(error).__name__}: {error}"
    return "" if type(survivor).__name__ == type(exception).__name__ else "it comes back as another type"


_by_value_lock = threading.Lock()


@contextmanager
def by_value(reach: Reach, there: Container[str] = ()) -> Iterator[None]:
    """For the time of the block, cloudpickle pickles the functions of unreachable modules by value.

    Packages that are `there` are reachable whatever they are. Its registry is one for the process, hence the lock; what the
    user registered stays registered. Mostly there is no such module, and then there is nothing to lock.
    """
    unreachable = [one for one in _unreachable(reach) if not _is_among(one[0], there)] if there else _unreachable(reach)
    if not unreachable:
        yield
        return
    with _by_value_lock:
        known = cloudpickle.list_registry_pickle_by_value()
        chosen = [module for name, module in unreachable if name not in known]
        for module in chosen:
            cloudpickle.register_pickle_by_value(module)
        try:
            yield
        finally:
            for module in chosen:
                cloudpickle.unregister_pickle_by_value(module)


def _is_among(name: str, packages: Container[str]) -> bool:
    """Whether a module is one of these, or in one of these."""
    parts = name.split(".")
    return any(".".join(parts[:n]) in packages for n in range(1, len(parts) + 1))


def _unreachable(reach: Reach) -> list[tuple[str, ModuleType]]:
    """The modules that a worker of this reach cannot import; looked for anew only when this process imported more."""
    version = (len(sys.modules), next(reversed(sys.modules)), *sys.path)
    known = _looked.get(reach)
    if known is None or known[0] != version:
        found = [(name, module) for name, module in list(sys.modules.items()) if _out_of_reach(name, module, reach)]
        known = _looked[reach] = (version, found)
    return known[1]


_looked: dict[Reach, tuple[tuple[object, ...], list[tuple[str, ModuleType]]]] = {}


def _out_of_reach(name: str, module: ModuleType, reach: Reach) -> bool:
    file = getattr(module, "__file__", None)
    if name == "__main__" or not isinstance(module, ModuleType) or name != module.__name__:
        return False
    if name.partition(".")[0] in {"anabranch", "anabranch_executors"} or (file is None and module.__spec__ is not None):
        return False
    if file is not None and (file.startswith(_INSTALLED) or any(folder in file for folder in _PACKAGES)):
        return False
    return reach is Reach.INSTALLED or not _importable(name, file)


_PACKAGES = tuple(f"{os.sep}{folder}{os.sep}" for folder in ("site-packages", "dist-packages"))
"""There may be several: the environment's, the system's below it, the user's own."""

_INSTALLED = tuple(
    {sysconfig.get_path(key) for key in ("stdlib", "platstdlib", "purelib", "platlib")} | {sys.base_prefix + "/lib"}
)


def _importable(name: str, file: str | None) -> bool:
    """Whether another process with this one's sys.path would find this very module under this name."""
    try:
        spec = importlib.util.find_spec(name) if "." in name else importlib.machinery.PathFinder.find_spec(name)
    except (ImportError, ValueError, AttributeError):
        return False
    return spec is not None and spec.origin == file


def why_not(value: Any, path: str = "", depth: int = 6) -> str:
    """Says which part of `value` cannot be pickled: ``its part [3].client, of type 'socket', does not pickle (…)``."""
    reason = _pickling_error(value)
    if reason is None:
        return "it can be pickled now"
    if depth:
        for step, part in _parts(value):
            if _pickling_error(part) is not None:
                return why_not(part, path + step, depth - 1)
    kind = type(value).__qualname__
    return f"{'its part ' + path if path else 'it'}, of type '{kind}', does not pickle ({reason})"


def _pickling_error(value: Any) -> str | None:
    try:
        pack(value)
    except Exception as error:
        return f"{type(error).__name__}: {error}".splitlines()[0]
    return None


def _parts(value: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(value, (list, tuple)):
        for index, element in enumerate(value):
            yield f"[{index}]", element
    elif isinstance(value, dict):
        for key, element in value.items():
            yield f"[{key!r}]" if isinstance(key, (str, int)) else "[…]", element
    elif isinstance(value, FunctionType):
        yield from _function_parts(value)
    else:
        slots = (getattr(kind, "__slots__", ()) for kind in type(value).__mro__)
        names = (name for names in slots for name in ((names,) if isinstance(names, str) else names))
        for name in dict.fromkeys((*getattr(value, "__dict__", ()), *names)):
            if name not in {"__dict__", "__weakref__"} and hasattr(value, name):
                yield f".{name}", getattr(value, name)


def _function_parts(function: FunctionType) -> Iterator[tuple[str, Any]]:
    for name, cell in zip(function.__code__.co_freevars, function.__closure__ or (), strict=False):
        with suppress(ValueError):  # not assigned yet
            yield f".<closure {name}>", cell.cell_contents
    for name in function.__code__.co_names:
        if name in function.__globals__ and not isinstance(function.__globals__[name], ModuleType):
            yield f".<global {name}>", function.__globals__[name]


def _flat(buffer: pickle.PickleBuffer) -> memoryview:
    try:
        return buffer.raw()
    except BufferError:  # not contiguous: cannot happen for buffers numpy leaves out of band, but others may
        return memoryview(bytes(buffer))
