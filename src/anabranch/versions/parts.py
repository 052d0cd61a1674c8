"""What the version of a function is made of, so that two can be compared and what changed be named. Data only."""

from __future__ import annotations

import json
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

    def as_text(self) -> str:
        """The version as text, to be kept beside what it was used for."""
        parts = [(part.kind, part.name, part.digest.hex()) for part in self.parts]
        return json.dumps({"digest": self.digest.hex(), "parts": parts}, separators=(",", ":"))

    @classmethod
    def of_text(cls, text: str) -> CodeVersion:
        """The version that `as_text` made the text of.

        Raises:
            ValueError: it is no such text.
        """
        try:
            said = json.loads(text)
            parts = tuple(Part(kind, name, bytes.fromhex(made)) for kind, name, made in said["parts"])
            return cls(bytes.fromhex(said["digest"]), parts)
        except (KeyError, TypeError) as error:
            raise ValueError(f"this is no version of code: {text[:80]}") from error


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
