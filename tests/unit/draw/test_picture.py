"""What a user holds, and the formats that it can be saved in."""

import builtins
import re
import xml.etree.ElementTree as ET

import pytest

from anabranch import Builder, Collect, InputError, Parallelizable, module_from_functions
from anabranch.draw import Look, Picture, Style, chart_of_all
from anabranch.draw.page import embedded
from anabranch.draw.svg import escaped, tip_of
from anabranch.function_modifiers import tag

EVIL = "<script>alert(1)</script>\"'&\x00\x1b]]>--></style>"


def number(limit: int) -> Parallelizable[int]:
    """Opens it."""
    yield from range(limit)


def square(number: int) -> int:
    return number * number


def total(square: Collect[int]) -> int:
    return sum(square)


def lone() -> int:
    return 1


def evil(total: int) -> int:
    return total


evil.__doc__ = EVIL
evil = tag(owner=EVIL)(evil)


@pytest.fixture
def driver():
    return Builder().with_modules(module_from_functions(number, square, total, evil, lone)).build()


def texts(svg):
    return ["".join(element.itertext()) for element in ET.fromstring(svg).iter("{http://www.w3.org/2000/svg}text")]


def test_an_svg_says_what_there_is(driver):
    svg = driver.display_all_functions().svg
    found = texts(svg)
    for text in ("limit", "number", "items of int", "square", "for each number", "all items as a list (collect)", "input"):
        assert text in found
    assert "@media (prefers-color-scheme:dark)" in svg
    assert not re.search(r"\b(?:href|src|url)\b", svg)


def test_one_theme_only(driver):
    assert "prefers-color-scheme" not in driver.display_all_functions(theme="dark").svg
    assert driver.display_all_functions(theme="dark").svg != driver.display_all_functions(theme="light").svg


def test_without_a_legend(driver):
    assert "input" not in texts(driver.display_all_functions(legend=False).svg)


def test_what_users_write_is_text_everywhere(driver):
    look = {"style": lambda box: Style(note=EVIL, legend=EVIL, fill='red"/><script>', border="#123456")}
    picture = driver.display_all_functions(**look)
    for text in (picture.svg, picture.html, picture._repr_html_()):
        assert "<script>alert" not in text
        assert "\x00" not in text
    root = ET.fromstring(picture.svg)
    assert not list(root.iter("{http://www.w3.org/2000/svg}script"))
    assert any("<script>alert(1)</script>" in (title.text or "") for title in root.iter("{http://www.w3.org/2000/svg}title"))
    body = "\n".join(line for line in picture.mermaid.splitlines() if "subgraph" not in line)
    assert "<script" not in body.replace("<br/>", "")
    for line in picture.dot.splitlines():
        assert re.sub(r'"(?:[^"\\]|\\.)*"', "", line).count('"') == 0


def test_a_tip_says_all(driver):
    boxes = {box.name: box for box in driver.display_all_functions().chart.boxes}
    tip = tip_of(boxes["number"])
    assert tip.startswith("number: items of int (expands)\nfor each number\n\nOpens it.")
    assert "test_picture.py:" in tip
    assert f"owner: {EVIL}" in tip_of(boxes["evil"])


def test_escaping():
    assert escaped("a<b>&\"'\x00\ud800") == "a&lt;b&gt;&amp;&quot;&#x27;\N{REPLACEMENT CHARACTER}\N{REPLACEMENT CHARACTER}"
    assert "<" not in embedded({"</script>": "<!--"})


@pytest.mark.parametrize(
    ("ending", "begins"),
    [(".svg", b"<svg "), (".png", b"\x89PNG\r\n"), (".html", b"<!doctype html>"), (".mmd", b"flowchart TD"), (".dot", b"digraph")],
)
def test_it_is_saved_as_its_ending_says(driver, tmp_path, ending, begins):
    path = tmp_path / f"flow{ending}"
    assert driver.display_all_functions().save(path) == path
    assert path.read_bytes().startswith(begins)
    other = tmp_path / f"other{ending.upper()}"
    driver.display_all_functions(str(other))
    assert other.read_bytes() == path.read_bytes()


def test_an_ending_that_is_no_format(driver, tmp_path):
    with pytest.raises(InputError, match=r"saved as \.svg, \.png, \.html, \.mmd, \.dot; 'flow.gif' ends in .gif"):
        driver.display_all_functions(tmp_path / "flow.gif")
    with pytest.raises(InputError, match="ends in nothing"):
        driver.display_all_functions(tmp_path / "flow")
    with pytest.raises(InputError, match="cannot be written to .*: No such file"):
        driver.display_all_functions(tmp_path / "nowhere" / "flow.svg")


def test_options_that_are_wrong(driver):
    with pytest.raises(InputError, match="unknown option 'dirction' of a picture; did you mean 'direction'"):
        driver.display_all_functions(dirction="down")
    with pytest.raises(InputError, match="a picture's direction is one of down, right, not 'up'"):
        driver.display_all_functions(direction="up")
    with pytest.raises(InputError, match="style is a function from a box to a Style, not str"):
        driver.display_all_functions(style="red")
    with pytest.raises(InputError, match=r"gives a Style or None, not dict \(for 'limit'\)"):
        _ = driver.display_all_functions(style=lambda box: {}).svg


def test_a_png_is_as_large_as_it_says(driver):
    def size(png):
        return int.from_bytes(png[16:20]), int.from_bytes(png[20:24])

    picture = driver.display_all_functions()
    wide, high = size(picture.png(scale=1))
    assert (2 * wide, 2 * high) == size(picture.png())
    assert picture.png() != driver.display_all_functions(theme="dark").png()


def test_style_functions(driver):
    svg = driver.display_all_functions(
        style=lambda box: Style("#000080", "#ff0000", "slow", "runs long") if box.name == "square" else None
    ).svg
    assert 'style="fill:#000080;stroke:#ff0000"' in svg
    assert "ab-light-text" in svg
    assert {"slow", "runs long"} <= set(texts(svg))


def test_the_pictures_of_a_driver(driver):
    def names(picture):
        return [box.name for box in picture.chart.boxes]

    assert names(driver.visualize_execution(["total"])) == ["limit", "number", "square", "total"]
    assert names(driver.visualize_execution("lone")) == ["lone"]
    assert names(driver.visualize_execution(["evil"], overrides={"square": 1})) == ["limit", "number", "square", "total", "evil"]
    assert names(driver.visualize_path_between("number", "total")) == ["number", "square", "total"]
    assert names(driver.display_upstream_of("square")) == ["limit", "number", "square"]
    assert names(driver.display_downstream_of("square", "limit")) == ["limit", "number", "square", "total", "evil"]
    with pytest.raises(InputError, match="there is no way from 'total' to 'number'"):
        driver.visualize_path_between("total", "number")
    with pytest.raises(InputError, match="unknown output 'totl'; did you mean 'total'"):
        driver.visualize_execution(["totl"])
    with pytest.raises(InputError, match="unknown name 'squar'; did you mean 'square'"):
        driver.display_upstream_of("squar")


def test_in_a_notebook(driver):
    picture = driver.display_all_functions()
    shown = picture._repr_mimebundle_()
    assert shown["text/plain"] == "<Picture of 5 functions: All functions>"
    assert shown["image/svg+xml"] == picture._repr_svg_() == picture.svg
    assert picture.svg in shown["text/html"]


def test_a_flow_without_functions():
    picture = Picture(chart_of_all(Builder().build().graph))
    ET.fromstring(picture.svg)
    assert picture.png(1).startswith(b"\x89PNG")
    assert repr(picture) == "<Picture of 0 functions>"


@pytest.mark.parametrize(
    ("module", "use", "says"),
    [
        ("graphlay", lambda picture: picture.svg, r"graphlay: pip install 'anabranch\[see\]' \(Mermaid and DOT text need nothing"),
        ("resvg_py", lambda picture: picture.png(), r"resvg: pip install 'anabranch\[see\]'; or save as .svg"),
        ("jinja2", lambda picture: picture.html, r"jinja2: pip install 'anabranch\[see\]'"),
    ],
)
def test_a_library_that_is_missing(driver, monkeypatch, module, use, says):
    real = builtins.__import__

    def without(name, *rest, **more):
        if name == module:
            raise ImportError(name)
        return real(name, *rest, **more)

    picture = driver.display_all_functions()
    if module != "graphlay":
        _ = picture.layout
    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(InputError, match=says):
        use(picture)
    assert picture.mermaid
    assert picture.dot


def test_mermaid_and_dot_know_loops_and_ways(driver):
    picture = Picture(driver.visualize_execution(["total"]).chart, Look(direction="right"))
    assert picture.mermaid.splitlines()[0] == "flowchart LR"
    assert [line.strip() for line in picture.mermaid.splitlines() if "subgraph" in line] == ['subgraph c0["for each number"]']
    assert "n1 ==>|each| n2" in picture.mermaid
    assert "n2 ==>|collect| n3" in picture.mermaid
    assert "rankdir=LR" in picture.dot
    assert picture.dot.count("subgraph cluster_") == 1
    assert picture.dot.count("{") == picture.dot.count("}")
