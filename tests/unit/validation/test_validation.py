"""Validators of one's own, what is done about results, reports, and schemas that others wrote."""

import functools
import json
import logging
import pickle
import random
import subprocess
import sys
from typing import Any

import pandas as pd
import pandera.pandas as pa
import pandera.polars as pap
import polars as pl
import pydantic
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pandera.typing import DataFrame

from anabranch import AnabranchError, Builder, Collect, FlowError, Parallelizable, associative, module_from_functions
from anabranch.validation import (
    DataValidationError,
    DataValidationLevel,
    DataValidator,
    Finding,
    PanderaSchemaValidator,
    PydanticModelValidator,
    ValidationReport,
    ValidationResult,
    judge,
    model_of,
    schema_of,
    validate,
    validators_for,
)


class HasRows(DataValidator):
    def applies_to(self, datatype: Any) -> bool:
        return datatype is list

    def description(self) -> str:
        return "there are rows"

    def validate(self, dataset: Any) -> ValidationResult:
        return ValidationResult(len(dataset) > 0, f"there are {len(dataset)} rows")


class Nonsense(HasRows):
    def validate(self, dataset: Any) -> ValidationResult:
        return True  # type: ignore[return-value]


class TestJudgement:
    def test_names(self):
        assert HasRows.name() == "has_rows"
        assert HasRows().importance is DataValidationLevel.WARN

    def test_what_raises_does_not_pass(self):
        result = validate(HasRows(), 3)
        assert not result.passes
        assert result.message == "the check itself failed: TypeError: object of type 'int' has no len()"

    def test_what_is_no_result(self):
        with pytest.raises(FlowError, match=r"Nonsense.validate must return a ValidationResult, not bool"):
            validate(Nonsense(), [])

    def test_warnings_are_logged(self, caplog: pytest.LogCaptureFixture):
        with caplog.at_level(logging.WARNING, "anabranch"):
            judge("rows", [(v, validate(v, [])) for v in (HasRows(), HasRows("warn"))])
            judge("rows", [(HasRows("fail"), validate(HasRows(), [1]))])
        assert [record.getMessage() for record in caplog.records] == ["'rows' does not pass has_rows: there are 0 rows"] * 2

    def test_failures_are_raised_together(self):
        found = [(v, validate(v, 5)) for v in validators_for(int, "fail", range=(0, 1), values_in=[1], data_type=int)]
        with pytest.raises(DataValidationError) as caught:
            judge("count", found)
        assert str(caught.value) == (
            "what 'count' returned does not pass range: 5 does not lie between 0 and 1; values_in: 5 does not belong to 1"
        )
        again = pickle.loads(pickle.dumps(caught.value))
        assert isinstance(again, AnabranchError)
        assert str(again) == str(caught.value)
        assert list(again.failures) == ["range", "values_in"]


LEVELS = st.sampled_from(list(DataValidationLevel))
FINDINGS = st.builds(
    Finding,
    st.sampled_from("ab"),
    st.sampled_from("xy"),
    LEVELS,
    st.builds(ValidationResult, st.booleans(), st.sampled_from(["one", "two"])),
    st.tuples(st.integers(0, 30)),
)


class TestReport:
    @settings(max_examples=50)
    @given(st.lists(FINDINGS, max_size=60), st.integers(0, 2**32))
    def test_any_grouping_gives_the_same(self, findings: list[Finding], seed: int):
        whole = ValidationReport.of(findings)
        chance = random.Random(seed)
        shuffled = chance.sample(findings, len(findings))
        cuts = sorted(chance.randint(0, len(findings)) for _ in range(4))
        parts = [ValidationReport.of(shuffled[a:b]) for a, b in zip([0, *cuts], [*cuts, len(findings)], strict=True)]
        left = functools.reduce(lambda a, b: a + b, parts, ValidationReport())
        right = functools.reduce(lambda a, b: b + a, reversed(parts), ValidationReport())
        assert left == right == ValidationReport.merged(parts) == whole
        assert whole.passed + whole.failed == len(findings)
        assert all(len(tally.first) <= 10 for tally in whole.tallies.values())
        json.dumps(whole.as_dict())

    def test_text(self):
        validators = validators_for(int, "fail", range=(0, 20)) + validators_for(int, "warn", values_in=[1])
        findings = [Finding.of("size", v, validate(v, n), (n,)) for n in range(33) for v in validators]
        report = ValidationReport.of(findings)
        lines = str(report).splitlines()
        assert lines[0] == "22 of 66 checks passed"
        assert lines[1] == "  size range (fail): 21 of 33 passed"
        assert lines[2] == "    item 21: 21 does not lie between 0 and 20"
        assert lines[12] == "    and 2 more"
        assert lines[13] == "  size values_in (warn): 1 of 33 passed"
        with pytest.raises(DataValidationError, match="22 of 66 checks passed") as caught:
            report.raise_if_failed()
        assert set(caught.value.failures) == {"range", "values_in"}
        assert report.as_dict()["checks"][0]["first_failures"][0]["item"] == [21]

    def test_warnings_do_not_matter(self):
        (validator,) = validators_for(int, range=(0, 1))
        report = ValidationReport.of([Finding.of("size", validator, validate(validator, 5))])
        assert report.passes and report.failed == 1
        report.raise_if_failed()
        assert ValidationReport().passes


def number(limit: int) -> Parallelizable[int]:
    yield from range(limit)


def finding(number: int) -> ValidationReport:
    (validator,) = validators_for(int, "fail", range=(0, 6))
    return ValidationReport.of([Finding.of("number", validator, validate(validator, number), (number,))])


@associative
def report(finding: Collect[ValidationReport]) -> ValidationReport:
    return ValidationReport.merged(finding)


@pytest.mark.parametrize("executor", ["sequential", "processes"])
def test_a_report_is_built_on_workers(executor: str):
    with Builder().with_modules(module_from_functions(number, finding, report)).with_executor(executor).build() as driver:
        found = driver.execute(["report"], inputs={"limit": 10})["report"]
    assert (found.passed, found.failed, found.passes) == (7, 3, False)
    assert [one.item for tally in found.tallies.values() for one in tally.first] == [(7,), (8,), (9,)]


class Schema(pa.DataFrameModel):
    x: int = pa.Field(ge=0)


class PolarsSchema(pap.DataFrameModel):
    x: int = pap.Field(ge=0)


@pytest.mark.filterwarnings("ignore:distutils Version classes")  # pyspark's, where it is installed: pandera looks for it
class TestPandera:
    @pytest.mark.parametrize("schema", [Schema, pa.DataFrameSchema({"x": pa.Column(int, pa.Check.ge(0))}, name="Schema")])
    def test_pandas(self, schema: Any):
        (validator,) = validators_for(pd.DataFrame, "fail", schema=schema)
        assert validate(validator, pd.DataFrame({"x": [0, 1]})).passes
        result = validate(validator, pd.DataFrame({"x": [0, -1, -2]}))
        assert not result.passes
        assert result.message.startswith("the schema Schema has 2 objections: column 'x' at 1: greater_than_or_equal_to(0)")
        assert result.diagnostics["count"] == 2
        json.dumps(result.diagnostics)
        assert validator.description() == "the frame fits the schema Schema"
        assert not validate(validator, pd.DataFrame({"y": [1]})).passes

    def test_series(self):
        (validator,) = validators_for(pd.Series, schema=pa.SeriesSchema(int, pa.Check.ge(0)))
        assert validate(validator, pd.Series([1])).passes
        assert not validate(validator, pd.Series([-1])).passes

    @pytest.mark.parametrize("lazy", [False, True])
    def test_polars(self, lazy: bool):
        validator = PanderaSchemaValidator(PolarsSchema)
        good, bad = pl.DataFrame({"x": [1]}), pl.DataFrame({"x": [1, -1]})
        assert validate(validator, good.lazy() if lazy else good).passes
        result = validate(validator, bad.lazy() if lazy else bad)
        assert not result.passes and "1 objections: column 'x'" in result.message

    def test_the_annotation_names_the_schema(self):
        assert schema_of(DataFrame[Schema]) is Schema
        assert schema_of(pd.DataFrame) is None
        assert schema_of(list[int]) is None

    def test_no_schema(self):
        with pytest.raises(FlowError, match="schema takes a schema or model of pandera, not int"):
            validators_for(pd.DataFrame, schema=3)
        with pytest.raises(FlowError, match="the check 'schema' is for pandas.DataFrame"):
            validators_for(str, schema=Schema)


class Person(pydantic.BaseModel):
    name: str
    age: int = pydantic.Field(ge=0)


class TestPydantic:
    def test_dicts_instances_and_lists(self):
        (validator,) = validators_for(dict, "fail", model=Person)
        assert pickle.loads(pickle.dumps(validator)).validate({"name": "a", "age": 1}).passes
        result = validate(validator, {"name": "a", "age": "1"})
        assert result.message == "Person has 1 objections: age: Input should be a valid integer"
        assert json.loads(json.dumps(result.diagnostics))["first"][0]["loc"] == ["age"]
        person = Person(name="a", age=1)
        assert validate(validator, person).passes
        person.age = -1
        assert not validate(validator, person).passes
        people = PydanticModelValidator(list[Person])
        assert not validate(people, [person]).passes
        assert validate(people, []).passes

    def test_models(self):
        assert model_of(Person) is Person
        assert model_of(dict) is None
        with pytest.raises(FlowError, match="model takes a model of pydantic, or a type that it knows"):
            PydanticModelValidator(object())


def test_the_import_costs_no_library():
    code = "import sys, anabranch.validation as v; v.validators_for(int, range=(0, 1)); print(*sys.modules)"
    loaded = set(subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout.split())
    assert not loaded & {"pandas", "numpy", "polars", "pandera", "pydantic"}
