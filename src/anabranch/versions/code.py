"""The version of a function: its own code and all that it calls in the user's modules, as far as that goes.

Theory: a walk from the function over what it refers to: helpers, classes with their methods and bases, closures, defaults,
decorated functions and what decorates them, and the values of global variables that are data. Each thing met is a *part*:
what it is by itself, and by name what it refers to. The version is the digest of all parts in the order of the walk, so
cycles need no thought; and two versions are compared part by part (`parts`), which names the one that changed.

     total_price ──▶ clean ──▶ TABLE            part = kind, name, digest of its own
         └─────────▶ Order ──▶ Order.total      version = digest of the parts

Names are resolved when the version is made and not when it is used, so a helper that was replaced or a module that was
reloaded is seen by the next walk. What code does by itself (`anabranch.versions.bytecode`) is remembered as long as the code
object lives; nothing else is.

Of what is not the user's, the name counts, and the version of its distribution where `Scope.packages` asks for it; but a
library's wrapper around a user's function is looked into for that function. A global that has no version as data (a
lock, a connection, a logger's handler) counts by its type: it is a tool and not a value. Annotations of functions do not count,
unless a decorator could have read them; those of classes do.
"""

from __future__ import annotations

import importlib
import importlib.util
import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from types import BuiltinFunctionType, CellType, FunctionType, MethodType, ModuleType
from typing import Any, Final

from anabranch.markers import marks_of
from anabranch.versions import kinds
from anabranch.versions.bytecode import canonical
from anabranch.versions.classes import class_content, file_of_class
from anabranch.versions.parts import CodeVersion, Part
from anabranch.versions.references import Reference, references_of
from anabranch.versions.scope import Scope
from anabranch.versions.tokens import Encoder, Handler, Unversionable, digest, module_of, named, nested

__all__ = ["pinned_body", "walk"]


def walk(root: Any, scope: Scope, handlers: dict[type, Handler]) -> CodeVersion:
    """The version of a callable or a class.

    Raises:
        Unversionable: it is an object without a version, as a callable instance with a lock in it may be.
    """
    walker = _Walk(scope, handlers)
    walker.start(root)
    return walker.version()


@dataclass(slots=True)
class _Draft:
    kind: str
    name: str
    thing: Any
    body: bytes = b""


@dataclass(slots=True)
class _Walk:
    """The names of what is met, in the order it is met; `version` then looks at each. It is the encoder's `Names`."""

    scope: Scope
    handlers: dict[type, Handler]
    home: str = ""
    drafts: list[_Draft] = field(default_factory=list)
    tokens: dict[Any, bytes] = field(default_factory=dict)
    names: dict[tuple[str, str], int] = field(default_factory=dict)

    def start(self, root: Any) -> None:
        home = getattr(root, "__module__", None)
        self.home = home if isinstance(home, str) else ""
        if isinstance(root, MethodType):
            self.home = root.__func__.__module__
        before = len(self.drafts)
        token = Encoder(self, self.handlers, kinds.find).whole(root)
        if len(self.drafts) == before or self.drafts[before].thing is not root:
            self.drafts.insert(0, _Draft("value", type(root).__qualname__, root, body=token))

    def version(self) -> CodeVersion:
        number, parts, text = 0, [], []
        while number < len(self.drafts):  # looking at one may add others
            draft = self.drafts[number]
            body = draft.body or self._content(draft)
            made = digest(body)
            parts.append(Part(draft.kind, draft.name, made))
            text.append(self._relative(draft.name).encode() + b"\0" + made)
            number += 1
        return CodeVersion(digest(b"\0code\0" + b"".join(text)), tuple(parts))

    # -- names: what the encoder asks for ------------------------------------------------------------------------------

    def of_function(self, function: FunctionType) -> bytes:
        """The token of a function: of its part if it is the user's."""
        module = function.__module__ or str(function.__globals__.get("__name__", ""))
        name = function.__qualname__
        if self.scope.ignores(module, name):
            return named("ignored")
        if self.scope.owns(str(function.__globals__.get("__name__", module)), function.__code__.co_filename):
            return self._enter("function", module, name, function)
        if function.__closure__ or hasattr(function, "__wrapped__"):
            return self._enter("wrapper", module, name, function)
        return self._foreign(str(function.__globals__.get("__name__", module)), name)

    def of_type(self, kind: type) -> bytes:
        """The token of a class: of its part if it is the user's."""
        module, name = module_of(kind), kind.__qualname__
        if self.scope.ignores(module, name):
            return named("ignored")
        if module != "builtins" and self.scope.owns(module, file_of_class(kind)):
            return self._enter("class", module, name, kind)
        return self._foreign(module, name)

    def of_module(self, module: ModuleType) -> bytes:
        """The token of a module that is used as a whole."""
        name = module.__name__
        if self.scope.ignores(name):
            return named("ignored")
        if self.scope.owns(name, getattr(module, "__file__", None) or ""):
            return self._enter("module", name, "", module)
        return self._foreign(name, "")

    def of_native(self, module: str, name: str) -> bytes:
        """The token of a function in a compiled module; of the user's own modules, the file counts."""
        loaded = sys.modules.get(module)
        file = getattr(loaded, "__file__", None) or ""
        if loaded is not None and file and not file.endswith(".py") and self.scope.owns(module, file):
            return self._enter("module", module, "", loaded)
        return self._foreign(module, name)

    def _foreign(self, module: str, name: str) -> bytes:
        released = self.scope.distribution(module)
        return named(f"{module}.{name} {released}" if released else f"{module}.{name}")

    def _enter(self, kind: str, module: str, name: str, thing: Any) -> bytes:
        """The token of a part: its name, and its number among the parts of that name."""
        known = self.tokens.get(id(thing))
        if known is not None:
            return known
        whole = f"{module}.{name}" if name else module
        count = self.names[kind, whole] = self.names.get((kind, whole), 0) + 1
        token = nested(b"part", f"{kind} {self._relative(whole)} {count}".encode())
        self.tokens[id(thing)] = token
        self.drafts.append(_Draft(kind, whole if count == 1 else f"{whole}#{count}", thing))
        return token

    def _relative(self, name: str) -> str:
        """A name without that of the module that the walk began in: `python flow.py` and `import flow` are one."""
        return name[len(self.home) :] if self.home and (name == self.home or name.startswith(f"{self.home}.")) else name

    # -- contents: what a part is by itself ----------------------------------------------------------------------------

    def _content(self, draft: _Draft) -> bytes:
        pinned = _pin(draft.thing) if draft.kind in {"function", "wrapper"} else None
        if pinned is not None:
            return pinned_body(pinned)
        if draft.kind == "function":
            return self._function(draft, canonical(draft.thing.__code__), self._referred(draft.thing))
        if draft.kind == "wrapper":
            return self._function(
                draft, named(f"{draft.thing.__globals__.get('__name__')}.{draft.thing.__code__.co_qualname}"), ()
            )
        if draft.kind == "class":
            return self._each(f"{draft.thing.__module__}.{draft.thing.__qualname__}", class_content(draft.thing))
        return self._module(draft.thing)

    def _function(self, draft: _Draft, own: bytes, referred: Iterable[bytes]) -> bytes:
        function, body = draft.thing, [own]
        names = function.__code__.co_varnames[: function.__code__.co_argcount]
        defaults = function.__defaults__ or ()
        given = [
            *zip(names[len(names) - len(defaults) :], defaults, strict=True),
            *sorted((function.__kwdefaults__ or {}).items()),
        ]
        for name, value in given:
            body.append(self._value("default", f"{draft.name}({name})", value))
        for name, cell in zip(function.__code__.co_freevars, function.__closure__ or (), strict=True):
            body.append(self._value("closure", f"{draft.name}.{name}", _content_of(cell)))
        body += referred
        wrapped = getattr(function, "__wrapped__", None)
        if wrapped is not None:
            body += (b"wraps", self._value("closure", f"{draft.name}.__wrapped__", wrapped))
            body.append(self._value("closure", f"{draft.name}.__annotations__", _annotations_of(wrapped)))
        return b"".join(body)

    def _module(self, module: ModuleType) -> bytes:
        """All that a module defines: for a compiled one, its file."""
        file = getattr(module, "__file__", None) or ""
        if file and not file.endswith((".py", ".pyc")) and "<" not in file:
            with open(file, "rb") as opened:
                return opened.read()
        own = (
            (name, value)
            for name, value in sorted(vars(module).items())
            if not (name.startswith("__") and name.endswith("__")) and not isinstance(value, ModuleType)
        )
        return self._each(module.__name__, own)

    def _each(self, owner: str, contents: Iterable[tuple[str, Any]]) -> bytes:
        body: list[bytes] = []
        for name, value in contents:
            if not self.scope.ignores(owner, name):
                body += (named(name), self._value("global", f"{owner}.{name}", value))
        return b"".join(body)

    def _value(self, kind: str, name: str, value: Any) -> bytes:
        """The token of something that code refers to: of a part of its own, if it is data."""
        if isinstance(value, (FunctionType, type, ModuleType, BuiltinFunctionType)):
            return self._token(value)
        key = (kind, name, id(value))
        known = self.tokens.get(key)
        if known is None:
            body = self._token(value)
            count = self.names[kind, name] = self.names.get((kind, name), 0) + 1
            self.drafts.append(_Draft(kind, name if count == 1 else f"{name}#{count}", None, body=body))
            known = self.tokens[key] = nested(b"part", f"{kind} {self._relative(name)} {count}".encode())
        return known

    def _token(self, value: Any) -> bytes:
        try:
            return Encoder(self, self.handlers, kinds.find, lenient=True).whole(value)
        except Unversionable:  # nested too deeply
            return nested(b"opaque", self.of_type(type(value)))

    # -- references: what the names in code stand for --------------------------------------------------------------------

    def _referred(self, function: FunctionType) -> Iterator[bytes]:
        seen: set[tuple[str, str]] = set()
        for reference in references_of(function.__code__):
            yield from self._resolved(function, reference, seen)

    def _resolved(self, function: FunctionType, reference: Reference, seen: set[tuple[str, str]]) -> Iterator[bytes]:
        scope_name, values = str(function.__globals__.get("__name__", "")), function.__globals__
        attributes = reference.attributes
        if reference.level >= 0:
            module = self._imported(reference, values)
            if module is None:
                yield named(f"import {reference.name}")
                return
            value: Any = module
            label = module.__name__
        elif reference.name in values:
            value, label = values[reference.name], f"{scope_name}.{reference.name}"
            if self.scope.ignores(scope_name, reference.name):
                return
        else:
            return  # a builtin, or a name that is not there: its name is in the code
        yield from self._followed(value, label, attributes, seen)

    def _followed(self, value: Any, label: str, attributes: tuple[str, ...], seen: set[tuple[str, str]]) -> Iterator[bytes]:
        while isinstance(value, ModuleType):
            owned = self.scope.owns(value.__name__, getattr(value, "__file__", None) or "")
            if not owned or not attributes:
                break
            name, *rest = attributes
            inner = vars(value).get(name, _MISSING)
            if inner is _MISSING:
                inner = sys.modules.get(f"{value.__name__}.{name}", _MISSING)
            if inner is _MISSING:
                yield named(f"{value.__name__}.{name} is not there")
                return
            if self.scope.ignores(value.__name__, name):
                return
            value, label, attributes = inner, f"{value.__name__}.{name}", tuple(rest)
        if isinstance(value, FunctionType) and attributes and attributes[0] in vars(value):
            yield self._value("global", f"{label}.{attributes[0]}", vars(value)[attributes[0]])
        if ("", label) in seen:
            return
        seen.add(("", label))
        yield self._value("global", label, value)

    def _imported(self, reference: Reference, values: dict[str, Any]) -> ModuleType | None:
        """The module of an import statement. A library is not loaded for it: its name is all that counts."""
        name = "." * reference.level + reference.name
        try:
            if reference.level:
                package = values.get("__package__") or str(values.get("__name__", "")).rpartition(".")[0]
                name = importlib.util.resolve_name(name, package)
            if name in sys.modules:
                return sys.modules[name]
            spec = importlib.util.find_spec(name.partition(".")[0])
            if spec is None or not self.scope.owns(name, spec.origin or ""):
                return None
            return importlib.import_module(name)
        except Exception:
            return None  # it fails where the function runs, too


_MISSING: Final = object()


def pinned_body(version: str) -> bytes:
    """What stands for the code of a function whose version was given."""
    return b"\0pinned\0" + version.encode("utf-8", "surrogatepass")


def _pin(function: Any) -> str | None:
    """The version that `@cache(version=…)` gave a function; the decorator leaves it among the function's modifiers."""
    for modifier in marks_of(function).get("modifiers", ()):
        tags = getattr(modifier, "tags", None)
        if isinstance(tags, Mapping) and isinstance(tags.get("cache.version"), str):
            return str(tags["cache.version"])
    return None


def _annotations_of(function: Any) -> Any:
    try:
        return getattr(function, "__annotations__", None)
    except Exception:
        return None  # later Pythons evaluate them when they are asked for, and names may be missing


def _content_of(cell: CellType) -> Any:
    try:
        return cell.cell_contents
    except ValueError:
        return cell  # not assigned yet
