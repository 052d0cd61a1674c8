"""Who may ask: the person who started the server, with a browser of theirs, from a page of the server's own.

Theory: what listens on this machine can be asked by every program on it, and by every page that its users open. Four things
stand before that.

* **A token**, 256 bits, printed where the server was started. It is good once: who comes with it gets a cookie in exchange,
  and the token is void. The cookie goes to no script and with no request that another site began.
* **The host**: a page whose name was made to lead here (DNS rebinding) asks for its own name, and is refused.
* **The origin**: a request that says it comes from another page is refused, and so is one of which the browser says so.
* **No change**: only GET and HEAD.

Every answer says that it may run no script but the server's own, be shown in no frame, and be kept by nobody.
"""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Awaitable, Callable, Iterable
from http.cookies import CookieError, SimpleCookie
from typing import Any, Final
from urllib.parse import parse_qs

__all__ = ["COOKIE", "HEADERS", "Gate", "policy_of"]

Scope = dict[str, Any]
Receive = Callable[[], Awaitable[Any]]
Send = Callable[[Any], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

COOKIE: Final = "anabranch"


def policy_of(script: str = "'self'", style: str = "'self'") -> str:
    """A content security policy of this server's pages."""
    kept = "img-src 'self' data:; connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    return f"default-src 'none'; script-src {script}; style-src {style}; {kept}"


HEADERS: Final = {
    "content-security-policy": policy_of(),
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "cache-control": "no-store",
}


class Gate:
    """Lets through to an application what may ask it.

    Args:
        app: what answers.
        hosts: the names and ports under which the server is reached, ``127.0.0.1:8000``.
        token: what opens the gate, once.
    """

    def __init__(self, app: App, hosts: Iterable[str], token: str) -> None:
        self.app = app
        self.hosts = frozenset(hosts)
        self._token: str | None = token
        self._session = secrets.token_urlsafe(32)
        self._cookie = f"{COOKIE}-{min(self.hosts).rpartition(':')[2]}"  # cookies do not tell ports apart

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers one request, or has it answered."""
        if scope["type"] != "http":
            if scope["type"] == "lifespan":
                await self.app(scope, receive, send)
            return
        headers = _headers(scope)
        refused = self._refused(scope, headers)
        if refused is not None:
            await _answer(send, *refused)
        elif self._is_let_in(headers):
            await self.app(scope, receive, _with_headers(send))
        elif self._takes(scope):
            cookie = f"{self._cookie}={self._session}; HttpOnly; SameSite=Strict; Path=/"
            await _answer(send, 303, "", {"location": scope["path"] or "/", "set-cookie": cookie})
        else:
            await _answer(send, 403, "Open the address that 'anabranch ui' has printed. It is good once.")

    def _refused(self, scope: Scope, headers: dict[str, list[str]]) -> tuple[int, str] | None:
        """Why a request is refused, whoever makes it."""
        hosts, origins = headers.get("host", []), headers.get("origin", [])
        if len(hosts) != 1 or hosts[0].lower() not in self.hosts:
            return 421, "This server answers under its own name only."
        if any(origin.lower() not in {f"http://{host}" for host in self.hosts} for origin in origins):
            return 403, "Another page has asked for this."
        if any(site not in {"same-origin", "none"} for site in headers.get("sec-fetch-site", [])):
            return 403, "Another page has asked for this."
        if scope["method"] not in {"GET", "HEAD"}:
            return 405, "This server only shows things."
        return None

    def _is_let_in(self, headers: dict[str, list[str]]) -> bool:
        for text in headers.get("cookie", []):
            cookies: SimpleCookie = SimpleCookie()
            try:
                cookies.load(text)
            except CookieError:
                continue
            found = cookies.get(self._cookie)
            if found is not None and hmac.compare_digest(found.value.encode(), self._session.encode()):
                return True
        return False

    def _takes(self, scope: Scope) -> bool:
        """Whether the request brings the token, which is void from then on."""
        given = parse_qs(scope["query_string"].decode("latin-1")).get("token", [""])[0]
        if self._token is None or not hmac.compare_digest(given.encode(), self._token.encode()):
            return False
        self._token = None
        return True


def _headers(scope: Scope) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for name, value in scope["headers"]:
        found.setdefault(name.decode("latin-1").lower(), []).append(value.decode("latin-1"))
    return found


def _with_headers(send: Send) -> Send:
    """What is sent, with the headers that every answer has, unless it has its own."""

    async def sending(message: Any) -> None:
        if message["type"] == "http.response.start":
            there = {name.lower() for name, _ in message["headers"]}
            more = [(name.encode(), value.encode()) for name, value in HEADERS.items() if name.encode() not in there]
            message = {**message, "headers": [*message["headers"], *more]}
        await send(message)

    return sending


async def _answer(send: Send, status: int, text: str, more: dict[str, str] | None = None) -> None:
    body = text.encode()
    headers = {**HEADERS, "content-type": "text/plain; charset=utf-8", "content-length": str(len(body)), **(more or {})}
    raw = [(name.encode(), value.encode()) for name, value in headers.items()]
    await send({"type": "http.response.start", "status": status, "headers": raw})
    await send({"type": "http.response.body", "body": body})
