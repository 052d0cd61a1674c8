"""An executor of one's own: every call runs in a fresh Python that some command starts.

    CommandExecutor()                                                    a new interpreter on this machine
    CommandExecutor(["ssh", "node7", "python3"])                         one over there, with anabranch installed
    CommandExecutor(["docker", "run", "--rm", "-i", "image", "python3"])

It is slow, for each call starts an interpreter and brings all that it needs along. What it shows is the whole seam: `traits`,
`lease`, `submit`, one reply for each call, and an end that leaves nothing behind.
"""

import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from subprocess import PIPE, Popen

from anabranch import TransferError
from anabranch.executor import Call, CallFailed, CallLost, Message, Reply, Shared, Traits
from anabranch.transport import Reach, by_value, dump_code, dumps, loads, unpack, unsent

WORKER = """
import os, sys
from anabranch import TransferError
from anabranch.transport import dumps, loads, portable_outcome
from anabranch.work import perform
answer = open(os.dup(1), "wb")
os.dup2(2, 1)  # what functions print must not get between
code, layout, values = loads(sys.stdin.buffer.read())
code = loads(code)
try:
    head, frames = portable_outcome(perform(code, layout, values, f"process {os.getpid()}"), code, layout)
except TransferError as error:
    head, frames = error, []
answer.write(dumps((head, [bytes(frame) for frame in frames])))
"""


class CommandExecutor:
    """`command` starts a Python that takes `-c`; `workers` of them run at the same time."""

    def __init__(self, command: Sequence[str] = (sys.executable,), workers: int = 2) -> None:
        self.command = [*command, "-c", WORKER]
        self.traits = Traits(slots=workers, credit=workers, can_kill=True)

    @contextmanager
    def lease(self) -> Iterator["CommandLease"]:
        """Nothing is started before there is a call."""
        lease = CommandLease(self.command, self.traits.slots)
        try:
            yield lease
        finally:
            lease.leave()

    def close(self) -> None:
        """Nothing outlives a lease."""


class CommandLease:
    """One run's calls, each waited for by a thread."""

    def __init__(self, command: list[str], workers: int) -> None:
        self.command = command
        self.running: set[Popen[bytes]] = set()
        self.left = False
        self.threads = ThreadPoolExecutor(workers, thread_name_prefix="anabranch-command")

    def submit(self, call: Call, reply: Reply) -> None:
        """Returns at once; the reply comes from one of the threads."""
        self.threads.submit(lambda: reply(self.run(call)))

    def forget(self, keys: list[int]) -> None:
        """Nothing is kept anywhere."""

    def leave(self) -> None:
        """Kills what runs; no reply comes after it has returned."""
        self.left = True
        for process in list(self.running):
            process.kill()
        self.threads.shutdown(cancel_futures=True)

    def run(self, call: Call) -> Message:
        """Everything a call needs goes in at once, and everything that comes of it comes out at once."""
        values = tuple(value.value if isinstance(value, Shared) else value for value in call.values)
        try:
            code = dump_code(call.code, Reach.INSTALLED)
            with by_value(Reach.INSTALLED):  # the user's own modules may be out of the worker's reach
                parcel = dumps((code, call.layout, values))
        except TransferError as error:
            return CallFailed(call.id, error)
        except Exception:
            return CallFailed(call.id, unsent(call))
        with Popen(self.command, stdin=PIPE, stdout=PIPE) as process:
            self.running.add(process)
            if self.left:
                process.kill()
            answer, _ = process.communicate(parcel)
            self.running.discard(process)
        if process.returncode:
            return CallLost(call.id, f"exit code {process.returncode}", f"process {process.pid}")
        head, frames = loads(answer)
        return CallFailed(call.id, head) if isinstance(head, TransferError) else replace(head, outputs=unpack(frames))
