"""What flows into what, by name and by tag, and the whole as a document."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from anabranch import Builder, Collect, Driver, InputError, Parallelizable, Stream, Variable, module_from_functions
from anabranch.function_modifiers import extract_columns, extract_fields, parameterize, source, tag, tag_outputs, value
from anabranch.lineage import Lineage, matches

pd = pytest.importorskip("pandas")


def page(folder: str, limit: int = 3) -> Parallelizable[str]:
    """The pages of a folder."""
    yield from [folder] * limit


@tag_outputs(ssn={"pii": True}, age={"pii": False, "unit": "years"})
@extract_columns("ssn", "age")
def people(page: str) -> pd.DataFrame:
    """Who is on the page."""
    return pd.DataFrame({"ssn": [1], "age": [2]})


@tag(team="risk", **{"data.owner": "ann"})
def masked(ssn: pd.Series) -> pd.Series:
    return ssn % 100


def mean_age(age: pd.Series) -> float:
    return float(age.mean())


@tag(team=["risk", "web"])
def size(people: pd.DataFrame) -> int:
    return len(people)


def all_masked(masked: Collect[pd.Series]) -> list[Any]:
    return list(masked)


def oldest(mean_age: Stream[float]) -> float:
    return max(mean_age)


FUNCTIONS = (page, people, masked, mean_age, size, all_masked, oldest)


@pytest.fixture
def driver() -> Driver:
    return Builder().with_modules(module_from_functions(*FUNCTIONS)).build()


@pytest.fixture
def lineage(driver: Driver) -> Lineage:
    return driver.lineage


def test_all_variables_in_order(lineage: Lineage) -> None:
    assert set(lineage.names[-2:]) == {"folder", "limit"}
    place = {name: number for number, name in enumerate(lineage.names)}
    for variable in lineage:
        assert all(place[reading.name] < place[variable.name] for reading in variable.reads if not lineage[reading.name].is_input)
    assert len(lineage) == len(lineage.nodes) == 11
    assert "page" in lineage and "pages" not in lineage
    assert repr(lineage).startswith("<Lineage of 11 variables: ")


def test_what_is_known_of_a_variable(lineage: Lineage) -> None:
    people_, ssn, oldest_ = lineage["people"], lineage["ssn"], lineage["oldest"]
    assert people_.functions == (people,) and people_.origin.startswith(__file__)
    assert people_.source.startswith("@tag_outputs(") and "return pd.DataFrame" in people_.source
    assert people_.doc == people_.documentation == "Who is on the page."
    assert ssn.part_of == "people" and people_.part_of == ""
    assert ssn.tags == {"pii": True}
    (reading,) = oldest_.reads
    assert (reading.name, reading.parameter, reading.how, reading.depth, reading.required) == ("mean_age", "mean_age", "stream", 1, True)
    assert lineage["all_masked"].reads[0].how == "collect"
    assert lineage["page"].expands and lineage["page"].type is str and lineage["page"].type_name == "str"


def test_the_same_in_the_words_of_hamilton(lineage: Lineage) -> None:
    page_, folder = lineage["page"], lineage["folder"]
    assert page_.required_dependencies == {"folder"}
    assert page_.optional_dependencies == {"limit"}
    assert page_.optional_dependencies_default_values == {"limit": 3}
    assert page_.originating_functions == (page,) and not page_.is_external_input
    assert folder.is_external_input and folder.originating_functions is None and folder.documentation is None
    assert folder.required and not lineage["limit"].required
    assert folder.source == folder.version == ""


def test_up_and_down(lineage: Lineage) -> None:
    assert set(lineage.upstream("masked").names) == {"masked", "ssn", "people", "page", "folder", "limit"}
    assert lineage.downstream("ssn").names == ("ssn", "masked", "all_masked")
    assert set(lineage.between("page", "oldest").names) == {"page", "people", "age", "mean_age", "oldest"}
    assert set(lineage.between(["ssn", "age"], ["all_masked", "oldest"]).names) == {
        "ssn", "masked", "all_masked", "age", "mean_age", "oldest"
    }
    assert not len(lineage.between("oldest", "page"))
    assert set(lineage.outputs.names) == {"size", "all_masked", "oldest"}
    assert set(lineage.inputs.names) == {"folder", "limit"}


def test_questions_compose(lineage: Lineage) -> None:
    assert lineage.downstream("people").tagged(team="risk").names == tuple(
        name for name in lineage.names if name in {"masked", "size"}
    )
    part = lineage.upstream("masked")
    assert part.outputs.names == () and part.inputs.names == ("folder", "limit")
    assert part.downstream("ssn").names == ("ssn", "masked")
    with pytest.raises(InputError, match="unknown name 'oldest'"):
        part["oldest"]


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        ({"pii": True}, {"ssn"}),
        ({"pii": "true"}, {"ssn"}),
        ({"pii": None}, {"ssn", "age"}),
        ({"pii": [True, "false"]}, {"ssn", "age"}),
        ({"pii": False, "unit": "years"}, {"age"}),
        ({"pii": True, "unit": "years"}, set()),
        ({"team": "risk"}, {"masked", "size"}),
        ({"team": ["web"]}, {"size"}),
        ({"data.owner": "ann"}, {"masked"}),
        ({"data__owner": "ann"}, {"masked"}),
        ({"data": None}, set()),
        ({"pii": 1}, set()),
    ],
)
def test_tags(driver: Driver, lineage: Lineage, wanted: dict[str, Any], found: set[str]) -> None:
    assert set(lineage.tagged(**wanted).names) == found
    assert {variable.name for variable in driver.list_available_variables(tag_filter=wanted)} == found
    assert {one.name for one in lineage.filter_nodes(lambda variable: matches(variable.tags, wanted))} == found


def test_a_column_is_in_its_frame_and_in_what_reads_the_frame(lineage: Lineage) -> None:
    assert set(lineage.touching("ssn").names) == {"people", "ssn", "masked", "all_masked", "size"}
    assert lineage.exposed(pii=True) == {"size": ("ssn",), "all_masked": ("ssn",)}
    assert set(lineage.exposed(pii=None)) == {"size", "all_masked", "oldest"}
    assert lineage.exposed(pii=None)["size"] == tuple(name for name in lineage.names if name in {"ssn", "age"})
    assert lineage.exposed(nothing=True) == {}
    assert lineage.upstream("oldest").exposed(pii=None) == {"oldest": ("age",)}


def test_fields_of_a_dict_are_parts_too() -> None:
    @tag_outputs(name={"pii": True})
    @extract_fields({"name": str, "count": int})
    def record() -> dict[str, Any]:
        return {"name": "ann", "count": 1}

    def doubled(count: int) -> int:
        return 2 * count

    def greeting(name: str) -> str:
        return f"hello {name}"

    found = Driver({}, module_from_functions(record, doubled, greeting)).lineage
    assert found.exposed(pii=True) == {"greeting": ("name",)}
    assert set(found.touching("name").names) == {"record", "name", "greeting"}


def test_columns_made_by_with_columns_are_seen() -> None:
    from anabranch.function_modifiers import with_columns

    def raw() -> pd.DataFrame:
        return pd.DataFrame({"a": [1]})

    def twice(a: pd.Series) -> pd.Series:
        return a * 2

    @with_columns(twice, columns_to_pass=["a"], select=["twice"])
    def wider(raw: pd.DataFrame) -> pd.DataFrame:
        return raw

    driver = Driver({}, module_from_functions(raw, wider))
    column = next(name for name in driver.lineage.names if name.endswith("twice"))
    assert column in driver.lineage.between("raw", "wider")
    assert driver.lineage[column].functions[0] is twice or twice in driver.lineage[column].functions


def test_versions_follow_the_code_and_what_it_calls() -> None:
    def a(x: int) -> int:
        return x + 1

    first = Driver({}, module_from_functions(a)).lineage

    def b(x: int) -> int:
        return x + 2

    b.__name__ = b.__qualname__ = "a"
    second = Driver({}, module_from_functions(b)).lineage
    assert len(first["a"].version) == 40
    assert first["a"].version != second["a"].version
    assert first.version != second.version
    assert first.version == Driver({}, module_from_functions(a)).lineage.version


def test_bound_values_count_for_versions() -> None:
    @parameterize(one={"by": value(1)}, two={"by": value(2)}, three={"by": source("x")})
    def times(x: int, by: int) -> int:
        return x * by

    lineage = Driver({}, module_from_functions(times)).lineage
    assert len({lineage[name].version for name in ("one", "two", "three")}) == 3
    assert all(lineage[name].functions == (times,) for name in ("one", "two", "three"))


def test_what_has_no_version_says_so() -> None:
    import threading

    class Locked:
        """A callable with a lock in it."""

        def __init__(self) -> None:
            self.lock = threading.Lock()

        def __call__(self, x: int) -> int:
            return x

    variable = Variable("x", int, False, False, (), False, "", {}, "", (), (), Locked())
    assert variable.version == ""


def test_the_document_is_json_and_whole(driver: Driver, tmp_path: Path) -> None:
    document = driver.export(tmp_path / "flow.json")
    assert json.loads((tmp_path / "flow.json").read_text()) == document
    assert document["layout"] == 1 and document["version"] == driver.lineage.version
    found = {entry["name"]: entry for entry in document["variables"]}
    assert list(found) == list(driver.lineage.names)
    assert found["ssn"]["tags"] == {"pii": True} and found["ssn"]["part_of"] == "people"
    assert found["size"]["tags"] == {"team": ["risk", "web"]}
    assert found["page"]["reads"][1] == {
        "name": "limit", "parameter": "limit", "how": "plain", "depth": 0, "required": False, "type": "int"
    }
    assert found["folder"]["kind"] == "input" and found["folder"]["required"] is True
    assert found["masked"]["functions"] == [f"{__name__}.masked"] and found["masked"]["version"]
    assert found["masked"] == driver.lineage["masked"].as_dict()


def test_tags_of_any_kind_can_be_written() -> None:
    class Odd:
        def __str__(self) -> str:
            return "odd"

    @tag(odd=Odd(), nested={"a": (1, Odd())})
    def a() -> int:
        return 1

    assert Driver({}, module_from_functions(a)).export()["variables"][0]["tags"] == {"odd": "odd", "nested": {"a": [1, "odd"]}}


def test_unknown_names_are_named_with_what_is_near(driver: Driver) -> None:
    for ask in (driver.lineage.upstream, driver.lineage.downstream, driver.lineage.touching, driver.what_is_upstream_of):
        with pytest.raises(InputError, match="unknown name 'maskd'; did you mean 'masked'"):
            ask("maskd")
    with pytest.raises(InputError, match="unknown name 'x'"):
        driver.lineage.between("page", "x")


def test_materializers_are_in_it(tmp_path: Path) -> None:
    from anabranch.io import from_, to

    driver = (
        Builder()
        .with_modules(module_from_functions(*FUNCTIONS))
        .with_materializers(from_.json(target="folder", path="a.json"), to.json(id="saved", dependencies=["oldest"], path="b.json"))
        .build()
    )
    assert "saved" in driver.lineage.downstream("folder")
    assert driver.lineage["folder"].tags == {"anabranch.data_loader": "json"}
    assert driver.lineage["saved"].tags == {"anabranch.data_saver": "json"}
    assert "saved" in driver.lineage.exposed(pii=False)
