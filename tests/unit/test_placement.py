import pytest

from anabranch import (
    Builder,
    Collect,
    FlowError,
    InputError,
    Parallelizable,
    Stream,
    associative,
    module_from_functions,
    resources,
    run_on,
)
from anabranch.function_modifiers import extract_fields
from anabranch.placement import Resources, Site, bytes_of, decided, needs_of, place_of, together
from anabranch.plan import CallTask, FanTask, make_plan


def number(limit: int) -> Parallelizable[int]:
    yield from range(limit)


def loaded(number: int) -> int:
    return number + 1


@run_on("gpu")
def trained(loaded: int) -> int:
    return loaded * 10


@associative
def best(trained: Collect[int]) -> int:
    return max(trained, default=0)


def plan_of(*functions, outputs, inputs=("limit",), fuse=False):
    graph = Builder().with_modules(module_from_functions(*functions)).with_executors(gpu="threads", home="sequential").build().graph
    return make_plan(graph, outputs, inputs, fuse=fuse)


def places_of(plan):
    return [(task.name, task.place) for task in plan.root.tasks if isinstance(task, (CallTask, FanTask))]


def test_a_loop_is_split_where_the_place_changes():
    plan = plan_of(number, loaded, trained, outputs=["trained"])
    assert places_of(plan) == [("number", "default"), ("number, pass 2", "gpu")]
    assert plan.places == ("default", "gpu")
    one, two = (task for task in plan.root.tasks if isinstance(task, FanTask))
    assert list(one.code.origins) == ["loaded"]
    assert list(two.code.origins) == ["trained"]


def test_items_go_with_whoever_reads_them_first_so_that_no_list_of_them_is_made():
    @run_on("gpu")
    def seen(number: int) -> int:
        return number

    plan = plan_of(number, seen, outputs=["seen"])
    assert places_of(plan) == [("number", "gpu")]
    assert plan.places == ("gpu",)


def test_an_associative_collector_that_names_no_place_runs_where_its_items_are():
    plan = plan_of(number, loaded, trained, best, outputs=["best"])
    assert [len(task.merges) for task in plan.root.tasks if isinstance(task, FanTask)] == [0, 1]
    at_home = run_on("home")(associative(lambda trained: max(trained)))
    at_home.__name__, at_home.__annotations__ = "top", {"trained": Collect[int], "return": int}
    plan = plan_of(number, loaded, trained, at_home, outputs=["top"])
    assert places_of(plan)[0] == ("top", "home")


def test_calls_outside_of_fan_outs_are_split_too():
    def start(limit: int) -> int:
        return limit

    @run_on("gpu")
    def middle(start: int) -> int:
        return start + 1

    def end(middle: int) -> int:
        return middle + 1

    for fuse in (False, True):
        plan = plan_of(start, middle, end, outputs=["end"], fuse=fuse)
        assert places_of(plan) == [("start", "default"), ("middle", "gpu"), ("end", "default")]


def test_what_is_derived_from_a_function_runs_where_it_does():
    @extract_fields({"left": int, "right": int})
    @run_on("gpu")
    def pair(number: int) -> dict:
        return {"left": number, "right": -number}

    @run_on("gpu")
    def added(left: int, right: int) -> int:
        return left + right

    assert places_of(plan_of(number, pair, added, outputs=["added"])) == [("number", "gpu")]


def test_an_override_needs_no_place():
    graph = Builder().with_modules(module_from_functions(number, loaded, trained)).with_executors(gpu="threads").build().graph
    plan = make_plan(graph, ["trained"], ["limit"], constant=["trained"])
    assert plan.places == ("default",)


def test_a_place_without_an_executor_is_an_error_when_the_driver_is_built():
    builder = Builder().with_modules(module_from_functions(number, loaded, trained))
    with pytest.raises(FlowError, match=r"'trained' \(.*test_placement.py:\d+\) is to run on 'gpu', and there is no such exec"):
        builder.build()
    with pytest.raises(FlowError, match=r"did you mean 'gpus'\?; add it: with_executors\(gpu=…\)"):
        builder.with_executors(gpus="threads").build()


def test_what_the_driver_runs_has_no_place():
    @run_on("gpu")
    def items(limit: int) -> Parallelizable[int]:
        yield from range(limit)

    def kept(number: Stream[int]) -> int:
        return sum(number)

    with pytest.raises(FlowError, match=r"'items' .* is Parallelizable: the driver pulls it, so @run_on has no place there"):
        module = module_from_functions(items)
        Builder().with_modules(module).with_executors(gpu="threads").build()
    with pytest.raises(FlowError, match="reads a Stream, which the driver feeds, so @resources has no place there"):
        Builder().with_modules(module_from_functions(number, resources(cpus=1)(kept))).build()


@pytest.mark.parametrize("name", ["", "two words", 3])
def test_a_place_is_a_name(name):
    with pytest.raises(FlowError, match="@run_on takes the name of an executor"):
        run_on(name)


def test_executors_are_given_in_several_forms(tmp_path):
    from anabranch_executors.threads import ThreadExecutor

    made = ThreadExecutor(workers=1)
    builder = Builder().with_modules(module_from_functions(number, loaded, trained))
    for gpu in ("threads", ("threads", {"workers": 2}), made):
        with builder.with_executors(default="sequential", gpu=gpu).build() as driver:
            assert driver.execute(["trained"], inputs={"limit": 2}) == {"trained": [10, 20]}
    made.close()
    with pytest.raises(InputError, match="executor 'gpu' is a name, a name and a dict of options, or an executor object"):
        builder.with_executors(gpu=("threads", 2)).build()


def test_what_executors_are_not_asked_for_is_not_started():
    class Never:
        traits = None

        def lease(self):
            raise AssertionError

        def close(self):
            pass

    builder = Builder().with_modules(module_from_functions(number, loaded, trained)).with_executors(gpu=Never())
    assert builder.build().execute(["loaded"], inputs={"limit": 2}) == {"loaded": [1, 2]}


def test_marks():
    assert place_of(trained) == "gpu"
    assert place_of(loaded) == ""
    assert needs_of(resources(cpus=2, memory="1.5GiB", custom={"disk": 1})(lambda: 0)) == Resources(
        cpus=2, memory=3 * 2**29, custom={"disk": 1}
    )


def test_amounts_are_checked():
    for wrong in ({"cpus": -1}, {"gpus": "one"}, {"memory": True}, {"custom": {"disk": None, "x": "y"}}):
        with pytest.raises(FlowError, match="@resources: .* must be a number from 0"):
            resources(**wrong)
    with pytest.raises(FlowError, match="memory is given in bytes, or as a text such as '4GB'"):
        resources(memory="lots")
    with pytest.raises(FlowError, match="@resources says nothing"):
        resources()
    with pytest.raises(FlowError, match="takes a function of the inputs, or amounts by name"):
        resources(3)


@pytest.mark.parametrize(("text", "count"), [("7", 7), ("2 kB", None), ("2KB", 2000), ("1GiB", 2**30), ("1.5G", 15 * 10**8), ("3Mi", 3 * 2**20)])
def test_memory_as_text(text, count):
    if count is None:
        with pytest.raises(FlowError):
            bytes_of(text)
    else:
        assert bytes_of(text) == count


def test_functions_that_share_a_call_need_the_most_of_any():
    one, two = Resources(cpus=2, memory=10), Resources(cpus=1, memory=20)
    assert together([one, None, two]) == Resources(cpus=2, memory=20)
    assert Site.of("p", one, "f") == Site.of("p", two, "g")
    assert Site.of("p", Resources(gpus=1), "f") != Site.of("p", two, "f")
    assert Site.of("p", Resources(decide=dict), "f") != Site.of("p", Resources(decide=dict), "g")


def test_amounts_that_were_decided_on():
    needs = decided(Resources(cpus=2, decide=dict, custom={"disk": 1}), {"memory": "1KB", "net": 2})
    assert needs == Resources(cpus=2, memory=1000, custom={"disk": 1, "net": 2})
    with pytest.raises(FlowError, match="must return a dict"):
        decided(needs, 3)
