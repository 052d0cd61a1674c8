"""Versions are the same in the driver and in workers, however these were started and however code came to them."""

from __future__ import annotations

import json
import subprocess
import sys

SCRIPT = """
import dataclasses, enum, functools, json
import pydantic
from anabranch import Builder, Collect, Parallelizable, module_from_functions
from anabranch.versions import Versions

RATES = {"a": {1, 2, "x"}}

class Kind(enum.Enum):
    A = 1

@dataclasses.dataclass
class Base:
    x: int = 1
    def m(self): return helper(self.x)

class Order(Base):
    def n(self): return RATES, Kind.A

class Model(pydantic.BaseModel):
    a: int = 1
    @pydantic.field_validator("a")
    @classmethod
    def v(cls, x): return x

class Slots:
    __slots__ = ("q", "r")
    def __init__(self): self.r = self.q = 1

def helper(x): return [x for _ in RATES]

def number(n: int) -> Parallelizable[int]:
    yield from range(n)

def found(number: int) -> dict:
    versions = Versions()
    data = [Order(), Kind.A, Slots(), Model(), {Kind.A, helper}, functools.partial(helper, 2)]
    code = [helper, lambda y: helper(y), Order, Slots, Model, Kind, Order().m]
    return [versions.of_data(value).hex() for value in data] + [versions.of_code(each).digest.hex() for each in code]

def all_found(found: Collect[dict]) -> list:
    return found

flow = module_from_functions(number, found, all_found)
for executor, options in [("sequential", {})] + [("processes", {"workers": 2, "start_method": m}) for m in ("fork", "spawn", "forkserver")]:
    with Builder().with_modules(flow).with_executor(executor, **options).build() as driver:
        print(json.dumps(driver.execute(["all_found"], inputs={"n": 4})["all_found"]), flush=True)
"""


def test_one_version_everywhere(tmp_path):
    script = tmp_path / "script.py"
    script.write_text(SCRIPT)
    done = subprocess.run([sys.executable, script], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    lists = [versions for line in done.stdout.splitlines() for versions in json.loads(line)]
    assert len(lists) == 16
    for column in zip(*lists, strict=True):
        assert len(set(column)) == 1
