"""Flows of any size for pictures: seeded, with nested fan-outs, passes, streams and inputs that many functions read."""

from __future__ import annotations

import random
from collections.abc import Callable
from types import ModuleType

import pytest

HEADER = "from anabranch import Collect, Parallelizable, Stream\nfrom anabranch.function_modifiers import tag\n\n"
VERBS = "load parse clean split join rank score align embed fit check pair crop scale hash encode bucket trim map trace".split()
THINGS = "page file row user order item price image word cell chunk patch edge batch model record event ticket".split()


def source_of(functions: int, seed: int = 0) -> str:
    """The text of a flow: lines of work that run side by side, each a chain with fan-outs in fan-outs, and their summary."""
    rng = random.Random(seed)
    names = [f"{thing}_{verb}" for thing in THINGS for verb in VERBS]
    rng.shuffle(names)
    lines, ends = [], []

    def add(name, reads, returns="int", doc="What it does."):
        owner = '@tag(owner="data")\n' if rng.random() < 0.1 else ""
        lines.append(f'{owner}def {name}({", ".join(reads)}) -> {returns}:\n    """{doc}"""\n')

    while len(lines) < functions - 1:
        width = min(rng.randint(8, 26), functions - 1 - len(lines))
        taken = [names.pop() for _ in range(width)]
        ends.append(_line(rng, taken, add))
    add("summary", [f"{end}: int" for end in ends])
    return HEADER + "\n".join(lines)


def _line(rng: random.Random, names: list[str], add: Callable[..., None]) -> str:
    """One line of work; gives the name of its end, which has no open axis."""
    root = names.pop()
    add(root, ["root: int"])
    scopes = [[root]]
    while names:
        name = names.pop()
        current = scopes[-1]
        left = len(names)
        if len(scopes) < 4 and left > len(scopes) + 1 and rng.random() < 0.35:
            add(name, [f"{rng.choice(current)}: int"], "Parallelizable[int]", "Opens a fan-out.")
            scopes.append([name])
        elif len(scopes) > 1 and ((len(current) > 3 and rng.random() < 0.4) or left < len(scopes)):
            stream = len(scopes) == 2 and rng.random() < 0.2
            reads = [f"{current[-1]}: {'Stream' if stream else 'Collect'}[int]"]
            closed = scopes.pop()
            add(name, reads, "int", "Closes a fan-out.")
            scopes[-1].append(name)
            if names and len(names) > len(scopes) + 1 and rng.random() < 0.3:  # fed back: a second pass over the same items
                scopes.append([*closed[-1:]])
                again = names.pop()
                add(again, [f"{closed[-1]}: int", f"{name}: int"], "int", "The second pass.")
                scopes[-1] = [again]
        else:
            reads = dict.fromkeys([current[-1], rng.choice(current), *([rng.choice(scopes[0])] if rng.random() < 0.2 else [])])
            given = ["limit: int"] if rng.random() < 0.15 else []
            add(name, [*(f"{read}: int" for read in reads), *given])
            current.append(name)
    return scopes[0][-1]


@pytest.fixture
def drawn_flow() -> Callable[..., ModuleType]:
    """Makes the module of a flow with so many functions."""

    def make(functions: int, seed: int = 0) -> ModuleType:
        module = ModuleType(f"flow_of_{functions}")
        exec(source_of(functions, seed), module.__dict__)
        module.__dict__["__name__"] = module.__name__
        return module

    return make
