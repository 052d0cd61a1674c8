"""What a run was asked for, by versions: to say what changed since another one."""

from __future__ import annotations

import json
from collections.abc import Container, Iterable, Mapping
from dataclasses import asdict, dataclass, field, replace
from hashlib import blake2b
from typing import Any, Final

from anabranch.graph import Graph
from anabranch.plan import Plan
from anabranch.plan.select import Kind
from anabranch.rebuild.caching import Recipes
from anabranch.store import Missing, Recipe, Store
from anabranch.versions import CodeVersion, Unversionable, Versions, changes

__all__ = ["NOTES", "Asked", "note", "noted", "version"]

NOTES: Final = Recipe("what was asked for", blake2b(b"what was asked for", digest_size=20).digest())
"""What requests are noted by in a cache."""


@dataclass(frozen=True, slots=True)
class Asked:
    """Outputs, and the versions of all that they were made of.

    Attributes:
        code: of each function that was needed the version of its code, as text.
        reads: what each of them reads.
        at: when that was, in seconds since 1970.
    """

    outputs: tuple[str, ...]
    inputs: Mapping[str, str] = field(default_factory=dict)
    overrides: Mapping[str, str] = field(default_factory=dict)
    config: Mapping[str, str] = field(default_factory=dict)
    code: Mapping[str, str] = field(default_factory=dict)
    reads: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    at: float = 0.0

    @classmethod
    def of(cls, graph: Graph, plan: Plan, given: Iterable[Mapping[str, Any]], recipes: Recipes, versions: Versions) -> Asked:
        """From a plan, what was given for it (inputs, overrides), and the recipes of nodes."""
        nodes = dict.fromkeys(vertex.node for vertex in plan.selection.vertices.values() if vertex.kind is Kind.CALL)
        code = {name: recipe.parts for name in nodes if (recipe := recipes.get(name)) is not None}
        inputs, overrides, config = (
            {name: version(versions, value) for name, value in values.items()} for values in (*given, graph.config)
        )
        reads = {name: tuple(edge.source for edge in graph.edges[name]) for name in nodes if name in graph.edges}
        return cls(tuple(plan.outputs), inputs, overrides, config, code, reads)

    def of_one(self, output: str) -> Asked:
        """The same for one output, with what it needs and nothing else."""
        needed, left = {output}, [output]
        while left:
            for source in self.reads.get(left.pop(), ()):
                if source not in needed:
                    needed.add(source)
                    left.append(source)
        parted = ("inputs", "overrides", "config", "code", "reads")
        parts: dict[str, Any] = {key: _among(getattr(self, key), needed) for key in parted}
        return replace(self, outputs=(output,), **parts)

    def differences(self, before: Asked) -> list[str]:
        """What is not as it was, in words. A value that has no version is taken to be as it was."""
        found: list[str] = []
        for word in ("input", "override", "config"):
            key = word if word == "config" else f"{word}s"
            now, then = getattr(self, key), getattr(before, key)
            for name in {**then, **now}:
                if name not in now:
                    found.append(f"{word} '{name}' is gone")
                elif name not in then:
                    found.append(f"{word} '{name}' is new")
                elif then[name] and then[name] != now[name]:
                    found.append(f"{word} '{name}' changed")
        for name, text in self.code.items():
            if before.code.get(name, text) != text:
                found += changes(CodeVersion.of_text(before.code[name]), CodeVersion.of_text(text))
        return list(dict.fromkeys(found))

    def touched(self, before: Asked) -> list[str]:
        """The functions that have to run again because of that."""
        changed = {name for name, text in self.code.items() if before.code.get(name) != text}
        for key in ("inputs", "overrides", "config"):
            now, then = getattr(self, key), getattr(before, key)
            changed |= {name for name in {**now, **then} if now.get(name) != then.get(name)}
        found: list[str] = []
        for name in self.code:  # in topological order
            if name in changed or any(source in changed for source in self.reads.get(name, ())):
                changed.add(name)
                found.append(name)
        return found


def _among(values: Mapping[str, Any], names: Container[str]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if name in names}


def version(versions: Versions, value: Any) -> str:
    """The version of a value, as text; empty if it has none."""
    try:
        return versions.of_data(value).hex()
    except Unversionable:
        return ""


def _key(word: str, output: str) -> bytes:
    return blake2b(f"{word}\0{output}".encode(), digest_size=20).digest()


def noted(store: Store, output: str) -> tuple[Asked | None, Asked | None]:
    """What an output was last made of, and before that, as long as it was something else."""
    entries = store.get_many(NOTES, [_key("last", output), _key("before", output)])
    found: list[Asked | None] = []
    for entry in entries:
        try:
            said = json.loads(store.load(entry)) if entry is not None else None
        except (Missing, ValueError):
            said = None
        found.append(None if said is None else Asked(**{**said, "outputs": tuple(said["outputs"])}))
    return found[0], found[1]


def note(store: Store, asked: Asked, now: float) -> None:
    """Notes what outputs are made of, if it is not what is noted already.

    Raises:
        StoreError: it cannot be written.
    """
    keys, texts = [], []
    for output in asked.outputs:
        one, (last, _) = asked.of_one(output), noted(store, output)
        if last is not None and not one.differences(last) and last.code.keys() == one.code.keys():
            continue
        keys.append(_key("last", output))
        texts.append(json.dumps({**asdict(one), "at": now}))
        if last is not None:
            keys.append(_key("before", output))
            texts.append(json.dumps(asdict(last)))
    if keys:
        versions = [blake2b(text.encode(), digest_size=20).digest() for text in texts]
        store.put_many(NOTES, keys, versions, texts)
        store.forget()
