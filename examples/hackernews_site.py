"""A small web site in the place of Hacker News, on this machine's loopback: the same addresses, made-up stories.

    python examples/hackernews_site.py          # prints its address and serves until Ctrl-C

=============================  =====================================================================================
``/v0/topstories.json``        the numbers of the stories
``/v0/item/NUMBER.json``       one story; ``null`` if it was deleted; now and then a 503 first, as busy sites have it
``/signups.json``              who signed up, and when
=============================  =====================================================================================
"""

import json
import random
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

STORIES = 120
NUMBERS = range(9001, 9001 + STORIES)
DELETED = {9004, 9077}
BUSY = set(NUMBERS[::11])
"""Stories that answer 503 when they are asked for first."""

SUBJECTS = ["Rust", "Python", "SQLite", "Postgres", "Linux", "a compiler", "a database", "our startup", "WebAssembly", "Git"]
VERBS = ["rewriting", "debugging", "scaling", "learning", "replacing", "profiling", "shipping", "breaking"]
ENDINGS = ["in a weekend", "after ten years", "without tears", "the hard way", "on a laptop", "for fun", "at scale"]
PREFIXES = ["Show HN", "Ask HN", "Why I stopped", "A guide to", "Notes on", "The cost of"]


def story(number: int) -> dict[str, Any] | None:
    """The story of that number, the same at every call; None if it was deleted."""
    if number in DELETED:
        return None
    chance = random.Random(number)  # noqa: S311  nothing secret
    title = f"{chance.choice(PREFIXES)}: {chance.choice(VERBS)} {chance.choice(SUBJECTS)} {chance.choice(ENDINGS)}"
    if number == NUMBERS[20]:
        title = f"<b>{title}</b>"  # nobody should send markup, and somebody does
    facts = {"id": number, "type": "story", "by": f"user{chance.randrange(40)}", "score": chance.randrange(1, 900)}
    return {**facts, "title": title, "url": f"https://example.com/{number}"}


def signups() -> list[dict[str, str]]:
    """Who signed up, in no order."""
    chance = random.Random(7)  # noqa: S311
    days = [
        f"2024-{chance.randrange(1, 13):02}-{chance.randrange(1, 29):02}T{chance.randrange(24):02}:00:00" for _ in range(200)
    ]
    countries = ["DE", "IN", "NG", "BR", "JP"]
    return [
        {"email": f"reader{n}@example.com", "country": chance.choice(countries), "registered_at": day}
        for n, day in enumerate(days)
    ]


class Site(ThreadingHTTPServer):
    """Serves the pages; remembers how often each was asked for.

    Attributes:
        asked: how often, by path.
        busy: how often a story answers 503 at first, by number.
        held: stories that answer only when somebody lets them.
    """

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Page)
        self.asked: dict[str, int] = {}
        self.busy = dict.fromkeys(BUSY, 1)
        self.held: dict[int, threading.Event] = {}
        self.lock = threading.Lock()

    @property
    def address(self) -> str:
        """Where it can be asked."""
        return f"http://127.0.0.1:{self.server_port}"

    def page(self, path: str) -> tuple[int, Any]:
        """The status and the content of a page."""
        with self.lock:
            times = self.asked[path] = self.asked.get(path, 0) + 1
        if path == "/v0/topstories.json":
            return 200, list(NUMBERS)
        if path == "/signups.json":
            return 200, signups()
        number = int("".join(filter(str.isdigit, path.removeprefix("/v0/item/"))) or 0)
        if number not in NUMBERS:
            return 404, None
        if number in self.held:
            self.held[number].wait(60)
        return (503, None) if times <= self.busy.get(number, 0) else (200, story(number))


class Page(BaseHTTPRequestHandler):
    """Answers one request."""

    server: Site

    def do_GET(self) -> None:
        """Sends the page as JSON."""
        status, content = self.server.page(self.path)
        body = json.dumps(content).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Says nothing."""


@contextmanager
def serving() -> Iterator[Site]:
    """A site that is there while the context is."""
    with Site() as site:
        thread = threading.Thread(target=site.serve_forever, kwargs={"poll_interval": 0.05}, name="site", daemon=True)
        thread.start()
        try:
            yield site
        finally:
            site.shutdown()
            thread.join()


@cache
def stand_in() -> str:
    """The address of a site that is there until this process ends."""
    site = Site()
    threading.Thread(target=site.serve_forever, name="site", daemon=True).start()
    return site.address


if __name__ == "__main__":
    with Site() as own:
        print(own.address, flush=True)
        with suppress(KeyboardInterrupt):
            own.serve_forever()
