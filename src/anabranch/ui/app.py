"""Addresses, and what answers them: a store is asked, a template is filled. Nothing here is kept between two requests.

| address | shows |
| --- | --- |
| ``/`` | runs, by ``state``, ``text`` and ``page`` |
| ``/runs/{id}`` | a run; ``/runs/{id}/live`` the part of it that changes while it goes on |
| ``/compare?first=…&second=…`` | two runs |
| ``/nodes``, ``/node?name=…`` | the catalogue, and one function |
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from anabranch.draw.page import resource
from anabranch.errors import InputError, StoreError
from anabranch.history.store import Store
from anabranch.libraries import library
from anabranch.ui.compared import compared_page
from anabranch.ui.nodes import node_page, nodes_page
from anabranch.ui.run import live_part, run_page
from anabranch.ui.runs import runs_page

__all__ = ["make_app"]

REPORT = "anabranch.see.report"
STATIC: Mapping[str, tuple[str, tuple[tuple[str, str], ...]]] = {
    "ui.css": ("text/css", ((REPORT, "report.css"), ("anabranch.ui.static", "ui.css"))),
    "ui.js": ("text/javascript", ((REPORT, "report.js"), ("anabranch.ui.static", "ui.js"))),
}
"""Files that pages ask for, each put together of others: what runs and reports look like is said once."""


def make_app(store: Store) -> Any:
    """The application; to be put behind a `Gate`.

    Raises:
        InputError: starlette or jinja2 is not installed.
    """
    routing = library("starlette.routing", "anabranch ui")
    pages = _Pages(store)
    routes = [
        routing.Route("/", pages.answering("runs.html", lambda request: runs_page(store, request.query_params))),
        routing.Route("/runs/{run_id}", pages.answering("run.html", lambda request: run_page(store, _id(request)))),
        routing.Route("/runs/{run_id}/live", pages.answering("live.html", lambda request: live_part(store, _id(request)))),
        routing.Route("/compare", pages.answering("compare.html", lambda request: compared_page(store, *_two(request)))),
        routing.Route("/nodes", pages.answering("nodes.html", lambda request: nodes_page(store, request.query_params))),
        routing.Route("/node", pages.answering("node.html", lambda request: node_page(store, _name(request)))),
        routing.Route("/static/{name}", pages.static),
        routing.Route("/favicon.ico", pages.no_icon),
    ]
    application = library("starlette.applications", "anabranch ui")
    return application.Starlette(routes=routes, exception_handlers={404: pages.nothing, 500: pages.nothing})


def _id(request: Any) -> str:
    return str(request.path_params["run_id"])


def _name(request: Any) -> str:
    return str(request.query_params.get("name", ""))


def _two(request: Any) -> tuple[str, str]:
    """The runs that are to be compared: the two that are chosen, or `first` and `second`."""
    chosen = request.query_params.getlist("run")
    if len(chosen) == 2:
        return chosen[1], chosen[0]  # the list has the newer one first
    if chosen:
        raise InputError(f"two runs are compared, not {len(chosen)}; choose two in the list")
    return request.query_params.get("first", ""), request.query_params.get("second", "")


class _Pages:
    """Templates, and how they become answers."""

    def __init__(self, store: Store) -> None:
        jinja = library("jinja2", "anabranch ui")
        self.responses = library("starlette.responses", "anabranch ui")
        self.store = store
        self.environment = jinja.Environment(
            loader=jinja.PackageLoader("anabranch.ui", "templates"),
            autoescape=True,
            undefined=jinja.StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )

    def answering(self, template: str, ask: Callable[[Any], dict[str, Any]]) -> Callable[[Any], Any]:
        """What answers an address: asks for the facts and fills a template; what is not there is told."""

        def answer(request: Any) -> Any:
            try:
                facts = ask(request)
            except InputError as error:
                return self.told(404, str(error))
            except StoreError as error:
                return self.told(503, str(error))
            return self.filled(template, 200, facts)

        return answer

    def filled(self, template: str, status: int, facts: Mapping[str, Any]) -> Any:
        """A template as an answer."""
        text = self.environment.get_template(template).render(facts)
        return self.responses.HTMLResponse(text, status)

    def told(self, status: int, message: str) -> Any:
        """A page with one message."""
        return self.filled("message.html", status, {"message": message})

    def static(self, request: Any) -> Any:
        """A file that pages ask for."""
        kind, parts = STATIC.get(request.path_params["name"], ("", ()))
        if not parts:
            return self.told(404, "there is no such file")
        text = "\n".join(resource(name, package) for package, name in parts)
        return self.responses.Response(text, media_type=kind)

    def no_icon(self, request: Any) -> Any:
        """Browsers ask for one."""
        return self.responses.Response(status_code=204)

    def nothing(self, request: Any, error: Any) -> Any:
        """What answers where there is nothing, or something went wrong that nobody thought of."""
        status = getattr(error, "status_code", 500)
        return self.told(status, "there is no such page" if status == 404 else f"{type(error).__name__}; see the server's log")
