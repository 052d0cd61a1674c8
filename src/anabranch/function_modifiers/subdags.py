"""Flows within a flow: the functions of modules as nodes of their own, under a namespace, once or several times."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import ModuleType
from typing import Any, TypedDict

from anabranch.errors import FlowError, nearest_or_all
from anabranch.function_modifiers.dependencies import Dependency
from anabranch.function_modifiers.modifier import Modifier, parameters_of

__all__ = ["Subdag", "SubdagParams", "Subflow", "check_parts", "parameterized_subdag", "subdag"]

Part = ModuleType | Callable[..., Any]


class SubdagParams(TypedDict, total=False):
    """What one of the subdags of `parameterized_subdag` has of its own."""

    inputs: Mapping[str, Dependency]
    config: Mapping[str, Any]
    external_inputs: Sequence[str]


@dataclass(frozen=True, slots=True)
class Subflow:
    """One run through the functions of a subdag.

    Attributes:
        inputs: where names come from that the functions ask for and none of them gives.
        config: values that go before those of the builder's config.
        external: parameters of the decorated function that read the outer flow.
        namespace: what stands before the names of its nodes; by default the decorated function's node.
        final: the name of the decorated function's node; by default its own.
    """

    inputs: Mapping[str, Dependency] = field(default_factory=dict)
    config: Mapping[str, Any] = field(default_factory=dict)
    external: tuple[str, ...] = ()
    namespace: str | None = None
    final: str | None = None


@dataclass(frozen=True, slots=True)
class Subdag(Modifier):
    """The decorated function reads nodes that are made of `parts` for it alone, once for each of `flows`."""

    parts: tuple[Part, ...]
    flows: tuple[Subflow, ...]
    said: str = "subdag"

    @property
    def word(self) -> str:
        """What it is called in messages."""
        return self.said

    def check(self, function: Callable[..., Any]) -> None:
        """Checks that the decorated function reads something, and that what it is to read elsewhere are its parameters."""
        if not parameters_of(function):
            raise self.refuse(function, "the function has no parameter, so nothing of the subdag is read")
        for flow in self.flows:
            self.check_parameters(function, flow.external)


def subdag(
    *load_from: ModuleType | Callable[..., Any],
    inputs: Mapping[str, Dependency] | None = None,
    config: Mapping[str, Any] | None = None,
    namespace: str | None = None,
    final_node_name: str | None = None,
    external_inputs: Sequence[str] | None = None,
) -> Subdag:
    """A flow within the flow: the functions of modules, as nodes under a namespace, whose results the function reads.

    ``@subdag(cleaning, inputs={"path": source("eu_path")}, config={"region": "eu"}) def eu(cleaned: Frame) -> Frame`` makes
    ``eu.cleaned`` and all that it needs. It may contain fan-outs and stand in one. Names that no function of it gives and
    that are not among `inputs` or `config` are read in the outer flow.

    Args:
        load_from: modules, or single functions.
        inputs: where values come from that its functions ask for.
        config: chooses between alternatives of its functions and can be read by them; it goes before the builder's config. A
            value may be `configuration("…")`.
        namespace: what stands before the names; by default the decorated function's.
        final_node_name: the name of the decorated function's node; by default its own.
        external_inputs: parameters of the decorated function that are not of the subdag but of the outer flow.

    Raises:
        FlowError: nothing is given to load from, or an input is no dependency.
    """
    check_parts("subdag", load_from)
    flow = _flow("@subdag", inputs, config, external_inputs)
    return Subdag(load_from, (replace(flow, namespace=namespace, final=final_node_name),))


def parameterized_subdag(
    *load_from: ModuleType | Callable[..., Any],
    inputs: Mapping[str, Dependency] | None = None,
    config: Mapping[str, Any] | None = None,
    external_inputs: Sequence[str] | None = None,
    **parameterization: SubdagParams,
) -> Subdag:
    """A `subdag` for each keyword, with inputs and config of its own beside the common ones.

    ``@parameterized_subdag(cleaning, config={"strict": True}, eu={"inputs": {"path": source("eu_path")}}, us={…})`` makes the
    nodes `eu` and `us`, and under their names what they need.

    Raises:
        FlowError: nothing is given to load from or to make, or an input is no dependency.
    """
    check_parts("parameterized_subdag", load_from)
    if not parameterization:
        raise FlowError("@parameterized_subdag needs at least one subdag, as in eu={'inputs': {'path': source('eu_path')}}")
    flows = []
    for name, own in parameterization.items():
        where = f"@parameterized_subdag: '{name}'"
        _check_own(where, own)
        external = own.get("external_inputs", external_inputs)
        merged = {**(inputs or {}), **own.get("inputs", {})}, {**(config or {}), **own.get("config", {})}
        flows.append(replace(_flow(where, *merged, external), namespace=name, final=name))
    return Subdag(load_from, tuple(flows), "parameterized_subdag")


def _flow(where: str, inputs: Any, config: Any, external: Sequence[str] | None) -> Subflow:
    if inputs is not None and not isinstance(inputs, Mapping):
        raise FlowError(f"{where} takes inputs as a dict from names to source(…) or value(…), not {type(inputs).__name__}")
    for name, given in (inputs or {}).items():
        if not isinstance(given, Dependency):
            kind = type(given).__name__
            raise FlowError(f"{where} has an input '{name}' of type {kind}; write source('…') or value(…)")
    if config is not None and not isinstance(config, Mapping):
        raise FlowError(f"{where} takes config as a dict from names to values, not {type(config).__name__}")
    names = (external,) if isinstance(external, str) else tuple(external or ())
    return Subflow(dict(inputs or {}), dict(config or {}), names)


def check_parts(word: str, parts: tuple[Any, ...]) -> None:
    """Checks that there are modules and functions to make nodes of.

    Raises:
        FlowError: there are none, or something else.
    """
    if not parts:
        raise FlowError(f"@{word} needs a module or function to make nodes of")
    for part in parts:
        if not isinstance(part, ModuleType) and (isinstance(part, type) or not callable(part)):
            raise FlowError(f"@{word} takes modules and functions, not a value of type {type(part).__name__}")


def _check_own(where: str, own: Any) -> None:
    known = SubdagParams.__optional_keys__
    if not isinstance(own, Mapping):
        raise FlowError(f"{where} takes a dict with {', '.join(map(repr, sorted(known)))}, not {type(own).__name__}")
    for key in own:
        if key not in known:
            raise FlowError(f"{where} has no '{key}'{nearest_or_all(key, sorted(known))}")
