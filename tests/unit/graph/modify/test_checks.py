"""Checks as nodes: names, results, warnings and failures, and the report of all items."""

from __future__ import annotations

import logging

import pytest

from anabranch import Builder, Collect, FlowError, Parallelizable, module_from_functions
from anabranch.function_modifiers import (
    DATA_VALIDATOR_ORIGINAL_OUTPUT_TAG,
    IS_DATA_VALIDATOR_TAG,
    check_output,
    check_output_custom,
    extract_columns,
    extract_fields,
    parameterize,
    pipe_output,
    step,
    subdag,
    tag,
    value,
)
from anabranch.graph.functions import nodes_of
from anabranch.policies import on_error, retry
from anabranch.validation import (
    DataValidationError,
    DataValidator,
    DefaultValidator,
    ValidationReport,
    ValidationResult,
)


def nodes_by_name(function):
    return {node.name: node for node in nodes_of(function.__name__, function, {})}


def test_a_node_for_each_check(family, run):
    @check_output(range=(0, 10), values_in=[1, 3, 30], importance="warn")
    def x(u: int) -> int:
        """Its text."""
        return u

    assert family(x) == {
        "x_raw": (["u"], "int"),
        "x": (["x_raw", "x_range_validator", "x_values_in_validator"], "int"),
        "x.findings": (["x_range_validator", "x_values_in_validator"], "ValidationReport"),
        "x.report": (["x.findings"], "ValidationReport"),
        "x_range_validator": (["x_raw"], "ValidationResult"),
        "x_values_in_validator": (["x_raw"], "ValidationResult"),
    }
    nodes = nodes_by_name(x)
    assert dict(nodes["x_range_validator"].tags) == {IS_DATA_VALIDATOR_TAG: True, DATA_VALIDATOR_ORIGINAL_OUTPUT_TAG: "x"}
    assert nodes["x_range_validator"].doc
    assert nodes["x"].doc == nodes["x_raw"].doc == "Its text."
    found = run(x, outputs=["x", "x_raw", "x_range_validator", "x.report"], u=3)
    assert (found["x"], found["x_raw"], found["x_range_validator"].passes) == (3, 3, True)
    assert (found["x.report"].passed, found["x.report"].failed) == (2, 0)


def test_a_warning_is_logged_and_the_value_goes_on(run, caplog):
    @check_output(range=(0, 10))
    def x(u: int) -> int:
        return u

    with caplog.at_level(logging.WARNING, logger="anabranch"):
        assert run(x, outputs=["x"], u=30) == 30
    assert "'x' does not pass range" in caplog.text


def test_a_failure_is_raised_with_function_and_check(run):
    @check_output(range=(0, 10), importance="fail")
    def x(u: int) -> int:
        return u

    with pytest.raises(DataValidationError, match="what 'x' returned does not pass range") as caught:
        run(x, outputs=["x"], u=30)
    assert list(caught.value.failures) == ["range"]
    assert run(x, outputs=["x_raw", "x_range_validator"], u=30)["x_range_validator"].passes is False


class Even(DataValidator):
    def applies_to(self, datatype):
        return datatype is int

    def description(self):
        return "even"

    def validate(self, dataset):
        return ValidationResult(dataset % 2 == 0, f"{dataset} is {'even' if dataset % 2 == 0 else 'odd'}")


class Below(DefaultValidator):
    kinds = (int,)

    def __init__(self, below, importance="warn"):
        super().__init__(importance)
        self.limit = below

    def description(self):
        return f"below {self.limit}"

    def validate(self, dataset):
        return ValidationResult(dataset < self.limit, f"{dataset}; {self.limit}")


def test_validators_of_ones_own(family, run):
    @check_output_custom(Even("fail"), Below(100))
    def x(u: int) -> int:
        return u

    assert [name for name in family(x) if name.startswith("x_")] == ["x_raw", "x_even", "x_below_validator"]
    assert run(x, outputs=["x"], u=4) == 4
    with pytest.raises(DataValidationError, match="does not pass even: 3 is odd"):
        run(x, outputs=["x"], u=3)

    @check_output(below=100, default_validator_candidates=[Below])
    def y(u: int) -> int:
        return u

    assert run(y, outputs=["y_below_validator"], u=4).message == "4; 100"


def test_several_decorators_check_the_same_value(family, run):
    @check_output(range=(0, 5))
    @check_output_custom(Even("fail"))
    @check_output(range=(0, 9), importance="fail")
    def x(u: int) -> int:
        return u

    names = ["x_raw", "x", "x.findings", "x.report", "x_range_validator", "x_even", "x_range_validator_1"]
    assert list(family(x)) == names
    assert family(x)["x"][0] == ["x_raw", "x_range_validator", "x_even", "x_range_validator_1"]
    assert run(x, outputs=["x.report"], u=6).as_dict()["passed"] == 2
    with pytest.raises(DataValidationError, match="range: .*even"):
        run(x, outputs=["x"], u=11)


def test_the_order_beside_pipes_counts(family, run):
    def _twice(a: int) -> int:
        return 2 * a

    @check_output(range=(0, 10), importance="fail")
    @pipe_output(step(_twice))
    def after(u: int) -> int:
        return u

    @pipe_output(step(_twice))
    @check_output(range=(0, 10), importance="fail")
    def before(u: int) -> int:
        return u

    assert family(after)["after"][0] == ["after_raw", "after_range_validator"]
    assert family(after)["after_raw"][0] == ["after.with_twice"]
    assert family(before)["before.raw"][0] == ["before_raw", "before_range_validator"]
    assert run(before, outputs=["before"], u=8) == 16
    with pytest.raises(DataValidationError):
        run(after, outputs=["after"], u=8)


def test_nodes_are_chosen(family):
    @check_output(range=(0, 10), target_="a")
    @extract_fields({"a": int, "b": str})
    def whole() -> dict: ...

    assert family(whole)["a"][0] == ["a_raw", "a_range_validator"]
    assert family(whole)["b"] == (["whole"], "str")

    @tag(x=1)
    @check_output(range=(0, 10))
    @parameterize(p={"u": value(1)}, q={"u": value(2)})
    def f(u: int) -> int: ...

    tags = {node.name: dict(node.tags) for node in nodes_of("f", f, {})}
    assert {name for name, own in tags.items() if own == {"x": 1}} == {"p", "q"}


def test_every_item_is_checked_and_one_report_is_of_all(run, caplog):
    @check_output(range=(0, 2))
    def item(n: int) -> Parallelizable[int]:
        return range(n)

    @check_output(values_in=[0, 1, 4], importance="fail")
    def square(item: int) -> int:
        return item * item

    def part(item: int) -> Parallelizable[int]:
        return range(item)

    @check_output(range=(0, 1))
    def leaf(part: int) -> int:
        return part

    flow = (item, square, part, leaf)
    found = run(*flow, outputs=["item", "item.report", "square_values_in_validator", "square.report", "leaf.report"], n=4)
    assert found["item"] == [0, 1, 2, 3]
    assert [one.passes for one in found["square_values_in_validator"]] == [True, True, True, False]
    assert found["item.report"].as_dict()["checks"][0]["first_failures"][0]["item"] == [3]
    assert (found["square.report"].passed, found["square.report"].failed, found["square.report"].passes) == (3, 1, False)
    (leaf_check,) = found["leaf.report"].as_dict()["checks"]
    assert (leaf_check["passed"], leaf_check["first_failures"][0]["item"]) == (5, [3, 2])
    with pytest.raises(DataValidationError, match="what 'square' returned does not pass values_in"):
        run(*flow, outputs=["square"], n=4)
    whole = ValidationReport.merged([found["item.report"], found["square.report"], found["leaf.report"]])
    assert "square values_in (fail): 3 of 4 passed" in str(whole)


def test_an_item_that_does_not_pass_can_be_left_out(run):
    from anabranch import Builder

    def item(n: int) -> Parallelizable[int]:
        return range(n)

    @on_error("skip")
    @retry(attempts=3)
    @check_output_custom(Even("fail"))
    def checked(item: int) -> int:
        return item

    def listed(checked: Collect[int]) -> list:
        return checked

    nodes = nodes_by_name(checked)
    assert nodes["checked_raw"].policy.retries is not None
    assert (nodes["checked"].policy.on_error, nodes["checked"].policy.retries) == ("skip", None)
    driver = Builder().with_modules(module_from_functions(item, checked, listed)).build()
    found = driver.execute(["listed", "checked.report"], {"n": 5})
    assert found["listed"] == [0, 2, 4]
    assert found["checked.report"].failed == 2


def test_in_a_subdag(run):
    def item(n: int) -> Parallelizable[int]:
        return range(n)

    @check_output(range=(0, 10))
    def checked(item: int) -> int:
        return item

    def total(checked: Collect[int]) -> int:
        return sum(checked)

    @subdag(item, checked, total, inputs={"n": value(4)})
    def f(total: int) -> int:
        return total

    found = run(f, outputs=["f", "f.checked.report"])
    assert (found["f"], found["f.checked.report"].passed) == (6, 4)


def test_frames_and_columns(run):
    pd = pytest.importorskip("pandas")

    @check_output(allow_nans=False, importance="fail")
    @extract_columns("a", "b")
    def frame(n: int) -> pd.DataFrame:
        return pd.DataFrame({"a": [1.0, float(n)], "b": [1.0, 2.0]})

    for node in nodes_of("frame", frame, {}):
        assert node.annotation is not int
    found = run(frame, outputs=["a", "b_allow_nans_validator"], n=1)
    assert found["a"].tolist() == [1.0, 1.0]
    assert found["b_allow_nans_validator"].passes


def test_a_schema_of_the_annotation(run):
    pydantic = pytest.importorskip("pydantic")

    class Point(pydantic.BaseModel):
        x: int

    def point(n: int) -> Point:
        return Point.model_construct(x=n)

    point.__annotations__ = {"n": object, "return": Point}
    check_output(importance="fail")(point)
    assert run(point, outputs=["point"], n=1).x == 1
    with pytest.raises(DataValidationError, match="pydantic_model"):
        run(point, outputs=["point"], n="text")


@pytest.mark.parametrize(
    ("decorator", "message"),
    [
        (check_output(), r"@check_output on 'f' \(.*\): for 'f': say what is to be checked.*int names no schema of pandera"),
        (check_output(rang=(0, 1)), "for 'f': there is no check 'rang'; did you mean 'range'"),
        (check_output(str_contains="a"), "for 'f': the check 'str_contains' is for str, .*, not for int"),
        (check_output(range=(0, 1), importance="maybe"), "importance is 'warn' or 'fail', not 'maybe'"),
        (check_output(range=(0, 1), target_="g"), "the function makes no node 'g'"),
    ],
)
def test_what_cannot_be_checked_is_said_when_the_graph_is_built(decorator, message):
    def f() -> int: ...

    with pytest.raises(FlowError, match=message):
        nodes_of("f", decorator(f), {})


def test_what_is_no_validator_or_not_for_the_type():
    with pytest.raises(FlowError, match="@check_output_custom needs at least one validator"):
        check_output_custom()
    with pytest.raises(FlowError, match="takes objects of subclasses of DataValidator, not the class Even"):
        check_output_custom(Even)
    with pytest.raises(FlowError, match="takes objects of subclasses of DataValidator, not a int"):
        check_output_custom(3)

    @check_output_custom(Even())
    def f() -> str: ...

    with pytest.raises(FlowError, match=r"@check_output_custom on 'f' \(.*\): 'even' is not for str, which is what 'f' gives"):
        nodes_of("f", f, {})


@pytest.mark.parametrize("executor", ["sequential", "threads"])
def test_a_report_goes_without_the_items_that_failed_before_they_could_be_checked(executor):
    def number(limit: int) -> Parallelizable[int]:
        yield from range(limit)

    @on_error("keep")
    def inverse(number: int) -> float:
        return 6 / (number - 2)

    @check_output(range=(0, 10))
    def checked(inverse: float) -> float:
        return inverse

    flow = module_from_functions(number, inverse, checked)
    with Builder().with_modules(flow).with_executor(executor).build() as driver:
        report = driver.execute(["checked.report"], {"limit": 6})["checked.report"]
        assert (report.passed, report.failed) == (3, 2)
        assert driver.execute(["checked.report"], {"limit": 0})["checked.report"] == ValidationReport()
