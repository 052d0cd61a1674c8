"""The page of a picture in a real browser: it opens without a word, can be used by keyboard, and runs no user's text."""

from __future__ import annotations

import pytest

from anabranch import Builder, Collect, Parallelizable, module_from_functions
from anabranch.draw import Style
from anabranch.function_modifiers import tag

EVIL = "<script>alert(1)</script><img src=x onerror=alert(2)>'\"&</title></style>"


def number(limit: int) -> Parallelizable[int]:
    """Opens it."""
    yield from range(limit)


def square(number: int) -> int:
    return number * number


def evil(square: int) -> int:
    return square


evil.__doc__ = EVIL
evil = tag(owner=EVIL)(evil)


def total(evil: Collect[int]) -> int:
    """Adds them all up."""
    return sum(evil)


@pytest.fixture
def driver():
    return Builder().with_modules(module_from_functions(number, square, evil, total)).build()


@pytest.fixture
def page(driver, visit, tmp_path):
    path = tmp_path / "flow.html"
    look = {"style": lambda box: Style(note=EVIL, legend=EVIL) if box.name == "square" else None}
    driver.display_all_functions(path, **look)
    return visit(path)


def test_it_shows_every_function(page):
    for name in ("limit", "number", "square", "evil", "total"):
        assert page.locator(f'.ab-node[data-name="{name}"]').count() == 1
    assert page.locator(".ab-arrow").count() == 4
    assert page.locator(".ab-cluster").count() == 2  # the loop, and the legend's


def test_what_users_write_only_shows(page):
    assert page.evaluate("document.querySelectorAll('svg script, svg img, aside img').length") == 0
    page.locator('.ab-node[data-name="evil"]').click()
    assert EVIL in page.inner_text("#facts")
    assert page.evaluate("document.querySelectorAll('aside script, aside img').length") == 0
    assert any(text.startswith("<script>") for text in page.locator(".ab-small").all_text_contents())


def test_by_keyboard(page):
    page.keyboard.press("/")
    page.keyboard.type("adds them")
    assert page.inner_text("#found") == "1 found"
    assert page.locator(".ab-node:not(.faded)").get_attribute("data-name") == "total"
    page.keyboard.press("Escape")
    assert page.locator(".ab-node.faded").count() == 0
    before = page.locator("svg").get_attribute("viewBox")
    page.keyboard.press("+")
    larger = page.locator("svg").get_attribute("viewBox")
    assert float(larger.split()[2]) < float(before.split()[2])
    page.keyboard.press("ArrowRight")
    assert float(page.locator("svg").get_attribute("viewBox").split()[0]) > float(larger.split()[0])
    page.keyboard.press("0")
    assert page.locator("svg").get_attribute("viewBox") == before
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    assert page.locator("#facts h2").inner_text() == "limit"
    assert page.locator(".ab-node.faded").count() == 3
    page.keyboard.press("Escape")
    assert page.locator("#facts").is_hidden()


def test_by_mouse(page):
    page.locator('.ab-node[data-name="number"]').click()
    assert "opens a fan-out" in page.inner_text("#facts")
    before = page.locator("svg").get_attribute("viewBox")
    page.mouse.move(100, 500)
    page.mouse.wheel(0, -200)
    page.wait_for_function("before => document.querySelector('svg').getAttribute('viewBox') !== before", arg=before)
    page.mouse.down()
    page.mouse.move(160, 500, steps=4)
    page.mouse.up()
    assert page.locator("#facts").is_visible()


@pytest.mark.parametrize(("theme", "paper"), [("light", "rgb(255, 255, 255)"), ("dark", "rgb(18, 22, 27)")])
def test_it_follows_the_reader_s_theme(driver, visit, tmp_path, theme, paper):
    path = tmp_path / "flow.html"
    driver.display_all_functions(path)
    page = visit(path, theme=theme)
    assert page.evaluate("getComputedStyle(document.querySelector('.ab-paper')).fill") == paper
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == paper


def test_an_svg_alone_runs_nothing_either(driver, visit, tmp_path):
    path = tmp_path / "flow.svg"
    driver.display_all_functions(path)
    page = visit(path)
    assert page.evaluate("document.querySelectorAll('script, img').length") == 0
    assert page.evaluate("document.querySelectorAll('.ab-node').length") == 5


def test_text_stays_in_its_box(visit, tmp_path):
    def _named(name):
        function = {"WMwm_MMWW": lambda WMwm: WMwm}.get(name, lambda WMwm: WMwm)
        function.__name__ = name
        return function

    names = ["MMMMWWWW_mmww", "iiiiilllll", "a_name_as_it_is_usual_in_programs", "ÄÖÜ_ß_été", "数据_处理"]
    driver = Builder().with_modules(module_from_functions(*map(_named, names))).build()
    path = tmp_path / "flow.svg"
    driver.display_all_functions(path)
    page = visit(path)
    wider = page.evaluate(
        """[...document.querySelectorAll('.ab-node')].filter(node => {
            const box = node.querySelector('rect').getBBox();
            return [...node.querySelectorAll('text')].some(text => text.getBBox().width > box.width - 4);
        }).map(node => node.dataset.name)"""
    )
    assert wider == []


def test_a_loop_s_title_stays_in_its_box(visit, tmp_path):
    def every_one_of_the_measurements_of_a_day(n: int) -> Parallelizable[int]:
        yield from range(n)

    def x(every_one_of_the_measurements_of_a_day: int) -> int:
        return 1

    driver = Builder().with_modules(module_from_functions(every_one_of_the_measurements_of_a_day, x)).build()
    path = tmp_path / "flow.svg"
    driver.display_all_functions(path, legend=False)
    page = visit(path)
    title, box = (page.evaluate(f"document.querySelector('{which}').getBBox().width") for which in (".ab-loop", ".ab-cluster"))
    assert title <= box - 10
