"""What a picture says: boxes, loops, arrows."""

from anabranch import Builder, Collect, Parallelizable, PerItem, Stream, module_from_functions
from anabranch.draw import BoxKind, Way, chart_of, chart_of_all
from anabranch.function_modifiers import config, tag


def row(limit: int, scale: float = 1.0) -> Parallelizable[int]:
    """Opens it."""
    yield from range(limit)


@tag(owner="data")
def value(row: int, scale: float = 1.0) -> float:
    return row * scale


def mean(value: Collect[float]) -> float:
    return sum(value) / len(value)


def centred(value: float, mean: float) -> float:
    return value - mean


def first(centred: Stream[float]) -> float:
    return next(centred)


def both(row: Collect[int], first: float) -> float:
    return len(row) + first


@config.when(deep=True)
def digit(centred: float) -> Parallelizable[int]:
    yield 1


@config.when(deep=True)
def digits(digit: Collect[Collect[int]]) -> int:
    return len(digit)


FUNCTIONS = (row, value, mean, centred, first, both, digit, digits)


def driver_of(**settings):
    return Builder().with_modules(module_from_functions(*FUNCTIONS)).with_config(settings).build()


def boxes_of(chart):
    return {box.name: box for box in chart.boxes}


def ways_of(chart):
    return {(arrow.source, arrow.target): arrow.way for arrow in chart.arrows}


def loops_of(chart):
    """For each box the titles of the loops that it stands in, outermost first."""
    clusters = {cluster.key: cluster for cluster in chart.clusters}
    found = {}
    for box in chart.boxes:
        titles, key = [], box.cluster
        while key is not None:
            titles.insert(0, clusters[key].title)
            key = clusters[key].parent
        found[box.name] = titles
    return found


def test_a_loop_for_each_pass_and_expanders_outside_of_what_they_open():
    assert loops_of(chart_of_all(driver_of(deep=True).graph)) == {
        "limit": [],
        "scale": [],
        "row": [],
        "value": ["for each row"],
        "mean": [],
        "centred": ["for each row, pass 2"],
        "digit": ["for each row, pass 2"],
        "first": [],
        "both": [],
        "digits": [],
    }


def test_ways_belong_to_edges():
    chart = chart_of_all(driver_of(deep=True).graph)
    assert ways_of(chart) == {
        ("limit", "row"): Way.PLAIN,
        ("scale", "row"): Way.PLAIN,
        ("scale", "value"): Way.PLAIN,
        ("row", "value"): Way.EXPAND,
        ("value", "mean"): Way.COLLECT,
        ("value", "centred"): Way.PLAIN,
        ("mean", "centred"): Way.PLAIN,
        ("centred", "first"): Way.STREAM,
        ("row", "both"): Way.COLLECT,
        ("first", "both"): Way.PLAIN,
        ("centred", "digit"): Way.PLAIN,
        ("digit", "digits"): Way.COLLECT,
    }
    assert {arrow.closes for arrow in chart.arrows if arrow.target == "digits"} == {("row", "digit")}


def test_boxes_know_what_they_are():
    boxes = boxes_of(chart_of_all(driver_of(scale=2.0).graph))
    assert boxes["row"].expands
    assert boxes["row"].type == "items of int"
    assert boxes["row"].doc == "Opens it."
    assert boxes["value"].tags == {"owner": "data"}
    assert boxes["value"].axes == ("row",)
    assert boxes["first"].closes == {Way.STREAM}
    assert boxes["limit"].kind is BoxKind.INPUT
    assert boxes["scale"].kind is BoxKind.CONFIG
    assert not any(box.is_output for box in boxes.values())


def test_a_request_draws_what_it_needs():
    driver = driver_of()
    plan = driver.plan(["mean"], ["limit"])
    chart = chart_of(driver.graph, plan.selection, plan.body, "mean")
    assert [box.name for box in chart.boxes] == ["limit", "row", "value", "mean"]
    assert [box.name for box in chart.boxes if box.is_output] == ["mean"]
    assert [cluster.title for cluster in chart.clusters] == ["for each row"]


def test_overrides_cut_off_what_served_only_them():
    driver = driver_of()
    plan = driver.plan(["both"], [], {"mean": 1.0, "value": PerItem([1.0, 2.0]), "row": [1, 2]})
    chart = chart_of(driver.graph, plan.selection, plan.body)
    kinds = {box.name: box.kind for box in chart.boxes}
    assert kinds == {
        "row": BoxKind.OVERRIDE,
        "mean": BoxKind.OVERRIDE,
        "value": BoxKind.OVERRIDE,
        "centred": BoxKind.FUNCTION,
        "first": BoxKind.FUNCTION,
        "both": BoxKind.FUNCTION,
    }
    assert ways_of(chart)[("value", "centred")] is Way.PLAIN


def test_an_input_that_is_asked_for_has_a_box():
    driver = driver_of()
    plan = driver.plan(["limit", "mean"], ["limit"])
    boxes = boxes_of(chart_of(driver.graph, plan.selection, plan.body))
    assert boxes["limit"].is_output


def test_only_what_is_named():
    chart = chart_of_all(driver_of().graph, {"value", "mean", "scale"})
    assert [box.name for box in chart.boxes] == ["scale", "value", "mean"]
    assert [cluster.title for cluster in chart.clusters] == ["for each row"]
    assert ways_of(chart) == {("scale", "value"): Way.PLAIN, ("value", "mean"): Way.COLLECT}


def test_inputs_that_many_read_are_listed_in_large_pictures(drawn_flow):
    graph = Builder().with_modules(drawn_flow(40, seed=1)).build().graph
    chart = chart_of_all(graph)
    assert "limit" not in boxes_of(chart)
    assert {box.name for box in chart.boxes if "limit" in box.listed} == set(graph.readers["limit"])
    names = {box.name for box in chart.boxes}
    assert all(arrow.source in names and arrow.target in names for arrow in chart.arrows)


def test_an_empty_graph():
    chart = chart_of_all(Builder().build().graph)
    assert (chart.boxes, chart.clusters, chart.arrows) == ((), (), ())
