"""``anabranch ui``: serves the page until it is told to stop."""

from __future__ import annotations

import webbrowser

from anabranch.cli.ending import say
from anabranch.cli.results import Results
from anabranch.history import open_store
from anabranch.ui.server import Page

__all__ = ["show_page"]


def show_page(results: Results, history: str | None, port: int, *, open_browser: bool) -> None:
    """Says where the page is, opens it if that is wanted, and serves it."""
    store = open_store(history)
    try:
        page = Page(store, port)
        say("ui", f"runs of {store.where}; the address is good once; Ctrl-C stops it")
        results.write(lambda: results.print(page.address))
        if open_browser:
            webbrowser.open(page.address)
        page.serve()
    finally:
        store.close()
