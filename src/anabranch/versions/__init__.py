"""Versions: what tells whether a value or a function is the same as before.

    code ──▶ walk ──▶ bytecode, references, classes          which parts there are, and what each is by itself
    data ──▶ kinds ──▶ standard, objects, arrays, frames     what a value is, as canonical bytes

`Versions` is the way in. A version is never wrong and sometimes needlessly new: two things with one version are the same
to whoever computes with them; where that cannot be known there is none (`Unversionable`).
"""

from anabranch.versions.kinds import register
from anabranch.versions.parts import CodeVersion, Part, changes
from anabranch.versions.scope import Scope
from anabranch.versions.tokens import Unversionable
from anabranch.versions.versions import Versions, collected, keys_of

__all__ = ["CodeVersion", "Part", "Scope", "Unversionable", "Versions", "changes", "collected", "keys_of", "register"]
