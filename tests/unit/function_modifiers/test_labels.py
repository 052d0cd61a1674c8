"""Tags, schemas and wishes for a cache: what they leave on which nodes."""

from __future__ import annotations

import pytest

from anabranch import Builder, FlowError
from anabranch.function_modifiers import cache, config, schema, tag, tag_outputs
from anabranch.graph.functions import nodes_of


def tags_of(function, **configured):
    return {node.name: dict(node.tags) for node in nodes_of(function.__name__, function, configured)}


def test_tags_add_up_and_the_outer_one_wins():
    @tag(owner="data", pii=True)
    @tag(owner="web", unit="kg")
    def weight() -> int: ...

    assert tags_of(weight) == {"weight": {"owner": "data", "pii": True, "unit": "kg"}}


def test_a_driver_shows_them(flow):
    module = flow("@tag(owner='data')\ndef a() -> int: ...\n\ndef b(a: int) -> int: ...")
    tags = {v.name: v.tags for v in Builder().with_modules(module).build().list_available_variables()}
    assert tags == {"a": {"owner": "data"}, "b": {}}


def parts(**decorators):
    from anabranch.function_modifiers import extract_fields

    def whole() -> dict: ...

    extract_fields({"a": int, "b": int})(whole)
    return whole


def test_tags_are_for_the_last_nodes_unless_a_target_is_named():
    assert tags_of(tag(x=1)(parts())) == {"whole": {}, "a": {"x": 1}, "b": {"x": 1}}
    assert tags_of(tag(x=1, target_="whole")(parts())) == {"whole": {"x": 1}, "a": {}, "b": {}}
    assert tags_of(tag(x=1, target_=["a", "whole"])(parts())) == {"whole": {"x": 1}, "a": {"x": 1}, "b": {}}
    assert tags_of(tag(x=1, target_=...)(parts())) == {"whole": {"x": 1}, "a": {"x": 1}, "b": {"x": 1}}


def test_a_tag_below_what_makes_nodes_means_the_same():
    from anabranch.function_modifiers import extract_fields

    @extract_fields({"a": int})
    @tag(x=1)
    def whole() -> dict: ...

    assert tags_of(whole) == {"whole": {}, "a": {"x": 1}}


def test_tags_by_output():
    found = tags_of(tag_outputs(a={"unit": "m"}, whole={"x": 1})(tag(unit="?", y=2)(parts())))
    assert found == {"whole": {"x": 1}, "a": {"unit": "m", "y": 2}, "b": {"unit": "?", "y": 2}}


@pytest.mark.parametrize("decorator", [tag(x=1, target_="c"), tag_outputs(c={"x": 1}), cache(format="json", target_="c")])
def test_a_target_that_is_no_node_is_an_error(decorator):
    with pytest.raises(FlowError, match=r"on 'whole' \(.*test_labels.py:\d+\): the function makes no node 'c'; there are"):
        tags_of(decorator(parts()))


@pytest.mark.parametrize("key", ["", "a b", "1a", "a.", ".a", "a..b", "a-b"])
def test_a_key_is_a_name(key):
    with pytest.raises(FlowError, match="is no key for a tag"):
        tag(**{key: 1})
    with pytest.raises(FlowError, match="is no key for a tag"):
        tag_outputs(node={key: 1})


def test_keys_may_have_dots_but_not_begin_with_hamilton():
    assert tag(**{"team.owner": "x"}).tags == {"team.owner": "x"}
    with pytest.raises(FlowError, match=r"the key 'hamilton.x' is reserved"):
        tag(**{"hamilton.x": 1})
    assert tag(bypass_reserved_namespaces_=True, **{"hamilton.x": 1}).tags == {"hamilton.x": 1}
    with pytest.raises(FlowError, match="takes a dict of tags for each node, but 'a' is given str"):
        tag_outputs(a="x")


def test_a_schema_is_a_tag():
    @schema.output(("day", "date"), ("price", "float"))
    def frame() -> dict: ...

    assert tags_of(frame) == {"frame": {"hamilton.internal.schema_output": "day=date,price=float"}}
    for wrong in (("a",), ("a", int), "a"):
        with pytest.raises(FlowError, match="takes pairs of name and type"):
            schema.output(wrong)


def test_wishes_for_a_cache_are_tags():
    @cache(behavior="recompute", format="json", version="2", ignore="path")
    def read(path: str) -> dict: ...

    wishes = {"cache.behavior": "recompute", "cache.format": "json", "cache.version": "2", "cache.ignore": ("path",)}
    assert tags_of(read) == {"read": wishes}
    assert tags_of(cache(format="json")(parts())) == {name: {"cache.format": "json"} for name in ("whole", "a", "b")}
    with pytest.raises(FlowError, match="@cache has no behavior 'never'; there are 'default', 'recompute'"):
        cache(behavior="never")
    with pytest.raises(FlowError, match=r"@cache on 'read' \(.*\): there is no parameter 'pth'; did you mean 'path'"):
        cache(ignore=["pth"])(read)


def test_tags_follow_an_alternative():
    @tag(x=1)
    @config.when(a=1)
    def one__a() -> int: ...

    assert [dict(node.tags) for node in nodes_of("one", one__a, {"a": 1})] == [{"x": 1}]


@pytest.mark.parametrize("thing", [3, int, "name", None])
def test_only_functions_are_decorated(thing):
    with pytest.raises(FlowError, match="@tag decorates functions, not"):
        tag(x=1)(thing)
