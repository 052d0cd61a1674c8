"""Tells a channel of Slack about failures: of the first in a run at once, of the rest when the run is over.

Theory: whoever is told of ten thousand failed items by ten thousand messages reads none. Messages are sent by a thread of its
own, for the network must not hold a run up; the run's end waits for them, and for no longer than `timeout`.
"""

from __future__ import annotations

import json
import logging
from collections import Counter
from queue import SimpleQueue
from threading import Thread
from urllib.error import URLError
from urllib.request import Request, urlopen

from anabranch.errors import InputError
from anabranch.events import Event, ItemFailed, RunFinished, RunStarted
from anabranch.failure import Failure
from anabranch.lifecycle.hooked import item_name
from anabranch.see.runs import EachRun

__all__ = ["SlackNotifier"]

LENGTH = 2000
"""So many letters of an error's text are told."""


class SlackNotifier(EachRun):
    """An observer that tells a channel what failed.

    Args:
        api_key: the token of a Slack app that may write there (``chat:write``).
        channel: the channel's name or id.
        on_success: whether runs in which nothing failed are told of, too.
        base_url: where the API is.
        timeout: seconds to wait for it.

    Raises:
        InputError: the address is none of http.
    """

    def __init__(
        self,
        api_key: str,
        channel: str,
        *,
        on_success: bool = False,
        base_url: str = "https://slack.com/api/",
        timeout: float = 10.0,
    ) -> None:
        if not base_url.startswith(("https://", "http://")):
            raise InputError(f"SlackNotifier: '{base_url}' is no address of http")
        self._key = api_key
        self._channel = channel
        self._url = f"{base_url.rstrip('/')}/chat.postMessage"
        self._timeout = timeout
        super().__init__(lambda started: _Run(started, self, on_success=on_success))

    def __repr__(self) -> str:
        return f"SlackNotifier(channel={self._channel!r})"

    def send(self, text: str) -> None:
        """Writes into the channel.

        Raises:
            OSError: Slack cannot be reached, or refuses.
        """
        body = json.dumps({"channel": self._channel, "text": text}).encode()
        headers = {"Content-Type": "application/json; charset=utf-8", "Authorization": f"Bearer {self._key}"}
        request = Request(self._url, body, headers)  # noqa: S310  http was checked
        with urlopen(request, timeout=self._timeout) as response:  # noqa: S310
            answer = json.loads(response.read())
        if not answer.get("ok"):
            raise URLError(f"Slack refuses: {answer.get('error', 'no reason given')}")


class _Run:
    """What one run has to tell."""

    def __init__(self, started: RunStarted, notifier: SlackNotifier, *, on_success: bool) -> None:
        self.outputs = ", ".join(started.outputs)
        self.run_id = started.run_id
        self.notifier = notifier
        self.on_success = on_success
        self.failed: Counter[str] = Counter()
        self.messages: SimpleQueue[str | None] = SimpleQueue()
        self.thread: Thread | None = None

    def __call__(self, event: Event) -> None:
        if isinstance(event, ItemFailed):
            if not self.failed:
                self._tell(_first(event.failure, self.outputs, self.run_id))
            self.failed[event.failure.node] += 1
        elif isinstance(event, RunFinished):
            self._end(failed=event.failed)

    def _end(self, *, failed: bool) -> None:
        total = sum(self.failed.values())
        if failed:
            counts = ", ".join(f"{count} in `{node}`" for node, count in self.failed.items())
            self._tell(f"The run of {self.outputs} failed{f': {counts}' if total > 1 else ''}. (run {self.run_id})")
        elif total > 1:
            counts = ", ".join(f"{count} in `{node}`" for node, count in self.failed.items())
            self._tell(f"The run of {self.outputs} is done, but {total} items failed: {counts}. (run {self.run_id})")
        elif self.on_success and not total:
            self._tell(f"The run of {self.outputs} is done. (run {self.run_id})")
        if self.thread is not None:
            self.messages.put(None)
            self.thread.join()

    def _tell(self, text: str) -> None:
        if self.thread is None:
            self.thread = Thread(target=self._send, name="anabranch slack", daemon=True)
            self.thread.start()
        self.messages.put(text)

    def _send(self) -> None:
        while (text := self.messages.get()) is not None:
            try:
                self.notifier.send(text)
            except Exception as error:  # the network's trouble is not the run's
                logging.getLogger("anabranch").warning("Slack cannot be told: %s; the run goes on", error)
                return


def _first(failure: Failure, outputs: str, run_id: str) -> str:
    item = item_name(failure.axes, failure.item)
    error = failure.exception
    text = str(error)[:LENGTH]
    return (
        f"`{failure.node}`{f' failed for `{item}`' if item else ' failed'} in the run of {outputs}: "
        f"{type(error).__name__}: {text} (run {run_id})"
    )
