"""The page of the history in a real browser: what it shows, whom it refuses, and that nothing of a run's can become markup."""

from __future__ import annotations

from collections.abc import Iterator
from http.client import HTTPConnection
from threading import Event, Thread
from typing import Any

import pytest

from anabranch import Builder, Collect, Parallelizable, module_from_functions, module_from_source
from anabranch.function_modifiers import tag
from anabranch.history import Store, open_store
from anabranch.ui.server import Page as Server

EVIL = "<script>alert(1)</script><img src=x onerror=alert(2)></pre></title>'\"{{7*7}}"

CENSUS = '''
import pandas
from anabranch import Collect, Parallelizable

def package(packages: int) -> Parallelizable[int]:
    """The packages, by number."""
    yield from range(packages)

def source_file(package: int) -> Parallelizable[int]:
    yield from range(package)

def functions(source_file: int) -> int:
    return source_file * FACTOR

def per_package(functions: Collect[int]) -> int:
    return sum(functions)

def census(per_package: Collect[int], package: Collect[int]) -> pandas.DataFrame:
    return pandas.DataFrame({"package": package, "functions": per_package})
'''


def number(limit: int) -> Parallelizable[int]:
    yield from range(limit)


@tag(owner=EVIL)
def square(number: int, word: str) -> int:
    if number == 7:
        raise ValueError(EVIL)
    return number * number


square.__doc__ = EVIL


def total(square: Collect[int]) -> int:
    return sum(square)


def said(word: str) -> dict[str, str]:
    return {word: word}


class Window:
    """A browser's window, and what it had to say."""

    def __init__(self, page: Any, server: Server) -> None:
        self.page = page
        self.server = server
        self.said: list[str] = []
        page.on("console", lambda message: self.said.append(message.text))
        page.on("pageerror", lambda error: self.said.append(str(error)))
        page.on("dialog", lambda dialog: (self.said.append(f"dialog: {dialog.message}"), dialog.dismiss()))

    def __getattr__(self, name: str) -> Any:
        return getattr(self.page, name)

    def go(self, path: str) -> None:
        """Opens a page of the server."""
        self.page.goto(f"http://127.0.0.1:{self.server.port}{path}")

    def texts(self, selector: str) -> list[str]:
        """The texts of all elements that match."""
        return self.page.locator(selector).all_inner_texts()


@pytest.fixture
def store(tmp_path) -> Iterator[Store]:
    opened = open_store(tmp_path / "history.db")
    yield opened
    opened.close()


@pytest.fixture
def server(store) -> Iterator[Server]:
    pytest.importorskip("uvicorn", reason="uvicorn is not installed: pip install 'anabranch[ui]'")
    made = Server(store)
    thread = Thread(target=made.serve, name="the page's server")
    thread.start()
    yield made
    made.stop()
    thread.join(60)


@pytest.fixture
def window(browser, server) -> Iterator[Any]:
    """Opens a window that has been let in; at the end nothing may have been said."""
    opened = []

    def open_window(theme: str = "light") -> Window:
        context = browser.new_context(color_scheme=theme, viewport={"width": 1280, "height": 900})
        made = Window(context.new_page(), server)
        opened.append((made, context))
        made.goto(server.address)
        return made

    yield open_window
    for made, context in opened:
        context.close()
        assert made.said == []


def census(store, packages, factor=2):
    source = CENSUS.replace("FACTOR", str(factor))
    with Builder().with_modules(module_from_source(source)).with_tracking(store, name="census").build() as driver:
        return driver.run(["census"], {"packages": packages}).run_id


def evil(store, limit=9, **options):
    flow = module_from_functions(number, square, total, said)
    with Builder().with_modules(flow).with_tracking(store, name=EVIL).build() as driver:
        try:
            return driver.run(["total", "said"], {"limit": limit, "word": EVIL}, **options).run_id
        except ValueError:
            return store.runs()[0]["run_id"]


# -- what it shows -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_runs_are_listed_filtered_and_found(store, window, theme):
    census(store, 5)
    evil(store)
    page = window(theme)
    assert page.url == f"http://127.0.0.1:{page.server.port}/"
    assert page.texts("tbody .state") == ["failed", "finished"]
    page.get_by_label("Status").select_option("finished")
    page.get_by_role("button", name="Show").click()
    assert page.texts("tbody .state") == ["finished"]
    page.get_by_label("Search").fill("nothing is called so")
    page.keyboard.press("Enter")
    page.wait_for_selector("text=No run is like that.")
    page.wait_for_load_state("load")  # or its colours may not be there
    dark = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert dark == ("rgb(18, 22, 27)" if theme == "dark" else "rgb(255, 255, 255)")


def test_a_run_has_its_parts(store, window):
    run_id = census(store, 6)
    page = window()
    page.get_by_role("link", name=run_id[:8]).click()
    assert page.texts("h1")[0].startswith("census")
    assert page.texts(".state") == ["finished"]
    assert page.locator("svg.chart").count() == 2
    assert "package" in page.texts(".fans th")[0]
    assert page.texts("section.value h3")[0] == "census pandas.DataFrame 6 × 2"
    assert page.texts("section.value tbody th")[:2] == ["package", "functions"]
    page.get_by_text("First rows").click()
    assert "20" in page.texts("section.value details td")
    assert "version" in page.texts("section.value")[-1]


def test_a_run_can_be_watched(store, window):
    met, go = Event(), Event()

    def hold(number: int) -> int:
        if number == 30:
            met.set()
            assert go.wait(100)
        return number

    def held(hold: Collect[int]) -> int:
        return len(hold)

    flow = module_from_functions(number, hold, held)
    with Builder().with_modules(flow).with_tracking(store, name="slow").build() as driver:
        handle = driver.submit(["held"], {"limit": 60})
        assert met.wait(60)
        try:
            page = window()
            for _ in range(100):  # what is noted is written in groups
                page.go(f"/runs/{handle.run_id}")
                page.wait_for_selector(".state.running")
                if page.texts("section.value h3") and page.locator("progress").count():
                    break
                page.wait_for_timeout(200)
            assert page.texts("section.value h3")[0].startswith("limit")
        finally:
            go.set()
        handle.result(60)
        page.wait_for_selector(".state.finished")
        page.wait_for_selector("#results-head")
    assert page.texts("section.value .text")[0] == "60"


def test_a_failed_run_says_why(store, window):
    run_id = evil(store)
    page = window()
    page.go(f"/runs/{run_id}")
    assert page.texts(".state") == ["failed"]
    assert page.texts("#failures-head") == ["Failures"]
    assert EVIL in page.texts("details .message")[0]
    assert "in square" in page.texts("details pre")[0]
    assert "item 7 of number" in page.texts("details summary")[0]


def test_two_runs_are_compared(store, window):
    first, second = census(store, 5), census(store, 7, factor=3)
    page = window()
    for box in page.locator("tbody input").all():
        box.check()
    page.get_by_role("button", name="Compare").click()
    assert page.texts("thead code")[:2] == [first[:8], second[:8]]
    differing = page.texts(".differs > th")
    assert {"packages", "census"} <= set(differing)
    assert any("function" in text and "changed" in text for text in page.texts("details summary"))
    assert [text.strip() for text in page.texts(".diff .gone")] == ["-    return source_file * 2"]
    assert [text.strip() for text in page.texts(".diff .new")] == ["+    return source_file * 3"]


def test_functions_have_lineage_and_code(store, window):
    census(store, 3)
    census(store, 3, factor=5)
    page = window()
    page.get_by_role("link", name="Functions").click()
    assert page.texts("tbody th") == ["census", "functions", "package", "per_package", "source_file"]
    page.get_by_role("link", name="per_package").click()
    rows = dict(zip(page.texts("main > table th"), page.texts("main > table td"), strict=True))
    assert rows["for each"] == "package"
    assert rows["reads"] == "collects functions"
    assert rows["read by"] == "census"
    assert rows["made of"] == "functions, source_file, package, packages"
    page.go("/node?name=functions")
    assert page.locator("section pre").first.inner_text().strip().endswith("* 5")
    page.get_by_text("What changed since").click()
    assert page.locator(".diff .gone").inner_text().strip() == "-    return source_file * 2"


def test_all_of_it_can_be_done_by_keyboard(store, window):
    run_id = census(store, 3)
    page = window()
    seen = []
    for _ in range(12):
        page.keyboard.press("Tab")
        seen.append(page.evaluate("document.activeElement.textContent.trim() || document.activeElement.getAttribute('aria-label') || document.activeElement.name"))
        if seen[-1] == "Search":
            break
    assert seen[:4] == ["Skip to the content", "anabranch", "Runs", "Functions"]
    assert seen[4] == "text"
    page.locator("th button", has_text="took").focus()
    page.keyboard.press("Enter")
    assert page.locator("th[aria-sort]").count() == 1
    page.get_by_role("link", name=run_id[:8]).focus()
    page.keyboard.press("Enter")
    page.wait_for_selector("#timeline-head")


# -- hostile text ------------------------------------------------------------------------------------------------------


def test_hostile_text_is_shown_as_text_everywhere(store, window):
    failed, kept = evil(store), evil(store, on_error="skip")
    page = window()
    for path in ("/", f"/runs/{failed}", f"/runs/{kept}", f"/runs/{kept}/live", f"/compare?first={failed}&second={kept}", "/nodes", "/node?name=square"):
        page.go(path)
        body = page.locator("body").inner_text()
        assert "<script>alert(1)</script>" in body, path
        assert page.locator("img").count() == 0
        assert "49" not in page.title()
    page.go("/?text=%3Cscript%3Ealert(3)%3C/script%3E&state=%22%3E%3Cimg%20src=x%3E&page=x")
    assert page.get_by_label("Search").input_value() == "<script>alert(3)</script>"
    assert page.locator("img").count() == 0


@pytest.mark.parametrize("path", ["/runs/nobody", "/compare?first=x&second=y", "/compare?run=a", "/node?name=<b>", "/no/such", "/static/x"])
def test_what_is_not_there_says_so(store, window, path):
    census(store, 2)
    page = window()
    page.go(path)
    assert page.texts("h1") == ["Nothing here"]
    assert [line for line in page.said if "404" in line] == page.said
    page.said.clear()


# -- who may ask -------------------------------------------------------------------------------------------------------


def asked(server, path="/", method="GET", **headers):
    connection = HTTPConnection("127.0.0.1", server.port, timeout=60)
    try:
        connection.putrequest(method, path, skip_host=True)
        for name, value in {"Host": f"127.0.0.1:{server.port}", **headers}.items():
            connection.putheader(name.replace("_", "-"), value)
        connection.endheaders()
        answer = connection.getresponse()
        return answer.status, dict(answer.getheaders()), answer.read().decode()
    finally:
        connection.close()


def test_the_token_is_good_once(server):
    path = server.address.partition(f":{server.port}")[2]
    assert asked(server)[0] == asked(server, "/?token=wrong")[0] == asked(server, "/?token=")[0] == 403
    status, headers, _ = asked(server, path)
    assert status == 303
    assert headers["location"] == "/"
    cookie = headers["set-cookie"]
    assert "HttpOnly" in cookie and "SameSite=Strict" in cookie
    assert asked(server, path)[0] == 403
    session = cookie.partition(";")[0]
    assert asked(server, Cookie=session)[0] == 200
    assert asked(server, Cookie=session[:-1] + "x")[0] == 403
    assert asked(server, Cookie="a=b; " + session)[0] == 200
    assert asked(server, Cookie="\x00;;==\xff")[0] in {400, 403}


@pytest.fixture
def session(server):
    _, headers, _ = asked(server, server.address.partition(f":{server.port}")[2])
    return headers["set-cookie"].partition(";")[0]


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1", "127.0.0.1:1", "evil.example:{port}", "127.0.0.1:{port}.evil.example", ""])
def test_a_foreign_host_is_refused(server, session, host):
    host = host.format(port=server.port)
    assert asked(server, Cookie=session, Host=host)[0] in {400, 421}


def test_its_own_names_are_not(server, session):
    assert asked(server, Cookie=session, Host=f"LOCALHOST:{server.port}")[0] == 200


@pytest.mark.parametrize("origin", ["http://evil.example", "null", "https://127.0.0.1:{port}", "http://127.0.0.1", "http://127.0.0.1:{port}.evil.example"])
def test_a_foreign_origin_is_refused(server, session, origin):
    assert asked(server, Cookie=session, Origin=origin.format(port=server.port))[0] == 403


@pytest.mark.parametrize(("site", "status"), [("cross-site", 403), ("same-site", 403), ("same-origin", 200), ("none", 200)])
def test_what_the_browser_says_of_who_asks_counts(server, session, site, status):
    assert asked(server, Cookie=session, Sec_Fetch_Site=site)[0] == status


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS", "PATCH", "TRACE"])
def test_nothing_can_be_changed(server, session, method):
    assert asked(server, Cookie=session, method=method)[0] == 405


def test_every_answer_has_its_headers(server, session):
    for path, cookie in (("/", session), ("/no/such", session), ("/static/ui.js", session), ("/", "")):
        _, headers, _ = asked(server, path, Cookie=cookie)
        assert "script-src 'self';" in headers["content-security-policy"]
        assert "frame-ancestors 'none'" in headers["content-security-policy"]
        assert "unsafe" not in headers["content-security-policy"]
        assert headers["cache-control"] == "no-store"
        assert headers["x-content-type-options"] == "nosniff"
        assert "access-control-allow-origin" not in headers
        assert "server" not in headers


def test_it_listens_on_this_machine_only(server):
    assert server.socket.getsockname()[0] == "127.0.0.1"


def test_another_page_cannot_read_it(browser, server, store, tmp_path):
    """From a page of another origin, in a browser that has been let in."""
    context = browser.new_context()
    page = context.new_page()
    page.goto(server.address)
    other = tmp_path / "other.html"
    other.write_text("<p>another page</p>")
    page.goto(other.as_uri())
    address = f"http://127.0.0.1:{server.port}/"
    said = page.evaluate(
        "address => fetch(address, {credentials: 'include'}).then(answer => answer.text(), error => 'refused: ' + error)", address
    )
    assert said.startswith("refused")
    framed = page.evaluate(
        """address => new Promise(done => {
            const frame = document.createElement('iframe');
            frame.onload = () => { try { done(frame.contentDocument.body.innerText) } catch (error) { done('refused') } };
            frame.src = address; document.body.append(frame);
        })""",
        address,
    )
    assert framed in {"refused", ""}
    context.close()
