"""Where things stand: nothing covers anything, and loops hold what belongs to them and nothing else."""

from itertools import combinations, pairwise
from time import perf_counter

import pytest

from anabranch import Builder
from anabranch.draw import Look, chart_of_all
from anabranch.draw.layout import lay_out
from anabranch.draw.measure import shortened, width


def meet(one, other):
    return (
        one.x < other.x + other.width - 0.01
        and other.x < one.x + one.width - 0.01
        and one.y < other.y + other.height - 0.01
        and other.y < one.y + one.height - 0.01
    )


def holds(outer, inner):
    return (
        outer.x <= inner.x
        and outer.y <= inner.y
        and inner.x + inner.width <= outer.x + outer.width
        and inner.y + inner.height <= outer.y + outer.height
    )


def around(key, parents):
    found = []
    while key is not None:
        found.append(key)
        key = parents[key]
    return found


@pytest.mark.parametrize("direction", ["down", "right"])
@pytest.mark.parametrize("functions", [5, 40, 300])
@pytest.mark.parametrize("seed", [1, 2])
def test_nothing_covers_anything(drawn_flow, functions, seed, direction):
    chart = chart_of_all(Builder().with_modules(drawn_flow(functions, seed)).build().graph)
    started = perf_counter()
    layout = lay_out(chart, Look(direction=direction), {})
    assert perf_counter() - started < 10
    assert chart.functions == functions
    assert not [pair for pair in combinations(layout.boxes.values(), 2) if meet(*pair)]
    parents = {cluster.key: cluster.parent for cluster in chart.clusters}
    for box in chart.boxes:
        place, own = layout.boxes[box.name], around(box.cluster, parents)
        for cluster, rectangle in layout.clusters.items():
            assert holds(rectangle, place) if cluster in own else not meet(rectangle, place), (box.name, cluster)
    for one, other in combinations(chart.clusters, 2):
        if one.key not in around(other.key, parents) and other.key not in around(one.key, parents):
            assert not meet(layout.clusters[one.key], layout.clusters[other.key])


def on_border(point, box):
    x, y = point
    inside = box.x - 0.5 <= x <= box.x + box.width + 0.5 and box.y - 0.5 <= y <= box.y + box.height + 0.5
    edge = min(abs(x - box.x), abs(x - box.x - box.width), abs(y - box.y), abs(y - box.y - box.height))
    return inside and edge <= 0.5


@pytest.mark.parametrize("functions", [40, 300])
def test_arrows_go_from_border_to_border_and_through_no_box(drawn_flow, functions):
    chart = chart_of_all(Builder().with_modules(drawn_flow(functions, 1)).build().graph)
    layout = lay_out(chart, Look(), {})
    through = 0
    for arrow, points in zip(chart.arrows, layout.arrows, strict=True):
        assert on_border(points[0], layout.boxes[arrow.source])
        assert on_border(points[-1], layout.boxes[arrow.target])
        for name, box in layout.boxes.items():
            if name not in (arrow.source, arrow.target):
                through += any(crosses(one, other, box) for one, other in pairwise(points))
    assert through == 0


def crosses(one, other, box):
    """Whether a level or upright line goes through the inside of a box."""
    left, right = sorted((one[0], other[0]))
    top, bottom = sorted((one[1], other[1]))
    return left < box.x + box.width - 1 and right > box.x + 1 and top < box.y + box.height - 1 and bottom > box.y + 1


def test_the_same_chart_is_laid_out_the_same_way(drawn_flow):
    chart = chart_of_all(Builder().with_modules(drawn_flow(40)).build().graph)
    assert lay_out(chart, Look(), {}) == lay_out(chart, Look(), {})


def test_types_are_left_out_of_large_pictures(drawn_flow):
    chart = chart_of_all(Builder().with_modules(drawn_flow(300)).build().graph)
    assert not any("int" in lines.small for lines in lay_out(chart, Look(), {}).texts.values())
    assert any("int" in lines.small for lines in lay_out(chart, Look(types=True), {}).texts.values())


def test_nothing_to_draw():
    layout = lay_out(chart_of_all(Builder().build().graph), Look(), {})
    assert (layout.width, layout.height) == (0, 0)


def test_text_is_measured_by_its_letters():
    assert width("iii", 10) < width("aaa", 10) < width("MMM", 10) < width("数据库", 10) + 1
    assert shortened("one\n two", 20) == "one two"
    assert shortened("a" * 30, 10) == "a" * 9 + "…"
