"""A folder for what an engine writes on this machine, which goes with the process that has made it, however that ends.

Theory: who is killed tidies nothing up, so somebody else has to. A shell waits at a pipe of which only this process has the
other end; the kernel closes that when the process ends, and the shell removes the folder, for as long as something is still
being written there by others that are ending too. An engine's processes that were being started at that moment may not notice
that nobody wants them any more: those that after a second still have a file of the folder open are killed, where there is
`/proc`. (Their environment would not tell: some engines write their title over it.)

This module never knows which engine there is.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import weakref
from contextlib import suppress

__all__ = ["Scratch"]

JANITOR = """\
trap '' INT TERM HUP
read -r closed
n=0
while [ $n -lt 100 ]; do
    n=$((n + 1))
    if [ -e "$1" ]; then
        rm -rf -- "$1" 2>/dev/null
    elif [ $n -gt 2 ]; then
        [ -z "$closed" ] || exit
        left=$(find /proc/[0-9]*/fd -lname "$1/*" 2>/dev/null | cut -d/ -f3 | sort -u)
        [ -n "$left" ] || exit
        [ $n -lt 10 ] || kill -KILL $left 2>/dev/null
    fi
    sleep 0.1
done
"""
"""Reads a line if the folder is closed, and none if its process has ended without doing so."""

LONGEST = 40
"""Characters that the folder's path may have: there will be sockets in it, whose paths are limited."""

PATIENCE = 15
"""Seconds to wait for the folder to be gone."""


class Scratch:
    """The folder at `path`."""

    def __init__(self) -> None:
        place = tempfile.gettempdir()
        if len(place) > LONGEST - len("/ab-12345678") and os.path.isdir("/tmp"):  # noqa: S108  the shortest there is
            place = "/tmp"  # noqa: S108
        self.path = tempfile.mkdtemp(prefix="ab-", dir=place)
        self.close = weakref.finalize(self, _removed, self.path, _janitor(self.path))
        """Removes it."""

def _janitor(path: str) -> subprocess.Popen[bytes] | None:
    """Who removes it when this process has ended; None where there is no shell."""
    try:
        line = ["/bin/sh", "-c", JANITOR, "anabranch", path]
        nowhere = subprocess.DEVNULL
        return subprocess.Popen(line, stdin=subprocess.PIPE, stdout=nowhere, stderr=nowhere, start_new_session=True, cwd="/")
    except OSError:
        return None


def _removed(path: str, janitor: subprocess.Popen[bytes] | None) -> None:
    shutil.rmtree(path, ignore_errors=True)
    if janitor is None or janitor.stdin is None:
        return
    with suppress(OSError):
        janitor.stdin.write(b"closed\n")
        janitor.stdin.close()
    try:
        janitor.wait(PATIENCE)
    except subprocess.TimeoutExpired:
        janitor.kill()
        janitor.wait()
