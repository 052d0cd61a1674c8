"""Modifiers that the config decides."""

from __future__ import annotations

import pytest

from anabranch import FlowError
from anabranch.function_modifiers import (
    ResolveAt,
    config,
    extract_fields,
    inject,
    parameterize_sources,
    resolve,
    resolve_from_config,
    value,
)
from anabranch.graph.functions import nodes_of


def many():
    @resolve(
        when=ResolveAt.CONFIG_AVAILABLE,
        decorate_with=lambda names, suffix="_raw": parameterize_sources(**{name: {"x": name + suffix} for name in names}),
    )
    def f(x: int) -> int:
        return x + 1

    return f


def test_the_config_decides(family, run):
    assert family(many(), names=["a", "b"]) == {"a": (["a_raw"], "int"), "b": (["b_raw"], "int")}
    assert family(many(), names=["a"], suffix="_x") == {"a": (["a_x"], "int")}
    assert run(many(), outputs=["a"], config={"names": ["a"], "hamilton.enable_power_user_mode": True}, a_raw=1) == 2


def test_it_goes_with_others_and_may_be_decided_again(run):
    @inject(x=value(5))
    @resolve_from_config(decorate_with=lambda fields: resolve_from_config(decorate_with=lambda: extract_fields(fields)))
    def f(x: int) -> dict:
        return {"a": x}

    assert run(f, outputs=["a"], config={"fields": {"a": int}}) == 5


def test_what_is_missing_or_no_decorator_is_said():
    with pytest.raises(FlowError, match=r"@resolve on 'f' \(.*\): it takes the config's value of 'names', and there is none; give"):
        nodes_of("f", many(), {})

    def f(x: int) -> int: ...

    with pytest.raises(FlowError, match="decorate_with must return a decorator of this package, not int"):
        nodes_of("f", resolve_from_config(decorate_with=lambda: 3)(f), {})

    def g(x: int) -> int: ...

    with pytest.raises(FlowError, match="decorate_with must return a decorator of this package, not config"):
        nodes_of("g", resolve_from_config(decorate_with=lambda: config.when(a=1))(g), {})

    def h(x: int) -> int: ...

    with pytest.raises(FlowError, match="@inject on 'h' .*: there is no parameter 'y'"):
        nodes_of("h", resolve_from_config(decorate_with=lambda: inject(y=value(1)))(h), {})
    with pytest.raises(FlowError, match="@resolve takes when=ResolveAt.CONFIG_AVAILABLE"):
        resolve(when="later", decorate_with=len)
    with pytest.raises(FlowError, match="@resolve takes a function that returns a decorator, not a value of type int"):
        resolve_from_config(decorate_with=3)
