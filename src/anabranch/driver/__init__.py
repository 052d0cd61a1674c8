"""What a user holds: a builder that gathers modules, config and an executor, and a driver that runs requests.

builder.py    gathers what a driver is made of
parts.py      what that is
adapters.py   what goes along with runs, by kind
asynchronous.py  a driver whose requests are awaited, and its builder
driver.py     what a user asks of a dataflow
plans.py      what has been planned
request.py    what is checked of a request before anything runs
session.py    a request being carried out
lookup.py     what a driver can tell and draw of its dataflow
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from anabranch.driver.builder import Builder
    from anabranch.driver.driver import Driver
    from anabranch.driver.request import kinds_of, slots_of
    from anabranch.lineage import Variable

__all__ = ["Builder", "Driver", "Variable", "kinds_of", "slots_of"]

_LAZY = {
    "Builder": "anabranch.driver.builder",
    "Driver": "anabranch.driver.driver",
    "Variable": "anabranch.lineage",
    "kinds_of": "anabranch.driver.request",
    "slots_of": "anabranch.driver.request",
}
"""A builder is light; what makes a driver of it is imported when it does."""


def __getattr__(name: str) -> Any:
    if name not in _LAZY:
        raise AttributeError(f"module 'anabranch.driver' has no attribute '{name}'")
    from importlib import import_module

    value = getattr(import_module(_LAZY[name]), name)
    globals()[name] = value
    return value
