"""Where a function runs, and what it needs there: run_on, resources. Decorators, and the data that they leave.

Theory: two questions, each with one answer. *On which executor?* (`run_on`): a driver has one that is called ``default``, and
others by the names that `Builder.with_executors` gave them. *With how much of the machine?* (`resources`): amounts that are
taken while a call of the function runs and given back when it ends, and options that only Ray or Dask understand.

Functions that run one after the other for the same items share a loop, and so a call, if their *sites* are the same: the place,
and whatever decides which machine will do (GPUs, custom resources, options for Ray and Dask). Processors and memory are amounts
of the same thing: there the larger need of those that share a call counts for the call.

This module never knows an executor, or how much of anything there is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final, NamedTuple, TypeVar

from anabranch.errors import ExecutorError, FlowError
from anabranch.markers import mark, marks_of

__all__ = [
    "ANYWHERE",
    "DEFAULT_PLACE",
    "NOTHING",
    "Resources",
    "Site",
    "bytes_of",
    "check_needs",
    "decided",
    "needs_of",
    "place_of",
    "ray_remote_options",
    "resources",
    "run_on",
    "together",
]

F = TypeVar("F", bound=Callable[..., Any])

DEFAULT_PLACE: Final = "default"
"""The place of functions that name none."""

UNITS: Final[Mapping[str, int]] = {
    "": 1,
    "B": 1,
    **{f"{letter}{end}": 1000**n for n, letter in enumerate("KMGTP", 1) for end in ("", "B")},
    **{f"{letter}i{end}": 1024**n for n, letter in enumerate("KMGTP", 1) for end in ("", "B")},
}


@dataclass(frozen=True, slots=True)
class Resources:
    """What one call needs while it runs; what is None or left out is not asked for.

    Attributes:
        cpus: processors.
        gpus: GPUs, or a share of one.
        memory: bytes.
        custom: amounts by name, of what the places of the run say that they have.
        ray: further options of Ray's tasks.
        dask: further arguments of Dask's `Client.submit`.
        decide: gives the amounts by name instead, or besides, from those inputs of the function that it has parameters for.
    """

    cpus: float | None = None
    gpus: float | None = None
    memory: int | None = None
    custom: Mapping[str, float] = field(default_factory=dict)
    ray: Mapping[str, Any] = field(default_factory=dict)
    dask: Mapping[str, Any] = field(default_factory=dict)
    decide: Callable[..., Mapping[str, Any]] | None = None

    @property
    def amounts(self) -> dict[str, float]:
        """All that can be counted, by name."""
        known = {"cpus": self.cpus, "gpus": self.gpus, "memory": self.memory, **self.custom}
        return {name: amount for name, amount in known.items() if amount}

    def joined(self, other: Resources) -> Resources:
        """What two functions of one site need that share a call."""
        cpus, memory = max(self.cpus or 0, other.cpus or 0), max(self.memory or 0, other.memory or 0)
        return replace(self, cpus=cpus or None, memory=memory or None)

    def __bool__(self) -> bool:
        """Whether anything is asked for."""
        return bool(self.amounts or self.ray or self.dask or self.decide)


NOTHING: Final = Resources()


class Site(NamedTuple):
    """What functions must have in common to share a call. One whose needs depend on its inputs is `alone`, by its name: these
    inputs must be there before.
    """

    place: str = DEFAULT_PLACE
    gpus: float | None = None
    custom: Mapping[str, float] = NOTHING.custom
    ray: Mapping[str, Any] = NOTHING.ray
    dask: Mapping[str, Any] = NOTHING.dask
    alone: str = ""

    @classmethod
    def of(cls, place: str, needs: Resources | None, name: str) -> Site:
        """The site of a function of that name."""
        if needs is None:
            return cls(place)
        return cls(place, needs.gpus, needs.custom, needs.ray, needs.dask, name if needs.decide is not None else "")


ANYWHERE: Final = Site()
"""The site of functions that say nothing."""


def run_on(place: str) -> Callable[[F], F]:
    """Decorator: where the function runs, by the name that `Builder.with_executors` gave to the executor: ``@run_on("gpu")``.

    Functions without it run on the default executor, associative collectors where their items are. Expanders and functions
    that read a `Stream` cannot have it: the driver pulls the ones and feeds the others.

    Raises:
        FlowError: it is no name.
    """
    if not isinstance(place, str) or not place.isidentifier():
        raise FlowError(f"@run_on takes the name of an executor, as with_executors gives it, not {place!r}")

    def decorate(function: F) -> F:
        return mark(function, place=place)

    return decorate


def resources(
    decide: Callable[..., Mapping[str, Any]] | None = None,
    *,
    cpus: float | None = None,
    gpus: float | None = None,
    memory: int | str | None = None,
    custom: Mapping[str, float] | None = None,
    ray: Mapping[str, Any] | None = None,
    dask: Mapping[str, Any] | None = None,
) -> Callable[[F], F]:
    """Decorator: what a call of the function needs while it runs: ``@resources(cpus=2, memory="4GB")``.

    As many calls run at the same time as there is room for. Ray and Dask are told, and find the machine.

    Args:
        decide: gives amounts by name (``cpus``, ``gpus``, ``memory`` and custom names) for given inputs: a function with some
            of this function's parameters.
        cpus: processors; the libraries that count in threads are limited to as many.
        gpus: GPUs, or a share of one.
        memory: bytes, or a text such as ``"4GB"`` or ``"512MiB"``.
        custom: amounts of whatever else there is, by name.
        ray: further options of the Ray task: ``scheduling_strategy``, ``accelerator_type``, ``runtime_env`` and the like.
        dask: further arguments of Dask's `Client.submit`: ``workers``, ``priority``, ``resources`` and the like.

    Raises:
        FlowError: an amount makes no sense.
    """
    if decide is not None and not callable(decide):
        raise FlowError(f"@resources takes a function of the inputs, or amounts by name, not {decide!r}")
    found = _amounts({"cpus": cpus, "gpus": gpus, "memory": memory, **(custom or {})})
    plain = {name: found.pop(name) for name in ("cpus", "gpus", "memory") if name in found}
    needs = Resources(**plain, custom=found, ray=dict(ray or {}), dask=dict(dask or {}), decide=decide)
    if not needs:
        raise FlowError("@resources says nothing; give cpus=, gpus=, memory=, custom=, ray= or dask=")

    def decorate(function: F) -> F:
        return mark(function, resources=needs)

    return decorate


def ray_remote_options(
    *,
    num_cpus: float | None = None,
    num_gpus: float | None = None,
    memory: int | str | None = None,
    resources: Mapping[str, float] | None = None,
    **ray: Any,
) -> Callable[[F], F]:
    """Decorator: `resources` in Ray's own words, ``@ray_remote_options(num_gpus=1, resources={"big": 2})``.

    The amounts count on every executor, not on Ray alone.

    Args:
        num_cpus: processors.
        num_gpus: GPUs, or a share of one.
        memory: bytes, or a text such as ``"4GB"``.
        resources: amounts of whatever else there is, by name.
        ray: what else Ray takes as options of a task.

    Raises:
        FlowError: an amount makes no sense, or nothing is said.
    """
    return _resources(cpus=num_cpus, gpus=num_gpus, memory=memory, custom=resources, ray=ray)


_resources = resources


def decided(needs: Resources, amounts: Mapping[str, Any]) -> Resources:
    """The needs with the amounts that were decided on.

    Raises:
        FlowError: an amount makes no sense.
    """
    if not isinstance(amounts, Mapping):
        raise FlowError(f"@resources: the function must return a dict from names to amounts, not {type(amounts).__name__}")
    found = _amounts(amounts)
    plain: dict[str, Any] = {name: found.pop(name) for name in ("cpus", "gpus", "memory") if name in found}
    return replace(needs, **plain, custom={**needs.custom, **found}, decide=None)


def place_of(function: Callable[..., Any]) -> str:
    """The place that a function names; empty if it names none."""
    found: str = marks_of(function).get("place", "")
    return found


def needs_of(function: Callable[..., Any]) -> Resources | None:
    """What a function says that it needs; None if it says nothing."""
    found: Resources | None = marks_of(function).get("resources")
    return found


def together(needs: Iterable[Resources | None]) -> Resources:
    """What functions need that share a call."""
    found = NOTHING
    for one in needs:
        if one is not None:
            found = one.joined(found)
    return found


def check_needs(needs: Resources, limits: Mapping[str, float] | None, whose: str, place: str) -> None:
    """Checks that a call can run at a place at all.

    Raises:
        ExecutorError: it needs more than there is.
    """
    if limits is None:
        return
    for name, amount in needs.amounts.items():
        if amount > limits.get(name, 0) + 1e-9:
            there = ", ".join(f"{other} {_in_words(other, limits[other])}" for other in limits) or "nothing that is known"
            has = f"only {_in_words(name, limits[name])}" if limits.get(name) else "none"
            raise ExecutorError(
                f"{whose} needs {name} {_in_words(name, amount)}, and a call on '{place}' can have {has}; there is: {there}. "
                f"Ask for less, or run it elsewhere; where there is more than can be seen, tell the executor: "
                f"resources={{{name!r}: …}}"
            )


def _in_words(name: str, amount: float) -> str:
    if name != "memory":
        return f"{amount:g}"
    power = max((n for n in range(5) if amount >= 1000**n), default=0)
    return f"{amount / 1000**power:.3g} {('bytes', 'kB', 'MB', 'GB', 'TB')[power]}"


def bytes_of(text: str) -> int:
    """How many bytes a text such as ``4GB`` or ``1.5 GiB`` means.

    Raises:
        FlowError: it means none.
    """
    digits = text.strip().rstrip("BiKMGTP")
    unit = text.strip()[len(digits) :]
    try:
        return round(float(digits) * UNITS[unit])
    except (KeyError, ValueError):
        raise FlowError(f"@resources: memory is given in bytes, or as a text such as '4GB' or '512MiB', not {text!r}") from None


def _amounts(given: Mapping[str, Any]) -> dict[str, Any]:
    """The amounts that are asked for, checked."""
    found = {}
    for name, amount in given.items():
        if name == "memory" and isinstance(amount, str):
            amount = bytes_of(amount)  # noqa: PLW2901
        if amount is None:
            continue
        if isinstance(amount, bool) or not isinstance(amount, (int, float)) or not 0 <= amount < float("inf"):
            raise FlowError(f"@resources: {name} must be a number from 0, not {amount!r}")
        found[name] = round(amount) if name == "memory" else amount
    return found
