"""A socket on this machine, and the server behind it.

Theory: the socket listens before anything is said, so that the address that is printed is one that answers; port 0 takes one
that is free. It is bound to 127.0.0.1 and to nothing else, whatever the caller's network looks like.
"""

from __future__ import annotations

import secrets
import socket
from typing import Any

from anabranch.errors import InputError
from anabranch.history.store import Store
from anabranch.libraries import library
from anabranch.ui.app import make_app
from anabranch.ui.gate import Gate

__all__ = ["Page"]

HOST = "127.0.0.1"


class Page:
    """The page of a store, served on this machine.

    Args:
        store: what is shown.
        port: where; 0 takes a port that is free.

    Raises:
        InputError: the port is taken, or a library is not installed.
    """

    def __init__(self, store: Store, port: int = 0) -> None:
        app = make_app(store)
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            self.socket.bind((HOST, port))
            self.socket.listen(128)
        except OSError as error:
            self.socket.close()
            raise InputError(f"port {port} of {HOST} cannot be used: {error.strerror}; take another with --port") from error
        self.port = int(self.socket.getsockname()[1])
        token = secrets.token_urlsafe(32)
        self.address = f"http://{HOST}:{self.port}/?token={token}"
        uvicorn = library("uvicorn", "anabranch ui")
        gate: Any = Gate(app, [f"{HOST}:{self.port}", f"localhost:{self.port}"], token)
        config = uvicorn.Config(gate, log_level="warning", access_log=False, server_header=False, ws="none", lifespan="off")
        self._server = uvicorn.Server(config)

    def serve(self) -> None:
        """Answers until `stop`, or a signal, says that it is enough."""
        try:
            self._server.run(sockets=[self.socket])
        finally:
            self.socket.close()

    def stop(self) -> None:
        """Has `serve` return; from any thread."""
        self._server.should_exit = True
