"""A language model's web API in small, on this machine's loopback: so that `answers.py` can be run and tested without one.

It behaves as such services do. More than a few requests at a time are turned away (429, with the seconds to wait); some answers
are cut off in the middle; what it must not speak of it refuses (400). What it says is the passage that shares most words with
the question, so that answers can be checked.
"""

import json
import re
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

AT_A_TIME = 3
SECONDS = 0.02
FORBIDDEN = "password"


def words_of(text: str) -> set[str]:
    """The words that a text is about."""
    return set(re.findall(r"[a-z]{4,}", text.lower()))


def said(prompt: str) -> str:
    """The model's answer: JSON, as the prompt asks for."""
    question, _, rest = prompt.partition("\n")
    passages = re.findall(r"^\[(\d+)\] (.*)$", rest, re.MULTILINE)
    source, text = max(passages, key=lambda passage: (len(words_of(passage[1]) & words_of(question)), -int(passage[0])))
    return json.dumps({"answer": text, "source": int(source)})


class Model(ThreadingHTTPServer):
    """Serves completions; remembers what was asked of it."""

    daemon_threads = True
    request_queue_size = 64

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Completion)
        self.lock = threading.Lock()
        self.asked: dict[str, int] = {}
        self.busy = self.busiest = self.turned_away = 0

    @property
    def address(self) -> str:
        """Where it can be asked."""
        return f"http://127.0.0.1:{self.server_port}/v1/complete"

    def answer(self, prompt: str) -> tuple[int, dict[str, Any]]:
        """Status and content of one answer."""
        with self.lock:
            if self.busy == AT_A_TIME:
                self.turned_away += 1
                return 429, {"error": "too many requests"}
            self.busy += 1
            self.busiest = max(self.busiest, self.busy)
            times = self.asked[prompt] = self.asked.get(prompt, 0) + 1
        time.sleep(SECONDS)
        with self.lock:
            self.busy -= 1
        if FORBIDDEN in prompt.partition("\n")[0].lower():
            return 400, {"error": "this is not spoken of"}
        text = said(prompt)
        if len(prompt) % 3 == 0 and times == 1:
            text = text[: len(text) // 2]
        return 200, {"text": text, "tokens": len(prompt.split()) + len(text.split())}


class Completion(BaseHTTPRequestHandler):
    """Answers one request."""

    server: Model

    def do_POST(self) -> None:
        """Sends what the model says."""
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        status, content = self.server.answer(asked["prompt"])
        body = json.dumps(content).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        if status == 429:
            self.send_header("Retry-After", "0.05")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Says nothing."""


@contextmanager
def serving() -> Iterator[Model]:
    """A model that is there while the context is."""
    with Model() as model:
        thread = threading.Thread(target=model.serve_forever, kwargs={"poll_interval": 0.05}, name="model", daemon=True)
        thread.start()
        try:
            yield model
        finally:
            model.shutdown()
            thread.join()


@cache
def stand_in() -> str:
    """The address of a model that is there until this process ends."""
    model = Model()
    threading.Thread(target=model.serve_forever, name="model", daemon=True).start()
    return model.address
