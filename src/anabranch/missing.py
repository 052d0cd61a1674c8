"""Values that are not there: what stands in their place, what becomes of who needs them, and the ways out of generated code.

Theory: a value that is not there is *missing*, and something else is in its place, so that position in a list remains
identity: `ABSENT` if the item was skipped, the `Failure` if a function failed. What needs a missing value is not called and
is missing itself, for the same reason. A collect goes by the failure's policy: it leaves the item out, keeps the failure as
an entry, or is missing as a whole.

This module never knows code, tasks or workers.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import Enum
from typing import Any, Final, NamedTuple

from anabranch.errors import InputError
from anabranch.failure import Failure
from anabranch.policies import OnError, Retry

__all__ = [
    "ABSENT",
    "MISSING",
    "PASSING",
    "Aborted",
    "Absent",
    "Lacking",
    "Missing",
    "Move",
    "Moving",
    "PushedBack",
    "Uneven",
    "Unwinding",
    "Withheld",
    "compact",
    "withheld",
    "worst",
]


class Absent(Enum):
    """The type of `ABSENT`; an enum, so that it is one object in every process."""

    ABSENT = "absent"


ABSENT: Final = Absent.ABSENT

Missing = Absent | Failure
"""What stands where a value would."""

MISSING: Final = frozenset({Absent, Failure})
"""The types of what is missing."""

_WEIGHTS: Final[Mapping[OnError, int]] = {"skip": 1, "keep": 2, "finish": 3, "raise": 4}


def worst(values: Iterable[Any]) -> Missing:
    """Of what is missing among `values` that which weighs most: it is why a reader of all of them cannot run."""
    found: Missing = ABSENT
    weight = 0
    for value in values:
        if type(value) is Failure and _WEIGHTS[value.policy] > weight:
            found, weight = value, _WEIGHTS[value.policy]
    return found


class Move(NamedTuple):
    """An item that is to be tried again elsewhere: the function that failed there, how many attempts came to nothing, how to go
    on, and what was raised, in words.
    """

    node: str
    where: tuple[int, ...]
    attempts: int
    retry: Retry
    said: str


class Unwinding(BaseException):
    """Leaves the user's functions for reasons that are not theirs."""


class Aborted(Unwinding):
    """Leaves generated code at a failure that ends the run."""


class PushedBack(Unwinding):
    """Leaves generated code because what a function calls says that it is too much: to be tried again later.

    `pause` is how many seconds it asks for, if it does.
    """

    def __init__(self, pause: float) -> None:
        super().__init__()
        self.pause = pause


class Moving(Unwinding):
    """Leaves generated code because an item is to be tried again elsewhere, or with more than it has here."""

    def __init__(self, move: Move) -> None:
        super().__init__()
        self.move = move


class Lacking(BaseException):
    """Leaves a stream's reader because what it reads is missing; the reason has been noted already."""

    def __init__(self, missing: Missing) -> None:
        super().__init__()
        self.missing = missing


PASSING: Final = (Unwinding, KeyboardInterrupt)
"""What is no failure of the function that it goes through."""


class Uneven(InputError):
    """Lists that are read side by side are not equally long."""


class Withheld(Exception):
    """A list cannot be collected: an item failed, and by its policy so does what depends on it."""

    def __init__(self, missing: Failure) -> None:
        super().__init__()
        self.missing = missing


def compact(values: Iterable[Any], depth: int) -> list[Any]:
    """A list, or nested lists to `depth`, as a function gets it: without what is missing, but for failures to be kept.

    Raises:
        Withheld: a failure in it has a policy by which the list is missing as a whole.
    """
    values = values if isinstance(values, list) else list(values)
    kinds = set(map(type, values))
    if Failure in kinds:
        for value in values:
            if type(value) is Failure and value.policy in ("finish", "raise"):
                raise Withheld(value)
        values = [value for value in values if type(value) is not Failure or value.policy == "keep"]
    if depth > 1:
        return [value if type(value) is Failure else compact(value, depth - 1) for value in values if value is not ABSENT]
    return [value for value in values if value is not ABSENT]


def withheld(values: Any, depth: int) -> Missing:
    """Why a list cannot be collected; `ABSENT` if it can."""
    try:
        compact(values if isinstance(values, list) else [], depth)
    except Withheld as reason:
        return reason.missing
    return ABSENT
