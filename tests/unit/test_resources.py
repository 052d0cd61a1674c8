"""What functions need, and what they get."""

import os
import threading

import pytest

from anabranch import (
    Builder,
    Collect,
    ExecutorError,
    FlowError,
    Parallelizable,
    Skip,
    module_from_functions,
    resources,
    run_on,
)
from anabranch.function_modifiers import ray_remote_options
from anabranch.machine import machine, usable_gpus, usable_memory
from anabranch.placement import needs_of
from anabranch.plan import FanTask


def number(limit: int) -> Parallelizable[int]:
    yield from range(limit)


class Meter:
    """How many are inside at the same time, at most."""

    def __init__(self):
        self.lock = threading.Lock()
        self.inside = 0
        self.most = 0
        self.amount = 0
        self.most_amount = 0

    def enter(self, amount=0):
        with self.lock:
            self.inside += 1
            self.amount += amount
            self.most = max(self.most, self.inside)
            self.most_amount = max(self.most_amount, self.amount)

    def leave(self, amount=0):
        with self.lock:
            self.inside -= 1
            self.amount -= amount


def driver_of(*functions, **executors):
    return Builder().with_modules(module_from_functions(*functions)).with_executors(**executors).build()


def busy():
    """Takes long enough for others to begin."""
    threading.Event().wait(0.01)


def test_as_many_calls_run_at_the_same_time_as_there_is_room_for():
    meter = Meter()

    @resources(custom={"licences": 1})
    def checked(number: int) -> int:
        meter.enter()
        busy()
        meter.leave()
        return number

    executor = ("threads", {"workers": 6, "resources": {"licences": 2}})
    with driver_of(number, checked, default=executor) as driver:
        assert driver.execute(["checked"], inputs={"limit": 30}) == {"checked": list(range(30))}
    assert meter.most == 2


def test_executors_of_one_machine_share_what_it_has():
    meter = Meter()

    def inside(number: int) -> int:
        meter.enter()
        busy()
        meter.leave()
        return number

    @run_on("one")
    @resources(custom={"licences": 1})
    def left(number: int) -> int:
        return inside(number)

    @run_on("two")
    @resources(custom={"licences": 1})
    def right(number: int) -> int:
        return inside(number)

    def both(left: Collect[int], right: Collect[int]) -> int:
        return sum(left) + sum(right)

    def items(limit: int) -> list:
        return list(range(limit))

    executor = ("threads", {"workers": 4, "resources": {"licences": 3}})
    with driver_of(number, left, right, both, one=executor, two=executor) as driver:
        assert driver.execute(["both"], inputs={"limit": 20}) == {"both": 380}
    assert meter.most <= 3


def test_a_call_takes_as_many_slots_as_processors(monkeypatch):
    monkeypatch.setattr("anabranch.driver.supply.machine", lambda: {"cpus": 4, "gpus": 0, "memory": 0})
    meter = Meter()

    @resources(cpus=2)
    def wide(number: int) -> int:
        meter.enter()
        busy()
        meter.leave()
        return number

    with driver_of(number, wide, default=("threads", {"workers": 4})) as driver:
        driver.execute(["wide"], inputs={"limit": 20})
    assert meter.most == 2


def test_needs_may_depend_on_the_inputs():
    meter = Meter()

    @resources(lambda number: {"tapes": number})
    def read(number: int, limit: int) -> int:
        meter.enter(number)
        busy()
        meter.leave(number)
        return number

    executor = ("threads", {"workers": 6, "resources": {"tapes": 5}})
    with driver_of(number, read, default=executor) as driver:
        assert driver.execute(["read"], inputs={"limit": 6}) == {"read": list(range(6))}
        assert 5 <= meter.most_amount <= 5
        with pytest.raises(ExecutorError, match=r"'read' .* needs tapes 6, and a call on 'default' can have only 5"):
            driver.execute(["read"], inputs={"limit": 7})


def test_needs_that_depend_on_inputs_within_nested_fan_outs_and_once():
    seen = []

    def part(number: int) -> Parallelizable[int]:
        if number == 3:
            raise Skip
        yield from range(number)

    @resources(lambda part: seen.append(part) or {"tapes": part})
    def read(part: int, number: int) -> int:
        return part * number

    @resources(lambda **given: seen.append(sorted(given)) or {"tapes": 1})
    def total(read: Collect[Collect[int]], limit: int = 3) -> int:
        return sum(map(sum, read))

    for workers in (1, 4):
        seen.clear()
        executor = ("threads", {"workers": workers, "resources": {"tapes": 3}})
        with driver_of(number, part, read, total, default=executor) as driver:
            assert driver.execute(["total"], inputs={"limit": 5}) == {"total": 0 + 0 + 2 + 4 * 6}
        assert sorted(one for one in seen if isinstance(one, int)) == [0, 0, 0, 1, 1, 2, 3]
        assert ["limit", "read"] in seen


def test_a_decision_that_fails_ends_the_run_and_says_where():
    @resources(lambda number: {"tapes": 1 // number})
    def read(number: int) -> int:
        return number

    with driver_of(number, read, default=("threads", {"workers": 2, "resources": {"tapes": 1}})) as driver:
        with pytest.raises(ZeroDivisionError) as caught:
            driver.execute(["read"], inputs={"limit": 3})
        assert "'read'" in str(caught.value.__notes__)

    @resources(lambda number: 3)
    def odd(number: int) -> int:
        return number

    with driver_of(number, odd, default=("threads", {"workers": 2})) as driver:
        with pytest.raises(FlowError, match="must return a dict from names to amounts, not int"):
            driver.execute(["odd"], inputs={"limit": 3})


def test_a_decision_takes_parameters_of_the_function():
    @resources(lambda size: {"memory": size})
    def read(number: int) -> int:
        return number

    with pytest.raises(FlowError, match=r"'read' .*: the function in @resources takes 'size', which 'read' does not"):
        driver_of(number, read)


@pytest.mark.parametrize("executor", ["sequential", "threads", "processes"])
def test_what_can_never_fit_is_an_error_that_says_what_there_is(executor):
    ran = []

    def first(number: int) -> int:
        ran.append(number)
        return number

    @resources(gpus=2)
    def trained(first: int) -> int:
        return first

    with driver_of(number, first, trained, default=executor) as driver:
        with pytest.raises(ExecutorError, match=r"'trained' \(.*\) needs gpus 2, and a call on 'default' can have none; there is: "):
            driver.execute(["trained"], inputs={"limit": 3})
        assert driver.execute(["first"], inputs={"limit": 2}) == {"first": [0, 1]}
    assert executor == "processes" or ran == [0, 1]


def test_memory_in_words():
    @resources(memory="4000TB")
    def huge(limit: int) -> int:
        return limit

    with pytest.raises(ExecutorError, match=r"needs memory 4e\+03 TB, and a call on 'default' can have only .* GB; there is: cpus"):
        driver_of(huge).execute(["huge"], inputs={"limit": 3})


def test_a_large_call_is_not_starved_by_small_ones():
    order = []

    @resources(custom={"seats": 4})
    def whole(limit: int) -> int:
        order.append("whole")
        return limit

    @resources(custom={"seats": 1})
    def one(number: int) -> int:
        order.append(number)
        busy()
        return number

    def both(one: Collect[int], whole: int) -> int:
        return sum(one) + whole

    with driver_of(number, one, whole, both, default=("threads", {"workers": 4, "resources": {"seats": 4}})) as driver:
        assert driver.execute(["both"], inputs={"limit": 60}) == {"both": 1830}
    assert order.index("whole") < 30


def test_devices_split_a_loop_and_amounts_of_processors_do_not():
    def loaded(number: int) -> int:
        return number

    @resources(cpus=1)
    def parsed(loaded: int) -> int:
        return loaded

    @resources(gpus=1)
    def trained(parsed: int) -> int:
        return parsed

    from anabranch.plan import make_plan

    graph = driver_of(number, loaded, parsed, trained).graph
    fans = [task for task in make_plan(graph, ["trained"], ["limit"]).root.tasks if isinstance(task, FanTask)]
    assert [(list(task.code.origins), task.needs.amounts) for task in fans] == [
        (["loaded", "parsed"], {"cpus": 1}),
        (["trained"], {"gpus": 1}),
    ]


def test_numeric_libraries_in_workers_are_held_to_their_share(monkeypatch):
    for name in list(os.environ):
        if name.endswith("_NUM_THREADS"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("MKL_NUM_THREADS", "7")

    def told(limit: int) -> dict:
        return {name: value for name, value in os.environ.items() if name.endswith("_NUM_THREADS")}

    def other(limit: int) -> int:
        return limit

    workers = 2 * machine()["cpus"]
    with driver_of(told, other, default=("processes", {"workers": int(workers)})) as driver:
        found = driver.execute(["told", "other"], inputs={"limit": 1})["told"]
    if found:  # else it ran in the driver itself
        assert found["OMP_NUM_THREADS"] == "1"
        assert found["MKL_NUM_THREADS"] == "7"


def test_a_call_has_as_many_threads_as_processors():
    pytest.importorskip("threadpoolctl")

    @resources(cpus=1)
    def threads(number: int) -> int:
        import numpy as np
        import threadpoolctl

        np.ones((4, 4)) @ np.ones((4, 4))
        return max(pool["num_threads"] for pool in threadpoolctl.threadpool_info())

    pytest.importorskip("numpy")
    with driver_of(number, threads, default=("processes", {"workers": 1})) as driver:
        assert set(driver.execute(["threads"], inputs={"limit": 4})["threads"][1:]) == {1}


def test_the_machine_is_what_the_control_group_leaves_of_it(tmp_path):
    (tmp_path / "proc/self").mkdir(parents=True)
    (tmp_path / "proc/self/cgroup").write_text("0::/outer/inner\n")
    inner = tmp_path / "sys/fs/cgroup/outer/inner"
    inner.mkdir(parents=True)
    (inner / "memory.max").write_text("max\n")
    (inner.parent / "memory.max").write_text("123000\n")
    assert usable_memory(tmp_path) == 123000
    (tmp_path / "proc/self/cgroup").write_text("7:memory:/box\n")
    box = tmp_path / "sys/fs/cgroup/memory/box"
    box.mkdir(parents=True)
    (box / "memory.limit_in_bytes").write_text("4096\n")
    assert usable_memory(tmp_path) == 4096
    assert machine()["memory"] > 0


@pytest.mark.parametrize(("visible", "count"), [("0,1", 2), ("", 0), ("-1", 0), ("3", 1), ("0,-1,1", 1)])
def test_gpus_are_those_that_are_visible(monkeypatch, tmp_path, visible, count):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)
    assert usable_gpus() == count
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES")
    assert usable_gpus(tmp_path) == 0
    (tmp_path / "proc/driver/nvidia/gpus/0000:00").mkdir(parents=True)
    assert usable_gpus(tmp_path) == 1


def test_a_decision_sees_values_that_come_from_a_cache(tmp_path):
    def loaded(number: int) -> list:
        return [number] * 1000

    @resources(lambda loaded: {"tapes": len(loaded) // 1000})
    def read(loaded: list) -> int:
        return sum(loaded)

    for _ in range(2):
        executors = {"default": ("threads", {"workers": 2, "resources": {"tapes": 1}})}
        builder = Builder().with_modules(module_from_functions(number, loaded, read)).with_executors(**executors)
        with builder.with_cache(tmp_path).build() as driver:
            assert driver.execute(["read"], inputs={"limit": 3}) == {"read": [0, 1000, 2000]}


@pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore:.*accelerator visible devices.*:FutureWarning")
def test_what_ray_is_asked_for_is_given():
    """Amounts, and whatever else Ray takes: here, an environment of its own for one function."""
    pytest.importorskip("ray")

    @resources(cpus=2)
    def cpus(number: int) -> float:
        import ray

        return ray.get_runtime_context().get_assigned_resources()["CPU"]

    @ray_remote_options(num_cpus=1, runtime_env={"env_vars": {"ASKED_FOR": "this"}})
    def told(number: int) -> str:
        return os.environ["ASKED_FOR"]

    flow = module_from_functions(number, cpus, told)
    with Builder().with_modules(flow).with_executor("ray", workers=2).build() as driver:
        assert driver.execute(["cpus", "told"], {"limit": 3}) == {"cpus": [2.0] * 3, "told": ["this"] * 3}


def test_rays_own_words_mean_the_same_everywhere():
    def decorated(decorator):
        @decorator
        def needy(x: int) -> int:
            return x

        return needs_of(needy)

    assert decorated(ray_remote_options(num_cpus=2, memory="1GB", resources={"big": 1}, accelerator_type="A100")) == decorated(
        resources(cpus=2, memory="1GB", custom={"big": 1}, ray={"accelerator_type": "A100"})
    )

    @ray_remote_options(resources={"unheard": 1})
    def needy(x: int) -> int:
        return x

    with pytest.raises(ExecutorError, match=r"needy.*unheard"):
        driver_of(needy).execute(["needy"], {"x": 1})
