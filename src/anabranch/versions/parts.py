"""What the version of a function is made of, so that two can be compared and what changed be named. Data only."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["CodeVersion", "Part", "changes"]


@dataclass(frozen=True, slots=True)
class Part:
    """One thing that a function depends on.

    Attributes:
        kind: "function", "class", "module", "global", "default", "closure" or "value".
        name: module and name, as in `helpers.clean`.
        digest: of the thing by itself; what it refers to counts by name.
    """

    kind: str
    name: str
    digest: bytes


@dataclass(frozen=True, slots=True)
class CodeVersion:
    """The version of a function, and what it is made of, the function itself first."""

    digest: bytes
    parts: tuple[Part, ...]


def changes(before: CodeVersion, after: CodeVersion) -> list[str]:
    """What differs, in words: ``function 'helpers.clean' changed``; empty if nothing does.

    The function itself is named as what refers to something else only if nothing else tells the two apart.
    """
    if before.digest == after.digest:
        return []
    old = {(part.kind, part.name): part.digest for part in before.parts}
    new = {(part.kind, part.name): part.digest for part in after.parts}
    found = [
        f"{kind} '{name}' changed" for (kind, name), made in new.items() if (kind, name) in old and old[kind, name] != made
    ]
    found += [f"{kind} '{name}' is new" for kind, name in new if (kind, name) not in old]
    found += [f"{kind} '{name}' is gone" for kind, name in old if (kind, name) not in new]
    return found or ["the order of what it refers to changed"]
